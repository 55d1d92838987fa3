// SPDX-License-Identifier: Apache-2.0
// rte_ip_frag_table_del_expired_entries is marked experimental in DPDK 22.11, the rest is not.
#define ALLOW_EXPERIMENTAL_API
#include "reassembly.h"

#include <rte_ip_frag.h>

#include <stdexcept>

#include "checksum.h"
#include "worker.h"

namespace adit {
namespace {

constexpr unsigned kWays = 4;
constexpr uint64_t kExpireEveryNs = 50'000'000;

// Scratch between the library and drop_dead(), empty at other times.
thread_local rte_ip_frag_death_row dead = {};

rte_mbuf* add_ipv4(rte_ip_frag_tbl* table, rte_mbuf* mbuf, uint64_t now_ns) noexcept {
  auto* ip = rte_pktmbuf_mtod_offset(mbuf, rte_ipv4_hdr*, sizeof(EthernetHeader));
  mbuf->l2_len = sizeof(EthernetHeader);
  mbuf->l3_len = static_cast<uint16_t>((ip->version_ihl & 15u) * 4) & 0x1ff;
  rte_mbuf* whole = rte_ipv4_frag_reassemble_packet(table, &dead, mbuf, now_ns, ip);
  if (whole == nullptr) return nullptr;
  auto* header = rte_pktmbuf_mtod_offset(whole, Ipv4Header*, sizeof(EthernetHeader));
  header->checksum = be16(0);
  const uint16_t sum = fold_sum(sum_words(header, (header->version_ihl & 15u) * 4));
  header->checksum = be16::from_raw(static_cast<uint16_t>(~sum));
  return whole;
}

rte_mbuf* add_ipv6(rte_ip_frag_tbl* table, rte_mbuf* mbuf, uint64_t now_ns) noexcept {
  auto* ip = rte_pktmbuf_mtod_offset(mbuf, rte_ipv6_hdr*, sizeof(EthernetHeader));
  auto* fragment = reinterpret_cast<rte_ipv6_fragment_ext*>(ip + 1);
  mbuf->l2_len = sizeof(EthernetHeader);
  mbuf->l3_len = sizeof *ip + sizeof *fragment;
  return rte_ipv6_frag_reassemble_packet(table, &dead, mbuf, now_ns, ip, fragment);
}

}  // namespace

FragmentTable::FragmentTable()
    : table_(rte_ip_frag_table_create(kPackets, kWays, kPackets, kPatienceNs, SOCKET_ID_ANY)) {
  if (table_ == nullptr) throw std::runtime_error("no memory for the fragment table");
}

FragmentTable::~FragmentTable() {
  rte_ip_frag_table_destroy(table_);
}

bool FragmentTable::add(Worker& worker, Packet& packet) noexcept {
  rte_mbuf* mbuf = packet.mbuf;
  // What a NIC found out about a fragment says nothing about the whole.
  mbuf->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
  ++held_;
  rte_mbuf* whole = packet.outer_ipv6 ? add_ipv6(table_, mbuf, worker.now_ns)
                                      : add_ipv4(table_, mbuf, worker.now_ns);
  drop_dead(worker);
  if (whole == nullptr) return false;
  held_ -= whole->nb_segs;
  worker.counters.consumed.add(whole->nb_segs - 1u);
  // One buffer where it fits in one; a larger packet stays a chain.
  (void)rte_pktmbuf_linearize(whole);
  packet.mbuf = whole;
  return true;
}

void FragmentTable::expire(Worker& worker) noexcept {
  if (held_ == 0 || worker.now_ns < next_expiry_ns_) return;
  next_expiry_ns_ = worker.now_ns + kExpireEveryNs;
  rte_ip_frag_table_del_expired_entries(table_, &dead, worker.now_ns);
  drop_dead(worker);
}

void FragmentTable::drop_dead(Worker& worker) noexcept {
  for (unsigned i = 0; i < dead.cnt; ++i) {
    --held_;
    drop(worker, dead.row[i], DropReason::k_ip_reassembly);
  }
  dead.cnt = 0;
}

}  // namespace adit
