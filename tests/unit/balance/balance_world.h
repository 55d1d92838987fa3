// SPDX-License-Identifier: Apache-2.0
// A gateway of one worker or several, in step, with ports in memory, that tells what became of each
// packet; and its configuration, written from the model's services.
#pragma once

#include <memory>

#include "balance_model.h"
#include "config/parser.h"
#include "l4_packets.h"
#include "pipeline.h"
#include "run_loop.h"
#include "running/control_plane.h"

namespace adit {

// Says that backends are up but those that the test has put down.
class ToldChecks : public HealthChecks {
 public:
  void add(HealthKey, const HealthTarget&, FirstCheck) override {}
  void update(HealthKey, const HealthTarget&) override {}
  void remove(HealthKey key) override { down.erase(key); }
  bool up(HealthKey key) const override { return !down.contains(key); }
  std::optional<HealthView> find(HealthKey) const override { return std::nullopt; }

  std::set<HealthKey> down;
};

class BalanceWorld {
 public:
  static constexpr PortId kEdge0 = 0, kEdge1 = 1, kBack = 2, kPorts = 3;
  static constexpr uint64_t kPersistenceSeconds = 100;

  // `schedulers`: by service.
  BalanceWorld(const BalanceModel& model, const std::vector<std::string>& schedulers,
               unsigned workers, unsigned seed)
      : model_(model), whole_(parse_config(config_text(model, schedulers), "test")), maker_(seed) {
    DataplaneOptions options;
    options.workers = workers;
    options.mbufs = 4095;
    options.fdb_capacity = 1024;
    options.connections = 4096;
    options.persistence_entries = 1024;
    std::vector<MacAddr> macs;
    for (PortId port = 0; port < kPorts; ++port) {
      wires_[port] = {this, port, {}};
      PortSpec spec;
      spec.name = "port" + std::to_string(port);
      spec.io = {&wires_[port], receive, transmit};
      options.ports.push_back(spec);
      macs.push_back(MacAddr::from_u64(0x0200'0000'0000 + port));
    }
    dataplane_ = std::make_unique<Dataplane>(options);
    dataplane_->observe_drops([this](const rte_mbuf* mbuf, DropReason reason) {
      Outcome& fate = fates_[id_of(mbuf)];
      ++fate.times;
      fate.drop = reason;
    });
    control_ = std::make_unique<ControlPlane>(*dataplane_, whole_, macs, now_ns_);
    control_->backends().check_by(checks_, now_ns_);
    take_ids();
    run();
  }

