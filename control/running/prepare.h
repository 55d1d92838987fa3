// SPDX-License-Identifier: Apache-2.0
// What takes time of a change of configuration, as a pure function: it may run beside control's
// thread. What is left for control is short, see ControlPlane::commit().
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "compile/compile.h"
#include "compile/routing.h"
#include "config/config.h"
#include "config/diff.h"
#include "running/backend_tracker.h"
#include "running/neighbours.h"
#include "running/port_changes.h"
#include "running/remote_learner.h"

namespace adit {

// All that follows from the running configuration, and of the remotes that are learned and
// the routes that are imported beside it their ids. Replaced as a whole, and not changed while the
// next one is made of it.
struct RunningState {
  std::shared_ptr<const Config> config = std::make_shared<const Config>();  // as it was applied
  CompiledIds ids;
  BackendMap backends = std::make_shared<const BackendFactsTable>();
  NeighbourPlan neighbours;
  // Where remotes are learned; else there is none.
  std::unique_ptr<const Routing> routing;
  std::map<IpAddr, std::set<BridgePortId>> learned_at;  // remotes that were learned, by address
  ImportingVrfs importing;                              // VRFs, and what they imported
  bool has_live_parts = false;                          // it may learn remotes or import routes
};

// What prepare() starts from.
struct Basis {
  std::shared_ptr<const RunningState> former;
  RemoteLearner learner;
  ImportedRoutes imported;
  std::vector<PortTraits> traits;    // by PortId, of all that workers may have
  std::vector<MacAddr> port_macs;    // likewise
  std::vector<MacAddr> device_macs;  // likewise, of the devices
  std::set<std::string> devices;     // their names
  unsigned workers = 1;
  uint64_t generation = 1;  // the next one
};

// What a configuration changes.
struct Planned {
  std::shared_ptr<const Config> config;  // null: nothing
  std::vector<std::string> changes;      // one line each
  PortChanges ports;                     // those to open are to be opened before prepare()
};

struct Prepared {
  std::vector<std::string> changes;  // one line each
  PortChanges ports;
  std::vector<std::pair<PortId, MacAddr>> new_macs;  // of ports
  std::shared_ptr<RunningState> next;                // none: nothing is to be done
  std::unique_ptr<Snapshot> snapshot;
  std::vector<BridgePortId> fresh_bridge_ports;  // nobody used these ids before
  std::vector<BridgePortId> gone_bridge_ports;   // and these nobody any more
  std::vector<AdjacencyId> gone_next_hops;
  BackendChanges backends;
  enum class Step { kBackends, kPublish, kGone, kDone } step = Step::kBackends;  // of commit()
};

// The first one of all.
Prepared prepare_first(const Basis& basis, std::shared_ptr<const Config> config);
// Throws ConfigError when the change needs a restart. `opener`: null where no port can be opened.
Planned plan(const Basis& basis, Config config, PortOpener* opener);
// The devices of planned.ports are open; they are in what is returned. Throws ConfigError when
// there is no room for it.
Prepared prepare(Basis basis, Planned& planned);
// The same configuration again, with the remotes that were learned meanwhile.
Prepared prepare_learned(const Basis& basis);

}  // namespace adit
