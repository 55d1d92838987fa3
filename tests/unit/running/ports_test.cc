// SPDX-License-Identifier: Apache-2.0
// Ports that come, go and change by reload, with ready-made devices.
#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "config/parser.h"
#include "config/port_ids.h"
#include "config/yaml/error.h"
#include "running/reload.h"
#include "temp_dir.h"
#include "test_dataplane.h"
#include "worker/worker.h"

namespace adit {
namespace {

using Ids = std::map<std::string, PortId>;

Config config_of(const std::string& ports) {
  return parse_config("ports: {" + ports + "}\n", "t");
}
Ids ids_of(const Config& config) {
  Ids ids;
  for (const PortConfig& port : config.ports) ids[port.name] = port.id;
  return ids;
}

TEST(PortIds, StayWithTheNameAndFreeOnesComeLater) {
  const Config first = config_of("a: {device: \"tap:a\"}, b: {device: \"tap:b\"}");
  EXPECT_EQ(ids_of(first), (Ids{{"a", 0}, {"b", 1}}));
  Config second = config_of("c: {device: \"tap:c\"}, b: {device: \"tap:b\"}");
  take_port_ids(second, first);
  // The former one of `a` may still be in use while this configuration begins.
  EXPECT_EQ(ids_of(second), (Ids{{"c", 2}, {"b", 1}}));
  Config third = config_of(
      "b: {device: \"tap:b\"}, d: {device: \"tap:d\"}, c: {device: \"tap:c\"}, e: {device: "
      "\"tap:e\"}");
  take_port_ids(third, second);
  EXPECT_EQ(ids_of(third), (Ids{{"b", 1}, {"d", 0}, {"c", 2}, {"e", 3}}));
  EXPECT_EQ(find_port(third, PortId{2})->name, "c");
  EXPECT_EQ(find_port(third, PortId{4}), nullptr);
  EXPECT_EQ(end_of_port_ids(third), 4);
}

TEST(PortIds, AreNoDifference) {
  Config config = config_of("a: {device: \"tap:a\"}, b: {device: \"tap:b\"}");
  Config other = config;
  other.ports[1].id = {7};
  EXPECT_EQ(config, other);
}

TEST(PortIds, MayRunOut) {
  Config former, next;
  for (unsigned i = 0; i < kMaxPorts; ++i) {
    PortConfig& port = former.ports.emplace_back();
    port.name = "a" + std::to_string(i);
    port.id = {static_cast<PortId>(i)};
  }
  next.ports.emplace_back().name = "b";
  EXPECT_THROW(take_port_ids(next, former), std::length_error);
}

// A device in memory: one frame at a time comes in, and what goes out is counted.
struct Wire {
  rte_mbuf* next = nullptr;
  unsigned sent = 0;

  static uint16_t receive(void* context, rte_mbuf** packets, uint16_t) {
    auto& self = *static_cast<Wire*>(context);
    if (self.next == nullptr) return 0;
    packets[0] = std::exchange(self.next, nullptr);
    return 1;
  }
  static uint16_t transmit(void* context, rte_mbuf** packets, uint16_t n) {
    static_cast<Wire*>(context)->sent += n;
    rte_pktmbuf_free_bulk(packets, n);
    return n;
  }
};

class WireOpener : public PortOpener {
 public:
  std::vector<PortSpec> specs(const Config& next, const std::vector<PortId>& ports,
                              std::set<std::string>) override {
    std::vector<PortSpec> specs;
    for (const PortId id : ports) {
      const PortConfig& port = *find_port(next, id);
      if (port.name == refused) throw ConfigError({{"", 0, 0, port.name + ": cannot be"}});
      PortSpec spec;
      spec.name = port.name;
      spec.io = {&wires[port.name], Wire::receive, Wire::transmit};
      specs.push_back(spec);
    }
    return specs;
  }
  void give_up(const Config&) override { ++given_up; }
  void make_way(const PortConfig& port) override {
    if (port.name == broken) throw std::runtime_error("port " + port.name + ": is broken");
  }

