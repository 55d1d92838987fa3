// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <exception>
#include <optional>
#include <sstream>
#include <utility>

#include "config/parser.h"
#include "config/yaml/error.h"
#include "running/reload.h"
#include "temp_dir.h"
#include "test_dataplane.h"

namespace adit {
namespace {

constexpr char kBefore[] =
    "ports:\n"
    "  uplink: {device: \"tap:up0\", addresses: [192.0.2.1/24]}\n"
    "  red0: {device: \"tap:red0\"}\n"
    "networks:\n"
    "  red: {vni: 100, members: [{port: red0}]}\n";

class Reload : public testing::Test {
 protected:
  Reload() : former_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>(
        "reload", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_));
    logger->set_pattern("%l %v");
    spdlog::set_default_logger(logger);
  }
  ~Reload() override { spdlog::set_default_logger(former_); }

  std::string changed(std::string_view what, std::string_view to) {
    std::string text = kBefore;
    text.replace(text.find(what), what.size(), to);
    return directory_.write("adit.yaml", text);
  }
  std::string log() { return log_.str(); }
  // A reload of the file from its beginning to its end.
  Reloader::Outcome reload(const std::string& file, const std::string& who) {
    Reloader reloader(control_, file);
    std::optional<Reloader::Outcome> outcome;
    EXPECT_TRUE(reloader.reload(who, [&](Reloader::Outcome o) { outcome = std::move(o); }));
    while (!outcome) {
      reloader.tick(monotonic_ns());
      let_others_run();
    }
    return *outcome;
  }

  TempDir directory_;
  TestDataplane dataplane_;
  ControlPlane control_{*dataplane_, parse_config(kBefore, "test"), {{}, {}}, monotonic_ns()};

 private:
  std::ostringstream log_;
  std::shared_ptr<spdlog::logger> former_;
};

TEST_F(Reload, AppliesAndLogsWhoAndWhat) {
  const std::string file = changed("vni: 100", "vni: 101");
  const Reloader::Outcome result = reload(file, "SIGHUP");
  EXPECT_EQ(result.generation, 2u);
  EXPECT_EQ(control_.config().networks[0].vni, 101u);
  EXPECT_EQ(log(), "info event=reload result=accepted who=SIGHUP file=" + file +
                       " generation=2 revision=0 changes=1\n"
                       "info event=config_change generation=2 change=\"networks.red.vni: 100 -> "
                       "101\"\n");
}

TEST_F(Reload, ChangesNothingWhereAllValuesAreEqual) {
  const Reloader::Outcome result =
      reload(changed("vni: 100", "vni: 100, learning: true"), "SIGHUP");
  EXPECT_EQ(result.generation, 1u);
  EXPECT_TRUE(result.changes.empty());
}

TEST_F(Reload, AppliesAnotherOrder) {
  const std::string two = "vni: 100, members: [{port: red0}, {port: red0, vlan: 5}]";
  const std::string other = "vni: 100, members: [{port: red0, vlan: 5}, {port: red0}]";
  const std::string file = changed("vni: 100, members: [{port: red0}]", two);
  EXPECT_EQ(reload(file, "SIGHUP").generation, 2u);
  EXPECT_EQ(reload(file, "SIGHUP").generation, 2u);
  const Reloader::Outcome result =
      reload(changed("vni: 100, members: [{port: red0}]", other), "SIGHUP");
  EXPECT_EQ(result.generation, 3u);
  EXPECT_EQ(result.changes, std::vector<std::string>{"networks.red: order of members changed"});
}

TEST_F(Reload, RefusesAWrongFileAndLogsWhoAndWhy) {
  const std::string file = changed("vni: 100", "vni: 0");
  EXPECT_THROW(std::rethrow_exception(reload(file, "uid:1,pid:2").error), ConfigError);
  EXPECT_EQ(control_.generation(), 1u);
  EXPECT_EQ(control_.config().networks[0].vni, 100u);
  EXPECT_NE(log().find("warning event=reload result=refused who=uid:1,pid:2 file=" + file +
                       " mistakes=1\n"),
            std::string::npos)
      << log();
  EXPECT_NE(log().find("warning event=config_mistake mistake=\"" + file + ":5:14: "),
            std::string::npos)
      << log();
}

