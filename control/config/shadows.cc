// SPDX-License-Identifier: Apache-2.0
#include "config/shadows.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

namespace adit {
namespace {

using Number = __uint128_t;
struct Interval {
  Number first = 0, last = 0;
};
bool meet(const Interval& a, const Interval& b) {
  return a.first <= b.last && b.first <= a.last;
}

// What is looked at in a packet, each as a number.
enum Dimension { kDestination, kSource, kProtocol, kPort, kSourcePort, kInPort, kDimensions };
using Box = std::array<Interval, kDimensions>;

bool meet(const Box& a, const Box& b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (!meet(a[i], b[i])) return false;
  return true;
}

Box common(const Box& a, const Box& b) {
  Box both;
  for (size_t i = 0; i < a.size(); ++i)
    both[i] = {std::max(a[i].first, b[i].first), std::min(a[i].last, b[i].last)};
  return both;
}

// How many pairs of boxes are compared for one rule or service. An honest classifier takes one or a
// few for each rule before it; of a rule that others cut to pieces nothing is said when that is
// used up.
class Effort {
 public:
  bool spend(size_t pairs) {
    left_ -= std::min(left_, pairs);
    return left_ != 0;
  }
  bool is_spent() const { return left_ == 0; }

 private:
  size_t left_ = 50'000;
};

// The packets that no rule has matched yet.
class Packets {
 public:
  explicit Packets(Effort& effort) : effort_(&effort) {}
  void add(const Box& box) { boxes_.push_back(box); }
  bool empty() const { return boxes_.empty(); }
  const std::vector<Box>& boxes() const { return boxes_; }
  // More pieces than anybody writes rules for: nothing is taken any more, and nothing said.
  bool is_given_up() const { return boxes_.size() > kMostPieces || effort_->is_spent(); }

  // Whether some of them were within `taken`.
  bool take(const Box& taken) {
    bool took = false;
    if (!effort_->spend(boxes_.size())) return false;
    for (size_t i = 0; i < boxes_.size();) {
      if (!meet(boxes_[i], taken) || boxes_.size() > kMostPieces) {
        ++i;
        continue;
      }
      took = true;
      const Box whole = boxes_[i];
      boxes_[i] = boxes_.back();
      boxes_.pop_back();
      cut(whole, taken);
    }
    return took;
  }

 private:
  static constexpr size_t kMostPieces = 256;

  void cut(Box rest, const Box& taken) {
    for (size_t i = 0; i < rest.size(); ++i) {
      if (rest[i].first < taken[i].first) {
        Box below = rest;
        below[i].last = taken[i].first - 1;
        boxes_.push_back(below);
        rest[i].first = taken[i].first;
      }
      if (rest[i].last > taken[i].last) {
        Box above = rest;
        above[i].first = taken[i].last + 1;
        boxes_.push_back(above);
        rest[i].last = taken[i].last;
      }
    }
  }

  std::vector<Box> boxes_;
  Effort* effort_;
};

Interval interval_of(const IpPrefix& prefix) {
  const unsigned width = prefix.address.width_bits();
  Number first = 0;
  for (unsigned i = 0; i < width / 8; ++i) first = first << 8 | prefix.address.bytes[i];
  const Number hosts = prefix.length == width ? 0 : ~Number{0} >> (128 - width + prefix.length);
  return {first & ~hosts, first | hosts};
}
// All addresses of its version.
Interval everywhere(const IpAddr& address) {
  return interval_of({address, 0});
}
// Port 0 is not used.
Interval ports_of(std::optional<uint16_t> first, std::optional<uint16_t> last) {
  if (!first) return {1, 65535};
  return {*first, last.value_or(*first)};
}
Interval protocols_of(std::optional<Protocol> protocol) {
  if (!protocol) return {0, 2};
  const Number which = *protocol == Protocol::kTcp ? 0 : *protocol == Protocol::kUdp ? 1 : 2;
  return {which, which};
}

// "a, b and c"
std::string listed(std::vector<std::string> parts) {
  constexpr size_t kMost = 4;
  if (parts.size() > kMost) {
    const std::string more = std::to_string(parts.size() - kMost + 1) + " more";
    parts.resize(kMost - 1);
    parts.push_back(more);
  }
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i)
    text += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
  return text;
}

class Shadows {
 public:
  Shadows(const ConfigDraft& draft, const std::string& file) : draft_(draft), file_(file) {
    for (const PortDraft& port : draft.ports) ports_.emplace(port.name, ports_.size());
    for (const FwmarkRuleDraft& rule : draft.classifier)
      rules_[{rule.vrf, rule.destination_drafts.front().value.address.family}].push_back(
          {&rule, boxes_of(rule)});
    for (const ServiceDraft& service : draft.services)
      if (service.fwmark == 0 && service.port != 0)
        ranges_[{service.vrf, service.address, service.protocol}].push_back(&service);
  }

