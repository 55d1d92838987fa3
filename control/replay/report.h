// SPDX-License-Identifier: Apache-2.0
// What a replay did, as JSON and in one line.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "replay/replay.h"

namespace adit::replay {

// Keys in the order in which people read them.
using Json = nlohmann::ordered_json;

// Counters of all workers together; drops in the order in which they happened.
Json make_report(const Replay& replay);

// What contradicts itself in the counters, one sentence each; empty when each packet that came
// in is accounted for exactly once.
std::vector<std::string> find_imbalances(const Replay& replay);

std::string summary(const Json& report);

}  // namespace adit::replay
