// SPDX-License-Identifier: Apache-2.0
// IP prefixes with a value each; longest-prefix match in one look-up per length in use. For
// checking and compiling a configuration; workers have tables of their own.
#pragma once

#include <bitset>
#include <cstddef>
#include <unordered_map>

#include "adit/snapshot.h"

namespace adit {

// Not noexcept: so that containers keep the hashes, and compare them before the addresses.
struct AddressHash {
  size_t operator()(const IpAddr& address) const { return hash_of(address_key(address)); }
};

class PrefixTable {
 public:
  struct Entry {
    IpPrefix prefix;  // without host bits
    size_t value = 0;
  };

  // Keeps what is there; returns the entry that now stands for the prefix.
  const Entry& insert(const IpPrefix& prefix, size_t value) {
    lengths_of(prefix.address).set(prefix.length);
    const IpPrefix subnet = subnet_of(prefix);
    return entries_.try_emplace(subnet, Entry{subnet, value}).first->second;
  }
  const Entry* exact(const IpPrefix& prefix) const {
    const auto found = entries_.find(subnet_of(prefix));
    return found == entries_.end() ? nullptr : &found->second;
  }
  // The longest prefix that covers the address, or nullptr.
  const Entry* longest(const IpAddr& ip) const {
    const Lengths& lengths = ip.is_v4() ? ipv4_lengths_ : ipv6_lengths_;
    for (unsigned length = ip.width_bits() + 1; length-- > 0;) {
      if (!lengths.test(length)) continue;
      if (const Entry* entry = exact({ip, static_cast<uint8_t>(length)})) return entry;
    }
    return nullptr;
  }

 private:
  using Lengths = std::bitset<129>;
  struct Hash {
    size_t operator()(const IpPrefix& prefix) const {
      return AddressHash()(prefix.address) + prefix.length;
    }
  };
  Lengths& lengths_of(const IpAddr& ip) { return ip.is_v4() ? ipv4_lengths_ : ipv6_lengths_; }

  std::unordered_map<IpPrefix, Entry, Hash> entries_;
  Lengths ipv4_lengths_, ipv6_lengths_;  // bit n: a prefix of length n is there
};

}  // namespace adit
