// SPDX-License-Identifier: Apache-2.0
// The methods of aditd over a real control plane, and what else must agree with their table.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

#include "api/methods.h"
#include "api/rpc.h"
#include "config/parser.h"
#include "running/control_plane.h"
#include "running/reload.h"
#include "temp_dir.h"
#include "test_dataplane.h"
#include "worker/worker.h"

namespace adit::api_methods_test {
namespace {

using nlohmann::json;

constexpr char kYaml[] =
    "ports:\n"
    "  uplink: {device: \"tap:up0\", addresses: [192.0.2.1/24]}\n"
    "  red0: {bond: {members: [\"tap:red0\"]}}\n"
    "  blue0: {device: \"tap:blue0\", addresses: [10.1.0.254/24]}\n"
    "vrfs:\n"
    "  blue: {ports: [blue0], tunnels: {site: {address: 192.0.2.3}},\n"
    "         routes: [{to: 10.2.0.0/16, tunnel: site}],"
    " kernel_routes: {table: 77}}\n"
    "networks:\n"
    "  red: {vni: 100, members: [{port: red0}], remotes: [{address: 192.0.2.2}]}\n"
    "services:\n"
    "  web: {address: 192.0.2.80, port: 80, backends: [{address: 192.0.2.11}]}\n"
    "  dns: {address: 192.0.2.80, port: 53, backends: [{address: 192.0.2.12}]}\n";

std::string with_vni(const char* vni) {
  std::string text = kYaml;
  return text.replace(text.find("100"), 3, vni);
}

class Methods : public testing::Test {
 protected:
  Methods() { spdlog::set_level(spdlog::level::off); }
  ~Methods() override { spdlog::set_level(spdlog::level::info); }

