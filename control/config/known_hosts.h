// SPDX-License-Identifier: Apache-2.0
// Addresses of others that a configuration names: what adit answers ARP and ND for must be none of
// them.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "config/draft.h"
#include "config/prefix_table.h"
#include "config/yaml/mistakes.h"

namespace adit {

class KnownHosts {
 public:
  struct Host {
    const char* what;  // "a router"
    Place place;
  };

  // Routers, static neighbours and the other ends of tunnels. `draft` must outlive this.
  explicit KnownHosts(const ConfigDraft& draft);
  // From now on backends too. There are many, and few services need them.
  void add_backends();

  // Null: nobody's that is known. `vrf`: a name, or that of the underlay.
  const Host* find(const std::string& vrf, const IpAddr& ip) const;

 private:
  using Hosts = std::unordered_map<IpAddr, Host, AddressHash>;
  static void add(Hosts& hosts, const IpAddr& ip, const char* what, const Places& places,
                  const char* key = "address");
  static void add(Hosts& hosts, const std::vector<NeighbourDraft>& neighbours);

  const ConfigDraft& draft_;
  std::map<std::string, Hosts> by_vrf_;
  bool has_backends_ = false;
};

}  // namespace adit
