// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/log.h"

namespace adit {
namespace {

TEST(LogValue, LeavesPlainTextAlone) {
  EXPECT_EQ(log_value("uplink"), "uplink");
  EXPECT_EQ(log_value("uid:0,pid:17"), "uid:0,pid:17");
  EXPECT_EQ(log_value("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}

TEST(LogValue, QuotesWhatCouldBeTakenForSomethingElse) {
  EXPECT_EQ(log_value(""), "\"\"");
  EXPECT_EQ(log_value("two words"), "\"two words\"");
  EXPECT_EQ(log_value("a=b"), "\"a=b\"");
  EXPECT_EQ(log_value("say \"no\""), "\"say \\\"no\\\"\"");
  EXPECT_EQ(log_value("C:\\"), "\"C:\\\\\"");
}

TEST(LogValue, LetsNoValueStartANewLine) {
  EXPECT_EQ(log_value("x\nlevel=info event=forged"), "\"x\\nlevel=info event=forged\"");
  EXPECT_EQ(log_value("\x1b[2J\r\x7f"), "\"\\x1b[2J\\x0d\\x7f\"");
  EXPECT_EQ(log_value(std::string_view("\0", 1)), "\"\\x00\"");
}

class LogSetUp : public testing::Test {
 protected:
  ~LogSetUp() override {
    unsetenv("JOURNAL_STREAM");
    set_up_log(LogTarget::kStderr, LogLevel::kInfo);
  }
};

TEST_F(LogSetUp, WritesTimeAndLevelFromTheLevelOn) {
  testing::internal::CaptureStderr();
  set_up_log(LogTarget::kStderr, LogLevel::kWarn);
  spdlog::info("event=quiet");
  spdlog::warn("event=loud");
  flush_log();
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("quiet"), std::string::npos);
  EXPECT_NE(text.find(" level=warning event=loud\n"), std::string::npos) << text;
  EXPECT_EQ(text[4], '-') << "no time in " << text;
}

TEST_F(LogSetUp, WritesPrioritiesWhereStderrIsTheJournal) {
  testing::internal::CaptureStderr();
  struct stat status;
  ASSERT_EQ(fstat(STDERR_FILENO, &status), 0);
  const std::string stream = std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
  setenv("JOURNAL_STREAM", stream.c_str(), 1);
  set_up_log(LogTarget::kStderr, LogLevel::kDebug);
  spdlog::debug("event=a");
  spdlog::info("event=b");
  spdlog::warn("event=c");
  spdlog::error("event=d");
  flush_log();
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "<7>event=a\n<6>event=b\n<4>event=c\n<3>event=d\n");
}

TEST_F(LogSetUp, IsNotFooledByAnotherProcessesJournalStream) {
  testing::internal::CaptureStderr();
  setenv("JOURNAL_STREAM", "1:1", 1);
  set_up_log(LogTarget::kStderr, LogLevel::kInfo);
  spdlog::info("event=a");
  flush_log();
  EXPECT_NE(testing::internal::GetCapturedStderr().find("level=info event=a"), std::string::npos);
}

}  // namespace
}  // namespace adit