  json call(std::string_view method, const json& params = json::object()) {
    const json request = {{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
    constexpr size_t kRoom = 16 << 20;
    RpcAnswer answer = answer_request(api_methods(), context_, {0, 1}, request.dump(), kRoom);
    while (answer.later && !finish_answer(answer, kRoom)) {
      dataplane_->step(monotonic_ns());
      reloader_.tick(monotonic_ns());
      let_others_run();
    }
    return json::parse(answer.text);
  }
  json result(std::string_view method, const json& params = json::object()) {
    json answer = call(method, params);
    EXPECT_TRUE(answer.contains("result")) << answer;
    return answer["result"];
  }
  std::string complaint(std::string_view method, const json& params) {
    const json answer = call(method, params);
    EXPECT_EQ(answer["error"]["code"], kInvalidParams) << answer;
    return answer["error"]["message"];
  }

  RevisionHistory history() {
    RevisionHistory kept(std::make_shared<RevisionStore>(directory_.file("revisions")), "");
    kept.add({.who = "start", .origin = "file", .file = file_}, kYaml);
    return kept;
  }

  TempDir directory_;
  TestDataplane dataplane_{1024, 3};
  ControlPlane control_{*dataplane_, parse_config(kYaml, "test"), {{}, {}, {}}, monotonic_ns()};
  const std::string file_ = directory_.write("adit.yaml", kYaml);
  Reloader reloader_{control_, file_, nullptr, history()};
  ApiContext context_{
      &control_,
      file_,
      monotonic_ns,
      &reloader_,
      0,
      [] {
        return std::vector<HostState>{
            {"blue", "blue-host", "", "", 1, 2, 3},
            {"underlay", "under-host", "fabric", "no such namespace", 0, 0, 0}};
      },
      [] {
        return std::vector<SteeringState>{{"up", "native", "", {1, 2, 3, 4, 5, 6, 7, 8, 9}},
                                          {"edge", "generic", "no such interface", {}}};
      },
      [] {
        using State = KernelSource::State;
        return std::vector<FdbSource>{
            {{"fabric", State::kFollowing, 6, 7, ""}, "red", "vx100", 2, 3, 1, 4, 5, "a100", 8},
            {{"", State::kWaiting, 1, 0, "not there"}, "blue", "vx200", 0, 0, 0, 0, 0, "", 0}};
      },
      [] {
        using State = KernelSource::State;
        return std::vector<NeighbourSource>{
            {{"", State::kFollowing, 6, 7, ""}, "", {"eth1"}, 1, 0, 0, 0},
            {{"fabric", State::kFailed, 1, 0, "no"}, "blue", {"br1", "br2"}, 5, 4, 3, 2}};
      }};
};

TEST_F(Methods, ReloadAppliesTheDaemonsFile) {
  EXPECT_EQ(result("reload"), json::parse(R"({"generation": 1, "revision": 1, "changes": []})"));
  directory_.write("adit.yaml", with_vni("101"));
  EXPECT_EQ(result("reload"), json::parse(R"({"generation": 2, "revision": 2,
                            "changes": ["networks.red.vni: 100 -> 101"]})"));
  EXPECT_EQ(result("version")["generation"], 2);
}

TEST_F(Methods, OthersHaveTheirAnswersWhileAReloadIsUnderWay) {
  std::string text = kYaml;
  for (int i = 0; i < 1000; ++i)
    text += "  s" + std::to_string(i) + ": {address: 10.1." + std::to_string(i / 250) + '.' +
            std::to_string(i % 250 + 1) + ", port: 80, backends: [{address: 192.0.2.9}]}\n";
  directory_.write("adit.yaml", text);
  constexpr size_t kRoom = 16 << 20;
  RpcAnswer reload = answer_request(api_methods(), context_, {0, 1},
                                    R"({"jsonrpc": "2.0", "id": 1, "method": "reload"})", kRoom);
  ASSERT_TRUE(reload.later);
  unsigned served = 0;
  while (!finish_answer(reload, kRoom)) {
    reloader_.tick(monotonic_ns());
    let_others_run();
    const RpcAnswer other =
        answer_request(api_methods(), context_, {0, 1},
                       R"({"jsonrpc": "2.0", "id": 2, "method": "version"})", kRoom);
    ASSERT_EQ(other.error_code, 0);
    ++served;
  }
  EXPECT_EQ(reload.error_code, 0) << reload.error_message;
  EXPECT_GT(served, 10u);
  EXPECT_EQ(result("show.services", {{"limit", 600}})["rows"].size(), 600u) << "in slices";
  const json rest = result("show.services", {{"offset", 600}});
  EXPECT_EQ(rest["rows"].size(), 402u);
  EXPECT_EQ(rest["rows"][0]["name"], "s598");
  EXPECT_EQ(rest["truncated"], false);
}

TEST_F(Methods, ReloadGivesThePlacesOfMistakes) {
  directory_.write("adit.yaml", with_vni("0"));
  const json error = call("reload")["error"];
  EXPECT_EQ(error["code"], kConfigRefused);
  EXPECT_EQ(error["message"], "configuration refused: 1 mistake");
  const json mistake = error["data"]["mistakes"][0];
  EXPECT_EQ(mistake["file"], context_.config_path);
  EXPECT_EQ(mistake["line"], 9);
  EXPECT_GT(mistake["column"], 1);
  EXPECT_EQ(control_.generation(), 1u);
}

// Values of every type and size for every parameter: the caller is told, and it is no failure of
// the daemon's.
TEST_F(Methods, NoBadInputIsAnInternalError) {
  const std::string deep(5000, '[');
  const std::vector<json> values = {nullptr,
                                    true,
                                    0,
                                    1,
                                    -1,
                                    20001,
                                    UINT64_MAX,
                                    INT64_MIN,
                                    0.5,
                                    1e308,
                                    "",
                                    "x",
                                    "10.0.0.1/33",
                                    "::/0",
                                    "02:00:00:00:00:01",
                                    "ff:ff:ff:ff:ff:ff",
                                    "underlay",
                                    "web",
                                    "ESTABLISHED",
                                    "%s%n",
                                    std::string(100'000, 'a'),
                                    std::string("\0", 1),
                                    deep,
                                    "*a",
                                    "&a [*a]",
                                    "!!binary x",
                                    "a: |99\n x",
                                    "---\n---",
                                    "%YAML 9.9\n---\na",
                                    "ports: {a: {device: 'tap:a'}}",
                                    "\t",
                                    "? ? ?",
                                    json::array(),
                                    json::array({1}),
                                    json::object(),
                                    {{"a", {{"b", 1}}}}};
  const auto look_at = [](const json& answer, const std::string& what) {
    if (answer.contains("error")) {
      EXPECT_NE(answer["error"]["code"], kInternalError) << what << ": " << answer;
    }
  };
  const auto text = [](const json& value) {
    return value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, 100);
  };
  for (const Method& method : api_methods()) {
    for (const json& value : values)
      look_at(call(method.name, value), std::string(method.name) + ' ' + text(value));
    for (const Parameter& parameter : method.parameters)
      for (const json& value : values) {
        look_at(call(method.name, {{parameter.name, value}}),
                std::string(method.name) + ' ' + std::string(parameter.name) + ' ' + text(value));
      }
  }
}

TEST_F(Methods, CheckChangesNothing) {
  const json check = result("check", {{"text", with_vni("101")}});
  EXPECT_EQ(check["changes"], json::array({"networks.red.vni: 100 -> 101"}));
  EXPECT_EQ(check["needs_restart"], json::array());
  EXPECT_EQ(check["refused"], json::array());
  EXPECT_EQ(control_.config().networks[0].vni, 100u);
  const json error = call("check", {{"text", with_vni("0")}, {"file_name", "mine.yaml"}})["error"];
  EXPECT_EQ(error["data"]["mistakes"][0]["file"], "mine.yaml");
  EXPECT_EQ(result("check")["changes"], json::array()) << "of its own file";
}

TEST_F(Methods, ShowAnswersInRows) {
  for (const Method& method : api_methods()) {
    if (!method.name.starts_with("show.")) continue;
    const json answer = result(method.name);
    EXPECT_TRUE(answer["rows"].is_array()) << method.name;
    EXPECT_EQ(answer["truncated"], false) << method.name;
  }
}

TEST_F(Methods, ShowSteeringHasWhatEachPortsProgramDecided) {
  const json rows = result("show.steering")["rows"];
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["state"], "ok");
  EXPECT_EQ(rows[0]["network"], 1);
  EXPECT_EQ(rows[0]["kernel"], 7);
  EXPECT_EQ(rows[0]["no_socket"], 8);
  EXPECT_EQ(rows[0]["announced"], 9);
  EXPECT_EQ(rows[1]["state"], "failed");
  EXPECT_EQ(rows[1]["error"], "no such interface");
  EXPECT_EQ(rows[1]["network"], 0);
}

TEST_F(Methods, ShowFdbSourcesHasHowItStandsWithEachNetwork) {
  const json rows = result("show.fdb-sources")["rows"];
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0], json::parse(R"({"network": "red", "origin": "netlink", "interface": "vx100",
    "namespace": "fabric", "state": "following", "remotes": 2, "macs": 3, "unused": 1, "refused": 4,
    "left_out": 5, "announce": "a100", "announced": 8, "rounds": 6, "overruns": 7, "error": null})"));
  EXPECT_EQ(rows[1]["state"], "waiting");
  EXPECT_EQ(rows[1]["namespace"], nullptr);
  EXPECT_EQ(rows[1]["error"], "not there");
}

TEST_F(Methods, ShowNeighbourSourcesHasHowItStandsWithEachVrf) {
  const json rows = result("show.neighbour-sources")["rows"];
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["vrf"], "underlay");
  EXPECT_EQ(rows[0]["namespace"], nullptr);
  EXPECT_EQ(rows[1], json::parse(R"({"vrf": "blue", "origin": "netlink", "interfaces": "br1,br2",
    "namespace": "fabric", "state": "failed", "neighbours": 5, "lasting": 4, "unused": 3,
    "refused": 2, "rounds": 1, "overruns": 0, "error": "no"})"));
}

