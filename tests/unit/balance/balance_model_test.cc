// SPDX-License-Identifier: Apache-2.0
// Load balancing at random: connections that begin, go on, end and are forgotten, time that passes,
// reloads and health, through the whole pipeline, against the model. ADIT_MODEL_RUNS=N: more of it.
#include "balance_model.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "balance_world.h"

namespace adit {
namespace {

constexpr unsigned kRuns = 6, kSteps = 1000;
constexpr unsigned kBackends = 4, kClients = 6, kClientPorts = 8;
constexpr const char* kSchedulers[] = {"rr",   "wrr",   "lc", "wlc", "sed", "nq",
                                       "lblc", "lblcr", "fo", "mh",  "sh"};

IpAddr numbered(bool v6, const char* v6_prefix, const char* v4_prefix, size_t number) {
  return *parse_ip((v6 ? v6_prefix : v4_prefix) + std::to_string(number));
}

class RandomRun {
 public:
  explicit RandomRun(unsigned seed) : random_(seed) {
    model_.expire_nodest = seed % 3 != 0;
    model_.persistence_s = BalanceWorld::kPersistenceSeconds;
    for (const char* local : {"10.2.0.200", "10.2.0.201", "fd02::200"})
      model_.locals.insert(*parse_ip(local));
    add({.name = "web", .keeps = true}, false);
    add({.name = "dns", .over = Over::kUdp}, false);
    add({.name = "shop", .persistent = true}, false);
    add({.name = "mail", .way = Way::kFullNat}, false);
    add({.name = "calls", .over = Over::kSctp}, false);
    add({.name = "files", .way = Way::kDirect}, false);
    add({.name = "names", .over = Over::kUdp, .way = Way::kTunnel, .persistent = true}, false);
    add({.name = "web6"}, true);
    add({.name = "dns6", .over = Over::kUdp, .way = Way::kFullNat}, true);
    add({.name = "shop6", .way = Way::kFullNat, .persistent = true, .keeps = true}, true);
    add({.name = "calls6", .over = Over::kSctp, .way = Way::kFullNat}, true);
    add({.name = "files6", .way = Way::kTunnel}, true);
    add({.name = "lines6", .over = Over::kSctp, .way = Way::kDirect, .keeps = true}, true);
    std::vector<std::string> schedulers;
    for (size_t i = 0; i < model_.services.size(); ++i) {
      schedulers.push_back(kSchedulers[below(std::size(kSchedulers))]);
      note(model_.services[i].name + " by " + schedulers.back());
    }
    world_ = std::make_unique<BalanceWorld>(model_, schedulers, 1 + seed % 2, seed);
    model_.now_s = world_->now_s();
  }

  // False: something was wrong, and has been told.
  bool run() {
    for (step_ = 0; step_ < kSteps && fault_.empty(); ++step_) act();
    for (unsigned i = 0; i < 3 && fault_.empty(); ++i) wait(2'000'000);
    if (fault_.empty()) check_end();
    if (fault_.empty()) return true;
    std::string told;
    for (const std::string& action : history_) told += "  " + action + "\n";
    ADD_FAILURE() << "step " << step_ << ": " << fault_ << ", after\n" << told;
    return false;
  }

 private:
  struct Planned {
    BalanceModel::Key key;
    Segment segment;
    bool reply;
    std::string text;
  };

  unsigned below(size_t n) { return static_cast<unsigned>(random_() % n); }
  bool chance(unsigned percent) { return below(100) < percent; }
  void note(const std::string& action) {
    history_.push_back(std::to_string(step_) + " " + action);
    if (history_.size() > 40) history_.pop_front();
  }
  void check(const std::string& fault) {
    if (fault_.empty()) fault_ = fault;
  }

  // Full NAT and tunnels from IPv6 have backends of either version.
  void add(BalanceModel::Service service, bool v6) {
    const size_t number = model_.services.size();
    service.at = {numbered(v6, "fd09::", "10.9.0.", 80), static_cast<uint16_t>(80 + number)};
    for (size_t i = 0; i < kBackends; ++i) {
      const bool either = service.full_nat() || service.way == Way::kTunnel;
      const bool to_v6 = v6 && (!either || i % 2 == 0);
      service.backends.push_back(
          {.at = {numbered(to_v6, "fd02::", "10.2.0.", 10 * number + i + 1),
                  static_cast<uint16_t>(service.one_way() ? 0 : 8000 + number)}});
    }
    model_.services.push_back(service);
  }
  BalanceModel::Key some_client() {
    const size_t service = below(model_.services.size());
    const bool v6 = !model_.services[service].at.address.is_v4();
    return {service,
            {numbered(v6, "fd64::", "10.64.0.", 1 + below(kClients)),
             static_cast<uint16_t>(1000 + below(kClientPorts))}};
  }

