// SPDX-License-Identifier: Apache-2.0
// Remotes beside those of the file. Learned ones are made from senders that workers report, in
// networks with `learn_remotes`, and forgotten when they have been silent. Told ones are those of
// the kernel, in networks with `kernel_fdb`, until it says that they go.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "adit/dataplane.h"
#include "compile/compile.h"
#include "compile/remotes.h"
#include "compile/routing.h"
#include "config/config.h"

namespace adit {

class RemoteLearner {
 public:
  struct Known {
    uint64_t heard_ns = 0;  // when it was learned, or last found to have spoken
    bool is_told = false;
  };
  // A network's; the configured ones are not among them.
  struct Learned {
    std::map<IpAddr, Known> all;
    uint32_t told = 0;  // of them
    void erase(std::map<IpAddr, Known>::iterator place) {
      told -= place->second.is_told;
      all.erase(place);
    }
  };
  struct Remote {
    const NetworkConfig* network;
    IpAddr address;
  };
  struct Gone {
    const NetworkConfig* network;
    std::vector<IpAddr> addresses;
  };

  // Takes over a configuration: what it no longer permits, or names itself, is forgotten.
  // To be followed by bind() with the same one once it runs.
  void configure(const Config& config);
  // `config` has to stay where it is until the next call.
  void bind(const Config& config, const CompiledIds& ids);
  // A worker met an unknown sender of a network that learns. `routing`: of the configuration.
  void seen(const Config& config, const Routing& routing, NetworkId network, const IpAddr& address,
            uint64_t now_ns);
  // False: the network has as many as may be told.
  bool tell(const Config& config, const Routing& routing, NetworkId network, const IpAddr& address,
            uint64_t now_ns);
  // Where senders are learned it stays, as one of them.
  void untell(NetworkId network, const IpAddr& address, uint64_t now_ns);
  // Those that came since the last time.
  std::vector<Remote> take_fresh();
  // One for whom there is no place at all.
  void refuse(const Remote& remote);
  // Those that are told no longer. Forgets who has been silent for the network's mac_aging_s as
  // well; some of them in each turn.
  std::vector<Gone> take_gone(const CompiledIds& ids, const Dataplane& dataplane, uint64_t now_ns);

  // Whether what runs has to be compiled anew; at most ten times a second.
  bool wants_update(uint64_t now_ns) const noexcept {
    return changed_ && now_ns >= next_update_ns_;
  }
  void begin_update(uint64_t now_ns) noexcept;
  // What runs has to be made again for another reason.
  void renew() noexcept { changed_ = true; }
  // It came to nothing: to be tried again.
  void fail_update() noexcept { changed_ = changed_ || updating_; }
  LearnedRemotes remotes() const;
  // Null where the network has none.
  const Learned* of(const std::string& network) const;
  uint64_t refused() const noexcept { return refused_; }

 private:
  static bool add(Learned& to, const NetworkConfig& network, const IpAddr& address,
                  const Known& known);
  void look_for_silent(const CompiledIds& ids, const Dataplane& dataplane, uint64_t now_ns);

  std::map<std::string, Learned> learned_;
  std::map<NetworkId, const NetworkConfig*> networks_;  // those to which remotes come
  std::map<NetworkId, std::unordered_set<IpAddr, IpHash>> configured_;  // their remotes in the file
  std::vector<std::pair<NetworkId, IpAddr>> fresh_;
  std::deque<std::pair<NetworkId, IpAddr>> silent_;  // to be looked at again, and forgotten
  std::deque<std::pair<NetworkId, IpAddr>> untold_;  // to be taken away
  NetworkId looked_at_ = 0;                          // for silent ones, in this round
  uint64_t next_round_ns_ = 0;
  bool changed_ = false;
  bool updating_ = false;  // begin_update() has taken a change
  uint64_t next_update_ns_ = 0;
  uint64_t refused_ = 0;  // beyond the limit
};

}  // namespace adit
