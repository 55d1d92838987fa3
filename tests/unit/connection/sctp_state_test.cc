// SPDX-License-Identifier: Apache-2.0
// RFC 9260 seen from between the two ends.
#include <optional>
#include <utility>

#include "protocol_state_test.h"

namespace adit::sctp_state_test {
namespace {

using enum SctpEvent;
using State = ConnectionState;
using Steps = std::vector<Step<SctpEvent>>;

constexpr Direction kClient = Direction::kFromClient;
constexpr Direction kBackend = Direction::kFromBackend;
constexpr uint8_t kBothHalves = 0;
constexpr uint8_t kOneHalf = Connection::kInputOnly;

struct Scenario {
  const char* name;
  uint8_t flags;
  Steps steps;
};

State run(uint8_t flags, const Steps& steps) {
  return expect_life(kIpProtocolSctp, flags, steps,
                     [](Direction from, SctpEvent event, State state) {
                       return next_sctp_state(from, event, state);
                     });
}

const Scenario kScenarios[] = {
    // Section 5.1 and 9.2.
    {"ClientOpensAndShutsDown",
     kBothHalves,
     {{kClient, kInit, "INIT1"},
      {kBackend, kInitAck, "C-SENT"},
      {kClient, kCookieEcho, "C-REPLIED"},
      {kBackend, kCookieAck, "ESTABLISHED"},
      {kClient, kData, "ESTABLISHED"},
      {kBackend, kData, "ESTABLISHED"},
      {kClient, kShutdown, "S-RECEIVED"},
      {kBackend, kData, "S-RECEIVED"},  // what it has left to send
      {kClient, kData, "S-RECEIVED"},
      {kBackend, kShutdownAck, "S-ACK-SENT"},
      {kClient, kShutdownComplete, "CLOSED"}}},
    {"BackendShutsDown",
     kBothHalves,
     {{kClient, kData, "ESTABLISHED"},
      {kBackend, kShutdown, "S-SENT"},
      {kClient, kData, "S-SENT"},
      {kClient, kShutdownAck, "CLOSED"},
      {kBackend, kShutdownComplete, "CLOSED"}}},
    {"BothShutDownAtOnceTheClientFirst",
     kBothHalves,
     {{kClient, kData, "ESTABLISHED"},
      {kClient, kShutdown, "S-RECEIVED"},
      {kBackend, kShutdown, "S-RECEIVED"},
      {kBackend, kShutdownAck, "S-ACK-SENT"},
      {kClient, kShutdownAck, "CLOSED"},
      {kBackend, kShutdownComplete, "CLOSED"}}},
    {"BothShutDownAtOnceTheBackendFirst",
     kBothHalves,
     {{kClient, kData, "ESTABLISHED"},
      {kBackend, kShutdown, "S-SENT"},
      {kClient, kShutdown, "S-SENT"},
      {kClient, kShutdownAck, "CLOSED"},
      {kBackend, kShutdownAck, "CLOSED"}}},
    {"RepeatedShutdowns",
     kBothHalves,
     {{kClient, kData, "ESTABLISHED"},
      {kClient, kShutdown, "S-RECEIVED"},
      {kClient, kShutdown, "S-RECEIVED"},
      {kBackend, kShutdownAck, "S-ACK-SENT"},
      {kClient, kShutdown, "S-ACK-SENT"},
      {kBackend, kShutdownAck, "S-ACK-SENT"},
      {kClient, kShutdownComplete, "CLOSED"},
      {kBackend, kShutdownAck, "CLOSED"}}},
    // The SHUTDOWN that it answers was not seen here.
    {"ShutdownAckWithoutAShutdown",
     kBothHalves,
     {{kClient, kData, "ESTABLISHED"},
      {kBackend, kShutdownAck, "S-ACK-SENT"},
      {kClient, kShutdownComplete, "CLOSED"}}},
    {"ClientsShutdownAckWithoutAShutdown",
     kBothHalves,
     {{kClient, kData, "ESTABLISHED"}, {kClient, kShutdownAck, "CLOSED"}}},
    {"ShutdownCompleteEndsOnlyAShutdown",
     kBothHalves,
     {{kClient, kData, "ESTABLISHED"},
      {kClient, kShutdownComplete, "ESTABLISHED"},
      {kBackend, kShutdownComplete, "ESTABLISHED"},
      {kBackend, kShutdown, "S-SENT"},
      {kBackend, kShutdownComplete, "CLOSED"}}},
    {"ShutdownsOfAnEarlierAssociation",
     kBothHalves,
     {{kClient, kInit, "INIT1"},
      {kClient, kShutdown, "INIT1"},
      {kBackend, kShutdownAck, "INIT1"},
      {kClient, kShutdownComplete, "INIT1"},
      {kBackend, kInitAck, "C-SENT"},
      {kClient, kShutdownAck, "C-SENT"},
      {kBackend, kShutdown, "C-SENT"}}},
    {"RepeatedSetUp",
     kBothHalves,
     {{kClient, kInit, "INIT1"},
      {kClient, kInit, "INIT"},
      {kClient, kInit, "INIT"},
      {kBackend, kInitAck, "C-SENT"},
      {kClient, kInit, "C-SENT"},
      {kBackend, kInitAck, "C-SENT"},
      {kClient, kCookieEcho, "C-REPLIED"},
      {kBackend, kInitAck, "C-REPLIED"},
      {kClient, kCookieEcho, "C-REPLIED"},
      {kBackend, kCookieAck, "ESTABLISHED"},
      {kClient, kCookieEcho, "ESTABLISHED"},
      {kBackend, kCookieAck, "ESTABLISHED"}}},
    // Section 5.2.6: the client begins anew.
    {"StaleCookie",
     kBothHalves,
     {{kClient, kInit, "INIT1"},
      {kBackend, kInitAck, "C-SENT"},
      {kClient, kCookieEcho, "C-REPLIED"},
      {kBackend, kError, "C-REPLIED"},
      {kClient, kInit, "C-REPLIED"},
      {kBackend, kInitAck, "C-REPLIED"},
      {kClient, kCookieEcho, "C-REPLIED"},
      {kBackend, kCookieAck, "ESTABLISHED"}}},
    {"CookiesThatNobodyGave",
     kBothHalves,
     {{kClient, kInit, "INIT1"},
      {kClient, kCookieEcho, "INIT1"},
      {kClient, kCookieAck, "INIT1"},
      {kClient, kInitAck, "INIT1"},
      {kClient, kInit, "INIT"},
      {kClient, kCookieEcho, "INIT"},
      {kClient, kData, "INIT"},
      {kBackend, kInitAck, "C-SENT"},
      {kClient, kCookieAck, "C-SENT"},
      {kClient, kData, "C-SENT"}}},
    {"BackendOpens",
     kBothHalves,
     {{kBackend, kInit, "C-WAIT"},
      {kBackend, kInit, "C-WAIT"},
      {kClient, kCookieAck, "C-WAIT"},
      {kClient, kInitAck, "COOKIE"},
      {kClient, kInitAck, "COOKIE"},
      {kClient, kCookieAck, "COOKIE"},  // of what?
      {kBackend, kCookieEcho, "C-ECHOED"},
      {kBackend, kCookieEcho, "C-ECHOED"},
      {kClient, kCookieAck, "ESTABLISHED"}}},
    // Section 5.2.1.
    {"BothOpenAtOnce",
     kBothHalves,
     {{kClient, kInit, "INIT1"},
      {kBackend, kInit, "INIT1"},
      {kBackend, kInitAck, "C-SENT"},
      {kClient, kInitAck, "C-SENT"},
      {kClient, kCookieEcho, "C-REPLIED"},
      {kBackend, kCookieEcho, "C-ECHOED"},
      {kClient, kCookieEcho, "C-ECHOED"},
      {kClient, kCookieAck, "ESTABLISHED"},
      {kBackend, kCookieAck, "ESTABLISHED"}}},
    {"BothOpenAtOnceTheBackendFirst",
     kBothHalves,
     {{kBackend, kInit, "C-WAIT"},
      {kClient, kInit, "C-WAIT"},
      {kClient, kInitAck, "COOKIE"},
      {kBackend, kInitAck, "COOKIE"},
      {kClient, kCookieEcho, "COOKIE"},
      {kBackend, kCookieAck, "ESTABLISHED"}}},
    // Section 5.2.2 and 5.2.4.
    {"RestartWhileOpen",
     kBothHalves,
     {{kClient, kData, "ESTABLISHED"},
      {kClient, kInit, "ESTABLISHED"},
      {kBackend, kInitAck, "ESTABLISHED"},
      {kClient, kCookieEcho, "ESTABLISHED"},
      {kBackend, kCookieAck, "ESTABLISHED"},
      {kBackend, kInit, "ESTABLISHED"},
      {kClient, kInitAck, "ESTABLISHED"},
      {kBackend, kCookieEcho, "ESTABLISHED"},
      {kClient, kCookieAck, "ESTABLISHED"}}},
    {"RestartWhileShutDown",
     kBothHalves,
     {{kClient, kData, "ESTABLISHED"},
      {kClient, kShutdown, "S-RECEIVED"},
      {kClient, kInit, "S-RECEIVED"},
      {kBackend, kInitAck, "S-RECEIVED"},
      {kClient, kCookieEcho, "S-RECEIVED"},
      {kBackend, kCookieAck, "ESTABLISHED"}}},
    {"RefusedByTheBackend",
     kBothHalves,
     {{kClient, kInit, "INIT1"},
      {kBackend, kAbort, "REJECTED"},
      {kBackend, kAbort, "REJECTED"},
      {kClient, kData, "REJECTED"},
      {kClient, kInit, "INIT1"},
      {kClient, kInit, "INIT"},
      {kBackend, kAbort, "REJECTED"}}},
    {"RefusedByTheClient",
     kBothHalves,
     {{kBackend, kInit, "C-WAIT"}, {kClient, kAbort, "REJECTED"}, {kBackend, kInit, "C-WAIT"}}},
    {"WithdrawnByTheClient", kBothHalves, {{kClient, kInit, "INIT1"}, {kClient, kAbort, "CLOSED"}}},
    {"AbortedByTheClient",
     kBothHalves,
     {{kClient, kData, "ESTABLISHED"},
      {kClient, kAbort, "CLOSED"},
      {kBackend, kData, "CLOSED"},
      {kBackend, kCookieAck, "CLOSED"},
      {kClient, kShutdown, "CLOSED"},
      {kClient, kInit, "INIT1"}}},
    {"AbortedByTheBackend",
     kBothHalves,
     {{kClient, kData, "ESTABLISHED"}, {kBackend, kAbort, "CLOSED"}, {kBackend, kInit, "C-WAIT"}}},
    // Section 3.3.10.
    {"ErrorsEndNothing",
     kBothHalves,
     {{kClient, kError, "NONE"},
      {kClient, kData, "ESTABLISHED"},
      {kClient, kError, "ESTABLISHED"},
      {kBackend, kError, "ESTABLISHED"}}},
    {"ClientsHalfAlone",
     kOneHalf,
     {{kClient, kInit, "INIT1"},
      {kClient, kInit, "INIT"},
      {kClient, kData, "INIT"},
      {kClient, kCookieEcho, "ESTABLISHED"},
      {kClient, kData, "ESTABLISHED"},
      {kClient, kShutdown, "S-RECEIVED"},
      {kClient, kShutdownComplete, "CLOSED"},
      {kClient, kCookieEcho, "CLOSED"},
      {kClient, kInit, "INIT1"}}},
    {"ClientsHalfAloneTheBackendShutsDown",
     kOneHalf,
     {{kClient, kInit, "INIT1"},
      {kClient, kCookieEcho, "ESTABLISHED"},
      {kClient, kShutdownAck, "CLOSED"}}},
    {"ClientsHalfAloneAborts",
     kOneHalf,
     {{kClient, kInit, "INIT1"},
      {kClient, kCookieEcho, "ESTABLISHED"},
      {kClient, kAbort, "CLOSED"}}},
    {"ClientsHalfAloneTheBackendOpens",
     kOneHalf,
     {{kClient, kInitAck, "COOKIE"}, {kClient, kCookieAck, "ESTABLISHED"}}},
    {"InputOnlyUntilTheBackendIsHeard",
     kOneHalf,
     {{kClient, kInit, "INIT1"},
      {kBackend, kInitAck, "C-SENT"},
      {kClient, kCookieEcho, "C-REPLIED"}}},
    {"TakenOverBeforeTheCookie",
     kBothHalves,
     {{kBackend, kInitAck, "C-SENT"}, {kClient, kCookieEcho, "C-REPLIED"}}},
    {"TakenOverWithTheCookie",
     kBothHalves,
     {{kClient, kCookieEcho, "C-REPLIED"}, {kBackend, kCookieAck, "ESTABLISHED"}}},
    {"TakenOverWithTheBackendsCookie",
     kBothHalves,
     {{kBackend, kCookieEcho, "C-ECHOED"}, {kClient, kCookieAck, "ESTABLISHED"}}},
    {"TakenOverBehindTheCookie", kBothHalves, {{kClient, kCookieAck, "ESTABLISHED"}}},
    {"TakenOverWhileOpen", kBothHalves, {{kBackend, kData, "ESTABLISHED"}}},
    {"TakenOverWhileShutDown",
     kBothHalves,
     {{kBackend, kShutdown, "S-SENT"}, {kClient, kShutdownAck, "CLOSED"}}},
    {"TakenOverAtTheEnd", kBothHalves, {{kClient, kShutdownComplete, "CLOSED"}}},
    {"StrayAbort", kBothHalves, {{kClient, kAbort, "CLOSED"}}},
};

class SctpLife : public testing::TestWithParam<Scenario> {};
TEST_P(SctpLife, GoesAsItShould) {
  run(GetParam().flags, GetParam().steps);
}
INSTANTIATE_TEST_SUITE_P(Sctp, SctpLife, testing::ValuesIn(kScenarios),
                         [](const auto& info) { return std::string(info.param.name); });

// Ports, tag and checksum, then the chunks: type, and length with the value's bytes.
std::vector<uint8_t> sctp_packet(std::initializer_list<std::pair<uint8_t, uint8_t>> chunks) {
  std::vector<uint8_t> packet(12);
  for (const auto& [type, len] : chunks) {
    packet.insert(packet.end(), {type, 0, 0, len});
    packet.resize(packet.size() + (len < 4 ? 0 : (len - 4u + 3) / 4 * 4));
  }
  return packet;
}
std::optional<SctpEvent> event_of(const std::vector<uint8_t>& packet) {
  return sctp_event(packet.data(), static_cast<unsigned>(packet.size()));
}

TEST(SctpState, TheFirstChunkSaysWhatAPacketIs) {
  constexpr std::pair<uint8_t, SctpEvent> kChunks[] = {
      {0, SctpEvent::kData},        {1, SctpEvent::kInit},
      {2, SctpEvent::kInitAck},     {3, SctpEvent::kData},
      {4, SctpEvent::kData},        {5, SctpEvent::kData},
      {6, SctpEvent::kAbort},       {7, SctpEvent::kShutdown},
      {8, SctpEvent::kShutdownAck}, {9, SctpEvent::kError},
      {10, SctpEvent::kCookieEcho}, {11, SctpEvent::kCookieAck},
      {12, SctpEvent::kData},       {13, SctpEvent::kData},
      {15, SctpEvent::kData},       {14, SctpEvent::kShutdownComplete},
      {192, SctpEvent::kData},      {255, SctpEvent::kData}};
  for (const auto& [type, event] : kChunks) {
    EXPECT_EQ(event_of(sctp_packet({{type, 8}})), event) << int{type};
    EXPECT_EQ(sctp_begins(event), type == 1);
  }
}

TEST(SctpState, AnAbortBehindACookieCounts) {
  EXPECT_EQ(event_of(sctp_packet({{10, 9}, {6, 4}})), SctpEvent::kAbort);
  EXPECT_EQ(event_of(sctp_packet({{11, 4}, {6, 4}})), SctpEvent::kAbort);
  EXPECT_EQ(event_of(sctp_packet({{10, 9}, {0, 4}})), SctpEvent::kCookieEcho);
  EXPECT_EQ(event_of(sctp_packet({{0, 8}, {6, 4}})), SctpEvent::kData);
}

TEST(SctpState, ChunksThatAreNotThereAreNotRead) {
  const std::vector<uint8_t> packet = sctp_packet({{10, 8}, {6, 4}});
  for (unsigned len = 0; len <= packet.size(); ++len) {
    const std::vector<uint8_t> cut(packet.begin(), packet.begin() + len);  // ends where it ends
    const auto event = event_of(cut);
    if (len < 16)
      EXPECT_EQ(event, std::nullopt) << len;
    else
      EXPECT_EQ(event, len < 24 ? SctpEvent::kCookieEcho : SctpEvent::kAbort) << len;
  }
  // A length that leads nowhere, and one beyond the packet.
  EXPECT_EQ(event_of(sctp_packet({{10, 0}, {6, 4}})), SctpEvent::kCookieEcho);
  EXPECT_EQ(event_of(sctp_packet({{10, 3}, {6, 4}})), SctpEvent::kCookieEcho);
  std::vector<uint8_t> too_long = sctp_packet({{10, 8}, {6, 4}});
  too_long[14] = too_long[15] = 0xff;
  EXPECT_EQ(event_of(too_long), SctpEvent::kCookieEcho);
}

}  // namespace
}  // namespace adit::sctp_state_test
