// SPDX-License-Identifier: Apache-2.0
// Replies whose connection was forgotten.
#pragma once

#include "packet/flow_reader.h"
#include "worker/worker.h"

namespace adit {

// Whether it is a backend's packet of a forgotten connection, which would reach the client from an
// unknown address. Flows that the backend began, or a host began to its own address, are not; they
// are remembered. UDP does not show who began: its flows have to be among the forgotten ones.
// `hash`: of the flow's key, which no connection has. `to`: what its destination is; only NAT's
// replies are to others than us.
bool is_forgotten_reply(Worker& worker, const Flow& flow, const rte_mbuf* mbuf, uint64_t hash,
                        RouteTarget::Kind to) noexcept;

}  // namespace adit
