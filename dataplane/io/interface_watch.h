// SPDX-License-Identifier: Apache-2.0
// The kernel's interfaces of this network namespace, as rtnetlink tells of them: whether they are
// there and up. Only control uses it.
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
  // Knows all interfaces from then on. Throws std::runtime_error.
  InterfaceWatch();
  ~InterfaceWatch();
  InterfaceWatch(const InterfaceWatch&) = delete;
  InterfaceWatch& operator=(const InterfaceWatch&) = delete;

  // Takes in what the kernel has said since; waits for nothing.
  void refresh();
  // Has the kernel say how the interface is; refresh() takes it in. Unasked it tells of a carrier
  // that is lost or back once a second at most.
  void ask_about(unsigned if_index);

  // Up: administratively, and with a carrier. An interface that went to another namespace is gone.
  LinkStatus status(unsigned if_index) const noexcept;
  // 0: there is none of that name.
  unsigned index_of(const std::string& name) const noexcept;

 private:
  struct Interface {
    std::string name;
    bool is_up = false;
    unsigned dump = 0;  // the last that told of it
  };
  static int take(const nlmsghdr* message, void* self);
  void ask_for_all();

  mnl_socket* socket_ = nullptr;
  std::unordered_map<unsigned, Interface> interfaces_;  // by index
  unsigned dump_ = 0;
  bool is_complete_ = false;  // the dump has come to its end
  bool ask_again_ = false;    // something was lost: as soon as nothing more comes
};

}  // namespace adit
