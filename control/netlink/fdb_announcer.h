// SPDX-License-Identifier: Apache-2.0
// Puts the MAC addresses of one network's members into a bridge of the kernel, behind a port of its
// own, so that a routing daemon announces them (EVPN), and takes them away when they are gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>

#include "netlink/fdb_writer.h"
#include "netlink/link_message.h"

namespace adit {

class FdbAnnouncer {
 public:
  // What is to be taken away: an interface's number, a MAC.
  using Leaving = std::deque<std::pair<uint32_t, MacAddr>>;

  // The port's interface; empty: nothing is announced. What another one has goes into `leaving`.
  void configure(const std::string& interface, Leaving& leaving);
  // How the interface is now; null: not there. Where it is another one, or in another bridge, all
  // is written anew.
  void set_link(const LinkMessage* link);
  // A MAC of the network is at a member, or is still.
  void at_member(MacAddr mac, uint64_t now_ns);
  // All that are at members were named since the last time. One that was not named twice is gone.
  void swept() { ++sweep_; }
  // The kernel has an entry of ours, or has it no longer: it may have moved to another port.
  void heard(MacAddr mac, bool is_gone, uint64_t now_ns);
  // Writes some of what waits, at most so much. Returns what is left of it. `may_write`: whether
  // the MAC still is at a member, and is to be announced.
  unsigned tick(BridgeFdb& bridge, const std::function<bool(MacAddr)>& may_write, unsigned most,
                uint64_t now_ns);

  const std::string& interface() const noexcept { return interface_; }
  uint64_t announced() const noexcept { return written_; }
  std::size_t known() const noexcept { return known_.size(); }
  // Empty: nothing is wrong.
  std::string complaint() const;

 private:
  struct Known {
    uint32_t sweep = 0;       // in which it was at a member last
    bool is_written = false;  // the kernel has it
    bool is_queued = false;   // in waiting_
    bool is_gone = false;     // from the members
    uint64_t written_ns = 0;
    uint64_t keep_until_ns = 0;  // also if it is at no member
  };
  using All = std::unordered_map<uint64_t, Known>;  // by MAC address
  void queue(uint64_t mac, Known& known);
  void set_written(Known& known, bool is_written);
  void look_for_gone(uint64_t now_ns);
  bool write(BridgeFdb& bridge, const std::function<bool(MacAddr)>& may_write, All::iterator at,
             uint64_t now_ns);

  std::string interface_;
  uint32_t number_ = 0, master_ = 0;  // 0: not there, in no bridge
  All known_;
  std::deque<uint64_t> waiting_;
  std::deque<uint64_t> rewrites_;  // of what is there already: when nothing waits
  uint64_t written_ = 0;
  uint32_t sweep_ = 1;
  std::size_t next_bucket_ = 0;  // of known_, for look_for_gone()
  uint64_t retry_ns_ = 0;
  std::string error_;  // of the last write
};

}  // namespace adit
