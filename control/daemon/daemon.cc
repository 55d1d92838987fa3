// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.h"

#include <malloc.h>
#include <rte_eal.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "api/methods.h"
#include "api/server.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/signal_mask.h"
#include "config/values.h"
#include "config/yaml/error.h"
#include "daemon/bond_log.h"
#include "daemon/check_wire.h"
#include "daemon/link_log.h"
#include "daemon/neighbour_log.h"
#include "daemon/port_opener.h"
#include "daemon/supervisor.h"
#include "daemon/tick_pace.h"
#include "daemon/watchdog.h"
#include "health/checker.h"
#include "health/running_time.h"
#include "host/check_space.h"
#include "host/host_interfaces.h"
#include "machine/eal_args.h"
#include "machine/privileges.h"
#include "netlink/kernel_fdb.h"
#include "netlink/kernel_neighbours.h"
#include "netlink/kernel_routes.h"
#include "running/control_plane.h"
#include "running/reload.h"
#include "steering/steering.h"

namespace adit {
namespace {

using Clock = std::chrono::steady_clock;

// As it stood before bonds; those by their members.
std::string device_text(const PortConfig& port) {
  if (!port.bond) return port.device.argument;
  std::string text;
  for (const Device& member : port.bond->members)
    text += (text.empty() ? "" : ",") + to_string(member);
  return text;
}

void log_port(const char* event, const PortConfig& port, const PortFacts& facts,
              const MacAddr& mac) {
  spdlog::info("event={} port={} device={} driver={} mac={} mtu_bytes={} rx_queues={} tx_queues={}",
               event, log_value(port.name), log_value(device_text(port)), log_value(facts.driver),
               to_string(mac), port.mtu_bytes, facts.rx_queues, facts.tx_queues);
}

std::vector<MacAddr> port_macs(const Config& config, const Dataplane& dataplane) {
  std::vector<MacAddr> macs;
  for (const PortConfig& port : config.ports) {
    const PortFacts& facts = dataplane.port_facts(port.id);
    macs.push_back(make_port_mac(port, facts.device_mac));
    log_port("port_open", port, facts, macs.back());
  }
  return macs;
}

class Daemon {
 public:
  Daemon(const std::shared_ptr<const Config>& config, const std::string& config_path,
         const DataplaneOptions& options, RevisionHistory history)
      : config_path_(config_path),
        dataplane_(options),
        control_(dataplane_, config, port_macs(*config, dataplane_), monotonic_ns()),
        opener_(options),
        reloader_(control_, config_path, &opener_, std::move(history)),
        context_{&control_, config_path, monotonic_ns, &reloader_, monotonic_ns()},
        server_(io_, config->system.socket, api_methods(), context_),
        signals_(io_, SIGHUP, SIGTERM, SIGINT),
        timer_(io_),
        running_(Clock::now()),
        checks_(make_check_space()),
        checker_(
            io_,
            [this](HealthKey key, bool up, const std::string& why) {
              backend_changed(static_cast<BackendId>(key), up, why);
            },
            HealthChecker::kDefaultMaxProbes, [this] { return running_.at(Clock::now()); },
            checks_.get()) {
    control_.backends().check_by(checker_, monotonic_ns());
    context_.hosts = [this] { return host_states(); };
    context_.steered_ports = [this] { return steering_states(); };
    context_.fdb_sources = [this] { return kernel_fdb_.sources(); };
    context_.neighbour_sources = [this] { return kernel_neighbours_.sources(); };
    control_.on_neighbour_notice(
        [this](const NeighbourNotice& notice) { log_neighbour_notice(control_, notice); });
    control_.on_bond_event([this](const BondEvent& event) {
      log_bond_event(control_.config(), event, log_limit_, monotonic_ns());
    });
    control_.on_port_notice([this](const ControlPlane::PortNotice& notice) { log_notice(notice); });
  }

  // `why_not_file`: it started with a revision; empty: with the file.
  void run(const std::string& why_not_file) {
    follow_kernel();  // while it may still enter network namespaces
    give_up_privileges();
    dataplane_.start();
    wait_for_signal();
    // They have been blocked since before there was anything to tidy up; those that came are taken
    // now.
    unblock_signals({SIGHUP, SIGTERM, SIGINT});
    wait_for_tick();
    spdlog::info("event=ready version={} pid={} workers={} ports={} networks={} config={}",
                 ADIT_VERSION, getpid(), dataplane_.worker_count(), control_.config().ports.size(),
                 control_.config().networks.size(), log_value(config_path_));
    notify_supervisor("READY=1");
    told_revision_ = reloader_.history().running();
    tell_status(why_not_file);
    io_.run();
    notify_supervisor("STOPPING=1");
    close_log();
    // A second signal does not wait for anything.
    for (int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { _exit(1); });
    control_.cease();
    kernel_fdb_.cease();
    if (!dataplane_.stop()) throw WorkersStuck("a worker is stalled and does not stop");
    spdlog::info("event=stopped");
  }

