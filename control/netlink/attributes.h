// SPDX-License-Identifier: Apache-2.0
// Attributes of netlink messages, read within the message's bounds.
#pragma once

#include <libmnl/libmnl.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "adit/addr.h"

namespace adit {

// What stands before the attributes. Null: the message is too short for it.
template <class Header>
const Header* header_of(const nlmsghdr* message) {
  if (mnl_nlmsg_get_payload_len(message) < sizeof(Header)) return nullptr;
  return static_cast<const Header*>(mnl_nlmsg_get_payload(message));
}

// An IP address of the family (AF_INET, AF_INET6). Empty: it has another length.
inline std::optional<IpAddr> address_of(const nlattr* attribute, uint8_t family) {
  const std::size_t bytes = family == AF_INET ? 4 : 16;
  if (mnl_attr_get_payload_len(attribute) != bytes) return std::nullopt;
  IpAddr address;
  address.family = family == AF_INET ? IpFamily::kV4 : IpFamily::kV6;
  std::memcpy(address.bytes.data(), mnl_attr_get_payload(attribute), bytes);
  return address;
}

// A UDP port, which is in network byte order.
inline std::optional<uint16_t> port_of(const nlattr* attribute) {
  if (mnl_attr_get_payload_len(attribute) != sizeof(uint16_t)) return std::nullopt;
  return ntohs(mnl_attr_get_u16(attribute));
}

// A number of 32 bits in the host's byte order.
inline std::optional<uint32_t> number_of(const nlattr* attribute) {
  if (mnl_attr_get_payload_len(attribute) != sizeof(uint32_t)) return std::nullopt;
  return mnl_attr_get_u32(attribute);
}

// Calls `take` with each attribute of so many bytes. False: malformed.
template <class F>
bool for_each_attribute(const char* at, std::size_t left, F take) {
  while (left >= sizeof(nlattr)) {
    const auto* attribute = reinterpret_cast<const nlattr*>(at);
    if (!mnl_attr_ok(attribute, static_cast<int>(left))) return false;
    take(attribute);
    const std::size_t step = std::min<std::size_t>(MNL_ALIGN(attribute->nla_len), left);
    at += step;
    left -= step;
  }
  return left == 0;
}

// Of a message, behind a header of so many bytes.
template <class F>
bool for_each_attribute(const nlmsghdr* message, std::size_t header, F take) {
  const std::size_t payload = mnl_nlmsg_get_payload_len(message);
  const std::size_t begin = std::min<std::size_t>(NLMSG_ALIGN(header), payload);
  const auto* at = static_cast<const char*>(mnl_nlmsg_get_payload(message));
  return for_each_attribute(at + begin, payload - begin, take);
}

// Within an attribute.
template <class F>
bool for_each_attribute(const nlattr* nest, F take) {
  return for_each_attribute(static_cast<const char*>(mnl_attr_get_payload(nest)),
                            mnl_attr_get_payload_len(nest), take);
}

}  // namespace adit
