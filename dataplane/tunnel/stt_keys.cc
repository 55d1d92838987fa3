// SPDX-License-Identifier: Apache-2.0
// `tunnels:` `stt:`, frames that are not complete yet.
#include <algorithm>

#include "tunnel/keys.h"
#include "tunnel/stt_limits.h"

namespace adit {
namespace {

enum Place : unsigned { kMemory, kPeerMemory, kTimeout };

constexpr TunnelKey kKeys[] = {
    {"reassembly_mb", 1, 1024, 8,
     "Maximum size of the packet buffers of incomplete frames, in MiB for each worker. When it is "
     "reached, the oldest frame is dropped, of the sender that holds most. At most 1024 frames are "
     "kept."},
    {"reassembly_peer_mb", 1, 1024, 2,
     "Maximum size of the packet buffers of incomplete frames from one sender, in MiB for each "
     "worker. At most 256 frames of one sender are kept."},
    {"reassembly_timeout_ms", 10, 60000, 1000,
     "Milliseconds after its first segment in which a frame has to be complete."},
};

std::string key_and_value(const TunnelDraftValues& draft, Place place) {
  return std::string(kKeys[place].name) + ": " + std::to_string(draft.values[place]);
}

TunnelKeyMistakes check(const TunnelDraftValues& draft) {
  if (!draft.is_good(kMemory) || !draft.is_good(kPeerMemory)) return {};
  if (draft.values[kPeerMemory] <= draft.values[kMemory]) return {};
  const bool written = draft.is_written(kPeerMemory);
  return {{written ? kPeerMemory : kMemory, key_and_value(draft, kPeerMemory) +
                                                (written ? "" : ", the default,") +
                                                " is more than " + key_and_value(draft, kMemory) +
                                                "; one peer can have no more than all of them"}};
}

// MiB that the buffers of one frame take at most: with less, frames in so many segments would
// never be complete.
constexpr uint32_t frame_mb(unsigned largest_mtu_bytes) {
  constexpr unsigned kBesideMtuBytes = 384;  // headroom, Ethernet, tunnel headers, rounding
  const uint64_t bytes = uint64_t{kMaxSttBuffers} * (largest_mtu_bytes + kBesideMtuBytes);
  return static_cast<uint32_t>((bytes + (1u << 20) - 1) >> 20);
}

TunnelKeyMistakes check_ports(const TunnelDraftValues& draft, const LargestPort& largest) {
  const uint32_t least = frame_mb(largest.mtu_bytes);
  TunnelKeyMistakes mistakes;
  for (const Place place : {kMemory, kPeerMemory}) {
    if (!draft.is_written(place) || !draft.is_good(place) || draft.values[place] >= least) continue;
    mistakes.push_back({place, key_and_value(draft, place) + " is less than one frame may take, " +
                                   std::to_string(least) + " MiB with the buffers for mtu_bytes: " +
                                   std::to_string(largest.mtu_bytes) + " of port '" +
                                   std::string(largest.name) + '\''});
  }
  return mistakes;
}

// One frame fits: what is configured has been checked. By default a peer has room for two, so that
// one that sends the next frame while the last is not complete loses neither, and two peers have
// theirs.
uint64_t bytes_of(const TunnelValues& values, Place place, unsigned largest_mtu_bytes) {
  uint32_t least = frame_mb(largest_mtu_bytes);
  if (values[place] == kKeys[place].fallback) least *= place == kMemory ? 4 : 2;
  return uint64_t{std::max(values[place], least)} << 20;
}

uint64_t kept_bytes(const TunnelValues& values, unsigned largest_mtu_bytes) {
  return bytes_of(values, kMemory, largest_mtu_bytes);
}

TunnelSettings compile(const TunnelValues& values, unsigned largest_mtu_bytes) {
  const uint64_t all = bytes_of(values, kMemory, largest_mtu_bytes);
  const uint64_t of_peer = bytes_of(values, kPeerMemory, largest_mtu_bytes);
  return settings_of({.max_bytes = all,
                      .max_bytes_per_peer = std::min(of_peer, all),
                      .expiry_ns = uint64_t{values[kTimeout]} * 1'000'000});
}

}  // namespace

constinit const TunnelKeys kSttKeys = {kKeys, check, check_ports, kept_bytes, compile};

}  // namespace adit
