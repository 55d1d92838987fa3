// SPDX-License-Identifier: Apache-2.0
// aditctl as a whole, against servers with methods made for the test.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "api_test_server.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/run.h"

namespace adit::cli {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr uint64_t kNetworks = 5000;

// A long table, in pages as large as asked for.
json networks(ApiContext&, const json& params, const Caller&) {
  json rows = json::array();
  const uint64_t begin = params.value("offset", uint64_t{0});
  const uint64_t end = std::min(kNetworks, begin + params.value("limit", uint64_t{100}));
  for (uint64_t i = begin; i < end; ++i)
    rows.push_back({{"name", "net" + std::to_string(i)}, {"vni", i + 1}});
  json page = {{"rows", rows}, {"truncated", end < kNetworks}};
  if (end < kNetworks) page["next_offset"] = end;
  return page;
}
json echo_rows(ApiContext&, const json& params, const Caller&) {
  return {{"rows", {{{"network", params.dump()}}}}, {"truncated", false}};
}
// So many of 12345 as asked for, and what was asked.
json connections(ApiContext&, const json& params, const Caller&) {
  json rows = json::array();
  while (rows.size() < params.value("limit", 2u))
    rows.push_back({{"client", "198.51.100.1"},
                    {"client_port", 1000 + rows.size()},
                    {"service", params.dump()},
                    {"connections", 7}});
  return {{"rows", rows}, {"truncated", true}, {"total", 12345}};
}
bool reload_refuses = false;
json reload(ApiContext&, const json&, const Caller&) {
  if (!reload_refuses)
    return {{"generation", 4},
            {"revision", 12},
            {"changes", {"networks.red: remote 192.0.2.9 added"}},
            {"confirm_s", 60}};
  json mistake = {{"file", "a.yaml"}, {"line", 3}, {"column", 5}, {"message", "no such port"}};
  throw ApiError(kConfigRefused, "configuration refused", {{"mistakes", {mistake}}});
}
json check_answer;
json check(ApiContext&, const json&, const Caller&) {
  return check_answer;
}
json fail(ApiContext&, const json&, const Caller&) {
  throw std::runtime_error("out of luck");
}

constexpr Parameter kParameters[] = {
    {"network", ParameterType::kString, Presence::kOptional, ""},
    {"mac", ParameterType::kString, Presence::kOptional, ""},
    {"limit", ParameterType::kUnsigned, Presence::kOptional, ""},
    {"offset", ParameterType::kUnsigned, Presence::kOptional, ""},
};
constexpr Parameter kConnectionsParameters[] = {
    {"service", ParameterType::kString, Presence::kOptional, ""},
    {"count", ParameterType::kBoolean, Presence::kOptional, ""},
    {"limit", ParameterType::kUnsigned, Presence::kOptional, ""},
};
constexpr Parameter kCheckParameters[] = {
    {"text", ParameterType::kString, Presence::kOptional, ""},
    {"file_name", ParameterType::kString, Presence::kOptional, ""},
};
constexpr Method kTable[] = {
    {{"check", Effect::kReads, "", kCheckParameters}, check},
    {{"show.connections", Effect::kReads, "", kConnectionsParameters}, connections},
    {{"show.networks", Effect::kReads, "", kParameters}, networks},
    {{"show.fdb", Effect::kReads, "", kParameters}, echo_rows},
    {{"reload", Effect::kChanges, "", {}}, reload},
    {{"show.ports", Effect::kReads, "", {}}, fail},
};

struct Outcome {
  int code;
  std::string out, err;
};

Outcome run(std::vector<std::string> arguments) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_aditctl(arguments);
  std::string out = testing::internal::GetCapturedStdout();
  return {code, std::move(out), testing::internal::GetCapturedStderr()};
}

class Aditctl : public testing::Test {
 protected:
  // The server runs in our process, and its log would be aditctl's stderr.
  Aditctl() { spdlog::set_level(spdlog::level::off); }
  ~Aditctl() override { spdlog::set_level(spdlog::level::info); }

  Outcome ask(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--socket", server_.path()});
    return run(std::move(arguments));
  }
  TestServer server_{kTable};
};

