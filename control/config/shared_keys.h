// SPDX-License-Identifier: Apache-2.0
// Keys that ports, networks and VRFs have in common.
#pragma once

#include "config/draft.h"
#include "config/limits.h"
#include "config/values.h"

namespace adit {

inline constexpr const char* kHostAddress = "an IP address such as 192.0.2.1 or 2001:db8::1";
inline constexpr const char* kStationMac = "a MAC address such as 02:00:00:00:00:01";
inline constexpr const char* kPortName = "the name of a port";

// The keys of one entry, and how differences name it; `routes` and `neighbours` of the underlay and
// of VRFs have the same.
Section<RouteDraft> route_section();
EntryNaming<RouteConfig> route_naming();
Section<NeighbourDraft> neighbour_section();
EntryNaming<NeighbourConfig> neighbour_naming();
// The keys of `kernel_neighbours` and of `host`, of the underlay or a VRF.
Section<KernelNeighboursDraft> kernel_neighbours_section();
Section<HostDraft> host_section();
// The key `namespace` of what is followed in the kernel.
template <class T, class Base>
void add_namespace(Section<T>& s, std::optional<std::string> Base::*member, const char* help) {
  s.text("namespace", member, parse_namespace, "the name of a network namespace", help)
      .absent("that of aditd");
}
// The keys of `router_advertisements`, and of `tunnel`.
Section<RouterAdvertisementsDraft> advertisements_section();
Section<TunnelOptions> tunnel_options_section();

// Adds the key to the section of a link: a port, a VLAN, or a network's gateway.
template <class T>
void add_advertisements(Section<T>& s) {
  s.section("router_advertisements", &T::advertisement_draft, &T::Finished::router_advertisements,
            advertisements_section(),
            "Send IPv6 router advertisements with the subnets; {}: with all defaults; without the "
            "key, none are sent.");
}

enum class Carries { kFrames, kPackets };

// The tunnel kinds that carry it.
std::vector<Word<TunnelKind>> kind_words(Carries payload);

// What depends on the kind. `gre`: the kind that has a key, checksum and sequence to choose.
template <class Draft>
void check_kind(Reader& reader, const Draft& remote, TunnelKind gre) {
  const Places& at = remote.places;
  if (!at.good("kind")) return;
  const TunnelKindInfo& kind = info_of(remote.kind);
  const bool has_id = kind.max_id != 0;
  if (remote.id && has_id && (*remote.id < kind.min_id || *remote.id > kind.max_id))
    reader.misfit(at.at("id"), "id: found " + std::to_string(*remote.id) +
                                   ", which is not a valid " + kind.id_name +
                                   "; expected a number from " + std::to_string(kind.min_id) +
                                   " to " + std::to_string(kind.max_id));
  const auto goes_with_gre = [&](const char* key) {
    reader.misfit(at.at(key), std::string(key) +
                                  ": only valid with 'kind: " + std::string(info_of(gre).name) +
                                  "'; " + std::string(kind.name) + " does not have it");
  };
  if (remote.id && !has_id) goes_with_gre("id");
  for (const char* key : {"checksum", "sequence"})
    if (at.has(key) && remote.kind != gre) goes_with_gre(key);
}

}  // namespace adit
