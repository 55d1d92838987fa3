// SPDX-License-Identifier: Apache-2.0
#include "io/bond_member.h"

#include <net/if.h>
#include <rte_dev.h>
#include <rte_ethdev.h>

#include <stdexcept>

#include "io/interface_watch.h"
#include "io/port.h"

namespace adit {

BondMember::BondMember(const std::string& port, const BondMemberSpec& spec) : spec_(spec) {
  const char* const name = spec.device_name.c_str();
  // EAL has made those on PCI.
  if (rte_eth_dev_get_port_by_name(name, &port_id_) != 0)
    plug_device(port, spec.device_name, spec.vdev);
  try {
    rte_eth_dev_info info{};
    if (rte_eth_dev_get_port_by_name(name, &port_id_) != 0 ||
        rte_eth_dev_info_get(port_id_, &info) != 0)
      throw std::runtime_error("DPDK has no network device " + spec.device_name);
    driver_ = info.driver_name;
    if_index_ = info.if_index;
    if (char found[IF_NAMESIZE]; if_index_ != 0 && if_indextoname(if_index_, found) != nullptr)
      interface_ = found;
    was_promiscuous_ = !interface_.empty() && is_interface_promiscuous(interface_.c_str());
    // The bonding driver asks a device for its link only where that does not claim to report
    // changes. Many that do (TAPs, e1000) report none here, and there is no function to have all
    // asked.
    if (info.dev_flags != nullptr)
      *const_cast<uint32_t*>(info.dev_flags) &= ~uint32_t{RTE_ETH_DEV_INTR_LSC};
    if (driver_ == "net_af_packet" || driver_ == "net_af_xdp")
      link_.emplace(port_id_);
    else
      seen_.emplace(port_id_);
    if (driver_ == "net_af_xdp") vlan_tags_.emplace(interface_);
  } catch (const std::runtime_error& error) {
    remove();
    throw std::runtime_error("port " + port + ": bond member " + spec.name + ": " + error.what());
  }
}

// Nothing can be done about a failure here. The kernel keeps its interface, as it was.
BondMember::~BondMember() {
  if (!interface_.empty() && !was_promiscuous_) rte_eth_promiscuous_disable(port_id_);
  rte_eth_dev_stop(port_id_);
  rte_eth_dev_close(port_id_);
  remove();
}

void BondMember::remove() noexcept {
  rte_eal_hotplug_remove(bus_of(spec_.vdev), spec_.device_name.c_str());
}

LinkStatus BondMember::status(const InterfaceWatch& interfaces) const noexcept {
  if (link_) return interfaces.status(if_index_);
  if (rte_eth_dev_is_removed(port_id_) != 0) return LinkStatus::kGone;
  const std::optional<rte_eth_link> link = seen_->get();
  if (!link || link->link_status != RTE_ETH_LINK_DOWN) return LinkStatus::kUp;
  // The watch may not know yet of a TAP that was made just now.
  char name[IF_NAMESIZE];
  const bool is_gone = if_index_ != 0 && if_indextoname(if_index_, name) == nullptr;
  return is_gone ? LinkStatus::kGone : LinkStatus::kDown;
}

void BondMember::look(const InterfaceWatch& interfaces) noexcept {
  if (link_) link_->set(status(interfaces) == LinkStatus::kUp);
}

uint32_t BondMember::speed_mbps() const noexcept {
  rte_eth_link link{};
  if (seen_)
    link = seen_->get().value_or(link);
  else
    rte_eth_link_get_nowait(port_id_, &link);
  return link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN ? link.link_speed : 0;
}

}  // namespace adit
