// SPDX-License-Identifier: Apache-2.0
// What load balancing has to make of each packet, told by a map of connections: written from
// docs/configuration.md, IPVS's rules and RFC 9260, without a line of what it is to judge.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "adit/addr.h"
#include "adit/drop_reason.h"

namespace adit {

struct End {
  IpAddr address;
  uint16_t port = 0;
  friend auto operator<=>(const End&, const End&) = default;
};
inline std::string to_string(const End& end) {
  return to_string(end.address) + " " + std::to_string(end.port);
}

// What became of a packet.
struct Outcome {
  unsigned times = 0;  // that it was sent or dropped
  bool sent = false;
  bool to_backends = false;  // by the port where they are, else by the clients'
  End source, destination;
  IpAddr next;  // whose MAC the frame has; of what came wrapped, the outer destination
  bool wrapped = false;
  DropReason drop = DropReason::kNone;
  std::string fault;  // of what was sent: checksums, flags
};

enum class Segment : uint8_t {
  kSyn,
  kAck,
  kFin,
  kRst,
  kDatagram,
  // SCTP's chunks
  kInit,
  kInitAck,
  kCookieEcho,
  kCookieAck,
  kData,
  kAbort,
};

enum class Way : uint8_t { kNat, kFullNat, kDirect, kTunnel };
enum class Over : uint8_t { kTcp, kUdp, kSctp };

// A connection's life, with IPVS's names for it.
enum class Phase : uint8_t {
  kUdp,
  kUdpNew,         // until both ends have shown themselves
  kHalfOpen,       // SYN_RECV
  kOpen,           // ESTABLISHED
  kBackendClosed,  // FIN_WAIT
  kClientClosed,   // CLOSE_WAIT
  kBothClosed,     // TIME_WAIT
  kReset,          // CLOSE
  kInit,           // INIT1
  kInitAgain,      // INIT
  kCookieSent,
  kCookieReplied,
  kAssociated,  // ESTABLISHED
  kRejected,
  kAborted,  // CLOSED
};
// IPVS's, by Phase
constexpr uint64_t kSilenceSeconds[] = {300, 30, 60, 900, 120, 60, 120, 10,
                                        4,   61, 61, 61,  900, 4,  61};

class BalanceModel {
 public:
  struct Backend {
    End at = {};
    bool present = true, up = true;
    uint16_t weight = 1;
    unsigned life =
        0;  // with expire_nodest, how often it was removed: earlier connections are lost
  };
  struct Service {
    std::string name;
    End at = {};
    Over over = Over::kTcp;
    Way way = Way::kNat;
    bool persistent = false;
    bool keeps = false;  // on_down
    bool present = true;
    std::vector<Backend> backends = {};

    bool full_nat() const { return way == Way::kFullNat; }
    // Backends answer past us.
    bool one_way() const { return way == Way::kDirect || way == Way::kTunnel; }
  };
  struct Connection {
    size_t backend = 0;
    unsigned life = 0;
    Phase phase = Phase::kUdpNew;
    uint64_t ends_s = 0;
    End local = {};                    // what the backend takes for the client
    bool held = false;                 // counted by its client's persistence entry
    unsigned asked = 1, answered = 0;  // datagrams
  };
  using Key = std::pair<size_t, End>;  // of the service, and the client
  struct Load {
    uint64_t active = 0, inactive = 0;
  };

  std::vector<Service> services;
  std::set<IpAddr> locals;  // of full NAT
  bool expire_nodest = true;
  bool keeps_addresses = true;  // also those that no service is left at
  uint64_t persistence_s = 0;
  uint64_t now_s = 0;
  std::map<Key, Connection> connections;  // also lost ones, until a packet or the time ends them
  std::deque<std::pair<Key, Connection>> past;

  static bool is_closing(Phase phase) {
    return is_over(phase) || phase == Phase::kBackendClosed || phase == Phase::kClientClosed;
  }
  // Whether the first packet of a connection begins another one: the former is over, or closing at
  // a backend that takes none.
  bool begins_again(const Key& key, const Connection& connection, Segment segment) const {
    const Service& service = services[key.first];
    const Backend& backend = service.backends[connection.backend];
    if (service.over == Over::kUdp || segment != first_of(service.over)) return false;
    if (is_over(connection.phase)) return true;
    return is_closing(connection.phase) &&
           (is_gone(key, connection) || !backend.up || backend.weight == 0);
  }
  static bool is_over(Phase phase) {
    return phase == Phase::kBothClosed || phase == Phase::kReset || phase == Phase::kRejected ||
           phase == Phase::kAborted;
  }
  static Segment first_of(Over over) {
    return over == Over::kTcp   ? Segment::kSyn
           : over == Over::kUdp ? Segment::kDatagram
                                : Segment::kInit;
  }

