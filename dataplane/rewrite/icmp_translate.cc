// SPDX-License-Identifier: Apache-2.0
// The equivalent ICMP errors of the other IP version.
#include "packet/ip_version.h"
#include "packet/plateau.h"
#include "rewrite/translate_family.h"

namespace adit {
namespace {

constexpr uint8_t kNone = 0xff;
constexpr uint32_t kHeaderDifference = sizeof(Ipv6Header) - sizeof(Ipv4Header);

// RFC 7915 figures 4 and 6: where the field lies in the other header.
constexpr std::array<uint8_t, 20> kIpv6Pointers = {
    0, 1, 4, 4, kNone, kNone, kNone, kNone, 7, 6, kNone, kNone, 8, 8, 8, 8, 24, 24, 24, 24};
constexpr auto kIpv4Pointers = [] {
  std::array<uint8_t, 40> pointers = {0, 1, kNone, kNone, 2, 2, 9, 8};
  for (unsigned i = 8; i < 40; ++i) pointers[i] = i < 24 ? 12 : 16;
  return pointers;
}();

bool set(IcmpHeader& icmp, uint8_t type, uint8_t code, uint32_t word = 0) noexcept {
  icmp = {type, code, be16(0), be32(word)};
  return true;
}

bool unreachable_to_ipv6(IcmpHeader& icmp, uint32_t about_bytes) noexcept {
  switch (icmp.code) {
    case 0:   // network
    case 1:   // host
    case 5:   // source route failed
    case 6:   // network unknown
    case 7:   // host unknown
    case 8:   // source isolated
    case 11:  // network, for this type of service
    case 12:  // host, for this type of service
      return set(icmp, 1, 0);
    case 2:  // protocol: the pointer is to Next Header
      return set(icmp, 4, 1, 6);
    case 3:  // port
      return set(icmp, 1, 4);
    case 4: {  // fragmentation needed
      const uint32_t told = icmp.word.host() & 0xffff;
      const uint32_t mtu = told != 0 ? told : plateau_below(about_bytes);
      return set(icmp, 2, 0, std::max(mtu + kHeaderDifference, kLeastIpv6Mtu));
    }
    case 9:   // network prohibited
    case 10:  // host prohibited
    case 13:  // communication prohibited
    case 15:  // precedence cutoff
      return set(icmp, 1, 1);
    default:
      return false;
  }
}

bool to_ipv6(IcmpHeader& icmp, uint32_t about_bytes) noexcept {
  switch (icmp.type) {
    case 3:
      return unreachable_to_ipv6(icmp, about_bytes);
    case 11:
      return set(icmp, 3, icmp.code);
    case 12: {
      if (icmp.code != 0 && icmp.code != 2) return false;
      const uint32_t pointer = icmp.word.host() >> 24;
      if (pointer >= kIpv6Pointers.size() || kIpv6Pointers[pointer] == kNone) return false;
      return set(icmp, 4, 0, kIpv6Pointers[pointer]);
    }
    default:
      return false;
  }
}

bool parameter_problem_to_ipv4(IcmpHeader& icmp) noexcept {
  if (icmp.code == 1) return set(icmp, 3, 2);  // next header: protocol unreachable
  const uint32_t pointer = icmp.word.host();
  if (icmp.code != 0 || pointer >= kIpv4Pointers.size() || kIpv4Pointers[pointer] == kNone)
    return false;
  return set(icmp, 12, 0, uint32_t{kIpv4Pointers[pointer]} << 24);
}

bool to_ipv4(IcmpHeader& icmp) noexcept {
  switch (icmp.type) {
    case 1: {
      constexpr std::array<uint8_t, 5> kCodes = {1, 10, 1, 1, 3};
      return icmp.code < kCodes.size() && set(icmp, 3, kCodes[icmp.code]);
    }
    case 2: {
      const uint32_t mtu = std::min(icmp.word.host(), 0xffffu + kHeaderDifference);
      return set(icmp, 3, 4, mtu > kHeaderDifference ? mtu - kHeaderDifference : 0);
    }
    case 3:
      return set(icmp, 11, icmp.code);
    case 4:
      return parameter_problem_to_ipv4(icmp);
    default:
      return false;
  }
}

}  // namespace

bool translate_icmp_error(IcmpHeader& icmp, bool from_ipv6, uint32_t about_bytes) noexcept {
  return from_ipv6 ? to_ipv4(icmp) : to_ipv6(icmp, about_bytes);
}

}  // namespace adit
