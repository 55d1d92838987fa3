// SPDX-License-Identifier: Apache-2.0
// What the log says of calls, and by whom.
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "api/server.h"
#include "api_test_server.h"

namespace adit::api_audit_test {
namespace {

using nlohmann::json;

json read(ApiContext&, const json&, const Caller&) {
  return true;
}
json change(ApiContext&, const json&, const Caller&) {
  return true;
}
json refuse(ApiContext&, const json&, const Caller&) {
  throw ApiError(kConfigRefused, "not like that");
}

constexpr Method kTable[] = {
    {{"read", Effect::kReads, "", {}}, read},
    {{"change", Effect::kChanges, "", {}}, change},
    {{"refuse", Effect::kChanges, "", {}}, refuse},
};

std::string request(std::string_view method) {
  return json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}}.dump() + '\n';
}

class Audit : public testing::Test {
 protected:
  Audit() : former_(spdlog::default_logger()) {
    const auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(log_);
    auto logger = std::make_shared<spdlog::logger>("audit", sink);
    logger->set_pattern("level=%l %v");
    spdlog::set_default_logger(logger);
  }
  ~Audit() override { spdlog::set_default_logger(former_); }

  std::string log_of(const std::string& text, int answers) {
    {
      TestServer server(kTable);
      TestClient client(server.path());
      client.send(text);
      for (int i = 0; i < answers; ++i) EXPECT_TRUE(client.line().has_value());
    }
    return log_.str();
  }
  const std::string me = "uid:" + std::to_string(getuid()) + ",pid:" + std::to_string(getpid());

 private:
  std::ostringstream log_;
  std::shared_ptr<spdlog::logger> former_;
};

TEST_F(Audit, NamesWhoChangedWhat) {
  EXPECT_EQ(log_of(request("change"), 1),
            "level=info event=api_call result=done method=change who=" + me + '\n');
}

TEST_F(Audit, NamesWhoWasRefusedWhat) {
  EXPECT_EQ(log_of(request("refuse"), 1),
            "level=warning event=api_call result=refused method=refuse who=" + me +
                " code=-32000 error=\"not like that\"\n");
}

TEST_F(Audit, SaysNothingOfReaders) {
  EXPECT_EQ(log_of(request("read"), 1), "");
}

TEST_F(Audit, IsNotFlooded) {
  std::string noise;
  for (int i = 0; i < 200; ++i) noise += "noise\n";
  const std::string log = log_of(noise, 200);
  EXPECT_GE(std::count(log.begin(), log.end(), '\n'), 10);
  EXPECT_LE(std::count(log.begin(), log.end(), '\n'), 40);
}

TEST_F(Audit, LeavesOutNoRefusedChange) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += request("refuse");
  const std::string log = log_of(text, 50);
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 50);
}

}  // namespace
}  // namespace adit::api_audit_test
