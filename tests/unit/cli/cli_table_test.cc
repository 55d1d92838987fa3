// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/table.h"
#include "cli/view.h"

namespace adit::cli {
namespace {

using nlohmann::json;

constexpr Column kColumns[] = {
    {"name", "NAME"}, {"count", "COUNT", Format::kCount}, {"note", "NOTE"}};

std::string text_of(const json& value, Format format, Numbers numbers = Numbers::kExact) {
  return cell_text({{"x", value}}, {"x", "X", format}, numbers);
}

TEST(Table, AlignsTextLeftAndNumbersRight) {
  const json rows = {{{"name", "uplink"}, {"count", 7}, {"note", "a b"}},
                     {{"name", "r"}, {"count", 123456}, {"note", nullptr}}};
  EXPECT_EQ(render_table(kColumns, rows, Numbers::kExact),
            "NAME     COUNT  NOTE\n"
            "uplink       7  a b\n"
            "r       123456  -\n");
}

TEST(Table, OfNothingIsItsTitles) {
  EXPECT_EQ(render_table(kColumns, json::array(), Numbers::kExact), "NAME  COUNT  NOTE\n");
}

TEST(Table, ShowsEveryKindOfValue) {
  EXPECT_EQ(text_of(nullptr, Format::kText), "-");
  EXPECT_EQ(text_of("", Format::kText), "-");
  EXPECT_EQ(text_of(true, Format::kText), "yes");
  EXPECT_EQ(text_of(false, Format::kText), "no");
  EXPECT_EQ(text_of(json::array(), Format::kText), "-");
  EXPECT_EQ(text_of({"192.0.2.1/24", "10.0.0.1/8"}, Format::kText), "192.0.2.1/24,10.0.0.1/8");
  EXPECT_EQ(text_of(UINT64_MAX, Format::kCount), "18446744073709551615");
  EXPECT_EQ(text_of(12.34, Format::kPercent), "12.3");
  EXPECT_EQ(text_of(1234.6, Format::kCount), "1235");
  EXPECT_EQ(cell_text(json::object(), kColumns[0], Numbers::kExact), "-");
}

TEST(Table, PutsThePortBehindAnAddress) {
  const Column column = {"x", "X", Format::kEndpoint};
  const auto cell = [&](const json& row) { return cell_text(row, column, Numbers::kExact); };
  EXPECT_EQ(cell({{"x", "192.0.2.1"}, {"x_port", 80}}), "192.0.2.1:80");
  EXPECT_EQ(cell({{"x", "2001:db8::1"}, {"x_port", 80}}), "[2001:db8::1]:80");
  EXPECT_EQ(cell({{"x", "192.0.2.1"}, {"x_port", nullptr}}), "192.0.2.1");
  EXPECT_EQ(cell({{"x", "192.0.2.1"}}), "192.0.2.1");
  EXPECT_EQ(cell({{"x", nullptr}, {"x_port", 80}}), "-");
}

TEST(Table, LetsNoControlCharacterThrough) {
  EXPECT_EQ(text_of("a\x1b[2J\n", Format::kText), "a?[2J?");
}

TEST(Table, ShortensNumbersForPeople) {
  const auto human = [](const json& value) {
    return text_of(value, Format::kCount, Numbers::kHuman);
  };
  EXPECT_EQ(human(0), "0");
  EXPECT_EQ(human(999), "999");
  EXPECT_EQ(human(1000), "1.0k");
  EXPECT_EQ(human(12'345), "12.3k");
  EXPECT_EQ(human(123'456), "123k");
  EXPECT_EQ(human(999'999), "1.0M");
  EXPECT_EQ(human(UINT64_MAX), "18.4E");
  EXPECT_EQ(text_of(4789, Format::kNumber, Numbers::kHuman), "4789");  // an id is no amount
}

Columns columns_of(std::string_view method) {
  return std::ranges::find(catalogue(), method, &MethodInfo::name)->columns;
}

json port(const char* name, uint64_t rx, uint64_t mtu = 1500) {
  return {{"name", name}, {"mtu_bytes", mtu}, {"rx_packets", rx}};
}

TEST(Rates, AreGrowthPerSecond) {
  const Columns columns = columns_of("show.ports");
  const json rated =
      rates(columns, {port("a", 100), port("b", 0)}, {port("b", 50), port("a", 400)}, 2);
  EXPECT_EQ(rated[0]["rx_packets"], 25.0);
  EXPECT_EQ(rated[1]["rx_packets"], 150.0);
  EXPECT_EQ(rated[0]["mtu_bytes"], 1500u) << "what does not grow stays";
}

TEST(Rates, AreUnknownForNewRowsAndResetCounters) {
  const Columns columns = columns_of("show.ports");
  const json rated =
      rates(columns, json::array({port("a", 100)}), {port("a", 99), port("new", 7)}, 1);
  EXPECT_TRUE(rated[0]["rx_packets"].is_null());
  EXPECT_TRUE(rated[1]["rx_packets"].is_null());
}

// A server of two services, or with two ports, is several backends.
TEST(Rates, TellBackendsByServiceVrfAddressAndPort) {
  const Columns columns = columns_of("show.backends");
  const auto backend = [](const char* service, const char* vrf, const json& port, uint64_t made) {
    return json{{"service", service}, {"vrf", vrf},  {"address", "192.0.2.11"},
                {"port", port},       {"active", 7}, {"connections", made}};
  };
  const json rated = rates(columns,
                           {backend("a", "blue", 80, 100), backend("a", "blue", nullptr, 200),
                            backend("b", "blue", 80, 300), backend("a", "red", 80, 400)},
                           {backend("a", "red", 80, 404), backend("b", "blue", 80, 303),
                            backend("a", "blue", nullptr, 202), backend("a", "blue", 80, 101)},
                           1);
  EXPECT_EQ(rated[0]["connections"], 4.0);
  EXPECT_EQ(rated[1]["connections"], 3.0);
  EXPECT_EQ(rated[2]["connections"], 2.0);
  EXPECT_EQ(rated[3]["connections"], 1.0);
  EXPECT_EQ(rated[0]["active"], 7) << "how many there are now is no rate";
}

TEST(Rates, OfWorkersAreThoseOfTheInterval) {
  const Columns columns = columns_of("show.workers");
  const auto worker = [](uint64_t cycles, uint64_t busy, uint64_t received) {
    return json::array({{{"id", 0},
                         {"cycles", cycles},
                         {"busy_cycles", busy},
                         {"received", received},
                         {"busy_percent", 1.0},
                         {"cycles_per_packet", 1.0}}});
  };
  json rated = rates(columns, worker(1000, 900, 10), worker(2000, 1000, 12), 1);
  EXPECT_EQ(rated[0]["busy_percent"], 10.0);
  EXPECT_EQ(rated[0]["cycles_per_packet"], 50.0);
  rated = rates(columns, worker(1000, 900, 10), worker(2000, 900, 10), 1);
  EXPECT_EQ(rated[0]["busy_percent"], 0.0);
  EXPECT_TRUE(rated[0]["cycles_per_packet"].is_null()) << "no packet, no cost of one";
}

TEST(Rates, HaveTheirOwnTitles) {
  EXPECT_EQ(render_table(kColumns, json::array(), Numbers::kExact, Values::kRates),
            "NAME  COUNT/S  NOTE\n");
}

TEST(Table, ShowsTheRestIfWide) {
  constexpr Column kSome[] = {{"a", "A"}, {"a_port", ""}, {"b", "B", Format::kText, Role::kWide}};
  EXPECT_EQ(render_table(shown_columns(kSome, Width::kUsual), json::array(), Numbers::kExact),
            "A\n");
  EXPECT_EQ(render_table(shown_columns(kSome, Width::kWide), json::array(), Numbers::kExact),
            "A  B\n");
}

}  // namespace
}  // namespace adit::cli
