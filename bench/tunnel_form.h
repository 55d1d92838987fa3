// SPDX-License-Identifier: Apache-2.0
// The encapsulations that can be measured: a kind over IPv4 or IPv6.
#pragma once

#include <array>
#include <string_view>

#include "adit/tunnel_kinds.h"
#include "adit/wire.h"
#include "tunnel/stt_header.h"

namespace adit::bench {

struct TunnelForm {
  std::string_view name;
  TunnelKind kind;
  bool ipv6 = false;
  bool zero_checksum6 = false;  // UDP over IPv6 without checksum

  constexpr bool is_udp() const noexcept { return info_of(kind).ip_protocol == kIpProtocolUdp; }
  // Such frames are made by the pipeline alone: the bench's own have no checksum.
  constexpr bool has_udp_checksum() const noexcept { return is_udp() && ipv6 && !zero_checksum6; }
  constexpr bool is_stt() const noexcept { return kind == TunnelKind::kStt; }
  constexpr bool is_routed() const noexcept { return info_of(kind).routed; }
  // By how much a frame in the tunnel is longer than one outside: the headers, but where IP is
  // carried the Ethernet header goes.
  constexpr unsigned header_bytes() const noexcept {
    return ip_end() + tunnel_bytes() - (is_routed() ? unsigned{sizeof(EthernetHeader)} : 0u);
  }
  // Between outer IP header and payload. Kinds in UDP have 8 bytes behind it, GRE's have a key.
  constexpr unsigned tunnel_bytes() const noexcept {
    if (is_stt()) return unsigned{sizeof(SttTcpHeader) + sizeof(SttFrameHeader)};
    if (kind == TunnelKind::kIpip) return 0;
    return is_udp() ? 16u : 8u;
  }
  constexpr unsigned ip_end() const noexcept { return ipv6 ? 54u : 34u; }
};

inline constexpr std::array<TunnelForm, 15> kTunnelForms = {{
    {"vxlan", TunnelKind::kVxlan},
    {"vxlan6", TunnelKind::kVxlan, true},
    {"vxlan6-zero", TunnelKind::kVxlan, true, true},
    {"nvgre", TunnelKind::kNvgre},
    {"nvgre6", TunnelKind::kNvgre, true},
    {"gre", TunnelKind::kGre},
    {"gre6", TunnelKind::kGre, true},
    {"geneve", TunnelKind::kGeneve},
    {"geneve6-zero", TunnelKind::kGeneve, true, true},
    {"stt", TunnelKind::kStt},
    {"stt6", TunnelKind::kStt, true},
    {"gre-ip", TunnelKind::kGreIp},
    {"gre-ip6", TunnelKind::kGreIp, true},
    {"ipip", TunnelKind::kIpip},
    {"ipip6", TunnelKind::kIpip, true},
}};

inline constexpr unsigned kMostHeaderBytes = 92;

}  // namespace adit::bench
