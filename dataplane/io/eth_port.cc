// SPDX-License-Identifier: Apache-2.0
#include "io/eth_port.h"

#include <net/if.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "io/interface_watch.h"
#include "io/kernel_interface.h"
#include "io/xdp_pools.h"

namespace adit {
namespace {

uint16_t receive(void* context, rte_mbuf** packets, uint16_t n) {
  const auto* queue = static_cast<const EthQueue*>(context);
  return rte_eth_rx_burst(queue->port_id, queue->queue_id, packets, n);
}
uint16_t transmit(void* context, rte_mbuf** packets, uint16_t n) {
  const auto* queue = static_cast<const EthQueue*>(context);
  return rte_eth_tx_burst(queue->port_id, queue->queue_id, packets, n);
}

}  // namespace

EthPort::EthPort(const PortSpec& spec, unsigned workers, const PortCommons& commons)
    : EthDevice(spec),
      bus_(bus_of(spec.vdev)),
      device_name_(spec.device_name),
      interfaces_(commons.interfaces) {
  int error = rte_eth_dev_get_port_by_name(spec.device_name.c_str(), &port_id_);
  if (error != 0) fail("DPDK has no device " + spec.device_name, error);
  configure(spec, workers);
  rte_mempool* pool = commons.pool;
  if (facts_.driver == "net_af_xdp") {
    xdp_pool_ = commons.xdp_pools.take(std::max(facts_.rx_queues, facts_.tx_queues));
    pool = xdp_pool_.get();
  }
  set_up_rings(spec, pool);
  descriptors_.done();
  set_mtu(spec);
  if (facts_.driver == "net_af_xdp") vlan_tags_.emplace(interface_);
  error = rte_eth_dev_start(port_id_);
  if (error != 0) fail("cannot start", error);
  was_promiscuous_ = !interface_.empty() && is_interface_promiscuous(interface_.c_str());
  if (spec.promiscuous) set_promiscuous(true);
  // Broadcast ARP and flooded multicast have to be received; not every driver filters.
  error = rte_eth_allmulticast_enable(port_id_);
  if (error != 0 && error != -ENOTSUP) fail("cannot receive all multicast", error);
  const unsigned queues = std::max(facts_.rx_queues, facts_.tx_queues);
  for (uint16_t queue = 0; queue < queues; ++queue) queues_.push_back({port_id_, queue});
}

EthPort::~EthPort() {
  // Nothing can be done about a failure here. The kernel keeps its interface, as it was.
  if (!interface_.empty() && !was_promiscuous_) rte_eth_promiscuous_disable(port_id_);
  rte_eth_dev_stop(port_id_);
  rte_eth_dev_close(port_id_);
  rte_eal_hotplug_remove(bus_, device_name_.c_str());
}

void EthPort::configure(const PortSpec& spec, unsigned workers) {
  rte_eth_dev_info info{};
  identify(info);
  limit_queues(facts_.driver, info);
  facts_.tx_queues = spec.tx_queues != 0 ? spec.tx_queues : workers;
  facts_.rx_queues =
      spec.rx_queues != 0 ? spec.rx_queues : std::min<unsigned>(workers, info.max_rx_queues);
  // The kernel shares packets out among all sockets that the driver has, one for each pair.
  if (facts_.driver == "net_af_packet") facts_.rx_queues = info.max_rx_queues;
  if (facts_.tx_queues < workers)
    throw std::runtime_error("port " + name_ + ": tx_queues is " +
                             std::to_string(facts_.tx_queues) + ", but each of the " +
                             std::to_string(workers) + " workers needs one");
  if (facts_.tx_queues > info.max_tx_queues || facts_.rx_queues > info.max_rx_queues)
    throw std::runtime_error(
        "port " + name_ + ": the device has " + std::to_string(info.max_rx_queues) +
        " receive and " + std::to_string(info.max_tx_queues) + " transmit queues, " +
        std::to_string(facts_.rx_queues) + " and " + std::to_string(facts_.tx_queues) +
        " are wanted; lower system.workers or the port's rx_queues and tx_queues");

  rte_eth_conf conf{};
  if_index_ = info.if_index;
  // Drivers on kernel interfaces do not report jumbo frames; the interface's MTU counts.
  if (if_index_ == 0) conf.rxmode.mtu = spec.mtu_bytes;
  choose_offloads(info, conf);
  // A device without hashes of its own, as virtio's, has its queues filled by whoever is behind it.
  const uint64_t hashes =
      info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
  if (facts_.rx_queues > 1 && hashes != 0) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = hashes;
  }
  configure_device(conf);
}

void EthPort::set_mtu(const PortSpec& spec) {
  int error = 0;
  if (if_index_ != 0) {
    char interface[IF_NAMESIZE] = "";
    error = if_indextoname(if_index_, interface) != nullptr
                ? set_interface_mtu(interface, spec.mtu_bytes)
                : errno;
    interface_ = interface;
  } else if (uint16_t mtu = 0; rte_eth_dev_get_mtu(port_id_, &mtu) != 0 || mtu != spec.mtu_bytes) {
    error = rte_eth_dev_set_mtu(port_id_, static_cast<uint16_t>(spec.mtu_bytes));
    if (error == -ENOTSUP) error = 0;  // a device without any limit of its own
  }
  if (error != 0) fail("cannot set mtu_bytes to " + std::to_string(spec.mtu_bytes), error);
}

LinkState EthPort::link() const noexcept {
  rte_eth_link link{};
  LinkState state;
  // A driver without link state has no link that could be down.
  if (rte_eth_link_get_nowait(port_id_, &link) == 0) {
    if (link.link_status != RTE_ETH_LINK_UP)
      state.status = LinkStatus::kDown;  // vmxnet3's has its speed all the same
    else if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
      state.speed_mbps = link.link_speed;
  }
  // Drivers on kernel interfaces always report "up", so the kernel is asked.
  if (if_index_ != 0)
    state.status = interfaces_.status(if_index_);
  else if (rte_eth_dev_is_removed(port_id_) != 0)
    state.status = LinkStatus::kGone;
  return state;
}

uint64_t EthPort::rx_missed() const noexcept {
  rte_eth_stats stats{};
  return rte_eth_stats_get(port_id_, &stats) == 0 ? stats.imissed + stats.rx_nombuf : 0;
}

PortIo EthPort::queue_io(unsigned queue) noexcept {
  return {&queues_[queue], receive, transmit};
}

}  // namespace adit
