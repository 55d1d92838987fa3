// SPDX-License-Identifier: Apache-2.0
// A DPDK Ethernet device, opened for all workers.
#pragma once

#include <optional>
#include <vector>

#include "io/driver_descriptors.h"
#include "io/eth_device.h"
#include "io/kernel_interface.h"
#include "io/xdp_pools.h"

namespace adit {

struct EthQueue {
  uint16_t port_id;  // DPDK's
  uint16_t queue_id;
};

class EthPort : public EthDevice {
 public:
  // Configures and starts the device. Throws std::runtime_error naming the port.
  EthPort(const PortSpec& spec, unsigned workers, const PortCommons& commons);
  ~EthPort() override;
  EthPort(const EthPort&) = delete;
  EthPort& operator=(const EthPort&) = delete;

  LinkState link() const noexcept override;
  uint64_t rx_missed() const noexcept override;
  PortIo queue_io(unsigned queue) noexcept override;

 private:
  void configure(const PortSpec& spec, unsigned workers);
  void set_mtu(const PortSpec& spec);

  const char* bus_;
  std::string device_name_;
  XdpPools::Lease xdp_pool_;
  DriverDescriptors descriptors_;
  std::optional<VlanTagsKept> vlan_tags_;
  bool was_promiscuous_ = false;  // the kernel's interface, before
  const InterfaceWatch& interfaces_;
  std::vector<EthQueue> queues_;
};

}  // namespace adit
