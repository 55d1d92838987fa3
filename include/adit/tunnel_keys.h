// SPDX-License-Identifier: Apache-2.0
// Configuration keys that only one tunnel kind has, below `tunnels:`, and functions that check and
// compile them. They are in the kind's file below dataplane/tunnel/, which does not use DPDK, so
// that a configuration can be checked anywhere.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adit/snapshot.h"

namespace adit {

// A key whose value is an integer.
struct TunnelKey {
  const char* name;
  uint32_t least, most, fallback;
  const char* help;
};

inline constexpr std::size_t kMaxTunnelKeys = 4;

// Values, by index of the kind's keys.
using TunnelValues = std::array<uint32_t, kMaxTunnelKeys>;

// Values in a file. `written`, `wrong`: one bit for each key.
struct TunnelDraftValues {
  TunnelValues values = {};
  uint32_t written = 0;  // clear: the value is the default
  uint32_t wrong = 0;    // already reported as a mistake

  bool is_good(unsigned key) const noexcept { return (wrong >> key & 1) == 0; }
  bool is_written(unsigned key) const noexcept { return (written >> key & 1) != 0; }
};

struct TunnelKeyMistake {
  unsigned key;  // index of the key that the mistake is about
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

  // --- null: nothing to do

  // Checks the keys against each other.
  TunnelKeyMistakes (*check)(const TunnelDraftValues& draft) = nullptr;
  // Checks the keys against the ports.
  TunnelKeyMistakes (*check_ports)(const TunnelDraftValues& draft,
                                   const LargestPort& largest) = nullptr;
  // The most bytes of packet buffers that the kind keeps, for each worker.
  uint64_t (*kept_bytes)(const TunnelValues& values, unsigned largest_mtu_bytes) = nullptr;
  // Computes the settings for workers.
  TunnelSettings (*compile)(const TunnelValues& values, unsigned largest_mtu_bytes) = nullptr;
};

// Keys of a kind, by tunnel_index(); empty: it has none of its own.
const TunnelKeys& tunnel_keys(std::size_t kind) noexcept;

// Defaults of the kind's keys.
inline TunnelValues default_values(std::size_t kind) noexcept {
  TunnelValues values = {};
  std::size_t i = 0;
  for (const TunnelKey& key : tunnel_keys(kind).keys) values[i++] = key.fallback;
  return values;
}

}  // namespace adit