  void reload() {
    Config config = whole_;
    for (size_t s = 0; s < model_.services.size(); ++s) {
      const BalanceModel::Service& service = model_.services[s];
      const auto place = std::ranges::find(config.services, service.name, &ServiceConfig::name);
      if (!service.present) {
        config.services.erase(place);
        continue;
      }
      place->backends.clear();
      for (const BalanceModel::Backend& backend : service.backends) {
        if (!backend.present) continue;
        BackendConfig& added = place->backends.emplace_back();
        added.address = backend.at.address;
        added.port = backend.at.port;
        added.weight = backend.weight;
      }
    }
    control_->apply(config, now_ns_);
    take_ids();
  }
  // What a check has found.
  void tell(size_t service, size_t index, bool up) {
    const BackendId id = ids_.at({service, index, backend(service, index).life});
    if (up)
      checks_.down.erase(id);
    else
      checks_.down.insert(id);
    control_->backends().changed(id, up, now_ns_);
  }
  // At least 2 seconds, so that the next pass looks at all connections.
  void wait(uint64_t ms) {
    now_ns_ += ms * 1'000'000;
    control_->tick(now_ns_);
    run();
  }
  uint64_t now_s() const { return now_ns_ / 1'000'000'000; }

  // Lets a packet come in, the next time that run() is called; returns its number.
  uint32_t arrive(PortId port, const End& source, const End& destination, Segment segment,
                  bool from_backend) {
    constexpr uint8_t kFlags[] = {0x02, 0x18, 0x11, 0x04};
    constexpr uint8_t kChunks[] = {1, 2, 10, 11, 0, 6};
    FrameShape shape;
    shape.v6 = !source.address.is_v4();
    shape.payload = 4;
    shape.tcp_flags = 0;
    if (segment < Segment::kDatagram) {
      shape.protocol = kTcpNumber;
      shape.tcp_flags = kFlags[static_cast<size_t>(segment)];
    } else {
      shape.protocol = segment == Segment::kDatagram ? kUdpNumber : kSctpNumber;
    }
    const bool sctp = shape.protocol == kSctpNumber;
    if (sctp) shape.payload = 12;  // a checksum, and a chunk of 8 bytes
    if ((segment == Segment::kSyn || segment == Segment::kRst) && from_backend)
      shape.tcp_flags |= 0x10;
    Frame frame = maker_.make(shape);
    const size_t width = shape.v6 ? 16 : 4, address = frame.ip + (shape.v6 ? 8 : 12);
    std::memcpy(&frame.bytes[0], &control_->port_macs()[port], sizeof(MacAddr));
    std::memcpy(&frame.bytes[address], source.address.bytes.data(), width);
    std::memcpy(&frame.bytes[address + width], destination.address.bytes.data(), width);
    put16(frame.bytes, frame.l4, source.port);
    put16(frame.bytes, frame.l4 + 2, destination.port);
    put32(frame.bytes, frame.end - 4, ++last_id_);
    if (shape.protocol == kTcpNumber) {  // numbers that fit, and tell nothing new behind the first
      constexpr uint32_t kFirst = 1000, kBehind = kFirst + 4 + 1;
      const bool counts_one = segment == Segment::kSyn || segment == Segment::kFin;
      put32(frame.bytes, frame.l4 + 4,
            segment == Segment::kRst ? kBehind
            : counts_one             ? kFirst
                                     : kFirst + 1);
      put32(frame.bytes, frame.l4 + 8, kBehind);
    }
    frame.finish_ip();
    if (sctp) {
      constexpr uint32_t kTag = 7;  // of all associations, both ways
      put32(frame.bytes, frame.l4 + 4, kTag);
      const auto type = kChunks[static_cast<size_t>(segment) - static_cast<size_t>(Segment::kInit)];
      put32(frame.bytes, frame.l4 + 12, uint32_t{type} << 24 | 8);
      put32(frame.bytes, frame.l4 + 8, sctp_checksum(slice(frame.bytes, frame.l4, frame.end)));
    } else {
      frame.finish_l4();
    }
    if (shape.protocol == kUdpNumber && get16(frame.bytes, frame.l4 + 6) == 0)
      put16(frame.bytes, frame.l4 + 6, 0xffff);
    rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane_->pool());
    if (mbuf == nullptr) throw std::runtime_error("no buffer");
    std::memcpy(rte_pktmbuf_append(mbuf, static_cast<uint16_t>(frame.bytes.size())),
                frame.bytes.data(), frame.bytes.size());
    wires_[port].arriving.push_back(mbuf);
    flags_[last_id_] = shape.tcp_flags;
    return last_id_;
  }
  // As many passes as packets can take, from worker to worker. By their numbers; others than
  // those that came in should not be there.
  std::map<uint32_t, Outcome> run() {
    fates_.clear();
    for (unsigned i = 0; i < 6; ++i)
      for (unsigned id = 0; id < dataplane_->worker_count(); ++id) {
        begin_pass(dataplane_->worker(id), now_ns_);
        NoProfile probe;
        run_pass(dataplane_->worker(id), probe);
      }
    flags_.clear();
    return std::exchange(fates_, {});
  }

  Dataplane& dataplane() { return *dataplane_; }
  const ControlPlane& control() const { return *control_; }

