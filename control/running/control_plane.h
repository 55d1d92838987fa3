// SPDX-License-Identifier: Apache-2.0
// The running configuration and everything that control learns: turns a Config into a
// published Snapshot, keeps ids stable over reloads, owns the FDB's and the neighbours'
// lives. Used by aditd's control thread and, in step with the packets, by adit-replay.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "adit/dataplane.h"
#include "compile/compile.h"
#include "config/config.h"
#include "running/backend_rates.h"
#include "running/backend_tracker.h"
#include "running/bond_monitor.h"
#include "running/fdb_learner.h"
#include "running/link_monitor.h"
#include "running/live_next_hops.h"
#include "running/live_remotes.h"
#include "running/live_routes.h"
#include "running/neighbours.h"
#include "running/prepare.h"
#include "running/remote_learner.h"
#include "running/router_advertiser.h"
#include "running/worker_watch.h"

namespace adit {

// A change has to wait until every worker reads the new snapshot, and one stands still. Nothing was
// changed.
class WorkerStalled : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ApplyResult {
  uint64_t generation = 0;
  std::vector<std::string> changes;  // one line each, empty: nothing differed
};

class ControlPlane {
 public:
  // `initial` becomes generation 1. `port_macs`: by PortId, the MAC that adit uses there.
  ControlPlane(Dataplane& dataplane, std::shared_ptr<const Config> initial,
               std::vector<MacAddr> port_macs, uint64_t now_ns);
  ControlPlane(Dataplane& dataplane, const Config& initial, std::vector<MacAddr> port_macs,
               uint64_t now_ns);

  // Makes `config` the running one without touching what did not change. Throws ConfigError,
  // and leaves everything as it was, when the change needs a restart; WorkerStalled likewise. A
  // worker that stands still from the very moment on at which the change is made holds it up for a
  // second, and no longer.
  ApplyResult apply(const Config& config, uint64_t now_ns);

  // The same in parts, for a thread beside this one: prepare() takes the time and starts from what
  // basis() gives; commit() is to be called until it is true, and does a little each time.
  // Between basis() and the end of commit() nothing else may change the configuration; what comes
  // to nothing in between is given up.
  Basis basis(uint64_t now_ns);
  bool commit(Prepared& prepared, uint64_t now_ns);
  void give_up(Prepared& prepared, uint64_t now_ns);

  // Where the plan opens ports, before prepare(): begin_opening() until it is true, then
  // open_ports() in the thread beside once can_open_ports() is true, and finish_opening(). What
  // comes to nothing before there is a Prepared is undone by undo_opening().
  bool begin_opening(PortChanges& ports);
  // These two throw WorkerStalled.
  bool can_open_ports();
  // Throws std::runtime_error with the port's name.
  static void open_ports(Dataplane& dataplane, PortOpener& opener, const Config& next,
                         PortChanges& ports);
  void finish_opening(PortChanges& ports);
  void undo_opening(PortChanges& ports);

  // Told of ports that came, went or changed, for the log.
  struct PortNotice {
    enum class Kind : uint8_t { kOpened, kChanged, kClosed, kFailed } kind;
    const PortConfig* config;  // the new one, or of a port that is closed the former
    std::string why = {};      // kFailed: what could not be done
  };
  void on_port_notice(std::function<void(const PortNotice&)> sink) { port_sink_ = std::move(sink); }
  // Likewise of the members of bonds.
  void on_bond_event(BondMonitor::Report sink) { bond_sink_ = std::move(sink); }
  // From now on the caller prepares and commits what has to be compiled again without a new
  // configuration, see wants_update().
  void leave_updates() noexcept { updates_itself_ = false; }
  bool wants_update(uint64_t now_ns) const noexcept;

  // Handles the workers' reports, resolves and refreshes next hops, ages MACs. To be called
  // every few milliseconds, and each one while it returns that there were reports or packets.
  bool tick(uint64_t now_ns);

  // Follows the ports' links and reports changes: what depends on a link that is down is withdrawn,
  // and restored when it is up. To be called about every millisecond, if the ports have links.
  void look_at_links(uint64_t now_ns, const LinkMonitor::Report& report);
  // Checks that workers make passes; returns what changed. To be called often while they run.
  std::vector<WorkerWatch::Change> watch_workers(uint64_t now_ns);
  const WorkerWatch& worker_watch() const noexcept { return watch_; }
  // Passes of each worker, as of the last watch_workers().
  const std::vector<uint64_t>& passes() const noexcept { return passes_; }

  // Notices about neighbours and our own addresses, for the log.
  void on_neighbour_notice(NeighbourNoticeSink sink) { neighbours_.on_notice(std::move(sink)); }

