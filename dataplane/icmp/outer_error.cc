// SPDX-License-Identifier: Apache-2.0
#include "icmp/outer_error.h"

#include <optional>

#include "icmp/icmp_error.h"
#include "icmp/quote.h"
#include "packet/flow_reader.h"
#include "packet/ip_version.h"
#include "packet/plateau.h"
#include "rewrite/wrap.h"
#include "worker/handover.h"
#include "worker/originate.h"
#include "worker/path_mtu.h"

namespace adit {
namespace {

enum class ErrorKind : uint8_t { kOther, kTooBig, kUndelivered };

// An ICMP error and the contiguous part of its quoted packet.
struct OuterError {
  const uint8_t* data;
  uint32_t end;   // of what is there of the packet
  IpPacket sent;  // offsets in `data`
  ErrorKind kind;
  uint32_t mtu;  // kTooBig, bytes

  const uint8_t* source() const noexcept {
    return data + sent.ip + (sent.ipv6 ? offsetof(Ipv6Header, src) : offsetof(Ipv4Header, src));
  }
  const uint8_t* destination() const noexcept { return data + sent.destination; }
  unsigned address_bytes() const noexcept { return sent.ipv6 ? 16 : 4; }
  // Big-endian words behind the IP header; only where has() says so.
  bool has(uint32_t bytes) const noexcept { return sent.l4 + bytes <= end; }
  uint16_t word16(uint32_t offset) const noexcept {
    return reinterpret_cast<const be16*>(data + sent.l4 + offset)->host();
  }
  uint32_t word32(uint32_t offset) const noexcept {
    return reinterpret_cast<const be32*>(data + sent.l4 + offset)->host();
  }
};

ErrorKind kind_of(uint8_t type, uint8_t code, bool ipv6) noexcept {
  if (ipv6) {
    if (type == 2) return ErrorKind::kTooBig;
    return type == 1 || type == 3 || type == 4 ? ErrorKind::kUndelivered : ErrorKind::kOther;
  }
  if (type == 3 && code == 4) return ErrorKind::kTooBig;
  return type == 3 || type == 11 || type == 12 ? ErrorKind::kUndelivered : ErrorKind::kOther;
}

Ipv6Key key_of(const uint8_t* address, bool ipv6) noexcept {
  Ipv6Key key;
  if (ipv6)
    std::memcpy(&key, address, sizeof key);
  else
    key.low = sum_words(address, 4);  // one word: itself
  return key;
}

// RFC 1191 section 4, RFC 8201 section 4. Without an MTU in the error, the next plateau below the
// packet's length (RFC 1191 section 5). 0: not credible, because it is less than the minimum MTU of
// IPv6, or the packet is below all plateaus. A router's MTU counts whatever the quoted packet's
// length is.
uint32_t reported_mtu(const IcmpHeader& icmp, const IpPacket& sent) noexcept {
  const uint32_t bytes = sent.end - sent.ip;
  const uint32_t told = icmp.word.host();
  if (sent.ipv6) return told < PathMtus::kLeastIpv6 ? 0 : told;
  if ((told & 0xffff) != 0) return std::max(told & 0xffff, PathMtus::kLeastIpv4);
  const uint32_t plateau = std::max(plateau_below(bytes), PathMtus::kLeastIpv4);
  return plateau < bytes ? plateau : 0;
}

constexpr uint32_t kLeastQuote = 8;  // RFC 792

bool read_error(const rte_mbuf* mbuf, uint32_t ip, uint32_t icmp, OuterError& error) noexcept {
  error.data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
  const uint32_t len = mbuf->data_len;
  if (icmp + sizeof(IcmpHeader) > len) return false;
  const bool ipv6 = error.data[ip] >> 4 == 6;
  const auto& header = *reinterpret_cast<const IcmpHeader*>(error.data + icmp);
  error.kind = kind_of(header.type, header.code, ipv6);
  if (error.kind == ErrorKind::kOther ||
      !read_ip_packet(error.data, len, UINT32_MAX, icmp + unsigned{sizeof header}, error.sent) ||
      error.sent.ipv6 != ipv6 || error.sent.later_fragment)
    return false;
  error.end = std::min(len, error.sent.end);
  if (!error.has(kLeastQuote)) return false;
  error.mtu = reported_mtu(header, error.sent);
  if (error.kind == ErrorKind::kTooBig && error.mtu == 0) return false;
  // The error's destination has to be the quoted packet's source, or the packet was not ours.
  const uint8_t* to =
      error.data + ip + (ipv6 ? offsetof(Ipv6Header, dst) : offsetof(Ipv4Header, dst));
  return std::memcmp(to, error.source(), error.address_bytes()) == 0;
}

// --- whose packet was quoted

constexpr uint16_t kFirstEntropyPort = 0xc000;

std::optional<QuotedId> sent_by(const Snapshot& snapshot, const OuterError& error) noexcept {
  const IpPacket& sent = error.sent;
  const TunnelQuote quote = {error.data + sent.l4, error.end - sent.l4,
                             key_of(error.destination(), sent.ipv6)};
  const auto kinds = tunnel_registry();
  if (sent.protocol == kIpProtocolUdp) {
    if (quote.word16(0) < kFirstEntropyPort) return {};
    for (const UdpTunnel& tunnel : snapshot.udp_tunnels)
      if (quote.word16(2) == tunnel.port) return kinds[tunnel.tunnel]->read_quote(snapshot, quote);
    return {};
  }
  // IP in IP has a protocol number for each inner version.
  const uint8_t protocol = sent.protocol == kIpProtocolIpv6 ? kIpProtocolIpv4 : sent.protocol;
  for (std::size_t i = 0; i < kinds.size(); ++i)
    if (kTunnelKinds[i].ip_protocol == protocol && kinds[i]->read_quote != nullptr)
      return kinds[i]->read_quote(snapshot, quote);
  return {};
}

// Whether the outer header is that of this remote or tunnel.
bool has_header_of(const BridgePort& out, const OuterError& error) noexcept {
  if (((out.outer & outer::kIpv6) != 0) != error.sent.ipv6) return false;
  const uint8_t* ip = out.header.data() + sizeof(EthernetHeader);
  const unsigned at = error.sent.ipv6 ? offsetof(Ipv6Header, src) : offsetof(Ipv4Header, src);
  return std::memcmp(ip + at, error.source(), error.address_bytes()) == 0 &&
         std::memcmp(ip + at + error.address_bytes(), error.destination(), error.address_bytes()) ==
             0;
}

// --- what it means for a remote or tunnel

// The configured limit of outer packets.
uint32_t configured_mtu(const BridgePort& out) noexcept {
  if (out.segment_head == 0) return out.max_frame_bytes + outer_bytes(out);
  return uint32_t{out.segment_bytes} + out.segment_head;
}

bool lower_remote(Worker& worker, const BridgePort& out, uint32_t mtu) noexcept {
  if (mtu >= configured_mtu(out)) return false;
  worker.path_mtus->lower_remote(out.sequence_id, mtu, worker.now_s);
  worker.fits_all_paths = worker.path_mtus->fits_all(worker.now_s);
  return true;
}

// If the quote is too short for the id, the packet may be of any remote with this address: all of
// them share the path. It searches all remotes, so it is limited in rate.
bool lower_all(Worker& worker, TunnelKind kind, const OuterError& error) noexcept {
  static const RateLimit kSeldom = RateLimit::per_second(10);
  if (!worker.short_quote_meter.allow(kSeldom, worker.now_ns)) return false;
  bool any = false;
  for (const BridgePort& out : worker.snapshot->bridge_ports) {
    const BridgePortKind now = kind_now(out);
    if ((now == BridgePortKind::kTunnel || now == BridgePortKind::kRouted) &&
        out.tunnel == tunnel_index(kind) && has_header_of(out, error))
      any = lower_remote(worker, out, error.mtu) || any;
  }
  return any;
}

// The MTU to report to the sender of the inner packet at `offset` of the error, which we
// encapsulated with `headers` bytes; 0: none, because the quote is too short, or its sender may
// fragment.
uint32_t mtu_for(const OuterError& error, uint32_t offset, uint32_t headers,
                 IpPacket& inner) noexcept {
  if (!read_ip_packet(error.data, error.end, UINT32_MAX, offset, inner) ||
      inner.l4 + kLeastQuote > error.end || inner.later_fragment ||
      !icmp_error_permitted(error.data + offset, error.end - offset, inner.ipv6,
                            IcmpProblem::kTooBig))
    return 0;
  const uint32_t mtu = error.mtu - headers;
  if (inner.ipv6) {
    // The next packet of at most this length passes, whatever the path.
    const uint32_t reported = std::max(mtu, kLeastIpv6Mtu);
    return inner.end - inner.ip > reported ? reported : 0;
  }
  const auto* ip = reinterpret_cast<const Ipv4Header*>(error.data + offset);
  return (ip->fragment.host() & kIpv4DontFragment) != 0 ? mtu : 0;
}

// Sends "too big" to the source of the packet at `offset`, as a router of the VRF.
template <class Ip>
void report_in_vrf(Worker& worker, const rte_mbuf* mbuf, uint32_t offset, VrfId vrf,
                   uint32_t mtu) noexcept {
  const auto& ip = *rte_pktmbuf_mtod_offset(mbuf, const typename Ip::Header*, offset);
  const RouteTarget& back = worker.snapshot->routes.find(vrf, Ip::source(ip), Ip::kIpv6);
  if (!back.leads_out() || !back.has_source) return;
  rte_mbuf* report = make_icmp_error(worker, tenant_of_vrf(vrf), mbuf, offset, Ip::kIpv6,
                                     IcmpProblem::kTooBig, mtu, &back.source, back.max_bytes);
  if (report == nullptr) return;
  // A backend's packet may be of a datagram that came in larger fragments.
  if (const Flow flow = read_flow(report, vrf); flow.kind == FlowKind::kIcmpError)
    restore_quote(worker, report, flow, vrf);
  send_own(worker, vrf, report);
}

void report_in_vrf(Worker& worker, const rte_mbuf* mbuf, uint32_t offset, bool ipv6, VrfId vrf,
                   uint32_t mtu) noexcept {
  if (ipv6)
    report_in_vrf<Ipv6>(worker, mbuf, offset, vrf, mtu);
  else
    report_in_vrf<Ipv4>(worker, mbuf, offset, vrf, mtu);
}

// For a VRF's tunnel. In a VRF with services, the packet may have been translated: then the error
// is sent for the next one, which is still known.
void report_tunnelled(Worker& worker, const rte_mbuf* mbuf, const OuterError& error,
                      const BridgePort& out) noexcept {
  if (out.kind != BridgePortKind::kRouted || worker.snapshot->balanced_vrfs[out.network]) return;
  const uint32_t offset = error.sent.ip + outer_bytes(out);
  IpPacket inner;
  const uint32_t mtu = mtu_for(error, offset, outer_bytes(out), inner);
  if (mtu != 0) report_in_vrf(worker, mbuf, offset, inner.ipv6, out.network, mtu);
}

void consume(Worker& worker, rte_mbuf* mbuf) noexcept {
  worker.counters.consumed.add(1);
  discard(worker, mbuf);
}

bool take_remotes_error(Worker& worker, rte_mbuf* mbuf, const OuterError& error) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const auto by = sent_by(snapshot, error);
  if (!by) return false;
  const Ipv6Key remote = key_of(error.destination(), error.sent.ipv6);
  const BridgePortId first = snapshot.remote_addresses.find(remote);
  if (first == 0) return false;
  const BridgePortId id =
      by->wire_id ? snapshot.tunnels[tunnel_index(by->kind)].senders.find({remote, *by->wire_id})
                  : BridgePortId{0};
  if (by->wire_id && (id == 0 || !has_header_of(snapshot.bridge_ports[id], error))) return false;
  if (error.kind == ErrorKind::kUndelivered) {
    if (id == 0 && !has_header_of(snapshot.bridge_ports[first], error)) return false;
    drop_of(worker, id != 0 ? id : first, mbuf, DropReason::k_tunnel_undelivered);
    return true;
  }
  if (id == 0) {
    if (!lower_all(worker, by->kind, error)) return false;
  } else {
    const BridgePort& out = snapshot.bridge_ports[id];
    if (!lower_remote(worker, out, error.mtu)) return false;
    report_tunnelled(worker, mbuf, error, out);
  }
  consume(worker, mbuf);
  return true;
}

// --- what it means for backends

bool is_wrapped_for(const ServiceEntry& service, const OuterError& error) noexcept {
  switch (service.wrap) {
    case WrapKind::kIpip:
      return error.sent.protocol == kIpProtocolIpv4 || error.sent.protocol == kIpProtocolIpv6;
    case WrapKind::kGre:
      return error.sent.protocol == kIpProtocolGre && error.word16(0) == 0;
    case WrapKind::kGue:
      return error.sent.protocol == kIpProtocolUdp && error.word16(2) == service.gue_port &&
             error.word16(0) >= kFirstEntropyPort;
  }
  return false;
}

uint32_t wrapped_at(const ServiceEntry& service, const OuterError& error) noexcept {
  Wrapping how;
  how.kind = service.wrap;
  how.destination = to_address(key_of(error.destination(), error.sent.ipv6), error.sent.ipv6);
  return wrapping_bytes(how);
}

// Whether the inner packet is a client's packet to that service.
bool is_for(const Snapshot& snapshot, const ServiceEntry& service, const OuterError& error,
            const IpPacket& inner) noexcept {
  return snapshot.routes.find(service.vrf, error.data + inner.destination, inner.ipv6).kind ==
         RouteTarget::Kind::kVirtual;
}

// Of the inner packet, of which four bytes are there behind its IP header, in that VRF.
FlowKey inner_key(const OuterError& error, const IpPacket& inner, VrfId vrf) noexcept {
  const uint8_t* source =
      error.data + inner.ip + (inner.ipv6 ? offsetof(Ipv6Header, src) : offsetof(Ipv4Header, src));
  const uint8_t* ports = error.data + inner.l4;
  FlowKey key;
  key.source = key_of(source, inner.ipv6);
  key.destination = key_of(error.data + inner.destination, inner.ipv6);
  std::memcpy(&key.source_port, ports, sizeof key.source_port);
  std::memcpy(&key.destination_port, ports + 2, sizeof key.destination_port);
  key.vrf = vrf;
  key.protocol = inner.protocol;
  key.ipv6 = inner.ipv6;
  return key;
}

// Whether this worker knows a connection in that VRF that the inner packet is of.
bool has_connection(const Worker& worker, const OuterError& error, const IpPacket& inner,
                    VrfId vrf) noexcept {
  const auto found = worker.connections->table().find(inner_key(error, inner, vrf));
  return found.id != 0 && found.direction == Direction::kFromClient;
}

// The only VRF of those that were added.
class OnlyVrf {
 public:
  void add(VrfId vrf) noexcept {
    several_ = several_ || (vrf_ && *vrf_ != vrf);
    vrf_ = vrf;
  }
  bool is_last(VrfId vrf) const noexcept { return vrf_ == vrf; }
  bool is_any() const noexcept { return vrf_.has_value(); }
  std::optional<VrfId> get() const noexcept { return several_ ? std::nullopt : vrf_; }

