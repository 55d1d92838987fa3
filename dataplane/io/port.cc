// SPDX-License-Identifier: Apache-2.0
#include "io/port.h"

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <cstdlib>

#include "io/bond_port.h"
#include "io/eth_port.h"
#include "io/interface_watch.h"
#include "io/tap_port.h"

namespace adit {

void Port::fail(const std::string& what, int error) const {
  throw std::runtime_error("port " + name_ + ": " + what + ": " + rte_strerror(std::abs(error)));
}

void Port::request_links(InterfaceWatch& interfaces) const {
  if (if_index_ != 0) interfaces.request_link(if_index_);
}

void plug_device(const std::string& port, const std::string& name, const std::string& vdev) {
  const std::size_t comma = vdev.find(',');
  const std::string arguments = comma == std::string::npos ? "" : vdev.substr(comma + 1);
  // It would be another port's, and to add it once more is no error.
  uint16_t id = 0;
  if (rte_eth_dev_get_port_by_name(name.c_str(), &id) == 0)
    throw std::runtime_error("port " + port + ": DPDK has a device " + name +
                             " already, which another port has: use another name");
  const int error = rte_eal_hotplug_add(bus_of(vdev), name.c_str(), arguments.c_str());
  if (error != 0)
    throw std::runtime_error("port " + port + ": DPDK cannot create " + name + " (" +
                             rte_strerror(std::abs(error)) +
                             "): is there such a driver, with these arguments, and the interface?");
}

std::unique_ptr<Port> open_port(const PortSpec& spec, unsigned workers, const PortCommons& commons,
                                const Port* former) {
  if (spec.device_name.starts_with(kTapPrefix))
    return std::make_unique<TapPort>(spec, workers, commons.pool,
                                     dynamic_cast<const TapPort*>(former));
  if (spec.bond) {
    if (const auto* bond = dynamic_cast<const BondPort*>(former); bond != nullptr)
      return std::make_unique<BondPort>(spec, *bond);
    return std::make_unique<BondPort>(spec, workers, commons);
  }
  return std::make_unique<EthPort>(spec, workers, commons);
}

std::unique_ptr<Port> reopen_port(const PortSpec& spec, unsigned workers,
                                  const PortCommons& commons) {
  if (spec.device_name.starts_with(kTapPrefix) || spec.bond)
    return open_port(spec, workers, commons);
  plug_device(spec.name, spec.device_name, spec.vdev);
  try {
    return open_port(spec, workers, commons);
  } catch (...) {
    rte_eal_hotplug_remove(bus_of(spec.vdev), spec.device_name.c_str());
    throw;
  }
}

}  // namespace adit
