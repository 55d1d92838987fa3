// SPDX-License-Identifier: Apache-2.0
// The kernel as a source of neighbours: which VRFs follow which of its interfaces, by
// `kernel_neighbours` of the configuration.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "netlink/kernel_space.h"
#include "netlink/neighbour_table.h"
#include "running/control_plane.h"
#include "running/kernel_source.h"

namespace adit {

class KernelNeighbours {
 public:
  explicit KernelNeighbours(ControlPlane& control) : control_(control) {}

  // What control runs now. To be called after every change of it; see KernelSpace::follow().
  void configure(uint64_t now_ns);
  // To be called about every millisecond.
  void tick(uint64_t now_ns);
  // The underlay first, then in the configuration's order.
  std::vector<NeighbourSource> sources() const;

 private:
  struct Followed {
    Followed(ControlPlane& control, const std::string& vrf) : table(control, vrf) {}
    NeighbourTable table;
    std::string complaint;  // that was logged last
    std::string counts;     // likewise
  };
  // One network namespace.
  struct Source : InterfaceFollower<NeighbourMessage>::Sink {
    explicit Source(const std::string& name) : space(name, "kernel_neighbours", *this) {}
    void begin_round() override;
    void entry(const LinkMessage& link, const NeighbourMessage& message, bool is_change) override;
    void end_round() override;
    std::string complaint_about(const NeighbourTable& table) const;

    KernelSpace<NeighbourMessage> space;
    std::map<std::string, Followed> vrfs;  // by name
    uint64_t now_ns = 0;
  };

  ControlPlane& control_;
  std::map<std::string, std::unique_ptr<Source>> sources_;  // by network namespace
  uint64_t retry_ns_ = 0;
};

}  // namespace adit
