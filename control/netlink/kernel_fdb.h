// SPDX-License-Identifier: Apache-2.0
// The kernel as a source of remotes and MAC addresses: which networks follow which of its VXLAN
// interfaces, by `kernel_fdb` of the configuration.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "netlink/fdb_follower.h"
#include "netlink/fdb_table.h"
#include "running/control_plane.h"
#include "running/fdb_source.h"

namespace adit {

class KernelFdb {
 public:
  explicit KernelFdb(ControlPlane& control) : control_(control) {}

  // What control runs now. To be called after every change of it. It opens sockets in network
  // namespaces, which takes CAP_SYS_ADMIN; one that is open stays so, as it may not be opened
  // again.
  void configure(uint64_t now_ns);
  // To be called about every millisecond.
  void tick(uint64_t now_ns);
  // In the configuration's order.
  std::vector<FdbSource> sources() const;

 private:
  struct Followed {
    explicit Followed(ControlPlane& control) : table(control) {}
    FdbTable table;
    std::string complaint;  // that was logged last
    std::string counts;     // likewise
  };
  // One network namespace.
  struct Source : FdbFollower::Sink {
    void begin_round() override;
    void entry(const LinkMessage& link, const FdbMessage& message, bool is_change) override;
    void end_round() override;
    std::string complaint_about(const FdbTable& table, uint16_t port) const;

    std::unique_ptr<FdbFollower> follower;     // null: it could not be opened
    std::map<std::string, Followed> networks;  // by name
    // The same by what an interface is called, and the VNI.
    std::map<std::pair<std::string, uint32_t>, FdbTable*> tables;
    std::string why;        // it could not, or the kernel cannot be asked
    uint64_t inode = 0;     // of the namespace
    bool is_stale = false;  // there is another one of that name now
    uint16_t port = 0;
    uint64_t now_ns = 0;
  };

  void open(const std::string& name, Source& source);
  void look_again(const std::string& name, Source& source);

  ControlPlane& control_;
  std::map<std::string, std::unique_ptr<Source>> sources_;  // by network namespace
  uint64_t retry_ns_ = 0;
};

}  // namespace adit
