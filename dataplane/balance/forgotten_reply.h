// SPDX-License-Identifier: Apache-2.0
// Replies whose connection was forgotten.
#pragma once

#include "packet/flow_reader.h"
#include "worker/worker.h"

namespace adit {

// A backend's packet of a connection that was forgotten: the client would not know the address that
// it comes from. Not what the backend begins by itself, nor what it says to whoever speaks to its
// own address; of these it takes note. UDP does not tell who began: its flows have to be known as
// forgotten. `hash`: of the flow's key, which no connection has.
bool is_forgotten_reply(Worker& worker, const Flow& flow, const rte_mbuf* mbuf,
                        uint64_t hash) noexcept;

}  // namespace adit
