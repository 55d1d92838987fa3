// SPDX-License-Identifier: Apache-2.0
// Networks: the half of check_references that is about members, remotes and static MACs.
#include <algorithm>
#include <map>
#include <tuple>

#include "base/nearest_name.h"
#include "config/limits.h"
#include "config/references.h"

namespace adit {
namespace {

std::string member_text(const MemberConfig& member) {
  const std::string vlan = member.vlan ? "VLAN " + std::to_string(*member.vlan) : "untagged";
  return "port '" + member.port + "' " + vlan;
}

class NetworkChecks {
 public:
  NetworkChecks(const ConfigDraft& draft, const Underlay& underlay, size_t max_bridge_ports,
                MistakeList& mistakes)
      : draft_(draft),
        underlay_(underlay),
        max_bridge_ports_(max_bridge_ports),
        mistakes_(mistakes) {
    for (size_t i = 0; i < draft.ports.size(); ++i) {
      ports_.emplace(draft.ports[i].name, i);
      port_names_.push_back(draft.ports[i].name);
    }
  }

  void run() {
    for (const NetworkDraft& network : draft_.networks) {
      check_vni(network);
      check_kernel_fdb(network);
      for (const MemberDraft& member : network.member_drafts) check_member(network, member);
      check_remotes(network);
      check_static_macs(network);
    }
  }

 private:
  // By network namespace and interface: who announces there, and whose VXLAN interface that is.
  using ByInterface = std::map<std::pair<std::string, std::string>, const NetworkDraft*>;
  ByInterface announcing_, vxlan_interfaces_;
  using PlaceByMember = std::unordered_map<uint64_t, const MemberDraft*>;

  void mistake(Place place, std::string message) {
    mistakes_.add(place, MistakeKind::kReference, std::move(message));
  }

  // Index of the port; reports a name that is none. Without any port, that is mistake enough.
  std::optional<size_t> find_port(const std::string& name, Place place) {
    const auto found = ports_.find(name);
    if (found != ports_.end()) return found->second;
    if (ports_.empty()) return std::nullopt;
    const std::string hint = mistakes_.hint(name, port_names_);
    mistake(place, "there is no port " + in_quotes(name) + " in 'ports'" + hint);
    return std::nullopt;
  }

  static uint64_t member_key(size_t port, std::optional<uint16_t> vlan) {
    return uint64_t{port} << 16 | vlan.value_or(0);
  }

  void check_vni(const NetworkDraft& network) {
    if (!network.places.has("vni") || !network.places.good("vni")) return;
    const TunnelKindInfo& learned = info_of(network.learn_kind);
    if (network.learn_remotes && (network.vni < learned.min_id || network.vni > learned.max_id))
      mistake(network.places.at("vni"), "vni: " + std::to_string(network.vni) + " is not a valid " +
                                            learned.id_name + " of " + std::string(learned.name) +
                                            ", the 'learn_kind'; expected a number from " +
                                            std::to_string(learned.min_id) + " to " +
                                            std::to_string(learned.max_id));
    const auto [known, fresh] = vnis_.emplace(network.vni, &network);
    if (fresh) return;
    mistake(network.places.at("vni"),
            "vni: " + std::to_string(network.vni) + " is already that of network '" +
                known->second->name + "', see " + mistakes_.at(known->second->places.at("vni")));
  }

  void check_kernel_fdb(const NetworkDraft& network) {
    if (!network.places.has("kernel_fdb")) return;
    check_announce(network);
    if (network.learn_kind == TunnelKind::kVxlan) return;
    mistake(network.places.at("learn_kind"),
            "learn_kind: found " + std::string(info_of(network.learn_kind).name) +
                "; expected vxlan, as remotes of 'kernel_fdb' (" +
                mistakes_.at(network.places.at("kernel_fdb")) + ") are all VXLAN");
  }

