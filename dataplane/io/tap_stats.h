// SPDX-License-Identifier: Apache-2.0
// What the kernel counts at a TAP interface, which may have been moved to another network
// namespace.
#pragma once

#include <cstdint>
#include <optional>

namespace adit {

// Frames that the kernel had for us and dropped, because the queue to us was full. `fd`: one of the
// interface's queues. None where the kernel does not tell.
std::optional<uint64_t> tap_queue_drops(int fd) noexcept;

}  // namespace adit
