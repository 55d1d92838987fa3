// SPDX-License-Identifier: Apache-2.0
#include "netlink/interface_follower.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/time_units.h"

namespace adit {
namespace {

constexpr std::array<int, 2> kInterfaceGroups = {RTNLGRP_LINK, RTNLGRP_NEIGH};

bool is_same_link(const LinkMessage& a, const LinkMessage& b) {
  return a.name == b.name && a.is_vxlan == b.is_vxlan && a.vni == b.vni &&
         a.is_external == b.is_external && a.port == b.port && a.master == b.master;
}

}  // namespace

template <class Entry>
InterfaceFollower<Entry>::InterfaceFollower(const std::string& network_namespace, Sink& sink)
    : sink_(sink), lists_(network_namespace, kInterfaceGroups) {}

template <class Entry>
void InterfaceFollower<Entry>::refresh(uint64_t now_ns) {
  const uint64_t due_ns =
      std::max(now_ns + KernelLists::kSoonNs, last_round_ns_ + 3 * KernelLists::kSoonNs);
  due_ns_ = std::min(due_ns_.value_or(due_ns), due_ns);
}

template <class Entry>
const LinkMessage* InterfaceFollower<Entry>::link(const std::string& name) const {
  for (const auto& [number, link] : links_)
    if (link.name == name) return &link;
  return nullptr;
}

template <class Entry>
bool InterfaceFollower<Entry>::is_of_an_interface(MacAddr mac) const {
  return std::ranges::any_of(macs_, [&](const auto& each) { return each.second == mac; });
}

template <class Entry>
void InterfaceFollower<Entry>::tick(uint64_t now_ns) {
  lists_.tick(*this, now_ns);
  if (lists_.is_reading()) return;
  reading_ = Reading::kNothing;  // also where the list did not come to its end
  if (!due_ns_ || *due_ns_ > now_ns) return;
  due_ns_.reset();
  has_failed_ = false;
  gone_.clear();
  links_.clear();
  macs_.clear();
  reading_ = Reading::kLinks;
  lists_.ask(
      RTM_GETLINK,
      [](nlmsghdr* message) { mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg)); }, now_ns);
}

template <class Entry>
void InterfaceFollower<Entry>::lost(uint64_t now_ns) {
  refresh(now_ns);
}

template <class Entry>
void InterfaceFollower<Entry>::take(const nlmsghdr* message, uint64_t now_ns) {
  const bool is_of_list = lists_.is_of_list(message);
  if (const auto link = read_link(message)) return take_link(*link, is_of_list, now_ns);
  if (const auto entry = Entry::read(message)) take_entry(*entry, is_of_list);
}

template <class Entry>
void InterfaceFollower<Entry>::take_link(const LinkMessage& link, bool is_of_list,
                                         uint64_t now_ns) {
  if (link.is_gone)
    macs_.erase(link.number);
  else
    macs_[link.number] = link.mac;
  if (is_of_list) {
    links_[link.number] = link;
    return;
  }
  // Messages about what does not matter here, such as counters, are frequent.
  const auto known = links_.find(link.number);
  const bool is_known = known != links_.end();
  if (!names_.contains(link.name) && !(is_known && names_.contains(known->second.name))) return;
  if (is_known ? link.is_gone || !is_same_link(known->second, link) : !link.is_gone)
    refresh(now_ns);
}

template <class Entry>
void InterfaceFollower<Entry>::take_entry(const Entry& entry, bool is_of_list) {
  if (reading_ != Reading::kNothing) {
    const EntryName name = entry.name();
    if (is_of_list && gone_.contains(name))
      has_failed_ = true;  // which was first?
    else if (entry.is_gone)
      gone_.insert(name);
    else if (!is_of_list)
      gone_.erase(name);
  }
  // Of an interface that is not known yet, a round will tell.
  const auto link = links_.find(entry.interface);
  if (link != links_.end() && entry.can_be_of(link->second))
    sink_.entry(link->second, entry, !is_of_list);
}

template <class Entry>
void InterfaceFollower<Entry>::end_of_list(int error, bool has_failed, uint64_t now_ns) {
  if (has_failed || (error != 0 && error != EOPNOTSUPP)) has_failed_ = true;
  if (reading_ == Reading::kLinks) {
    reading_ = Reading::kEntries;
    sink_.begin_round();
    const auto fill = [](nlmsghdr* message) {
      auto* header = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ndmsg)));
      header->ndm_family = Entry::kFamily;
    };
    return lists_.ask(RTM_GETNEIGH, fill, now_ns);
  }
  reading_ = Reading::kNothing;
  gone_.clear();
  last_round_ns_ = now_ns;
  if (has_failed_) return refresh(now_ns);
  ++rounds_;
  sink_.end_round();
}

template class InterfaceFollower<FdbMessage>;
template class InterfaceFollower<NeighbourMessage>;

}  // namespace adit
