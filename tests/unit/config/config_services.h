// SPDX-License-Identifier: Apache-2.0
// Configurations with services, for the tests of the walker and of the differences.
#pragma once

#include <string>

namespace adit {

// Seven lines; what a case adds to `services` begins in line 8.
inline std::string world(const std::string& services) {
  return "ports:\n"
         "  up: {device: 'tap:up0', addresses: [192.0.2.1/24]}\n"
         "  blue0: {device: 'tap:blue0', addresses: [10.1.0.254/24]}\n"
         "networks: {n: {vni: 5}}\n"
         "vrfs:\n"
         "  blue: {ports: [blue0], networks: {n: {addresses: [10.5.0.254/24]}}, tunnels: {t: "
         "{address: 192.0.2.7, addresses: [10.255.0.1/30]}}}\n" +
         (services.empty() ? "services: {}\n" : "services:\n" + services);
}
inline std::string web(const std::string& keys) {
  return world("  web: {" + keys + "}\n");
}
inline std::string fullnat(const std::string& locals) {
  return web("address: 192.0.2.80, port: 80, forwarding: fullnat, local_addresses: [" + locals +
             "], backends: [{address: 192.0.2.11}]");
}

}  // namespace adit