TEST_F(Aditctl, PrintsAllPagesOfATable) {
  const Outcome table = ask({"show", "networks"});
  EXPECT_EQ(table.code, kDone);
  EXPECT_EQ(std::count(table.out.begin(), table.out.end(), '\n'), int{kNetworks} + 1);
  EXPECT_NE(table.out.find("\nnet4999 "), std::string::npos);
  EXPECT_EQ(table.err, "");
}

TEST_F(Aditctl, PrintsJsonAsOneArray) {
  const json rows = json::parse(ask({"-j", "show", "networks"}).out);
  ASSERT_EQ(rows.size(), kNetworks);
  EXPECT_EQ(rows[4999]["vni"], 5000);
}

TEST_F(Aditctl, StopsAtTheLimitAndSaysSo) {
  const Outcome some = ask({"-j", "show", "networks", "--limit", "3"});
  EXPECT_EQ(json::parse(some.out).size(), 3u);
  EXPECT_NE(some.err.find("--limit"), std::string::npos);
  EXPECT_EQ(ask({"show", "networks", "--limit", "0"}).code, kUsage);
  EXPECT_EQ(ask({"show", "networks", "--limit", "-1"}).code, kUsage);
}

TEST_F(Aditctl, ShowsConnectionsInOneAnswer) {
  const Outcome some = ask({"show", "connections", "--service", "web"});
  EXPECT_NE(some.out.find(" 198.51.100.1:1001 "), std::string::npos) << some.out;
  EXPECT_NE(some.out.find(R"({"service":"web"})"), std::string::npos) << some.out;
  EXPECT_TRUE(some.err.starts_with("2 of 12345; --limit shows up to 10000, --count")) << some.err;
  const json rows = json::parse(ask({"-j", "show", "connections", "--limit", "3000"}).out);
  ASSERT_EQ(rows.size(), 3000u);
  EXPECT_EQ(rows[0]["service"], R"({"limit":3000})");
  const Outcome counts = ask({"show", "connections", "--count"});
  EXPECT_TRUE(counts.out.starts_with("SERVICE")) << counts.out;
  EXPECT_NE(counts.out.find(R"({"count":true})"), std::string::npos) << counts.out;
  EXPECT_EQ(ask({"show", "connections", "--servcie", "web"}).code, kUsage);
}

TEST_F(Aditctl, HandsFiltersToTheDaemon) {
  const json rows = json::parse(ask({"-j", "show", "fdb", "--network", "red"}).out);
  EXPECT_EQ(json::parse(rows[0]["network"].get<std::string>())["network"], "red");
}

TEST_F(Aditctl, CallsAnyMethod) {
  const Outcome done = ask({"api", "show.fdb", R"({"network": "red"})"});
  EXPECT_EQ(done.code, kDone);
  EXPECT_EQ(json::parse(done.out)["rows"].size(), 1u);
  EXPECT_EQ(ask({"api", "show.fdb"}).code, kDone);
  EXPECT_EQ(ask({"api"}).code, kUsage);
  EXPECT_EQ(ask({"api", "show.fdb", "{"}).code, kUsage);
  EXPECT_EQ(ask({"api", "show.fdb", "[]"}).code, kUsage);
  EXPECT_EQ(ask({"api", "show.nothing"}).code, kFailed);
}

TEST_F(Aditctl, TellsWhatAReloadChanged) {
  reload_refuses = false;
  const Outcome done = ask({"reload"});
  EXPECT_EQ(done.code, kDone);
  EXPECT_EQ(done.out,
            "networks.red: remote 192.0.2.9 added\ngeneration 4, revision 12\n"
            "reverts in 60 s, unless: aditctl confirm\n");
  EXPECT_EQ(json::parse(ask({"-j", "reload"}).out)["generation"], 4);
}

TEST_F(Aditctl, TellsWhyAReloadWasRefused) {
  reload_refuses = true;
  const Outcome refused = ask({"reload"});
  EXPECT_EQ(refused.code, kConfigurationRefused);
  EXPECT_EQ(refused.err, "a.yaml:3:5: no such port\n");
  EXPECT_EQ(refused.out, "");
  const Outcome as_json = ask({"-j", "reload"});
  EXPECT_EQ(json::parse(as_json.out)["error"]["data"]["mistakes"][0]["line"], 3);
}

