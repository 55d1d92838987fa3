// SPDX-License-Identifier: Apache-2.0
// The world of the scenarios that balance: clients behind a router, a virtual service, and its
// backends on a subnet of their own. Written apart from the pipeline's own code, so that it can
// also say what must come out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cases.h"
#include "config/config.h"
#include "frames.h"

namespace adit::bench {

inline constexpr unsigned kBackends = 64;
inline constexpr unsigned kLocals = 64;  // full NAT's own addresses

class ServiceWorld {
 public:
  explicit ServiceWorld(const Case& the_case)
      : form_(*the_case.scenario->service), size_(the_case.size), peers_(the_case.flows) {}

  // Of a frame outside any tunnel, with a header of TCP and without VLAN tag and FCS.
  uint16_t least_bytes() const noexcept { return static_cast<uint16_t>(form_.ipv6 ? 74 : 54); }
  // What comes out for a frame to a backend is longer by so much.
  unsigned wrapping_bytes() const noexcept {
    if (form_.forwarding != Forwarding::kTunnel) return 0;
    return form_.ipv6 ? 40 : 20;
  }

  // `flags`: of TCP. `bytes`: of the frame. The sequence number is the flow's, so that it can be
  // told whose packet it was whatever was translated.
  FrameHead from_client(uint32_t flow, uint8_t flags, uint16_t bytes) const noexcept;
  // The flow has a backend.
  FrameHead from_backend(uint32_t flow, uint8_t flags, uint16_t bytes) const noexcept;

  // Looks at a frame of `bytes` that came out, of which `head` has as much as is looked at, or all:
  // head_bytes_to_backend(), or least_bytes() of one to a client. The first one of a flow says
  // which backend it has, and which local end. Empty: all is right.
  std::string examine_to_backend(const uint8_t* head, uint8_t flags, uint32_t bytes);
  std::string examine_to_client(const uint8_t* head, uint8_t flags, uint32_t bytes) const;
  unsigned head_bytes_to_backend() const noexcept { return least_bytes() + wrapping_bytes(); }

  // How many flows have a backend, and how many backends have a flow.
  uint32_t flows_placed() const noexcept;
  unsigned backends_used() const noexcept;

  Config config(uint32_t connections) const;

 private:
  static constexpr uint8_t kNone = UINT8_MAX;
  // What the gateway chose for a flow.
  struct Peer {
    uint8_t backend = kNone, local = 0;
    be16 local_port = be16(0);
  };
  struct Packet {
    MacAddr source_mac, destination_mac;
    IpAddr source, destination;
    uint16_t source_port = 0, destination_port = 0;
    uint8_t ttl = kTtl;
  };

  IpAddr address(uint32_t v4, uint16_t v6_subnet, uint32_t host) const noexcept;
  IpAddr client(uint32_t flow) const noexcept;
  IpAddr service() const noexcept;
  IpAddr backend(unsigned number) const noexcept;
  IpAddr local(unsigned number) const noexcept;
  IpAddr own(bool at_clients) const noexcept;
  IpAddr router() const noexcept;
  bool translates() const noexcept {
    return form_.forwarding == Forwarding::kNat || form_.forwarding == Forwarding::kFullNat;
  }
  uint16_t backend_port() const noexcept;
  unsigned ip_bytes() const noexcept { return form_.ipv6 ? 40 : 20; }
  FrameHead frame(const Packet& packet, uint32_t flow, uint8_t flags,
                  uint16_t bytes) const noexcept;
  void append_packet(FrameHead& head, const Packet& packet, uint32_t flow, uint8_t flags,
                     uint16_t bytes) const noexcept;
  FrameHead to_backend(uint32_t flow, uint8_t flags, uint16_t bytes) const noexcept;
  FrameHead to_client(uint32_t flow, uint8_t flags, uint16_t bytes) const noexcept;
  Peer peer_in(const uint8_t* head) const noexcept;

  const ServiceForm form_;
  const FrameSize size_;
  std::vector<Peer> peers_;  // by flow
};

}  // namespace adit::bench
