// SPDX-License-Identifier: Apache-2.0
#include "host/nd.h"

#include <algorithm>

#include "egress/transmit.h"
#include "host/host.h"
#include "icmp/outer_error.h"
#include "packet/checksum.h"
#include "packet/fragment.h"
#include "packet/ip_rules.h"
#include "worker/punt.h"

namespace adit {
namespace {

constexpr uint8_t kEchoRequest = 128;
constexpr uint8_t kEchoReply = 129;
constexpr uint8_t kSolicitation = 135;
constexpr uint8_t kAdvertisement = 136;
constexpr uint8_t kOptionSourceMac = 1;
constexpr uint8_t kOptionTargetMac = 2;
constexpr uint8_t kReplyHopLimit = 64;
// RFC 4861 section 7.1: with this hop limit no router has forwarded the message.
constexpr uint8_t kNdHopLimit = 255;
constexpr uint32_t kRouter = 0x8000'0000, kSolicited = 0x4000'0000, kOverride = 0x2000'0000;

// RFC 4861 sections 4.3 and 4.4, with one option of a MAC address behind it.
struct NdMessage {
  uint8_t type;
  uint8_t code;
  be16 checksum;
  be32 flags;
  Ipv6Key target;
};
struct NdMacOption {
  uint8_t type;
  uint8_t len;  // in 8 bytes: 1
  MacAddr mac;
};
static_assert(sizeof(NdMessage) == 24 && sizeof(NdMacOption) == 8);
// The layout of all messages that we send.
struct NdFrame {
  EthernetHeader ethernet;
  Ipv6Header ip;
  uint8_t message[sizeof(NdMessage)];
  NdMacOption option;
};
static_assert(sizeof(NdFrame) == 86);

// RFC 4291 section 2.7.1
constexpr uint64_t kLinkGroups = 0xff02'0000'0000'0000;
const Ipv6Key kAllNodes{be64(kLinkGroups).raw(), be64(1).raw()};
const Ipv6Key kAllRouters{be64(kLinkGroups).raw(), be64(2).raw()};
const MacAddr kAllNodesMac = MacAddr::from_u64(0x3333'0000'0001);

struct NdFacts {
  Ipv6Key source, destination, target;
  uint32_t flags = 0;
  std::optional<MacAddr> mac;  // of the source or target link-layer address option
};

bool is_unspecified(const Ipv6Key& key) noexcept {
  return key.high == 0 && key.low == 0;
}
bool is_multicast(const Ipv6Key& key) noexcept {
  return (key.high & 0xff) == 0xff;
}

uint64_t last_three_bytes(const Ipv6Key& address) noexcept {
  return be64::from_raw(address.low).host() & 0xff'ffff;
}
// RFC 4291 section 2.7.1: ff02::1:ff00:0/104 and the address's last three bytes.
Ipv6Key solicited_node_group(const Ipv6Key& address) noexcept {
  return {be64(kLinkGroups).raw(), be64(uint64_t{0x1'ff00'0000} | last_three_bytes(address)).raw()};
}

bool is_own(const Interface& interface, const Ipv6Key& address) noexcept {
  const auto& own = interface.own_ipv6;
  return std::find(own.begin(), own.end(), address) != own.end();
}

// RFC 4861 section 4.4: a router sets the R flag in each advertisement, or hosts remove it from
// their default routers (section 7.2.5). In the underlay we are not a router.
uint32_t router_flag(const Interface& interface) noexcept {
  return interface.vrf != 0 ? kRouter : 0;
}

// Whether the destination is one of our addresses, or a group that nodes with our addresses join
// (RFC 4291 section 2.8).
bool is_for_us(const Interface& interface, const Ipv6Key& destination) noexcept {
  if (!is_multicast(destination)) return is_own(interface, destination);
  if (destination == kAllNodes) return true;
  if (destination == kAllRouters) return interface.vrf != 0;
  return std::any_of(interface.own_ipv6.begin(), interface.own_ipv6.end(),
                     [&](const Ipv6Key& own) { return solicited_node_group(own) == destination; });
}

uint64_t pseudo_header_sum(const Ipv6Header* ip, uint32_t bytes) noexcept {
  return sum_words(ip->src.data(), 32) + be16(kIpProtocolIcmpv6).raw() + be32(bytes).raw();
}

// RFC 4861 sections 4.6 and 7.1: false if an option has length 0 or exceeds the packet.
bool read_options(const uint8_t* at, unsigned len, uint8_t wanted, NdFacts& facts) noexcept {
  while (len > 0) {
    if (len < 8 || at[1] == 0 || at[1] * 8u > len) return false;
    if (at[0] == wanted && at[1] == 1) {
      MacAddr mac;
      std::memcpy(mac.bytes.data(), at + 2, sizeof mac);
      if (mac.is_group() || mac.is_zero()) return false;
      facts.mac = mac;
    }
    len -= at[1] * 8u;
    at += at[1] * 8u;
  }
  return true;
}

// False if RFC 4861 section 7.1.1 or 7.1.2 requires that the message is silently discarded.
bool read_message(const Packet& packet, const Ipv6Header* ip, NdFacts& facts) noexcept {
  const rte_mbuf* mbuf = packet.mbuf;
  // Options behind the first segment are not read: messages are short.
  if (mbuf->nb_segs != 1 || packet.l4_payload + sizeof(NdMessage) > mbuf->data_len) return false;
  if (ip->hop_limit != kNdHopLimit) return false;
  const uint8_t* at = frame_of(packet.mbuf) + packet.l4_payload;
  NdMessage message;
  std::memcpy(&message, at, sizeof message);
  if (message.code != 0) return false;
  facts.target = message.target;
  facts.flags = message.flags.host();
  std::memcpy(&facts.source, ip->src.data(), sizeof facts.source);
  std::memcpy(&facts.destination, ip->dst.data(), sizeof facts.destination);
  if (!can_be_host(facts.target)) return false;
  const bool solicits = message.type == kSolicitation;
  if (!read_options(at + sizeof message,
                    mbuf->data_len - packet.l4_payload - unsigned{sizeof message},
                    solicits ? kOptionSourceMac : kOptionTargetMac, facts))
    return false;
  if (solicits && is_unspecified(facts.source))
    return !facts.mac && facts.destination == solicited_node_group(facts.target);
  if (solicits) return true;
  return !is_unspecified(facts.source) &&
         !(is_multicast(facts.destination) && (facts.flags & kSolicited));
}

// Control answers, so that hosts that ask at the same time get one answer.
void take_router_solicitation(Worker& worker, LinkId link, const Packet& packet,
                              const Ipv6Header* ip) noexcept {
  constexpr unsigned kFixedBytes = 8;  // RFC 4861 section 4.1
  rte_mbuf* mbuf = packet.mbuf;
  const uint8_t* at = frame_of(mbuf) + packet.l4_payload;
  NdFacts facts;
  std::memcpy(&facts.source, ip->src.data(), sizeof facts.source);
  // RFC 4861 section 6.1.1
  if (mbuf->nb_segs != 1 || ip->hop_limit != kNdHopLimit || at[1] != 0 ||
      !read_options(at + kFixedBytes, mbuf->data_len - packet.l4_payload - kFixedBytes,
                    kOptionSourceMac, facts) ||
      (is_unspecified(facts.source) && facts.mac))
    return drop(worker, mbuf, DropReason::k_nd_malformed);
  std::memcpy(&facts.destination, ip->dst.data(), sizeof facts.destination);
  if (!is_for_us(*interface_of(*worker.snapshot, link), facts.destination))
    return drop(worker, mbuf, DropReason::k_nd_not_for_us);
  // At most once a second for each link: further solicitations add nothing.
  if (worker.reported->first_in(worker.now_s, kRouterSolicitationType, link))
    return punt(worker, router_solicitations(interface_of(*worker.snapshot, link)->vrf), link, true,
                mbuf);
  worker.counters.consumed.add(1);
  discard(worker, mbuf);
}

void report_neighbour(Worker& worker, LinkId link, const Ipv6Key& ip,
                      const std::optional<MacAddr>& mac, uint8_t what) noexcept {
  Event event{};
  event.kind = Event::Kind::kNeighbourSeen;
  event.link = link;
  event.ip = to_address(ip, true);
  event.mac = mac.value_or(MacAddr{});
  event.claim = static_cast<uint8_t>(mac ? what : what | claim::kNoMac);
  report(worker, event);
}

uint8_t claim_of(const NdFacts& facts) noexcept {
  return static_cast<uint8_t>((facts.flags & kSolicited ? claim::kSolicited : 0) |
                              (facts.flags & kOverride ? claim::kOverride : 0));
}

struct NdHeader {
  MacAddr destination_mac, source_mac;
  Ipv6Key source, destination;
};

void write_frame(NdFrame& frame, const NdHeader& header, const NdMessage& message,
                 const NdMacOption& option) noexcept {
  frame.ethernet = {header.destination_mac, header.source_mac, be16(kEtherTypeIpv6)};
  frame.ip.version_class_label = be32(uint32_t{6} << 28);
  frame.ip.payload_length = be16(sizeof(NdMessage) + sizeof(NdMacOption));
  frame.ip.next_header = kIpProtocolIcmpv6;
  frame.ip.hop_limit = kNdHopLimit;
  std::memcpy(frame.ip.src.data(), &header.source, sizeof header.source);
  std::memcpy(frame.ip.dst.data(), &header.destination, sizeof header.destination);
  std::memcpy(frame.message, &message, sizeof message);
  frame.option = option;
  constexpr unsigned kBytes = sizeof(NdMessage) + sizeof(NdMacOption);
  const uint64_t sum = pseudo_header_sum(&frame.ip, kBytes) + sum_words(frame.message, kBytes);
  const be16 checksum = be16::from_raw(static_cast<uint16_t>(~fold_sum(sum)));
  std::memcpy(frame.message + offsetof(NdMessage, checksum), &checksum, sizeof checksum);
}

rte_mbuf* new_frame(Worker& worker, NdFrame*& frame) noexcept {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(worker.pool);
  if (mbuf != nullptr)
    frame = reinterpret_cast<NdFrame*>(rte_pktmbuf_append(mbuf, sizeof(NdFrame)));
  return mbuf;
}

// RFC 4861 section 7.2.4: to all nodes if the solicitation has no source address.
void advertise(Worker& worker, LinkId link, const Packet& asked, const NdFacts& facts,
               const MacAddr& asker) noexcept {
  NdFrame* frame = nullptr;
  rte_mbuf* mbuf = new_frame(worker, frame);
  if (mbuf == nullptr) return;  // it asks again
  const Interface& interface = *interface_of(*worker.snapshot, link);
  const bool known = !is_unspecified(facts.source);
  const uint32_t flags = router_flag(interface) | kOverride | (known ? kSolicited : 0);
  write_frame(
      *frame,
      {known ? asker : kAllNodesMac, interface.mac, facts.target, known ? facts.source : kAllNodes},
      {kAdvertisement, 0, be16(0), be32(flags), facts.target},
      {kOptionTargetMac, 1, interface.mac});
  worker.counters.arp_requests_answered.add(1);
  worker.counters.originated.add(1);
  answer_on(worker, link, asked, mbuf);
}

void answer_echo(Worker& worker, LinkId link, Packet& packet, Ipv6Header* ip) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  auto* ethernet = reinterpret_cast<EthernetHeader*>(frame_of(mbuf));
  Ipv6Key source;
  std::memcpy(&source, ip->src.data(), sizeof source);
  Ipv6Key destination;
  std::memcpy(&destination, ip->dst.data(), sizeof destination);
  const Interface& interface = *interface_of(*worker.snapshot, link);
  // The underlay's addresses were checked before. Packets to link-local addresses of others are not
  // forwarded.
  if (interface.vrf != 0 && !is_own(interface, destination) &&
      worker.snapshot->routes.find(interface.vrf, ip->dst.data(), true).kind !=
          RouteTarget::Kind::kLocal)
    return drop(worker, mbuf, DropReason::k_not_routable);
  // We do not reply to a group, and a reply goes to the source of the request.
  if (ethernet->dst.is_group() || is_unspecified(source))
    return drop(worker, mbuf, DropReason::k_icmp_ignored);
  if (ethernet->src.is_group() || ethernet->src.is_zero())
    return drop(worker, mbuf, DropReason::k_source_mac_invalid);
  std::swap(ethernet->dst, ethernet->src);
  std::swap(ip->src, ip->dst);
  ip->hop_limit = kReplyHopLimit;
  auto* icmp = reinterpret_cast<IcmpEcho*>(frame_of(mbuf) + packet.l4_payload);
  icmp->checksum = update_message_checksum(icmp->checksum, be16(uint16_t{kEchoRequest} << 8),
                                           be16(uint16_t{kEchoReply} << 8));
  icmp->type = kEchoReply;
  worker.counters.echo_requests_answered.add(1);
  answer_whole(worker, link, packet, mbuf);
}

// Whether another host uses our address as source or target (RFC 4862 section 5.4.5). A
// solicitation from the unspecified address is no conflict: its sender does not have the address
// yet (section 5.4.3).
bool is_conflict(const Interface& interface, const NdFacts& facts, uint8_t type) noexcept {
  return is_own(interface, facts.source) ||
         (type == kAdvertisement && is_own(interface, facts.target));
}

// kNone: a solicitation to answer, or an advertisement to learn from.
DropReason check_neighbour(Worker& worker, LinkId link, const EthernetHeader& ethernet,
                           const NdFacts& facts, uint8_t type) noexcept {
  const Interface& interface = *interface_of(*worker.snapshot, link);
  if (ethernet.src.is_group() || ethernet.src.is_zero()) return DropReason::k_nd_malformed;
  const MacAddr mac = facts.mac.value_or(ethernet.src);
  if (mac == interface.mac) return DropReason::k_source_mac_invalid;
  if (is_conflict(interface, facts, type)) {
    const Ipv6Key& ours = is_own(interface, facts.source) ? facts.source : facts.target;
    report_conflict(worker, link, to_address(ours, true), mac);
    return DropReason::k_address_conflict;
  }
  if (worker.snapshot->own_sources.find(interface.vrf, facts.source, true) ==
      OwnSources::Owner::kLink)
    return DropReason::k_ip_source;
  if (type == kAdvertisement)
    return is_for_us(interface, facts.destination) ? DropReason::kNone
                                                   : DropReason::k_nd_not_for_us;
  // RFC 4861 section 4.3: to the target's solicited-node group. Unicast to our address is for us.
  const bool to_target = is_multicast(facts.destination)
                             ? facts.destination == solicited_node_group(facts.target)
                             : is_own(interface, facts.destination);
  return to_target && is_own(interface, facts.target) ? DropReason::kNone
                                                      : DropReason::k_nd_not_for_us;
}

void handle_neighbour(Worker& worker, LinkId link, const Packet& packet, uint8_t type) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame_of(mbuf));
  NdFacts facts;
  if (!read_message(packet, reinterpret_cast<const Ipv6Header*>(ethernet + 1), facts))
    return drop(worker, mbuf, DropReason::k_nd_malformed);
  if (const DropReason wrong = check_neighbour(worker, link, *ethernet, facts, type);
      wrong != DropReason::kNone)
    return drop(worker, mbuf, wrong);
  if (type == kAdvertisement) {
    report_neighbour(worker, link, facts.target, facts.mac, claim_of(facts));
  } else {
    // RFC 4861 section 7.2.3
    if (facts.mac) report_neighbour(worker, link, facts.source, facts.mac, claim::kOverride);
    advertise(worker, link, packet, facts, facts.mac.value_or(ethernet->src));
  }
  worker.counters.consumed.add(1);
  discard(worker, mbuf);
}

}  // namespace

