// SPDX-License-Identifier: Apache-2.0
// The IP header of plain packets to addresses of ours: without options or fragments. What is
// checked is what ingress/underlay.h checks.
#pragma once

#include "express/lane.h"

namespace adit {

class OwnPackets {
 protected:
  explicit OwnPackets(const Snapshot& snapshot) noexcept : snapshot_(snapshot) {}

  static bool is_plain_header(const Ipv4Header& ip, const rte_mbuf* mbuf) noexcept {
    return ip.version_ihl == 0x45 && !Ipv4::is_fragment(ip) &&
           ((mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD ||
            ipv4_header_sum_ok(&ip, sizeof ip));
  }
  static bool is_plain_header(const Ipv6Header& ip, const rte_mbuf*) noexcept {
    return ip.version_class_label.host() >> 28 == 6;
  }
  static uint32_t packet_bytes(const Ipv4Header& ip) noexcept { return ip.total_length.host(); }
  static uint32_t packet_bytes(const Ipv6Header& ip) noexcept {
    return unsigned{sizeof ip} + ip.payload_length.host();
  }
  static uint8_t tos(const Ipv4Header& ip) noexcept { return ip.tos; }
  static uint8_t tos(const Ipv6Header& ip) noexcept {
    return static_cast<uint8_t>(ip.version_class_label.host() >> 20);
  }

  bool is_own(const Ipv4&, const Ipv6Key& address) const noexcept {
    return snapshot_.local_ipv4.find(address.low) != 0;
  }
  bool is_own(const Ipv6&, const Ipv6Key& address) const noexcept {
    return snapshot_.local_ipv6.find(address) != 0;
  }

  // Most packets are to the same address of ours.
  template <class Ip>
  bool is_for_us(const Ipv6Key& destination) noexcept {
    constexpr uint8_t kVersion = Ip::kIpv6 ? 6 : 4;
    if (destination == own_ && own_version_ == kVersion) [[likely]]
      return true;
    if (!is_own(Ip{}, destination)) return false;
    own_ = destination;
    own_version_ = kVersion;
    return true;
  }

  const Snapshot& snapshot_;

 private:
  // Our address, of the last one.
  Ipv6Key own_ = {};
  uint8_t own_version_ = 0;  // 0: there was none
};

}  // namespace adit