 private:
  // What `systemctl status` shows.
  void tell_status(const std::string& why_not_file) const {
    const uint64_t revision = reloader_.history().running();
    std::string status = revision == 0 ? "running" : "revision " + std::to_string(revision);
    if (!why_not_file.empty()) status += " instead of the file: " + why_not_file;
    notify_supervisor("STATUS=" + status);
  }

  // It takes privileges that are given up later.
  std::unique_ptr<CheckSpace> make_check_space() {
    std::string why;
    auto checks =
        CheckSpace::make(io_,
                         {[this](BackendId id) { return find_check_wire(control_, id); },
                          [this](VrfId vrf, BackendId backend, std::span<const uint8_t> packet) {
                            return dataplane_.send_packet(vrf, backend, packet);
                          },
                          monotonic_ns},
                         why);
    control_.on_host_packet([this, own = checks.get()](VrfId vrf, std::span<const uint8_t> packet) {
      if (own == nullptr || !own->receive(vrf, packet)) hosts_.receive(vrf, packet);
    });
    if (!checks) spdlog::warn("event=checks_by_host why={}", log_value(why));
    return checks;
  }

  // Before the workers start: they have nothing to give up then.
  void give_up_privileges() {
    const Config& config = control_.config();
    const PrivilegePlan plan = privilege_plan(config, rte_eal_has_hugepages() != 0);
    const std::string socket_folder = std::filesystem::path(config.system.socket).parent_path();
    std::vector<std::string> own = {rte_eal_get_runtime_dir()}, writable = {socket_folder};
    if (const auto& store = reloader_.history().store()) {
      own.push_back(store->folder());
      writable.push_back(store->folder());
    }
    if (plan.account) give_folders(*plan.account, socket_folder, own);
    const Dropped dropped = drop_privileges(plan, config_path_, writable);
    spdlog::info("event=privileges user={} capabilities={}",
                 dropped.account.empty() ? "unchanged" : dropped.account,
                 capability_names(dropped.capabilities));
    for (const std::string& what : dropped.failed)
      spdlog::error("event=privileges_kept what={}", log_value(what));
  }

  std::vector<HostState> host_states() const {
    std::vector<HostState> states;
    for (const HostInterfaces::State& host : hosts_.states())
      states.push_back({host.vrf, host.config.interface, host.config.network_namespace.value_or(""),
                        host.why, host.counters.to_host, host.counters.from_host,
                        host.counters.dropped});
    return states;
  }

  std::vector<SteeringState> steering_states() const {
    std::vector<SteeringState> states;
    for (const Steering::State& port : steering_.states()) {
      std::vector<uint64_t> counts(port.counters.begin(), port.counters.end());
      counts.push_back(port.announcements);
      states.push_back(
          {port.port, port.is_generic ? "generic" : "native", port.why, std::move(counts)});
    }
    return states;
  }

  void log_notice(const ControlPlane::PortNotice& notice) {
    using Kind = ControlPlane::PortNotice::Kind;
    switch (notice.kind) {
      case Kind::kOpened:
      case Kind::kChanged:
        return log_port(notice.kind == Kind::kOpened ? "port_open" : "port_changed", *notice.config,
                        dataplane_.port_facts(notice.config->id),
                        control_.port_macs()[notice.config->id]);
      case Kind::kClosed:
        return spdlog::info("event=port_closed port={} device={}", log_value(notice.config->name),
                            log_value(device_text(*notice.config)));
      case Kind::kFailed:
        return spdlog::error("event=port_failed port={} error={}", log_value(notice.config->name),
                             log_value(notice.why));
    }
  }

  void backend_changed(BackendId id, bool up, const std::string& why) {
    const BackendFacts* found = control_.backends().find(id);
    if (found == nullptr) return;
    control_.backends().changed(id, up, monotonic_ns());
    const BackendName& name = found->name;
    const char* kind = up ? "backend_up" : "backend_down";
    if (!log_limit_.allows(kind, name.vrf, monotonic_ns())) return;
    spdlog::log(up ? spdlog::level::info : spdlog::level::warn,
                "event={} service={} backend={} port={} vrf={} why={}", kind,
                log_value(name.service), to_string(name.address), name.port, log_value(name.vrf),
                log_value(why));
  }

  void wait_for_tick() {
    timer_.expires_after(pace_.until_next(monotonic_ns()));
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      bool moved = control_.tick(monotonic_ns());
      reloader_.tick(monotonic_ns());
      moved |= !reloader_.idle();
      if (std::exchange(told_revision_, reloader_.history().running()) !=
          reloader_.history().running())
        tell_status("");
      moved |= follow_kernel();
      if (moved) pace_.moved(monotonic_ns());
      control_.look_at_links(monotonic_ns(), [this](LinkEvent& event) {
        log_link_event(control_.config(), event, log_limit_, monotonic_ns());
      });
      look_at_workers();
      log_suppressed();
      wait_for_tick();
    });
  }

