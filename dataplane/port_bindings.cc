// SPDX-License-Identifier: Apache-2.0
#include "port_bindings.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <stdexcept>
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
  const std::vector<RxQueue>& rx = next.rx[worker.id];
  worker.rx.assign(rx.begin(), rx.end());
  const std::size_t ports = next.ports.size();  // never fewer than before
  worker.tx.resize(ports);
  for (auto* uses : {&worker.express_use, &worker.bridged_use, &worker.routed_use})
    uses->resize(ports);
  for (PortId port = 0; port < ports; ++port) {
    const PortBinding& binding = next.ports[port];
    TxQueue& queue = worker.tx[port];
    queue.is_down = binding.is_down;
    queue.max_buffers = binding.max_buffers;
    // A ready-made port has one queue for all workers.
    queue.io = binding.queues[std::min<std::size_t>(worker.id, binding.queues.size() - 1)];
    // The device might accept the packet, and count it as sent.
    if (binding.is_down) queue.io.transmit = dead_end().transmit;
  }
}

namespace {

PortIo frame_io(rte_ring* ring) noexcept {
  PortIo io = dead_end();
  io.context = ring;
  io.receive = [](void* context, rte_mbuf** packets, uint16_t n) {
    return static_cast<uint16_t>(rte_ring_sc_dequeue_burst(
        static_cast<rte_ring*>(context), reinterpret_cast<void**>(packets), n, nullptr));
  };
  io.readable_fd = kMustBePolled;
  return io;
}

}  // namespace

Dataplane::Impl::FrameRing::~FrameRing() {
  for (void* mbuf = nullptr; rte_ring_sc_dequeue(ring.get(), &mbuf) == 0;)
    rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
}

// Receive queues are distributed over the workers, beginning with another worker for each port.
// Each worker has its own transmit queue on every port.
void Dataplane::Impl::bind() {
  auto next = std::make_unique<PortBindings>();
  next->rx.resize(workers.size());
  for (PortId port = 0; port < specs.size(); ++port) {
    const PortSpec& spec = specs[port];
    const PortFacts& facts = io_facts[port];
    PortBinding binding;
    binding.is_down = port_is_down[port] || spec.name.empty();
    binding.max_buffers = facts.max_tx_buffers;
    const bool is_ready_made = spec.io.receive != nullptr;
    if (is_ready_made) binding.queues.push_back(spec.io);
    for (unsigned queue = 0; queue < std::max(facts.rx_queues, facts.tx_queues); ++queue)
      binding.queues.push_back(devices[port] ? devices[port]->queue_io(queue) : dead_end());
    const unsigned rx_queues = is_ready_made ? 1 : facts.rx_queues;
    for (unsigned queue = 0; queue < rx_queues; ++queue) {
      const auto worker = static_cast<unsigned>((port + queue) % workers.size());
      const PortIo io = devices[port] ? devices[port]->rx_io(queue, worker) : binding.queues[queue];
      next->rx[worker].push_back({port, io, static_cast<uint16_t>(queue)});
    }
    if (frame_rings[port])
      next->rx[port % workers.size()].push_back({port, frame_io(frame_rings[port]->ring.get())});
    if (binding.queues.empty()) binding.queues.push_back(dead_end());
    next->ports.push_back(std::move(binding));
  }
  std::swap(bound, next);
  bindings.store(bound.get(), std::memory_order_release);
  bindings_number.fetch_add(1, std::memory_order_release);
  retired.push_back({rte_rcu_qsbr_start(qsbr.get()), std::move(next), std::exchange(unbound, {})});
}

void Dataplane::Impl::reap() {
  const std::unique_lock lock(plugging, std::try_to_lock);
  if (!lock) return;
  // To close a device takes the kernel its time, and control has more to do.
  constexpr unsigned kMostAtOnce = 2;
  unsigned left = kMostAtOnce;
  while (!retired.empty() && rte_rcu_qsbr_check(qsbr.get(), retired.front().token, false) == 1) {
    auto& parts = retired.front().parts;
    for (; !parts.empty() && left != 0; --left) parts.pop_back();
    if (!parts.empty()) return;
    retired.pop_front();
  }
}

