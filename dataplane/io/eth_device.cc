// SPDX-License-Identifier: Apache-2.0
#include "io/eth_device.h"

#include <rte_ethdev.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace adit {

// DPDK 22.11's driver of e1000 says that each of its NICs has two queues of either kind. An 82540
// has one, and what is sent by the other is lost without a word. Nothing tells which ones do.
void EthDevice::limit_queues(const std::string& driver, rte_eth_dev_info& info) noexcept {
  if (driver != "net_e1000_em") return;
  info.max_rx_queues = 1;
  info.max_tx_queues = 1;
}

void EthDevice::set_promiscuous(bool promiscuous) {
  const int error =
      promiscuous ? rte_eth_promiscuous_enable(port_id_) : rte_eth_promiscuous_disable(port_id_);
  if (error != 0 && error != -ENOTSUP)
    fail(promiscuous ? "cannot be made promiscuous" : "cannot be made not promiscuous", error);
}

void EthDevice::identify(rte_eth_dev_info& info) {
  int error = rte_eth_dev_info_get(port_id_, &info);
  if (error != 0) fail("cannot report its capabilities", error);
  facts_.driver = info.driver_name;
  rte_ether_addr mac{};
  error = rte_eth_macaddr_get(port_id_, &mac);
  if (error != 0) fail("has no MAC address", error);
  std::memcpy(facts_.device_mac.bytes.data(), mac.addr_bytes, sizeof mac.addr_bytes);
}

void EthDevice::choose_offloads(const rte_eth_dev_info& info, rte_eth_conf& conf) {
  const uint64_t rx_wanted = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
  conf.rxmode.offloads = info.rx_offload_capa & rx_wanted;
  conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  const uint16_t most = info.tx_desc_lim.nb_mtu_seg_max;  // 0: the driver does not say
  facts_.max_tx_buffers = conf.txmode.offloads == 0 ? 1 : most == 0 ? UINT16_MAX : most;
}

void EthDevice::configure_device(const rte_eth_conf& conf) {
  const int error = rte_eth_dev_configure(port_id_, static_cast<uint16_t>(facts_.rx_queues),
                                          static_cast<uint16_t>(facts_.tx_queues), &conf);
  if (error != 0) fail("cannot be configured", error);
}

void EthDevice::set_up_rings(const PortSpec& spec, rte_mempool* pool) {
  if (pool == nullptr)
    throw std::runtime_error("port " + name_ +
                             ": there is no memory for its packet buffers; write a larger "
                             "`memory_mb` in `system`, and restart aditd");
  uint16_t rx_ring = static_cast<uint16_t>(spec.rx_ring);
  uint16_t tx_ring = static_cast<uint16_t>(spec.tx_ring);
  int error = rte_eth_dev_adjust_nb_rx_tx_desc(port_id_, &rx_ring, &tx_ring);
  if (error != 0) fail("cannot size the rings", error);
  const auto socket = static_cast<unsigned>(rte_eth_dev_socket_id(port_id_));
  for (uint16_t queue = 0; queue < facts_.rx_queues; ++queue) {
    error = rte_eth_rx_queue_setup(port_id_, queue, rx_ring, socket, nullptr, pool);
    if (error != 0) fail("cannot set up receive queue " + std::to_string(queue), error);
  }
  for (uint16_t queue = 0; queue < facts_.tx_queues; ++queue) {
    error = rte_eth_tx_queue_setup(port_id_, queue, tx_ring, socket, nullptr);
    if (error != 0) fail("cannot set up transmit queue " + std::to_string(queue), error);
  }
}

}  // namespace adit
