// SPDX-License-Identifier: Apache-2.0
// The kernel as a source of routes: which VRFs follow which of its tables, by `kernel_routes` of
// the configuration.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "netlink/route_follower.h"
#include "running/live_routes.h"

namespace adit {

class KernelRoutes {
 public:
  explicit KernelRoutes(LiveRoutes& routes) : routes_(routes) {}

  // What a configuration that runs now says. It opens sockets in network namespaces, which takes
  // CAP_SYS_ADMIN.
  void configure(const Config& config, uint64_t now_ns);
  // To be called about every millisecond.
  void tick(uint64_t now_ns);

 private:
  // One network namespace.
  struct Source : RouteFollower::Sink {
    explicit Source(LiveRoutes& all) : routes(all) {}
    void begin_round(uint32_t table) override;
    void route(const RouteMessage& message) override;
    void end_round(uint32_t table) override;
    void take(const RouteMessage& message);
    void take_held();
    void apply(const std::string& vrf, const RouteMessage& message);

    LiveRoutes& routes;
    std::unique_ptr<RouteFollower> follower;            // null: it could not be opened
    std::map<uint32_t, std::vector<std::string>> vrfs;  // by table
    std::set<uint32_t> incomplete;                      // tables with routes above a limit
    // Of a list, a route of IPv4 until the next one: others of its prefix and metric come behind
    // it.
    std::optional<RouteMessage> held;
    bool has_joined = false;  // others to the held one
    std::string why;          // it could not
    uint64_t retry_ns = 0;
    uint64_t inode = 0;  // of the namespace
    uint64_t look_ns = 0;
    uint64_t now_ns = 0;
  };
  void open(const std::string& name, Source& source, uint64_t now_ns);
  void report(uint64_t now_ns);

  LiveRoutes& routes_;
  std::map<std::string, std::unique_ptr<Source>> sources_;  // by network namespace
  std::map<std::string, KernelRoutesConfig> configured_;    // by VRF
  uint64_t report_ns_ = 0;
};

}  // namespace adit
