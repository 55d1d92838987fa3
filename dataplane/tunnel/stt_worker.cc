// SPDX-License-Identifier: Apache-2.0
#include "tunnel/stt_worker.h"

#include <cstring>

namespace adit {
namespace {

Ipv6Key source_of(const SttKey& key) noexcept {
  Ipv6Key source;
  if (key.is_v6) {
    std::memcpy(&source, key.src.data(), sizeof source);
  } else {
    uint32_t raw;
    std::memcpy(&raw, key.src.data(), sizeof raw);
    source.low = raw;
  }
  return source;
}

}  // namespace

// Frames may outlive the snapshot with which they arrived: their remote may have been removed.
void SttWorker::on_drop(void* context, rte_mbuf* mbuf, const SttDrop& facts) noexcept {
  auto& self = *static_cast<SttWorker*>(context);
  --self.worker_.tunnels.kept;
  const BridgePortId remote = remote_of(*self.worker_.snapshot, tunnel_index(TunnelKind::kStt),
                                        {source_of(facts.key), facts.context_id});
  drop_of(self.worker_, remote, mbuf, facts.reason);
}

}  // namespace adit