  std::vector<Shadow> find() {
    for (const auto& [where, rules] : rules_)
      for (size_t i = 0; i < rules.size(); ++i) {
        look_for_duplicates(*rules[i].draft);
        look_at(rules, i);
      }
    for (const ServiceDraft& service : draft_.services)
      if (service.fwmark == 0) look_at(service);
    return std::move(found_);
  }

 private:
  struct Rule {
    const FwmarkRuleDraft* draft;
    std::vector<Box> boxes;  // one for each destination
  };
  using Rules = std::vector<Rule>;

  std::string at(const FwmarkRuleDraft& rule) const {
    const Place& place = rule.places.self;
    return file_ + ':' + std::to_string(place.line) + ':' + std::to_string(place.column);
  }
  std::string at(const std::vector<const Rule*>& rules) const {
    std::vector<std::string> places;
    for (const Rule* rule : rules) places.push_back(at(*rule->draft));
    return listed(std::move(places));
  }

  std::vector<Box> boxes_of(const FwmarkRuleDraft& rule) const {
    Box box;
    box[kSource] = rule.source ? interval_of(*rule.source)
                               : everywhere(rule.destination_drafts.front().value.address);
    box[kProtocol] = protocols_of(rule.protocol);
    box[kPort] = ports_of(rule.port, rule.last_port);
    box[kSourcePort] = ports_of(rule.source_port, rule.last_source_port);
    // Behind the ports is what comes in by none of them.
    box[kInPort] = {0, ports_.size()};
    if (rule.in_port) box[kInPort].first = box[kInPort].last = ports_.at(*rule.in_port);
    std::vector<Box> boxes;
    for (const auto& to : rule.destination_drafts) {
      box[kDestination] = interval_of(to.value);
      boxes.push_back(box);
    }
    return boxes;
  }

  static bool take(Packets& left, const Rule& rule) {
    bool took = false;
    for (const Box& box : rule.boxes) {
      if (left.empty() || left.is_given_up()) break;
      took |= left.take(box);
    }
    return took;
  }

  // Only the one that takes them all by itself, if there is one.
  std::vector<const Rule*> fewest(std::vector<const Rule*> takers, const std::vector<Box>& all) {
    for (const Rule* taker : takers) {
      Packets left(effort_);
      for (const Box& box : all) left.add(box);
      take(left, *taker);
      if (left.empty()) return {taker};
    }
    return takers;
  }

  void look_for_duplicates(const FwmarkRuleDraft& rule) {
    std::set<IpPrefix> seen;
    for (const auto& to : rule.destination_drafts)
      if (!seen.insert(to.value).second)
        found_.push_back(
            {to.place, "destinations: " + to_string(to.value) + " is a duplicate; remove one"});
  }

