// SPDX-License-Identifier: Apache-2.0
// One interface of the kernel, a TUN: its packets, its addresses and its MTU.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <string>

#include "adit/addr.h"
#include "config/config.h"

struct mnl_socket;

namespace adit {

class HostInterface {
 public:
  // What the kernel is to have. Of addresses each comes with the prefix length of its subnet.
  struct Wanted {
    std::set<IpPrefix> addresses;
    unsigned mtu_bytes = 1500;
    friend bool operator==(const Wanted&, const Wanted&) = default;
  };

  // Makes the interface and brings it up. Throws std::runtime_error: what could not be done.
  HostInterface(const HostConfig& config, const Wanted& wanted);
  ~HostInterface();  // removes it
  HostInterface(const HostInterface&) = delete;
  HostInterface& operator=(const HostInterface&) = delete;

  // Adds, removes and sets what differs. Throws std::runtime_error; what came before is done.
  void set(const Wanted& wanted);

  // Reading and writing gives and takes a whole IP packet, and does not block.
  int descriptor() const noexcept { return tun_; }

 private:
  void change_address(const IpPrefix& address, bool is_there);
  void change_link(unsigned mtu_bytes);
  void ask(std::span<const uint8_t> message, const std::string& what);

  std::string name_;
  int tun_ = -1;
  unsigned index_ = 0;  // the kernel's number
  std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> netlink_;
  Wanted has_ = {.addresses = {}, .mtu_bytes = 0};
};

}  // namespace adit
