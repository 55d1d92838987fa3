// SPDX-License-Identifier: Apache-2.0
#include "host/check_flows.h"

#include <algorithm>
#include <cstddef>

#include "health/packet_way.h"
#include "host/ip_bytes.h"

namespace adit {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
// The last packets of both sides are under way for as long.
constexpr uint64_t kEndingNs = 5 * kSecond;
// Longer than the longest check waits for an answer.
constexpr uint64_t kIdleNs = 3700 * kSecond;

constexpr uint8_t kEchoRequest4 = 8, kEchoReply4 = 0, kEchoRequest6 = 128, kEchoReply6 = 129;
constexpr size_t kIcmpId = 4, kIcmpPayload = 8;

bool is_icmp(const IpBytes& ip) noexcept {
  return ip.protocol == kIpProtocolIcmp || ip.protocol == kIpProtocolIcmpv6;
}

bool is_icmp_error(const IpBytes& ip) noexcept {
  const uint8_t type = ip.bytes[ip.l4];
  return is_icmp(ip) && (ip.ipv6 ? type >= 1 && type <= 4 : type == 3 || type == 11 || type == 12);
}

// Where the L4 checksum is; 0: there is none.
size_t checksum_at(const IpBytes& ip) noexcept {
  switch (ip.protocol) {
    case kIpProtocolTcp:
      return ip.l4 + offsetof(TcpHeader, checksum);
    case kIpProtocolUdp: {
      const size_t at = ip.l4 + offsetof(UdpHeader, checksum);
      return ip.word(at) == 0 ? 0 : at;
    }
    default:
      return ip.l4 + 2;
  }
}

enum class End { kSource, kDestination };

// Writes address and port of one end, and what depends on them. `port_at` 0: no port.
void write_end(IpBytes& ip, End end, const IpAddr& address, size_t port_at, uint16_t port) {
  const size_t l4_checksum = checksum_at(ip);
  const size_t at = end == End::kSource ? ip.source_at() : ip.destination_at();
  const std::span<const uint8_t> to(address.bytes.data(), ip.address_bytes());
  // ICMP of IPv4 has no pseudo-header.
  const bool has_pseudo = ip.protocol != kIpProtocolIcmp;
  if (has_pseudo && l4_checksum != 0) {
    std::array<uint8_t, 16> former;
    std::copy_n(&ip.bytes[at], to.size(), former.begin());
    patch(ip.bytes, at, to, l4_checksum);
    std::copy_n(former.begin(), to.size(), &ip.bytes[at]);
  }
  patch(ip.bytes, at, to, ip.ipv6 ? 0 : offsetof(Ipv4Header, checksum));
  if (port_at != 0) patch_word(ip.bytes, port_at, port, l4_checksum);
}

bool ends_flow(const IpBytes& ip) noexcept {
  return ip.protocol == kIpProtocolTcp &&
         (ip.bytes[ip.l4 + offsetof(TcpHeader, flags)] & (kTcpFin | kTcpRst)) != 0;
}

bool begins_flow(const IpBytes& ip) noexcept {
  return ip.protocol == kIpProtocolTcp &&
         (ip.bytes[ip.l4 + offsetof(TcpHeader, flags)] & (kTcpSyn | kTcpAck)) == kTcpSyn;
}

}  // namespace

std::optional<CheckFlows::Outgoing> CheckFlows::send(std::span<uint8_t> packet, uint64_t now_ns) {
  auto ip = read_ip(packet);
  if (!ip) return std::nullopt;
  Inside inside;
  inside.backend = backend_of_alias(ip->destination());
  if (inside.backend == 0) return std::nullopt;
  inside.protocol = ip->protocol;
  inside.ipv6 = ip->ipv6;
  if (is_icmp(*ip)) {
    const uint8_t type = ip->bytes[ip->l4];
    if (type != (ip->ipv6 ? kEchoRequest6 : kEchoRequest4)) return std::nullopt;
    inside.source_port = ip->word(ip->l4 + kIcmpId);
  } else {
    inside.source_port = ip->word(ip->l4);
    inside.destination_port = ip->word(ip->l4 + 2);
  }
  const auto flow = find_or_add(inside, begins_flow(*ip), now_ns);
  if (flow == Flows::iterator{}) return std::nullopt;
  const size_t port_at = ip->l4 + (is_icmp(*ip) ? kIcmpId : 0);
  write_end(*ip, End::kSource, flow->outside.local, port_at, flow->outside.port);
  write_end(*ip, End::kDestination, flow->outside.remote, 0, 0);
  flow->ends |= ends_flow(*ip);
  return Outgoing{flow->outside.vrf, inside.backend};
}

CheckFlows::Flows::iterator CheckFlows::find_or_add(const Inside& inside, bool begins,
                                                    uint64_t now_ns) {
  const auto found = by_inside_.find(inside);
  if (found != by_inside_.end()) {
    // The kernel's next flow with these ports is another one, and so shall it be for the backend.
    if (!begins || !found->second->ends) {
      use(found->second, now_ns);
      return found->second;
    }
    erase(found->second);
  }
  const std::optional<Wire> wire = find_(inside.backend);
  const IpFamily family = inside.ipv6 ? IpFamily::kV6 : IpFamily::kV4;
  if (!wire || wire->to.family != family || wire->from.family != family) return {};
  return add(inside, *wire, now_ns);
}

