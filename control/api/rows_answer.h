// SPDX-License-Identifier: Apache-2.0
// Rows as the answer to a request, at once or a slice at a time.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "api/method.h"
#include "api/show.h"

namespace adit {

inline nlohmann::json to_json(Rows&& rows) {
  nlohmann::json result = {{"rows", std::move(rows.rows)}, {"truncated", rows.truncated}};
  if (rows.truncated) result["next_offset"] = rows.next_offset;
  return result;
}

// Rows that control makes at a time: of those that take longest, some milliseconds.
inline constexpr uint64_t kSlice = 250;

// The rows of a window, so many at a time that control's other work can wait for it. `rows` gives
// those of a smaller one. Where the configuration changes meanwhile, what follows is of the new
// one.
template <class GetRows>
LaterAnswer in_slices(Window window, GetRows rows) {
  std::string text = R"({"rows":[)";
  return [window, rows, text]() mutable -> std::optional<std::string> {
    const uint64_t limit = std::min<uint64_t>(window.limit, kSlice);
    const Rows slice = rows({.offset = window.offset, .limit = limit});
    for (const nlohmann::json& row : slice.rows) {
      if (text.back() != '[') text += ',';
      text += row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    window.limit -= slice.rows.size();  // a slice may end where it has looked for long enough
    if (slice.truncated && window.limit != 0) {
      window.offset = slice.next_offset;
      return std::nullopt;
    }
    text += R"(],"truncated":)" + std::string(slice.truncated ? "true" : "false");
    if (slice.truncated) text += R"(,"next_offset":)" + std::to_string(slice.next_offset);
    return text + '}';
  };
}

}  // namespace adit
