// SPDX-License-Identifier: Apache-2.0
// What each kind of owner does about its connections. A new kind is an enumerator in
// adit/connection_owner.h, its ConnectionOps, and a line in dataplane/connection_owners.cc. It
// makes its connections with Connections::insert(), and need not know who else has some, nor who
// ends them: they expire, are forgotten or give way like all others, and on_end() is told once.
#pragma once

#include <array>
#include <string_view>

#include "connection/connection.h"

namespace adit {

struct ConnectionRow;  // adit/connection_dump.h
struct Flow;           // packet/flow_reader.h
struct Packet;
struct Worker;

// What becomes of a packet after it was looked at.
enum class PacketVerdict : uint8_t { kRoute, kConsumed };

struct ConnectionOps {
  std::string_view name;  // as operators read it

  // It was inserted. Null: nothing is to be done.
  void (*on_begin)(Worker& worker, const Connection& connection) noexcept = nullptr;
  // Its state has changed. Null: nothing is to be done.
  void (*on_state)(Worker& worker, const Connection& connection,
                   ConnectionState before) noexcept = nullptr;
  // A packet of it, or an ICMP error about one, which came `from` there. The owner calls follow()
  // (worker/follow.h) where the packet counts for the state and the time that is left, and changes
  // the packet as it likes. It may end the connection.
  PacketVerdict (*on_packet)(Worker& worker, Packet& packet, const Flow& flow, ConnectionId id,
                             Direction from) noexcept = nullptr;
  // It is about to be erased, whoever does so, and still found by its keys. The owner may erase
  // other connections, but neither this one again, nor insert any. Null: nothing is to be done.
  void (*on_end)(Worker& worker, const Connection& connection) noexcept = nullptr;
  // Adds what an operator wants to see of it beside its keys, state and time that is left.
  // Null: there is nothing.
  void (*describe)(const Connection& connection, ConnectionRow& row) noexcept = nullptr;
};

// By OwnerKind; null: no such kind is there.
using ConnectionOwners = std::array<const ConnectionOps*, kOwnerKinds>;

}  // namespace adit
