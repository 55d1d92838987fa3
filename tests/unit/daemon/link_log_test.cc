// SPDX-License-Identifier: Apache-2.0
// Log lines about a link that flaps.
#include "daemon/link_log.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

namespace adit {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

struct LinkLogTest : testing::Test {
  LinkLogTest() {
    config.ports.resize(2);
    config.ports[1].id = {1};
    config.ports[0].name = "up0";
    config.ports[1].name = "up1";
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(text);
    sink->set_pattern("%v");
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", std::move(sink)));
  }
  ~LinkLogTest() override { spdlog::set_default_logger(former); }

  void log(LinkEvent::Kind kind, PortId port = 0) {
    log_link_event(config, {.kind = kind, .port = port}, limit, now_ns);
  }
  void flap(unsigned times) {
    for (unsigned i = 0; i < times; ++i) log(LinkEvent::Kind::kDown), log(LinkEvent::Kind::kUp);
  }
  // Lines since the last call, by what they begin with: "event=KIND port=NAME".
  std::map<std::string, unsigned> lines() {
    std::map<std::string, unsigned> counts;
    std::istringstream all(std::exchange(text, std::ostringstream()).str());
    for (std::string line; std::getline(all, line);)
      ++counts[line.substr(0, line.find(' ', line.find(' ') + 1))];
    return counts;
  }
  using Lines = std::map<std::string, unsigned>;

  std::shared_ptr<spdlog::logger> former = spdlog::default_logger();
  std::ostringstream text;
  Config config;
  LogLimit limit;
  uint64_t now_ns = 100 * kSecond;
};

TEST_F(LinkLogTest, ALinkThatFlapsFillsNoDisk) {
  flap(1000);
  EXPECT_EQ(lines(), (Lines{{"event=link_down port=up0", LogLimit::kBurst},
                            {"event=link_up port=up0", LogLimit::kBurst}}));
  now_ns += 10 * kSecond;
  flap(1000);
  EXPECT_EQ(lines(), (Lines{{"event=link_down port=up0", 10}, {"event=link_up port=up0", 10}}));
}

TEST_F(LinkLogTest, ItHidesNeitherOtherLinksNorOtherNewsOfIt) {
  flap(1000);
  lines();
  log(LinkEvent::Kind::kDown, 1);
  log(LinkEvent::Kind::kLost);
  log(LinkEvent::Kind::kReopenFailed);
  log(LinkEvent::Kind::kReopened);
  EXPECT_EQ(lines(), (Lines{{"event=link_down port=up1", 1},
                            {"event=port_lost port=up0", 1},
                            {"event=port_reopen_failed port=up0", 1},
                            {"event=port_reopened port=up0", 1}}));
}

TEST_F(LinkLogTest, WhatIsLeftOutIsCounted) {
  flap(1000);
  now_ns += 11 * kSecond;
  std::map<std::string, uint64_t> told;
  limit.tick(now_ns, [&](std::string_view kind, std::string_view port, uint64_t count) {
    told[std::string(kind) + ' ' + std::string(port)] = count;
  });
  EXPECT_EQ(told, (std::map<std::string, uint64_t>{{"link_down up0", 1000 - LogLimit::kBurst},
                                                   {"link_up up0", 1000 - LogLimit::kBurst}}));
}

}  // namespace
}  // namespace adit
