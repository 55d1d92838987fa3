// SPDX-License-Identifier: Apache-2.0
// JSON rows as a table for people.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace adit::cli {

// kCount and kBytes grow: watched, they are shown as rates. kEndpoint: an address, and the port
// that the row has under that key with "_port" behind it.
enum class Format { kText, kEndpoint, kNumber, kCount, kBytes, kSeconds, kPercent };
enum class Numbers { kExact, kHuman };

struct Column {
  std::string_view key;  // in the row
  std::string_view title;
  Format format = Format::kText;
};

// A cell's text; "-" for null or absent. Control characters do not get through.
std::string cell_text(const nlohmann::json& row, const Column& column, Numbers numbers);

// Aligned columns under their titles, numbers to the right. Every line ends with '\n'.
std::string render_table(std::span<const Column> columns, const nlohmann::json& rows,
                         Numbers numbers);

}  // namespace adit::cli
