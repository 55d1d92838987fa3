// SPDX-License-Identifier: Apache-2.0
// The kernel's interfaces of this network namespace, by rtnetlink: whether they exist and are up.
// Used by control only.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "adit/dataplane.h"

struct mnl_socket;
struct nlmsghdr;

namespace adit {

class InterfaceWatch {
 public:
  // Reads all interfaces. Throws std::runtime_error.
  InterfaceWatch();
  ~InterfaceWatch();
  InterfaceWatch(const InterfaceWatch&) = delete;
  InterfaceWatch& operator=(const InterfaceWatch&) = delete;

  // Handles messages of the kernel; does not block.
  void refresh();
  // Requests the state of the interface, which refresh() then reads. Without a request, the kernel
  // reports changes of the carrier at most once a second.
  void request_link(unsigned if_index);

  // Up: set up and with a carrier. An interface that was moved to another namespace is gone.
  LinkStatus status(unsigned if_index) const noexcept;
  // 0: no interface has this name.
  unsigned index_of(const std::string& name) const noexcept;

 private:
  struct Interface {
    std::string name;
    bool is_up = false;
    unsigned dump = 0;  // the last dump that listed it
  };
  static int take(const nlmsghdr* message, void* self);
  void request_all_links();

  mnl_socket* socket_ = nullptr;
  std::unordered_map<unsigned, Interface> interfaces_;  // by index
  unsigned dump_ = 0;
  bool is_complete_ = false;  // the dump has come to its end
  bool ask_again_ = false;    // something was lost: as soon as nothing more comes
};

}  // namespace adit
