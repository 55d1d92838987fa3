// SPDX-License-Identifier: Apache-2.0
// A netlink socket in a network namespace: lists that the kernel is asked for, one at a time, and
// changes that it tells by itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/time_units.h"

struct mnl_socket;
struct nlmsghdr;

namespace adit {

class KernelLists {
 public:
  // When to ask again: for a list that changed while it was read, and after a failure.
  static constexpr uint64_t kSoonNs = kNsPerSecond / 5, kRetryNs = 5 * kNsPerSecond;

  // Who asks, and is told.
  class Reader {
   public:
    virtual ~Reader() = default;
    // Of a list or a change; whatever its type.
    virtual void take(const nlmsghdr* message, uint64_t now_ns) = 0;
    // Changes were lost.
    virtual void lost(uint64_t now_ns) = 0;
    // The list that was asked for is at its end. `error`: of errno, 0: none. `has_failed`: it may
    // not be right, as changes were lost or came in between.
    virtual void end_of_list(int error, bool has_failed, uint64_t now_ns) = 0;
  };

  // `network_namespace`: of `ip netns`; empty: our own. `groups`: RTNLGRP_...; the kernel need not
  // know the `optional` ones. Throws std::runtime_error.
  KernelLists(const std::string& network_namespace, std::span<const int> groups,
              std::span<const int> optional = {});
  ~KernelLists();
  KernelLists(const KernelLists&) = delete;
  KernelLists& operator=(const KernelLists&) = delete;

  // Asks for a list: RTM_GET..., what follows the netlink header, which `fill` writes. Only while
  // none is read. Throws std::runtime_error.
  void ask(uint16_t type, const std::function<void(nlmsghdr*)>& fill, uint64_t now_ns);
  // Reads what is there, but not too much at once. Does not block. Throws std::runtime_error if the
  // socket is of no more use.
  void tick(Reader& reader, uint64_t now_ns);

  bool is_reading() const noexcept { return list_.has_value(); }
  // Whether the message is of the present list, and no change.
  bool is_of_list(const nlmsghdr* message) const noexcept;
  uint64_t overruns() const noexcept { return overruns_; }

 private:
  struct List {
    uint32_t sequence = 0;
    bool has_failed = false;
    uint64_t heard_ns = 0;
  };
  unsigned read_once(Reader& reader, uint64_t now_ns);
  void take(Reader& reader, const nlmsghdr* message, uint64_t now_ns);

  std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket_;
  std::optional<List> list_;
  uint32_t sequence_ = 0;
  uint64_t overruns_ = 0;
};

}  // namespace adit
