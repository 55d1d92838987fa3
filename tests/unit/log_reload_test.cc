// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "config_error.h"
#include "config_parser.h"
#include "reload.h"
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

  TempDir directory_;
  TestDataplane dataplane_;
  ControlPlane control_{*dataplane_, parse_config(kBefore, "test"), {{}, {}}, monotonic_ns()};

 private:
  std::ostringstream log_;
  std::shared_ptr<spdlog::logger> former_;
};

TEST_F(Reload, AppliesAndLogsWhoAndWhat) {
  const std::string file = changed("vni: 100", "vni: 101");
  const ApplyResult result = reload_from_file(control_, file, "SIGHUP");
  EXPECT_EQ(result.generation, 2u);
  EXPECT_EQ(control_.config().networks[0].vni, 101u);
  EXPECT_EQ(log(), "info event=reload result=accepted who=SIGHUP file=" + file +
                       " generation=2 changes=1\n"
                       "info event=config_change generation=2 change=\"networks.red.vni: 100 -> "
                       "101\"\n");
}

TEST_F(Reload, RefusesAWrongFileAndLogsWhoAndWhy) {
  const std::string file = changed("vni: 100", "vni: 0");
  EXPECT_THROW(reload_from_file(control_, file, "uid:1,pid:2"), ConfigError);
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
  const std::string file = changed("tap:red0", "tap:red1");
  try {
    reload_from_file(control_, file, "SIGHUP");
    FAIL() << "not refused";
  } catch (const ConfigError& error) {
    ASSERT_EQ(error.mistakes().size(), 1u);
    EXPECT_EQ(error.mistakes()[0].file, file);
    EXPECT_NE(error.mistakes()[0].message.find("ports.red0.device: tap:red0 -> tap:red1"),
              std::string::npos);
  }
}

TEST_F(Reload, LogsOtherFailuresToo) {
  const auto broken = []() -> ApplyResult { throw std::runtime_error("no memory"); };
  EXPECT_THROW(apply_and_log(broken, "x.yaml", "SIGHUP"), std::runtime_error);
  EXPECT_EQ(log(), "error event=reload result=failed who=SIGHUP file=x.yaml error=\"no memory\"\n");
}

TEST_F(Reload, DoesNotDrownTheLog) {
  const auto large = [] {
    return ApplyResult{2, std::vector<std::string>(4000, "networks.x: added")};
  };
  apply_and_log(large, "x.yaml", "SIGHUP");
  const std::string text = log();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 102);
  EXPECT_NE(text.find("not_shown=3900\n"), std::string::npos);
}

}  // namespace
}  // namespace adit
