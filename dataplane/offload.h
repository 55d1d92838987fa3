// SPDX-License-Identifier: Apache-2.0
// Frames whose sender left checksum or segmentation to a network card, on their way out.
#pragma once

#include "worker.h"

namespace adit {

// Completes the frame for a way out that does not take it as it is. False when the packet has
// gone: as several ones, or dropped.
[[gnu::cold]] bool finish_offload(Worker& worker, Packet& packet) noexcept;

}  // namespace adit