  // Whether there is more for the next tick.
  bool follow_kernel() {
    if (std::exchange(followed_generation_, control_.generation()) != control_.generation()) {
      hosts_.configure(control_.config(), control_.ids().vrfs, monotonic_ns());
      kernel_routes_.configure(control_.config(), monotonic_ns());
      kernel_fdb_.configure(monotonic_ns());
      kernel_neighbours_.configure(monotonic_ns());
      steering_.configure(control_.state()->config, control_.port_macs(), monotonic_ns());
    }
    steering_.tick(monotonic_ns(), reloader_.idle());
    hosts_.tick(monotonic_ns());
    kernel_routes_.tick(monotonic_ns());
    const bool more = kernel_fdb_.tick(monotonic_ns());
    kernel_neighbours_.tick(monotonic_ns());
    return more;
  }

  // "N more" of what LogLimit held back.
  void log_suppressed() {
    log_limit_.tick(
        monotonic_ns(), [](std::string_view kind, std::string_view whose, uint64_t lines) {
          spdlog::warn("event={} {}={} lines_suppressed={}", kind,
                       kind.starts_with("backend_") ? "vrf" : "port", log_value(whose), lines);
        });
  }

  void look_at_workers() {
    const uint64_t now_ns = monotonic_ns();
    for (const WorkerWatch::Change& change : control_.watch_workers(now_ns))
      spdlog::log(change.stalled ? spdlog::level::err : spdlog::level::warn,
                  "event={} worker={} core={} without_pass_ms={}",
                  change.stalled ? "worker_stalled" : "worker_resumed", change.worker,
                  dataplane_.worker_core(change.worker), change.for_ns / 1'000'000);
    running_.look(Clock::now(), control_.passes());
    if (watchdog_.is_due(control_.passes(), now_ns)) notify_supervisor("WATCHDOG=1");
  }

  static uint64_t watchdog_patience_us() {
    uint64_t patience_us = 0;
    return sd_watchdog_enabled(0, &patience_us) > 0 ? patience_us : 0;
  }

  void wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        reload();
        return wait_for_signal();
      }
      spdlog::info("event=stopping signal={}", signal == SIGTERM ? "SIGTERM" : "SIGINT");
      signals_.clear();
      io_.stop();
    });
  }

  void reload() {
    // systemd wants CLOCK_MONOTONIC, which is what steady_clock reads.
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
    notify_supervisor("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
    // The log tells what came of it; where it is refused, the running configuration goes on.
    const bool accepted =
        reloader_.reload("SIGHUP", [](const Reloader::Outcome&) { notify_supervisor("READY=1"); });
    if (accepted) return;
    spdlog::warn("event=reload result=refused who=SIGHUP file={} reason=busy",
                 log_value(config_path_));
    notify_supervisor("READY=1");
  }

  std::string config_path_;
  Dataplane dataplane_;
  ControlPlane control_;
  MachinePortOpener opener_;
  Reloader reloader_;
  KernelRoutes kernel_routes_{control_.routes()};
  KernelFdb kernel_fdb_{control_};
  KernelNeighbours kernel_neighbours_{control_};
  // As if the device had received it: what an announcement says is looked at by a worker.
  Steering steering_{[this](PortId port, std::span<const uint8_t> frame) {
    dataplane_.take_frames(port);
    dataplane_.put_frame(port, frame);
  }};
  uint64_t followed_generation_ = 0;
  uint64_t told_revision_ = 0;
  ApiContext context_;
  boost::asio::io_context io_{1};
  ApiServer server_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_;
  TickPace pace_;
  RunningTime running_;
  LogLimit log_limit_;
  Watchdog watchdog_{watchdog_patience_us()};
  HostInterfaces hosts_{io_, monotonic_ns, [this](VrfId vrf, std::span<const uint8_t> packet) {
                          return dataplane_.send_packet(vrf, 0, packet);
                        }};
  std::unique_ptr<CheckSpace> checks_;
  HealthChecker checker_;
};

}  // namespace

DataplaneOptions dataplane_options(const Config& config, const EalArgs& eal, unsigned workers) {
  DataplaneOptions options;
  options.workers = workers;
  options.busy_poll = config.system.poll == PollMode::kBusy;
  options.mbufs = mbuf_count(config, workers);
  options.mbuf_data_room_bytes = mbuf_data_room_bytes(config);
  options.fdb_capacity = config.system.fdb_capacity;
  options.connections = config.balancer.connections;
  options.persistence_entries = config.balancer.persistence_entries;
  options.seed = std::random_device()();
  const std::set<std::string> promiscuous = promiscuous_ports(config);
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const PortConfig& port = config.ports[i];
    PortSpec spec = port_spec(port, promiscuous.contains(port.name));
    put_device(port, eal.devices[i], spec);
    options.ports.push_back(std::move(spec));
  }
  return options;
}

void run_daemon(std::shared_ptr<const Config> config, const std::string& config_path,
                const DataplaneOptions& options, RevisionHistory history,
                const std::string& why_not_file) {
  Daemon daemon(config, config_path, options, std::move(history));
  config.reset();  // the running one is the control plane's
  malloc_trim(0);  // what reading it took
  daemon.run(why_not_file);
}

}  // namespace adit
