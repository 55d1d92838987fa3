// SPDX-License-Identifier: Apache-2.0
#include "config/values.h"

#include <algorithm>
#include <array>
#include <utility>

#include "config/address_meant.h"

namespace adit {
namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool all_of(std::string_view text, bool (*predicate)(char)) {
  return std::all_of(text.begin(), text.end(), predicate);
}

template <class T>
Parsed<T> wrong(std::string complaint) {
  return {std::nullopt, std::move(complaint)};
}

template <class T>
Parsed<T> right(T value) {
  return {std::move(value), {}};
}

// [hhhh..]hhhh:bb:dd.f with the device number below 32 and the function below 8.
bool is_pci_address(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon < 4 || colon > 8) return false;
  const std::string_view rest = text.substr(colon + 1);
  return all_of(text.substr(0, colon), is_hex) && rest.size() == 7 && is_hex(rest[0]) &&
         is_hex(rest[1]) && rest[2] == ':' && (rest[3] == '0' || rest[3] == '1') &&
         is_hex(rest[4]) && rest[5] == '.' && rest[6] >= '0' && rest[6] <= '7';
}

Parsed<Device> parse_interface(DeviceKind kind, std::string_view name) {
  const auto allowed = [](char c) {
    return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-';
  };
  if (name.empty()) return wrong<Device>("expected an interface name after the colon");
  if (name.size() > kMaxInterfaceNameLen)
    return wrong<Device>("but an interface name has at most 15 characters, this one has " +
                         std::to_string(name.size()));
  // ',' and '=' separate DPDK's device arguments; the kernel refuses '/', ':' and blanks.
  if (!all_of(name, allowed) || !(is_letter(name[0]) || is_digit(name[0]) || name[0] == '_'))
    return wrong<Device>(
        "expected an interface name of letters, digits, '_', '.' and '-', that begins with a "
        "letter, a digit or '_'");
  return right(Device{kind, std::string(name)});
}

Parsed<Device> parse_vdev(std::string_view text) {
  const auto allowed = [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; };
  const auto printable = [](char c) { return c > ' ' && c < 0x7f; };
  const std::string_view name = text.substr(0, text.find(','));
  if (name.empty() || name.size() > kMaxVdevNameLen || !is_letter(name[0]) ||
      !all_of(name, allowed) || !all_of(text, printable))
    return wrong<Device>(
        "expected a DPDK device after 'vdev:', its name and then its arguments without blanks, "
        "such as vdev:net_pcap0,rx_pcap=in.pcap");
  return right(Device{DeviceKind::kVdev, std::string(text)});
}

std::string why_no_host_v6(const IpAddr& ip) {
  const auto starts_with = [&ip](std::initializer_list<uint8_t> bytes) {
    return std::equal(bytes.begin(), bytes.end(), ip.bytes.begin());
  };
  if (starts_with({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}))
    return "which is the loopback address";
  if (starts_with({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}))
    return "which is an IPv4-compatible address, which is deprecated (write the IPv4 address)";
  if (starts_with({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}))
    return "which is an IPv4-mapped address (write the IPv4 address)";
  if (ip.bytes[0] == 0xfe && (ip.bytes[1] & 0xc0) == 0x80)
    return "which is link-local, so tunnels cannot use it";
  return {};
}

// What is wrong with an address that no host can have; empty if nothing.
std::string why_no_host(const IpAddr& ip) {
  if (ip.is_multicast()) return "which is a multicast address";
  if (ip.is_unspecified()) return "which is the unspecified address";
  if (!ip.is_v4()) return why_no_host_v6(ip);
  if (ip.bytes[0] == 0) return "which is in 0.0.0.0/8, which no host can have";
  if (ip.bytes[0] == 127) return "which is a loopback address";
  if (ip.as_v4().host() == 0xffff'ffff) return "which is the broadcast address";
  if (ip.bytes[0] >= 240) return "which is in 240.0.0.0/4, which is reserved";
  return {};
}

// ADDRESS/LENGTH without a look at what the address is.
Parsed<IpPrefix> parse_prefix(std::string_view text, unsigned min_length,
                              const std::string& example) {
  const size_t slash = text.find('/');
  const auto ip = parse_ip(text.substr(0, slash));
  if (!ip || slash == std::string_view::npos)
    return wrong<IpPrefix>("expected an IP address and a prefix length, such as " + example +
                           prefix_meant(text));
  const auto length = parse_decimal(text.substr(slash + 1), min_length, ip->width_bits());
  if (!length.value)
    return wrong<IpPrefix>("expected a prefix length from " + std::to_string(min_length) + " to " +
                           std::to_string(ip->width_bits()) + ", such as " + example +
                           prefix_meant(text));
  return right(IpPrefix{*ip, static_cast<uint8_t>(*length.value)});
}

}  // namespace

Parsed<uint64_t> parse_decimal(std::string_view text, uint64_t min, uint64_t max) {
  if (text.empty() || !all_of(text, is_digit)) {
    const bool negative = text.size() > 1 && text[0] == '-' && all_of(text.substr(1), is_digit);
    return wrong<uint64_t>(negative ? std::string("which is below the range")
                                    : std::string(kNoDecimal));
  }
  // YAML readers do not agree on 010: octal for some, decimal for others.
  if (text.size() > 1 && text[0] == '0') {
    const size_t nonzero = std::min(text.find_first_not_of('0'), text.size() - 1);
    return wrong<uint64_t>("which has a leading zero (write " +
                           std::string(text.substr(nonzero, 20)) + ")");
  }
  uint64_t value = 0;
  for (char c : text)
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, static_cast<uint64_t>(c - '0'), &value))
      return wrong<uint64_t>("which is above the range");
  if (value < min) return wrong<uint64_t>("which is below the range");
  if (value > max) return wrong<uint64_t>("which is above the range");
  return right(value);
}

