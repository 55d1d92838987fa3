// SPDX-License-Identifier: Apache-2.0
// How it stands with a network that follows an interface of the kernel (`kernel_fdb`), for those
// who ask.
#pragma once

#include <cstdint>
#include <string>

namespace adit {

struct FdbSource {
  std::string network;
  std::string interface;
  std::string network_namespace;  // empty: our own
  // kWaiting: the interface is not there, or not as it should be, see `error`. kFailed: the kernel
  // cannot be asked.
  enum class State : uint8_t { kReading, kFollowing, kWaiting, kFailed } state = State::kReading;
  uint64_t remotes = 0, macs = 0;
  uint64_t unused = 0;    // remotes that are none of the network's
  uint64_t refused = 0;   // remotes and MACs above a limit
  uint64_t left_out = 0;  // entries that no remote of ours can be made of
  uint64_t rounds = 0, overruns = 0;
  std::string error;
};

constexpr const char* to_string(FdbSource::State state) noexcept {
  switch (state) {
    case FdbSource::State::kReading:
      return "reading";
    case FdbSource::State::kFollowing:
      return "following";
    case FdbSource::State::kWaiting:
      return "waiting";
    case FdbSource::State::kFailed:
      return "failed";
  }
  return "";
}

}  // namespace adit