void Dataplane::look_at_links() {
  constexpr uint64_t kPollEveryNs = 200'000'000;
  impl_->reap();
  if (impl_->interfaces) {
    const uint64_t now_ns = monotonic_ns();
    if (now_ns >= impl_->next_poll_ns) {
      impl_->next_poll_ns = now_ns + kPollEveryNs;
      for (const auto& device : impl_->devices)
        if (device) device->request_links(*impl_->interfaces);
    }
    impl_->interfaces->refresh();
  }
  for (PortId port = 0; port < impl_->devices.size(); ++port) {
    Port* const device = impl_->devices[port].get();
    if (device == nullptr) continue;
    device->look();
    impl_->links[port] = device->link();
  }
  impl_->mend_devices();
}

void Dataplane::Impl::mend_devices() {
  bool any_left = false;
  for (const auto& device : devices) {
    if (!device) continue;
    for (auto& part : device->take_leaving()) {
      unbound.push_back(std::move(part));
      any_left = true;
    }
  }
  if (any_left) bind();  // also retires what was bound so far
  const std::unique_lock lock(plugging, std::try_to_lock);
  if (!lock || !retired.empty()) return;
  for (const auto& device : devices)
    if (device) device->mend();
}

std::optional<BondState> Dataplane::bond_state(PortId port) const {
  return port < impl_->devices.size() && impl_->devices[port] ? impl_->devices[port]->bond_state()
                                                              : std::nullopt;
}

void Dataplane::set_link_down(PortId port, bool down) {
  if (impl_->port_is_down[port] == down) return;
  impl_->port_is_down[port] = down;
  impl_->bind();
}

void Dataplane::detach(PortId port) {
  std::shared_ptr<Port> device = std::move(impl_->devices[port]);
  if (!device) return;
  impl_->rx_missed_before[port] += device->rx_missed();
  impl_->links[port] = {LinkStatus::kGone, 0};
  impl_->port_is_down[port] = true;
  impl_->unbound.push_back(std::move(device));
  impl_->bind();  // also retires what was bound so far
}

bool Dataplane::interface_is_back(PortId port) const {
  const std::string& name = impl_->interface_names[port];
  return impl_->interfaces && !name.empty() && impl_->interfaces->index_of(name) != 0;
}

bool Dataplane::reopen(PortId port) {
  if (!are_closed()) return false;
  const std::unique_lock lock(impl_->plugging, std::try_to_lock);
  if (!lock) return false;
  const PortFacts& former = impl_->io_facts[port];
  std::shared_ptr<Port> device = reopen_port(impl_->specs[port], worker_count(), impl_->commons());
  const PortFacts& facts = device->facts();
  if (facts.rx_queues != former.rx_queues || facts.tx_queues != former.tx_queues ||
      facts.max_tx_buffers != former.max_tx_buffers)
    throw std::runtime_error("port " + impl_->specs[port].name +
                             ": came back as a device with other queues; that needs a restart");
  impl_->io_facts[port] = facts;
  impl_->interface_names[port] = device->interface();
  impl_->devices[port] = std::move(device);
  impl_->links[port] = impl_->devices[port]->link();
  impl_->bind();  // still as down: whether its link is up is for the next look to say
  return true;
}

namespace {

// The kernel frees the queues of an AF_XDP socket some time after it was closed.
std::unique_ptr<Port> open_anew(const PortSpec& spec, unsigned workers,
                                const PortCommons& commons) {
  constexpr useconds_t kPauseUs = 50'000;
  const bool is_xdp = spec.device_name.starts_with("net_af_xdp");
  for (unsigned tries_left = 20; is_xdp && tries_left != 0; --tries_left) {
    usleep(kPauseUs);
    try {
      return reopen_port(spec, workers, commons);
    } catch (const std::runtime_error&) {
    }
  }
  return reopen_port(spec, workers, commons);
}

}  // namespace

std::shared_ptr<OpenedPort> Dataplane::open(const PortSpec& spec,
                                            const std::shared_ptr<Port>& former) {
  const std::lock_guard lock(impl_->plugging);
  if (spec.device_name.empty()) return std::make_shared<OpenedPort>(OpenedPort{spec, {}, nullptr});
  std::shared_ptr<Port> device =
      former ? open_port(spec, worker_count(), impl_->commons(), former.get())
             : open_anew(spec, worker_count(), impl_->commons());
  const PortFacts facts = device->facts();
  return std::make_shared<OpenedPort>(OpenedPort{spec, facts, std::move(device)});
}

