// SPDX-License-Identifier: Apache-2.0
// Puts the MAC addresses of one network's members into a bridge of the kernel, behind a port of its
// own, so that a routing daemon announces them (EVPN), and takes them away when they are gone.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>

#include "netlink/fdb_writer.h"
#include "netlink/link_message.h"

namespace adit {

class FdbAnnouncer {
 public:
  // The port's interface; empty: nothing is announced, and what was is forgotten: withdraw() first.
  void configure(const std::string& interface);
  // How the interface is now; null: not there. Where it is another one, or in another bridge, all
  // is written anew.
  void set_link(const LinkMessage* link);
  // A MAC of the network is at a member, or is still.
  void at_member(MacAddr mac, uint64_t now_ns);
  // All that are at members were named since the last time. One that was not named twice is gone.
  void swept();
  // The kernel has an entry of ours, or has it no longer: it may have moved to another port.
  void heard(MacAddr mac, bool is_gone);
  // Writes some of what waits, so that it takes a fraction of a millisecond. `is_at_member`:
  // whether the MAC still is.
  void tick(BridgeFdb& bridge, const std::function<bool(MacAddr)>& is_at_member, uint64_t now_ns);
  // Takes all away, at once.
  void withdraw(BridgeFdb& bridge);

  const std::string& interface() const noexcept { return interface_; }
  uint64_t announced() const noexcept { return written_; }
  // Empty: nothing is wrong.
  std::string complaint() const;

 private:
  struct Known {
    uint32_t sweep = 0;       // in which it was at a member last
    bool is_written = false;  // the kernel has it
    bool is_queued = false;
    bool is_gone = false;  // from the members
    uint64_t written_ns = 0;
  };
  using All = std::unordered_map<uint64_t, Known>;  // by MAC address
  void queue(uint64_t mac, Known& known);
  void set_written(Known& known, bool is_written);

  std::string interface_;
  uint32_t number_ = 0, master_ = 0;  // 0: not there, in no bridge
  All known_;
  std::deque<uint64_t> waiting_;
  uint64_t written_ = 0;
  uint32_t sweep_ = 1;
  uint64_t retry_ns_ = 0;
  std::string error_;  // of the last write
};

}  // namespace adit
