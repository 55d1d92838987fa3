// SPDX-License-Identifier: Apache-2.0
// How it stands with what is followed in the kernel, for those who ask.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace adit {

struct KernelSource {
  std::string network_namespace;  // empty: our own
  // kWaiting: an interface is not there, or not as it should be, see `error`. kFailed: the kernel
  // cannot be asked.
  enum class State : uint8_t { kReading, kFollowing, kWaiting, kFailed } state = State::kReading;
  uint64_t rounds = 0, overruns = 0;
  std::string error;

  void wait_for(const std::string& what) {
    if (state != State::kFollowing || what.empty()) return;
    state = State::kWaiting;
    error = what;
  }
};

// `kernel_fdb` of a network.
struct FdbSource : KernelSource {
  std::string network;
  std::string interface;
  uint64_t remotes = 0, macs = 0;
  uint64_t unused = 0;    // remotes that are none of the network's
  uint64_t refused = 0;   // remotes and MACs above a limit
  uint64_t left_out = 0;  // entries that no remote of ours can be made of
  std::string announce;   // behind which interface MACs are put; empty: none are
  uint64_t announced = 0;
};

// `kernel_neighbours` of a VRF, or of the underlay.
struct NeighbourSource : KernelSource {
  std::string vrf;  // empty: the underlay
  std::vector<std::string> interfaces;
  uint64_t neighbours = 0;  // addresses
  uint64_t lasting = 0;     // of them, those that do not age
  uint64_t unused = 0;      // on no subnet of the VRF
  uint64_t refused = 0;     // above the limit
};

constexpr const char* to_string(KernelSource::State state) noexcept {
  switch (state) {
    case KernelSource::State::kReading:
      return "reading";
    case KernelSource::State::kFollowing:
      return "following";
    case KernelSource::State::kWaiting:
      return "waiting";
    case KernelSource::State::kFailed:
      return "failed";
  }
  return "";
}

}  // namespace adit
