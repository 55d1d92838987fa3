// SPDX-License-Identifier: Apache-2.0
#include "replay/pcap_port.h"

#include "adit/frame_guard.h"

namespace adit::replay {

PcapPort::~PcapPort() {
  for (rte_mbuf* mbuf : due_) rte_pktmbuf_free(mbuf);
}

void PcapPort::finish_output() {
  if (output_) output_->finish();
}

uint16_t PcapPort::receive(void* self, rte_mbuf** packets, uint16_t n) {
  auto& due = static_cast<PcapPort*>(self)->due_;
  uint16_t taken = 0;
  for (; taken < n && !due.empty(); ++taken) {
    packets[taken] = due.front();
    due.pop_front();
  }
  return taken;
}

uint16_t PcapPort::transmit(void* self, rte_mbuf** packets, uint16_t n) {
  auto& port = *static_cast<PcapPort*>(self);
  for (uint16_t i = 0; i < n; ++i) {
    lift_guard(packets[i]);
    port.write(packets[i]);
  }
  rte_pktmbuf_free_bulk(packets, n);
  port.transmitted_ += n;
  return n;
}

void PcapPort::write(const rte_mbuf* mbuf) {
  if (!output_) return;
  const uint32_t len = rte_pktmbuf_pkt_len(mbuf);
  if (mbuf->nb_segs == 1) {
    output_->write(now_ns_, {rte_pktmbuf_mtod(mbuf, const uint8_t*), len});
    return;
  }
  // A flooded frame: its header and the payload that all copies share.
  linear_.resize(len);
  const void* whole = rte_pktmbuf_read(mbuf, 0, len, linear_.data());
  output_->write(now_ns_, {static_cast<const uint8_t*>(whole), len});
}

}  // namespace adit::replay
