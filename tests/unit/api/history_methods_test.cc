// SPDX-License-Identifier: Apache-2.0
// Changes that can be taken back: history, rollback, and reloads that wait for confirmation.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "api/methods.h"
#include "api/rpc.h"
#include "base/time_units.h"
#include "config/parser.h"
#include "running/control_plane.h"
#include "running/reload.h"
#include "temp_dir.h"
#include "test_dataplane.h"

namespace adit::history_methods_test {
namespace {

using nlohmann::json;

std::string with_vni(int vni) {
  return "# what I want\n"
         "ports:\n"
         "  uplink: {device: \"tap:up0\", addresses: [192.0.2.1/24]}\n"
         "  red0: {device: \"tap:red0\"}\n"
         "networks:\n"
         "  red: {vni: " +
         std::to_string(vni) + ", members: [{port: red0}]}\n";
}

uint64_t now_ns_ = 1'000 * kNsPerSecond;  // of the methods and of the reloader
uint64_t now_ns() {
  return now_ns_;
}

class History : public testing::Test {
 protected:
  History() { spdlog::set_level(spdlog::level::off); }
  ~History() override { spdlog::set_level(spdlog::level::info); }

  RevisionHistory history() {
    RevisionHistory kept(std::make_shared<RevisionStore>(directory_.file("revisions")), "");
    kept.add({.who = "start", .origin = "file", .file = file_}, with_vni(100));
    return kept;
  }
  void turn() {
    dataplane_->step(monotonic_ns());
    reloader_.tick(now_ns_);
    let_others_run();
  }
  json call(std::string_view method, const json& params = json::object()) {
    const json request = {{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
    constexpr size_t kRoom = 16 << 20;
    RpcAnswer answer = answer_request(api_methods(), context_, {0, 1}, request.dump(), kRoom);
    while (answer.later && !finish_answer(answer, kRoom)) turn();
    return json::parse(answer.text);
  }
  json result(std::string_view method, const json& params = json::object()) {
    json answer = call(method, params);
    EXPECT_TRUE(answer.contains("result")) << answer;
    return answer["result"];
  }
  std::string complaint(ApiErrorCode code, std::string_view method,
                        const json& params = json::object()) {
    const json answer = call(method, params);
    EXPECT_EQ(answer["error"]["code"], code) << answer;
    return answer["error"]["message"];
  }
  json edit_and_reload(int vni, const json& params = json::object()) {
    directory_.write("adit.yaml", with_vni(vni));
    return result("reload", params);
  }
  // "1 good file, 2 left file"; the running one with *.
  std::string told() {
    std::string text;
    const json answer = result("history");
    for (const json& row : answer["rows"])
      text += (text.empty() ? "" : ", ") + std::to_string(row["revision"].get<int>()) +
              (row["running"] ? "* " : " ") + row["standing"].get<std::string>() + ' ' +
              row["origin"].get<std::string>();
    return text;
  }
  uint32_t vni() { return control_.config().networks[0].vni; }
  void pass(uint64_t seconds) {
    now_ns_ += seconds * kNsPerSecond;
    for (int i = 0; i < 3; ++i) {
      do turn();
      while (!reloader_.idle());
    }
  }

  TempDir directory_;
  TestDataplane dataplane_;
  ControlPlane control_{*dataplane_, parse_config(with_vni(100), "test"), {{}, {}}, now_ns_};
  const std::string file_ = directory_.write("adit.yaml", with_vni(100));
  Reloader reloader_{control_, file_, nullptr, history()};
  ApiContext context_{&control_, file_, now_ns, &reloader_, 0};
};

TEST_F(History, TellsWhoAppliedWhat) {
  EXPECT_EQ(edit_and_reload(100)["revision"], 1) << "nothing changed";
  EXPECT_EQ(edit_and_reload(101)["revision"], 2);
  EXPECT_EQ(told(), "1 good file, 2* good file");
  const json answer = result("history");
  const json& row = answer["rows"][1];
  EXPECT_EQ(row["who"], "uid:0,pid:1");
  EXPECT_EQ(row["change_count"], 1);
  EXPECT_EQ(row["changes"], json::parse(R"(["networks.red.vni: 100 -> 101"])"));
  EXPECT_EQ(result("revision", {{"revision", 2}})["text"], with_vni(101)) << "comments and all";
  EXPECT_EQ(result("show.status")["rows"][0]["revision"], 2);
}

TEST_F(History, RollsBack) {
  edit_and_reload(101);
  edit_and_reload(102);
  const json back = result("rollback");
  EXPECT_EQ(back["revision"], 4);
  EXPECT_EQ(back["changes"], json::parse(R"(["networks.red.vni: 102 -> 101"])"));
  EXPECT_EQ(vni(), 101u);
  EXPECT_EQ(told(), "1 good file, 2 good file, 3 left file, 4* good rollback to 2");
  EXPECT_EQ(result("rollback", {{"revision", 1}})["revision"], 5);
  EXPECT_EQ(vni(), 100u);
  EXPECT_EQ(result("check", {{"revision", 3}})["changes"],
            json::parse(R"(["networks.red.vni: 100 -> 102"])"));
  EXPECT_EQ(choose_start(*reloader_.history().store(), file_, with_vni(102), true).revision, 5u)
      << "a start takes the file no more";
  EXPECT_EQ(result("reload")["revision"], 6) << "a reload does";
  EXPECT_EQ(vni(), 102u);
}

TEST_F(History, WhatThereIsNotIsAnError) {
  EXPECT_EQ(complaint(kInvalidParams, "rollback"), "there is no revision before that which runs");
  EXPECT_EQ(complaint(kInvalidParams, "rollback", {{"revision", 9}}),
            "there is no revision 9; `aditctl history` lists them");
  EXPECT_EQ(complaint(kInvalidParams, "revision", {{"revision", 9}}),
            "there is no revision 9; `aditctl history` lists them");
  EXPECT_EQ(complaint(kInvalidParams, "confirm"), "nothing waits for confirmation");
  EXPECT_EQ(complaint(kInvalidParams, "reload", {{"confirm", 0}}).empty(), false);
  EXPECT_EQ(complaint(kInvalidParams, "reload", {{"confirm", 86'401}}).empty(), false);
}

TEST_F(History, ATextThatSomebodyRemovedIsNoFaultOfTheDaemon) {
  edit_and_reload(101);
  pass(0);  // it is written
  std::filesystem::remove(directory_.file("revisions/1.yaml"));
  for (const char* method : {"rollback", "revision", "check"})
    EXPECT_NE(call(method, {{"revision", 1}})["error"]["data"].dump().find("cannot be read"),
              std::string::npos)
        << method;
  EXPECT_EQ(vni(), 101u);
  edit_and_reload(102, {{"confirm", 5}});
  std::filesystem::remove(directory_.file("revisions/2.yaml"));
  pass(5);
  EXPECT_EQ(vni(), 101u) << "what waits for confirmation comes back without it";
}

TEST_F(History, RevertsWhatIsNotConfirmed) {
  const json begun = edit_and_reload(101, {{"confirm", 30}});
  EXPECT_EQ(begun["confirm_s"], 30);
  EXPECT_EQ(vni(), 101u);
  EXPECT_EQ(told(), "1 good file, 2* unconfirmed file");
  pass(29);
  EXPECT_EQ(result("show.status")["rows"][0]["reverts_in_s"], 1);
  EXPECT_EQ(vni(), 101u);
  pass(1);
  EXPECT_EQ(vni(), 100u);
  EXPECT_EQ(told(), "1 good file, 2 left file, 3* good revert to 1");
  EXPECT_EQ(result("show.status")["rows"][0]["reverts_in_s"], nullptr);
  EXPECT_EQ(result("revision", {{"revision", 3}})["text"], with_vni(100));
  complaint(kInvalidParams, "confirm");
}

TEST_F(History, KeepsWhatIsConfirmed) {
  edit_and_reload(101, {{"confirm", 30}});
  EXPECT_EQ(result("confirm")["revision"], 2);
  pass(100);
  EXPECT_EQ(vni(), 101u);
  EXPECT_EQ(told(), "1 good file, 2* good file");
}

TEST_F(History, AChangeThatWaitsLetsNoOtherOneIn) {
  edit_and_reload(101, {{"confirm", 30}});
  directory_.write("adit.yaml", with_vni(102));
  EXPECT_NE(complaint(kUnconfirmed, "reload").find("confirm"), std::string::npos);
  EXPECT_EQ(vni(), 101u);
  pass(20);
  EXPECT_EQ(result("reload", {{"confirm", 30}})["confirm_s"], 30) << "the time begins anew";
  EXPECT_EQ(told(), "1 good file, 2 left file, 3* unconfirmed file");
  pass(20);
  EXPECT_EQ(vni(), 102u);
  pass(10);
  EXPECT_EQ(vni(), 100u) << "what was there before both";
  EXPECT_EQ(told(), "1 good file, 2 left file, 3 left file, 4* good revert to 1");
}

TEST_F(History, ARollbackNeedsNoConfirmationAndEndsThatOfOthers) {
  edit_and_reload(101);
  edit_and_reload(102, {{"confirm", 30}});
  EXPECT_EQ(result("rollback")["changes"], json::parse(R"(["networks.red.vni: 102 -> 101"])"));
  pass(100);
  EXPECT_EQ(vni(), 101u);
  EXPECT_EQ(result("rollback", {{"revision", 1}, {"confirm", 5}})["confirm_s"], 5);
  EXPECT_EQ(vni(), 100u);
  pass(5);
  EXPECT_EQ(vni(), 101u);
}

TEST_F(History, ARefusedReloadLeavesTheTimeAsItIs) {
  edit_and_reload(101, {{"confirm", 30}});
  directory_.write("adit.yaml", "ports: 7");
  complaint(kConfigRefused, "reload", {{"confirm", 1000}});
  pass(30);
  EXPECT_EQ(vni(), 100u);
}

}  // namespace
}  // namespace adit::history_methods_test
