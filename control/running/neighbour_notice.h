// SPDX-License-Identifier: Apache-2.0
// What happens to neighbours that an operator should read of.
#pragma once

#include <cstdint>
#include <functional>

#include "adit/addr.h"
#include "adit/ids.h"

namespace adit {

struct NeighbourNotice {
  enum class Kind {
    kConflict,     // `mac` uses our own `address`
    kMoveRefused,  // `mac` says that it has `address`, but `holder` has it and answers
    kMoved,        // `address` was at `holder` and is at `mac`
  };
  Kind kind;
  LinkId link;
  IpAddr address;
  MacAddr mac;
  MacAddr holder;
  uint64_t suppressed = 0;  // notices of the kind and link before, which the limit left out
};
using NeighbourNoticeSink = std::function<void(const NeighbourNotice&)>;

}  // namespace adit
