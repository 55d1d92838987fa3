// SPDX-License-Identifier: Apache-2.0
// Control's side of the MAC table: learning within limits, moves, static entries, ageing,
// what the kernel tells (`kernel_fdb`), and what a change of configuration takes away.
//
// A MAC that is told is behind its remote as soon as there is that remote, and does not age. Where
// it is seen at a member it is there, as in the kernel's bridges, until that is forgotten or the
// kernel tells anew.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "adit/dataplane.h"
#include "base/shares.h"
#include "compile/compile.h"

namespace adit {

class FdbLearner {
 public:
  explicit FdbLearner(Dataplane& dataplane) : dataplane_(dataplane) {}

  // Sets static entries, and removes what lies behind bridge ports that are gone.
  void configure(const Config& config, const CompiledIds& ids, uint64_t now_ns);
  // A bridge port more, and some less, than there were in configure().
  void add_place(BridgePortId bridge_port, NetworkId network, const IpAddr& remote,
                 uint64_t now_ns);
  void remove_places(std::span<const BridgePortId> gone, uint64_t now_ns);
  // A worker saw the source `key` come in by `bridge_port`.
  void seen(uint64_t key, BridgePortId bridge_port, uint64_t now_ns);
  // False: the network has as many as `mac_limit` says. What finds no place in the table gets one
  // when there is room.
  bool tell(NetworkId network, MacAddr mac, const IpAddr& remote, uint64_t now_ns);
  void untell(NetworkId network, MacAddr mac, uint64_t now_ns);
  // Told ones of the network that found no place.
  uint64_t waiting(NetworkId network) const noexcept;
  // Whether the address is where it is because it was told.
  bool is_told(const Fdb::Entry& entry) const noexcept;
  // The port's link went down: who was learned behind it is not there any more. Returns how many.
  unsigned port_down(PortId port, uint64_t now_ns);
  void port_up(PortId port) { down_ports_.erase(port); }
  // Told of the MAC addresses at members of networks whose `kernel_fdb` has `announce`: of each
  // when it comes there, and of all about once a second, then that all were named.
  class MemberMacs {
   public:
    virtual ~MemberMacs() = default;
    virtual void at_member(NetworkId network, MacAddr mac, uint64_t now_ns) = 0;
    virtual void swept() = 0;
  };
  void tell_members_to(MemberMacs* sink) { member_macs_ = sink; }
  bool is_at_member(NetworkId network, MacAddr mac) const;
  // Ages a slice of the table.
  void tick(uint64_t now_ns);

  uint32_t learned(NetworkId network) const noexcept;
  uint64_t moves() const noexcept { return moves_; }
  uint64_t refused_by_limit() const noexcept { return refused_by_limit_; }
  uint64_t refused_table_full() const noexcept { return refused_table_full_; }

 private:
  struct NetworkRules {
    std::string name;
    bool learning = false;
    bool is_told = false;
    bool is_announced = false;
    uint32_t aging_s = 0;
    uint32_t limit = 0;
    uint32_t learned = 0;  // that are in the table, told ones too
    uint32_t told = 0;     // also those that wait for their remotes
  };

  Dataplane& dataplane_;
  MemberMacs* member_macs_ = nullptr;
  void tell_member(uint64_t key, BridgePortId bridge_port, uint64_t now_ns);
  void end_sweep(uint64_t now_ns);
  void forget(const Fdb::Entry& entry, uint64_t now_ns);
  void configure_told(const CompiledIds& ids, const std::vector<NetworkRules>& former);
  bool add(uint64_t key, BridgePortId bridge_port, uint64_t now_ns);
  void forget_told(std::unordered_map<uint64_t, IpAddr>::iterator told);
  void put_told(uint64_t key, const IpAddr& remote, uint64_t now_ns);
  BridgePortId place_of(NetworkId network, const IpAddr& remote) const noexcept;

  std::vector<NetworkRules> rules_;    // by NetworkId
  Shares places_;                      // of learned addresses, by network
  std::vector<NetworkId> network_of_;  // by BridgePortId; 0: no such bridge port
  std::vector<PortId> port_of_;        // the same; kNoPort: none
  std::set<PortId> down_ports_;
  using RemoteKey = std::pair<NetworkId, IpAddr>;
  std::unordered_map<uint64_t, IpAddr> told_;  // by fdb_key(): the remote
  std::unordered_set<uint64_t> waiting_;       // of them, for which there was no room
  uint64_t next_retry_ns_ = 0;
  std::map<RemoteKey, std::set<uint64_t>> told_at_;  // the same, by remote
  std::map<RemoteKey, BridgePortId> remote_places_;  // of networks with told ones
  uint32_t next_slot_ = 0;
  uint64_t next_slice_ns_ = 0, next_sweep_ns_ = 0;
  uint64_t moves_ = 0, refused_by_limit_ = 0, refused_table_full_ = 0;
};

}  // namespace adit
