// SPDX-License-Identifier: Apache-2.0
// What holds for every packet in every state; the lives of connections are in the tests of
// their protocols.
#include "protocol_state_test.h"

#include <iterator>
#include <set>
#include <utility>

namespace adit {
namespace {

using State = ConnectionState;

// `visit`(mode, direction, event, state, next state)
template <class Visit>
void for_each_segment(Visit visit) {
  for (const TcpMode mode : kEveryTcpMode)
    for (const Direction from : kEveryDirection)
      for (unsigned i = 0; i < kTcpEvents; ++i)
        for (const State state : states_between(State::kNone, State::kSctpClosed)) {
          const auto event = static_cast<TcpEvent>(i);
          SCOPED_TRACE(testing::Message()
                       << "mode " << static_cast<int>(mode) << ", direction "
                       << static_cast<int>(from) << ", event " << i << ", " << state_name(state));
          visit(mode, from, event, state, next_tcp_state(mode, from, event, state));
        }
}
// `visit`(direction, event, state, next state)
template <class Visit>
void for_each_chunk(Visit visit) {
  for (const Direction from : kEveryDirection)
    for (unsigned i = 0; i < kSctpEvents; ++i)
      for (const State state : states_between(State::kNone, State::kSctpClosed)) {
        const auto event = static_cast<SctpEvent>(i);
        SCOPED_TRACE(testing::Message() << "direction " << static_cast<int>(from) << ", event " << i
                                        << ", " << state_name(state));
        visit(from, event, state, next_sctp_state(from, event, state));
      }
}

bool is_tcp(State state) {
  return state >= State::kNone && state <= State::kListen;
}
bool is_sctp(State state) {
  return state >= State::kSctpNone && state <= State::kSctpClosed;
}
bool is_closed(State state) {
  return state == State::kSctpClosed || state == State::kSctpRejected;
}

TEST(ProtocolState, AStateStaysInItsProtocol) {
  for_each_segment([](TcpMode, Direction, TcpEvent, State state, State next) {
    if (is_tcp(state))
      EXPECT_TRUE(is_tcp(next));
    else
      EXPECT_EQ(next, state);
  });
  for_each_chunk([](Direction, SctpEvent, State state, State next) {
    if (is_sctp(state))
      EXPECT_TRUE(is_sctp(next));
    else
      EXPECT_EQ(next, state);
  });
}

TEST(ProtocolState, NothingLeadsBackToBeforeTheFirstPacket) {
  for_each_segment([](TcpMode, Direction, TcpEvent, State state, State next) {
    EXPECT_TRUE(next != State::kNone || state == State::kNone);
  });
  for_each_chunk([](Direction, SctpEvent, State state, State next) {
    EXPECT_TRUE(next != State::kSctpNone || state == State::kSctpNone);
  });
}

TEST(ProtocolState, ResetsAndAbortsClose) {
  for_each_segment([](TcpMode, Direction, TcpEvent event, State state, State next) {
    if (!is_tcp(state) || event != TcpEvent::kRst) return;
    EXPECT_EQ(next, State::kClose);
  });
  for_each_chunk([](Direction, SctpEvent event, State state, State next) {
    if (!is_sctp(state) || event != SctpEvent::kAbort) return;
    EXPECT_TRUE(is_closed(next));
  });
}

TEST(ProtocolState, OnlyItsFirstPacketOpensWhatIsClosed) {
  for_each_segment([](TcpMode, Direction, TcpEvent event, State state, State next) {
    if ((state != State::kClose && state != State::kTimeWait) || event == TcpEvent::kSyn) return;
    EXPECT_EQ(next, event == TcpEvent::kRst ? State::kClose : state);
  });
  for_each_chunk([](Direction, SctpEvent event, State state, State next) {
    if (!is_closed(state) || event == SctpEvent::kInit) return;
    EXPECT_EQ(next, state);
  });
}

// The second of two like packets in a row is a repetition. Only a client's first
// INIT is told apart from further ones.
TEST(ProtocolState, RepetitionsChangeNothing) {
  for_each_segment([](TcpMode mode, Direction from, TcpEvent event, State, State next) {
    EXPECT_EQ(next_tcp_state(mode, from, event, next), next);
  });
  for_each_chunk([](Direction from, SctpEvent event, State, State next) {
    const bool second_init =
        from != Direction::kFromBackend && event == SctpEvent::kInit && next == State::kSctpInit1;
    EXPECT_EQ(next_sctp_state(from, event, next), second_init ? State::kSctpInit : next);
  });
}

TEST(ProtocolState, InSecureModeNothingIsOpenedByLessThanASyn) {
  for (const Direction from : kEveryDirection)
    for (const TcpEvent event : {TcpEvent::kAck, TcpEvent::kOther})
      EXPECT_EQ(next_tcp_state(TcpMode::kSecure, from, event, State::kNone), State::kNone);
}

std::set<State> reached_by(State first, unsigned events, const std::vector<Direction>& directions,
                           auto next) {
  std::set<State> reached{first};
  for (size_t before = 0; before != reached.size();) {
    before = reached.size();
    for (const State state : std::set<State>(reached))
      for (const Direction from : directions)
        for (unsigned event = 0; event < events; ++event) reached.insert(next(from, event, state));
  }
  return reached;
}
std::set<State> reached_by_tcp(TcpMode mode, const std::vector<Direction>& directions,
                               State first = State::kNone) {
  return reached_by(first, kTcpEvents, directions, [mode](Direction from, unsigned event, State s) {
    return next_tcp_state(mode, from, static_cast<TcpEvent>(event), s);
  });
}
std::set<State> reached_by_sctp(const std::vector<Direction>& directions, State first) {
  return reached_by(first, kSctpEvents, directions, [](Direction from, unsigned event, State s) {
    return next_sctp_state(from, static_cast<SctpEvent>(event), s);
  });
}

TEST(ProtocolState, NoSequenceOfPacketsLeavesTheStates) {
  const std::vector<Direction> all(std::begin(kEveryDirection), std::end(kEveryDirection));
  std::set<State> normal;
  for (const State state : tcp_states())
    if (state != State::kSynAck && state != State::kLastAck && state != State::kListen)
      normal.insert(state);
  EXPECT_EQ(reached_by_tcp(TcpMode::kNormal, all), normal);
  std::set<State> secure = normal;
  secure.insert(State::kSynAck);
  EXPECT_EQ(reached_by_tcp(TcpMode::kSecure, all), secure);

  const std::vector<State> sctp = sctp_states();
  EXPECT_EQ(reached_by_sctp(all, State::kSctpNone), std::set<State>(sctp.begin(), sctp.end()));
}

// As in a flood with forged addresses.
TEST(ProtocolState, AClientWithoutAnAnswerOpensNothingWhereTheBackendIsHeard) {
  const std::set<State> halfs = reached_by_tcp(TcpMode::kSecure, {Direction::kFromClient});
  EXPECT_EQ(halfs, (std::set<State>{State::kNone, State::kSynRecv, State::kClose}));
  for (const State state : reached_by_sctp({Direction::kFromClient}, State::kSctpInit1))
    EXPECT_TRUE(is_half_open(state) || is_closed(state)) << state_name(state);
}

// A mode may be set while connections are in the states of the other.
TEST(ProtocolState, SecureModeMayEndAtAnyTime) {
  for (const State state :
       reached_by_tcp(TcpMode::kSecure, {Direction::kFromClient}, State::kSynAck))
    EXPECT_TRUE(is_half_open(state) || state == State::kClose) << state_name(state);
  EXPECT_EQ(
      next_tcp_state(TcpMode::kNormal, Direction::kFromClient, TcpEvent::kAck, State::kSynAck),
      State::kEstablished);
  EXPECT_EQ(
      next_tcp_state(TcpMode::kNormal, Direction::kFromClient, TcpEvent::kFin, State::kSynAck),
      State::kCloseWait);
}

TEST(ProtocolState, InputOnlyEndsWithTheFirstPacketOfTheBackend) {
  Connection connection;
  connection.flags = Connection::kInputOnly | Connection::kControlled;
  EXPECT_EQ(state_direction(connection, Direction::kFromClient), Direction::kInputOnly);
  EXPECT_EQ(state_direction(connection, Direction::kFromBackend), Direction::kFromBackend);
  EXPECT_EQ(state_direction(connection, Direction::kFromClient), Direction::kFromClient);
  EXPECT_EQ(connection.flags, Connection::kControlled);
}

TEST(UdpState, IsNewUntilBothEndsHaveShownThemselves) {
  constexpr Direction kClient = Direction::kFromClient, kBackend = Direction::kFromBackend;
  struct {
    std::vector<Direction> packets;
    uint8_t flags;
    State state;
  } const cases[] = {{{}, 0, State::kUdpNew},
                     {{kClient}, 0, State::kUdpNew},
                     {{kClient, kClient, kClient}, 0, State::kUdpNew},
                     {{kClient, kBackend, kBackend}, 0, State::kUdpNew},
                     {{kClient, kBackend, kClient}, 0, State::kUdp},
                     {{kClient, kClient, kBackend}, 0, State::kUdp},
                     {{kClient}, Connection::kInputOnly, State::kUdpNew},
                     {{kClient, kClient}, Connection::kInputOnly, State::kUdp}};
  for (const auto& [packets, flags, state] : cases) {
    Connection connection;
    connection.flags = flags;
    connection.state = first_state(kIpProtocolUdp);
    for (const Direction from : packets) connection.state = next_udp_state(connection, from);
    EXPECT_EQ(connection.state, state) << packets.size();
    EXPECT_EQ(gives_way(connection.state), state == State::kUdpNew);
    EXPECT_FALSE(is_active(connection.state));
    connection.state = State::kUdp;
    EXPECT_EQ(next_udp_state(connection, kClient), State::kUdp);
  }
  EXPECT_EQ(state_name(State::kUdpNew), "UDP_NEW");
}

// Half-open: until the client has answered something that was sent to it.
TEST(ProtocolState, HalfOpenIsWhatTheClientHasNotAnswered) {
  const std::set<State> half_open = {State::kSynRecv, State::kSynAck, State::kSctpInit1,
                                     State::kSctpInit, State::kSctpCookieSent};
  for (const State state : states_between(State::kNone, State::kSctpClosed))
    EXPECT_EQ(is_half_open(state), half_open.contains(state)) << state_name(state);
}

TEST(ProtocolState, TimeoutsAreThoseOfIpvsUntilSetOtherwise) {
  Timeouts timeouts;
  const std::pair<State, uint32_t> expected[] = {{State::kNone, 2},
                                                 {State::kSynSent, 120},
                                                 {State::kSynRecv, 60},
                                                 {State::kSynAck, 120},
                                                 {State::kEstablished, 900},
                                                 {State::kFinWait, 120},
                                                 {State::kTimeWait, 120},
                                                 {State::kClose, 10},
                                                 {State::kCloseWait, 60},
                                                 {State::kLastAck, 30},
                                                 {State::kListen, 120},
                                                 {State::kUdp, 300},
                                                 {State::kUdpNew, 30},
                                                 {State::kSctpNone, 2},
                                                 {State::kSctpInit1, 4},
                                                 {State::kSctpInit, 61},
                                                 {State::kSctpEstablished, 900},
                                                 {State::kSctpRejected, 4},
                                                 {State::kSctpClosed, 61}};
  for (const auto& [state, seconds] : expected) EXPECT_EQ(timeouts[state], seconds);
  timeouts[State::kUdp] = 30;
  EXPECT_EQ(timeouts[State::kUdp], 30u);
  EXPECT_NE(timeouts, Timeouts());
}

TEST(ProtocolState, EstablishedIsActiveAndNothingElse) {
  for (const State state : states_between(State::kNone, State::kSctpClosed)) {
    EXPECT_EQ(is_active(state), state_name(state) == "ESTABLISHED");
    EXPECT_FALSE(is_active(state) && is_half_open(state));
  }
}

}  // namespace
}  // namespace adit
