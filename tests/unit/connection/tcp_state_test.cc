// SPDX-License-Identifier: Apache-2.0
// RFC 9293 seen from between the two ends.
#include "protocol_state_test.h"

namespace adit::tcp_state_test {
namespace {

using enum TcpEvent;
using State = ConnectionState;
using Steps = std::vector<Step<TcpEvent>>;

constexpr Direction kClient = Direction::kFromClient;
constexpr Direction kBackend = Direction::kFromBackend;
constexpr uint8_t kBothHalves = 0;
constexpr uint8_t kOneHalf = Connection::kInputOnly;

struct Scenario {
  const char* name;
  TcpMode mode;
  uint8_t flags;
  Steps steps;
};

State run(TcpMode mode, uint8_t flags, const Steps& steps) {
  return expect_life(kIpProtocolTcp, flags, steps,
                     [mode](Direction from, TcpEvent event, State state) {
                       return next_tcp_state(mode, from, event, state);
                     });
}

const Scenario kScenarios[] = {
    {"ClientCloses",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kSyn, "SYN_RECV"},
      {kBackend, kSyn, "SYN_RECV"},
      {kClient, kAck, "ESTABLISHED"},
      {kBackend, kAck, "ESTABLISHED"},
      {kClient, kFin, "CLOSE_WAIT"},
      {kBackend, kAck, "CLOSE_WAIT"},  // and still sends
      {kClient, kAck, "CLOSE_WAIT"},
      {kBackend, kFin, "TIME_WAIT"},
      {kClient, kAck, "TIME_WAIT"}}},
    {"BackendCloses",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kSyn, "SYN_RECV"},
      {kBackend, kSyn, "SYN_RECV"},
      {kClient, kAck, "ESTABLISHED"},
      {kBackend, kFin, "FIN_WAIT"},
      {kClient, kAck, "FIN_WAIT"},  // and still sends
      {kBackend, kAck, "FIN_WAIT"},
      {kClient, kFin, "TIME_WAIT"},
      {kBackend, kAck, "TIME_WAIT"}}},
    {"BothCloseAtOnce",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kSyn, "SYN_RECV"},
      {kBackend, kSyn, "SYN_RECV"},
      {kClient, kAck, "ESTABLISHED"},
      {kBackend, kFin, "FIN_WAIT"},
      {kClient, kFin, "TIME_WAIT"},
      {kBackend, kAck, "TIME_WAIT"},
      {kClient, kAck, "TIME_WAIT"}}},
    {"RepeatedFinsCloseOneHalf",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kAck, "ESTABLISHED"},
      {kClient, kFin, "CLOSE_WAIT"},
      {kClient, kFin, "CLOSE_WAIT"},
      {kBackend, kFin, "TIME_WAIT"},
      {kBackend, kFin, "TIME_WAIT"},
      {kClient, kFin, "TIME_WAIT"}}},
    {"RepeatedFinsOfTheBackendCloseOneHalf",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kAck, "ESTABLISHED"},
      {kBackend, kFin, "FIN_WAIT"},
      {kBackend, kFin, "FIN_WAIT"},
      {kClient, kFin, "TIME_WAIT"}}},
    {"RepeatedSynsStayHalfOpen",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kSyn, "SYN_RECV"},
      {kClient, kSyn, "SYN_RECV"},
      {kBackend, kSyn, "SYN_RECV"},
      {kClient, kSyn, "SYN_RECV"},
      {kBackend, kSyn, "SYN_RECV"},
      {kClient, kAck, "ESTABLISHED"}}},
    {"LateSynsEndNothing",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kSyn, "SYN_RECV"},
      {kClient, kAck, "ESTABLISHED"},
      {kClient, kSyn, "ESTABLISHED"},
      {kBackend, kSyn, "ESTABLISHED"},
      {kClient, kFin, "CLOSE_WAIT"},
      {kBackend, kSyn, "CLOSE_WAIT"}}},
    // RFC 9293 section 3.5: the backend, which heard the ACK that was lost here, sends.
    {"BackendsDataEndsTheHalfOpen",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kSyn, "SYN_RECV"}, {kBackend, kSyn, "SYN_RECV"}, {kBackend, kAck, "ESTABLISHED"}}},
    {"ClientClosesBeforeItsAckIsSeen",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kSyn, "SYN_RECV"},
      {kBackend, kSyn, "SYN_RECV"},
      {kClient, kFin, "CLOSE_WAIT"},
      {kBackend, kFin, "TIME_WAIT"}}},
    {"BackendClosesBeforeAnAckIsSeen",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kSyn, "SYN_RECV"},
      {kBackend, kSyn, "SYN_RECV"},
      {kBackend, kFin, "FIN_WAIT"},
      {kClient, kFin, "TIME_WAIT"}}},
    // Section 3.5.1: the backend forgot the connection, the client did not.
    {"BackendThatLostItResets",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kAck, "ESTABLISHED"}, {kBackend, kRst, "CLOSE"}, {kClient, kAck, "CLOSE"}}},
    // The client forgot it: its SYN is answered by an ACK, which it resets; then it tries again.
    {"ClientThatLostItOpensAgain",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kAck, "ESTABLISHED"},
      {kClient, kSyn, "ESTABLISHED"},
      {kBackend, kAck, "ESTABLISHED"},
      {kClient, kRst, "CLOSE"},
      {kClient, kSyn, "SYN_RECV"},
      {kBackend, kSyn, "SYN_RECV"},
      {kClient, kAck, "ESTABLISHED"}}},
    {"RefusedByTheBackend",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kSyn, "SYN_RECV"}, {kBackend, kRst, "CLOSE"}, {kClient, kSyn, "SYN_RECV"}}},
    {"SynOfAClosedConnection",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kAck, "ESTABLISHED"},
      {kClient, kFin, "CLOSE_WAIT"},
      {kBackend, kFin, "TIME_WAIT"},
      {kClient, kSyn, "SYN_RECV"},
      {kBackend, kSyn, "SYN_RECV"},
      {kClient, kAck, "ESTABLISHED"}}},
    {"SynOfAHalfClosedConnection",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kAck, "ESTABLISHED"},
      {kBackend, kFin, "FIN_WAIT"},
      {kClient, kSyn, "SYN_RECV"},
      {kClient, kAck, "ESTABLISHED"},
      {kClient, kFin, "CLOSE_WAIT"},
      {kClient, kSyn, "SYN_RECV"}}},
    {"ClosedDoesNotComeBackByWhatIsLate",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kAck, "ESTABLISHED"},
      {kClient, kRst, "CLOSE"},
      {kBackend, kAck, "CLOSE"},
      {kBackend, kFin, "CLOSE"},
      {kClient, kFin, "CLOSE"},
      {kClient, kRst, "CLOSE"}}},
    {"BackendOpens",
     TcpMode::kNormal,
     kBothHalves,
     {{kBackend, kSyn, "SYN_SENT"},
      {kBackend, kSyn, "SYN_SENT"},
      {kClient, kSyn, "ESTABLISHED"},
      {kBackend, kAck, "ESTABLISHED"},
      {kBackend, kFin, "FIN_WAIT"},
      {kClient, kFin, "TIME_WAIT"},
      {kBackend, kSyn, "SYN_SENT"}}},
    {"BackendOpensAndNobodyAnswers",
     TcpMode::kNormal,
     kBothHalves,
     {{kBackend, kSyn, "SYN_SENT"},
      {kClient, kAck, "SYN_SENT"},
      {kClient, kFin, "SYN_SENT"},
      {kClient, kRst, "CLOSE"}}},
    {"ClientsHalfAlone",
     TcpMode::kNormal,
     kOneHalf,
     {{kClient, kSyn, "SYN_RECV"},
      {kClient, kSyn, "SYN_RECV"},
      {kClient, kAck, "ESTABLISHED"},
      {kClient, kAck, "ESTABLISHED"},
      {kClient, kFin, "FIN_WAIT"},
      {kClient, kFin, "FIN_WAIT"},
      {kClient, kAck, "FIN_WAIT"},
      {kClient, kSyn, "SYN_RECV"}}},
    {"ClientsHalfAloneResets",
     TcpMode::kNormal,
     kOneHalf,
     {{kClient, kSyn, "SYN_RECV"},
      {kClient, kAck, "ESTABLISHED"},
      {kClient, kRst, "CLOSE"},
      {kClient, kAck, "CLOSE"},
      {kClient, kSyn, "SYN_RECV"}}},
    {"ClientsHalfAloneWithoutItsAck",
     TcpMode::kNormal,
     kOneHalf,
     {{kClient, kSyn, "SYN_RECV"}, {kClient, kFin, "FIN_WAIT"}}},
    {"InputOnlyUntilTheBackendIsHeard",
     TcpMode::kNormal,
     kOneHalf,
     {{kClient, kSyn, "SYN_RECV"},
      {kBackend, kSyn, "SYN_RECV"},
      {kClient, kAck, "ESTABLISHED"},
      {kClient, kFin, "CLOSE_WAIT"},
      {kBackend, kFin, "TIME_WAIT"}}},
    {"TakenOverWhileOpen",
     TcpMode::kNormal,
     kBothHalves,
     {{kBackend, kAck, "ESTABLISHED"}, {kClient, kFin, "CLOSE_WAIT"}}},
    {"StrayFin", TcpMode::kNormal, kBothHalves, {{kClient, kFin, "CLOSE"}}},
    {"StrayFinOfTheBackend", TcpMode::kNormal, kBothHalves, {{kBackend, kFin, "CLOSE"}}},
    {"StrayRst", TcpMode::kNormal, kBothHalves, {{kClient, kRst, "CLOSE"}}},
    {"StrayWithoutAFlag",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kOther, "NONE"}, {kBackend, kOther, "NONE"}, {kClient, kSyn, "SYN_RECV"}}},

    {"SecureWaitsForTheBackend",
     TcpMode::kSecure,
     kBothHalves,
     {{kClient, kSyn, "SYN_RECV"},
      {kClient, kAck, "SYN_RECV"},
      {kClient, kFin, "SYN_RECV"},
      {kBackend, kSyn, "SYNACK"},
      {kClient, kSyn, "SYNACK"},
      {kBackend, kSyn, "SYNACK"},
      {kClient, kAck, "SYNACK"},
      {kClient, kFin, "SYNACK"},
      {kBackend, kAck, "ESTABLISHED"},
      {kClient, kAck, "ESTABLISHED"},
      {kClient, kFin, "CLOSE_WAIT"},
      {kBackend, kFin, "TIME_WAIT"}}},
    {"SecureBackendClosesAtOnce",
     TcpMode::kSecure,
     kBothHalves,
     {{kClient, kSyn, "SYN_RECV"},
      {kBackend, kSyn, "SYNACK"},
      {kBackend, kFin, "FIN_WAIT"},
      {kClient, kFin, "TIME_WAIT"}}},
    {"SecureClientsHalfAlone",
     TcpMode::kSecure,
     kOneHalf,
     {{kClient, kAck, "NONE"},
      {kClient, kSyn, "SYN_RECV"},
      {kClient, kAck, "ESTABLISHED"},
      {kClient, kFin, "FIN_WAIT"}}},
    {"SecureHeardTheBackendFirst",
     TcpMode::kSecure,
     kOneHalf,
     {{kClient, kSyn, "SYN_RECV"}, {kBackend, kSyn, "SYNACK"}, {kClient, kAck, "SYNACK"}}},
    {"SecureStrays",
     TcpMode::kSecure,
     kBothHalves,
     {{kClient, kAck, "NONE"}, {kBackend, kAck, "NONE"}, {kClient, kOther, "NONE"}}},
};