  std::map<std::string, Wire> wires;
  std::string refused, broken;
  unsigned given_up = 0;
};

constexpr char kTwo[] =
    "  a: {device: \"tap:a\"}\n"
    "  b: {device: \"tap:b\"}\n";

std::string yaml_of(const std::string& ports, const std::string& members) {
  return "ports:\n" + ports + "networks:\n  n: {vni: 1, members: [" + members + "]}\n";
}

class Ports : public testing::Test {
 protected:
  Ports() {
    DataplaneOptions options;
    options.mbufs = 1023;
    options.fdb_capacity = 1024;
    for (const char* name : {"a", "b"}) {
      PortSpec spec;
      spec.name = name;
      spec.io = {&opener_.wires[name], Wire::receive, Wire::transmit};
      options.ports.push_back(spec);
    }
    dataplane_ = std::make_unique<Dataplane>(options);
    control_ = std::make_unique<ControlPlane>(
        *dataplane_, parse_config(yaml_of(kTwo, "{port: a}, {port: b}"), "t"),
        std::vector<MacAddr>(2, *parse_mac("02:00:00:00:00:0a")), now_ns_);
    control_->on_port_notice([this](const ControlPlane::PortNotice& notice) {
      notices_.push_back(notice.config->name + ' ' + std::to_string(static_cast<int>(notice.kind)));
    });
  }

  Reloader::Outcome reload(const std::string& ports, const std::string& members,
                           PortOpener* opener) {
    Reloader reloader(*control_, directory_.write("adit.yaml", yaml_of(ports, members)), opener);
    std::optional<Reloader::Outcome> outcome;
    EXPECT_TRUE(reloader.reload("test", [&](Reloader::Outcome o) { outcome = std::move(o); }));
    while (!outcome) {
      reloader.tick(now_ns_);
      // A worker knows a port before a snapshot that has it is there.
      EXPECT_LE(control_->snapshot().ports.size(), dataplane_->worker(0).tx.size());
      dataplane_->step(now_ns_);
      let_others_run();
    }
    return *outcome;
  }
  Reloader::Outcome reload(const std::string& ports, const std::string& members) {
    return reload(ports, members, &opener_);
  }
  static std::string why(const Reloader::Outcome& outcome) {
    if (!outcome.error) return "";
    try {
      std::rethrow_exception(outcome.error);
    } catch (const ConfigError& error) {
      return error.mistakes()[0].message;
    }
  }

  // A broadcast from `port`; how many frames each port sent then.
  std::map<std::string, unsigned> flood(const std::string& port) {
    std::map<std::string, unsigned> sent;
    for (auto& [name, wire] : opener_.wires) sent[name] = wire.sent;
    rte_mbuf* frame = rte_pktmbuf_alloc(dataplane_->pool());
    auto* bytes = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(frame, 60));
    std::fill(bytes, bytes + 60, uint8_t{0});
    std::fill(bytes, bytes + 6, uint8_t{0xff});
    bytes[6] = 2;
    bytes[11] = static_cast<uint8_t>(port[0]);
    bytes[12] = 0x88, bytes[13] = 0xb5;
    opener_.wires.at(port).next = frame;
    dataplane_->step(now_ns_);
    std::map<std::string, unsigned> by_port;
    for (auto& [name, wire] : opener_.wires)
      if (wire.sent != sent[name]) by_port[name] = wire.sent - sent[name];
    if (opener_.wires.at(port).next != nullptr) {  // nobody took it
      rte_pktmbuf_free(std::exchange(opener_.wires.at(port).next, nullptr));
      by_port["nobody"] = 1;
    }
    return by_port;
  }
  using Sent = std::map<std::string, unsigned>;

