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

#include "netlink/fdb_announcer.h"
#include "netlink/fdb_table.h"
#include "netlink/fdb_writer.h"
#include "netlink/kernel_space.h"
#include "running/control_plane.h"
#include "running/kernel_source.h"

namespace adit {

class KernelFdb : private FdbLearner::MemberMacs {
 public:
  explicit KernelFdb(ControlPlane& control) : control_(control) { control.tell_members_to(this); }
  ~KernelFdb() override { control_.tell_members_to(nullptr); }
  KernelFdb(const KernelFdb&) = delete;
  KernelFdb& operator=(const KernelFdb&) = delete;

  // What control runs now. To be called after every change of it. It opens sockets in network
  // namespaces, which takes CAP_SYS_ADMIN; one that is open stays so, as it may not be opened
  // again.
  void configure(uint64_t now_ns);
  // To be called every few milliseconds. Whether there is more to write than one tick may.
  bool tick(uint64_t now_ns);
  // Takes away what was announced. For the end of the daemon.
  void cease();
  // In the configuration's order.
  std::vector<FdbSource> sources() const;

 private:
  struct Followed {
    explicit Followed(ControlPlane& control) : table(control) {}
    FdbTable table;
    NetworkId id = 0;
    FdbAnnouncer announcer;
    std::string complaint;  // that was logged last
    std::string counts;     // likewise
  };
  // One network namespace.
  struct Source : InterfaceFollower<FdbMessage>::Sink {
    explicit Source(const std::string& name) : space(name, "kernel_fdb", *this) {}
    void begin_round() override;
    void entry(const LinkMessage& link, const FdbMessage& message, bool is_change) override;
    void end_round() override;
    void opened(const std::string& network_namespace) override;
    std::string complaint_about(const FdbTable& table, uint16_t wanted) const;
    void look_at_announced(const LinkMessage& link, const FdbMessage& message);
    void forget_remote(const FdbTable& table, MacAddr mac);

    // Open as long as it is followed.
    std::unique_ptr<FdbWriter> writer;
    FdbAnnouncer::Leaving leaving;  // of networks that announce no longer
    std::vector<Followed*> announcing;
    std::size_t next = 0;  // of them, in the next turn
    KernelSpace<FdbMessage> space;
    std::map<std::string, Followed> networks;  // by name
    // The same by what an interface is called, and the VNI.
    std::map<std::pair<std::string, uint32_t>, FdbTable*> tables;
    uint16_t port = 0;
    uint64_t now_ns = 0;
  };

  void at_member(NetworkId network, MacAddr mac, uint64_t now_ns) override;
  void swept() override;
  bool announce(Source& source, uint64_t now_ns);

  ControlPlane& control_;
  std::map<std::string, std::unique_ptr<Source>> sources_;  // by network namespace
  std::map<NetworkId, FdbAnnouncer*> announcers_;           // of networks that announce
  uint64_t generation_ = 0;                                 // of which they are
  uint64_t retry_ns_ = 0;
};

}  // namespace adit
