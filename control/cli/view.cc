// SPDX-License-Identifier: Apache-2.0
#include "cli/view.h"

#include <map>

namespace adit::cli {
namespace {

using nlohmann::json;

std::string id_of(Columns columns, const json& row) {
  std::string id;
  for (const Column& column : columns) {
    if (column.role != Role::kKey) continue;
    const auto value = row.find(column.key);
    if (value != row.end()) id += value->dump();
    id += '/';
  }
  return id;
}

// The growth of a counter, or null.
json growth(const json& before, const json& now, std::string_view key) {
  const auto old = before.find(key);
  const auto fresh = now.find(key);
  if (old == before.end() || fresh == now.end()) return nullptr;
  if (!old->is_number_unsigned() || !fresh->is_number_unsigned()) return nullptr;
  if (fresh->get<uint64_t>() < old->get<uint64_t>()) return nullptr;
  return fresh->get<uint64_t>() - old->get<uint64_t>();
}

// Ratios of counters are those of the interval, not since the start.
void put_ratio(json& row, std::string_view key, const json& part, const json& whole,
               double factor) {
  if (!row.contains(key)) return;
  const bool known = part.is_number() && whole.is_number() && whole.get<double>() > 0;
  row[std::string(key)] =
      known ? json(factor * part.get<double>() / whole.get<double>()) : json(nullptr);
}

}  // namespace

std::vector<Column> shown_columns(Columns columns, Width width) {
  std::vector<Column> shown;
  for (const Column& column : columns)
    if (!column.title.empty() && (column.role != Role::kWide || width == Width::kWide))
      shown.push_back(column);
  return shown;
}

json rates(Columns columns, const json& before, const json& now, double elapsed_s) {
  std::map<std::string, const json*> old;
  for (const json& row : before) old.emplace(id_of(columns, row), &row);
  json out = json::array();
  static const json kNothing = json::object();
  for (const json& row : now) {
    const auto found = old.find(id_of(columns, row));
    const json& former = found == old.end() ? kNothing : *found->second;
    json rated = row;
    for (const Column& column : columns) {
      if (!grows(column.format)) continue;
      const json more = growth(former, row, column.key);
      rated[std::string(column.key)] = more.is_null() ? more : json(more.get<double>() / elapsed_s);
    }
    const json busy = growth(former, row, "busy_cycles");
    put_ratio(rated, "busy_percent", busy, growth(former, row, "cycles"), 100);
    put_ratio(rated, "cycles_per_packet", busy, growth(former, row, "received"), 1);
    out.push_back(std::move(rated));
  }
  return out;
}

}  // namespace adit::cli