  void look_at(const Rules& rules, size_t which) {
    effort_ = {};
    Packets left(effort_);
    for (const Box& box : rules[which].boxes) left.add(box);
    std::vector<const Rule*> takers;
    for (size_t i = 0; i < which && !left.empty() && !left.is_given_up(); ++i)
      if (take(left, rules[i])) takers.push_back(&rules[i]);
    if (!left.empty()) return;
    takers = fewest(std::move(takers), rules[which].boxes);
    found_.push_back({rules[which].draft->places.self,
                      "no packet reaches this rule: " +
                          (takers.size() == 1 ? "the rule at " + at(takers) + " matches"
                                              : "the rules at " + at(takers) + " together match") +
                          " all of its packets, and the first match applies"});
  }

  void look_at(const ServiceDraft& service) {
    const auto rules = rules_.find({service.vrf, service.address.family});
    // Nobody else has its packets.
    if (rules == rules_.end() && service.port != 0) return;
    Box all;
    all[kDestination] =
        interval_of({service.address, static_cast<uint8_t>(service.address.width_bits())});
    all[kSource] = everywhere(service.address);
    all[kProtocol] = protocols_of(service.protocol);
    all[kPort] = service.port == 0 ? ports_of({}, {}) : ports_of(service.port, service.last_port);
    all[kSourcePort] = ports_of({}, {});
    all[kInPort] = {0, ports_.size()};
    effort_ = {};
    Packets left(effort_), given(effort_);  // `given`: by rules with mark 0
    left.add(all);
    std::vector<const Rule*> takers;
    if (rules != rules_.end())
      for (const Rule& rule : rules->second) {
        if (left.is_given_up()) return;
        if (rule.draft->fwmark == 0) give(left, given, rule);
        if (take(left, rule) && rule.draft->fwmark != 0) takers.push_back(&rule);
      }
    for (const Box& box : given.boxes()) left.add(box);
    const std::vector<std::string> others = take_ranges(service, all, left);
    if (!left.empty()) return;
    found_.push_back({service.places.self, "service '" + service.name + "' gets no packets: " +
                                               why(service, fewest(takers, {all}), others)});
  }

  static void give(const Packets& left, Packets& given, const Rule& rule) {
    for (const Box& box : rule.boxes)
      for (const Box& mine : left.boxes())
        if (meet(mine, box)) given.add(common(mine, box));
  }

  // What other services of the address have goes before what is of all ports.
  std::vector<std::string> take_ranges(const ServiceDraft& service, Box box, Packets& left) const {
    std::vector<std::string> names;
    const auto ranges = ranges_.find({service.vrf, service.address, service.protocol});
    if (service.port != 0 || ranges == ranges_.end()) return names;
    for (const ServiceDraft* other : ranges->second) {
      box[kPort] = ports_of(other->port, other->last_port);
      if (left.take(box)) names.push_back('\'' + other->name + '\'');
    }
    return names;
  }

  std::string why(const ServiceDraft& service, const std::vector<const Rule*>& takers,
                  const std::vector<std::string>& others) const {
    const std::string have = (others.size() == 1 ? "service " : "services ") + listed(others) +
                             (others.size() == 1 ? " has" : " have");
    if (takers.empty())
      return have + " all ports of " + to_string(service.address) +
             ", and a service with a port number takes precedence over 'port: 0'";
    std::string text = takers.size() == 1 ? "the rule of 'classifier' at " + at(takers) + " gives "
                                          : "the rules of 'classifier' at " + at(takers) + " give ";
    if (!others.empty()) return text + "some of them another mark, and " + have + " the others";
    return text + "all of them " +
           (takers.size() == 1 ? "mark " + std::to_string(takers.front()->draft->fwmark)
                               : "other marks");
  }

  const ConfigDraft& draft_;
  const std::string& file_;
  std::unordered_map<std::string, size_t> ports_;
  std::map<std::pair<std::string, IpFamily>, Rules> rules_;  // in the file's order
  std::map<std::tuple<std::string, IpAddr, Protocol>, std::vector<const ServiceDraft*>> ranges_;
  std::vector<Shadow> found_;
  Effort effort_;
};

}  // namespace

std::vector<Shadow> find_shadows(const ConfigDraft& draft, const std::string& file) {
  return Shadows(draft, file).find();
}

}  // namespace adit
