// SPDX-License-Identifier: Apache-2.0
#include "port_bindings.h"

#include <algorithm>
#include <utility>

#include "dataplane_impl.h"

namespace adit {

PortIo dead_end() noexcept {
  const auto none = [](void*, rte_mbuf**, uint16_t) -> uint16_t { return 0; };
  return {nullptr, none, none, nullptr, kNeverReadable};
}

void take_bindings(Worker& worker) noexcept {
  worker.bindings_taken = worker.bindings_number->load(std::memory_order_acquire);
  const PortBindings& next = *worker.bindings->load(std::memory_order_acquire);
  for (RxQueue& queue : worker.rx) queue.io = next.ports[queue.port].queues[queue.queue];
  for (PortId port = 0; port < worker.tx.size(); ++port) {
    const PortBinding& binding = next.ports[port];
    TxQueue& queue = worker.tx[port];
    queue.is_down = binding.is_down;
    // A ready-made port has one queue for all workers.
    queue.io = binding.queues[std::min<std::size_t>(worker.id, binding.queues.size() - 1)];
    // The device might accept the packet, and count it as sent.
    if (binding.is_down) queue.io.transmit = dead_end().transmit;
  }
}

void Dataplane::Impl::bind() {
  auto next = std::make_unique<PortBindings>();
  for (PortId port = 0; port < specs.size(); ++port) {
    PortBinding binding;
    binding.is_down = port_is_down[port];
    const PortFacts& facts = io_facts[port];
    if (specs[port].device_name.empty()) {
      binding.queues.push_back(specs[port].io);
    } else {
      for (unsigned queue = 0; queue < std::max(facts.rx_queues, facts.tx_queues); ++queue)
        binding.queues.push_back(devices[port] ? devices[port]->queue_io(queue) : dead_end());
    }
    next->ports.push_back(std::move(binding));
  }
  std::swap(bound, next);
  bindings.store(bound.get(), std::memory_order_release);
  bindings_number.fetch_add(1, std::memory_order_release);
  retired.push_back({rte_rcu_qsbr_start(qsbr.get()), std::move(next), nullptr});
}

void Dataplane::Impl::reap() {
  while (!retired.empty() && rte_rcu_qsbr_check(qsbr.get(), retired.front().token, false) == 1)
    retired.pop_front();
}

void Dataplane::look_at_links() {
  constexpr uint64_t kPollEveryNs = 200'000'000;
  impl_->reap();
  if (impl_->interfaces) {
    const uint64_t now_ns = monotonic_ns();
    if (now_ns >= impl_->next_poll_ns) {
      impl_->next_poll_ns = now_ns + kPollEveryNs;
      for (const auto& device : impl_->devices)
        if (device && device->watched_index() != 0)
          impl_->interfaces->request_link(device->watched_index());
    }
    impl_->interfaces->refresh();
  }
  for (PortId port = 0; port < impl_->devices.size(); ++port)
    if (impl_->devices[port]) impl_->links[port] = impl_->devices[port]->link();
}

void Dataplane::set_link_down(PortId port, bool down) {
  if (impl_->port_is_down[port] == down) return;
  impl_->port_is_down[port] = down;
  impl_->bind();
}

void Dataplane::detach(PortId port) {
  std::unique_ptr<Port> device = std::move(impl_->devices[port]);
  if (!device) return;
  impl_->rx_missed_before[port] += device->rx_missed();
  impl_->links[port] = {LinkStatus::kGone, 0};
  impl_->port_is_down[port] = true;
  impl_->bind();  // also retires what was bound so far
  impl_->retired.back().device = std::move(device);
}

bool Dataplane::interface_is_back(PortId port) const {
  const std::string& name = impl_->interface_names[port];
  return impl_->interfaces && !name.empty() && impl_->interfaces->index_of(name) != 0;
}

bool Dataplane::reopen(PortId port) {
  impl_->reap();
  if (!impl_->retired.empty()) return false;
  const PortFacts& former = impl_->io_facts[port];
  std::unique_ptr<Port> device = reopen_port(impl_->specs[port], worker_count(), impl_->commons());
  const PortFacts& facts = device->facts();
  if (facts.rx_queues != former.rx_queues || facts.tx_queues != former.tx_queues ||
      facts.max_tx_buffers != former.max_tx_buffers)
    throw std::runtime_error("port " + impl_->specs[port].name +
                             ": came back as a device with other queues; that needs a restart");
  impl_->io_facts[port] = facts;
  impl_->devices[port] = std::move(device);
  impl_->links[port] = impl_->devices[port]->link();
  impl_->bind();  // still as down: whether its link is up is for the next look to say
  return true;
}

}  // namespace adit