TEST_F(Aditctl, ReportsOtherFailures) {
  const Outcome failed = ask({"show", "ports"});
  EXPECT_EQ(failed.code, kFailed);
  EXPECT_NE(failed.err.find("out of luck"), std::string::npos);
  EXPECT_EQ(ask({"version"}).code, kFailed) << "this server has no such method";
}

TEST_F(Aditctl, RefusesWrongUsage) {
  EXPECT_EQ(ask({"relaod"}).code, kUsage);
  EXPECT_NE(ask({"relaod"}).err.find("did you mean 'reload'?"), std::string::npos);
}

TEST(AditctlAlone, SaysHowToReachADaemon) {
  const TempDir directory;
  const Outcome nobody = run({"--socket", directory.file("none.sock"), "show", "ports"});
  EXPECT_EQ(nobody.code, kUnreachable);
  EXPECT_NE(nobody.err.find(directory.file("none.sock")), std::string::npos);
  EXPECT_NE(nobody.err.find("start the daemon"), std::string::npos);
}

// Only root can become somebody else to be turned away.
TEST(AditctlAlone, SaysWhoMayUseTheSocket) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  constexpr uid_t kNobody = 65534;
  spdlog::set_level(spdlog::level::off);
  TestServer server(kTable);
  ASSERT_EQ(chmod(std::filesystem::path(server.path()).parent_path().c_str(), 0755), 0);
  // seteuid() leaves us in root's group, which must not let us in either.
  ASSERT_EQ(chmod(server.path().c_str(), 0600), 0);
  ASSERT_EQ(chown(server.path().c_str(), 0, 0), 0);
  ASSERT_EQ(seteuid(kNobody), 0);
  const Outcome no_group = run({"--socket", server.path(), "reload"});
  ASSERT_EQ(seteuid(0), 0);
  ASSERT_EQ(chown(server.path().c_str(), 0, 1), 0);
  ASSERT_EQ(seteuid(kNobody), 0);
  const Outcome group = run({"--socket", server.path(), "reload"});
  ASSERT_EQ(seteuid(0), 0);
  spdlog::set_level(spdlog::level::info);
  EXPECT_EQ(no_group.code, kUnreachable);
  EXPECT_NE(no_group.err.find("groupadd -r adit"), std::string::npos) << no_group.err;
  EXPECT_EQ(group.code, kUnreachable);
  EXPECT_NE(group.err.find("group daemon may use it (`usermod -aG daemon USER`"), std::string::npos)
      << group.err;
}

TEST(AditctlAlone, ChecksAFileWithoutADaemon) {
  const TempDir directory;
  const std::string good =
      directory.write("good.yaml",
                      "ports:\n"
                      "  uplink: {device: \"tap:up0\", addresses: [192.0.2.1/24]}\n"
                      "  red0: {device: \"tap:red0\"}\n"
                      "networks:\n"
                      "  red:\n"
                      "    vni: 100\n"
                      "    members: [{port: red0}]\n"
                      "    remotes: [{address: 192.0.2.2}]\n");
  const Outcome fine = run({"check", good});
  EXPECT_EQ(fine.code, kDone) << fine.err;
  EXPECT_EQ(fine.out, "ok: 2 ports, 1 network, 1 remote, 1 member\n");
  EXPECT_EQ(json::parse(run({"-j", "check", good}).out)["remotes"], 1);

  const std::string printed = run({"check", "--print", good}).out;
  EXPECT_NE(printed.find("    addresses: [192.0.2.1/24]\n"), std::string::npos) << printed;
  EXPECT_EQ(run({"check", "--print", directory.write("again.yaml", printed)}).out, printed);

  const std::string bad =
      directory.write("bad.yaml", "ports:\n  a: {device: \"tap:a\", mtu: 1}\nx: 1\n");
  const Outcome wrong = run({"check", bad});
  EXPECT_EQ(wrong.code, kConfigurationRefused);
  EXPECT_NE(wrong.err.find(bad + ":2:"), std::string::npos) << wrong.err;
  EXPECT_NE(wrong.err.find(bad + ":3:1: "), std::string::npos) << wrong.err;
  EXPECT_EQ(json::parse(run({"-j", "check", bad}).out)["ok"], false);
  EXPECT_EQ(run({"check", directory.file("none.yaml")}).code, kConfigurationRefused);
}

