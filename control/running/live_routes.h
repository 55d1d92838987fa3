// SPDX-License-Identifier: Apache-2.0
// Routes that come from outside the configuration, by VRF and with their origin, and their way into
// the snapshot that runs: each change costs the same however much else is configured. They stay
// over reloads. A source that begins anew tells all its routes in a round, at the end of which
// those go that it did not tell.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "adit/dataplane.h"
#include "compile/imported_routes.h"
#include "running/live_next_hops.h"
#include "running/prepare.h"

namespace adit {

// Who tells a VRF's routes, and how it is getting on.
struct RouteSource {
  uint32_t table = 0;
  std::string network_namespace;  // empty: our own
  std::string error;              // empty: none
  bool is_complete = false;       // all were told once
  uint64_t rounds = 0, overruns = 0;
  friend bool operator==(const RouteSource&, const RouteSource&) = default;
};

class LiveRoutes {
 public:
  // What is told of a VRF's routes.
  struct Totals {
    std::array<uint64_t, kImportStates> by_state = {};
    uint64_t of(ImportState state) const noexcept { return by_state[static_cast<size_t>(state)]; }
    uint64_t changes = 0;  // so far
    uint64_t refused = 0;  // above the VRF's limit
  };

  LiveRoutes(Dataplane& dataplane, LiveNextHops& next_hops)
      : dataplane_(dataplane), next_hops_(next_hops) {}

  // --- the source
  // A VRF that does not import routes is left alone. False: it has as many as it may.
  bool set(const std::string& vrf, const RouteKey& key, ImportedRoute route, uint64_t now_ns);
  void remove(const std::string& vrf, const RouteKey& key, uint64_t now_ns);
  // Null: the VRF has no such route.
  const ImportedRoute* find(const std::string& vrf, const RouteKey& key) const;
  void begin_round(const std::string& vrf);
  void end_round(const std::string& vrf, uint64_t now_ns);
  uint32_t round(const std::string& vrf) const;
  void set_source(const std::string& vrf, const RouteSource& source);

  // --- control
  // What was published, and the state that goes with it; both stay until the next call.
  void bind(RunningState& state, Snapshot& snapshot, uint64_t now_ns);
  // For the next state: from now on until resume() somebody else reads them, and what changes is
  // noted for what will be published.
  ImportedRoutes share();
  void resume(uint64_t now_ns);
  void tick();

  // Null: the VRF imports none.
  const ImportedTable* of(const std::string& vrf) const;
  // The route with that number, from 0 on, of a VRF that has as many: page by page quickly.
  ImportedTable::const_iterator at(const std::string& vrf, uint64_t place) const;
  Totals totals(const std::string& vrf) const;
  const RouteSource* source_of(const std::string& vrf) const;
  // How its gateways are reached.
  const ImportingVrf* importing(const std::string& vrf) const;
  // The states of all routes to the prefix, in their order.
  std::vector<ImportState> states(const std::string& vrf, const IpPrefix& to) const;
  // Bytes of the snapshot's trie, 0: no VRF imports routes.
  size_t table_bytes() const;

 private:
  struct Imported {
    std::shared_ptr<ImportedTable> routes = std::make_shared<ImportedTable>();
    bool is_shared = false;  // somebody else reads them
    uint32_t round = 0;
    uint64_t changes = 0, refused = 0;
    RouteSource source;
  };
  ImportedTable& writable(Imported& imported);
  void keep_limit(const std::string& vrf, Imported& imported, uint64_t now_ns);
  // Changes the routes to one prefix by `change`, and what workers read.
  template <class F>
  void change(const std::string& vrf, Imported& imported, const IpPrefix& to, uint64_t now_ns,
              F change);
  RouteImport importer(ImportingVrf& vrf, uint64_t now_ns);

  Dataplane& dataplane_;
  LiveNextHops& next_hops_;
  RunningState* state_ = nullptr;
  Snapshot* snapshot_ = nullptr;
  std::map<std::string, Imported> imported_;
  std::set<std::pair<std::string, IpPrefix>> changed_;  // since share()
  ImportedRoutes shared_;                               // as they were then
  bool sharing_ = false;
  // Where at() was last.
  struct Place {
    std::string vrf;
    uint64_t changes = 0;
    uint64_t place = 0;
    RouteKey key;
  };
  mutable Place last_place_;
  std::optional<uint64_t> grace_;  // what the table has out of use rests
};

}  // namespace adit