void handle_icmpv6(Worker& worker, LinkId link, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  const uint32_t offset = packet.l4_payload;
  if (offset + sizeof(IcmpEcho) > mbuf->data_len)
    return drop(worker, mbuf, DropReason::k_icmp_truncated);
  auto* ethernet = reinterpret_cast<EthernetHeader*>(frame_of(mbuf));
  auto* ip = reinterpret_cast<Ipv6Header*>(ethernet + 1);
  const uint32_t bytes = mbuf->pkt_len - offset;
  if (sum_mbuf(mbuf, offset, bytes, pseudo_header_sum(ip, bytes)) != 0xffff)
    return drop(worker, mbuf, DropReason::k_icmp_checksum);
  const uint8_t type = frame_of(mbuf)[offset];
  if (was_put_together(mbuf) && is_nd_type(type))
    return drop(worker, mbuf, DropReason::k_nd_malformed);  // RFC 6980 section 5
  if (type == kSolicitation || type == kAdvertisement)
    return handle_neighbour(worker, link, packet, type);
  const Interface& interface = *interface_of(*worker.snapshot, link);
  Ipv6Key source;
  std::memcpy(&source, ip->src.data(), sizeof source);
  if (is_own(interface, source) || worker.snapshot->own_sources.has(interface.vrf, source, true))
    return drop(worker, mbuf, DropReason::k_ip_source);
  if (type == kEchoRequest && frame_of(mbuf)[offset + 1] == 0)
    return answer_echo(worker, link, packet, ip);
  if (type == kRouterSolicitationType && !interface.router_advertisement.empty())
    return take_router_solicitation(worker, link, packet, ip);
  if (interface.vrf == 0 && (take_outer_error(worker, mbuf, sizeof(EthernetHeader), offset, 0) ||
                             take_for_host(worker, 0, link, mbuf, sizeof(EthernetHeader))))
    return;
  drop(worker, mbuf, DropReason::k_icmp_ignored);
}

