// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace adit::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string decimal(double value, int digits = 1) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string count_text(uint64_t count) {
  if (count >= 1'000'000 && count % 1'000'000 == 0) return std::to_string(count / 1'000'000) + "M";
  if (count >= 1'000 && count % 1'000 == 0) return std::to_string(count / 1'000) + "k";
  return std::to_string(count);
}

using Line = std::vector<std::string>;

// The first column to the left, the others to the right.
std::string aligned(const std::vector<Line>& lines) {
  std::vector<std::size_t> widths;
  for (const Line& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string padding(widths[i] - line[i].size(), ' ');
      text += i == 0 ? line[i] + padding : "  " + padding + line[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

bool has_packets(const Row& row) {
  return row.the_case.scenario->from != Side::kNone;
}

double mpps(const Row& row, double tsc_ghz) {
  return tsc_ghz * 1e3 / row.total.median;
}

Line case_columns(const Row& row) {
  const Case& the_case = row.the_case;
  if (!has_packets(row)) return {std::string(the_case.scenario->name), "-", "-", "-", "-"};
  return {std::string(the_case.scenario->name),
          the_case.scenario->service ? "-" : std::string(the_case.tunnel->name),
          count_text(the_case.flows), count_text(the_case.networks),
          to_string_frame(the_case.size)};
}

// Of what is short the large pages show, and not the connections.
constexpr uint32_t kLeastFlowsForMemory = 100'000;

std::optional<double> resident_bytes_of(const Row& row) {
  if (!row.connection_memory || row.the_case.flows < kLeastFlowsForMemory) return std::nullopt;
  return row.connection_memory->resident_bytes;
}

bool connects(const Row& row) {
  return row.the_case.scenario->service && row.the_case.scenario->service->connects;
}

Json to_json(const Spread& spread) {
  return {{"median", spread.median},
          {"min", spread.min},
          {"max", spread.max},
          {"spread_percent", spread.percent()}};
}

Json to_json(const Row& row, double tsc_ghz) {
  const Case& the_case = row.the_case;
  Json json = {{"scenario", the_case.scenario->name},
               {"unit", has_packets(row) ? "packet" : "pass"},
               {"flows", the_case.flows},
               {"tunnel", the_case.tunnel->name},
               {"networks", the_case.networks},
               {"remotes_per_network", the_case.scenario->remotes},
               {"frame_bytes", nullptr},
               {"packets_out_per_packet", the_case.scenario->packets_out},
               {"cycles", to_json(row.total)},
               {"floor_cycles", to_json(row.floor)},
               {"cycles_minus_floor", row.minus_floor},
               {"mpps", mpps(row, tsc_ghz)},
               {"units_measured", row.packets},
               {"disturbed_runs", row.disturbed}};
  if (the_case.size == kImix)
    json["frame_bytes"] = "imix";
  else
    json["frame_bytes"] = the_case.size;
  if (row.the_case.scenario->service) json["tunnel"] = nullptr;
  if (connects(row)) json["connections_per_second"] = mpps(row, tsc_ghz) * 1e6;
  if (row.connection_memory)
    json["table_bytes_per_connection"] = row.connection_memory->table_bytes;
  if (const auto bytes = resident_bytes_of(row)) json["resident_bytes_per_connection"] = *bytes;
  if (row.steps)
    for (std::size_t step = 0; step < kStepCount; ++step)
      json["steps"][std::string(kStepNames[step])] = (*row.steps)[step];
  return json;
}

}  // namespace

std::string machine_text(const Machine& machine, const MeasureOptions& options) {
  return "adit-bench " ADIT_VERSION " (" + machine.revision + "), " + machine.dpdk + ", " +
         machine.compiler + ", built for " + machine.built_for + " cpu (" + machine.build + ")\n" +
         machine.cpu_model + ", TSC " + decimal(machine.tsc_ghz, 2) + " GHz, Linux " +
         machine.kernel + "; core " + std::to_string(machine.core) + ", " + machine.priority +
         "; hugepages: " + (machine.hugepages ? "yes" : "no") + "\n" + "median of " +
         std::to_string(options.runs) + " runs of " + decimal(options.seconds, 3) +
         " s, bursts of " + std::to_string(options.burst) +
         "; TSC cycles per packet; frame: inner bytes without FCS and VLAN tag, imix 7:4:1 of "
         "64, 570, 1514\n";
}

std::string table(const std::vector<Row>& rows, double tsc_ghz) {
  std::vector<Line> lines = {{"scenario", "tunnel", "flows", "networks", "frame", "floor", "total",
                              "minus floor", "min", "max", "spread", "Mpps", ""}};
  for (const Row& row : rows) {
    Line line = case_columns(row);
    const Spread& total = row.total;
    for (const double value :
         {row.floor.median, total.median, row.minus_floor, total.min, total.max})
      line.push_back(decimal(value));
    line.push_back(decimal(total.percent()) + "%");
    line.push_back(has_packets(row) ? decimal(mpps(row, tsc_ghz), 2) : "-");
    line.push_back(row.disturbed == 0 ? "" : "core taken away in " + std::to_string(row.disturbed));
    lines.push_back(std::move(line));
  }
  return aligned(lines);
}

std::string step_table(const std::vector<Row>& rows) {
  Line heading = {"by step", "tunnel", "flows", "networks", "frame"};
  heading.insert(heading.end(), kStepNames.begin(), kStepNames.end());
  heading.emplace_back("sum");
  std::vector<Line> lines = {heading};
  for (const Row& row : rows) {
    if (!row.steps) continue;
    Line& line = lines.emplace_back(case_columns(row));
    for (const double cycles : *row.steps) line.push_back(decimal(cycles));
    line.push_back(decimal(std::accumulate(row.steps->begin(), row.steps->end(), 0.0)));
  }
  return lines.size() > 1 ? aligned(lines) : "";
}

std::string connection_table(const std::vector<Row>& rows, double tsc_ghz) {
  std::vector<Line> lines = {
      {"connections", "flows", "new/s", "table bytes each", "resident bytes each"}};
  for (const Row& row : rows) {
    if (!row.connection_memory) continue;
    const auto resident = resident_bytes_of(row);
    lines.push_back({std::string(row.the_case.scenario->name), count_text(row.the_case.flows),
                     connects(row) ? decimal(mpps(row, tsc_ghz) * 1e6, 0) : "-",
                     decimal(row.connection_memory->table_bytes),
                     resident ? decimal(*resident) : "-"});
  }
  return lines.size() > 1 ? aligned(lines) : "";
}

Json to_json(const Machine& machine, const MeasureOptions& options, const std::vector<Row>& rows) {
  Json json = {{"version", ADIT_VERSION},
               {"revision", machine.revision},
               {"machine",
                {{"cpu", machine.cpu_model},
                 {"tsc_ghz", machine.tsc_ghz},
                 {"kernel", machine.kernel},
                 {"core", machine.core},
                 {"priority", machine.priority},
                 {"hugepages", machine.hugepages},
                 {"dpdk", machine.dpdk},
                 {"compiler", machine.compiler},
                 {"built_for_cpu", machine.built_for},
                 {"build", machine.build}}},
               {"runs", options.runs},
               {"seconds", options.seconds},
               {"burst", options.burst},
               {"results", Json::array()}};
  for (const Row& row : rows) json["results"].push_back(to_json(row, machine.tsc_ghz));
  return json;
}

}  // namespace adit::bench