class TcpLife : public testing::TestWithParam<Scenario> {};
TEST_P(TcpLife, GoesAsItShould) {
  run(GetParam().mode, GetParam().flags, GetParam().steps);
}
INSTANTIATE_TEST_SUITE_P(Tcp, TcpLife, testing::ValuesIn(kScenarios),
                         [](const auto& info) { return std::string(info.param.name); });

// What leads to each of the states that there are ways to.
const Scenario kWays[] = {
    {"NONE", TcpMode::kNormal, kBothHalves, {}},
    {"SYN_SENT", TcpMode::kNormal, kBothHalves, {{kBackend, kSyn, "SYN_SENT"}}},
    {"SYN_RECV", TcpMode::kNormal, kBothHalves, {{kClient, kSyn, "SYN_RECV"}}},
    {"SYN_RECV", TcpMode::kNormal, kOneHalf, {{kClient, kSyn, "SYN_RECV"}}},
    {"SYN_RECV", TcpMode::kSecure, kBothHalves, {{kClient, kSyn, "SYN_RECV"}}},
    {"SYNACK",
     TcpMode::kSecure,
     kBothHalves,
     {{kClient, kSyn, "SYN_RECV"}, {kBackend, kSyn, "SYNACK"}}},
    {"ESTABLISHED", TcpMode::kNormal, kBothHalves, {{kClient, kAck, "ESTABLISHED"}}},
    {"ESTABLISHED", TcpMode::kNormal, kOneHalf, {{kClient, kAck, "ESTABLISHED"}}},
    {"FIN_WAIT",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kAck, "ESTABLISHED"}, {kBackend, kFin, "FIN_WAIT"}}},
    {"FIN_WAIT",
     TcpMode::kNormal,
     kOneHalf,
     {{kClient, kAck, "ESTABLISHED"}, {kClient, kFin, "FIN_WAIT"}}},
    {"CLOSE_WAIT",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kAck, "ESTABLISHED"}, {kClient, kFin, "CLOSE_WAIT"}}},
    {"TIME_WAIT",
     TcpMode::kNormal,
     kBothHalves,
     {{kClient, kAck, "ESTABLISHED"},
      {kClient, kFin, "CLOSE_WAIT"},
      {kBackend, kFin, "TIME_WAIT"}}},
    {"CLOSE", TcpMode::kNormal, kBothHalves, {{kClient, kRst, "CLOSE"}}},
};

