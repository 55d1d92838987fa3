// SPDX-License-Identifier: Apache-2.0
// JSON rows as a table for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "api/catalogue.h"

namespace adit::cli {

enum class Numbers { kExact, kHuman };
// kRates: what grows is shown per second, and its title says so.
enum class Values { kAsTheyAre, kRates };

// A cell's text; "-" for null or absent. Control characters do not get through.
std::string cell_text(const nlohmann::json& row, const Column& column, Numbers numbers);

// Aligned columns under their titles, numbers to the right. Every line ends with '\n'.
std::string render_table(Columns columns, const nlohmann::json& rows, Numbers numbers,
                         Values values = Values::kAsTheyAre);

}  // namespace adit::cli
