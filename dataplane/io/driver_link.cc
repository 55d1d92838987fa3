// SPDX-License-Identifier: Apache-2.0
#include "io/driver_link.h"

#include <rte_ethdev.h>
#include <rte_memzone.h>

#include <bit>
#include <cstring>
#include <stdexcept>

namespace adit {
namespace {

// How struct rte_eth_dev_data of DPDK 22.11 begins, which its installed headers do not have.
struct DeviceData {
  char name[RTE_ETH_NAME_MAX_LEN];
  void** rx_queues;
  void** tx_queues;
  uint16_t nb_rx_queues, nb_tx_queues;
  uint8_t sriov[6];
  void* dev_private;
  rte_eth_link dev_link;
};

DeviceData* find_data(uint16_t port_id) noexcept {
  char name[RTE_ETH_NAME_MAX_LEN] = "";
  if (rte_eth_dev_get_name_by_port(port_id, name) != 0) return nullptr;
  const rte_memzone* zone = rte_memzone_lookup("rte_eth_dev_data");
  if (zone == nullptr) return nullptr;
  for (std::size_t at = 0; at + sizeof(DeviceData) <= zone->len; at += RTE_CACHE_LINE_SIZE) {
    char* const place = static_cast<char*>(zone->addr) + at;
    if (std::strncmp(place, name, RTE_ETH_NAME_MAX_LEN) == 0)
      return reinterpret_cast<DeviceData*>(place);
  }
  return nullptr;
}

// Read and written in one piece, as ethdev does.
static_assert(sizeof(rte_eth_link) == sizeof(uint64_t));
rte_eth_link load(const void* state) noexcept {
  return std::bit_cast<rte_eth_link>(
      __atomic_load_n(static_cast<const uint64_t*>(state), __ATOMIC_RELAXED));
}
void store(void* state, const rte_eth_link& link) noexcept {
  __atomic_store_n(static_cast<uint64_t*>(state), std::bit_cast<uint64_t>(link), __ATOMIC_SEQ_CST);
}
rte_eth_link with_status(rte_eth_link link, bool is_up) noexcept {
  link.link_status = is_up ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN;
  return link;
}
bool is_equal(const rte_eth_link& a, const rte_eth_link& b) noexcept {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

// What DPDK says is what is written there.
bool is_state_of(uint16_t port_id, void* state) noexcept {
  const rte_eth_link before = load(state);
  const auto reads = [port_id](const rte_eth_link& expected) {
    rte_eth_link link{};
    return rte_eth_link_get_nowait(port_id, &link) == 0 && is_equal(link, expected);
  };
  if (!reads(before)) return false;
  bool is_it = true;
  for (const bool is_up : {true, false}) {
    store(state, with_status(before, is_up));
    is_it = is_it && reads(with_status(before, is_up));
  }
  store(state, before);
  return is_it;
}

}  // namespace

DriverLink::DriverLink(uint16_t port_id) {
  DeviceData* data = find_data(port_id);
  if (data != nullptr && is_state_of(port_id, &data->dev_link)) state_ = &data->dev_link;
  if (state_ == nullptr)
    throw std::runtime_error("this version of DPDK does not let its driver be told of the link");
}

void DriverLink::set(bool is_up) noexcept {
  const rte_eth_link before = load(state_), after = with_status(before, is_up);
  if (!is_equal(before, after)) store(state_, after);
}

SeenLink::SeenLink(uint16_t port_id) noexcept : port_id_(port_id) {
  DeviceData* data = find_data(port_id);
  state_ = data != nullptr ? &data->dev_link : nullptr;
}

std::optional<rte_eth_link> SeenLink::get() noexcept {
  if (is_sure_) return load(state_);
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(port_id_, &link) != 0) return std::nullopt;
  // A link that is down is a word of zeros, as others may be.
  is_sure_ =
      state_ != nullptr && link.link_status == RTE_ETH_LINK_UP && is_equal(link, load(state_));
  return link;
}

}  // namespace adit
