// SPDX-License-Identifier: Apache-2.0
// Frames of STT that are one segment and have neither a tag nor a pending offload, as most are.
#pragma once

#include "tunnel/stt_header.h"
#include "worker/worker.h"

namespace adit {

inline constexpr unsigned kSttHeaders = sizeof(SttTcpHeader) + sizeof(SttFrameHeader);

// Whether the `bytes` bytes from `tcp` on, which end where the IP packet does, are such a frame for
// us, at `port`, if its checksum is right.
inline bool is_plain_stt(const SttTcpHeader& tcp, uint32_t bytes, uint16_t port) noexcept {
  if (bytes < sizeof tcp + kSttMinFrameBytes || port == 0 || tcp.dst_port != be16(port) ||
      tcp.data_offset >> 4 != sizeof tcp / 4)
    return false;
  const uint32_t payload = bytes - unsigned{sizeof tcp};
  const auto& frame = *reinterpret_cast<const SttFrameHeader*>(&tcp + 1);
  return is_whole_stt_frame(stt_place(tcp.sequence.host()), payload) &&
         frame.version == kSttVersion && (frame.flags & kSttChecksumPartial) == 0 &&
         (frame.vlan_tci.host() & kSttVlanPresent) == 0;
}

// Fills in what the template has not of such a frame of `inner_len` bytes whose sum, not folded, is
// `inner_sum`. The IP header ends at `ip_end` of `header`.
void finish_stt(Worker& worker, uint8_t* header, unsigned ip_end, const BridgePort& out,
                uint32_t inner_len, uint64_t inner_sum, uint32_t entropy) noexcept;

}  // namespace adit
