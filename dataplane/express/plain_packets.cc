// SPDX-License-Identifier: Apache-2.0
#include "express/plain_packets.h"

#include <rte_prefetch.h>

#include "worker/handover.h"

namespace adit {
namespace {

// What follows the IP header, `bytes` bytes, 8 at least.
bool read_l4(const uint8_t* l4, uint32_t bytes, uint8_t protocol, PlainPacket& plain) noexcept {
  if (protocol == kIpProtocolTcp) {
    const auto& tcp = *reinterpret_cast<const TcpHeader*>(l4);
    if (bytes < sizeof tcp) return false;
    const uint32_t header_len = (tcp.data_offset >> 4) * 4u;
    plain.end = tcp.sequence.host() + bytes - header_len;
    plain.ack = tcp.acknowledgment.host();
    return header_len >= sizeof tcp && header_len <= bytes &&
           (tcp.flags & (kTcpSyn | kTcpFin | kTcpRst | kTcpAck)) == kTcpAck;
  }
  const uint32_t length = reinterpret_cast<const UdpHeader*>(l4)->length.host();
  return protocol == kIpProtocolUdp && length >= sizeof(UdpHeader) && length <= bytes;
}

// Word by word, as it is read at once: the processor forwards no vector that was stored in parts.
void write_key(FlowKey& key, const Ipv6Key& source, const Ipv6Key& destination,
               const uint8_t* ports, VrfId vrf, uint8_t protocol, bool ipv6) noexcept {
  uint32_t both_ports;
  std::memcpy(&both_ports, ports, sizeof both_ports);
  key.set_word(0, source.high);
  key.set_word(1, source.low);
  key.set_word(2, destination.high);
  key.set_word(3, destination.low);
  key.set_last(both_ports, vrf, protocol, ipv6);
}

bool is_plain_header(const Ipv4Header& ip, const rte_mbuf* mbuf) noexcept {
  return ip.version_ihl == 0x45 && !Ipv4::is_fragment(ip) &&
         ((mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD ||
          ipv4_header_sum_ok(&ip, sizeof ip));
}
bool is_plain_header(const Ipv6Header& ip, const rte_mbuf*) noexcept {
  return ip.version_class_label.host() >> 28 == 6;
}

uint32_t packet_bytes(const Ipv4Header& ip) noexcept {
  return ip.total_length.host();
}
uint32_t packet_bytes(const Ipv6Header& ip) noexcept {
  return unsigned{sizeof ip} + ip.payload_length.host();
}

// Where packets came in.
struct Arrival {
  const Snapshot& snapshot;
  VrfId vrf;
  bool is_underlay;
  // The address of the underlay that the last packet for us had: tunnels' have one.
  Ipv6Key own = {};
};

bool is_own(const Snapshot& snapshot, const Ipv4&, const Ipv6Key& address) noexcept {
  return snapshot.local_ipv4.find(address.low) != 0;
}
bool is_own(const Snapshot& snapshot, const Ipv6&, const Ipv6Key& address) noexcept {
  return snapshot.local_ipv6.find(address) != 0;
}

// Whether it is to an address of the underlay's ports.
template <class Ip>
bool is_for_us(Arrival& arrival, const Ipv6Key& destination) noexcept {
  if (destination == arrival.own) return true;
  if (!is_own(arrival.snapshot, Ip{}, destination)) return false;
  arrival.own = destination;
  return true;
}

// What depends on the configuration is checked anew: the rest of the addresses was when the
// connection began. `kOffset`: of the IP header, within the buffer.
template <class Ip, uint32_t kOffset>
bool read_plain(Arrival& arrival, const rte_mbuf* mbuf, PlainPacket& plain) noexcept {
  const uint32_t room = mbuf->data_len - kOffset;
  if (room < sizeof(typename Ip::Header) + sizeof(UdpHeader)) return false;
  const auto& ip = *rte_pktmbuf_mtod_offset(mbuf, const typename Ip::Header*, kOffset);
  const Ipv6Key source = Ip::key_at(Ip::source(ip)), destination = Ip::host_key(ip);
  if (arrival.is_underlay && is_for_us<Ip>(arrival, destination)) return false;
  const uint32_t bytes = packet_bytes(ip);
  plain.ip_bytes = bytes;
  if (!is_plain_header(ip, mbuf) || bytes < sizeof ip + sizeof(UdpHeader) || bytes > room ||
      Ip::ttl(ip) <= 1)
    return false;
  const auto* l4 = reinterpret_cast<const uint8_t*>(&ip + 1);
  if (!read_l4(l4, bytes - unsigned{sizeof ip}, Ip::protocol(ip), plain) ||
      arrival.snapshot.own_sources.may_have(source))
    return false;
  write_key(plain.key, source, destination, l4, arrival.vrf, Ip::protocol(ip), Ip::kIpv6);
  return true;
}

bool read_frame(Arrival& arrival, const MacAddr& own, const rte_mbuf* mbuf,
                PlainPacket& plain) noexcept {
  if (!is_plain_buffer(mbuf) || mbuf->data_len < kIpOffset) return false;
  const auto& ethernet = *rte_pktmbuf_mtod(mbuf, const EthernetHeader*);
  if (ethernet.dst != own) return false;
  if (ethernet.ether_type == be16(kEtherTypeIpv4))
    return read_plain<Ipv4, kIpOffset>(arrival, mbuf, plain);
  return ethernet.ether_type == be16(kEtherTypeIpv6) &&
         read_plain<Ipv6, kIpOffset>(arrival, mbuf, plain);
}

bool read_handed_packet(Arrival& arrival, const rte_mbuf* mbuf, PlainPacket& plain) noexcept {
  const HandoverMeta meta = handover_of(mbuf);
  if (!is_plain_buffer(mbuf) || meta.may_fragment != 0 ||
      !arrival.snapshot.balanced_vrfs[meta.vrf] || mbuf->data_len == 0 ||
      rte_pktmbuf_headroom(mbuf) < sizeof(EthernetHeader))
    return false;
  arrival.vrf = meta.vrf;
  arrival.is_underlay = meta.vrf == 0;
  const unsigned version = *rte_pktmbuf_mtod(mbuf, const uint8_t*) >> 4;
  if (version == 4) return read_plain<Ipv4, 0>(arrival, mbuf, plain);
  return version == 6 && read_plain<Ipv6, 0>(arrival, mbuf, plain);
}

// `read(mbuf, plain)`: whether it is plain.
template <class Read>
[[gnu::always_inline]] inline void read_all(PlainBurst& burst, Read read) noexcept {
  const ConnectionTable& table = burst.worker.connections->table();
  rte_mbuf** const mbufs = burst.mbufs;
  const unsigned n = burst.n;
  PlainPacket* plain = burst.plain.packets.data();
  uint64_t unread = 0;
  for (unsigned i = 0; i < n && i < kPrefetchAhead; ++i) rte_prefetch0(frame_of(mbufs[i]));
  for (unsigned i = 0; i < n; ++i) {
    if (i + kPrefetchAhead < n) rte_prefetch0(frame_of(mbufs[i + kPrefetchAhead]));
    if (!read(mbufs[i], *plain)) {
      unread |= bit_of(i);
      continue;
    }
    plain->mbuf = mbufs[i];
    plain->index = static_cast<uint8_t>(i);
    plain->hash = table.hash(plain->key);
    table.prefetch(plain->hash);
    ++plain;
  }
  burst.count = static_cast<unsigned>(plain - burst.plain.packets.data());
  burst.unread = unread;
}

}  // namespace

void read_plain_packets(PlainBurst& burst, const PortEntry& port) noexcept {
  Arrival arrival{*burst.worker.snapshot, port.vrf, port.is_underlay};
  read_all(burst, [&](const rte_mbuf* mbuf, PlainPacket& plain) noexcept {
    return read_frame(arrival, port.mac, mbuf, plain);
  });
}

void read_handed_over(PlainBurst& burst) noexcept {
  Arrival arrival{*burst.worker.snapshot, 0, false};
  read_all(burst, [&](rte_mbuf* mbuf, PlainPacket& plain) noexcept {
    if (!read_handed_packet(arrival, mbuf, plain)) return false;
    reinterpret_cast<EthernetHeader*>(put_front(mbuf, sizeof(EthernetHeader)))->ether_type =
        be16(plain.key.ipv6 != 0 ? kEtherTypeIpv6 : kEtherTypeIpv4);
    return true;
  });
}

}  // namespace adit
