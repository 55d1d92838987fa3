// SPDX-License-Identifier: Apache-2.0
// Functions of each kind of owner for its connections. A new kind is an enumerator in
// adit/connection_owner.h, its ConnectionOps, and a line in dataplane/connection_owners.cc. It
// creates connections with Connections::insert(), independently of other owners. Its connections
// expire, are forgotten or replaced like all others, and on_end() is called once for each.
#pragma once

#include <array>
#include <string_view>

#include "connection/connection.h"

namespace adit {

struct ConnectionRow;  // adit/connection_dump.h
struct Flow;           // packet/flow_reader.h
struct Packet;
struct Worker;

// What happens to a packet next: the caller routes it, or it is consumed.
enum class PacketVerdict : uint8_t { kRoute, kConsumed };

struct ConnectionOps {
  std::string_view name;  // as operators read it

  // The connection was inserted. Null: nothing to do.
  void (*on_begin)(Worker& worker, const Connection& connection) noexcept = nullptr;
  // Its state has changed. Null: nothing to do.
  void (*on_state)(Worker& worker, const Connection& connection,
                   ConnectionState before) noexcept = nullptr;
  // Handles a packet of the connection, or an ICMP error about one, that came `from` this end. The
  // owner calls follow() (worker/follow.h) if the packet affects state and timeout, and may change
  // the packet. It may end the connection.
  PacketVerdict (*on_packet)(Worker& worker, Packet& packet, const Flow& flow, ConnectionId id,
                             Direction from) noexcept = nullptr;
  // The connection is about to be erased, for any reason; its keys still find it. The owner may
  // erase other connections, but not this one again, and must not insert any. Null: nothing to do.
  void (*on_end)(Worker& worker, const Connection& connection) noexcept = nullptr;
  // Adds to the row what is known beside keys, state and timeout, for `show connections`.
  // Null: nothing to add.
  void (*describe)(const Connection& connection, ConnectionRow& row) noexcept = nullptr;
};

// By OwnerKind; null: the kind does not exist.
using ConnectionOwners = std::array<const ConnectionOps*, kOwnerKinds>;

}  // namespace adit
