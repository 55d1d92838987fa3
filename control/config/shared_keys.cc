// SPDX-License-Identifier: Apache-2.0
#include "config/shared_keys.h"

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
      reader.misfit(server.place, "rdnss: " + to_string(server.value) +
                                      " is no IPv6 address, as DNS servers in router "
                                      "advertisements are");
}

}  // namespace

Section<RouterAdvertisementsDraft> advertisements_section() {
  Section<RouterAdvertisementsDraft> s;
  using R = RouterAdvertisements;
  s.number("interval_s", &R::interval_s, 4, 1800,
           "Seconds between two advertisements at most; at least a third of that.");
  s.number("lifetime_s", &R::lifetime_s, 0, 9000,
           "Seconds that hosts use us as their router after an advertisement, no less than "
           "'interval_s'; 0: not at all; default: three intervals.")
      .absent("three intervals");
  s.flag("autonomous", &R::autonomous,
         "Hosts make addresses of their own in subnets of 64 bits (SLAAC).");
  s.flag("mtu", &R::mtu, "Tell hosts the MTU of packets that go their way.");
  s.texts("rdnss", &RouterAdvertisementsDraft::rdnss_drafts, &R::rdnss, parse_host_address,
          "an IPv6 address such as 2001:db8::53", "DNS servers that hosts are told of, IPv6.",
          "A DNS server.", kMaxAdvertisedDnsServers)
      .each("DNS server", "DNS servers");
  s.check(check_advertisements);
  return s;
}

Section<RouteDraft> route_section() {
  Section<RouteDraft> s;
  s.text("to", &RouteConfig::to, parse_route_prefix,
         "a subnet such as 198.51.100.0/24 or 2001:db8:1::/48",
         "The subnet behind the router; 0.0.0.0/0 or ::/0 is everything else.")
      .required();
  s.text("via", &RouteConfig::via, parse_host_address, kHostAddress,
         "The router, on a port's subnet.")
      .required();
  return s;
}

Told<RouteConfig> told_of_routes() {
  return {.name = [](const RouteConfig& route) { return to_string(route.to); },
          .more = [](const RouteConfig& route) { return "via " + to_string(route.via); }};
}

Told<NeighbourConfig> told_of_neighbours() {
  return {.name = [](const NeighbourConfig& entry) { return to_string(entry.address); },
          .more = [](const NeighbourConfig& entry) { return "mac " + to_string(entry.mac); }};
}

Section<NeighbourDraft> neighbour_section() {
  Section<NeighbourDraft> s;
  s.text("address", &NeighbourConfig::address, parse_host_address, kHostAddress,
         "A host or router on a port's subnet.")
      .required();
  s.text("mac", &NeighbourConfig::mac, parse_station_mac, kStationMac,
         "Its MAC address: never asked for by ARP or ND, never aged.")
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
  s.number("ttl", &T::ttl, 1, 255, "Time to live (hop limit) of the outer header.");
  s.number("dscp", &T::dscp, 0, 63, "Differentiated services code point of the outer header.");
  s.word("ttl_mode", &T::ttl_mode,
         "pipe: 'ttl' on every packet; uniform: that of the inner IP packet.");
  s.word("dscp_mode", &T::dscp_mode,
         "pipe: 'dscp' on every packet; uniform: copied from the inner packet, and back.");
  s.word("df", &T::df,
         "Don't Fragment of the outer IPv4 header; inherit: that of the inner IPv4 packet.");
  s.absent_everywhere("the default");
  return s;
}

}  // namespace adit