CheckFlows::Flows::iterator CheckFlows::add(const Inside& inside, const Wire& wire,
                                            uint64_t now_ns) {
  constexpr unsigned kTries = 16;
  make_room(wire.vrf, now_ns);
  Outside outside{wire.vrf, inside.protocol, 0, inside.destination_port, wire.to, wire.from};
  std::uniform_int_distribution<unsigned> ports(kFirstPort, kLastPort);
  for (unsigned i = 0; i < kTries; ++i) {
    outside.port = static_cast<uint16_t>(ports(random_));
    if (!by_outside_.contains(outside)) break;
  }
  // Sixteen in a row are taken by flows to this host alone: one of them ends.
  if (const auto taken = by_outside_.find(outside); taken != by_outside_.end())
    erase(taken->second);
  Flows& flows = flows_[wire.vrf];
  const auto flow = flows.insert(flows.end(), {inside, outside, now_ns});
  by_inside_.emplace(inside, flow);
  by_outside_.emplace(outside, flow);
  return flow;
}

void CheckFlows::erase(Flows::iterator flow) {
  by_inside_.erase(flow->inside);
  by_outside_.erase(flow->outside);
  const auto list = flows_.find(flow->outside.vrf);
  list->second.erase(flow);
  if (list->second.empty()) flows_.erase(list);
}

// Drops some of the VRF that are over; and where all places are taken, the one of the VRF that has
// most that was not used for longest.
void CheckFlows::make_room(VrfId vrf, uint64_t now_ns) {
  constexpr unsigned kLooks = 8;
  const auto own = flows_.find(vrf);
  if (own != flows_.end()) {
    auto next = own->second.begin();
    for (unsigned i = 0; i < kLooks && own->second.size() > 1 && next != own->second.end(); ++i) {
      const auto flow = next++;
      if (now_ns - flow->used_ns > (flow->ends ? kEndingNs : kIdleNs)) erase(flow);
    }
  }
  if (by_inside_.size() < kMostFlows) return;
  const auto most =
      std::ranges::max_element(flows_, {}, [](const auto& one) { return one.second.size(); });
  erase(most->second.begin());
}

void CheckFlows::use(Flows::iterator flow, uint64_t now_ns) {
  flow->used_ns = now_ns;
  Flows& flows = flows_.at(flow->outside.vrf);
  flows.splice(flows.end(), flows, flow);
}

bool CheckFlows::receive(VrfId vrf, std::span<uint8_t> packet, uint64_t now_ns) {
  auto ip = read_ip(packet);
  if (!ip) return false;
  if (is_icmp_error(*ip)) return receive_error(vrf, *ip, now_ns);
  Outside outside{vrf, ip->protocol, 0, 0, ip->source(), ip->destination()};
  const size_t port_at = ip->l4 + (is_icmp(*ip) ? kIcmpId : 2);
  outside.port = ip->word(port_at);
  if (is_icmp(*ip)) {
    if (ip->bytes[ip->l4] != (ip->ipv6 ? kEchoReply6 : kEchoReply4)) return false;
  } else {
    outside.remote_port = ip->word(ip->l4);
  }
  const auto found = by_outside_.find(outside);
  if (found == by_outside_.end()) return false;
  const auto flow = found->second;
  use(flow, now_ns);
  const IpFamily family = ip->ipv6 ? IpFamily::kV6 : IpFamily::kV4;
  write_end(*ip, End::kDestination, own_of_aliases(family), port_at, flow->inside.source_port);
  write_end(*ip, End::kSource, alias_of(flow->inside.backend, family), 0, 0);
  flow->ends |= ends_flow(*ip);
  return true;
}

// An ICMP error about a check's packet, which the kernel knows by the alias. Whoever sent the
// error, to the namespace it comes from the alias.
bool CheckFlows::receive_error(VrfId vrf, IpBytes& packet, uint64_t now_ns) {
  auto quote = read_ip(packet.bytes.subspan(packet.l4 + kIcmpPayload), true);
  if (!quote || quote->ipv6 != packet.ipv6) return false;
  Outside outside{vrf, quote->protocol, 0, 0, quote->destination(), quote->source()};
  const size_t port_at = quote->l4 + (is_icmp(*quote) ? kIcmpId : 0);
  outside.port = quote->word(port_at);
  if (!is_icmp(*quote)) outside.remote_port = quote->word(quote->l4 + 2);
  const auto found = by_outside_.find(outside);
  if (found == by_outside_.end()) return false;
  const auto flow = found->second;
  use(flow, now_ns);
  const IpFamily family = packet.ipv6 ? IpFamily::kV6 : IpFamily::kV4;
  const IpAddr own = own_of_aliases(family), alias = alias_of(flow->inside.backend, family);
  const auto write = [](IpBytes& ip, size_t at, const IpAddr& address) {
    patch(ip.bytes, at, {address.bytes.data(), ip.address_bytes()},
          ip.ipv6 ? 0 : offsetof(Ipv4Header, checksum));
  };
  // Nobody reads the L4 checksum of a quote, which may be cut.
  write(*quote, quote->source_at(), own);
  write(*quote, quote->destination_at(), alias);
  patch_word(quote->bytes, port_at, flow->inside.source_port, 0);
  write(packet, packet.source_at(), alias);
  write(packet, packet.destination_at(), own);
  const size_t checksum = packet.l4 + 2;
  patch_word(packet.bytes, checksum, 0, 0);
  uint32_t sum = 0;
  const std::span<const uint8_t> message = packet.bytes.subspan(packet.l4);
  if (packet.ipv6) {
    for (size_t at = packet.source_at(); at < packet.l4; at += 2) sum += packet.word(at);
    sum += static_cast<uint32_t>(message.size()) + kIpProtocolIcmpv6;
  }
  patch_word(packet.bytes, checksum, checksum_of(message, sum), 0);
  return true;
}

}  // namespace adit
