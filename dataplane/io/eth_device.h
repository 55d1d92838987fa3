// SPDX-License-Identifier: Apache-2.0
// What ports have in common that are one device of DPDK's ethdev, whatever is below it.
#pragma once

#include <cstdint>
#include <string>

#include "io/port.h"

struct rte_eth_conf;
struct rte_eth_dev_info;
struct rte_mempool;

namespace adit {

class EthDevice : public Port {
 public:
  void set_promiscuous(bool promiscuous) override;

 protected:
  explicit EthDevice(const PortSpec& spec) : Port(spec) {}
  // What the device can do; its driver and MAC address go into facts_. These throw
  // std::runtime_error naming the port.
  void identify(rte_eth_dev_info& info);
  // Where a driver says more queues than its NICs have.
  static void limit_queues(const std::string& driver, rte_eth_dev_info& info) noexcept;
  // Of the offloads that adit uses, those that the device has; how many buffers a packet may have
  // goes into facts_.
  void choose_offloads(const rte_eth_dev_info& info, rte_eth_conf& conf);
  // With the numbers of queues in facts_.
  void configure_device(const rte_eth_conf& conf);
  // `pool`: of receive buffers; null: there is no memory for them.
  void set_up_rings(const PortSpec& spec, rte_mempool* pool);

  uint16_t port_id_ = 0;  // DPDK's
};

}  // namespace adit
