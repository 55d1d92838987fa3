// SPDX-License-Identifier: Apache-2.0
// A burst's way through the steps, in their order, and nothing more. Each works on all packets of a
// list before the next step begins, so that look-ups are prefetched and done in bulk.
#include "pipeline.h"

#include "balance/balance.h"
#include "balance/expiry.h"
#include "balance/from_control.h"
#include "balance/handed_over.h"
#include "bridge/bridge.h"
#include "egress/egress.h"
#include "express/bridged.h"
#include "express/established.h"
#include "express/routed.h"
#include "fragments/fragments.h"
#include "fragments/reassembly.h"
#include "host/host.h"
#include "ingress/classify.h"
#include "ingress/decap.h"
#include "ingress/routed.h"
#include "route/route.h"
#include "worker/connection_dump.h"

namespace adit {
namespace {

void free_garbage(Worker& worker) noexcept {
  if (worker.garbage_count == 0) return;
  rte_pktmbuf_free_bulk(worker.garbage.data(), worker.garbage_count);
  worker.garbage_count = 0;
}

}  // namespace

// Handles what steps put in the outbox, which may cause other steps to put more there. That ends,
// because no ICMP errors are sent about errors or about our own packets.
[[gnu::cold, gnu::noinline]] void empty_outbox(Worker& worker) noexcept {
  const Outbox& outbox = worker.outbox;
  while (!outbox.to_route.empty() || !outbox.fragments.empty() || !outbox.to_network.empty()) {
    collect_fragments(worker);
    balance(worker, worker.routed_whole);
    route_all(worker, worker.routed_whole);
    bridge_from_gateways(worker);
  }
}

template <class Profile>
void finish_burst(Worker& worker, Profile& profile) noexcept {
  flush_all(worker);
  free_garbage(worker);
  profile.done(Step::kTransmit);
}

template <class Profile>
void route_routed(Worker& worker, Profile& profile) noexcept {
  if (!worker.routed.empty()) {
    check_packets(worker);
    balance(worker, worker.routed);
    profile.done(Step::kBalance);
    route_all(worker, worker.routed);
    profile.done(Step::kRoute);
  }
  if (!worker.outbox.to_network.empty()) {
    bridge_from_gateways(worker);
    profile.done(Step::kForward);
  }
  empty_outbox(worker);
  finish_burst(worker, profile);
}

[[gnu::cold, gnu::noinline]] void collect_on_links(Worker& worker) noexcept {
  collect_link_fragments(worker);
  accept_link_fragments(worker);
}

// The steps between classification and routing.
template <class Profile>
void carry(Worker& worker, Profile& profile) noexcept {
  decap(worker);
  profile.done(Step::kDecap);
  if (!worker.bridged.empty()) {
    learn_sources(worker);
    profile.done(Step::kLearn);
    look_up_destinations(worker);
    profile.done(Step::kLookup);
    forward_known(worker);
    profile.done(Step::kForward);
    flood_unknown(worker);
    accept_from_networks(worker);
    profile.done(Step::kFlood);
  }
  if (!worker.link_fragments.empty()) [[unlikely]]
    collect_on_links(worker);
  answer_host(worker);
  profile.done(Step::kHost);
}

[[gnu::cold, gnu::noinline]] void collect_outer(Worker& worker) noexcept {
  collect_outer_fragments(worker);
  classify_list(worker, worker.outer_fragments);
}

// Returns how many are left, the first ones of `mbufs`.
unsigned send_express(Worker& worker, PortId port_id, rte_mbuf** mbufs, unsigned n) noexcept {
  const PortEntry& port = worker.snapshot->ports[port_id];
  if (port.has_bridged) n = send_bridged(worker, port_id, mbufs, n);
  if (port.has_connections && n != 0) n = send_established(worker, port_id, mbufs, n);
  if (port.has_routed && n != 0) n = send_routed(worker, port_id, mbufs, n);
  return n;
}

template <class Profile>
void process_burst(Worker& worker, PortId port, rte_mbuf** mbufs, unsigned n,
                   Profile& profile) noexcept {
  if (worker.express) [[likely]] {
    n = send_express(worker, port, mbufs, n);
    profile.done(Step::kExpress);
    if (n == 0) return finish_burst(worker, profile);
  }
  classify(worker, port, mbufs, n);
  if (!worker.outer_fragments.empty()) [[unlikely]]
    collect_outer(worker);
  profile.done(Step::kClassify);
  carry(worker, profile);
  route_routed(worker, profile);
}

// Fragments that came in by the underlay to other workers.
template <class Profile>
[[gnu::cold, gnu::noinline]] void process_handed_frames(Worker& worker, Profile& profile) noexcept {
  classify_list(worker, worker.handed_frames);
  collect_outer(worker);
  carry(worker, profile);
}

// The number of packets that wait: for a next hop, for further fragments or segments.
unsigned waiting(const Worker& worker) noexcept {
  return worker.held.size() + worker.fragments->held() + worker.tunnels.kept;
}

// Packets that other workers handed over.
template <class Profile>
unsigned take_from_peers(Worker& worker, Profile& profile) noexcept {
  HandedOver mbufs;
  const unsigned n = take_handed_over(worker, mbufs);
  unsigned left = n;
  if (worker.express && n != 0) {
    left = send_handed_over(worker, mbufs.data(), n);
    profile.done(Step::kExpress);
  }
  accept_handed_over(worker, {mbufs.data(), left});
  if (!worker.handed_frames.empty()) [[unlikely]]
    process_handed_frames(worker, profile);
  if (n != 0) route_routed(worker, profile);
  return n;
}

bool has_waiting(const Worker& worker) noexcept {
  return !rte_ring_empty(worker.commands) || waiting(worker) != 0 || !worker.fragments->is_idle();
}

bool has_work(const Worker& worker) noexcept {
  return has_waiting(worker) || worker.dump.load(std::memory_order_relaxed) != nullptr;
}

// Commands of control, and packets that wait for a next hop or for further fragments.
[[gnu::cold, gnu::noinline]] void serve_waiting(Worker& worker) noexcept {
  sweep_held(worker);
  expire_fragments(worker);
  worker.tunnels.tick(worker);
  run_commands(worker);
  send_from_control(worker);
  empty_outbox(worker);
  flush_all(worker);
  free_garbage(worker);
  worker.held_now.store(waiting(worker), std::memory_order_relaxed);
  worker.fragment_datagrams.store(worker.fragments->datagrams(), std::memory_order_relaxed);
  worker.fragment_bytes.store(worker.fragments->held_bytes(), std::memory_order_relaxed);
}

template <class Profile>
unsigned run_pass(Worker& worker, Profile& profile) noexcept {
  unsigned total = 0;
  for (const RxQueue& queue : worker.rx) {
    std::array<rte_mbuf*, kMaxBurst> mbufs;
    profile.start();
    const unsigned n = queue.io.receive(queue.io.context, mbufs.data(), kRxBurst);
    if (n == 0) continue;
    profile.done(Step::kReceive);
    process_burst(worker, queue.port, mbufs.data(), n, profile);
    total += n;
  }
  if (worker.peers.size() > 1) {
    profile.start();
    total += take_from_peers(worker, profile);
  }
  expire_connections(worker);
  if (worker.dump.load(std::memory_order_relaxed) != nullptr) [[unlikely]]
    continue_dump(worker, total != 0);
  if (has_waiting(worker) || worker.held_now.load(std::memory_order_relaxed) != 0) [[unlikely]]
    serve_waiting(worker);
  return total;
}

bool drain_pass(Worker& worker) noexcept {
  NoProfile profile;
  const bool handed_over = take_from_peers(worker, profile) != 0;
  serve_waiting(worker);
  return handed_over || has_waiting(worker);
}

template unsigned run_pass(Worker&, NoProfile&) noexcept;
template unsigned run_pass(Worker&, StepProfile&) noexcept;

}  // namespace adit
