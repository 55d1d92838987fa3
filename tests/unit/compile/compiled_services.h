// SPDX-License-Identifier: Apache-2.0
// Small configurations with services, compiled: for the tests of what becomes of them.
#pragma once

#include "compile/services.h"

namespace adit::compiled_services {

inline IpAddr ip(const char* text) {
  return *parse_ip(text);
}

inline BackendConfig backend(const char* address, uint16_t weight = 1) {
  BackendConfig config;
  config.address = ip(address);
  config.weight = weight;
  return config;
}

inline ServiceConfig service(const char* name, const char* address, uint16_t port,
                             std::vector<BackendConfig> backends = {}) {
  ServiceConfig config;
  config.name = name;
  config.address = ip(address);
  config.port = port;
  config.backends = std::move(backends);
  return config;
}

// The underlay and VRF "blue", with a port each.
inline Config base(std::vector<ServiceConfig> services = {}) {
  Config config;
  config.ports.resize(2);
  config.ports[1].id = {1};
  config.ports[0].name = "up";
  config.ports[0].addresses = {{ip("192.0.2.1"), 24}};
  config.ports[1].name = "blue0";
  config.ports[1].addresses = {{ip("10.1.0.254"), 24}, {ip("fd00:1::1"), 64}};
  VrfConfig blue;
  blue.name = "blue";
  blue.ports = {"blue0"};
  config.vrfs = {blue};
  config.services = std::move(services);
  return config;
}
inline constexpr VrfId kBlue = 1;

inline Compiled compiled(const Config& config, const CompiledIds& previous = {},
                         unsigned workers = 1) {
  const std::vector<PortTraits> traits = {{*parse_mac("02:00:00:00:00:01"), true},
                                          {*parse_mac("02:00:00:00:00:02"), true}};
  return compile(config, traits, previous, 1, workers);
}

inline BackendId id_of(const Compiled& result, const char* name, const char* address,
                       uint16_t port = 0, const char* vrf = kUnderlayName) {
  return result.ids.backends.at({name, vrf, ip(address), port});
}

}  // namespace adit::compiled_services