  void act() {
    const unsigned what = below(100);
    if (what < 70)
      exchange();
    else if (what < 74)
      late_reply();
    else if (what < 84)
      wait(2000 + below(2000) * (chance(20) ? 500 : chance(50) ? 60 : 5));
    else if (what < 97)
      change_health();
    else
      reload();
    if (fault_.empty() && world_->dataplane().connections() != model_.connections.size())
      check("there are " + std::to_string(world_->dataplane().connections()) +
            " connections, not " + std::to_string(model_.connections.size()));
    if (world_->dataplane().buffers_in_use() != 0) check("a buffer is lost");
  }

  // Packets of several connections at once. What they do to the model must not depend on their
  // order: of a persistent client's, those that all begin a connection, or one.
  void exchange() {
    std::map<uint32_t, Planned> planned;
    std::set<BalanceModel::Key> taken;
    std::map<std::pair<size_t, IpAddr>, bool> clients;
    for (unsigned left = 1 + below(6); left != 0; --left) {
      BalanceModel::Key key = some_client();
      if (!model_.connections.empty() && chance(60))
        key = std::next(model_.connections.begin(), below(model_.connections.size()))->first;
      const bool fresh = !model_.connections.contains(key);
      const auto [other, alone] = clients.try_emplace({key.first, key.second.address}, fresh);
      const bool persistent = model_.services[key.first].persistent;
      if ((persistent && !alone && !(fresh && other->second)) || !taken.insert(key).second)
        continue;
      Planned packet = plan(key, fresh);
      planned.emplace(send(packet), packet);
      // Once more, perhaps before its backend is known.
      const bool begins = packet.segment == BalanceModel::first_of(model_.services[key.first].over);
      if (!packet.reply && begins && chance(20)) planned.emplace(send(packet), packet);
    }
    const std::map<uint32_t, Outcome> fates = world_->run();
    for (const auto& [id, packet] : planned) {
      note(packet.text);
      const auto found = fates.find(id);
      if (found == fates.end()) return check("the packet is neither sent nor dropped");
      const Outcome& fate = found->second;
      history_.back() +=
          fate.sent ? ": from " + to_string(fate.source) + " to " + to_string(fate.destination)
                    : ": " + std::string(kDropReasons[static_cast<size_t>(fate.drop)].name);
      if (fate.times != 1) return check("it was sent or dropped twice");
      if (!fate.fault.empty()) return check("sent with wrong " + fate.fault);
      check(packet.reply ? model_.reply(packet.key, packet.segment, fate)
                         : model_.request(packet.key, packet.segment, fate));
    }
    if (fates.size() != planned.size()) check("something was sent or dropped that never came");
    if (model_.has_twins()) check("two connections have one end at a backend");
  }
  Planned plan(const BalanceModel::Key& key, bool fresh) {
    const BalanceModel::Service& service = model_.services[key.first];
    const bool reply = !fresh && !service.one_way() && chance(40);
    Planned packet{key, Segment::kDatagram, reply, ""};
    if (service.over == Over::kUdp) return packet;
    const unsigned what = below(100);
    if (service.over == Over::kSctp) {
      packet.segment = what < 40   ? Segment::kData
                       : what < 90 ? (reply ? (what < 65 ? Segment::kInitAck : Segment::kCookieAck)
                                            : (what < 75 ? Segment::kCookieEcho : Segment::kInit))
                                   : Segment::kAbort;
      if (fresh && chance(80)) packet.segment = Segment::kInit;
      return packet;
    }
    packet.segment = what < 60   ? Segment::kAck
                     : what < 85 ? Segment::kFin
                     : what < 90 ? Segment::kRst
                                 : Segment::kSyn;
    if (fresh && chance(80)) packet.segment = Segment::kSyn;
    // No backend opens a connection that is over.
    if (packet.reply && BalanceModel::is_over(model_.connections.at(key).phase))
      packet.segment = Segment::kAck;
    return packet;
  }
  uint32_t send(Planned& packet) {
    constexpr const char* kNames[] = {"SYN",        "ACK",  "FIN",      "RST",
                                      "datagram",   "INIT", "INIT ACK", "COOKIE ECHO",
                                      "COOKIE ACK", "DATA", "ABORT"};
    const auto& [service, client] = packet.key;
    const BalanceModel::Service& of = model_.services[service];
    packet.text = std::string(packet.reply ? "reply " : "packet ") +
                  kNames[static_cast<size_t>(packet.segment)] + " of " + to_string(client) +
                  " and " + of.name;
    if (packet.reply) return send_reply(model_.connections.at(packet.key), packet);
    const PortId port = chance(50) ? BalanceWorld::kEdge0 : BalanceWorld::kEdge1;
    return world_->arrive(port, client, of.at, packet.segment, false);
  }
  uint32_t send_reply(const BalanceModel::Connection& connection, const Planned& packet) {
    const End& backend = model_.services[packet.key.first].backends[connection.backend].at;
    return world_->arrive(BalanceWorld::kBack, backend, connection.local, packet.segment, true);
  }

