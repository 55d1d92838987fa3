// SPDX-License-Identifier: Apache-2.0
#include "stt_worker.h"

#include "worker.h"

namespace adit {

void SttWorker::on_drop(void* context, rte_mbuf* mbuf, DropReason reason) noexcept {
  auto& self = *static_cast<SttWorker*>(context);
  --self.held_;
  drop(self.worker_, mbuf, reason);
}

}  // namespace adit
