// SPDX-License-Identifier: Apache-2.0
// Source hashing: a client stays with its backend without anything being kept of it.
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
        "the one that the client's address says, in proportion to weights; while it is "
        "drained or overloaded its clients are refused without `fallback`",
    .takes = {.hash_port = true, .fallback = true},
    .build = build_buckets,
    .pick = pick};

}  // namespace adit
