// SPDX-License-Identifier: Apache-2.0
// The link state that DPDK keeps of a device. Drivers on kernel interfaces (net_af_packet,
// net_af_xdp) set it once, and say "up" for ever. The bonding driver believes it, and there is no
// function of DPDK to say otherwise: so it is written where ethdev has it.
#pragma once

#include <rte_ethdev.h>

#include <cstdint>
#include <optional>

namespace adit {

class DriverLink {
 public:
  // Looks for the state of the device, and makes sure that DPDK reads what is written there. To be
  // called before the device is started. Throws std::runtime_error if this DPDK keeps it elsewhere.
  explicit DriverLink(uint16_t port_id);
  void set(bool is_up) noexcept;

 private:
  void* state_ = nullptr;  // struct rte_eth_link, in one word
};

// The link as the bonding driver's look at it left it: not every driver (e1000) can be asked by two
// threads at one time.
class SeenLink {
 public:
  explicit SeenLink(uint16_t port_id) noexcept;
  // None: the driver knows of no links.
  std::optional<rte_eth_link> get() noexcept;

 private:
  const uint16_t port_id_;
  const void* state_;     // struct rte_eth_link, in one word
  bool is_sure_ = false;  // that it is there
};

}  // namespace adit
