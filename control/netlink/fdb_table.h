// SPDX-License-Identifier: Apache-2.0
// What a VXLAN interface of the kernel has of one network, and what control is told of that.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "netlink/fdb_message.h"
#include "running/control_plane.h"

namespace adit {

class FdbTable {
 public:
  explicit FdbTable(ControlPlane& control) : control_(control) {}

  // What control runs now. True: it is to be read anew, and what was known is forgotten.
  bool configure(const NetworkConfig& network, uint64_t now_ns);
  // All that was told is taken back.
  void forget(uint64_t now_ns);

  // A round has all entries; what it does not have is gone at its end.
  void begin_round();
  void take(const LinkMessage& link, const FdbMessage& message, bool is_change, uint64_t now_ns);
  void end_round(uint64_t now_ns);
  // There may be room now for what was refused. True: it takes another round.
  bool retry(uint64_t now_ns);

  uint32_t vni() const noexcept { return vni_; }
  // Whether it is behind a remote, as the kernel says.
  bool has(MacAddr mac) const { return told_macs_.contains(mac); }
  const std::string& interface() const noexcept { return config_.interface; }
  uint64_t remotes() const noexcept { return remotes_.size(); }
  uint64_t macs() const noexcept { return told_macs_.size(); }
  uint64_t left_out() const noexcept { return left_out_; }
  uint64_t refused() const noexcept;
  // Remotes that are none of the network's.
  uint64_t unused(const std::string& network) const;

 private:
  // Where frames to a MAC address go.
  struct Destination {
    std::optional<IpAddr> remote;
    std::optional<uint32_t> vni;
    std::optional<uint16_t> port;
    uint32_t via = 0;
    bool fits = false;  // a remote of ours can be made of it
    friend auto operator<=>(const Destination&, const Destination&) = default;
  };
  using Entry = std::pair<MacAddr, Destination>;

  void add(const Entry& entry, bool is_change, uint64_t now_ns);
  void remove(const Entry& entry, uint64_t now_ns);
  void tell_mac(MacAddr mac, const IpAddr& remote, uint64_t now_ns);
  void tell_remotes(uint64_t now_ns);

  ControlPlane& control_;
  NetworkId id_ = 0;
  uint32_t vni_ = 0;
  uint16_t port_ = 0;    // to which remotes are sent
  uint64_t room_ = 0;    // for entries
  uint64_t beyond_ = 0;  // that had none, since the last round began
  KernelFdbConfig config_;
  std::set<Entry> entries_;
  std::set<Entry> heard_;               // in this round
  std::map<IpAddr, uint32_t> remotes_;  // entries of each
  std::map<MacAddr, IpAddr> told_macs_;
  std::set<MacAddr> refused_macs_;
  std::set<IpAddr> refused_remotes_;
  uint64_t left_out_ = 0;
};

}  // namespace adit
