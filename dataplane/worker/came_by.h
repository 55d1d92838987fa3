// SPDX-License-Identifier: Apache-2.0
// How a packet that was translated came.
#pragma once

#include <utility>

#include "packet/flow_reader.h"
#include "worker/worker.h"

namespace adit {

struct CameBy {
  const Connection* connection = nullptr;  // null: it is not known, or not any more
  const FlowKey* half = nullptr;           // addresses, ports and VRF as its sender has them
  bool to_backend = false;
  bool other_source = false, other_destination = false;  // than in `half`
};

// Of the packet that the buffer begins with; `flow`: by read_flow() in the VRF where it is now. Not
// known of later fragments.
[[gnu::cold]] inline CameBy came_by(const Worker& worker, const rte_mbuf* mbuf,
                                    const Flow& flow) noexcept {
  FlowKey key = flow.key;
  if (flow.kind != FlowKind::kFlow && flow.kind != FlowKind::kIcmpError &&
      !(flow.kind == FlowKind::kFragment && read_first_ports(mbuf, flow, key)))
    return {};
  std::swap(key.source, key.destination);
  std::swap(key.source_port, key.destination_port);
  const ConnectionTable& connections = worker.connections->table();
  const auto found = connections.find(key, connections.hash(key));
  if (found.id == 0) return {};
  const Connection& connection = connections.at(found.id);
  const bool full = connection.forwarding == Forwarding::kFullNat;
  const bool to_backend = found.direction == Direction::kFromBackend;
  return {&connection, to_backend ? &connection.forward : &connection.reverse, to_backend,
          full || !to_backend, full || to_backend};
}

}  // namespace adit
