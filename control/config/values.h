// SPDX-License-Identifier: Apache-2.0
// The text forms of single values of the configuration. Pure; each says what would be right.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adit/addr.h"
#include "config/config.h"

namespace adit {

// A value, or why there is none: "expected ..." or a sentence with the remedy.
template <class T>
struct Parsed {
  std::optional<T> value;
  std::string complaint;
};

inline constexpr size_t kMaxNameLen = 32;
inline constexpr size_t kMaxInterfaceNameLen = 15;  // IFNAMSIZ - 1
inline constexpr size_t kMaxSocketPathLen = 107;    // sockaddr_un
inline constexpr size_t kMaxVdevNameLen = 63;       // RTE_ETH_NAME_MAX_LEN - 1

// The complaint about what is no number at all.
inline constexpr std::string_view kNoDecimal = "which is not a decimal number";
// Plain decimal only. The complaint does not name the range: the caller knows it.
Parsed<uint64_t> parse_decimal(std::string_view text, uint64_t min, uint64_t max);

// The name of a port or network: [A-Za-z][A-Za-z0-9_.-]{0,31}
Parsed<std::string> parse_name(std::string_view text);
// The name of a network namespace of `ip netns`.
Parsed<std::string> parse_namespace(std::string_view text);
// Of a network interface of the kernel.
Parsed<std::string> parse_interface_name(std::string_view text);
// An absolute path that fits a socket's address.
Parsed<std::string> parse_socket_path(std::string_view text);
// The name of an account of the host (useradd(8)): [a-z_][a-z0-9_-]{0,31}
inline constexpr char kAccount[] = "the name of an account of the host";
// Whether the account exists is not looked up.
Parsed<std::string> parse_account(std::string_view text);
// One of the forms of `device:`; a PCI address comes out in lower case.
Parsed<Device> parse_device(std::string_view text);
// A MAC address that one station can have: not a group address, not zero.
Parsed<MacAddr> parse_station_mac(std::string_view text);
// An IPv4 or IPv6 address that one host can have.
Parsed<IpAddr> parse_host_address(std::string_view text);
// The same with the length of its subnet, 1..32 or 1..128; the host bits are kept.
Parsed<IpPrefix> parse_host_prefix(std::string_view text);
// Where a route leads: ADDRESS/LENGTH, from 0 on. Host bits are for the caller to look at.
Parsed<IpPrefix> parse_route_prefix(std::string_view text);

// As written in the file.
std::string to_string(const Device& device);

}  // namespace adit
