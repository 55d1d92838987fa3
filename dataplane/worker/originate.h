// SPDX-License-Identifier: Apache-2.0
// What leaves by the routes of a VRF beside the packets that came in: route/ takes it from the
// outbox.
#pragma once

#include "packet/ip_version.h"
#include "worker/worker.h"

namespace adit {

// The facts of a packet of Worker::routed that the outbox keeps, and the packet of these; a
// fragment or segment of it takes over all but the buffer.
inline PacketToRoute packet_to_route(const Packet& packet) noexcept {
  return {packet.mbuf,
          packet.via,
          packet.origin,
          packet.network,
          PacketToRoute::Kind::kOnItsWay,
          packet.translated,
          packet.may_fragment,
          packet.handed_over,
          packet.in};
}

inline Packet packet_of(const PacketToRoute& item) noexcept {
  Packet packet{};
  packet.mbuf = item.mbuf;
  packet.via = item.via;
  packet.origin = item.origin;
  packet.network = item.vrf;
  packet.translated = item.translated;
  packet.may_fragment = item.may_fragment;
  packet.handed_over = item.handed_over;
  packet.in = item.in;
  packet.drop = DropReason::kNone;
  return packet;
}

// The packet, which was no part of Worker::routed, goes on its way.
inline void route_later(Worker& worker, const Packet& packet) noexcept {
  if (!worker.outbox.to_route.push(packet_to_route(packet))) [[unlikely]]
    drop(worker, packet.mbuf, DropReason::k_no_buffer);
}

// The packet is a fragment. `kind`: kOnItsWay, it is to be balanced when it is whole; or kLocal.
inline void collect_later(Worker& worker, const Packet& packet, PacketToRoute::Kind kind) noexcept {
  PacketToRoute fragment = packet_to_route(packet);
  fragment.kind = kind;
  if (!worker.outbox.fragments.push(fragment)) [[unlikely]]
    drop(worker, packet.mbuf, DropReason::k_no_buffer);
}

// A packet of our own, which begins with its IP header and is counted as originated, leaves by the
// VRF's routes.
inline void send_own(Worker& worker, VrfId vrf, rte_mbuf* mbuf) noexcept {
  PacketToRoute own{mbuf};
  own.origin = origin_in(vrf);
  own.vrf = vrf;
  own.kind = PacketToRoute::Kind::kOwn;
  if (!worker.outbox.to_route.push(own)) [[unlikely]]
    drop(worker, mbuf, DropReason::k_no_buffer);
}

// The same of an answer, which is not counted yet, where the VRF has a route for it. Null: nothing.
inline void send_reply(Worker& worker, VrfId vrf, rte_mbuf* reply) noexcept {
  if (reply == nullptr) return;
  const bool ipv4 = frame_of(reply)[0] >> 4 == 4;
  const uint8_t* to =
      ipv4 ? Ipv4::destination(header_of<Ipv4>(reply)) : Ipv6::destination(header_of<Ipv6>(reply));
  if (!worker.snapshot->routes.find(vrf, to, !ipv4).leads_out()) return rte_pktmbuf_free(reply);
  worker.counters.originated.add(1);
  send_own(worker, vrf, reply);
}

}  // namespace adit
