// SPDX-License-Identifier: Apache-2.0
// A DPDK Ethernet device, opened for all workers.
#pragma once

#include <memory>
#include <vector>

#include "adit/dataplane.h"

namespace adit {

struct EthQueue {
  uint16_t port_id;  // DPDK's
  uint16_t queue_id;
};

class EthPort {
 public:
  // Configures and starts the device. Throws std::runtime_error naming the port.
  EthPort(const PortSpec& spec, unsigned workers, rte_mempool* pool);
  ~EthPort();
  EthPort(const EthPort&) = delete;
  EthPort& operator=(const EthPort&) = delete;

  const PortFacts& facts() const noexcept { return facts_; }
  LinkState link() const noexcept;
  uint64_t rx_missed() const noexcept;

  // The functions of one queue pair; valid as long as this object.
  PortIo queue_io(unsigned queue) noexcept;

 private:
  [[noreturn]] void fail(const std::string& what, int error) const;
  void configure(const PortSpec& spec, unsigned workers);
  void set_mtu(const PortSpec& spec);
  void set_interface_mtu(const PortSpec& spec);

  std::string name_;
  uint16_t port_id_ = 0;
  unsigned if_index_ = 0;  // of the kernel's interface below the device, 0: none
  PortFacts facts_;
  std::vector<EthQueue> queues_;
};

}  // namespace adit
