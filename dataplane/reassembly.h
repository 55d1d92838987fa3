// SPDX-License-Identifier: Apache-2.0
// Fragments of outer packets, put together before the tunnel's header is looked at: for
// remotes behind a path that is smaller than they think. One for each worker.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

struct rte_ip_frag_tbl;

namespace adit {

struct Packet;
struct Worker;

class FragmentTable {
 public:
  // The most packets in the making; each has at most eight fragments (DPDK's bound). Beyond,
  // the fragment that would begin another is dropped.
  static constexpr unsigned kPackets = 128;
  static constexpr uint64_t kPatienceNs = 1'000'000'000;

  // EAL must be up. Throws std::runtime_error.
  FragmentTable();
  ~FragmentTable();
  FragmentTable(const FragmentTable&) = delete;
  FragmentTable& operator=(const FragmentTable&) = delete;

  // Takes an IPv4 or IPv6 fragment whose headers check_underlay has seen. True when it was the
  // last one missing: Packet::mbuf is then the whole packet, its IP header as if it had never
  // been cut. Else the fragment is kept, or dropped and counted.
  bool add(Worker& worker, Packet& packet) noexcept;
  // Drops what has waited for too long.
  void expire(Worker& worker) noexcept;

  unsigned held() const noexcept { return held_; }  // fragments

 private:
  void drop_dead(Worker& worker) noexcept;

  rte_ip_frag_tbl* table_;
  unsigned held_ = 0;
  uint64_t next_expiry_ns_ = 0;
};

}  // namespace adit
