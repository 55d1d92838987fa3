// SPDX-License-Identifier: Apache-2.0
// The figures as a table for people and as JSON for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "machine.h"
#include "measure.h"

namespace adit::bench {

std::string machine_text(const Machine& machine, const MeasureOptions& options);
// One line for each row, with what its columns are above.
std::string table(const std::vector<Row>& rows, double tsc_ghz);
// By step, for the rows that have it; empty if none has.
std::string step_table(const std::vector<Row>& rows);

// Of balanced services: new connections, and what each takes of memory; empty without them.
std::string connection_table(const std::vector<Row>& rows, double tsc_ghz);

nlohmann::ordered_json to_json(const Machine& machine, const MeasureOptions& options,
                               const std::vector<Row>& rows);

}  // namespace adit::bench
