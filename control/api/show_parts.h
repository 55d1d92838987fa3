// SPDX-License-Identifier: Apache-2.0
// What the rows of several `show` methods have in common.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "adit/dataplane.h"
#include "base/time_units.h"

namespace adit {

inline uint64_t seconds_since(uint64_t then_ns, uint64_t now_ns) {
  return now_ns > then_ns ? (now_ns - then_ns) / kNsPerSecond : 0;
}

inline nlohmann::json text_or_null(const std::string& text) {
  return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(text);
}

// 0 stands for none.
inline nlohmann::json number_or_null(uint16_t number) {
  return number == 0 ? nlohmann::json(nullptr) : nlohmann::json(number);
}

inline void put(nlohmann::json& row, const Dataplane::Traffic& traffic) {
  row["rx_packets"] = traffic.rx_packets;
  row["rx_bytes"] = traffic.rx_bytes;
  row["tx_packets"] = traffic.tx_packets;
  row["tx_bytes"] = traffic.tx_bytes;
}

inline void add(Dataplane::Traffic& sum, const Dataplane::Traffic& more) {
  sum.rx_packets += more.rx_packets;
  sum.rx_bytes += more.rx_bytes;
  sum.tx_packets += more.tx_packets;
  sum.tx_bytes += more.tx_bytes;
}

}  // namespace adit
