// SPDX-License-Identifier: Apache-2.0
// The tables of `show`, and how rates come from two of them.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "api/catalogue.h"

namespace adit::cli {

enum class Width { kUsual, kWide };

// The columns that a table has.
std::vector<Column> shown_columns(Columns columns, Width width);

// The rows of `now` with the counters' growth per second instead of the counters, after
// `elapsed_s` since `before`; null in rows that `before` lacks, or whose counters went back.
nlohmann::json rates(Columns columns, const nlohmann::json& before, const nlohmann::json& now,
                     double elapsed_s);

}  // namespace adit::cli