std::shared_ptr<Port> Dataplane::device(PortId port) const noexcept {
  return port < impl_->devices.size() ? impl_->devices[port] : nullptr;
}

void Dataplane::attach(PortId port, std::shared_ptr<OpenedPort> opened) {
  impl_->make_room(port);
  if (impl_->specs[port].name.empty()) {
    impl_->port_baselines[port] = impl_->port_total(port);
    impl_->rx_missed_before[port] = 0;
  }
  std::shared_ptr<Port> former = std::move(impl_->devices[port]);
  if (former) impl_->rx_missed_before[port] += former->rx_missed();
  impl_->specs[port] = std::move(opened->spec);
  impl_->io_facts[port] = std::move(opened->facts);
  impl_->devices[port] = std::move(opened->device);
  const Port* device = impl_->devices[port].get();
  impl_->interface_names[port] = device != nullptr ? device->interface() : "";
  impl_->links[port] = device != nullptr ? device->link() : LinkState{};
  // The next look at links tells.
  impl_->port_is_down[port] = impl_->links[port].status != LinkStatus::kUp;
  if (former) impl_->unbound.push_back(std::move(former));
}

void Dataplane::close(PortId port) {
  std::shared_ptr<Port> device = std::move(impl_->devices[port]);
  impl_->specs[port] = {};
  impl_->io_facts[port] = {};
  impl_->interface_names[port].clear();
  impl_->links[port] = {LinkStatus::kGone, 0};
  if (device) impl_->unbound.push_back(std::move(device));
  if (impl_->frame_rings[port]) impl_->unbound.push_back(std::move(impl_->frame_rings[port]));
}

void Dataplane::bind_ports() {
  impl_->bind();
}

void Dataplane::make_room(PortId end) {
  if (end <= impl_->specs.size()) return;
  impl_->make_room(static_cast<PortId>(end - 1));
  impl_->bind();
}

void Dataplane::activate(PortId port) {
  if (impl_->devices[port]) impl_->devices[port]->activate();
}

void Dataplane::restore(PortId port, const PortSpec& spec, const PortFacts& facts) {
  detach(port);
  impl_->specs[port] = spec;
  impl_->io_facts[port] = facts;
  impl_->bind();
}

bool Dataplane::are_closed() {
  impl_->reap();
  return impl_->retired.empty();
}

const PortSpec& Dataplane::port_spec(PortId port) const noexcept {
  return impl_->specs[port];
}

void Dataplane::take_frames(PortId port) {
  constexpr unsigned kFrames = 64;
  if (impl_->frame_rings[port]) return;
  const std::string name = "adit_frames_" + std::to_string(impl_->frame_rings_made++);
  RingPtr ring(rte_ring_create(name.c_str(), kFrames, static_cast<int>(rte_socket_id()),
                               RING_F_SP_ENQ | RING_F_SC_DEQ));
  if (!ring) return;  // no memory: put_frame() says so
  impl_->frame_rings[port] = std::make_shared<Impl::FrameRing>(std::move(ring));
  impl_->bind();
}

bool Dataplane::put_frame(PortId port, std::span<const uint8_t> frame) {
  if (port >= impl_->frame_rings.size() || !impl_->frame_rings[port]) return false;
  rte_mbuf* mbuf = rte_pktmbuf_alloc(impl_->pool.get());
  if (mbuf == nullptr) return false;
  char* room = frame.size() > UINT16_MAX
                   ? nullptr
                   : rte_pktmbuf_append(mbuf, static_cast<uint16_t>(frame.size()));
  if (room != nullptr) {
    std::memcpy(room, frame.data(), frame.size());
    mbuf->port = port;
    if (rte_ring_sp_enqueue(impl_->frame_rings[port]->ring.get(), mbuf) == 0) return true;
  }
  rte_pktmbuf_free(mbuf);
  return false;
}

void Dataplane::set_promiscuous(PortId port, bool promiscuous) {
  impl_->specs[port].promiscuous = promiscuous;  // also when it is opened again
  if (impl_->devices[port]) impl_->devices[port]->set_promiscuous(promiscuous);
}

}  // namespace adit