  // A client's packet to a service. Returns what is wrong with its fate; empty: nothing.
  std::string request(const Key& key, Segment segment, const Outcome& fate) {
    const Service& service = services[key.first];
    if (const auto found = connections.find(key); found != connections.end()) {
      Connection& connection = found->second;
      const bool again = begins_again(key, connection, segment);
      if (!again && !is_lost(key, connection)) {
        update(key, connection, segment, false);
        return check_request(key, connection, fate);
      }
      if (!again && is_gone(key, connection) && !expire_nodest)
        return check_drop(fate, DropReason::k_no_backend);
      end(found);
    }
    if (!service.present) return fate.sent ? "the service is not there" : "";
    if (segment != first_of(service.over))
      return check_drop(fate, DropReason::k_connection_unknown);
    return begin(key, fate);
  }

  // A backend's packet of a connection, which may be past.
  std::string reply(const Key& key, Segment segment, const Outcome& fate) {
    const Service& service = services[key.first];
    const auto found = connections.find(key);
    if (found != connections.end() && !is_lost(key, found->second)) {
      update(key, found->second, segment, true);
      if (!fate.sent || fate.to_backends) return "no reply came to the client";
      if (fate.source != service.at) return "a reply is not from the virtual address";
      return fate.destination == key.second ? "" : "a reply is to another client";
    }
    if (found != connections.end() && is_gone(key, found->second) && !expire_nodest)
      return check_drop(fate, DropReason::k_no_backend);
    if (found != connections.end()) end(found);
    return late_reply(key, fate);
  }
  // Of a connection that is not there any more.
  std::string late_reply(const Key& key, const Outcome& fate) const {
    const Service& service = services[key.first];
    if (!fate.sent) return "";
    if (service.full_nat()) return "what came to a local address was sent on";
    return fate.source == service.at ? "a lost connection was translated" : "";
  }

  // No packet is under way. Workers look at each connection once a second.
  void pass(uint64_t to_s) {
    now_s = to_s;
    for (auto next = connections.begin(); next != connections.end();) {
      const auto connection = next++;
      if (connection->second.ends_s <= now_s ||
          (expire_nodest && is_gone(connection->first, connection->second)))
        end(connection);
    }
  }

  // After a reload: what was there before, and is not any more.
  void forget_removed(const std::vector<Service>& former) {
    for (size_t s = 0; s < services.size(); ++s) {
      for (size_t i = 0; i < former[s].backends.size(); ++i) {
        Backend& backend = services[s].backends[i];
        if (backend.present || !former[s].backends[i].present) continue;
        if (expire_nodest) ++backend.life;
        backend.up = true;
      }
      if (services[s].present || !former[s].present || !expire_nodest) continue;
      for (auto& [key, connection] : connections)
        if (key.first == s) connection.held = false;
      std::erase_if(entries_, [s](const auto& each) { return each.first.first == s; });
    }
  }

  Load load(size_t service, size_t backend, unsigned life) const {
    Load load;
    for (const auto& [key, connection] : connections)
      if (key.first == service && connection.backend == backend && connection.life == life)
        ++(connection.phase == Phase::kOpen || connection.phase == Phase::kAssociated
               ? load.active
               : load.inactive);
    return load;
  }
  // Full NAT: whose packets a backend could not tell apart.
  bool has_twins() const {
    std::set<std::pair<End, End>> seen;
    for (const auto& [key, connection] : connections)
      if (!seen.emplace(services[key.first].backends[connection.backend].at, connection.local)
               .second)
        return true;
    return false;
  }

 private:
  struct Entry {
    size_t backend = 0;
    unsigned life = 0, held = 0;
    uint64_t until_s = 0;  // at least
  };
  struct Candidates {
    std::set<size_t> backends;
    bool may_refuse = false;
  };

  static std::string check_drop(const Outcome& fate, DropReason reason) {
    if (fate.sent) return "sent, not dropped";
    if (fate.drop == reason) return "";
    return "dropped by another name than " +
           std::string(kDropReasons[static_cast<size_t>(reason)].name);
  }
  static bool is_at(const Service& service, const End& backend, const Outcome& fate) {
    return service.one_way() ? fate.next == backend.address : fate.destination == backend;
  }
  std::string check_request(const Key& key, const Connection& connection,
                            const Outcome& fate) const {
    if (!fate.sent || !fate.to_backends) return "it came to no backend";
    const Service& service = services[key.first];
    const End& backend = service.backends[connection.backend].at;
    if (!is_at(service, backend, fate)) return "it came to another backend";
    if (service.one_way() && fate.destination != service.at) return "it was changed";
    if (fate.wrapped != (service.way == Way::kTunnel)) return "wrapped, or not, against all rules";
    return fate.source == connection.local ? "" : "it came from another source";
  }

  bool is_gone(const Key& key, const Connection& connection) const {
    const Backend& backend = services[key.first].backends[connection.backend];
    return !backend.present || backend.life != connection.life;
  }
  bool is_lost(const Key& key, const Connection& connection) const {
    const Service& service = services[key.first];
    return is_gone(key, connection) || (!service.backends[connection.backend].up && !service.keeps);
  }