  uint64_t now_ns_ = 1'000'000'000;
  TempDir directory_;
  WireOpener opener_;
  std::unique_ptr<Dataplane> dataplane_;
  std::unique_ptr<ControlPlane> control_;
  std::vector<std::string> notices_;  // "NAME KIND"
};

TEST_F(Ports, ComeGoAndComeBackWhileTheOthersForward) {
  EXPECT_EQ(flood("a"), (Sent{{"b", 1}}));
  const auto more =
      reload(std::string(kTwo) + "  c: {device: \"tap:c\"}\n", "{port: a}, {port: b}, {port: c}");
  ASSERT_EQ(why(more), "");
  EXPECT_EQ(more.changes,
            (std::vector<std::string>{"ports.c: added", "networks.n: member port c added"}));
  EXPECT_EQ(flood("a"), (Sent{{"b", 1}, {"c", 1}}));
  EXPECT_EQ(flood("c"), (Sent{{"a", 1}, {"b", 1}}));
  EXPECT_EQ(dataplane_->port_traffic(2).rx_packets, 1u);

  ASSERT_EQ(
      why(reload("  c: {device: \"tap:c\"}\n  b: {device: \"tap:b\"}\n", "{port: b}, {port: c}")),
      "");
  EXPECT_EQ(flood("a"), (Sent{{"nobody", 1}}));
  EXPECT_EQ(flood("c"), (Sent{{"b", 1}}));

  // It gets the id that `a` had, whose packets are not its own.
  ASSERT_EQ(why(reload("  d: {device: \"tap:d\"}\n  c: {device: \"tap:c\"}\n"
                       "  b: {device: \"tap:b\"}\n",
                       "{port: b}, {port: c}, {port: d}")),
            "");
  EXPECT_EQ(find_port(control_->config(), "d")->id, 0);
  EXPECT_EQ(dataplane_->port_traffic(0).rx_packets, 0u);
  EXPECT_EQ(flood("d"), (Sent{{"b", 1}, {"c", 1}}));
  EXPECT_EQ(dataplane_->port_traffic(0).rx_packets, 1u);
  EXPECT_EQ(notices_, (std::vector<std::string>{"c 0", "a 2", "d 0"}));
  EXPECT_EQ(dataplane_->buffers_in_use(), 0u);
}

TEST_F(Ports, ThatChangeAreOpenedAnew) {
  opener_.wires["a"].sent = 100;
  ASSERT_EQ(why(reload("  a: {device: \"tap:a\", mtu_bytes: 1400}\n  b: {device: \"tap:b\"}\n",
                       "{port: a}, {port: b}")),
            "");
  EXPECT_EQ(notices_, std::vector<std::string>{"a 1"});
  EXPECT_EQ(flood("b"), (Sent{{"a", 1}}));
  EXPECT_EQ(control_->port_macs()[0], *parse_mac("02:00:00:00:00:0a"));
}

TEST_F(Ports, TakeAMacThatIsConfiguredAndAMadeUpOneWhereItIsNoMore) {
  ASSERT_EQ(why(reload("  a: {device: \"tap:a\", mac: \"02:00:00:00:00:77\"}\n"
                       "  b: {device: \"tap:b\"}\n",
                       "{port: b}")),
            "");
  EXPECT_EQ(control_->port_macs()[0], *parse_mac("02:00:00:00:00:77"));
  EXPECT_EQ(control_->port_macs()[1], *parse_mac("02:00:00:00:00:0a"));
  ASSERT_EQ(why(reload(kTwo, "{port: b}")), "");
  EXPECT_NE(control_->port_macs()[0], *parse_mac("02:00:00:00:00:77"));
  EXPECT_FALSE(control_->port_macs()[0].is_zero());
}

TEST_F(Ports, ThatCannotBeOpenedLeaveAllAsItWas) {
  const std::string ports =
      "  a: {device: \"tap:a\", mtu_bytes: 1400}\n  c: {device: \"tap:c\"}\n"
      "  d: {device: \"tap:d\"}\n";
  opener_.refused = "d";
  EXPECT_EQ(why(reload(ports, "{port: a}, {port: c}")), "d: cannot be; nothing was changed");
  opener_.refused.clear();
  opener_.broken = "d";
  EXPECT_EQ(why(reload(ports, "{port: a}, {port: c}")), "port d: is broken; nothing was changed");
  EXPECT_EQ(opener_.given_up, 1u);
  EXPECT_EQ(control_->generation(), 1u);
  EXPECT_TRUE(notices_.empty());
  EXPECT_EQ(flood("a"), (Sent{{"b", 1}}));
  EXPECT_EQ(flood("b"), (Sent{{"a", 1}}));
  opener_.broken.clear();
  ASSERT_EQ(why(reload(ports, "{port: a}, {port: c}")), "");
  EXPECT_EQ(flood("a"), (Sent{{"c", 1}}));
}

TEST_F(Ports, NeedARestartWhereNobodyOpensThem) {
  EXPECT_EQ(why(reload(std::string(kTwo) + "  c: {device: \"tap:c\"}\n", "{port: a}", nullptr)),
            "ports.c: to open it needs a restart; nothing was changed");
  // To take one away takes no opening.
  EXPECT_EQ(why(reload("  a: {device: \"tap:a\"}\n", "{port: a}", nullptr)), "");
  EXPECT_EQ(flood("b"), (Sent{{"nobody", 1}}));
}

TEST_F(Ports, AreCheckedWithoutBeingOpened) {
  opener_.refused = "c";
  Reloader reloader(*control_, "none", &opener_);
  std::optional<Reloader::Outcome> outcome;
  ASSERT_TRUE(reloader.check(yaml_of(std::string(kTwo) + "  c: {device: \"tap:c\"}\n", "{port: a}"),
                             "f", 0, [&](Reloader::Outcome o) { outcome = std::move(o); }));
  while (!outcome) {
    reloader.tick(now_ns_);
    let_others_run();
  }
  EXPECT_EQ(outcome->refused, std::vector<std::string>{"c: cannot be"});
  EXPECT_TRUE(outcome->needs_restart.empty());
}

}  // namespace
}  // namespace adit