TEST(TcpState, AResetOfEitherEndClosesAndASynOpensAgain) {
  for (const Scenario& way : kWays)
    for (const Direction from : {kClient, kBackend}) {
      SCOPED_TRACE(way.name);
      Steps steps = way.steps;
      steps.push_back({from, kRst, "CLOSE"});
      steps.push_back({kClient, kSyn, "SYN_RECV"});
      run(way.mode, way.flags, steps);
    }
}

TEST(TcpState, ASegmentWithoutFlagsChangesNothing) {
  for (const Scenario& way : kWays)
    for (const Direction from : {kClient, kBackend}) {
      SCOPED_TRACE(way.name);
      Steps steps = way.steps;
      steps.push_back({from, kOther, way.name});
      run(way.mode, way.flags, steps);
    }
}

TEST(TcpState, OneFlagDecidesWhatASegmentIs) {
  EXPECT_EQ(tcp_event(kTcpRst | kTcpSyn | kTcpFin | kTcpAck), TcpEvent::kRst);
  EXPECT_EQ(tcp_event(kTcpSyn | kTcpFin | kTcpAck), TcpEvent::kSyn);
  EXPECT_EQ(tcp_event(kTcpFin | kTcpAck), TcpEvent::kFin);
  EXPECT_EQ(tcp_event(kTcpAck | kTcpPsh), TcpEvent::kAck);
  EXPECT_EQ(tcp_event(kTcpPsh | kTcpUrg | kTcpCwr), TcpEvent::kOther);
  EXPECT_EQ(tcp_event(0), TcpEvent::kOther);
}

TEST(TcpState, OnlyABareSynBegins) {
  for (unsigned flags = 0; flags < 256; ++flags) {
    const bool begins = (flags & kTcpSyn) != 0 && (flags & (kTcpFin | kTcpRst | kTcpAck)) == 0;
    EXPECT_EQ(tcp_begins(static_cast<uint8_t>(flags)), begins) << flags;
  }
}

}  // namespace
}  // namespace adit::tcp_state_test
