// SPDX-License-Identifier: Apache-2.0
// The address sanitizer knows nothing of packet buffers: a read behind the end of a frame lands
// in the same buffer and would go unseen. Where a build has the sanitizer, the bytes behind
// a captured frame are out of bounds while the pipeline works on it.
#pragma once

#include <rte_mbuf.h>

// clang 14 does not define the macro of GCC.
#if defined(__SANITIZE_ADDRESS__)
#define ADIT_GUARDS_FRAMES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADIT_GUARDS_FRAMES 1
#endif
#endif

#if defined(ADIT_GUARDS_FRAMES)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#endif

namespace adit {

inline void guard_tail(const rte_mbuf* mbuf) noexcept {
  ASAN_POISON_MEMORY_REGION(rte_pktmbuf_mtod_offset(mbuf, const char*, mbuf->data_len),
                            rte_pktmbuf_tailroom(mbuf));
}

// Call before the buffer is written behind the frame's end.
inline void lift_guard(const rte_mbuf* mbuf) noexcept {
  ASAN_UNPOISON_MEMORY_REGION(mbuf->buf_addr, mbuf->buf_len);
}

}  // namespace adit
