// SPDX-License-Identifier: Apache-2.0
// Virtual services and their backends, for workers: entries of a snapshot, and the status of
// backends, which changes without a new snapshot.
#pragma once

#include <atomic>
#include <cstdint>

#include "adit/addr.h"
#include "adit/ids.h"
#include "adit/zero_pages.h"

namespace adit {

// The encapsulation of packets to backends with Forwarding::kTunnel.
enum class WrapKind : uint8_t {
  kIpip,  // RFC 2003, RFC 4213, RFC 2473
  kGre,   // RFC 2784, without options
  kGue,   // draft-ietf-intarea-gue-09 section 3, variant 0, without options
};

// What happens to TCP packets for a service that belong to no connection and begin none.
enum class Unmatched : uint8_t { kDrop, kReset, kSchedule };

// What happens to a new connection when a worker's table is full: it is refused, or replaces the
// oldest half-open connection (protocol_state.h).
enum class WhenFull : uint8_t { kRefuse, kReplaceHalfOpen };
// Whether and how backends get the client's address, which the packets they receive do not show.
enum class ClientAddress : uint8_t {
  kNone,
  kToa,    // a TCP option
  kProxy,  // the header of the PROXY protocol, version 2
};

enum class Forwarding : uint8_t {
  kNat,      // destination address and port become the backend's
  kDirect,   // only the frame's destination MAC changes
  kTunnel,   // the unchanged packet is encapsulated
  kFullNat,  // NAT, and the source becomes a local address
};

// A backend of one service, in a snapshot.
struct ServiceBackend {
  BackendId id = 0;
  uint32_t upper_connections = 0;  // of each worker; 0: no threshold
  uint32_t lower_connections = 0;  // below it the backend gets new ones again
  IpAddr address;
  uint16_t port = 0;  // host order; 0: the packet's destination port
  VrfId vrf = 0;      // where its address is looked up
  ServiceId service = 0;
  Forwarding forwarding = Forwarding::kNat;
};

// Status of a backend, from the configuration and health checks.
struct BackendStatus {
  uint16_t weight = 0;  // 0: drained, takes no new connections
  bool up = false;      // false: takes no new connections either
  bool keeps = false;   // down: keeps the connections that it has
  bool moves = false;   // drained for long enough: its UDP flows move to other backends
  // Whether new connections may go to it, its threshold apart.
  bool takes_new() const noexcept { return up && weight != 0; }
  // Whether those that it has end at their next packet.
  bool ends_connections() const noexcept { return !up && !keeps; }
  // False: connections of some kind may have to end.
  bool is_plain() const noexcept { return up && !moves; }
  friend bool operator==(const BackendStatus&, const BackendStatus&) = default;
};

// By BackendId. Each status is one atomic word, so that a worker never reads half of a change.
class BackendStatusTable {
 public:
  // Only control writes; workers read at any time.
  void store(BackendId id, BackendStatus status) noexcept {
    words_[id].store(status.weight | (status.up ? kUp : 0) | (status.keeps ? kKeeps : 0) |
                         (status.moves ? kMoves : 0),
                     std::memory_order_relaxed);
  }
  // All zero of an id that no backend has.
  BackendStatus load(BackendId id) const noexcept {
    const uint32_t word = words_[id].load(std::memory_order_relaxed);
    return {static_cast<uint16_t>(word), (word & kUp) != 0, (word & kKeeps) != 0,
            (word & kMoves) != 0};
  }

 private:
  static constexpr uint32_t kUp = 1u << 16, kKeeps = 1u << 17, kMoves = 1u << 18;
  ZeroPages<std::atomic<uint32_t>> words_{kMaxBackends + 1};
};

// A backend's connections on one worker, which writes this; control reads it.
struct BackendLoad {
  std::atomic<uint32_t> active = 0;    // connections in state established
  std::atomic<uint32_t> inactive = 0;  // the others
  bool overloaded = false;  // reached its upper threshold, and is not yet below the lower
};

}  // namespace adit