  // Of a connection that is past, and whose end at the backend is no other's.
  void late_reply() {
    if (model_.past.empty()) return;
    const auto& [key, connection] = model_.past[below(model_.past.size())];
    const BalanceModel::Service& service = model_.services[key.first];
    if (service.one_way()) return;
    for (const auto& [other, live] : model_.connections)
      if (other.first == key.first && live.backend == connection.backend &&
          live.local == connection.local)
        return;
    const Segment late = service.over == Over::kTcp   ? Segment::kAck
                         : service.over == Over::kUdp ? Segment::kDatagram
                                                      : Segment::kData;
    const Planned packet{key, late, true, ""};
    const uint32_t id = send_reply(connection, packet);
    note("late reply to " + to_string(key.second) + " of " + service.name);
    const std::map<uint32_t, Outcome> fates = world_->run();
    if (fates.size() != 1 || fates.begin()->first != id || fates.begin()->second.times != 1)
      return check("it was not sent or dropped once");
    check(model_.late_reply(key, fates.begin()->second));
  }

  void wait(uint64_t ms) {
    world_->wait(ms);
    note("wait " + std::to_string(ms) + " ms, until " + std::to_string(world_->now_s()) + " s");
    model_.pass(world_->now_s());
    check(world_->check_loads());
    check(world_->check_sums());
  }

  void change_health() {
    const size_t service = below(model_.services.size()), index = below(kBackends);
    BalanceModel::Backend& backend = model_.services[service].backends[index];
    if (!backend.present) return;
    backend.up = !backend.up;
    note(to_string(backend.at) + (backend.up ? " is up" : " is down"));
    world_->tell(service, index, backend.up);
  }

  void reload() {
    const std::vector<BalanceModel::Service> former = model_.services;
    for (unsigned left = 1 + below(4); left != 0; --left) {
      BalanceModel::Service& service = model_.services[below(model_.services.size())];
      BalanceModel::Backend& backend = service.backends[below(kBackends)];
      if (chance(15) && service.present) {
        note("without service " + service.name);
        service.present = false;
        for (BalanceModel::Backend& each : service.backends) each.present = false;
      } else if (backend.present && chance(40)) {
        note("without backend " + to_string(backend.at));
        backend.present = false;
      } else {
        service.present = backend.present = true;
        backend.weight = static_cast<uint16_t>(below(4));
        note("backend " + to_string(backend.at) + " of weight " + std::to_string(backend.weight));
      }
    }
    model_.forget_removed(former);
    world_->reload();
    note("reload");
    check(world_->check_loads());
    check(world_->check_sums());
  }

  void check_end() {
    if (!model_.connections.empty() || world_->dataplane().connections() != 0)
      check("connections do not end");
    for (ServiceId id = 1; id <= model_.services.size() + 1; ++id)
      if (world_->dataplane().persistence_entries(id) != 0) check("persistence entries do not end");
  }

  std::mt19937 random_;
  BalanceModel model_;
  std::unique_ptr<BalanceWorld> world_;
  unsigned step_ = 0;
  std::deque<std::string> history_;
  std::string fault_;
};

TEST(Balance, DoesToPacketsWhatAMapOfConnectionsSays) {
  const char* more = std::getenv("ADIT_MODEL_RUNS");
  const unsigned runs = more != nullptr ? static_cast<unsigned>(std::atoi(more)) : kRuns;
  for (unsigned seed = 1; seed <= runs; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    if (!RandomRun(seed).run()) return;
  }
}

}  // namespace
}  // namespace adit
