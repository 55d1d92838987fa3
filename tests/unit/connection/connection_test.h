// SPDX-License-Identifier: Apache-2.0
// Connections for tests, told apart by a number.
#pragma once

#include "connection/table.h"

namespace adit {

inline Ipv6Key test_address(uint64_t number, bool ipv6 = false) {
  return ipv6 ? Ipv6Key{0xfd00, number} : Ipv6Key{0, number};
}

inline FlowKey test_key(uint64_t source, uint16_t source_port, uint64_t destination,
                        uint16_t destination_port, VrfId vrf = 1, bool ipv6 = false) {
  FlowKey key;
  key.source = test_address(source, ipv6);
  key.destination = test_address(destination, ipv6);
  key.source_port = be16(source_port);
  key.destination_port = be16(destination_port);
  key.vrf = vrf;
  key.protocol = 6;
  key.ipv6 = ipv6;
  return key;
}

// Of the client with this number to one virtual address; each forward and reverse key is its
// own. DR and TUN: the backend alone, as the contract has it.
inline Connection test_connection(uint32_t number, Forwarding forwarding = Forwarding::kNat,
                                  bool ipv6 = false) {
  constexpr uint64_t kVirtual = 0x0a00'0001, kBackend = 0x0b00'0000, kLocal = 0x0c00'0001;
  const uint64_t client = 0x6400'0000 + number / 50'000;
  const auto port = static_cast<uint16_t>(10'000 + number % 50'000);
  Connection connection;
  connection.forwarding = forwarding;
  connection.backend = 1 + number % 7;
  connection.forward = test_key(client, port, kVirtual, 80, 1, ipv6);
  connection.reverse = test_key(kBackend + connection.backend, 8080, client, port, 2, ipv6);
  if (forwarding == Forwarding::kFullNat) {
    connection.reverse.destination = test_address(kLocal + number / 50'000, ipv6);
  } else if (!connection.has_reverse()) {
    connection.reverse.destination = {};
    connection.reverse.destination_port = {};
  }
  return connection;
}

}  // namespace adit
