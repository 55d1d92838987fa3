// SPDX-License-Identifier: Apache-2.0
// Frames from anywhere through the whole pipeline: every tunnel kind, both families, ARP, ND,
// fragments, routing. An input is a list of frames, each behind 3 bytes: the port (lowest two bits)
// and milliseconds since the frame before, then its length, big-endian. Nothing may be read out of
// bounds, and every buffer must be somewhere known.
#include <rte_eal.h>
#include <rte_mbuf.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>

#include "config/parser.h"
#include "replay/frame_guard.h"
#include "running/control_plane.h"

namespace adit {
namespace {

constexpr const char* kConfig = R"(
ports:
  uplink: {device: 'tap:up0', mtu_bytes: 1600, addresses: [192.0.2.1/24, '2001:db8::1/64']}
  red0: {device: 'tap:red0'}
  blue0: {device: 'tap:blue0', addresses: [10.1.0.254/24, 'fd01::fe/64']}
neighbours:
  - {address: 192.0.2.2, mac: '02:00:00:00:00:02'}
  - {address: '2001:db8::2', mac: '02:00:00:00:00:02'}
tunnels: {reassemble: true, geneve: {zero_checksum6: true}, vxlan: {zero_checksum6: true}}
networks:
  red:
    vni: 100
    carry_vlans: true
    learn_remotes: true
    too_big: fragment
    mss_clamp: true
    tunnel: {ttl_mode: uniform, dscp_mode: uniform, df: inherit}
    members: [{port: red0}, {port: red0, vlan: 7}]
    remotes:
      - {address: 192.0.2.2}
      - {address: 192.0.2.3, kind: nvgre, id: 5000}
      - {address: 192.0.2.4, kind: gre, sequence: true, checksum: true}
      - {address: 192.0.2.5, kind: gre, id: 9}
      - {address: 192.0.2.6, kind: geneve, id: 9}
      - {address: 192.0.2.7, kind: stt, id: 9}
      - {address: '2001:db8::2'}
      - {address: '2001:db8::3', kind: nvgre, id: 5000}
      - {address: '2001:db8::4', kind: gre, id: 9}
      - {address: '2001:db8::6', kind: geneve, id: 9}
      - {address: '2001:db8::7', kind: stt, id: 9}
vrfs:
  blue:
    ports: [blue0]
    vlans: [{port: red0, vlan: 9, addresses: [10.7.0.254/24, 'fd07::fe/64'], router_advertisements: {}}]
    mss_clamp: true
    tunnels:
      plain: {address: 192.0.2.2, kind: ipip, addresses: [10.255.0.1/30]}
      keyed: {address: 192.0.2.3, id: 9, checksum: true, sequence: true}
      far: {address: '2001:db8::2', kind: ipip, tunnel: {ttl_mode: uniform, dscp_mode: uniform}}
      farther: {address: '2001:db8::3'}
    routes:
      - {to: 10.2.0.0/16, tunnel: plain}
      - {to: 'fd02::/16', tunnel: plain}
      - {to: 10.3.0.0/16, tunnel: keyed}
      - {to: 10.4.0.0/16, tunnel: far}
      - {to: 10.5.0.0/16, tunnel: farther}
      - {to: 10.6.0.0/16, via: 10.1.0.1}
    neighbours: [{address: 10.1.0.1, mac: '02:00:00:00:0b:01'}]
)";

constexpr unsigned kPorts = 3;
const MacAddr kOurMac = MacAddr::from_u64(0x0200'0000'0001);

class World {
 public:
  World() {
    const Config config = parse_config(kConfig, "fuzz.yaml");
    DataplaneOptions options;
    options.mbufs = 4095;
    options.fdb_capacity = 1024;
    for (const PortConfig& port : config.ports) {
      PortSpec spec;
      spec.name = port.name;
      spec.mtu_bytes = port.mtu_bytes;
      spec.io = {&due_[options.ports.size()], receive, transmit};
      options.ports.push_back(spec);
    }
    dataplane_ = std::make_unique<Dataplane>(options);
    replay::hand_out_unguarded(dataplane_->pool());
    control_ = std::make_unique<ControlPlane>(
        *dataplane_, config, std::vector<MacAddr>{kOurMac, kOurMac, kOurMac}, now_ns_);
  }

  void run(const uint8_t* data, size_t size) {
    while (size >= 3) {
      const unsigned port = (data[0] & 3) % kPorts;
      now_ns_ += uint64_t{data[0]} / 4 * 1'000'000;
      const size_t len = std::min<size_t>(size_t{data[1]} << 8 | data[2], size - 3);
      data += 3;
      size -= 3;
      put(port, data, len);
      data += len;
      size -= len;
      step();
    }
    // Whoever still waits gives up: then every buffer must be back.
    for (int i = 0; i < 4; ++i) {
      now_ns_ += 2'000'000'000;
      step();
    }
    const uint64_t lost = dataplane_->buffers_in_use() - dataplane_->held_now();
    if (lost != 0) {
      std::fprintf(stderr, "%llu buffers lost\n", static_cast<unsigned long long>(lost));
      std::abort();
    }
  }

 private:
  using Due = std::deque<rte_mbuf*>;

  // The frame ends where the buffer's memory does not: copies of it would hide an overrun from
  // the sanitizer, so what follows is poison.
  void put(unsigned port, const uint8_t* data, size_t len) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(dataplane_->pool());
    if (mbuf == nullptr || len > rte_pktmbuf_tailroom(mbuf)) return rte_pktmbuf_free(mbuf);
    auto* frame = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(mbuf, static_cast<uint16_t>(len)));
    std::memcpy(frame, data, len);
    // A frame for us, so that the fuzzer need not guess the MAC.
    if (port != 1 && len >= 6 && (frame[0] & 1) == 0)
      std::memcpy(frame, kOurMac.bytes.data(), sizeof kOurMac);
    guard_tail(mbuf);
    due_[port].push_back(mbuf);
  }
  void step() {
    control_->tick(now_ns_);
    dataplane_->step(now_ns_);
    dataplane_->step(now_ns_);
  }
  static uint16_t receive(void* context, rte_mbuf** packets, uint16_t n) {
    auto& due = *static_cast<Due*>(context);
    uint16_t count = 0;
    for (; count < n && !due.empty(); ++count) {
      packets[count] = due.front();
      due.pop_front();
    }
    return count;
  }
  static uint16_t transmit(void*, rte_mbuf** packets, uint16_t n) {
    rte_pktmbuf_free_bulk(packets, n);
    return n;
  }

  Due due_[kPorts];
  uint64_t now_ns_ = 1'000'000'000'000;
  std::unique_ptr<Dataplane> dataplane_;
  std::unique_ptr<ControlPlane> control_;
};

void start_eal() {
  std::string directory = "/tmp/adit-fuzz-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) std::abort();
  setenv("RUNTIME_DIRECTORY", directory.c_str(), 1);
  static const char* words[] = {"fuzzer",      "--no-huge",   "-m",
                                "64",          "--no-pci",    "--no-telemetry",
                                "--no-shconf", "--log-level", "*:error"};
  if (rte_eal_init(std::size(words), const_cast<char**>(words)) < 0) std::abort();
}

}  // namespace
}  // namespace adit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static adit::World* world = [] {
    adit::start_eal();
    return new adit::World;
  }();
  world->run(data, size);
  return 0;
}
