// SPDX-License-Identifier: Apache-2.0
#include "service_world.h"

#include <rte_ip.h>

#include <algorithm>
#include <array>
#include <bitset>

#include "adit/wire.h"

namespace adit::bench {
namespace {

constexpr uint64_t kBackendMacs = 0x02'0d'00'00'00'00;
constexpr uint32_t kClientIps = 0x0a'00'00'00;   // 10.0.0.0/8
constexpr uint32_t kServiceIp = 0x0b'00'00'01;   // 11.0.0.1
constexpr uint32_t kBackendNet = 0x0c'00'00'00;  // 12.0.0.0/16
constexpr uint32_t kLocalIps = 0x0c'00'01'00;    // 12.0.1.0
constexpr uint32_t kClientNet = 0xac'10'00'00;   // 172.16.0.0/24, the router's
constexpr uint32_t kFirstBackend = 10;
// The fourth 16 bits of the IPv6 addresses, 2001:db8:0:N::/64.
constexpr uint16_t kClientSubnet = 1, kServiceSubnet = 2, kBackendSubnet = 3, kLocalSubnet = 4,
                   kRouterSubnet = 5;
constexpr uint16_t kServicePort = 80, kBackendPort = 8080;
constexpr unsigned kMtu = 9100;
constexpr uint32_t kLongest_s = 86'400;  // no connection ends between two runs

MacAddr backend_mac(unsigned number) {
  return MacAddr::from_u64(kBackendMacs + number);
}

uint16_t client_port(uint32_t flow) {
  return static_cast<uint16_t>(1024 + flow % 60'000);
}

}  // namespace

IpAddr ServiceWorld::address(uint32_t v4, uint16_t v6_subnet, uint32_t host) const noexcept {
  if (!form_.ipv6) return IpAddr::v4(be32(v4 + host));
  IpAddr ip;
  ip.family = IpFamily::kV6;
  ip.bytes = {0x20, 0x01, 0x0d, 0xb8};
  ip.bytes[7] = static_cast<uint8_t>(v6_subnet);
  const be32 last(host);
  std::memcpy(&ip.bytes[12], &last, sizeof last);
  return ip;
}
IpAddr ServiceWorld::client(uint32_t flow) const noexcept {
  return address(kClientIps, kClientSubnet, flow + 1);
}
IpAddr ServiceWorld::service() const noexcept {
  return address(kServiceIp, kServiceSubnet, 0);
}
IpAddr ServiceWorld::backend(unsigned number) const noexcept {
  return address(kBackendNet, kBackendSubnet, kFirstBackend + number);
}
IpAddr ServiceWorld::local(unsigned number) const noexcept {
  return address(kLocalIps, kLocalSubnet, number);
}
IpAddr ServiceWorld::own(bool at_clients) const noexcept {
  return at_clients ? address(kClientNet, kRouterSubnet, 1)
                    : address(kBackendNet, kBackendSubnet, 1);
}
IpAddr ServiceWorld::router() const noexcept {
  return address(kClientNet, kRouterSubnet, 2);
}
uint16_t ServiceWorld::backend_port() const noexcept {
  return translates() ? kBackendPort : kServicePort;
}

// RFC 9293 section 3.4: a SYN takes a number. Each end begins with the flow's.
static uint32_t first_behind_syn(uint8_t flags) noexcept {
  return (flags & kTcpSyn) != 0 ? 0 : 1;
}

// The rest of the payload is zero, which adds nothing to the checksum.
void ServiceWorld::append_packet(FrameHead& head, const Packet& packet, uint32_t flow,
                                 uint8_t flags, uint16_t bytes) const noexcept {
  TcpHeader tcp = {};
  tcp.src_port = be16(packet.source_port);
  tcp.dst_port = be16(packet.destination_port);
  // As both ends have it: a SYN takes a number, and each has acknowledged the other's.
  tcp.sequence = be32(flow + first_behind_syn(flags));
  if ((flags & kTcpAck) != 0) tcp.acknowledgment = be32(flow + 1);
  tcp.data_offset = 5 << 4;
  tcp.flags = flags;
  tcp.window = be16(1024);
  uint16_t pseudo = 0;
  if (form_.ipv6) {
    const Ipv6Header ip =
        ipv6_header(packet.source, packet.destination,
                    static_cast<uint16_t>(bytes - sizeof(Ipv6Header)), kIpProtocolTcp, packet.ttl);
    rte_ipv6_hdr copy;
    std::memcpy(&copy, &ip, sizeof copy);
    pseudo = rte_ipv6_phdr_cksum(&copy, 0);
    head.append(ip);
  } else {
    const Ipv4Header ip = ipv4_header(packet.source.as_v4(), packet.destination.as_v4(), bytes,
                                      kIpv4DontFragment, kIpProtocolTcp, packet.ttl);
    rte_ipv4_hdr copy;
    std::memcpy(&copy, &ip, sizeof copy);
    pseudo = rte_ipv4_phdr_cksum(&copy, 0);
    head.append(ip);
  }
  const uint32_t sum = uint32_t{pseudo} + rte_raw_cksum(&tcp, sizeof tcp);
  tcp.checksum = be16::from_raw(static_cast<uint16_t>(~((sum & 0xffff) + (sum >> 16))));
  head.append(tcp);
}

FrameHead ServiceWorld::frame(const Packet& packet, uint32_t flow, uint8_t flags,
                              uint16_t bytes) const noexcept {
  FrameHead head;
  head.append(EthernetHeader{packet.destination_mac, packet.source_mac,
                             be16(form_.ipv6 ? kEtherTypeIpv6 : kEtherTypeIpv4)});
  append_packet(head, packet, flow, flags, static_cast<uint16_t>(bytes - sizeof(EthernetHeader)));
  return head;
}

FrameHead ServiceWorld::from_client(uint32_t flow, uint8_t flags, uint16_t bytes) const noexcept {
  return frame({kRouterMac, kAccessMac, client(flow), service(), client_port(flow), kServicePort},
               flow, flags, bytes);
}

FrameHead ServiceWorld::from_backend(uint32_t flow, uint8_t flags, uint16_t bytes) const noexcept {
  const Peer& peer = peers_[flow];
  Packet packet = {
      backend_mac(peer.backend), kUplinkMac, backend(peer.backend), client(flow), backend_port(),
      client_port(flow)};
  if (form_.forwarding == Forwarding::kFullNat) {
    packet.destination = local(peer.local);
    packet.destination_port = peer.local_port.host();
  }
  return frame(packet, flow, flags, bytes);
}

FrameHead ServiceWorld::to_client(uint32_t flow, uint8_t flags, uint16_t bytes) const noexcept {
  return frame(
      {kAccessMac, kRouterMac, service(), client(flow), kServicePort, client_port(flow), kTtl - 1},
      flow, flags, bytes);
}

FrameHead ServiceWorld::to_backend(uint32_t flow, uint8_t flags, uint16_t bytes) const noexcept {
  const Peer& peer = peers_[flow];
  Packet packet = {kUplinkMac, backend_mac(peer.backend), client(flow),
                   service(),  client_port(flow),         backend_port(),
                   kTtl - 1};
  if (translates()) packet.destination = backend(peer.backend);
  if (form_.forwarding == Forwarding::kFullNat) {
    packet.source = local(peer.local);
    packet.source_port = peer.local_port.host();
  }
  if (form_.forwarding != Forwarding::kTunnel) return frame(packet, flow, flags, bytes);
  // We are a hop to the packet, and the way to the backend one to the outer header.
  const auto ip_bytes = static_cast<uint16_t>(bytes - sizeof(EthernetHeader));
  FrameHead head;
  head.append(EthernetHeader{packet.destination_mac, packet.source_mac,
                             be16(form_.ipv6 ? kEtherTypeIpv6 : kEtherTypeIpv4)});
  if (form_.ipv6)
    head.append(ipv6_header(own(false), backend(peer.backend),
                            static_cast<uint16_t>(ip_bytes - sizeof(Ipv6Header)), kIpProtocolIpv6,
                            kTtl - 1));
  else
    head.append(ipv4_header(own(false).as_v4(), backend(peer.backend).as_v4(), ip_bytes,
                            kIpv4DontFragment, kIpProtocolIpv4, kTtl - 1));
  append_packet(head, packet, flow, flags, static_cast<uint16_t>(ip_bytes - wrapping_bytes()));
  return head;
}

// By the last bytes of addresses; what else there is of them is compared afterwards.
ServiceWorld::Peer ServiceWorld::peer_in(const uint8_t* head) const noexcept {
  const unsigned ip_end = unsigned{sizeof(EthernetHeader)} + ip_bytes();
  const unsigned width = form_.ipv6 ? 16 : 4;
  Peer peer;
  peer.backend = form_.forwarding == Forwarding::kDirect
                     ? head[offsetof(EthernetHeader, dst) + 5]
                     : static_cast<uint8_t>(head[ip_end - 1] - kFirstBackend);
  if (form_.forwarding != Forwarding::kFullNat) return peer;
  peer.local = head[ip_end - width - 1];
  std::memcpy(&peer.local_port, head + ip_end, sizeof peer.local_port);
  return peer;
}

std::string ServiceWorld::examine_to_backend(const uint8_t* head, uint8_t flags, uint32_t bytes) {
  const unsigned inner = unsigned{sizeof(EthernetHeader)} + wrapping_bytes();
  be32 sequence;
  std::memcpy(&sequence, head + inner + ip_bytes() + offsetof(TcpHeader, sequence),
              sizeof sequence);
  const uint32_t flow = sequence.host() - first_behind_syn(flags);
  if (flow >= peers_.size()) return "its sequence number is no flow's";
  Peer& peer = peers_[flow];
  if (peer.backend == kNone) {
    const Peer chosen = peer_in(head);
    if (chosen.backend >= kBackends) return "it is for no backend";
    if (chosen.local >= kLocals) return "it is from no local address";
    peer = chosen;
  }
  FrameHead right = to_backend(flow, flags, static_cast<uint16_t>(bytes));
  if (form_.ipv6 && form_.forwarding == Forwarding::kTunnel) {
    // The outer flow label, 20 bits, is the pipeline's choice (RFC 6438).
    uint8_t* label = right.data() + sizeof(EthernetHeader) + 1;
    const uint8_t* found = head + sizeof(EthernetHeader) + 1;
    label[0] = static_cast<uint8_t>((label[0] & 0xf0) | (found[0] & 0x0f));
    std::memcpy(label + 1, found + 1, 2);
  }
  return first_difference(head, right);
}

std::string ServiceWorld::examine_to_client(const uint8_t* head, uint8_t flags,
                                            uint32_t bytes) const {
  be32 sequence;
  std::memcpy(&sequence, head + sizeof(EthernetHeader) + ip_bytes() + offsetof(TcpHeader, sequence),
              sizeof sequence);
  const uint32_t flow = sequence.host() - first_behind_syn(flags);
  if (flow >= peers_.size()) return "its sequence number is no flow's";
  return first_difference(head, to_client(flow, flags, static_cast<uint16_t>(bytes)));
}

uint32_t ServiceWorld::flows_placed() const noexcept {
  return static_cast<uint32_t>(std::count_if(
      peers_.begin(), peers_.end(), [](const Peer& peer) { return peer.backend != kNone; }));
}

unsigned ServiceWorld::backends_used() const noexcept {
  std::bitset<kBackends> used;
  for (const Peer& peer : peers_)
    if (peer.backend != kNone) used.set(peer.backend);
  return static_cast<unsigned>(used.count());
}

Config ServiceWorld::config(uint32_t connections) const {
  const uint8_t subnet = form_.ipv6 ? 64 : 24;
  Config config;
  config.ports.resize(2);
  config.ports[0].name = "clients";
  config.ports[0].addresses = {{own(true), subnet}};
  config.ports[1].name = "servers";
  config.ports[1].addresses = {{own(false), form_.ipv6 ? uint8_t{64} : uint8_t{16}}};
  for (PortConfig& port : config.ports) port.mtu_bytes = kMtu;
  VrfConfig vrf;
  vrf.name = "v";
  vrf.ports = {"clients", "servers"};
  VrfRouteConfig to_clients;
  to_clients.to = form_.ipv6 ? IpPrefix{address(0, kClientSubnet, 0), 64}
                             : IpPrefix{IpAddr::v4(be32(kClientIps)), 8};
  to_clients.via = router();
  vrf.routes = {to_clients};
  vrf.neighbours = {{router(), kRouterMac}};
  ServiceConfig service_config;
  service_config.name = "s";
  service_config.vrf = vrf.name;
  service_config.address = service();
  service_config.port = kServicePort;
  service_config.scheduler = "mh";
  service_config.forwarding = form_.forwarding;
  if (form_.persistent) service_config.persistence = PersistenceConfig{.timeout_s = kLongest_s};
  if (form_.forwarding == Forwarding::kFullNat)
    for (unsigned i = 0; i < kLocals; ++i) service_config.local_addresses.push_back(local(i));
  for (unsigned i = 0; i < kBackends; ++i) {
    BackendConfig backend_config;
    backend_config.address = backend(i);
    if (translates()) backend_config.port = kBackendPort;
    service_config.backends.push_back(backend_config);
    vrf.neighbours.push_back({backend(i), backend_mac(i)});
  }
  config.vrfs = {vrf};
  config.services = {service_config};
  config.balancer.connections = config.balancer.persistence_entries = connections;
  TimeoutsConfig& timeouts = config.balancer.timeouts;
  for (uint32_t* seconds : {&timeouts.syn_recv_s, &timeouts.synack_s, &timeouts.established_s})
    *seconds = kLongest_s;
  return config;
}

}  // namespace adit::bench