 private:
  std::optional<VrfId> vrf_;
  bool several_ = false;
};

enum class About : uint8_t { kNothing, kUndelivered, kTooBig };

// `client`: the VRF that the inner packet came from; none: not known. Services of several VRFs may
// have the same address and backend: then who has a connection is told, and nobody if that does
// not decide it. The sender's next packet is told by us: the path's MTU is known by then.
About judge_backends_error(Worker& worker, const rte_mbuf* mbuf, const OuterError& error, VrfId vrf,
                           std::optional<VrfId> client) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  const bool ipv6 = error.sent.ipv6;
  uint32_t place = snapshot.wrapped_backends.find({key_of(error.destination(), ipv6), vrf});
  if (place == 0) return About::kNothing;
  const RouteTarget& target = snapshot.routes.find(vrf, error.destination(), ipv6);
  if (!target.has_source ||
      std::memcmp(target.source.bytes.data(), error.source(), error.address_bytes()) != 0)
    return About::kNothing;
  bool any = false;
  OnlyVrf may_be, connected;
  IpPacket inner;
  uint32_t offset = 0, mtu = 0;
  for (; place != 0; place = snapshot.next_wrapped[place - 1]) {
    const ServiceBackend& backend = snapshot.service_backends[place - 1];
    const ServiceEntry& service = snapshot.services[backend.service];
    if (!is_wrapped_for(service, error)) continue;
    if (error.kind == ErrorKind::kUndelivered) return About::kUndelivered;
    if (error.mtu >= target.max_bytes) return About::kNothing;
    any = true;
    worker.path_mtus->lower_backend(backend.id, address_key(backend.address), error.mtu,
                                    worker.now_s);
    if (client.value_or(service.vrf) != service.vrf || may_be.is_last(service.vrf)) continue;
    const uint32_t headers = wrapped_at(service, error);
    offset = error.sent.ip + headers;
    mtu = mtu_for(error, offset, headers, inner);
    if (mtu == 0 || !is_for(snapshot, service, error, inner)) continue;
    may_be.add(service.vrf);
    if (has_connection(worker, error, inner, service.vrf)) connected.add(service.vrf);
  }
  if (!any) return About::kNothing;
  if (const auto whose = (connected.is_any() ? connected : may_be).get())
    report_in_vrf(worker, mbuf, offset, inner.ipv6, *whose, mtu);
  worker.fits_all_paths = worker.path_mtus->fits_all(worker.now_s);
  return About::kTooBig;
}

