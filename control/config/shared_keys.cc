// SPDX-License-Identifier: Apache-2.0
#include "config/shared_keys.h"

#include <algorithm>

#include "config/words.h"

namespace adit {
namespace {

void check_advertisements(Reader& reader, RouterAdvertisementsDraft& draft) {
  const Places& at = draft.places;
  if (draft.lifetime_s && at.good("lifetime_s") && at.good("interval_s") &&
      *draft.lifetime_s != 0 && *draft.lifetime_s < draft.interval_s)
    reader.misfit(at.at("lifetime_s"), "lifetime_s: " + std::to_string(*draft.lifetime_s) +
                                           " ends before the next "
                                           "advertisement, interval_s: " +
                                           std::to_string(draft.interval_s) +
                                           "; expected 0, or at least that");
  for (const auto& server : draft.rdnss_drafts)
    if (server.value.is_v4())
      reader.misfit(
          server.place,
          "rdnss: " + to_string(server.value) +
              " is not an IPv6 address; router advertisements only have IPv6 DNS servers");
}

}  // namespace

Section<RouterAdvertisementsDraft> advertisements_section() {
  Section<RouterAdvertisementsDraft> s;
  using R = RouterAdvertisements;
  s.number("interval_s", &R::interval_s, 4, 1800,
           "Maximum number of seconds between two advertisements; the minimum is a third of it.");
  s.number("lifetime_s", &R::lifetime_s, 0, 9000,
           "Seconds for which hosts use us as default router after an advertisement, at least "
           "'interval_s'; 0: hosts do not use us; default: three times 'interval_s'.")
      .absent("three intervals");
  s.flag("autonomous", &R::autonomous,
         "Hosts configure addresses by SLAAC in subnets with a prefix length of 64.");
  s.flag("mtu", &R::mtu, "Advertise the MTU of the link.");
  s.texts("rdnss", &RouterAdvertisementsDraft::rdnss_drafts, &R::rdnss, parse_host_address,
          "an IPv6 address such as 2001:db8::53", "IPv6 addresses of DNS servers to advertise.",
          "A DNS server.", kMaxAdvertisedDnsServers)
      .each("DNS server", "DNS servers");
  s.check(check_advertisements);
  return s;
}

Section<KernelNeighboursDraft> kernel_neighbours_section() {
  Section<KernelNeighboursDraft> s;
  using K = KernelNeighboursConfig;
  s.texts("interfaces", &KernelNeighboursDraft::interface_drafts, &K::interfaces,
          parse_interface_name, "the name of an interface of the host",
          "Interfaces whose neighbours are taken, at least one. They need not exist yet.",
          "The name of an interface of the host.")
      .each("interface", "interfaces")
      .required();
  add_namespace(s, &K::network_namespace,
                "Network namespace of the interfaces, as in 'ip netns'; default: that of aditd.");
  s.number("limit", &K::limit, 1, 1'048'576,
           "Maximum number of neighbours that are taken; further ones are counted and not used.");
  s.check([](Reader& reader, KernelNeighboursDraft& draft) {
    const Places& at = draft.places;
    if (at.has("interfaces") && at.good("interfaces") && draft.interface_drafts.empty())
      reader.misfit(at.at("interfaces"), "interfaces: expected at least one interface");
    for (const auto& [name, place] : draft.interface_drafts) {
      if (std::ranges::find(draft.interfaces, name) != draft.interfaces.end())
        reader.misfit(place, "interfaces: duplicate interface '" + name + "'");
      draft.interfaces.push_back(name);
    }
  });
  return s;
}

Section<HostDraft> host_section() {
  Section<HostDraft> s;
  s.text("interface", &HostConfig::interface, parse_interface_name,
         "the name of an interface of the host", "Name of the interface, which must not exist yet.")
      .required();
  s.text("namespace", &HostConfig::network_namespace, parse_namespace,
         "the name of a network namespace",
         "Network namespace that it is made in, as in 'ip netns'; default: that of aditd. Tenants "
         "with equal addresses need one each.")
      .absent("that of aditd");
  return s;
}

Section<RouteDraft> route_section() {
  Section<RouteDraft> s;
  s.text("to", &RouteConfig::to, parse_route_prefix,
         "a subnet such as 198.51.100.0/24 or 2001:db8:1::/48",
         "Destination subnet; 0.0.0.0/0 or ::/0 is the default route.")
      .required();
  s.text("via", &RouteConfig::via, parse_host_address, kHostAddress,
         "Next hop: a router on the subnet of a port.")
      .required();
  return s;
}

EntryNaming<RouteConfig> route_naming() {
  return {.name = [](const RouteConfig& route) { return to_string(route.to); },
          .more = [](const RouteConfig& route) { return "via " + to_string(route.via); }};
}

EntryNaming<NeighbourConfig> neighbour_naming() {
  return {.name = [](const NeighbourConfig& entry) { return to_string(entry.address); },
          .more = [](const NeighbourConfig& entry) { return "mac " + to_string(entry.mac); }};
}

Section<NeighbourDraft> neighbour_section() {
  Section<NeighbourDraft> s;
  s.text("address", &NeighbourConfig::address, parse_host_address, kHostAddress,
         "A host or router on the subnet of a port.")
      .required();
  s.text("mac", &NeighbourConfig::mac, parse_station_mac, kStationMac,
         "Its MAC address, which is not resolved by ARP or ND and does not age.")
      .required();
  return s;
}

std::vector<Word<TunnelKind>> kind_words(Carries payload) {
  std::vector<Word<TunnelKind>> kinds;
  for (size_t i = 0; i < kTunnelKindCount; ++i)
    if (kTunnelKinds[i].routed == (payload == Carries::kPackets))
      kinds.emplace_back(kTunnelKinds[i].name.data(), static_cast<TunnelKind>(i));
  return kinds;
}

Section<TunnelOptions> tunnel_options_section() {
  using T = TunnelOptions;
  Section<T> s;
  s.number("ttl", &T::ttl, 1, 255, "TTL (hop limit) of the outer header.");
  s.number("dscp", &T::dscp, 0, 63, "DSCP of the outer header.");
  s.word("ttl_mode", &T::ttl_mode,
         "Outer TTL. pipe: 'ttl' for every packet; uniform: copied from the inner IP packet.");
  s.word("dscp_mode", &T::dscp_mode,
         "Outer DSCP. pipe: 'dscp' for every packet; uniform: copied from the inner packet, and "
         "back at decapsulation.");
  s.word(
      "df", &T::df,
      "Don't Fragment bit of the outer IPv4 header. inherit: copied from the inner IPv4 packet.");
  s.absent_everywhere("the default");
  return s;
}

}  // namespace adit