  // The interface is one network's alone, as what else is there would be taken away.
  void check_announce(const NetworkDraft& network) {
    const auto& announce = network.kernel_fdb_draft.announce;
    if (!announce) return;
    const Place place = network.places.at("kernel_fdb");
    const std::string space = network.kernel_fdb_draft.network_namespace.value_or("");
    if (vxlan_interfaces_.empty())
      for (const NetworkDraft& other : draft_.networks)
        if (other.places.has("kernel_fdb"))
          vxlan_interfaces_.try_emplace({other.kernel_fdb_draft.network_namespace.value_or(""),
                                         other.kernel_fdb_draft.interface},
                                        &other);
    if (const auto other = vxlan_interfaces_.find({space, *announce});
        other != vxlan_interfaces_.end())
      return mistake(place, "announce: " + *announce + " is the VXLAN interface of network '" +
                                other->second->name + "'; expected another port of the bridge");
    const auto [known, fresh] = announcing_.try_emplace({space, *announce}, &network);
    if (!fresh)
      mistake(place, "announce: " + *announce + " is already that of network '" +
                         known->second->name + "', see " +
                         mistakes_.at(known->second->places.at("kernel_fdb")) +
                         "; expected an interface for each network");
  }

  void check_member(const NetworkDraft& network, const MemberDraft& member) {
    count_bridge_port(member.places.self);
    const auto port = find_port(member.port, member.places.at("port"));
    if (!port) return;
    const auto [known, fresh] =
        members_.emplace(member_key(*port, member.vlan), Owner{&network, &member});
    if (!fresh)
      mistake(member.places.self, member_text(member) + " is already a member of network '" +
                                      known->second.network->name + "', see " +
                                      mistakes_.at(known->second.member->places.self));
    const PortDraft& underlay_port = draft_.ports[*port];
    if (!member.vlan && underlay_port.places.has("addresses") &&
        !(underlay_port.places.good("addresses") && underlay_port.address_drafts.empty()))
      mistake(member.places.self,
              "port '" + member.port + "' has addresses (" +
                  mistakes_.at(underlay_port.places.at("addresses")) +
                  "), so its untagged frames are routed; expected a member with 'vlan', or another "
                  "port");
  }

  void count_bridge_port(Place place) {
    if (++bridge_ports_ == max_bridge_ports_ + 1)
      mistake(place, "more than " + std::to_string(max_bridge_ports_) +
                         " members and remotes over all networks");
  }

  void check_remotes(const NetworkDraft& network) {
    std::unordered_map<IpAddr, Place, IpHash> seen;
    for (const RemoteDraft& remote : network.remote_drafts) {
      count_bridge_port(remote.places.self);
      const Place place = remote.places.at("address");
      const auto [known, fresh] = seen.emplace(remote.address, place);
      if (!fresh) {
        mistake(place, "address: duplicate remote " + to_string(remote.address) +
                           "; it is already at " + mistakes_.at(known->second));
        continue;
      }
      check_reachable(remote.address, place, underlay_, mistakes_);
      check_remote_id(network, remote);
    }
  }

  // The sender and its id give the network, so that two networks cannot share them.
  void check_remote_id(const NetworkDraft& network, const RemoteDraft& remote) {
    const bool has_vni = network.places.has("vni") && network.places.good("vni");
    if (!remote.id && !has_vni) return;
    const TunnelKindInfo& kind = info_of(remote.kind);
    const auto id = effective_id(network, remote);
    if (id && (*id < kind.min_id || *id > kind.max_id)) {
      mistake(remote.places.self,
              "the network's vni " + std::to_string(*id) + " is not a valid " + kind.id_name +
                  " of " + std::string(kind.name) + "; give the remote an 'id' from " +
                  std::to_string(kind.min_id) + " to " + std::to_string(kind.max_id));
      return;
    }
    const Sender sender{remote.address, remote.kind, id};
    const auto [known, fresh] = senders_.emplace(sender, &network);
    if (!fresh)
      mistake(remote.places.self, std::string(kind.name) + " remote " + to_string(remote.address) +
                                      " with " +
                                      (id ? kind.id_name + (' ' + std::to_string(*id)) : "no key") +
                                      " is already one of network '" + known->second->name + '\'');
    check_gre_against_nvgre(remote, id);
  }