  // What does not agree with the model in what is counted for backends, of all that ever were.
  std::string check_loads() const {
    for (const auto& [which, id] : ids_) {
      const auto& [service, backend, life] = which;
      const auto state = dataplane_->backend_state(id);
      const BalanceModel::Load load = model_.load(service, backend, life);
      if (state.active != load.active || state.inactive != load.inactive)
        return "backend " + to_string(model_.services[service].backends[backend].at) + " has " +
               std::to_string(state.active) + " active and " + std::to_string(state.inactive) +
               " inactive connections, not " + std::to_string(load.active) + " and " +
               std::to_string(load.inactive);
    }
    return "";
  }
  // What does not add up in what each worker counts of its connections: in all, for owners, for
  // VRFs, for the backends of services.
  std::string check_sums() const {
    for (unsigned id = 0; id < dataplane_->worker_count(); ++id) {
      Worker& worker = dataplane_->worker(id);
      Connections& connections = *worker.connections;
      uint32_t all = 0, of_services = 0;
      std::map<OwnerIndex, uint32_t> of_owner;
      std::map<VrfId, uint32_t> of_vrf;
      std::map<BackendId, uint32_t> of_backend;
      ConnectionTable::Progress progress = 0;
      connections.sweep(progress, UINT32_MAX, [&](ConnectionId, const Connection& connection) {
        ++all;
        ++of_owner[index_of(connection.owner)];
        ++of_vrf[connection.forward.vrf];
        if (connection.owner.kind != OwnerKind::kService) return;
        ++of_services;
        ++of_backend[connection.backend];
      });
      uint32_t by_owner = 0, by_vrf = 0, by_load = 0;
      for (OwnerIndex owner = 0; owner < kOwnerIndices; owner += owner % 65536 == 100 ? 65436 : 1) {
        const auto kind = static_cast<OwnerKind>(owner >> 16);
        const uint32_t held =
            connections.shares().held_by({static_cast<uint16_t>(owner & 65535), kind});
        if (held != of_owner[owner]) return "an owner's share: " + std::to_string(owner);
        by_owner += held;
      }
      for (VrfId vrf = 0; vrf < 10; ++vrf) {
        if (connections.held_by_vrf(vrf) != of_vrf[vrf]) return "the share of a VRF";
        by_vrf += connections.held_by_vrf(vrf);
      }
      std::set<BackendId> backends;
      for (const auto& [which, backend] : ids_) backends.insert(backend);
      for (const BackendId backend : backends) {
        const BackendLoad& load = worker.balancer->loads[backend];
        if (load.active + load.inactive != of_backend[backend]) return "the load of a backend";
        by_load += of_backend[backend];
      }
      if (all != connections.table().size() || all != connections.size() || all != by_owner ||
          all != by_vrf || of_services != by_load)
        return std::to_string(all) + " connections, " + std::to_string(of_services) +
               " of services, but " + std::to_string(connections.size()) + " by the table, " +
               std::to_string(by_owner) + " by owners, " + std::to_string(by_vrf) + " by VRFs, " +
               std::to_string(by_load) + " by loads";
    }
    return "";
  }

 private:
  struct Wire {
    BalanceWorld* world = nullptr;
    PortId port = 0;
    std::vector<rte_mbuf*> arriving;
  };
  using Which = std::tuple<size_t, size_t, unsigned>;  // service, backend, its life

  const BalanceModel::Backend& backend(size_t service, size_t index) const {
    return model_.services[service].backends[index];
  }

  // Addresses of backends, of each IP version, differ in their last two bytes.
  static MacAddr mac_of(const IpAddr& backend) {
    const size_t last = backend.is_v4() ? 3 : 15;
    return MacAddr::from_u64((backend.is_v4() ? 0x0200'0400'0000u : 0x0200'0600'0000u) |
                             unsigned{backend.bytes[last - 1]} << 8 | backend.bytes[last]);
  }

