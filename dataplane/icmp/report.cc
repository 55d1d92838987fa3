// SPDX-License-Identifier: Apache-2.0
#include "icmp/report.h"

#include <algorithm>
#include <utility>

#include "icmp/outer_error.h"
#include "icmp/quote.h"
#include "icmp/untranslate.h"
#include "packet/ip_packet.h"
#include "worker/originate.h"

namespace adit {
namespace {

// RFC 7600 section 4.8: the source of ICMP errors of a router without an IPv4 address.
const IpAddr kIpv4Dummy = IpAddr::v4(be32(0xc000'0008));

// The MTU for the sender (RFC 7915 sections 4.2 and 5.2): the packet may have been translated into
// the other IP version after it sent it.
uint32_t mtu_as_sent(const Packet& sent, bool went_as_ipv4, uint32_t mtu) noexcept {
  constexpr uint32_t kDifference = sizeof(Ipv6Header) - sizeof(Ipv4Header);
  if (is_ipv4(sent) == went_as_ipv4) return mtu;
  return went_as_ipv4 ? std::max(mtu + kDifference, kLeastIpv6Mtu) : mtu - kDifference;
}

// Whether the error is one of the packet's destination, which we are: then that is its source (RFC
// 4443 section 2.2 (a)), as where the host itself had answered.
template <class Ip>
bool is_of_destination(const Worker& worker, const Packet& packet, IcmpProblem problem) noexcept {
  using Kind = RouteTarget::Kind;
  if (problem != IcmpProblem::kPortUnreachable && problem != IcmpProblem::kReassemblyTime &&
      problem != IcmpProblem::kParameter)
    return false;
  const uint8_t* to = Ip::destination(header_of<Ip>(packet.mbuf));
  const Kind kind = worker.snapshot->routes.find(packet.network, to, Ip::kIpv6).kind;
  return kind == Kind::kLocal || kind == Kind::kVirtual;
}

template <class Ip>
void send_error(Worker& worker, const Packet& packet, IcmpProblem problem, unsigned word) noexcept {
  const rte_mbuf* mbuf = packet.mbuf;
  const auto& ip = header_of<Ip>(packet.mbuf);
  if (!icmp_error_permitted(frame_of(packet.mbuf), mbuf->data_len, Ip::kIpv6, problem)) return;
  const RouteTarget& back = worker.snapshot->routes.find(packet.network, Ip::source(ip), Ip::kIpv6);
  const bool ours = is_of_destination<Ip>(worker, packet, problem);
  if (!back.leads_out() || (Ip::kIpv6 && !back.has_source && !ours)) return;
  uint32_t most = back.max_bytes;
  if (was_put_together(mbuf) && as_it_came(mbuf).largest != 0)  // become_first()
    most = std::min<uint32_t>(most, sizeof(typename Ip::Header) + 8u + as_it_came(mbuf).largest);
  const IpAddr* source = ours ? nullptr : back.has_source ? &back.source : &kIpv4Dummy;
  rte_mbuf* error = make_icmp_error(worker, tenant_of_vrf(packet.network), mbuf, 0, Ip::kIpv6,
                                    problem, word, source, most);
  if (error != nullptr) send_own(worker, packet.network, error);
}

// Removes the headers that we prepended. False: it is a later fragment, which has no inner header.
bool unwrap(rte_mbuf* mbuf, uint32_t wrapped_bytes) noexcept {
  const uint8_t* at = frame_of(mbuf);
  if (at[0] >> 4 == 4) {
    if ((header_of<Ipv4>(mbuf).fragment.host() & kIpv4OffsetMask) != 0) return false;
  } else if (Ipv6::is_fragment(header_of<Ipv6>(mbuf))) {
    if (mbuf->data_len < sizeof(Ipv6Header) + 8 || at[42] != 0 || (at[43] & 0xf8) != 0)
      return false;
    wrapped_bytes += 8;
  }
  if (mbuf->data_len < wrapped_bytes + sizeof(Ipv6Header)) return false;
  cut_front(mbuf, wrapped_bytes);
  return true;
}

// Restores the packet as its sender sent it. `option`: as for untranslate(). False: its original
// addresses are no longer known.
bool restore(Worker& worker, Packet& packet, unsigned& option) noexcept {
  if (packet.translated) return untranslate(worker, packet, option);
  const uint8_t wrapped = std::exchange(packet.origin.wrapped_bytes, uint8_t{0});
  if (wrapped != 0 && !unwrap(packet.mbuf, wrapped)) return false;
  packet.network = packet.origin.vrf;
  if (wrapped != 0) restore_first(worker, packet.mbuf, packet.network);
  return true;
}

}  // namespace

void report_to_source(Worker& worker, const Packet& packet, IcmpProblem problem,
                      unsigned word) noexcept {
  if (is_ipv4(packet))
    send_error<Ipv4>(worker, packet, problem, word);
  else
    send_error<Ipv6>(worker, packet, problem, word);
}

void report_to_sender(Worker& worker, Packet& packet, IcmpProblem problem, unsigned mtu) noexcept {
  if (packet.origin.id_is == Origin::kOurs) return;
  const unsigned wrapped = packet.origin.wrapped_bytes;
  const bool went_as_ipv4 = is_ipv4(packet);
  unsigned option = 0;
  if (!restore(worker, packet, option)) return;
  if (was_put_together(packet.mbuf)) become_first(packet.mbuf);
  if (wrapped != 0) {
    const unsigned room = mtu - std::min(mtu, wrapped);
    return report_to_source(
        worker, packet, problem,
        is_ipv4(packet) || mtu == 0 ? room : std::max<unsigned>(room, kLeastIpv6Mtu));
  }
  if (problem == IcmpProblem::kTooBig)
    mtu = mtu_as_sent(packet, went_as_ipv4, mtu - std::min(mtu, option));
  report_to_source(worker, packet, problem, mtu);
}

void refuse_with(Worker& worker, Packet& packet, IcmpProblem problem, DropReason reason) noexcept {
  report_to_sender(worker, packet, problem);
  drop(worker, packet.mbuf, reason);
}

bool refuse_too_big(Worker& worker, Packet& packet, uint32_t mtu) noexcept {
  if (is_ipv4(packet) && Ipv4::may_fragment(header_of<Ipv4>(packet.mbuf))) return false;
  report_to_sender(worker, packet, IcmpProblem::kTooBig, mtu);
  drop(worker, packet.mbuf, DropReason::k_mtu_exceeded);
  return true;
}

bool take_hop(Worker& worker, Packet& packet) noexcept {
  if (is_ipv4(packet)) {
    if (!may_take_hop<Ipv4>(worker, packet)) return false;
    Ipv4::lower_ttl(header_of<Ipv4>(packet.mbuf));
  } else {
    if (!may_take_hop<Ipv6>(worker, packet)) return false;
    Ipv6::lower_ttl(header_of<Ipv6>(packet.mbuf));
  }
  return true;
}

namespace {

Packet routed_packet(rte_mbuf* mbuf, VrfId vrf, const RoutedFrame& routed) noexcept {
  Packet packet{};
  packet.mbuf = mbuf;
  packet.network = vrf;
  packet.origin = routed.origin;
  packet.translated = routed.how == RoutedFrame::kTranslated;
  packet.drop = DropReason::kNone;
  return packet;
}

}  // namespace

void report_too_big(Worker& worker, VrfId vrf, rte_mbuf* mbuf, const RoutedFrame& routed,
                    uint32_t mtu, uint32_t room) noexcept {
  if (routed.how == RoutedFrame::kNotRouted) return;
  const bool wrapped = routed.origin.wrapped_bytes != 0;
  if (wrapped && take_wrapped_too_big(worker, mbuf, vrf, routed.origin.vrf, room)) return;
  Packet packet = routed_packet(mbuf, vrf, routed);
  report_to_sender(worker, packet, IcmpProblem::kTooBig, wrapped ? room : mtu);
}

void report_host_unreachable(Worker& worker, LinkId link, rte_mbuf* frame,
                             const RoutedFrame& routed) noexcept {
  const Interface* out = interface_of(*worker.snapshot, link);
  if (routed.how == RoutedFrame::kNotRouted || out == nullptr) return;
  cut_front(frame, sizeof(EthernetHeader));
  Packet packet = routed_packet(frame, out->vrf, routed);
  report_to_sender(worker, packet, IcmpProblem::kHostUnreachable);
}

}  // namespace adit
