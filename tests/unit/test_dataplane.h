// SPDX-License-Identifier: Apache-2.0
// A dataplane with one worker, if not told otherwise, and ports that lead nowhere.
#pragma once

#include <rte_mbuf.h>

#include <chrono>
#include <memory>
#include <thread>

#include "adit/dataplane.h"

namespace adit {

// For loops that wait for another thread. It may have to share a core with the loop, as all begin
// on EAL's main one, and a low priority.
inline void let_others_run() {
  std::this_thread::sleep_for(std::chrono::microseconds(50));
}

class TestDataplane {
 public:
  explicit TestDataplane(uint32_t fdb_capacity = 1024, unsigned ports = 2, unsigned workers = 1) {
    DataplaneOptions options;
    options.workers = workers;
    options.mbufs = 1023;
    options.fdb_capacity = fdb_capacity;
    for (unsigned port = 0; port < ports; ++port) {
      PortSpec spec;
      spec.name = "port" + std::to_string(port);
      spec.io = {this, receive, transmit};
      options.ports.push_back(spec);
    }
    dataplane_ = std::make_unique<Dataplane>(options);
  }
  Dataplane& operator*() noexcept { return *dataplane_; }
  Dataplane* operator->() noexcept { return dataplane_.get(); }

  // The first bytes of all frames sent, in order.
  std::vector<std::vector<uint8_t>> sent;

 private:
  static uint16_t receive(void*, rte_mbuf**, uint16_t) { return 0; }
  static uint16_t transmit(void* context, rte_mbuf** packets, uint16_t n) {
    auto& self = *static_cast<TestDataplane*>(context);
    for (unsigned i = 0; i < n; ++i) {
      const uint8_t* bytes = rte_pktmbuf_mtod(packets[i], const uint8_t*);
      self.sent.emplace_back(bytes, bytes + packets[i]->data_len);
    }
    rte_pktmbuf_free_bulk(packets, n);
    return n;
  }
  std::unique_ptr<Dataplane> dataplane_;
};

}  // namespace adit
