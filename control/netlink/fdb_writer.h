// SPDX-License-Identifier: Apache-2.0
// Writes MAC addresses into bridges of the kernel, in one network namespace.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "adit/addr.h"

struct mnl_socket;

namespace adit {

// What announcers write by.
class BridgeFdb {
 public:
  virtual ~BridgeFdb() = default;
  // The MAC is behind the port, an interface's number; it does not age there. In a bridge with
  // VLANs, in those of the port. Empty: done, otherwise what the kernel says.
  virtual std::string add(uint32_t interface, MacAddr mac) = 0;
  // It is no longer. What is not there, or behind another port by now, is no error.
  virtual std::string remove(uint32_t interface, MacAddr mac) = 0;
};

class FdbWriter : public BridgeFdb {
 public:
  // `network_namespace`: of `ip netns`; empty: our own. Throws std::runtime_error.
  explicit FdbWriter(const std::string& network_namespace);
  ~FdbWriter() override;

  std::string add(uint32_t interface, MacAddr mac) override;
  std::string remove(uint32_t interface, MacAddr mac) override;
  // A VXLAN interface of that number does not have the MAC behind a remote any longer. `vni`: of an
  // external interface. What is not there is no error.
  std::string remove_remote(uint32_t interface, MacAddr mac, std::optional<uint32_t> vni);

 private:
  int ask(uint16_t type, uint16_t flags, uint32_t interface, MacAddr mac, uint8_t entry_flags,
          std::optional<uint32_t> vni = {});

  std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket_;
  uint32_t sequence_ = 0;
};

}  // namespace adit
