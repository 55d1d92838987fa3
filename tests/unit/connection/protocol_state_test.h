// SPDX-License-Identifier: Apache-2.0
// The lives of connections as data: what comes from which end, and the state afterwards.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "connection/protocol_state.h"

namespace adit {

template <class Event>
struct Step {
  Direction from;
  Event event;
  std::string_view state;  // afterwards
};

// `next`(direction, event, state). The state after the last step.
template <class Event, class Next>
ConnectionState expect_life(uint8_t protocol, uint8_t connection_flags,
                            const std::vector<Step<Event>>& steps, Next next) {
  Connection connection;
  connection.flags = connection_flags;
  connection.state = first_state(protocol);
  unsigned number = 0;
  for (const Step<Event>& step : steps) {
    const ConnectionState before = connection.state;
    connection.state = next(state_direction(connection, step.from), step.event, before);
    EXPECT_EQ(state_name(connection.state), step.state)
        << "step " << ++number << ", from " << state_name(before);
  }
  return connection.state;
}

inline std::vector<ConnectionState> states_between(ConnectionState first, ConnectionState last) {
  std::vector<ConnectionState> states;
  for (auto i = static_cast<uint8_t>(first); i <= static_cast<uint8_t>(last); ++i)
    states.push_back(static_cast<ConnectionState>(i));
  return states;
}
inline std::vector<ConnectionState> tcp_states() {
  return states_between(ConnectionState::kNone, ConnectionState::kListen);
}
inline std::vector<ConnectionState> sctp_states() {
  return states_between(ConnectionState::kSctpNone, ConnectionState::kSctpClosed);
}

inline constexpr Direction kEveryDirection[] = {Direction::kFromClient, Direction::kFromBackend,
                                                Direction::kInputOnly};
inline constexpr TcpMode kEveryTcpMode[] = {TcpMode::kNormal, TcpMode::kSecure};

}  // namespace adit
