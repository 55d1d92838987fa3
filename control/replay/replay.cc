// SPDX-License-Identifier: Apache-2.0
#include "replay/replay.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "replay/frame_guard.h"

namespace adit::replay {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMs;

// Control's timers are tenths of seconds and more. Longer silences are jumped over but for
// their first and last part, in which all timers that they can bring about come to pass.
constexpr uint64_t kStrideNs = 100 * kMs;
constexpr uint64_t kWalkedNs = 600 * kSecond;

// After the last packet: held ones are sent or given up.
constexpr uint64_t kTailNs = 2 * kSecond;
constexpr uint64_t kLongestTailNs = 60 * kSecond;

// Packets come in one burst at a time and leave at once, so that more than these are never in
// use, whatever aditd is to have with its queues. Fewer, as configured, may run out.
uint32_t mbuf_count(const Config& config) {
  constexpr unsigned kEnough = 8192;
  return std::min(config.system.mbufs.value_or(kEnough), kEnough);
}

// Room for the longest frame of any port, with two VLAN tags.
uint32_t mbuf_room(const Config& config) {
  constexpr unsigned kEthernetAndTags = 14 + 2 * 4;
  unsigned longest = 0;
  for (const PortConfig& port : config.ports) longest = std::max(longest, port.mtu_bytes);
  return std::max<uint32_t>(RTE_MBUF_DEFAULT_BUF_SIZE,
                            RTE_PKTMBUF_HEADROOM + longest + kEthernetAndTags);
}

// A port without `mac:` gets one from its number: a device's own would differ from run to run.
std::vector<MacAddr> port_macs(const Config& config) {
  constexpr uint64_t kLocallyAdministered = 0x0200'0000'0000;
  std::vector<MacAddr> macs;
  for (const PortConfig& port : config.ports)
    macs.push_back(port.mac.value_or(MacAddr::from_u64(kLocallyAdministered + macs.size() + 1)));
  return macs;
}

}  // namespace

unsigned memory_mb(const Config& config) {
  // Without hugepages no buffer crosses a page boundary if it can help it. It has its
  // descriptor and the pool's own words beside the room. A MAC table entry takes some 100 bytes.
  constexpr uint64_t kPage = 4096;
  const uint64_t pages = (mbuf_room(config) + 320 + kPage - 1) / kPage;
  const uint64_t buffers = mbuf_count(config) * pages * kPage;
  const uint64_t fdb = uint64_t{config.system.fdb_capacity} * 160;
  return static_cast<unsigned>(64 + (buffers + fdb) / (1 << 20));
}

Replay::Replay(const Config& config, const Options& options) : burst_(options.burst) {
  DataplaneOptions dataplane;
  dataplane.express = options.express;
  dataplane.workers = options.workers;
  dataplane.mbufs = mbuf_count(config);
  dataplane.mbuf_data_room_bytes = mbuf_room(config);
  dataplane.fdb_capacity = config.system.fdb_capacity;
  dataplane.connections = config.balancer.connections;
  dataplane.persistence_entries = config.balancer.persistence_entries;
  for (const PortConfig& port : config.ports) {
    ports_.push_back(std::make_unique<PcapPort>(port.name));
    PortSpec spec;
    spec.name = port.name;
    spec.io = ports_.back()->io();
    spec.mtu_bytes = port.mtu_bytes;
    dataplane.ports.push_back(spec);
  }
  open_files(options);
  if (const auto* first = input_.peek()) set_time(first->packet.time_ns);

  dataplane_ = std::make_unique<Dataplane>(dataplane);
  hand_out_unguarded(dataplane_->pool());
  dataplane_->observe_drops([this](const rte_mbuf* mbuf, DropReason reason) {
    lift_guard(mbuf);
    drops_.push_back({tags_.get(mbuf), reason});
  });
  control_ = std::make_unique<ControlPlane>(*dataplane_, config, port_macs(config), now_ns_);
}

PortId Replay::port_of(const PortFile& file, const char* option) const {
  for (PortId id = 0; id < ports_.size(); ++id)
    if (ports_[id]->name() == file.port) return id;
  std::string known;
  for (const auto& port : ports_) known += (known.empty() ? "" : ", ") + port->name();
  throw UsageError(std::string(option) + ": the configuration has no port '" + file.port +
                   "'; it has " + (known.empty() ? "none" : known));
}

