// SPDX-License-Identifier: Apache-2.0
#include "netlink/kernel_fdb.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "base/log.h"

namespace adit {
namespace {

constexpr unsigned kWritesPerTick = 16;  // into one namespace
constexpr std::size_t kNetworksPerTick = 16;
// What is not taken away by then goes 20 s after the next start.
constexpr std::chrono::seconds kPatienceAtEnd{2};

}  // namespace

void KernelFdb::configure(uint64_t now_ns) {
  const Config& config = control_.config();
  std::map<std::string, std::map<std::string, const NetworkConfig*>> spaces;
  for (const NetworkConfig& network : config.networks)
    if (network.kernel_fdb)
      spaces[network.kernel_fdb->network_namespace.value_or("")][network.name] = &network;
  for (const auto& space : spaces)
    if (!sources_.contains(space.first))
      sources_[space.first] = std::make_unique<Source>(space.first);
  generation_ = control_.generation();
  announcers_.clear();
  for (auto& each : sources_) {
    Source& source = *each.second;
    const auto& wanted = spaces[each.first];
    for (auto it = source.networks.begin(); it != source.networks.end();) {
      const bool stays = wanted.contains(it->first);
      if (!stays) {
        it->second.table.forget(now_ns);
        it->second.announcer.configure("", source.leaving);
      }
      it = stays ? std::next(it) : source.networks.erase(it);
    }
    source.port = config.tunnels[tunnel_index(TunnelKind::kVxlan)].port;
    source.tables.clear();
    source.announcing.clear();
    std::set<std::string> names;
    bool is_new = false;
    for (const auto& [name, network] : wanted) {
      Followed& followed = source.networks.try_emplace(name, control_).first->second;
      FdbTable& table = followed.table;
      is_new |= table.configure(*network, now_ns);
      source.tables[{table.interface(), table.vni()}] = &table;
      names.insert(table.interface());
      followed.id = control_.ids().networks.at(name);
      FdbAnnouncer& announcer = followed.announcer;
      const std::string port = network->kernel_fdb->announce.value_or("");
      is_new |= port != announcer.interface();
      announcer.configure(port, source.leaving);
      if (port.empty()) continue;
      names.insert(port);
      announcers_[followed.id] = &announcer;
      source.announcing.push_back(&followed);
    }
    source.space.follow(std::move(names));
    if (is_new) source.space.refresh(now_ns);
  }
}

bool KernelFdb::tick(uint64_t now_ns) {
  bool more = false;
  for (auto& [name, source] : sources_) {
    source->now_ns = now_ns;
    source->space.tick(now_ns);
    more |= announce(*source, now_ns);
  }
  if (now_ns < retry_ns_) return more;
  retry_ns_ = now_ns + KernelLists::kRetryNs;
  for (auto& [name, source] : sources_) {
    source->space.look_again();
    for (auto& [network, followed] : source->networks)
      if (followed.table.retry(now_ns)) source->space.refresh(now_ns);
  }
  return more;
}

// Each write takes some 25 us: so many in a turn. Whether it was that many.
bool KernelFdb::announce(Source& source, uint64_t now_ns) {
  if (!source.writer) return false;
  unsigned left = kWritesPerTick;
  for (; left > 0 && !source.leaving.empty(); --left, source.leaving.pop_front())
    source.writer->remove(source.leaving.front().first, source.leaving.front().second);
  if (announcers_.empty() || generation_ != control_.generation()) return left == 0;
  for (std::size_t i = std::min(source.announcing.size(), kNetworksPerTick); i > 0 && left > 0;
       --i, ++source.next) {
    Followed& followed = *source.announcing[source.next % source.announcing.size()];
    const auto may_write = [&](MacAddr mac) {
      return control_.fdb().is_at_member(followed.id, mac) &&
             !source.space.follower()->is_of_an_interface(mac);
    };
    left = followed.announcer.tick(*source.writer, may_write, left, now_ns);
  }
  return left == 0;
}

void KernelFdb::cease() {
  const auto end = std::chrono::steady_clock::now() + kPatienceAtEnd;
  for (auto& [name, source] : sources_) {
    for (auto& [network, followed] : source->networks)
      followed.announcer.configure("", source->leaving);
    if (!source->writer) continue;
    for (; !source->leaving.empty() && std::chrono::steady_clock::now() < end;
         source->leaving.pop_front())
      source->writer->remove(source->leaving.front().first, source->leaving.front().second);
  }
}

void KernelFdb::at_member(NetworkId network, MacAddr mac, uint64_t now_ns) {
  // After a reload an id may be another network's, until configure() was called.
  if (generation_ != control_.generation()) return;
  if (const auto found = announcers_.find(network); found != announcers_.end())
    found->second->at_member(mac, now_ns);
}

void KernelFdb::swept() {
  for (const auto& [id, announcer] : announcers_) announcer->swept();
}

void KernelFdb::Source::opened(const std::string& network_namespace) {
  writer = std::make_unique<FdbWriter>(network_namespace);
  // Another namespace of that name has nothing of what the former one had.
  for (auto& [name, followed] : networks) followed.announcer.set_link(nullptr);
  leaving.clear();
}

// An entry of a bridge that a program has put there: one of ours, or the routing daemon's instead
// of it.
void KernelFdb::Source::look_at_announced(const LinkMessage& link, const FdbMessage& message) {
  for (auto& [name, followed] : networks) {
    FdbAnnouncer& announcer = followed.announcer;
    if (announcer.interface().empty()) continue;
    if (link.name == announcer.interface()) {
      announcer.heard(message.mac, message.is_gone, now_ns);
      if (!message.is_gone) forget_remote(followed.table, message.mac);
    } else if (link.name == followed.table.interface() && !message.is_gone)
      announcer.heard(message.mac, true, now_ns);
  }
}

// The host came from a remote to a member: what the VXLAN interface has of it is out of date. FRR
// leaves it there, if it had the withdrawal after that.
void KernelFdb::Source::forget_remote(const FdbTable& table, MacAddr mac) {
  const LinkMessage* link = space.follower()->link(table.interface());
  if (link == nullptr || !writer || !table.has(mac)) return;
  writer->remove_remote(link->number, mac,
                        link->is_external ? std::optional(table.vni()) : std::nullopt);
}

void KernelFdb::Source::begin_round() {
  for (auto& [name, followed] : networks) followed.table.begin_round();
}

void KernelFdb::Source::entry(const LinkMessage& link, const FdbMessage& message, bool is_change) {
  if (message.is_of_bridge) return look_at_announced(link, message);
  const uint32_t vni = link.is_external ? message.source_vni.value_or(0) : link.vni;
  const auto found = tables.find({link.name, vni});
  if (found != tables.end()) found->second->take(link, message, is_change, now_ns);
}

void KernelFdb::Source::end_round() {
  space.round_ended();
  for (auto& [name, followed] : networks) {
    FdbTable& table = followed.table;
    table.end_round(now_ns);
    std::string counts = fmt::format("remotes={} macs={} left_out={}", table.remotes(),
                                     table.macs(), table.left_out());
    if (std::exchange(followed.counts, counts) != counts)
      spdlog::info("event=kernel_fdb network={} interface={} {}", log_value(name),
                   log_value(table.interface()), counts);
    followed.announcer.set_link(space.follower()->link(followed.announcer.interface()));
    std::string complaint = complaint_about(table, port);
    if (complaint.empty()) complaint = followed.announcer.complaint();
    if (std::exchange(followed.complaint, complaint) == complaint) continue;
    if (complaint.empty())
      spdlog::info("event=kernel_fdb_waits_no_longer network={}", log_value(name));
    else
      spdlog::warn("event=kernel_fdb_waits network={} reason={}", log_value(name),
                   log_value(complaint));
  }
}

// Empty: none.
std::string KernelFdb::Source::complaint_about(const FdbTable& table, uint16_t wanted) const {
  const std::string& name = table.interface();
  const LinkMessage* link = space.follower()->link(name);
  if (link == nullptr) return "there is no interface '" + name + "' in that network namespace";
  if (!link->is_vxlan) return "'" + name + "' is no VXLAN interface";
  if (!link->is_external && link->vni != table.vni())
    return "'" + name + "' has the VNI " + std::to_string(link->vni) + "; expected " +
           std::to_string(table.vni()) + ", the network's 'vni'";
  if (link->port != wanted)
    return "'" + name + "' has the UDP port " + std::to_string(link->port) + "; expected " +
           std::to_string(wanted) + " (dstport of 'ip link', or 'udp_port' of 'tunnels.vxlan')";
  return "";
}

std::vector<FdbSource> KernelFdb::sources() const {
  std::vector<FdbSource> all;
  for (const NetworkConfig& network : control_.config().networks) {
    if (!network.kernel_fdb) continue;
    const auto found = sources_.find(network.kernel_fdb->network_namespace.value_or(""));
    if (found == sources_.end() || !found->second->networks.contains(network.name)) continue;
    const Source& source = *found->second;
    const Followed& followed = source.networks.at(network.name);
    FdbSource row;
    source.space.put_state(row);
    row.wait_for(followed.complaint);
    row.wait_for(followed.announcer.complaint());
    row.network = network.name;
    row.interface = followed.table.interface();
    row.remotes = followed.table.remotes();
    row.macs = followed.table.macs();
    row.unused = followed.table.unused(network.name);
    row.refused = followed.table.refused();
    row.left_out = followed.table.left_out();
    row.announce = followed.announcer.interface();
    row.announced = followed.announcer.announced();
    all.push_back(std::move(row));
  }
  return all;
}

}  // namespace adit