  // A GRE key and a VSID with a FlowID look alike on the wire.
  void check_gre_against_nvgre(const RemoteDraft& remote, std::optional<uint64_t> id) {
    const bool is_gre = remote.kind == TunnelKind::kGre;
    if (!id || (!is_gre && remote.kind != TunnelKind::kNvgre)) return;
    const uint64_t vsid = is_gre ? *id >> 8 : *id;
    const auto [known, fresh] = vsids_.emplace(std::pair(remote.address, vsid), remote.kind);
    if (!fresh && known->second != remote.kind)
      mistake(remote.places.self, "the GRE key of one remote " + to_string(remote.address) +
                                      " and the VSID " + std::to_string(vsid) +
                                      " of another cannot be told apart: a VSID and its FlowID "
                                      "are " +
                                      std::to_string(vsid << 8) + " to " +
                                      std::to_string(vsid << 8 | 0xff));
  }

  void check_static_macs(const NetworkDraft& network) {
    std::unordered_map<uint64_t, Place> macs;
    std::unordered_map<IpAddr, Place, IpHash> remotes;
    for (const RemoteDraft& remote : network.remote_drafts)
      remotes.emplace(remote.address, remote.places.self);
    PlaceByMember members;
    for (const MemberDraft& member : network.member_drafts)
      if (const auto port = ports_.find(member.port); port != ports_.end())
        members.emplace(member_key(port->second, member.vlan), &member);

    for (const StaticMacDraft& entry : network.static_mac_drafts) {
      const Place place = entry.places.at("mac");
      const auto [known, fresh] = macs.emplace(entry.mac.to_u64(), place);
      if (!fresh)
        mistake(place, "mac: duplicate static MAC " + to_string(entry.mac) + " in network '" +
                           network.name + "'; it is already at " + mistakes_.at(known->second));
      if (entry.remote) {
        check_mac_remote(network, entry, remotes);
      } else {
        check_mac_member(network, entry, members);
      }
    }
  }

  void check_mac_remote(const NetworkDraft& network, const StaticMacDraft& entry,
                        const std::unordered_map<IpAddr, Place, IpHash>& remotes) {
    if (!network.places.good("remotes") || remotes.contains(*entry.remote)) return;
    std::string hint;
    if (!mistakes_.full()) {
      std::vector<std::string> texts;
      for (const RemoteDraft& remote : network.remote_drafts)
        texts.push_back(to_string(remote.address));
      const std::vector<std::string_view> names(texts.begin(), texts.end());
      hint = mistakes_.hint(to_string(*entry.remote), names);
    }
    mistake(entry.places.at("remote"), "remote: " + to_string(*entry.remote) +
                                           " is not a remote of network '" + network.name + '\'' +
                                           hint);
  }

  void check_mac_member(const NetworkDraft& network, const StaticMacDraft& entry,
                        const PlaceByMember& members) {
    const auto port = find_port(*entry.port, entry.places.at("port"));
    if (!port || !network.places.good("members")) return;
    if (members.contains(member_key(*port, entry.vlan))) return;
    // The port is there: with another VLAN perhaps.
    const auto near =
        std::find_if(network.member_drafts.begin(), network.member_drafts.end(),
                     [&](const MemberDraft& member) { return member.port == *entry.port; });
    const MemberConfig wanted{*entry.port, entry.vlan};
    mistake(
        entry.places.at(entry.vlan ? "vlan" : "port"),
        member_text(wanted) + " is not a member of network '" + network.name + '\'' +
            (near == network.member_drafts.end() ? std::string()
                                                 : "; did you mean " + member_text(*near) + '?'));
  }

  struct Owner {
    const NetworkDraft* network;
    const MemberDraft* member;
  };
  const ConfigDraft& draft_;
  const Underlay& underlay_;
  const size_t max_bridge_ports_;
  MistakeList& mistakes_;
  std::unordered_map<std::string, size_t> ports_;
  std::vector<std::string_view> port_names_;
  std::unordered_map<uint32_t, const NetworkDraft*> vnis_;
  std::unordered_map<uint64_t, Owner> members_;
  using Sender = std::tuple<IpAddr, TunnelKind, std::optional<uint64_t>>;
  std::map<Sender, const NetworkDraft*> senders_;
  std::map<std::pair<IpAddr, uint64_t>, TunnelKind> vsids_;  // GRE: the key's upper 24 bits
  size_t bridge_ports_ = 0;
};

}  // namespace

void check_networks(const ConfigDraft& draft, const Underlay& underlay, size_t max_bridge_ports,
                    MistakeList& mistakes) {
  NetworkChecks(draft, underlay, max_bridge_ports, mistakes).run();
}

}  // namespace adit
