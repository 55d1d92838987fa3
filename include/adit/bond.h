// SPDX-License-Identifier: Apache-2.0
// Bonds: several devices that are one port (IEEE 802.1AX link aggregation and its relatives). What
// control asks for, and what it is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adit/addr.h"

namespace adit {

// The numbers are those of DPDK, which are Linux's as well.
enum class BondMode : uint8_t {
  kRoundRobin = 0,
  kActiveBackup = 1,
  kBalance = 2,
  kBroadcast = 3,
  kLacp = 4,
  kTlb = 5,
  kAlb = 6,
};
// The member of a frame to send: by MAC addresses, and IP addresses, and ports.
enum class BondHash : uint8_t { kLayer2 = 0, kLayer23 = 1, kLayer34 = 2 };
// Which aggregator sends and receives, where members have several partners.
enum class LacpSelect : uint8_t { kBandwidth = 0, kCount = 1, kStable = 2 };

inline constexpr unsigned kMaxBondMembers = 8;

struct BondMemberSpec {
  std::string name;         // as in the configuration
  std::string device_name;  // DPDK's
  std::string vdev;         // EAL's arguments of a vdev; empty: not a vdev
  bool operator==(const BondMemberSpec&) const = default;
};

struct BondSpec {
  BondMode mode = BondMode::kActiveBackup;
  BondHash hash = BondHash::kLayer34;
  LacpSelect select = LacpSelect::kStable;
  std::vector<BondMemberSpec> members = {};
  std::optional<unsigned> primary = {};  // its place in `members`
  std::optional<MacAddr> mac = {};       // none: that of the first member
  unsigned link_check_ms = 20;
  unsigned up_delay_ms = 0, down_delay_ms = 0;
};

struct BondMemberState {
  enum class Link : uint8_t { kUp, kDown, kGone };
  std::string name;
  Link link = Link::kDown;
  bool is_active = false;  // frames are sent by it, and received
  uint32_t speed_mbps = 0;
  // By LACP. States are those of IEEE 802.1AX section 6.4.2.3, a bit each.
  struct Lacp {
    bool is_selected = false;
    uint8_t own_state = 0, partner_state = 0;
    MacAddr partner_system = {};
    uint16_t partner_key = 0, partner_port = 0;
  };
  std::optional<Lacp> lacp = {};
};

struct BondState {
  BondMode mode = BondMode::kActiveBackup;
  std::vector<BondMemberState> members = {};
};

// Actor_State and Partner_State.
inline constexpr uint8_t kLacpActive = 0x01, kLacpShortTimeout = 0x02, kLacpAggregation = 0x04,
                         kLacpInSync = 0x08, kLacpCollecting = 0x10, kLacpDistributing = 0x20,
                         kLacpDefaulted = 0x40, kLacpExpired = 0x80;

}  // namespace adit
