// SPDX-License-Identifier: Apache-2.0
// What interfaces of the kernel have of one VRF's neighbours, and what control is told of that.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "netlink/neighbour_message.h"
#include "running/control_plane.h"

namespace adit {

class NeighbourTable {
 public:
  // `vrf`: its name; empty: the underlay.
  NeighbourTable(ControlPlane& control, std::string vrf)
      : control_(control), vrf_(std::move(vrf)) {}

  // What control runs now. True: it is to be read anew, and what was known is forgotten.
  bool configure(const KernelNeighboursConfig& config, uint64_t now_ns);
  // All that was told is taken back.
  void forget(uint64_t now_ns);

  // A round has all entries; what it does not have is gone at its end.
  void begin_round();
  void take(const LinkMessage& link, const NeighbourMessage& message, uint64_t now_ns);
  void end_round(uint64_t now_ns);
  // Whether there is room now for what was refused: it takes another round.
  bool wants_round() const noexcept { return refused_ != 0 && entries_.size() < config_.limit; }

  const KernelNeighboursConfig& config() const noexcept { return config_; }
  uint64_t neighbours() const noexcept { return told_.size(); }
  uint64_t lasting() const noexcept { return lasting_; }
  // Above the limit, since the last round began.
  uint64_t refused() const noexcept { return refused_; }
  uint64_t unused() const;

 private:
  // Of one address on several interfaces, that of the first comes after those that last.
  using Name = std::pair<IpAddr, uint32_t>;  // and the interface's number

  void remove(Name name, uint64_t now_ns);
  void tell(const IpAddr& address, uint64_t now_ns);

  ControlPlane& control_;
  std::string vrf_;
  KernelNeighboursConfig config_;
  std::set<std::string> interfaces_;
  std::map<Name, ToldNeighbour> entries_;
  std::set<Name> heard_;  // of entries_, in this round
  std::map<IpAddr, ToldNeighbour> told_;
  uint64_t lasting_ = 0, refused_ = 0;
};

}  // namespace adit
