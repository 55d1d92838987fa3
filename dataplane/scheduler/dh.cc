// SPDX-License-Identifier: Apache-2.0
// Destination hashing: for caches behind a service that has many addresses.
#include "scheduler/hashed.h"
#include "scheduler/registry.h"

namespace adit {
namespace {

uint32_t pick(SchedulerContext& context, const FlowKey& flow) noexcept {
  return pick_slot(context, hash_address(flow.destination));
}

}  // namespace

constinit const SchedulerOps kDhOps = {
    .name = "dh",
    .help = "a hash of the destination address selects it, in proportion to weights",
    .takes = {.fallback = true},
    .build = build_buckets,
    .pick = pick};

}  // namespace adit
