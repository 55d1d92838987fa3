// SPDX-License-Identifier: Apache-2.0
// What control asks a worker about its connections. That worker alone reads its table: it looks
// through it a slice in each pass, and copies what is asked for to where control has made room.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "adit/connection_state.h"
#include "adit/service.h"
#include "adit/snapshot.h"

namespace adit {

// Addresses of one IP version, as FlowKey has them.
struct AddressMatch {
  AddressMatch() = default;
  explicit AddressMatch(const IpPrefix& prefix)
      : address(address_key(subnet_of(prefix).address)),
        mask(prefix_mask(prefix.address.family, prefix.length)),
        ipv6(!prefix.address.is_v4()) {}
  bool matches(const Ipv6Key& other, bool other_is_ipv6) const noexcept {
    return other_is_ipv6 == ipv6 && (other.high & mask.high) == address.high &&
           (other.low & mask.low) == address.low;
  }

  Ipv6Key address, mask;
  bool ipv6 = false;
};

// Which connections are asked for: those that fit all that is set.
struct ConnectionFilter {
  uint32_t states = UINT32_MAX;  // a bit for each ConnectionState
  std::optional<VrfId> vrf;      // that the client is in
  std::optional<AddressMatch> client, virtual_address, backend;
  bool grouped_only = false;  // only of backends that have a group
};
static_assert(kConnectionStates <= 32);

// Of a connection, what people want to see. Addresses and ports as on the wire. What only its owner
// knows, its owner writes (dataplane/worker/connection_ops.h).
struct ConnectionRow {
  Ipv6Key client, virtual_address, backend;
  Ipv6Key local;  // of full NAT
  be16 client_port, virtual_port, backend_port, local_port;
  std::string_view owner;    // the kind: ConnectionOps::name
  BackendId backend_id = 0;  // a service's; 0: it has none
  uint32_t left_s = 0;       // before it ends, if no packet comes
  VrfId vrf = 0, backend_vrf = 0;
  uint8_t protocol = 0;
  ConnectionState state = ConnectionState::kNone;
  std::optional<Forwarding> forwarding;  // a service's
  bool ipv6 = false, backend_ipv6 = false;
};

using StateCounts = std::array<uint32_t, kConnectionStates>;

// One worker's part.
struct ConnectionDump {
  // --- control writes, before the worker has it
  ConnectionFilter filter;
  // By BackendId; 0, and where it ends: no group. All workers'.
  std::shared_ptr<const std::vector<uint32_t>> group_of;

  // --- control makes room, the worker writes; control reads when it is answered
  std::vector<ConnectionRow> rows;  // the first ones that match
  std::vector<StateCounts> counts;  // by group, of all that match; empty: not wanted
  uint32_t row_count = 0;
  uint64_t matched = 0;
  uint32_t progress = 0;  // of the sweep

  // --- while the worker has it
  std::atomic<uint64_t> slices = 0;     // the worker: that it has looked at, so it is alive
  std::atomic<bool> answered = false;   // the worker: it writes no more
  std::atomic<bool> cancelled = false;  // control: it wants no answer any more
};

}  // namespace adit
