// SPDX-License-Identifier: Apache-2.0
// Dataplane's access to the counters of its workers.
#include <algorithm>

#include "dataplane_impl.h"

namespace adit {

Dataplane::BackendState Dataplane::backend_state(BackendId backend) const noexcept {
  BackendState state;
  for (const auto& worker : impl_->workers) {
    const BackendLoad& load = worker->balancer->loads[backend];
    const BackendCounters& counters = worker->balancer->counters[backend];
    state.active += load.active.load(std::memory_order_relaxed);
    state.inactive += load.inactive.load(std::memory_order_relaxed);
    state.connections += counters.connections.get();
    state.traffic.rx_packets += counters.rx_packets.get();
    state.traffic.rx_bytes += counters.rx_bytes.get();
    state.traffic.tx_packets += counters.tx_packets.get();
    state.traffic.tx_bytes += counters.tx_bytes.get();
    state.client_info_sent += counters.client_info_sent.get();
    state.client_info_omitted += counters.client_info_omitted.get();
  }
  return state;
}

uint64_t Dataplane::connections() const noexcept {
  uint64_t sum = 0;
  for (const auto& worker : impl_->workers) sum += worker->connections->size();
  return sum;
}

uint64_t Dataplane::connections_of_vrf(VrfId vrf) const noexcept {
  uint64_t sum = 0;
  for (const auto& worker : impl_->workers) sum += worker->connections->held_by_vrf(vrf);
  return sum;
}

uint64_t Dataplane::connection_capacity() const noexcept {
  uint64_t sum = 0;
  for (const auto& worker : impl_->workers) sum += worker->connections->capacity();
  return sum;
}

uint64_t Dataplane::persistence_entries(ServiceId service) const noexcept {
  uint64_t sum = 0;
  for (const auto& table : impl_->persistence) sum += table->count(service);
  return sum;
}

Dataplane::Traffic Dataplane::port_traffic(PortId port) const noexcept {
  Traffic traffic = impl_->port_total(port);
  if (const auto found = impl_->port_baselines.find(port); found != impl_->port_baselines.end())
    traffic -= found->second;
  return traffic;
}
Dataplane::Traffic Dataplane::bridge_port_traffic(BridgePortId bridge_port) const noexcept {
  Traffic traffic = impl_->bridge_port_total(bridge_port);
  if (const auto found = impl_->baselines.find(bridge_port); found != impl_->baselines.end())
    traffic -= found->second;
  return traffic;
}
uint64_t Dataplane::last_received_s(BridgePortId bridge_port) const noexcept {
  uint32_t last = 0;
  for (const auto& worker : impl_->workers)
    last = std::max(last, worker->bridge_port_counters[bridge_port].last_rx_s.load());
  return last;
}
void Dataplane::reset_bridge_port(BridgePortId bridge_port) {
  const Traffic total = impl_->bridge_port_total(bridge_port);
  if (total.rx_packets + total.tx_packets != 0) impl_->baselines[bridge_port] = total;
  const Drops drops = impl_->bridge_port_drops(bridge_port);
  if (drops != Drops{}) impl_->drop_baselines[bridge_port] = drops;
  // Writing would allocate pages, and most counters have never been used.
  const auto clear = [](auto& value) {
    if (value.load() != 0) value.store(0);
  };
  for (auto& worker : impl_->workers) clear(worker->bridge_port_counters[bridge_port].last_rx_s);
  impl_->path_mtus.forget_remote(bridge_port);
  const auto kinds = tunnel_registry();
  for (std::size_t i = 0; i < kinds.size(); ++i)
    if (kinds[i]->forget != nullptr) kinds[i]->forget(impl_->tunnel_states[i], bridge_port);
}
const PathMtus& Dataplane::path_mtus() const noexcept {
  return impl_->path_mtus;
}
Dataplane::Drops Dataplane::bridge_port_drops(BridgePortId bridge_port) const noexcept {
  Drops drops = impl_->bridge_port_drops(bridge_port);
  const auto found = impl_->drop_baselines.find(bridge_port);
  if (found == impl_->drop_baselines.end()) return drops;
  for (std::size_t i = 0; i < drops.size(); ++i) drops[i] -= found->second[i];
  return drops;
}

uint64_t Dataplane::drops(DropReason reason) const noexcept {
  uint64_t total = 0;
  for (const auto& worker : impl_->workers)
    total += worker->counters.drops[static_cast<std::size_t>(reason)].get();
  return total;
}

uint64_t Dataplane::held_now() const noexcept {
  uint64_t total = 0;
  for (const auto& worker : impl_->workers) total += worker->held_now.load();
  return total;
}

Dataplane::FragmentState Dataplane::fragment_state(unsigned id) const noexcept {
  const Worker& worker = *impl_->workers[id];
  return {worker.fragment_datagrams.load(std::memory_order_relaxed),
          worker.fragment_bytes.load(std::memory_order_relaxed)};
}

}  // namespace adit
