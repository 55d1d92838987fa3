// SPDX-License-Identifier: Apache-2.0
// What ports on interfaces of the kernel set there, in this network namespace.
#pragma once

#include <cstdint>
#include <string>

namespace adit {

// Sets the MTU; 0, or an errno.
int set_interface_mtu(const char* interface, unsigned mtu_bytes) noexcept;

// Whether somebody set it so.
bool is_interface_promiscuous(const char* interface) noexcept;

// While it lives, the interface leaves VLAN tags in the frames that it receives, where it can be
// told so: AF_XDP has no other place for them. A driver may reset its NIC for that.
class VlanTagsKept {
 public:
  explicit VlanTagsKept(std::string interface) noexcept;
  ~VlanTagsKept();
  VlanTagsKept(const VlanTagsKept&) = delete;
  VlanTagsKept& operator=(const VlanTagsKept&) = delete;

 private:
  const std::string interface_;
  bool were_taken_off_ = false;  // before
};

}  // namespace adit
