// SPDX-License-Identifier: Apache-2.0
// Remotes that nobody configured: made from the senders that workers report, in networks that
// ask for it (`learn_remotes`), and forgotten when they fall silent.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "adit/dataplane.h"
#include "compile/compile.h"
#include "config/config.h"

namespace adit {

class RemoteLearner {
 public:
  // A network's senders by name; the configured ones are not among them.
  struct Learned {
    std::map<IpAddr, uint64_t> since_ns;  // when it was learned
  };

  // Takes over a configuration: what it no longer permits, or names itself, is forgotten.
  // To be followed by bind() with the same one once it runs.
  void configure(const Config& config);
  // `config` has to stay where it is until the next call.
  void bind(const Config& config, const CompiledIds& ids);
  // A worker met an unknown sender of a network that learns. `config` is the configured one.
  void seen(const Config& config, NetworkId network, const IpAddr& address, uint64_t now_ns);
  // Forgets who has been silent for the network's mac_aging_s.
  void tick(const CompiledIds& ids, const Dataplane& dataplane, uint64_t now_ns);

  // Whether with_learned() has changed since begin_update(); at most ten times a second.
  bool wants_update(uint64_t now_ns) const noexcept {
    return changed_ && now_ns >= next_update_ns_;
  }
  void begin_update(uint64_t now_ns) noexcept;
  // What runs has to be made again for another reason.
  void renew() noexcept { changed_ = true; }
  // It came to nothing: to be tried again.
  void fail_update() noexcept { changed_ = changed_ || updating_; }
  // The configuration with the learned remotes in it; the same one where there are none.
  std::shared_ptr<const Config> with_learned(std::shared_ptr<const Config> config) const;

  bool is_learned(const std::string& network, const IpAddr& address) const;
  uint64_t refused() const noexcept { return refused_; }

 private:
  std::map<std::string, Learned> learned_;
  std::map<NetworkId, const NetworkConfig*> networks_;  // those that learn
  bool changed_ = false;
  bool updating_ = false;  // begin_update() has taken a change
  uint64_t next_update_ns_ = 0;
  uint64_t next_tick_ns_ = 0;
  uint64_t refused_ = 0;  // beyond the limit
};

}  // namespace adit