TEST_F(Aditctl, ChecksAFileAgainstTheDaemonToo) {
  const TempDir directory;
  const std::string file = directory.write("a.yaml", "ports: {up: {device: \"tap:up0\"}}\n");
  const std::string ok = "ok: 1 port\nagainst the daemon at " + server_.path() + ": ";

  check_answer = {{"changes", json::array()}, {"needs_restart", json::array()}};
  EXPECT_EQ(ask({"check", file}).out, ok + "0 changes\n");
  check_answer["changes"] = {"ports.up: mtu_bytes 1500 -> 1400"};
  EXPECT_EQ(ask({"check", file}).out,
            ok + "1 change, by a reload\n  ports.up: mtu_bytes 1500 -> 1400\n");

  // The file is good; a restart takes it.
  check_answer["needs_restart"] = check_answer["changes"];
  const Outcome restart = ask({"check", file});
  EXPECT_EQ(restart.code, kDone);
  EXPECT_EQ(restart.out, ok + "1 change, 1 of them by a restart alone; a reload would be refused\n"
                              "  needs a restart: ports.up: mtu_bytes 1500 -> 1400\n");

  check_answer = {{"changes", {"ports.up: added"}},
                  {"needs_restart", json::array()},
                  {"refused", {"port up: there is no such interface"}}};
  const Outcome refused = ask({"check", file});
  EXPECT_EQ(refused.code, kConfigurationRefused);
  EXPECT_EQ(refused.out, ok + "1 change; a reload would be refused\n"
                              "  cannot be done: port up: there is no such interface\n"
                              "  ports.up: added\n");
  const Outcome listed = ask({"-j", "check", file});
  EXPECT_EQ(listed.code, kConfigurationRefused);
  EXPECT_EQ(json::parse(listed.out)["ok"], false);
  EXPECT_EQ(json::parse(listed.out)["daemon"]["refused"], check_answer["refused"]);
}

TEST(AditctlAlone, TakesTheFileToCheckFromTheEnvironment) {
  const TempDir directory;
  setenv("ADIT_CONFIG", directory.file("there.yaml").c_str(), 1);
  EXPECT_NE(run({"check"}).err.find("there.yaml"), std::string::npos);
  unsetenv("ADIT_CONFIG");
}

TEST(AditctlAlone, PrintsHelpAndVersion) {
  EXPECT_EQ(run({"--version"}).out, "aditctl " ADIT_VERSION "\n");
  EXPECT_NE(run({"--help"}).out.find("usage: aditctl"), std::string::npos);
  EXPECT_NE(run({"show", "fdb", "--help"}).out.find("--mac MAC"), std::string::npos);
  EXPECT_NE(run({"help", "show"}).out.find("show ports"), std::string::npos);
  EXPECT_EQ(run({"help", "nothing"}).code, kUsage);
  EXPECT_EQ(run({"completion", "fish"}).code, kUsage);
}

TEST(Client, GivesUpOnADaemonThatDoesNotAnswer) {
  const TempDir directory;
  const std::string path = directory.file("mute.sock");
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  Client client(path, 100ms);
  EXPECT_THROW(client.call("version", json::object()), Unreachable);
  close(fd);
}

TEST(Client, WaitsForAPlace) {
  ServerLimits limits;
  limits.max_clients = 1;
  limits.evict_after = 1h;
  TestServer server(kTable, limits);
  auto first = std::make_unique<TestClient>(server.path());
  while (server.client_count() == 0) std::this_thread::sleep_for(1ms);
  std::thread leaver([&] {
    std::this_thread::sleep_for(300ms);
    first.reset();
  });
  Client client(server.path());
  EXPECT_EQ(client.call("show.networks", {{"limit", 1}})["rows"].size(), 1u);
  leaver.join();
}

}  // namespace
}  // namespace adit::cli
