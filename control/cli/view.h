// SPDX-License-Identifier: Apache-2.0
// What the tables of `show` hold, and how rates come from two of them.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/table.h"

namespace adit::cli {

struct View {
  std::string_view method;  // of the API, "show.ports"; with ".count" where it counts rows
  std::span<const Column> columns;
  std::span<const std::string_view> id;  // keys that tell which row is which
};

// Throws std::out_of_range where there is none.
const View& view_of(std::string_view method);

// The columns with "/s" at those that hold rates.
std::vector<Column> rate_columns(const View& view);

// The rows of `now` with the counters' growth per second instead of the counters, after
// `elapsed_s` since `before`; null in rows that `before` lacks, or whose counters went back.
nlohmann::json rates(const View& view, const nlohmann::json& before, const nlohmann::json& now,
                     double elapsed_s);

}  // namespace adit::cli