TEST_F(Methods, ShowBondsHasMembersThatAreNotOpenToo) {
  const json rows = result("show.bonds")["rows"];
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["port"], "red0");
  EXPECT_EQ(rows[0]["member"], "tap:red0");
  EXPECT_EQ(rows[0]["mode"], "active-backup");
  EXPECT_EQ(rows[0]["link"], "gone");
  EXPECT_EQ(rows[0]["active"], false);
  EXPECT_EQ(rows[0]["partner"], nullptr);
}

// And no other: what rows have stands in the catalogue.
TEST_F(Methods, RowsHaveEveryColumnOfTheirEntry) {
  const NetworkId red = control_.ids().networks.at("red");
  for (const auto& [name, info] : control_.ids().bridge_ports)
    dataplane_->fdb().set(fdb_key(red, MacAddr::from_u64(info.id)), info.id, false, 1);
  Connection connection;
  connection.forwarding = Forwarding::kDirect;
  connection.expires_s = UINT32_MAX;
  Worker& worker = dataplane_->worker(0);
  worker.snapshot = worker.current->load();  // as a pass begins
  ASSERT_NE(worker.connections->insert(worker, connection).id, 0u);
  const auto check = [this](std::string_view method, const json& params, Columns columns) {
    json all = json::object();  // the union: an access entry has no remote
    const json answer = result(method, params);
    for (const json& row : answer["rows"]) all.update(row);
    for (const Column& column : columns)
      EXPECT_TRUE(all.contains(column.key)) << method << ' ' << column.key;
    for (const auto& [key, value] : all.items())
      EXPECT_TRUE(std::ranges::count(columns, key, &Column::key)) << method << ' ' << key;
  };
  for (const MethodInfo& method : catalogue()) {
    if (method.columns.empty()) continue;
    check(method.name, method.name == "show.drops" ? json{{"all", true}} : json::object(),
          method.columns);
    if (!method.counted.empty()) check(method.name, {{"count", true}}, method.counted);
  }
}