void Replay::open_files(const Options& options) {
  // All names first: a mistyped one should not leave files behind.
  for (const PortFile& file : options.inputs) port_of(file, "--in");
  for (const PortFile& file : options.outputs) port_of(file, "--out");
  for (const PortFile& file : options.inputs)
    input_.add(port_of(file, "--in"), CaptureReader(file.file));
  for (const PortFile& file : options.outputs)
    ports_[port_of(file, "--out")]->open_output(file.file);
}

void Replay::set_time(uint64_t now_ns) {
  now_ns_ = now_ns;
  for (const auto& port : ports_) port->set_time(now_ns);
}

// What aditd's control thread and its workers do in a moment without packets. The second
// step sends what control just asked for.
void Replay::turn() {
  dataplane_->step(now_ns_);
  control_->tick(now_ns_);
  dataplane_->step(now_ns_);
}

void Replay::pass_time(uint64_t until_ns) {
  if (until_ns <= now_ns_) return;  // a capture's time may go backwards, ours does not
  const uint64_t walked_until = now_ns_ + kWalkedNs;
  while (until_ns - now_ns_ > kStrideNs) {
    if (now_ns_ >= walked_until && until_ns - now_ns_ > kWalkedNs)
      set_time(until_ns - kWalkedNs);
    else
      set_time(now_ns_ + kStrideNs);
    turn();
  }
  set_time(until_ns);
  turn();
}

void Replay::run() {
  turn();  // announcements and requests, at the time of the first packet
  while (const auto* head = input_.peek()) {
    if (head->packet.time_ns < now_ns_)
      notes_.add(ports_[head->port]->name(), head->packet.number,
                 "captured before the packet that precedes it: taken as of the same time");
    pass_time(head->packet.time_ns);
    feed_group();
    work_off_inputs();
    turn();
  }
  for (const auto& broken : input_.broken())
    notes_.add(ports_[broken.port]->name(), broken.packets_read,
               "the capture breaks off after this packet: " + broken.why);
  finish();
}

// The next packet and, up to the burst size, those of the very same time. Which packets
// share a burst is thus decided by the captures alone.
void Replay::feed_group() {
  const uint64_t time_ns = input_.peek()->packet.time_ns;
  for (unsigned i = 0; i < burst_; ++i) {
    const auto* head = input_.peek();
    if (head == nullptr || head->packet.time_ns != time_ns) return;
    feed(*head);
    input_.pop();
  }
}

void Replay::feed(const MergedInput::Head& head) {
  const auto& [port, packet] = head;
  const std::string& name = ports_[port]->name();
  if (packet.original_bytes > packet.bytes.size())
    notes_.add(name, packet.number, "the capture has only the beginning of the frame");

  rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane_->pool());
  if (mbuf == nullptr)
    throw std::runtime_error("no buffer is left for packet " + std::to_string(packet.number) +
                             " of port " + name + ": set system.mbufs higher");
  const auto len = static_cast<uint16_t>(std::min<std::size_t>(packet.bytes.size(), UINT16_MAX));
  char* frame = rte_pktmbuf_append(mbuf, len);
  if (frame == nullptr || len < packet.bytes.size()) {
    rte_pktmbuf_free(mbuf);
    notes_.add(
        name, packet.number,
        "longer than a buffer (" +
            std::to_string(rte_pktmbuf_data_room_size(dataplane_->pool()) - RTE_PKTMBUF_HEADROOM) +
            " bytes, by the largest mtu_bytes): not replayed");
    return;
  }
  std::memcpy(frame, packet.bytes.data(), len);
  tags_.set(mbuf, {port, packet.number});
  guard_tail(mbuf);
  guarded_.push_back(mbuf);
  ports_[port]->push(mbuf);
}

void Replay::work_off_inputs() {
  constexpr unsigned kMostSteps = 2 * kMaxBurst;  // each takes one packet at the very least
  const auto has_due = [](const auto& port) { return port->has_due(); };
  for (unsigned i = 0; std::ranges::any_of(ports_, has_due); ++i) {
    if (i == kMostSteps) throw std::runtime_error("the pipeline does not take its packets");
    dataplane_->step(now_ns_);
  }
  // What the pipeline took in has no other end; the buffers themselves stay where they are.
  for (const rte_mbuf* mbuf : guarded_) lift_guard(mbuf);
  guarded_.clear();
}

void Replay::finish() {
  const uint64_t last_ns = now_ns_;
  while (now_ns_ < last_ns + kTailNs ||
         (dataplane_->held_now() > 0 && now_ns_ < last_ns + kLongestTailNs)) {
    set_time(now_ns_ + kStrideNs);
    turn();
  }
  dataplane_->drain();
  for (const auto& port : ports_) port->finish_output();
}

}  // namespace adit::replay
