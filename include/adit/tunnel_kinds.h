// SPDX-License-Identifier: Apache-2.0
// The tunnel kinds, one line each. The line determines the kind's number, its place in
// tunnel_registry(), its YAML name and what control checks. The code is in dataplane/tunnel/.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace adit {

struct TunnelKindInfo {
  std::string_view name;  // as in the YAML
  const char* help;       // with its specification
  const char* id_name;    // what the specification calls the network's id
  uint8_t ip_protocol;    // of the outer IP packet
  uint16_t default_port;  // destination port; 0: the kind has none
  uint64_t min_id, max_id;
  bool needs_id;  // false: a remote may have no id
  bool routed;    // carries IP packets of a VRF; false: Ethernet frames of a network
};

// clang-format off
//  name    help                             id        protocol port  least   greatest     needed routed
#define ADIT_TUNNEL_KINDS(X)                                                                             \
  X(Vxlan,  "vxlan",  "VXLAN (RFC 7348).",    "VNI",        17, 4789, 1,      0xff'ffff,   true,  false) \
  X(Nvgre,  "nvgre",  "NVGRE (RFC 7637).",    "VSID",       47, 0,    0x1000, 0xff'fffe,   true,  false) \
  X(Gre,    "gre",    "GRE with an Ethernet payload (RFC 2784, RFC 2890).",                              \
                                              "key",        47, 0,    0,      0xffff'ffff, false, false) \
  X(Geneve, "geneve", "Geneve (RFC 8926).",   "VNI",        17, 6081, 0,      0xff'ffff,   true,  false) \
  X(Stt,    "stt",    "STT (draft-davie-stt-08).",                                                       \
                                              "context id", 6,  7471, 0,      UINT64_MAX,  true,  false) \
  X(GreIp,  "gre-ip", "GRE with an IPv4 or IPv6 payload (RFC 2784, RFC 2890).",                          \
                                              "key",        47, 0,    0,      0xffff'ffff, false, true)  \
  X(Ipip,   "ipip",   "IPv4 or IPv6 in IPv4 or IPv6 (RFC 2003, RFC 4213, RFC 2473).",                    \
                                              "id",         4,  0,    0,      0,           false, true)
// clang-format on

enum class TunnelKind : uint8_t {
#define ADIT_KIND(Name, ...) k##Name,
  ADIT_TUNNEL_KINDS(ADIT_KIND)
#undef ADIT_KIND
      kCount,
};

inline constexpr std::size_t kTunnelKindCount = static_cast<std::size_t>(TunnelKind::kCount);

inline constexpr std::array<TunnelKindInfo, kTunnelKindCount> kTunnelKinds = {{
#define ADIT_KIND(Name, ...) {__VA_ARGS__},
    ADIT_TUNNEL_KINDS(ADIT_KIND)
#undef ADIT_KIND
}};

// The line of the kind in the table above.
constexpr const TunnelKindInfo& info_of(TunnelKind kind) noexcept {
  return kTunnelKinds[static_cast<std::size_t>(kind)];
}

inline constexpr uint8_t kUdpProtocol = 17;

// The YAML key of the kind's port.
constexpr const char* port_key(const TunnelKindInfo& kind) noexcept {
  return kind.ip_protocol == kUdpProtocol ? "udp_port" : "tcp_port";
}

// The index that Snapshot and Packet use.
constexpr uint8_t tunnel_index(TunnelKind kind) noexcept {
  return static_cast<uint8_t>(kind);
}

}  // namespace adit
