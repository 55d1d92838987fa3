// SPDX-License-Identifier: Apache-2.0
// Virtual services and their backends, as workers see them: what a snapshot has of them, and
// the backends' lives, which change without a new snapshot.
#pragma once

#include <atomic>
#include <cstdint>

#include "adit/addr.h"
#include "adit/ids.h"
#include "adit/zero_pages.h"

namespace adit {

// How a packet to a backend with Forwarding::kTunnel is wrapped.
enum class WrapKind : uint8_t { kIpip, kGre, kGue };

// TCP packets for a service that belong to no connection and begin none.
enum class Unmatched : uint8_t { kDrop, kReset, kSchedule };

// A new connection where a worker's table is full: refused, or instead of the oldest of those that
// give way (protocol_state.h).
enum class WhenFull : uint8_t { kRefuse, kReplaceHalfOpen };
// Whether and how backends are told the address of a client that their packets do not come from.
enum class ClientAddress : uint8_t {
  kNone,
  kToa,    // a TCP option
  kProxy,  // the header of the PROXY protocol, version 2
};

enum class Forwarding : uint8_t {
  kNat,      // destination address and port become the backend's
  kDirect,   // only the frame's destination MAC changes
  kTunnel,   // the packet is wrapped whole
  kFullNat,  // NAT, and the source becomes a local address
};

// A backend of one service, in a snapshot.
struct ServiceBackend {
  BackendId id = 0;
  uint32_t upper_connections = 0;  // of each worker; 0: no threshold
  uint32_t lower_connections = 0;  // below it the backend takes new ones again
  IpAddr address;
  uint16_t port = 0;  // host order; 0: that of the packet
  VrfId vrf = 0;      // where its address is looked up
  ServiceId service = 0;
  Forwarding forwarding = Forwarding::kNat;
};

// What control and health checks say of a backend. One word, so that a worker reads it at once.
class BackendLives {
 public:
  struct Life {
    uint16_t weight = 0;  // 0: drained, takes no new connections
    bool up = false;      // down: takes none either
    bool keeps = false;   // down: does not lose those that it has
    bool moves = false;   // drained for long enough: its UDP flows go elsewhere
    bool takes_new() const noexcept { return up && weight != 0; }
    bool ends_connections() const noexcept { return !up && !keeps; }
    // Whether it may end connections of some kind.
    bool is_plain() const noexcept { return up && !moves; }
    friend bool operator==(const Life&, const Life&) = default;
  };

  void store(BackendId id, Life life) noexcept {
    words_[id].store(
        life.weight | (life.up ? kUp : 0) | (life.keeps ? kKeeps : 0) | (life.moves ? kMoves : 0),
        std::memory_order_relaxed);
  }
  Life load(BackendId id) const noexcept {
    const uint32_t word = words_[id].load(std::memory_order_relaxed);
    return {static_cast<uint16_t>(word), (word & kUp) != 0, (word & kKeeps) != 0,
            (word & kMoves) != 0};
  }

 private:
  static constexpr uint32_t kUp = 1u << 16, kKeeps = 1u << 17, kMoves = 1u << 18;
  ZeroPages<std::atomic<uint32_t>> words_{kMaxBackends + 1};
};

// What one worker has with a backend: it writes, control reads.
struct BackendLoad {
  std::atomic<uint32_t> active = 0;    // connections in state established
  std::atomic<uint32_t> inactive = 0;  // the others
  bool overloaded = false;             // above its upper threshold, and not yet below the lower
};

}  // namespace adit