  // Takes replies to packets that control sent by Dataplane::send_packet(), from tick().
  using HostPacketSink = std::function<void(VrfId, std::span<const uint8_t>)>;
  void on_host_packet(HostPacketSink sink) { host_packets_ = std::move(sink); }
  // The published one, until the next commit().
  const Snapshot& snapshot() const noexcept { return *snapshot_; }

  // The running state. Its configuration is immutable, also after it was replaced.
  std::shared_ptr<const RunningState> state() const noexcept { return state_; }
  // The applied configuration. References are valid until the next commit().
  const Config& config() const noexcept { return *state_->config; }
  // Sends router advertisements with a lifetime of 0. For the end of the daemon.
  void cease() { advertiser_.cease(); }

  uint64_t generation() const noexcept { return generation_; }
  Dataplane& dataplane() noexcept { return dataplane_; }
  const Dataplane& dataplane() const noexcept { return dataplane_; }
  const std::vector<MacAddr>& port_macs() const noexcept { return port_macs_; }

  // Ids of what the running configuration names; see compile.h.
  const CompiledIds& ids() const noexcept { return state_->ids; }
  // State of every next hop.
  const Neighbours& neighbours() const noexcept { return neighbours_; }
  const FdbLearner& fdb() const noexcept { return fdb_; }
  const BackendTracker& backends() const noexcept { return backends_; }
  const BackendRates& rates() const noexcept { return rates_; }
  BackendTracker& backends() noexcept { return backends_; }
  const RemoteLearner& remote_learner() const noexcept { return learner_; }
  // What the kernel says of a network with `kernel_fdb`; see RemoteLearner and FdbLearner.
  bool tell_remote(NetworkId network, const IpAddr& address, uint64_t now_ns);
  void untell_remote(NetworkId network, const IpAddr& address, uint64_t now_ns);
  bool tell_mac(NetworkId network, MacAddr mac, const IpAddr& remote, uint64_t now_ns) {
    return fdb_.tell(network, mac, remote, now_ns);
  }
  void untell_mac(NetworkId network, MacAddr mac, uint64_t now_ns) {
    fdb_.untell(network, mac, now_ns);
  }
  void tell_members_to(FdbLearner::MemberMacs* sink) { fdb_.tell_members_to(sink); }
  // Likewise of neighbours, see Neighbours::tell().
  void tell_neighbour(const std::string& vrf, const IpAddr& address, const ToldNeighbour& told,
                      uint64_t now_ns) {
    neighbours_.tell(vrf, address, told, now_ns);
  }
  void untell_neighbour(const std::string& vrf, const IpAddr& address, uint64_t now_ns) {
    neighbours_.untell(vrf, address, now_ns);
  }
  // Routes from outside the configuration; their sources write into it.
  LiveRoutes& routes() noexcept { return live_routes_; }
  const LiveRoutes& routes() const noexcept { return live_routes_; }

 private:
  void publish(Prepared& prepared, uint64_t now_ns);
  bool workers_have_moved();
  void handle(const Event& event, uint64_t now_ns);
  void link_changed(LinkEvent& event, uint64_t now_ns);
  unsigned review_backends(uint64_t now_ns);
  void take_new_mac(PortId port);
  void bond_changed(const BondEvent& event, uint64_t now_ns);
  void change_ports(Prepared& prepared);
  void tell(const PortNotice& notice) const {
    if (port_sink_) port_sink_(notice);
  }
  void update_remotes(uint64_t now_ns);
  void resume_routes(uint64_t now_ns);

  Dataplane& dataplane_;
  std::vector<MacAddr> port_macs_;
  std::shared_ptr<RunningState> state_ = std::make_shared<RunningState>();
  Neighbours neighbours_;
  RouterAdvertiser advertiser_;
  FdbLearner fdb_;
  RemoteLearner learner_;
  LiveNextHops live_next_hops_{neighbours_};
  LiveRemotes live_remotes_{dataplane_, live_next_hops_, fdb_};
  LiveRoutes live_routes_{dataplane_, live_next_hops_};
  BackendTracker backends_;
  BackendRates rates_;
  LinkMonitor links_;
  BondMonitor bonds_;
  std::set<PortId> down_ports_;
  const Snapshot* snapshot_ = nullptr;  // the published one
  HostPacketSink host_packets_;
  std::function<void(const PortNotice&)> port_sink_;
  BondMonitor::Report bond_sink_;
  bool preparing_ = false;  // between basis() and the end of commit()
  WorkerWatch watch_;
  std::vector<uint64_t> passes_;  // of each worker
  uint64_t take_learned_ns_ = 0;  // not before
  struct Grace {
    uint64_t token;
    uint64_t since_ns;
  };
  std::optional<Grace> grace_;  // a change waits for workers
  uint64_t generation_ = 0;
  bool updates_itself_ = true;
};

}  // namespace adit
