// SPDX-License-Identifier: Apache-2.0
// Translates between the checks' namespace, where each backend has an alias (packet_way.h), and the
// wire, where packets go from an address of ours to the backend or its service's virtual address.
// On the wire a flow has a port of its own, because two backends may be one host there.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <random>
#include <span>

#include "adit/addr.h"
#include "adit/ids.h"

namespace adit {

struct IpBytes;  // ip_bytes.h

class CheckFlows {
 public:
  // The wire's end of a backend's checks.
  struct Wire {
    VrfId vrf = 0;
    IpAddr from;  // an address of ours
    IpAddr to;
  };
  // None: there is no such backend, or no address of ours in its VRF.
  using Find = std::function<std::optional<Wire>(BackendId)>;

  // Local ports of flows on the wire: above those that Linux gives to its own (32768 to 60999).
  static constexpr uint16_t kFirstPort = 61000, kLastPort = 65535;
  static constexpr size_t kMostFlows = 32768;

  explicit CheckFlows(Find find) : find_(std::move(find)) {}

  struct Outgoing {
    VrfId vrf;
    BackendId backend;
  };
  // A packet from the namespace becomes one for the wire. None: it is no check's.
  std::optional<Outgoing> send(std::span<uint8_t> packet, uint64_t now_ns);
  // A packet from the wire becomes one for the namespace. False: it is of no flow.
  bool receive(VrfId vrf, std::span<uint8_t> packet, uint64_t now_ns);

  size_t size() const noexcept { return by_inside_.size(); }

 private:
  // As the namespace has it; of ICMP the id is the source's port.
  struct Inside {
    BackendId backend = 0;
    uint8_t protocol = 0;
    bool ipv6 = false;
    uint16_t source_port = 0, destination_port = 0;
    friend auto operator<=>(const Inside&, const Inside&) = default;
  };
  // As the packets that come back have it.
  struct Outside {
    VrfId vrf = 0;
    uint8_t protocol = 0;
    uint16_t port = 0;  // ours
    uint16_t remote_port = 0;
    IpAddr remote, local;
    friend auto operator<=>(const Outside&, const Outside&) = default;
  };
  struct Flow {
    Inside inside;
    Outside outside;
    uint64_t used_ns = 0;
    bool ends = false;  // one side has closed it
  };
  using Flows = std::list<Flow>;  // of a VRF, the least recently used first

  Flows::iterator find_or_add(const Inside& inside, bool begins, uint64_t now_ns);
  Flows::iterator add(const Inside& inside, const Wire& wire, uint64_t now_ns);
  void erase(Flows::iterator flow);
  void make_room(VrfId vrf, uint64_t now_ns);
  void use(Flows::iterator flow, uint64_t now_ns);
  bool receive_error(VrfId vrf, IpBytes& packet, uint64_t now_ns);

  Find find_;
  std::map<VrfId, Flows> flows_;
  std::map<Inside, Flows::iterator> by_inside_;
  std::map<Outside, Flows::iterator> by_outside_;
  std::minstd_rand random_{std::random_device()()};
};

}  // namespace adit
