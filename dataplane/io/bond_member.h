// SPDX-License-Identifier: Apache-2.0
// A device that a bond has: made, and removed with it. The bonding driver configures and starts it.
#pragma once

#include <optional>
#include <string>

#include "adit/bond.h"
#include "adit/dataplane.h"
#include "io/driver_link.h"
#include "io/kernel_interface.h"

namespace adit {

class InterfaceWatch;

class BondMember {
 public:
  // Makes the device where EAL has none yet. Throws std::runtime_error naming the port.
  BondMember(const std::string& port, const BondMemberSpec& spec);
  // The bond does not have it any more.
  ~BondMember();
  BondMember(const BondMember&) = delete;
  BondMember& operator=(const BondMember&) = delete;

  const std::string& name() const noexcept { return spec_.name; }
  uint16_t port_id() const noexcept { return port_id_; }
  const std::string& driver() const noexcept { return driver_; }
  // Of the kernel's interface that it is on; 0: none.
  unsigned if_index() const noexcept { return if_index_; }
  const std::string& interface() const noexcept { return interface_; }

  // Tells a driver that does not look itself.
  void look(const InterfaceWatch& interfaces) noexcept;
  LinkStatus status(const InterfaceWatch& interfaces) const noexcept;
  uint32_t speed_mbps() const noexcept;

 private:
  void remove() noexcept;

  const BondMemberSpec spec_;
  uint16_t port_id_ = 0;
  std::string driver_, interface_;
  unsigned if_index_ = 0;
  bool was_promiscuous_ = false;  // the kernel's interface, before
  std::optional<DriverLink> link_;
  mutable std::optional<SeenLink> seen_;  // where link_ is not
  std::optional<VlanTagsKept> vlan_tags_;
};

}  // namespace adit
