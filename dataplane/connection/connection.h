// SPDX-License-Identifier: Apache-2.0
// A connection: a balanced one, or one of whatever else has connections (adit/connection_owner.h).
// The worker that has it alone reads and writes it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "adit/connection_owner.h"
#include "adit/connection_state.h"
#include "adit/ids.h"
#include "adit/service.h"
#include "packet/flow_key.h"

namespace adit {

using ConnectionId = uint32_t;  // 0: none; of one worker's table, stable while it is there

// Where a packet of a connection came from.
enum class Direction : uint8_t {
  kFromClient,
  kFromBackend,
  kInputOnly,  // from the client, where the backend's half is not seen
};
inline constexpr unsigned kDirections = 3;

// State for sending the client's address to the backend (client_info.h).
struct ClientInfo {
  // As Connection::acked, in the client's numbers. One of them is the number of the first byte
  // of the server (kToa) or the client (kProxy) until `acknowledged`: see side_of_first().
  uint32_t acked[2] = {};
  // Behind the client's last SYN, the lower bits; only compared.
  uint32_t asked : 24 = 0;
  uint32_t header_words : 4 = 0;  // kProxy: length of the header in words; 0: not sent yet
  uint32_t is_proxy : 1 = 0;      // kProxy; else kToa
  uint32_t answered : 1 = 0;      // the server's SYN was seen: the first byte's number is known
  uint32_t asks_again : 1 = 0;    // within an open connection, by a SYN that `asked` is of
  uint32_t acknowledged : 1 = 0;  // the server has the header; kToa: the client, more than a SYN

  // Which of `acked` has the number of the first byte.
  unsigned side_of_first() const noexcept { return is_proxy != 0 ? 0 : 1; }
  uint32_t first() const noexcept { return acked[side_of_first()]; }  // until `acknowledged`
  // Bytes of the header: as much higher are the client's numbers at the server. 0: not sent yet.
  uint32_t shift() const noexcept { return header_words * 4u; }
  // kToa: to the client's packets.
  bool adds_option() const noexcept { return is_proxy == 0 && answered != 0 && acknowledged == 0; }
  // Whether it may be behind the client's last SYN: the lower 24 bits are equal. Host order.
  bool is_asked(uint32_t number) const noexcept { return (number & 0xff'ffff) == asked; }

  // Below which the server's numbers are not lowered by shift(). Once it has the header all of them
  // are, so it follows `number`, which is one of them: numbers are compared within 2^31.
  uint32_t floor(uint32_t number) const noexcept {
    return acknowledged != 0 ? number - (1u << 30) : first();
  }
};
static_assert(sizeof(ClientInfo) == 12);

// A second stream of sequence numbers that the client has been heard with (tcp_numbers.h).
struct OtherStream {
  uint32_t next;  // the number behind it
  uint32_t since_s;
  bool is_former;  // it gave way to that of Connection::next
  bool sent_data;  // the one in whose favour it gave way
};
static_assert(sizeof(OtherStream) == 12);

// Two cache lines: the first is what a packet from the client needs to find its connection
// and to update it, the second what it is rewritten with, and what packets from the backend
// are found by. IPv4 and IPv6 alike, also if the two sides differ. "Client" is the end that began
// it, "backend" the other end, for every kind of owner.
struct alignas(64) Connection {
  static constexpr uint8_t kInputOnly = 1;    // of the backend's half nothing was seen yet
  static constexpr uint8_t kTwoStreams = 2;   // `other_stream` is one, and both halves are not seen
  static constexpr uint8_t kControlled = 4;   // `controller` chose its backend, and counts it
  static constexpr uint8_t kOwnTimeouts = 8;  // its service had its own when it began

  // Packets need more than other addresses and ports (balance/to_backend_rewritten.h): the backend
  // is of the other IP version, or it is sent the client's address.
  static constexpr uint8_t kOtherVersion = 16;
  static constexpr uint8_t kSendsClientInfo = 32;
  static constexpr uint8_t kChangesPackets = kOtherVersion | kSendsClientInfo;
  static constexpr uint8_t kResetByBackend = 64;  // in state CLOSE: not the client

  FlowKey forward;         // client -> virtual address, in the client's VRF
  uint32_t expires_s = 0;  // the second in which it ends, as Worker::now_s counts
  ConnectionOwner owner;
  union {
    uint32_t ext = 0;   // the owner's own
    BackendId backend;  // a service's: of that service
  };
  // [0]: of the client, [1]: of the backend. TCP: the sequence number behind what it sent, as far
  // as that was seen (tcp_numbers.h). SCTP: the tag that it sends (sctp_tags.h). UDP: its packets,
  // until the state is kUdp.
  uint32_t next[2] = {};
  ConnectionState state = ConnectionState::kNone;
  uint8_t flags = 0;
  Forwarding forwarding = Forwarding::kNat;
  uint8_t doubts = 0;  // segments that a FIN does not agree with (tcp_numbers.h)

  // Backend -> client, in the backend's VRF; FullNAT: backend -> local address. DR and TUN:
  // the source is the backend, the rest is not used.
  alignas(64) FlowKey reverse;
  union {
    ClientInfo client_info = {};  // kSendsClientInfo
    // TCP, both halves seen: what the other end acknowledged last of the client's numbers, [0], and
    // of the backend's, [1]; 0: nothing yet. kSendsClientInfo: those of `client_info`. SCTP:
    // sctp_tags.h.
    uint32_t acked[2];
    OtherStream other_stream;  // kTwoStreams
  };
  uint32_t controller = 0;  // PersistenceId, of any worker; only a service's
  // Where it gives way: its neighbours in the list of its owner (connection_shares.h).
  ConnectionId older = 0, newer = 0;

  // Whether the backend's packets come back through us.
  bool has_reverse() const noexcept {
    return forwarding == Forwarding::kNat || forwarding == Forwarding::kFullNat;
  }
  bool has(uint8_t flag) const noexcept { return (flags & flag) != 0; }
};
static_assert(sizeof(Connection) == 128);
static_assert(offsetof(Connection, reverse) == 64);

}  // namespace adit
