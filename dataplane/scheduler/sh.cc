// SPDX-License-Identifier: Apache-2.0
// Source hashing: a client stays with its backend without any state.
#include "scheduler/hashed.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

uint32_t pick(SchedulerContext& context, const FlowKey& flow) noexcept {
  return pick_slot(context, hash_client(context, flow));
}

}  // namespace

constinit const SchedulerOps kShOps = {
    .name = "sh",
    .help =
        "a hash of the client address selects it, in proportion to weights; without `fallback`, "
        "its clients are refused while it is drained or overloaded",
    .takes = {.hash_port = true, .fallback = true},
    .build = build_buckets,
    .pick = pick};

}  // namespace adit