  // Of all services with all their backends.
  static std::string config_text(const BalanceModel& model,
                                 const std::vector<std::string>& schedulers) {
    static const std::string kProtocols[] = {"tcp", "udp", "sctp"};
    static const std::string kWays[] = {"nat", "fullnat", "direct", "tunnel"};
    std::string neighbours, locals;
    std::set<IpAddr> known;
    for (const IpAddr& local : model.locals)
      locals += (locals.empty() ? "" : ", ") + ("\"" + to_string(local) + "\"");
    // Nobody asks for these: they are there for the local and virtual addresses always to be the
    // gateway's. Where a virtual address is none any more, packets to it do not come to the worker
    // of their connection.
    std::string services;
    for (const char* address : {"10.9.0.80", "fd09::80"}) {
      if (!model.keeps_addresses) break;
      services += "  rest" + std::to_string(services.size()) + ": {vrf: blue, address: \"" +
                  address + "\", port: 1, forwarding: fullnat, local_addresses: [" + locals +
                  "], backends: [{address: 10.2.0.250}]}\n";
    }
    for (size_t s = 0; s < model.services.size(); ++s) {
      const BalanceModel::Service& service = model.services[s];
      std::string backends;
      for (const BalanceModel::Backend& backend : service.backends) {
        const std::string address = "{address: \"" + to_string(backend.at.address) + "\"";
        if (known.insert(backend.at.address).second)
          neighbours +=
              "      - " + address + ", mac: \"" + to_string(mac_of(backend.at.address)) + "\"}\n";
        backends += (backends.empty() ? "" : ", ") + address +
                    ", port: " + std::to_string(backend.at.port) + "}";
      }
      const std::string& scheduler = schedulers[s];
      services += "  " + service.name + ": {vrf: blue, address: \"" +
                  to_string(service.at.address) + "\", port: " + std::to_string(service.at.port) +
                  ", protocol: " + kProtocols[static_cast<size_t>(service.over)] +
                  ", scheduler: " + scheduler +
                  (scheduler == "mh"   ? ", scheduler_options: {fallback: true, table_size: 251}"
                   : scheduler == "sh" ? ", scheduler_options: {fallback: true}"
                                       : "") +
                  ", forwarding: " + kWays[static_cast<size_t>(service.way)] +
                  (service.full_nat() ? ", local_addresses: [" + locals + "]" : "") +
                  (service.persistent
                       ? ", persistence: {timeout_s: " + std::to_string(kPersistenceSeconds) + "}"
                       : "") +
                  ", drain_udp_s: 0, on_down: " + (service.keeps ? "keep" : "expire") +
                  ", health: {kind: tcp}, backends: [" + backends + "]}\n";
    }
    return R"(
ports:
  edge0: {device: "tap:edge0", addresses: [10.1.0.254/24, "fd01::254/64"]}
  edge1: {device: "tap:edge1", addresses: [10.3.0.254/24, "fd03::254/64"]}
  back: {device: "tap:back", addresses: [10.2.0.254/24, "fd02::254/64"]}
balancer: {templates: 1024, expire_nodest: )" +
           std::string(model.expire_nodest ? "true" : "false") + R"(}
vrfs:
  blue:
    ports: [edge0, edge1, back]
    routes: [{to: 10.64.0.0/10, via: 10.1.0.1}, {to: "fd64::/16", via: "fd01::1"}]
    neighbours:
      - {address: 10.1.0.1, mac: "02:00:00:00:01:01"}
      - {address: "fd01::1", mac: "02:00:00:00:01:01"}
)" + neighbours +
           "services:\n" + services;
  }
  void take_ids() {
    for (size_t s = 0; s < model_.services.size(); ++s)
      for (size_t i = 0; i < model_.services[s].backends.size(); ++i)
        if (const auto& [at, present, up, weight, life] = backend(s, i); present)
          ids_[{s, i, life}] =
              control_->ids().backends.at({model_.services[s].name, "blue", at.address, at.port});
  }

