// SPDX-License-Identifier: Apache-2.0
// What a worker of a test takes from others, as a pass without express lanes does.
#pragma once

#include "balance/handed_over.h"

namespace adit {

// As much as a burst at most. Returns how much.
inline unsigned take_all_handed_over(Worker& worker) {
  HandedOver mbufs;
  const unsigned n = take_handed_over(worker, mbufs);
  accept_handed_over(worker, {mbufs.data(), n});
  return n;
}

}  // namespace adit
