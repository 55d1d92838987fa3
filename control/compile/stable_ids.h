// SPDX-License-Identifier: Apache-2.0
// Ids over the generations of a configuration.
#pragma once

#include <map>
#include <stdexcept>

#include "compile/compile.h"
#include "compile/id_allocator.h"

namespace adit {

// Entries that stay keep their ids. A new entry gets an id that the former snapshot did not use,
// because workers and the FDB may still hold ids of removed entries.
inline uint32_t id_of(uint32_t id) {
  return id;
}
inline uint32_t id_of(const BridgePortInfo& info) {
  return info.id;
}

inline bool is_same(uint32_t, uint32_t) {
  return true;
}
inline bool is_same(const BridgePortInfo& former, const BridgePortInfo& now) {
  return former.tunnel == now.tunnel && former.tunnel_id == now.tunnel_id;
}

template <class Key, class Value>
class StableIds {
 public:
  StableIds(const std::map<Key, Value>& previous, uint32_t limit, uint32_t first = 1)
      : previous_(previous), free_(limit, first) {
    for (const auto& [key, value] : previous) free_.reserve(id_of(value));
  }
  // For a key that `previous` has no more: should it come back, it gets this id again.
  void keep(const Key& key, const Value& value) {
    kept_.emplace(key, value);
    free_.reserve(id_of(value));
  }
  // get() never returns this id.
  void reserve(uint32_t id) { free_.reserve(id); }
  // `now`: a value that differs if the entry is not the former one of that name.
  uint32_t get(const Key& key, const Value& now = {}) {
    const uint32_t id = get_if_free(key, now);
    if (id == 0) throw std::length_error("too many networks, members, remotes or next hops");
    return id;
  }
  // 0: none is left.
  uint32_t get_if_free(const Key& key, const Value& now = {}) {
    if (const auto found = previous_.find(key);
        found != previous_.end() && is_same(found->second, now))
      return id_of(found->second);
    if (const auto found = kept_.find(key); found != kept_.end()) return id_of(found->second);
    return free_.allocate();
  }
  uint32_t next() const { return free_.next(); }

 private:
  const std::map<Key, Value>& previous_;
  std::map<Key, Value> kept_;
  IdAllocator free_;
};

}  // namespace adit
