// SPDX-License-Identifier: Apache-2.0
// IPv4 prefixes with a value each; longest-prefix match in at most 33 look-ups. For checking
// a configuration; workers have rte_fib.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "config_values.h"

namespace adit {

class PrefixTable {
 public:
  struct Entry {
    IpPrefix prefix;  // without host bits
    size_t value = 0;
  };

  // Keeps what is there; returns the entry that now stands for the prefix.
  const Entry& insert(const IpPrefix& prefix, size_t value) {
    lengths_ |= uint64_t{1} << prefix.length;
    const IpPrefix subnet = subnet_of(prefix);
    return entries_.try_emplace(key(ipv4_network(prefix), prefix.length), Entry{subnet, value})
        .first->second;
  }
  const Entry* exact(const IpPrefix& prefix) const {
    const auto found = entries_.find(key(ipv4_network(prefix), prefix.length));
    return found == entries_.end() ? nullptr : &found->second;
  }
  // The longest prefix that covers the address, or nullptr.
  const Entry* longest(const IpAddr& ip) const {
    for (unsigned length = 33; length-- > 0;) {
      if ((lengths_ >> length & 1) == 0) continue;
      const auto found = entries_.find(key(ip.as_v4().host() & ipv4_mask(length), length));
      if (found != entries_.end()) return &found->second;
    }
    return nullptr;
  }

 private:
  static uint64_t key(uint32_t network, unsigned length) { return uint64_t{network} << 8 | length; }
  std::unordered_map<uint64_t, Entry> entries_;
  uint64_t lengths_ = 0;  // bit n: a prefix of length n is there
};

}  // namespace adit