TEST_F(Methods, RefuseWrongFilters) {
  EXPECT_EQ(complaint("show.fdb", {{"network", "rde"}}),
            "there is no network 'rde'; did you mean 'red'?");
  EXPECT_NE(complaint("show.fdb", {{"mac", "02:00"}}).find("'mac': expected"), std::string::npos);
  EXPECT_NE(complaint("show.fdb", {{"limit", 0}}).find("'limit': expected 1..20000"),
            std::string::npos);
  EXPECT_NE(complaint("show.fdb", {{"limit", 20001}}).find("'limit'"), std::string::npos);
}

TEST_F(Methods, BackendsAreThoseOfTheServiceThatIsAskedFor) {
  EXPECT_EQ(result("show.backends")["rows"].size(), 2u);
  const json rows = result("show.backends", {{"service", "dns"}})["rows"];
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["address"], "192.0.2.12");
  EXPECT_EQ(complaint("show.backends", {{"service", "wbe"}}),
            "there is no service 'wbe'; did you mean 'web'?");
}

TEST_F(Methods, FdbSaysWhereToGoOn) {
  const NetworkId red = control_.ids().networks.at("red");
  const BridgePortId port = control_.ids().bridge_ports.begin()->second.id;
  for (unsigned i = 1; i <= 3; ++i)
    dataplane_->fdb().set(fdb_key(red, MacAddr::from_u64(i)), port, false, 1);
  const json first = result("show.fdb", {{"limit", 2}});
  EXPECT_EQ(first["rows"].size(), 2u);
  EXPECT_EQ(first["truncated"], true);
  const json second = result("show.fdb", {{"limit", 2}, {"offset", first["next_offset"]}});
  EXPECT_EQ(second["rows"].size(), 1u);
  EXPECT_EQ(second["truncated"], false);
}

TEST_F(Methods, HelpDescribesAllOfThem) {
  const json rows = result("help")["rows"];
  ASSERT_EQ(rows.size(), api_methods().size());
  EXPECT_EQ(rows[0]["name"], "check");
  EXPECT_EQ(rows[1]["changes"], true);
  EXPECT_EQ(rows[0]["parameters"][0]["type"], "string");
}

TEST_F(Methods, BoundsAreThoseOfTheCatalogue) {
  for (const MethodInfo& method : catalogue())
    for (const Parameter& parameter : method.parameters) {
      if (!parameter.is_bounded()) continue;
      for (const uint64_t value : {parameter.min - 1, parameter.max + 1})
        EXPECT_EQ(complaint(method.name, {{parameter.name, value}}),
                  std::string(method.name) + ": parameter '" + std::string(parameter.name) +
                      "': expected " + std::to_string(parameter.min) + ".." +
                      std::to_string(parameter.max) + ", found " + std::to_string(value));
      // There has to be such a one, or one before.
      if (parameter.name == "revision" || method.name == "rollback") continue;
      for (const uint64_t value : {parameter.min, parameter.max})
        EXPECT_TRUE(call(method.name, {{parameter.name, value}}).contains("result"));
    }
}

json now(ApiContext&, const json&, const Caller&) {
  return 1;
}
LaterAnswer later(ApiContext&, const json&, const Caller&) {
  return {};
}

TEST(MethodTable, IsTheWholeCatalogue) {
  EXPECT_EQ(api_methods().size(), catalogue().size());
}

TEST(MethodTable, SaysWhatIsMissingOnEitherSide) {
  constexpr MethodInfo kTwo[] = {
      {.name = "a", .effect = Effect::kReads, .help = ""},
      {.name = "b", .effect = Effect::kReads, .help = "", .answer = Answer::kLater}};
  const auto complaint = [&](std::vector<Binding> bindings) -> std::string {
    try {
      EXPECT_EQ(bind_methods(kTwo, bindings).size(), 2u);
    } catch (const std::logic_error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(complaint({{"b", nullptr, later}, {"a", now}}), "");
  EXPECT_EQ(complaint({{"b", nullptr, later}}), "API methods: a has no handler");
  EXPECT_EQ(complaint({{"a", now}, {"b", now}}), "API methods: b has a handler of the other kind");
  EXPECT_EQ(complaint({{"a", now}, {"b", nullptr, later}, {"c", now}}),
            "API methods: c is not in the catalogue");
  EXPECT_EQ(complaint({{"c", now}}),
            "API methods: a has no handler; b has no handler; c is not in the catalogue");
}

}  // namespace
}  // namespace adit::api_methods_test
