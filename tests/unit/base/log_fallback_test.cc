// SPDX-License-Identifier: Apache-2.0
#include "base/log_fallback.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <sstream>
#include <string>

#include "temp_dir.h"

namespace adit::log_fallback_test {
namespace {

class LogFallbackTest : public testing::Test {
 protected:
  static std::shared_ptr<spdlog::sinks::sink> into(std::ostringstream& stream) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(stream, true);
    sink->set_pattern("%l %v");
    return sink;
  }
  // A reader, until it is closed; its file stays.
  int listen_on(const std::string& path, int type) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, type, 0);
    unlink(path.c_str());
    EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(listen(fd, 1), 0);
    }
    return fd;
  }
  static std::string taken(std::ostringstream& stream) {
    std::string text = stream.str();
    stream.str("");
    return text;
  }

  TempDir folder_;
  const std::string path_ = folder_.file("socket");
  std::ostringstream first_, second_;
  spdlog::logger log_{
      "test", std::make_shared<LogFallback>("journald", path_, into(first_), into(second_))};
};

TEST_F(LogFallbackTest, LinesGoWhereTheyAreReadAndTheChangeIsTold) {
  log_.info("one");
  log_.error("two");
  EXPECT_EQ(taken(first_), "");
  EXPECT_EQ(taken(second_), "warning event=log_target_missing target=journald socket=" + path_ +
                                " error=\"No such file or directory\" instead=stderr\n"
                                "info one\nerror two\n");
  const int reader = listen_on(path_, SOCK_DGRAM);
  log_.info("three");
  log_.info("four");
  EXPECT_EQ(taken(first_), "info event=log_target_back target=journald\ninfo three\ninfo four\n");
  EXPECT_EQ(taken(second_), "");
  close(reader);
  log_.info("five");
  EXPECT_EQ(taken(first_), "");
  EXPECT_EQ(taken(second_), "warning event=log_target_missing target=journald socket=" + path_ +
                                " error=\"Connection refused\" instead=stderr\ninfo five\n");
}

TEST_F(LogFallbackTest, AReaderOfAStreamIsOne) {
  const int reader = listen_on(path_, SOCK_STREAM);
  log_.info("one");
  EXPECT_EQ(taken(first_), "info one\n");
  EXPECT_EQ(taken(second_), "");
  close(reader);
}

}  // namespace
}  // namespace adit::log_fallback_test
