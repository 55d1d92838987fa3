// SPDX-License-Identifier: Apache-2.0
// The MTU of a tunnel now: the compiled one, or less if ICMP errors reported less.
#pragma once

#include "worker/worker.h"

namespace adit {

// Bytes before the inner frame or packet of a tunnel, from its outer IP header on.
inline uint32_t outer_bytes(const BridgePort& out) noexcept {
  return out.header_len - unsigned{sizeof(EthernetHeader)};
}

// Most bytes of a frame, or of a VRF's packet, that the way out takes. `inner_df`: IPv4's.
[[gnu::cold, gnu::noinline]] inline uint32_t path_frame_bytes(const Worker& worker,
                                                              const BridgePort& out,
                                                              bool inner_df) noexcept {
  const bool tunnel = out.kind == BridgePortKind::kTunnel || out.kind == BridgePortKind::kRouted;
  // Where frames are cut into segments, these become shorter instead.
  if (!tunnel || out.segment_head != 0) return out.max_frame_bytes;
  // Routers on the way may fragment what has no DF.
  const bool fragmentable =
      (out.outer & outer::kIpv6) == 0 &&
      ((out.outer & outer::kClearDf) != 0 || ((out.outer & outer::kInheritDf) != 0 && !inner_df));
  const uint32_t mtu = worker.path_mtus->of_remote(out.sequence_id, worker.now_s);
  if (mtu == 0 || fragmentable) return out.max_frame_bytes;
  const uint32_t headers = outer_bytes(out);
  return std::min(out.max_frame_bytes, mtu - std::min(mtu, headers));
}

// The same; quick as long as no path is narrower than was configured.
inline uint32_t most_frame_bytes(const Worker& worker, const BridgePort& out,
                                 bool inner_df) noexcept {
  if (worker.fits_all_paths == UINT32_MAX) [[likely]]
    return out.max_frame_bytes;
  return path_frame_bytes(worker, out, inner_df);
}

// Most bytes of the frames of a connection, for its MSS, where the frame that begins it enters its
// network by `in`.
inline uint32_t most_connection_bytes(const Worker& worker, const BridgePort& in) noexcept {
  return std::min(worker.snapshot->networks[in.network].flood.least_frame_bytes(),
                  most_frame_bytes(worker, in, true));
}

// Whether a frame of so many bytes is longer than its way out takes.
inline bool is_too_big(const Worker& worker, const BridgePort& out, uint32_t bytes,
                       bool inner_df) noexcept {
  if (bytes > out.max_frame_bytes) [[unlikely]]
    return true;
  return bytes > worker.fits_all_paths && bytes > path_frame_bytes(worker, out, inner_df);
}

// Most payload of a segment.
inline uint16_t segment_bytes_of(const Worker& worker, const BridgePort& out) noexcept {
  if (worker.fits_all_paths == UINT32_MAX) [[likely]]
    return out.segment_bytes;
  const uint32_t mtu = worker.path_mtus->of_remote(out.sequence_id, worker.now_s);
  return mtu == 0
             ? out.segment_bytes
             : static_cast<uint16_t>(std::min<uint32_t>(out.segment_bytes, mtu - out.segment_head));
}

}  // namespace adit