Parsed<std::string> parse_name(std::string_view text) {
  const auto allowed = [](char c) {
    return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-';
  };
  if (text.empty() || text.size() > kMaxNameLen || !is_letter(text[0]) || !all_of(text, allowed))
    return wrong<std::string>(
        "expected a name of 1 to 32 letters, digits, '_', '.' and '-', that begins with a letter");
  return right(std::string(text));
}

Parsed<std::string> parse_namespace(std::string_view text) {
  const auto allowed = [](char c) { return c > ' ' && c < 0x7f && c != '/'; };
  if (text.empty() || text.size() > 255 || !(is_letter(text[0]) || text[0] == '_') ||
      !all_of(text, allowed))
    return wrong<std::string>(
        "expected the name of a network namespace as in 'ip netns', which begins with a letter or "
        "'_' and has no '/' and spaces");
  return right(std::string(text));
}

Parsed<std::string> parse_interface_name(std::string_view text) {
  const auto parsed = parse_interface(DeviceKind::kTap, text);
  // A number in the file would be taken for one by others who read it.
  if (parsed.value && !is_digit(text[0])) return right(std::string(text));
  return wrong<std::string>("expected the name of an interface of the host, such as eth0");
}

Parsed<std::string> parse_socket_path(std::string_view text) {
  const auto printable = [](char c) { return c >= ' ' && c != 0x7f; };
  if (text.size() < 2 || text[0] != '/' || text.back() == '/' || !all_of(text, printable))
    return wrong<std::string>(
        "expected the absolute path of a socket, such as /run/adit/adit.sock");
  if (text.size() > kMaxSocketPathLen)
    return wrong<std::string>("but a socket's path has at most 107 bytes, this one has " +
                              std::to_string(text.size()));
  return right(std::string(text));
}

Parsed<std::string> parse_account(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (text.empty() || text.size() > kMaxNameLen || !all_of(text, allowed) || text[0] == '-' ||
      (text[0] >= '0' && text[0] <= '9'))
    return wrong<std::string>("expected the name of an account of the host, such as nobody");
  return right(std::string(text));
}

Parsed<Device> parse_device(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, DeviceKind>, 3> kInterfaceForms = {{
      {"tap:", DeviceKind::kTap},
      {"af_packet:", DeviceKind::kAfPacket},
      {"af_xdp:", DeviceKind::kAfXdp},
  }};
  for (const auto& [prefix, kind] : kInterfaceForms)
    if (text.starts_with(prefix)) return parse_interface(kind, text.substr(prefix.size()));
  if (text.starts_with("vdev:")) return parse_vdev(text.substr(5));
  if (is_pci_address(text)) {
    Device device{DeviceKind::kPci, std::string(text)};
    for (char& c : device.argument)
      if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    return right(std::move(device));
  }
  const std::string with_domain = "0000:" + std::string(text.substr(0, 16));
  if (is_pci_address(with_domain))
    return wrong<Device>("but a PCI address begins with its domain: write " + with_domain);
  return wrong<Device>(
      "expected a PCI address such as 0000:01:00.0, tap:NAME, af_packet:INTERFACE, "
      "af_xdp:INTERFACE or vdev:DPDK-DEVICE");
}

Parsed<MacAddr> parse_station_mac(std::string_view text) {
  const auto mac = parse_mac(text);
  if (!mac)
    return wrong<MacAddr>("expected a MAC address such as 02:00:00:00:00:01" + mac_meant(text));
  if (mac->is_group())
    return wrong<MacAddr>(
        "which is a group address; expected the address of one station, with an even first octet");
  if (mac->is_zero())
    return wrong<MacAddr>("which is not a station's address; expected one that is not zero");
  return right(*mac);
}

Parsed<IpAddr> parse_host_address(std::string_view text) {
  const auto ip = parse_ip(text);
  if (!ip) {
    const bool prefix = text.find('/') != std::string_view::npos;
    return wrong<IpAddr>(std::string("expected an IP address ") +
                         (prefix ? "without prefix length, " : "") +
                         "such as 192.0.2.1 or 2001:db8::1" + address_meant(text));
  }
  const std::string why = why_no_host(*ip);
  if (!why.empty()) return wrong<IpAddr>(why + "; expected the address of one host");
  return right(*ip);
}

Parsed<IpPrefix> parse_host_prefix(std::string_view text) {
  auto prefix = parse_prefix(text, 1, "192.0.2.1/24 or 2001:db8::1/64");
  if (!prefix.value) return prefix;
  const std::string why = why_no_host(prefix.value->address);
  if (!why.empty()) return wrong<IpPrefix>(why + "; expected the address of one host");
  return prefix;
}

Parsed<IpPrefix> parse_route_prefix(std::string_view text) {
  auto prefix = parse_prefix(text, 0, "198.51.100.0/24 or 2001:db8:1::/48");
  if (!prefix.value) return prefix;
  const IpAddr& address = prefix.value->address;
  if (address.is_multicast() || (address.is_v4() && address.bytes[0] == 127))
    return wrong<IpPrefix>(why_no_host(address) + "; expected a subnet of hosts");
  return prefix;
}

std::string to_string(const Device& device) {
  switch (device.kind) {
    case DeviceKind::kPci:
      return device.argument;
    case DeviceKind::kTap:
      return "tap:" + device.argument;
    case DeviceKind::kAfPacket:
      return "af_packet:" + device.argument;
    case DeviceKind::kAfXdp:
      return "af_xdp:" + device.argument;
    case DeviceKind::kVdev:
      return "vdev:" + device.argument;
    case DeviceKind::kBond:
      return "bond";
  }
  return {};
}

}  // namespace adit
