// SPDX-License-Identifier: Apache-2.0
// GRE sequence numbers of a remote (RFC 2890).
#pragma once

#include <atomic>
#include <cstdint>

namespace adit {

struct Sequences {
  static constexpr uint32_t kSilenceS = 10;  // longer than any packet is late
  static constexpr uint32_t kOldRun = 8;

  std::atomic<uint32_t> sent = 0;        // the next one
  std::atomic<uint64_t> received = 0;    // the last one and kSeen; 0: none yet
  std::atomic<uint32_t> received_s = 0;  // when that was
  // Old numbers since then, each newer than the one before: how many, and the last of them.
  std::atomic<uint32_t> old_run = 0, old_last = 0;

  // RFC 2890 section 2.2: what is not newer than the last one is late, and to be dropped. Unless
  // the sender counts anew, after a restart: after a silence its number is believed, and so is
  // the last of some old ones that ascend while no newer one comes, which late packets do not.
  // Several workers may take in packets of one remote; what they do to each other's runs of old
  // numbers only delays the new count.
  bool accept(uint32_t number, uint32_t now_s) noexcept {
    uint64_t seen = received.load(std::memory_order_relaxed);
    do {
      if (seen != 0 && !is_newer(number, static_cast<uint32_t>(seen)) &&
          !begins_anew(number, now_s))
        return false;
    } while (!received.compare_exchange_weak(seen, number | kSeen, std::memory_order_relaxed));
    if (received_s.load(std::memory_order_relaxed) != now_s)
      received_s.store(now_s, std::memory_order_relaxed);
    if (old_run.load(std::memory_order_relaxed) != 0) old_run.store(0, std::memory_order_relaxed);
    return true;
  }

  // Writing takes memory, and most have never been used.
  void reset() noexcept {
    const auto clear = [](auto& value) {
      if (value.load() != 0) value.store(0);
    };
    clear(sent);
    clear(received);
    clear(received_s);
    clear(old_run);
  }

 private:
  static constexpr uint64_t kSeen = uint64_t{1} << 32;

  static bool is_newer(uint32_t number, uint32_t than) noexcept {
    return static_cast<int32_t>(number - than) > 0;
  }
  bool begins_anew(uint32_t number, uint32_t now_s) noexcept {
    if (now_s - received_s.load(std::memory_order_relaxed) >= kSilenceS) return true;
    const uint32_t run = old_run.load(std::memory_order_relaxed);
    const bool ascends = run != 0 && is_newer(number, old_last.load(std::memory_order_relaxed));
    old_last.store(number, std::memory_order_relaxed);
    old_run.store(ascends ? run + 1 : 1, std::memory_order_relaxed);
    return ascends && run + 1 >= kOldRun;
  }
};

}  // namespace adit