  static Phase first_phase(Over over) {
    return over == Over::kTcp   ? Phase::kHalfOpen
           : over == Over::kUdp ? Phase::kUdpNew
                                : Phase::kInit;
  }
  enum class From : uint8_t { kClient, kBackend, kClientAlone };  // alone: one_way()
  static Phase next(Phase phase, Segment segment, From from) {
    const bool from_backend = from == From::kBackend;
    const bool opened = phase == Phase::kHalfOpen || phase == Phase::kOpen;
    const bool half_closed = phase == Phase::kBackendClosed || phase == Phase::kClientClosed;
    switch (segment) {
      case Segment::kRst:
        return Phase::kReset;
      case Segment::kSyn:  // of the client: it has given up the former connection
        return half_closed && !from_backend ? Phase::kHalfOpen : phase;
      case Segment::kAck:
        return phase == Phase::kHalfOpen ? Phase::kOpen : phase;
      case Segment::kFin:
        if (opened) return from == From::kClient ? Phase::kClientClosed : Phase::kBackendClosed;
        if (from != From::kClientAlone &&
            phase == (from_backend ? Phase::kClientClosed : Phase::kBackendClosed))
          return Phase::kBothClosed;
        return phase;
      case Segment::kDatagram:
        return phase;
      default:
        return next_of_sctp(phase, segment, from);
    }
  }
  static Phase next_of_sctp(Phase phase, Segment segment, From from) {
    const bool asked = phase == Phase::kInit || phase == Phase::kInitAgain;
    const bool ended = phase == Phase::kRejected || phase == Phase::kAborted;
    switch (segment) {
      case Segment::kInit:
        return ended ? Phase::kInit : phase == Phase::kInit ? Phase::kInitAgain : phase;
      case Segment::kInitAck:
        return asked ? Phase::kCookieSent : phase;
      case Segment::kCookieEcho:
        if (from == From::kClientAlone && !ended) return Phase::kAssociated;
        return phase == Phase::kCookieSent ? Phase::kCookieReplied : phase;
      case Segment::kCookieAck:
        return ended ? phase : Phase::kAssociated;
      case Segment::kAbort:
        if (ended) return phase;
        return asked && from == From::kBackend ? Phase::kRejected : Phase::kAborted;
      default:
        return phase;
    }
  }
  void update(const Key& key, Connection& connection, Segment segment, bool from_backend) const {
    const From from = from_backend                    ? From::kBackend
                      : services[key.first].one_way() ? From::kClientAlone
                                                      : From::kClient;
    if (connection.phase == Phase::kUdpNew) {
      ++(from_backend ? connection.answered : connection.asked);
      if (connection.asked > 1 && (connection.answered != 0 || from == From::kClientAlone))
        connection.phase = Phase::kUdp;
    }
    connection.phase = next(connection.phase, segment, from);
    connection.ends_s = now_s + kSilenceSeconds[static_cast<size_t>(connection.phase)];
  }
  void end(std::map<Key, Connection>::iterator which) {
    const auto& [key, connection] = *which;
    if (connection.held) --entries_.at({key.first, key.second.address}).held;
    past.emplace_back(key, connection);
    if (past.size() > 64) past.pop_front();
    connections.erase(which);
  }

  Candidates candidates(const Key& key) const {
    const Service& service = services[key.first];
    Candidates can;
    for (size_t i = 0; i < service.backends.size(); ++i) {
      const Backend& backend = service.backends[i];
      if (backend.present && backend.up && backend.weight != 0) can.backends.insert(i);
    }
    can.may_refuse = can.backends.empty();
    const auto found = entries_.find({key.first, key.second.address});
    if (!service.persistent || found == entries_.end()) return can;
    // Also while the backend is drained.
    const Entry& kept = found->second;
    const Backend& backend = service.backends[kept.backend];
    if (!backend.present || backend.life != kept.life || !backend.up) return can;
    if (kept.held != 0 || now_s < kept.until_s) return {{kept.backend}, false};
    can.backends.insert(kept.backend);  // the entry may be there yet
    return can;
  }
  std::string begin(const Key& key, const Outcome& fate) {
    const Service& service = services[key.first];
    const Candidates can = candidates(key);
    if (!fate.sent)
      return can.may_refuse ? check_drop(fate, DropReason::k_no_backend) : "it was refused";
    for (const size_t index : can.backends) {
      const Backend& backend = service.backends[index];
      if (!is_at(service, backend.at, fate)) continue;
      Connection connection{.backend = index,
                            .life = backend.life,
                            .phase = first_phase(service.over),
                            .local = service.full_nat() ? fate.source : key.second,
                            .held = service.persistent};
      connection.ends_s = now_s + kSilenceSeconds[static_cast<size_t>(connection.phase)];
      connections[key] = connection;
      if (service.persistent) {
        Entry& kept = entries_[{key.first, key.second.address}];
        kept = {index, backend.life, kept.held + 1, now_s + persistence_s};
      }
      if (service.full_nat() && !locals.contains(fate.source.address))
        return "it came from no local address";
      return check_request(key, connection, fate);
    }
    return "a new connection came to a backend that does not take it";
  }

  std::map<std::pair<size_t, IpAddr>, Entry> entries_;
};

}  // namespace adit
