// SPDX-License-Identifier: Apache-2.0
// Neighbours that the kernel knows. One that lasts is used as it is, until it is taken back; then
// it is asked. Another one is a hint: a neighbour that we want but do not know yet is used at that
// MAC, and asked there at once; one that answers elsewhere stays where it is, as for messages
// that nobody asked for.
#include <utility>

#include "adit/events.h"
#include "running/neighbours.h"

namespace adit {

std::optional<LinkId> Neighbours::link_to(const std::string& vrf, const IpAddr& address) const {
  const auto subnets = subnets_.find(vrf);
  if (subnets == subnets_.end()) return std::nullopt;
  const PrefixTable::Entry* subnet = subnets->second.longest(address);
  if (subnet == nullptr) return std::nullopt;
  return static_cast<LinkId>(subnet->value);
}

void Neighbours::tell(const std::string& vrf, const IpAddr& address, const ToldNeighbour& told,
                      uint64_t now_ns) {
  told_[vrf][address] = {told, false};
  const auto link = link_to(vrf, address);
  if (!link) return;
  if (const auto found = neighbours_.find({*link, address}); found != neighbours_.end())
    take_told(found->second, told, now_ns);
}

void Neighbours::untell(const std::string& vrf, const IpAddr& address, uint64_t now_ns) {
  const auto of_vrf = told_.find(vrf);
  if (of_vrf == told_.end() || of_vrf->second.erase(address) == 0) return;
  if (of_vrf->second.empty()) told_.erase(of_vrf);
  const auto link = link_to(vrf, address);
  if (!link) return;
  if (const auto found = neighbours_.find({*link, address}); found != neighbours_.end())
    end_told(found->second, now_ns);
}

// Null: nothing is.
Neighbours::Told* Neighbours::told_of(const NextHop& hop) {
  if (told_.empty()) return nullptr;
  const auto link = links_.find(hop.link);
  if (link == links_.end()) return nullptr;
  const auto of_vrf = told_.find(link->second.vrf);
  if (of_vrf == told_.end()) return nullptr;
  const auto found = of_vrf->second.find(hop.address);
  return found == of_vrf->second.end() ? nullptr : &found->second;
}

void Neighbours::take_told(Neighbour& neighbour, const ToldNeighbour& told, uint64_t now_ns) {
  if (neighbour.state == NeighbourState::kStatic && !neighbour.is_told) return;  // the file's
  const NextHop& hop = neighbour.hop;
  if (!told.is_lasting) {
    end_told(neighbour, now_ns);
    const bool is_unknown = neighbour.state == NeighbourState::kIncomplete ||
                            neighbour.state == NeighbourState::kFailed;
    seen(hop.link, hop.address, told.mac, now_ns, claim::kOverride);
    if (is_unknown && neighbour.state == NeighbourState::kStale) neighbour.next_action_ns = now_ns;
    return;
  }
  if (neighbour.adjacency == 0 && !find_place(neighbour, told.mac, now_ns)) return;
  set_mac(neighbour, told.mac, now_ns);
  neighbour.state = NeighbourState::kStatic;
  neighbour.is_told = true;
  if (neighbour.is_host) links_[hop.link].told_hosts.insert(hop.address);
}

// It was asked by the hint, and given up: the hint is not taken again until the kernel says
// something else.
void Neighbours::doubt_told(const Neighbour& neighbour) {
  if (Told* told = told_of(neighbour.hop); told != nullptr && told->mac == neighbour.mac)
    told->is_doubted = !told->is_lasting;
}

// It stays usable while it is asked.
void Neighbours::end_told(Neighbour& neighbour, uint64_t now_ns) {
  if (!std::exchange(neighbour.is_told, false)) return;
  links_[neighbour.hop.link].told_hosts.erase(neighbour.hop.address);
  neighbour.state = NeighbourState::kProbing;
  neighbour.unanswered = 0;
  neighbour.next_action_ns = now_ns;
}

// After a change of links, or of what the neighbour is.
void Neighbours::review_told(Neighbour& neighbour, uint64_t now_ns) {
  const Told* told = told_of(neighbour.hop);
  if (told == nullptr || !told->is_lasting) end_told(neighbour, now_ns);
  if (told != nullptr && (told->is_lasting || (neighbour.mac.is_zero() && !told->is_doubted)))
    take_told(neighbour, *told, now_ns);
}

}  // namespace adit