  // The last bytes of all that came in; 0: too short.
  static uint32_t id_of(const rte_mbuf* mbuf) {
    if (mbuf->nb_segs != 1 || mbuf->data_len < 4) return 0;
    uint32_t id = 0;
    std::memcpy(&id, rte_pktmbuf_mtod_offset(mbuf, const char*, mbuf->data_len - 4), sizeof id);
    return __builtin_bswap32(id);
  }
  static uint16_t receive(void* context, rte_mbuf** packets, uint16_t n) {
    auto& arriving = static_cast<Wire*>(context)->arriving;
    const auto count = static_cast<uint16_t>(std::min<size_t>(n, arriving.size()));
    std::copy_n(arriving.begin(), count, packets);
    arriving.erase(arriving.begin(), arriving.begin() + count);
    return count;
  }
  static uint16_t transmit(void* context, rte_mbuf** packets, uint16_t n) {
    const auto& wire = *static_cast<Wire*>(context);
    for (unsigned i = 0; i < n; ++i) wire.world->sent(wire.port, packets[i]);
    rte_pktmbuf_free_bulk(packets, n);
    return n;
  }
  static IpAddr address_at(const Bytes& packet, size_t offset, bool v6) {
    IpAddr address;
    address.family = v6 ? IpFamily::kV6 : IpFamily::kV4;
    std::memcpy(address.bytes.data(), &packet.at(offset), v6 ? 16 : 4);
    return address;
  }
  IpAddr owner_of_mac(const Bytes& frame) const {
    for (const BalanceModel::Service& service : model_.services)
      for (const BalanceModel::Backend& backend : service.backends) {
        const MacAddr mac = mac_of(backend.at.address);
        if (std::memcmp(&mac, frame.data(), sizeof mac) == 0) return backend.at.address;
      }
    return {};
  }
  // What the gateway says itself is no matter here: ARP, ND, ICMP errors, resets.
  void sent(PortId port, const rte_mbuf* mbuf) {
    const auto* data = rte_pktmbuf_mtod(mbuf, const uint8_t*);
    const Bytes frame(data, data + mbuf->data_len);
    const unsigned type = get16(frame, 12);
    if (type != kEtherTypeIpv4 && type != kEtherTypeIpv6) return;
    Bytes packet = slice(frame, 14, frame.size());
    bool v6 = type == kEtherTypeIpv6;
    uint8_t protocol = packet.at(v6 ? 6 : 9);
    IpAddr next = owner_of_mac(frame);
    const bool wrapped = protocol == 4 || protocol == 41;
    std::string fault;
    if (wrapped) {
      fault = fault_of(packet);
      if (address_at(packet, v6 ? 24 : 16, v6) != next) fault = "MAC of the wrapped";
      packet = slice(packet, v6 ? 40 : 20, packet.size());
      v6 = protocol == 41;
      protocol = packet.at(v6 ? 6 : 9);
    }
    const size_t l4 = v6 ? 40 : 20;
    if (protocol != kTcpNumber && protocol != kUdpNumber && protocol != kSctpNumber) return;
    if (packet.size() < l4 + (protocol == kTcpNumber ? 20 : 8) + 4) return;
    Outcome& fate = fates_[id_of(mbuf)];
    ++fate.times;
    fate.sent = true;
    fate.to_backends = port == kBack;
    fate.next = next;
    fate.wrapped = wrapped;
    fate.source = {address_at(packet, v6 ? 8 : 12, v6), static_cast<uint16_t>(get16(packet, l4))};
    fate.destination = {address_at(packet, v6 ? 24 : 16, v6),
                        static_cast<uint16_t>(get16(packet, l4 + 2))};
    fate.fault = fault.empty() ? fault_of(packet) : fault;
    if (protocol == kTcpNumber && packet[l4 + 13] != flags_[id_of(mbuf)]) fate.fault = "TCP flags";
  }

  const BalanceModel& model_;
  const Config whole_;
  FrameMaker maker_;
  uint64_t now_ns_ = 1'000'000'000'000;
  uint32_t last_id_ = 0;
  std::map<uint32_t, Outcome> fates_;
  std::map<uint32_t, uint8_t> flags_;
  std::map<Which, BackendId> ids_;
  std::array<Wire, kPorts> wires_;
  ToldChecks checks_;
  std::unique_ptr<Dataplane> dataplane_;
  std::unique_ptr<ControlPlane> control_;
};

}  // namespace adit
