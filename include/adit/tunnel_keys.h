// SPDX-License-Identifier: Apache-2.0
// What can be configured of a tunnel kind beside what all kinds have: keys of its own below
// `tunnels:`, and what it makes of them. The kind's file below dataplane/tunnel/ has them; it does
// without DPDK, so that a configuration can be checked anywhere.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adit/snapshot.h"

namespace adit {

// A whole number.
struct TunnelKey {
  const char* name;
  uint32_t least, most, fallback;
  const char* help;
};

inline constexpr std::size_t kMaxTunnelKeys = 4;

// Values, by place among the kind's keys.
using TunnelValues = std::array<uint32_t, kMaxTunnelKeys>;

// What a file says. `written`, `wrong`: a bit for each key.
struct TunnelDraftValues {
  TunnelValues values = {};
  uint32_t written = 0;  // else it is the default
  uint32_t wrong = 0;    // and has been complained of

  bool is_good(unsigned key) const noexcept { return (wrong >> key & 1) == 0; }
  bool is_written(unsigned key) const noexcept { return (written >> key & 1) != 0; }
};

struct TunnelKeyMistake {
  unsigned key;  // where it stands, if that is written
  std::string text;
};
using TunnelKeyMistakes = std::vector<TunnelKeyMistake>;

// The port with the largest MTU.
struct LargestPort {
  unsigned mtu_bytes = 0;
  std::string_view name = {};
};

struct TunnelKeys {
  std::span<const TunnelKey> keys;

  // --- null where there is nothing to say

  // Whether they fit together.
  TunnelKeyMistakes (*check)(const TunnelDraftValues& draft) = nullptr;
  // Whether they fit the ports.
  TunnelKeyMistakes (*check_ports)(const TunnelDraftValues& draft,
                                   const LargestPort& largest) = nullptr;
  // Bytes of packet buffers that the kind may keep, of each worker.
  uint64_t (*kept_bytes)(const TunnelValues& values, unsigned largest_mtu_bytes) = nullptr;
  // For the kind's workers.
  TunnelSettings (*compile)(const TunnelValues& values, unsigned largest_mtu_bytes) = nullptr;
};

// By tunnel_index(). A kind without keys has none in it.
const TunnelKeys& tunnel_keys(std::size_t kind) noexcept;

// Of the kind.
inline TunnelValues default_values(std::size_t kind) noexcept {
  TunnelValues values = {};
  std::size_t i = 0;
  for (const TunnelKey& key : tunnel_keys(kind).keys) values[i++] = key.fallback;
  return values;
}

}  // namespace adit