rte_mbuf* make_router_advertisement(Worker& worker, const Command& command) noexcept {
  constexpr unsigned kHeaders = sizeof(EthernetHeader) + sizeof(Ipv6Header);
  constexpr unsigned kChecksum = kHeaders + 2, kLifetime = kHeaders + 6;  // RFC 4861 section 4.2
  const auto& frame = interface_of(*worker.snapshot, command.link)->router_advertisement;
  if (frame.empty()) return nullptr;
  rte_mbuf* mbuf = rte_pktmbuf_alloc(worker.pool);
  if (mbuf == nullptr) return nullptr;
  const auto bytes = static_cast<uint16_t>(frame.size());
  ADIT_ASSERT(bytes <= rte_pktmbuf_tailroom(mbuf));
  auto* at = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(mbuf, bytes));
  std::memcpy(at, frame.data(), bytes);
  if (command.kind == Command::Kind::kCeaseRouter) std::memset(at + kLifetime, 0, sizeof(be16));
  const auto* ip = reinterpret_cast<const Ipv6Header*>(at + sizeof(EthernetHeader));
  const uint64_t sum =
      pseudo_header_sum(ip, bytes - kHeaders) + sum_bytes(at + kHeaders, bytes - kHeaders);
  const be16 checksum = be16::from_raw(static_cast<uint16_t>(~fold_sum(sum)));
  std::memcpy(at + kChecksum, &checksum, sizeof checksum);
  return mbuf;
}

