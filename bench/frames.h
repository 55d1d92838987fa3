// SPDX-License-Identifier: Apache-2.0
// The world that the bench plays: hosts, networks, remotes, and the heads of their frames.
// Written apart from the pipeline's own code, so that it can also say what must come out.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "adit/addr.h"
#include "adit/wire.h"
#include "cases.h"

namespace adit::bench {

inline constexpr uint32_t kFirstVni = 10'000;
inline constexpr uint32_t kUnknownVni = 5;
inline constexpr uint8_t kTtl = 64;
inline constexpr unsigned kRemotes = 64;  // VTEPs in all; each network has some of them
inline constexpr unsigned kInnerHeadBytes = 14 + 20 + 8;
inline constexpr unsigned kVlanTagBytes = 4;

inline constexpr MacAddr kAccessMac = MacAddr::from_u64(0x02'00'00'00'00'01);
inline constexpr MacAddr kUplinkMac = MacAddr::from_u64(0x02'00'00'00'00'02);
inline constexpr MacAddr kOtherAccessMac = MacAddr::from_u64(0x02'00'00'00'00'03);

// Where tunnels carry IP: the VRF's gateway address, its router on the access side, and what
// is behind the router or the tunnel.
inline constexpr MacAddr kRouterMac = MacAddr::from_u64(0x02'00'00'00'00'04);
inline constexpr const char* kGatewaySubnet = "10.255.255.1";
inline constexpr const char* kRouterIp = "10.255.255.2";

// The first bytes of a frame: everything up to the inner UDP header.
class FrameHead {
 public:
  template <class Header>
  void append(const Header& header) noexcept {
    static_assert(alignof(Header) == 1);
    std::memcpy(&bytes_[size_], &header, sizeof header);
    size_ += unsigned{sizeof header};
  }
  uint8_t* data() noexcept { return bytes_.data(); }
  const uint8_t* data() const noexcept { return bytes_.data(); }
  unsigned size() const noexcept { return size_; }

 private:
  // The longest has the outer headers and no tag inside.
  std::array<uint8_t, kMostHeaderBytes + kInnerHeadBytes> bytes_;
  unsigned size_ = 0;
};

// Headers with all their fields; no options, no flow label.
Ipv4Header ipv4_header(be32 from, be32 to, uint16_t total_length, uint16_t flags, uint8_t protocol,
                       uint8_t ttl = kTtl) noexcept;
Ipv6Header ipv6_header(const IpAddr& from, const IpAddr& to, uint16_t payload_length,
                       uint8_t protocol, uint8_t ttl = kTtl) noexcept;

// Where a frame is not what it should be; empty: nowhere.
std::string first_difference(const uint8_t* found, const FrameHead& right);

// Plain arithmetic over a case; flows are numbered from 0.
class World {
 public:
  explicit World(const Case& the_case) : case_(the_case) {}

  uint32_t network_of(uint32_t flow) const noexcept { return flow % case_.networks; }
  // The flow's remote, among those of its network.
  unsigned remote_of(uint32_t flow) const noexcept {
    return case_.tunnel->is_routed() ? 0 : flow / case_.networks % case_.scenario->remotes;
  }
  // The VTEP that a network's remote is; a network has neighbours among all VTEPs.
  unsigned vtep_of(uint32_t network, unsigned remote) const noexcept {
    return (network * case_.scenario->remotes + remote) % kRemotes;
  }
  static uint32_t vni_of(uint32_t network) noexcept { return kFirstVni + network; }
  // 0: untagged. One network needs no tags.
  uint16_t vlan_of(uint32_t network) const noexcept {
    return case_.networks == 1 ? uint16_t{0} : static_cast<uint16_t>(network + 1);
  }
  unsigned tag_bytes() const noexcept { return case_.networks == 1 ? 0 : kVlanTagBytes; }

  static MacAddr source_mac(uint32_t flow) noexcept;
  MacAddr destination_mac(uint32_t flow) const noexcept;
  static MacAddr vtep_mac(unsigned vtep) noexcept;
  IpAddr vtep_ip(unsigned vtep) const noexcept;
  IpAddr own_ip() const noexcept;
  // Of a frame to a remote: the VTEP that it is for.
  unsigned vtep_in(const uint8_t* frame) const noexcept;

  // `bytes`: of the inner frame.
  FrameHead access_frame(uint32_t flow, uint16_t bytes) const noexcept;
  FrameHead tunnel_from(unsigned vtep, uint32_t flow, uint16_t bytes) const noexcept;
  FrameHead tunnel_to(unsigned vtep, uint32_t flow, uint16_t bytes) const noexcept;

  // For a head of STT, with its entropy and lengths; the payload is zero, which adds nothing.
  void set_tcp_checksum(FrameHead& head) const noexcept;

  // The flow to which a head belongs whose inner frame begins at `inner`.
  static uint32_t flow_of(const uint8_t* inner) noexcept;

 private:
  void append_inner(FrameHead& head, uint32_t flow, uint16_t bytes, uint16_t vlan) const noexcept;
  // `bytes`: of the Ethernet frame around it.
  void append_packet(FrameHead& head, uint32_t flow, uint16_t bytes, uint8_t ttl) const noexcept;

  const Case& case_;
};

}  // namespace adit::bench
