// SPDX-License-Identifier: Apache-2.0
// Dump of a worker's connections for control. Only the worker reads its table: it visits a slice of
// it in each pass, and copies matching rows into memory that control allocated.
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

// An address prefix of one IP version, in the form of FlowKey (network byte order).
struct AddressMatch {
  AddressMatch() = default;
  explicit AddressMatch(const IpPrefix& prefix)
      : address(address_key(subnet_of(prefix).address)),
        mask(prefix_mask(prefix.address.family, prefix.length)),
        ipv6(!prefix.address.is_v4()) {}
  // `other`: as in FlowKey.
  bool matches(const Ipv6Key& other, bool other_is_ipv6) const noexcept {
    return other_is_ipv6 == ipv6 && (other.high & mask.high) == address.high &&
           (other.low & mask.low) == address.low;
  }

  Ipv6Key address, mask;
  bool ipv6 = false;
};

// Selects connections: those that match all fields that are set.
struct ConnectionFilter {
  uint32_t states = UINT32_MAX;  // a bit for each ConnectionState
  std::optional<VrfId> vrf;      // of the client
  std::optional<AddressMatch> client, virtual_address, backend;
  bool grouped_only = false;  // only connections of backends with a group
};
static_assert(kConnectionStates <= 32);

// One row of the dump. Addresses and ports are in network byte order. The connection's owner fills
// in what only it knows (dataplane/worker/connection_ops.h).
struct ConnectionRow {
  Ipv6Key client, virtual_address, backend;
  Ipv6Key local;  // source address that full NAT uses
  be16 client_port, virtual_port, backend_port, local_port;
  std::string_view owner;    // the kind: ConnectionOps::name
  BackendId backend_id = 0;  // of a service; 0: none
  uint32_t left_s = 0;       // until it expires if it stays idle
  VrfId vrf = 0, backend_vrf = 0;
  uint8_t protocol = 0;
  ConnectionState state = ConnectionState::kNone;
  std::optional<Forwarding> forwarding;  // of a service
  bool ipv6 = false, backend_ipv6 = false;
};

using StateCounts = std::array<uint32_t, kConnectionStates>;

// The dump of one worker.
struct ConnectionDump {
  // --- control writes, before it submits the dump
  ConnectionFilter filter;
  // Group by BackendId; 0, or beyond the end: no group. Shared by all workers' dumps.
  std::shared_ptr<const std::vector<uint32_t>> group_of;

  // --- control allocates, the worker writes; control reads once `answered` is true
  std::vector<ConnectionRow> rows;  // the first matching rows
  std::vector<StateCounts> counts;  // by group, of all matches; empty: not requested
  uint32_t row_count = 0;
  uint64_t matched = 0;
  uint32_t progress = 0;  // position in the table

  // --- shared while the worker works on it
  std::atomic<uint64_t> slices = 0;     // worker: slices visited, which shows that it runs
  std::atomic<bool> answered = false;   // worker: it does not write any more
  std::atomic<bool> cancelled = false;  // control: no answer is needed any more
};

}  // namespace adit
