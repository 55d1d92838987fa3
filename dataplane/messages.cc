// SPDX-License-Identifier: Apache-2.0
// Messages between workers and control: events, packets, commands, connection dumps.
#include <algorithm>
#include <cstring>

#include "dataplane_impl.h"

namespace adit {

bool Dataplane::dump(unsigned worker, std::shared_ptr<ConnectionDump> dump) {
  if (!takes_dump(worker)) return false;
  impl_->dumps[worker] = std::move(dump);
  impl_->workers[worker]->dump.store(impl_->dumps[worker].get(), std::memory_order_release);
  impl_->workers[worker]->doorbell.ring();
  return true;
}

bool Dataplane::takes_dump(unsigned worker) {
  if (impl_->workers[worker]->dump.load(std::memory_order_acquire) != nullptr) return false;
  impl_->dumps[worker] = nullptr;
  return true;
}

// Each time another worker's ring is read first, so that no worker is starved.
unsigned Dataplane::poll_events(std::span<Event> events) {
  const std::size_t workers = impl_->workers.size();
  std::size_t count = 0;
  for (std::size_t i = 0; i < workers && count < events.size(); ++i) {
    Worker& worker = *impl_->workers[(impl_->first_to_poll + i) % workers];
    const unsigned taken =
        rte_ring_sc_dequeue_burst_elem(worker.events, events.data() + count, sizeof(Event),
                                       static_cast<unsigned>(events.size() - count), nullptr);
    for (const Event& event : events.subspan(count, taken))
      worker.events_waiting[event.tenant].fetch_sub(1, std::memory_order_relaxed);
    count += taken;
  }
  impl_->first_to_poll = (impl_->first_to_poll + 1) % workers;
  return static_cast<unsigned>(count);
}

bool Dataplane::send(Command command) {
  // Every worker has a queue on every port, so the first one will do.
  const bool sent =
      rte_ring_sp_enqueue_elem(impl_->command_rings[0].get(), &command, sizeof command) == 0;
  impl_->workers[0]->doorbell.ring();
  return sent;
}

void Dataplane::finish_commands() {
  const uint64_t end_ns = monotonic_ns() + 200'000'000;
  const auto wait_while = [&](auto waiting) {
    while (impl_->running && waiting() && monotonic_ns() < end_ns) rte_delay_us_sleep(100);
  };
  rte_ring* const ring = impl_->command_rings[0].get();
  wait_while([&] { return rte_ring_empty(ring) == 0; });
  // The pass that took the last of them, to its end.
  const uint64_t loops = impl_->workers[0]->counters.loops.get();
  impl_->workers[0]->doorbell.ring();
  wait_while([&] { return impl_->workers[0]->counters.loops.get() == loops; });
}

bool Dataplane::send_packet(VrfId vrf, BackendId backend, std::span<const uint8_t> packet) {
  // Commands that are not packets find room: neighbours are asked for with them.
  rte_ring* const ring = impl_->command_rings[0].get();
  if (rte_ring_free_count(ring) < rte_ring_get_capacity(ring) / 2) return false;
  rte_mbuf* mbuf = rte_pktmbuf_alloc(impl_->pool.get());
  if (mbuf == nullptr) return false;
  Command command{};
  command.kind = Command::Kind::kSendPacket;
  command.packet = mbuf;
  command.vrf = vrf;
  command.backend = backend;
  char* room = packet.size() > UINT16_MAX
                   ? nullptr
                   : rte_pktmbuf_append(mbuf, static_cast<uint16_t>(packet.size()));
  if (room != nullptr) {
    std::memcpy(room, packet.data(), packet.size());
    if (send(command)) return true;
  }
  rte_pktmbuf_free(mbuf);
  return false;
}

namespace {

// The bytes of a packet in several buffers.
std::span<const uint8_t> whole(const rte_mbuf* mbuf, std::vector<uint8_t>& room) {
  room.clear();
  for (; mbuf != nullptr; mbuf = mbuf->next) {
    const auto* begin = rte_pktmbuf_mtod(mbuf, const uint8_t*);
    room.insert(room.end(), begin, begin + mbuf->data_len);
  }
  return room;
}

}  // namespace

void Dataplane::take_punted(const std::function<void(const Punted&)>& take) {
  constexpr unsigned kMostOfWorker = 64;
  for (auto& worker : impl_->workers) {
    std::array<PuntedPacket, kMostOfWorker> packets;
    const unsigned n = rte_ring_sc_dequeue_burst_elem(worker->punted, packets.data(),
                                                      sizeof(PuntedPacket), kMostOfWorker, nullptr);
    for (const PuntedPacket& packet : std::span(packets).first(n)) {
      worker->punts_waiting[tenant_of_vrf(packet.vrf)].fetch_sub(1, std::memory_order_relaxed);
      std::span<const uint8_t> bytes(rte_pktmbuf_mtod(packet.mbuf, const uint8_t*),
                                     packet.mbuf->data_len);
      if (packet.of_host && packet.mbuf->nb_segs > 1) bytes = whole(packet.mbuf, impl_->joined);
      take({{packet.vrf, packet.protocol, packet.port},
            packet.link,
            packet.has_ethernet,
            packet.of_host,
            bytes});
      rte_pktmbuf_free(packet.mbuf);
    }
  }
}

}  // namespace adit
