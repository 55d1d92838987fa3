// SPDX-License-Identifier: Apache-2.0
#include "netlink/kernel_routes.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"
#include "base/network_namespace.h"
#include "base/time_units.h"

namespace adit {
namespace {

constexpr uint64_t kReportNs = kNsPerSecond / 10;

std::set<uint32_t> tables_of(const std::map<uint32_t, std::vector<std::string>>& vrfs) {
  std::set<uint32_t> tables;
  for (const auto& [table, names] : vrfs) tables.insert(table);
  return tables;
}

// Those of `more` that are not in `list`, behind it.
std::vector<Gateway> joined(std::vector<Gateway> list, const std::vector<Gateway>& more) {
  for (const Gateway& each : more)
    if (std::ranges::find(list, each) == list.end()) list.push_back(each);
  return list;
}

// Those of `list`, the ones that were known before first and in their order: the kernel counts the
// gateways of one route as equal and tells them in any, and packets stay on their way.
std::vector<Gateway> known_first(const std::vector<Gateway>& known,
                                 const std::vector<Gateway>& list) {
  std::vector<Gateway> stay;
  for (const Gateway& each : known)
    if (std::ranges::find(list, each) != list.end()) stay.push_back(each);
  return joined(std::move(stay), list);
}

}  // namespace

void KernelRoutes::configure(const Config& config, uint64_t now_ns) {
  std::map<std::string, KernelRoutesConfig> wanted;
  std::map<std::string, std::map<uint32_t, std::vector<std::string>>> spaces;
  for (const VrfConfig& vrf : config.vrfs) {
    if (!vrf.kernel_routes) continue;
    wanted[vrf.name] = *vrf.kernel_routes;
    spaces[vrf.kernel_routes->network_namespace.value_or("")][vrf.kernel_routes->table].push_back(
        vrf.name);
  }
  std::erase_if(sources_, [&](const auto& each) { return !spaces.contains(each.first); });
  for (auto& [name, vrfs] : spaces) {
    auto& source = sources_[name];
    if (!source) source = std::make_unique<Source>(routes_);
    source->vrfs = std::move(vrfs);
    if (source->follower)
      source->follower->follow(tables_of(source->vrfs));
    else
      open(name, *source, now_ns);
    if (!source->follower) continue;
    // A table that was followed before, for another VRF or with another limit.
    for (const auto& [table, names] : source->vrfs)
      for (const std::string& vrf : names)
        if (const auto former = configured_.find(vrf);
            former == configured_.end() || former->second != wanted.at(vrf))
          source->follower->refresh(table, now_ns);
  }
  configured_ = std::move(wanted);
  report(now_ns);
}

void KernelRoutes::open(const std::string& name, Source& source, uint64_t now_ns) {
  try {
    source.follower = std::make_unique<RouteFollower>(name, source);
    source.inode = namespace_inode(name);
    source.follower->follow(tables_of(source.vrfs));
    source.why.clear();
    spdlog::info("event=kernel_routes_followed namespace={} tables={}", log_value(name),
                 source.vrfs.size());
  } catch (const std::exception& error) {
    source.retry_ns = now_ns + KernelLists::kRetryNs;
    if (source.why == error.what()) return;
    source.why = error.what();
    spdlog::error("event=kernel_routes_failed namespace={} error={}", log_value(name),
                  log_value(source.why));
  }
}

void KernelRoutes::tick(uint64_t now_ns) {
  for (auto& [name, source] : sources_) {
    source->now_ns = now_ns;
    if (!source->follower) {
      if (now_ns >= source->retry_ns) open(name, *source, now_ns);
      continue;
    }
    if (now_ns >= source->look_ns) {
      source->look_ns = now_ns + KernelLists::kRetryNs;
      // Another one of that name: what is known stays until it can be asked.
      if (namespace_inode(name) != source->inode) {
        source->follower.reset();
        source->retry_ns = 0;
        continue;
      }
    }
    try {
      source->follower->tick(now_ns);
    } catch (const std::exception& error) {
      // What is known stays until the kernel can be asked again.
      source->follower.reset();
      source->why = error.what();
      source->retry_ns = now_ns + KernelLists::kRetryNs;
      spdlog::error("event=kernel_routes_failed namespace={} error={}", log_value(name),
                    log_value(source->why));
    }
  }
  if (now_ns >= report_ns_) report(now_ns);
}

void KernelRoutes::report(uint64_t now_ns) {
  report_ns_ = now_ns + kReportNs;
  for (const auto& [name, source] : sources_)
    for (const auto& [table, vrfs] : source->vrfs) {
      RouteSource status{.table = table, .network_namespace = name, .error = source->why};
      if (const auto& follower = source->follower) {
        status.is_complete = follower->is_complete(table);
        status.rounds = follower->counters().rounds;
        status.overruns = follower->counters().overruns;
      }
      for (const std::string& vrf : vrfs) routes_.set_source(vrf, status);
    }
}

void KernelRoutes::Source::begin_round(uint32_t table) {
  held.reset();
  incomplete.erase(table);
  for (const std::string& vrf : vrfs[table]) routes.begin_round(vrf);
}

void KernelRoutes::Source::end_round(uint32_t table) {
  take_held();
  for (const std::string& vrf : vrfs[table]) {
    routes.end_round(vrf, now_ns);
    const LiveRoutes::Totals totals = routes.totals(vrf);
    spdlog::info(
        "event=kernel_routes vrf={} table={} used={} shadowed={} unreachable={} full={} refused={}",
        log_value(vrf), table, totals.of(ImportState::kUsed), totals.of(ImportState::kShadowed),
        totals.of(ImportState::kUnreachable), totals.of(ImportState::kFull), totals.refused);
  }
}

// All of one prefix and metric at once: the first alone may have no gateway that can be used.
void KernelRoutes::Source::route(const RouteMessage& message) {
  if (!message.is_of_dump || !message.to.address.is_v4()) {
    take_held();
    return take(message);
  }
  if (held && held->table == message.table && held->to == message.to &&
      held->metric == message.metric) {
    held->gateways.insert(held->gateways.end(), message.gateways.begin(), message.gateways.end());
    has_joined = true;
    return;
  }
  take_held();
  held = message;
}

void KernelRoutes::Source::take_held() {
  if (held) take(*std::exchange(held, std::nullopt));
  has_joined = false;
}

void KernelRoutes::Source::take(const RouteMessage& message) {
  for (const std::string& vrf : vrfs[message.table]) apply(vrf, message);
  // There may be room now for those that were refused.
  if (message.what == RouteMessage::What::kGone && incomplete.contains(message.table))
    follower->refresh(message.table, now_ns);
}

void KernelRoutes::Source::apply(const std::string& vrf, const RouteMessage& message) {
  using What = RouteMessage::What;
  const RouteKey key{message.to, message.metric};
  const ImportedRoute* known = routes.find(vrf, key);
  std::vector<Gateway> gateways;
  for (const auto& each : message.gateways) gateways.push_back({each.address, each.near});
  ImportedRoute route{gateways, message.rejects, message.protocol};
  if (message.what == What::kGone) {
    if (known == nullptr) return;
    route = *known;
    std::erase_if(route.gateways, [&](const Gateway& each) {
      return std::ranges::find(gateways, each.address, &Gateway::address) != gateways.end();
    });
    if (gateways.empty() || route.gateways.empty()) return routes.remove(vrf, key, now_ns);
  } else if (known != nullptr && message.what == What::kSet) {
    if (!has_joined) route.gateways = known_first(known->gateways, gateways);
  } else if (known != nullptr) {
    route = *known;
    route.gateways = message.what == What::kAppend ? joined(known->gateways, gateways)
                                                   : joined(gateways, known->gateways);
  }
  if (!routes.set(vrf, key, std::move(route), now_ns)) incomplete.insert(message.table);
}

}  // namespace adit
