// SPDX-License-Identifier: Apache-2.0
// What neighbours on a NIC that is shared with the kernel say of themselves without being asked:
// gratuitous ARP (RFC 5227 section 3) and unsolicited neighbour advertisements (RFC 4861 section
// 7.2.6). It is for the kernel as well as for adit; the XDP program can give it to one alone, and
// leaves it to the kernel, of which adit hears it here.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "adit/descriptor.h"

namespace adit {

class Announcements {
 public:
  // Opens a packet socket on the interface. Throws std::runtime_error.
  explicit Announcements(unsigned if_index);

  // A complete Ethernet frame, with its VLAN tag. Valid during the call.
  using Sink = std::function<void(std::span<const uint8_t>)>;
  // A bounded number of those that have come; does not block.
  void take(const Sink& sink);

 private:
  std::optional<std::span<const uint8_t>> receive();

  Descriptor socket_;
  std::array<uint8_t, 256> frame_;
};

}  // namespace adit
