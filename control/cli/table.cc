// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

namespace adit::cli {
namespace {

using nlohmann::json;

std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
}

std::string with_decimals(double value, int decimals) {
  std::array<char, 64> text;
  const int length = std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return std::string(text.data(), static_cast<size_t>(std::clamp(length, 0, 63)));
}

// Three digits and a decimal prefix.
std::string short_number(double value) {
  constexpr std::string_view kPrefixes = " kMGTPE";
  size_t i = 0;
  while (std::abs(value) >= 999.5 && i + 1 < kPrefixes.size()) {
    value /= 1000;
    ++i;
  }
  const bool whole = i == 0 ? value == std::floor(value) : std::abs(value) >= 99.95;
  std::string text = with_decimals(value, whole ? 0 : 1);
  if (i > 0) text += kPrefixes[i];
  return text;
}

std::string number_text(const json& value, Format format, Numbers numbers) {
  if (numbers == Numbers::kHuman && grows(format)) return short_number(value.get<double>());
  if (format == Format::kPercent) return with_decimals(value.get<double>(), 1);
  if (value.is_number_float()) return with_decimals(value.get<double>(), grows(format) ? 0 : 1);
  return value.dump();
}

std::string value_text(const json& value, Format format, Numbers numbers) {
  if (value.is_null()) return "-";
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.empty() ? "-" : printable(text);
  }
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number()) return number_text(value, format, numbers);
  if (!value.is_structured()) return printable(value.dump());
  std::string list;
  for (const auto& [key, item] : value.items()) {
    if (!list.empty()) list += ',';
    if (value.is_object()) list += printable(key) + '=';
    list += value_text(item, format, numbers);
  }
  return list.empty() ? "-" : list;
}

// "192.0.2.1:80", "[2001:db8::1]:80"
std::string with_port(const std::string& address, const json& port) {
  const std::string host = address.find(':') == std::string::npos ? address : '[' + address + ']';
  return host + ':' + port.dump();
}

void put_cell(std::string& line, const std::string& text, size_t width, bool right, bool last) {
  const std::string padding(width - text.size(), ' ');
  if (right)
    line += padding + text;
  else
    line += last ? text : text + padding;
  if (!last) line += "  ";
}

}  // namespace

std::string cell_text(const json& row, const Column& column, Numbers numbers) {
  const auto value = row.find(column.key);
  if (value == row.end()) return "-";
  const std::string text = value_text(*value, column.format, numbers);
  if (column.format != Format::kEndpoint || !value->is_string()) return text;
  const auto port = row.find(std::string(column.key) + "_port");
  return port == row.end() || !port->is_number() ? text : with_port(text, *port);
}

std::string render_table(Columns columns, const json& rows, Numbers numbers, Values values) {
  std::vector<std::vector<std::string>> lines(1);
  for (const Column& column : columns)
    lines[0].push_back(std::string(column.title) +
                       (values == Values::kRates && grows(column.format) ? "/S" : ""));
  for (const json& row : rows) {
    auto& line = lines.emplace_back();
    for (const Column& column : columns) line.push_back(cell_text(row, column, numbers));
  }
  std::vector<size_t> widths(columns.size());
  for (const auto& line : lines)
    for (size_t i = 0; i < columns.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string out;
  for (const auto& line : lines) {
    for (size_t i = 0; i < columns.size(); ++i)
      put_cell(out, line[i], widths[i], columns[i].format > Format::kEndpoint,
               i + 1 == columns.size());
    out += '\n';
  }
  return out;
}

}  // namespace adit::cli
