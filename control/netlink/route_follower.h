// SPDX-License-Identifier: Apache-2.0
// Follows routing tables of the kernel in one network namespace. A table is told in a round, with
// all its routes, and from then on by its changes. When the kernel had no room for changes, or does
// not report some (routes of IPv4 that go with their interface), another round begins; what is
// known stays meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "netlink/kernel_lists.h"
#include "netlink/route_message.h"

namespace adit {

class RouteFollower : private KernelLists::Reader {
 public:
  // Who is told. A round that cannot be ended begins again.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void begin_round(uint32_t table) = 0;
    virtual void route(const RouteMessage& message) = 0;
    virtual void end_round(uint32_t table) = 0;
  };
  struct Counters {
    uint64_t rounds = 0;    // that came to their end
    uint64_t overruns = 0;  // how often changes were lost, and a round made good for that
  };

  // `network_namespace`: of `ip netns`; empty: our own. Throws std::runtime_error.
  RouteFollower(const std::string& network_namespace, Sink& sink);
  RouteFollower(const RouteFollower&) = delete;
  RouteFollower& operator=(const RouteFollower&) = delete;

  // Which tables are followed from now on; those that were not begin with a round.
  void follow(const std::set<uint32_t>& tables);
  // Reads what is there, but not too much at once, and begins rounds that are due. Does not block.
  // Throws std::runtime_error if the socket is of no more use.
  void tick(uint64_t now_ns);
  // One more round of the table, soon.
  void refresh(uint32_t table, uint64_t now_ns);

  // Whether the first round of the table has ended.
  bool is_complete(uint32_t table) const { return complete_.contains(table); }
  Counters counters() const noexcept { return {rounds_, lists_.overruns()}; }

 private:
  struct Round {
    uint32_t table = 0;
    uint8_t family = 0;       // AF_UNSPEC: the interfaces' addresses, before the routes
    bool has_failed = false;  // it has to be made again
  };
  using RouteName = std::tuple<uint32_t, IpPrefix, uint32_t>;

  void take(const nlmsghdr* message, uint64_t now_ns) override;
  void lost(uint64_t now_ns) override;
  void end_of_list(int error, bool has_failed, uint64_t now_ns) override;
  void take_route(const nlmsghdr* message);
  void ask(uint8_t family, uint64_t now_ns);
  void begin_due_round(uint64_t now_ns);
  void take_address(const nlmsghdr* message, uint64_t now_ns);
  const IpAddr* near(uint32_t interface) const;
  void refresh_all(uint64_t now_ns);

  Sink& sink_;
  KernelLists lists_;
  std::set<uint32_t> tables_, complete_;
  std::map<uint32_t, std::set<IpAddr>> addresses_;  // by interface, without link-local ones
  std::map<uint32_t, uint64_t> due_;                // rounds to be made, and when
  std::optional<Round> round_;
  std::set<RouteName> gone_;  // during the round: a list may still have them
  uint64_t last_round_ns_ = 0;
  uint64_t rounds_ = 0;
};

}  // namespace adit
