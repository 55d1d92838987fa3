// SPDX-License-Identifier: Apache-2.0
#include "adit/fdb.h"

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_rcu_qsbr.h>

#include <array>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

namespace adit {
namespace {

void* pack(const FdbValue& value) noexcept { return std::bit_cast<void*>(value); }

}  // namespace

Fdb::Fdb(uint32_t capacity, rte_rcu_qsbr* qsbr)
    : entries_(size_t{capacity} + 1), last_seen_s_(new std::atomic<uint32_t>[capacity + 1]()) {
  // Cuckoo hashing fails to place a key now and then when nearly full: leave a quarter.
  const uint32_t room = capacity + capacity / 4 + 64;
  const std::string name = "adit_fdb_" + std::to_string(reinterpret_cast<uintptr_t>(this));
  rte_hash_parameters parameters{};
  parameters.name = name.c_str();
  parameters.entries = room;
  parameters.key_len = sizeof(uint64_t);
  parameters.socket_id = static_cast<int>(rte_socket_id());
  parameters.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF;
  hash_ = rte_hash_create(&parameters);
  rte_hash_rcu_config rcu{};
  rcu.v = qsbr;
  rcu.mode = RTE_HASH_QSBR_MODE_DQ;
  if (hash_ == nullptr || rte_hash_rcu_qsbr_add(hash_, &rcu) != 0) {
    const std::string error = rte_strerror(rte_errno);
    rte_hash_free(hash_);
    throw std::runtime_error("no memory for " + std::to_string(capacity) +
                             " MAC addresses: " + error +
                             "; lower system.fdb_capacity or raise system.memory_mb");
  }
  free_slots_.reserve(capacity);
  for (uint32_t slot = capacity; slot >= 1; --slot) free_slots_.push_back(slot);
}

Fdb::~Fdb() { rte_hash_free(hash_); }

bool Fdb::set(uint64_t key, BridgePortId bridge_port, bool is_static, uint32_t now_s) {
  const Entry* existing = find(key);
  uint32_t slot;
  if (existing != nullptr) {
    slot = static_cast<uint32_t>(existing - entries_.data());
  } else {
    if (free_slots_.empty()) return false;
    slot = free_slots_.back();
  }
  touch(slot, now_s);
  if (rte_hash_add_key_with_hash_data(hash_, &key, signature(key), pack({bridge_port, slot})) != 0)
    return false;
  if (existing == nullptr) {
    free_slots_.pop_back();
    ++size_;
  }
  entries_[slot] = {key, bridge_port, is_static};
  return true;
}

void Fdb::erase(uint64_t key) {
  const Entry* entry = find(key);
  if (entry == nullptr) return;
  // The key was found a moment ago and this is the only writer: it cannot be missing.
  rte_hash_del_key_with_hash(hash_, &key, signature(key));
  const auto slot = static_cast<uint32_t>(entry - entries_.data());
  entries_[slot] = {};
  free_slots_.push_back(slot);
  --size_;
}

const Fdb::Entry* Fdb::find(uint64_t key) const {
  void* data = nullptr;
  if (rte_hash_lookup_with_hash_data(hash_, &key, signature(key), &data) < 0) return nullptr;
  return &entries_[std::bit_cast<FdbValue>(data).slot];
}

void Fdb::lookup(const uint64_t* keys, unsigned n, FdbValue* values) const noexcept {
  std::array<const void*, kMaxBurst> pointers;
  std::array<hash_sig_t, kMaxBurst> signatures;
  std::array<void*, kMaxBurst> data;
  for (unsigned i = 0; i < n; ++i) {
    pointers[i] = &keys[i];
    signatures[i] = signature(keys[i]);
  }
  uint64_t hits = 0;
  rte_hash_lookup_with_hash_bulk_data(hash_, pointers.data(), signatures.data(), n, &hits,
                                      data.data());
  for (unsigned i = 0; i < n; ++i)
    values[i] = (hits >> i & 1) != 0 ? std::bit_cast<FdbValue>(data[i]) : FdbValue{};
}

}  // namespace adit
