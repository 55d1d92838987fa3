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

  // Most packets are to the same address of ours.
  template <class Ip>
  bool is_for_us(const Ipv6Key& destination) noexcept {
    if constexpr (Ip::kIpv6) {
      if (has_own_ipv6_ && destination == own_ipv6_) [[likely]]
        return true;
      if (snapshot_.local_ipv6.find(destination) == 0) return false;
      own_ipv6_ = destination;
      has_own_ipv6_ = true;
    } else {
      if (destination.low == own_ipv4_) [[likely]]
        return true;
      if (snapshot_.local_ipv4.find(destination.low) == 0) return false;
      own_ipv4_ = destination.low;
    }
    return true;
  }

  const Snapshot& snapshot_;

 private:
  // Our addresses, of the last ones.
  uint64_t own_ipv4_ = UINT64_MAX;  // as Ipv6Key::low; no address: there was none
  Ipv6Key own_ipv6_ = {};
  bool has_own_ipv6_ = false;
};

}  // namespace adit