rte_mbuf* make_solicitation(Worker& worker, const Command& command) noexcept {
  NdFrame* frame = nullptr;
  rte_mbuf* mbuf = new_frame(worker, frame);
  if (mbuf == nullptr) return nullptr;
  const Ipv6Key source = address_key(command.source_ip);
  const Ipv6Key target = address_key(command.target_ip);
  const bool to_all = command.destination_mac.is_broadcast();
  if (source == target) {
    // Unsolicited, to all nodes: section 7.2.6.
    const uint32_t flags = router_flag(*interface_of(*worker.snapshot, command.link)) | kOverride;
    write_frame(*frame, {kAllNodesMac, command.source_mac, source, kAllNodes},
                {kAdvertisement, 0, be16(0), be32(flags), target},
                {kOptionTargetMac, 1, command.source_mac});
    return mbuf;
  }
  const MacAddr group_mac = MacAddr::from_u64(0x3333'ff00'0000 | last_three_bytes(target));
  write_frame(*frame,
              {to_all ? group_mac : command.destination_mac, command.source_mac, source,
               to_all ? solicited_node_group(target) : target},
              {kSolicitation, 0, be16(0), be32(0), target},
              {kOptionSourceMac, 1, command.source_mac});
  return mbuf;
}

}  // namespace adit