bool take_backends_error(Worker& worker, rte_mbuf* mbuf, const OuterError& error,
                         VrfId vrf) noexcept {
  const About about = judge_backends_error(worker, mbuf, error, vrf, {});
  if (about == About::kNothing) return false;
  if (about == About::kUndelivered)
    drop(worker, mbuf, DropReason::k_tunnel_undelivered);
  else
    consume(worker, mbuf);
  return true;
}

}  // namespace

unsigned owner_of_outer_error(const Worker& worker, const rte_mbuf* mbuf, uint32_t ip,
                              uint32_t icmp, VrfId vrf) noexcept {
  const Snapshot& snapshot = *worker.snapshot;
  OuterError error;
  if (!snapshot.balances || !read_error(mbuf, ip, icmp, error) || error.kind != ErrorKind::kTooBig)
    return worker.id;
  const Ipv6Key backend = key_of(error.destination(), error.sent.ipv6);
  // What services wrap for one backend is wrapped alike, or of another protocol.
  for (uint32_t place = snapshot.wrapped_backends.find({backend, vrf}); place != 0;
       place = snapshot.next_wrapped[place - 1]) {
    const ServiceEntry& service = snapshot.services[snapshot.service_backends[place - 1].service];
    IpPacket inner;
    if (!is_wrapped_for(service, error) ||
        !read_ip_packet(error.data, error.end, UINT32_MAX,
                        error.sent.ip + wrapped_at(service, error), inner) ||
        inner.later_fragment || inner.l4 + 2 * sizeof(be16) > error.end)
      continue;
    const FlowKey key = inner_key(error, inner, service.vrf);
    return owner_of(key.source, key.source_port, worker.peers.size());
  }
  return worker.id;
}

bool take_wrapped_too_big(Worker& worker, const rte_mbuf* mbuf, VrfId vrf, VrfId client,
                          uint32_t mtu) noexcept {
  OuterError error{};
  error.data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
  error.kind = ErrorKind::kTooBig;
  error.mtu = mtu;
  if (!read_ip_packet(error.data, mbuf->data_len, UINT32_MAX, 0, error.sent) ||
      error.sent.later_fragment)
    return false;
  error.end = std::min<uint32_t>(mbuf->data_len, error.sent.end);
  return error.has(kLeastQuote) &&
         judge_backends_error(worker, mbuf, error, vrf, client) == About::kTooBig;
}

bool take_outer_error(Worker& worker, rte_mbuf* mbuf, uint32_t ip, uint32_t icmp,
                      VrfId vrf) noexcept {
  OuterError error;
  if (!read_error(mbuf, ip, icmp, error)) return false;
  if (vrf == 0 && take_remotes_error(worker, mbuf, error)) return true;
  return worker.snapshot->balances && take_backends_error(worker, mbuf, error, vrf);
}

}  // namespace adit
