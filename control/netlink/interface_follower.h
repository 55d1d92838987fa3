// SPDX-License-Identifier: Apache-2.0
// Follows interfaces of the kernel in one network namespace, and their entries of one kind: those
// of a forwarding database, or neighbours. All is told in a round, and from then on its changes.
// When the kernel had no room for changes, or interfaces change, another round begins; what is
// known stays meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "netlink/fdb_message.h"
#include "netlink/kernel_lists.h"
#include "netlink/link_message.h"
#include "netlink/neighbour_message.h"

namespace adit {

// `Entry`: FdbMessage or NeighbourMessage.
template <class Entry>
class InterfaceFollower : private KernelLists::Reader {
 public:
  // Who is told. A round that cannot be ended begins again.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void begin_round() = 0;
    // `link`: its interface. `is_change`: no entry of a round.
    virtual void entry(const LinkMessage& link, const Entry& message, bool is_change) = 0;
    virtual void end_round() = 0;
    // That namespace is followed from now on.
    virtual void opened(const std::string&) {}
  };

  // `network_namespace`: of `ip netns`; empty: our own. Throws std::runtime_error.
  InterfaceFollower(const std::string& network_namespace, Sink& sink);

  // Interfaces whose coming, going and changes begin a round; nothing else does.
  void follow(std::set<std::string> names) { names_ = std::move(names); }
  // Reads what is there, but not too much at once, and begins a round that is due. Does not block.
  // Throws std::runtime_error if the socket is of no more use.
  void tick(uint64_t now_ns);
  // One more round, soon.
  void refresh(uint64_t now_ns);

  // Null: there is no such interface, or the first round has not ended yet.
  const LinkMessage* link(const std::string& name) const;
  // Whether any interface of the namespace has that address.
  bool is_of_an_interface(MacAddr mac) const;
  bool is_complete() const noexcept { return rounds_ != 0; }
  uint64_t rounds() const noexcept { return rounds_; }  // that came to their end
  uint64_t overruns() const noexcept { return lists_.overruns(); }

 private:
  enum class Reading : uint8_t { kNothing, kLinks, kEntries };
  using EntryName = decltype(std::declval<const Entry&>().name());

  void take(const nlmsghdr* message, uint64_t now_ns) override;
  void lost(uint64_t now_ns) override;
  void end_of_list(int error, bool has_failed, uint64_t now_ns) override;
  void take_link(const LinkMessage& link, bool is_of_list, uint64_t now_ns);
  void take_entry(const Entry& entry, bool is_of_list);

  Sink& sink_;
  KernelLists lists_;
  std::set<std::string> names_;
  std::map<uint32_t, LinkMessage> links_;
  std::map<uint32_t, MacAddr> macs_;    // of all interfaces
  std::optional<uint64_t> due_ns_ = 0;  // when another round begins
  Reading reading_ = Reading::kNothing;
  bool has_failed_ = false;   // the round has to be made again
  std::set<EntryName> gone_;  // during the round: a list may still have them
  uint64_t last_round_ns_ = 0;
  uint64_t rounds_ = 0;
};

extern template class InterfaceFollower<FdbMessage>;
extern template class InterfaceFollower<NeighbourMessage>;

}  // namespace adit