TEST_F(Reload, NamesTheFileOfWhatTakesARestart) {
  const std::string file = changed("ports:\n", "system: {workers: 3}\nports:\n");
  try {
    std::rethrow_exception(reload(file, "SIGHUP").error);
    FAIL() << "not refused";
  } catch (const ConfigError& error) {
    ASSERT_EQ(error.mistakes().size(), 1u);
    EXPECT_EQ(error.mistakes()[0].file, file);
    EXPECT_NE(error.mistakes()[0].message.find("system.workers: auto -> 3"), std::string::npos);
  }
}

TEST_F(Reload, DoesNotDrownTheLog) {
  std::string text = kBefore;
  for (int vni = 1001; vni <= 5000; ++vni)
    text += "  n" + std::to_string(vni) + ": {vni: " + std::to_string(vni) + "}\n";
  reload(directory_.write("adit.yaml", text), "SIGHUP");
  const std::string lines = log();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 102);
  EXPECT_NE(lines.find("not_shown=3900\n"), std::string::npos);
}

TEST_F(Reload, WarnsOfWhatCanHardlyBeMeant) {
  const std::string file = directory_.write(
      "adit.yaml", kBefore + std::string("services:\n  web: {address: 192.0.2.80, port: 80}\n"));
  const Reloader::Outcome outcome = reload(file, "SIGHUP");
  ASSERT_EQ(outcome.warnings.size(), 1u);
  EXPECT_NE(log().find("warning event=config_warning warning=\"" + file +
                       ":7:3: service 'web' has no backends"),
            std::string::npos)
      << log();
}

// Services enough that reading them takes many ticks, and a control thread that goes on.
std::string many_services(int count) {
  std::string text = kBefore + std::string("services:\n");
  for (int i = 0; i < count; ++i)
    text += "  s" + std::to_string(i) + ": {address: 10." + std::to_string(i / 65536) + '.' +
            std::to_string(i / 256 % 256) + '.' + std::to_string(i % 256) +
            ", port: 80, backends: [{address: 192.0.2.9}]}\n";
  return text;
}

TEST_F(Reload, ControlGoesOnMeanwhile) {
  Reloader reloader(control_, directory_.write("adit.yaml", many_services(5000)));
  bool done = false;
  ASSERT_TRUE(reloader.reload("SIGHUP", [&](const Reloader::Outcome& outcome) {
    done = true;
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(outcome.generation, 2u);
  }));
  unsigned before = 0, slices = 0;
  while (!done) {
    reloader.tick(monotonic_ns());
    control_.tick(monotonic_ns());
    let_others_run();
    if (done) break;
    (control_.generation() == 1 ? before : slices) += 1;
    // Whatever is asked meanwhile has its answer from what runs.
    ASSERT_EQ(control_.config().services.size(), control_.generation() == 1 ? 0u : 5000u);
  }
  EXPECT_GT(before, 5000 / BackendTracker::kSlice) << "a slice of new backends for each";
  EXPECT_EQ(control_.backends().all().size(), 5000u);
  while (!reloader.idle()) {
    reloader.tick(monotonic_ns());
    let_others_run();
  }
}

TEST_F(Reload, RequestsTakeTurnsAndAreRefusedBeyondABound) {
  Reloader reloader(control_, directory_.write("adit.yaml", kBefore));
  std::vector<std::string> order;
  for (size_t i = 0; i < Reloader::kMaxWaiting; ++i) {
    const std::string who = "uid:" + std::to_string(i);
    EXPECT_TRUE(reloader.reload(who, [&order, who](const auto&) { order.push_back(who); }));
  }
  EXPECT_TRUE(reloader.reload("uid:3", [&](const auto&) { order.push_back("again"); }))
      << "one for both";
  EXPECT_FALSE(reloader.reload("uid:99", {}));
  EXPECT_FALSE(reloader.check(std::nullopt, "text", 0, {}));
  while (!reloader.idle()) {
    reloader.tick(monotonic_ns());
    let_others_run();
  }
  ASSERT_EQ(order.size(), Reloader::kMaxWaiting + 1);
  EXPECT_EQ(order[0], "uid:0");
  EXPECT_EQ(order[4], "again");
  EXPECT_TRUE(reloader.reload("uid:99", {}));
}

TEST_F(Reload, EndsWithTheDaemon) {
  const std::string file = directory_.write("adit.yaml", many_services(5000));
  {
    Reloader reloader(control_, file);
    reloader.reload("SIGHUP");
    reloader.tick(monotonic_ns());  // begins
  }
  EXPECT_EQ(control_.generation(), 1u);
}

}  // namespace
}  // namespace adit
