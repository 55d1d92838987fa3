// SPDX-License-Identifier: Apache-2.0
#include "config/keys.h"

#include "config/bond_keys.h"
#include "config/fwmark_rule_keys.h"
#include "config/network_keys.h"
#include "config/service_keys.h"
#include "config/shared_keys.h"
#include "config/vrf_keys.h"
#include "config/words.h"

namespace adit {
namespace {

Section<SystemConfig> system_section() {
  using S = SystemConfig;
  Section<S> log;
  log.word("target", &S::log_target,
           "Where the log goes; to stderr while nobody reads the journal's or syslog's socket.");
  log.word("level", &S::log_level, "The lowest severity to log.");

  Section<S> s;
  s.number(
      "workers", &S::workers, 1, 64,
      "Number of worker threads, each on its own core; auto: one for each core except the first.",
      KeyType::kNumberOrAuto);
  s.word("poll", &S::poll, "adaptive: idle workers sleep for microseconds; busy: they never do.");
  s.word("hugepages", &S::hugepages,
         "auto: use hugepages if enough are free, else normal pages; yes: start only with "
         "hugepages; no: use normal pages.");
  s.number("memory_mb", &S::memory_mb, 64, 1048576,
           "DPDK memory in MiB; auto: computed from the number of buffers.",
           KeyType::kNumberOrAuto);
  s.number(
      "mbufs", &S::mbufs, 1024, 16777216,
      "Number of packet buffers; auto: computed from ports, queues, rings and reassembly limits.",
      KeyType::kNumberOrAuto);
  s.number("fdb_capacity", &S::fdb_capacity, 1024, 16777216,
           "Maximum number of MAC addresses, over all networks.");
  s.text("socket", &S::socket, parse_socket_path, "the absolute path of a socket",
         "Unix socket of the API, which aditctl connects to; at most 107 bytes.");
  s.text("user", &S::user, parse_account, kAccount,
         "Account to run as once the ports are open; auto: 'adit' if that account exists and all "
         "ports are tap or af_packet, else the account that started aditd.");
  s.group("log", std::move(log), "Logging.");
  return s;
}

// A bond's port has none in the file.
struct DeviceKey {
  Device& operator()(PortDraft& port) const { return port.device; }
  std::optional<Device> operator()(const PortConfig& port) const {
    return port.bond ? std::nullopt : std::optional(port.device);
  }
};

Section<PortDraft> port_section() {
  using P = PortConfig;
  Section<PortDraft> s;
  s.text("device", DeviceKey{}, parse_device,
         "a PCI address, tap:NAME, af_packet:INTERFACE, af_xdp:INTERFACE or vdev:DPDK-DEVICE",
         "The device of the port: the PCI address of a NIC, a TAP interface to create, an "
         "interface to share with the host (af_packet, af_xdp), or any DPDK virtual device.")
      .fallback("")
      .absent("none");
  s.section("bond", &PortDraft::bond_draft, &P::bond, bond_section(),
            "Several devices in place of 'device', which DPDK's bonding driver makes one.");
  s.number("mtu_bytes", &P::mtu_bytes, 576, 65000,
           "Maximum size of an IP packet, without the Ethernet header. On the underlay, tunnels "
           "need room for their headers: VXLAN takes 50 bytes over IPv4, 70 over IPv6.");
  s.text("mac", &P::mac, parse_station_mac, kStationMac,
         "MAC address of the port; default: that of the device.")
      .absent("the device's own");
  s.flag("promiscuous", &P::promiscuous,
         "Receive frames for any MAC address. Ports that are members of networks always do.");
  s.number("rx_queues", &P::rx_queues, 1, 64,
           "Number of receive queues; auto: one for each worker, or fewer if the device has fewer.",
           KeyType::kNumberOrAuto);
  s.number("tx_queues", &P::tx_queues, 1, 64,
           "Number of transmit queues, at least one for each worker; auto: one for each worker.",
           KeyType::kNumberOrAuto);
  s.number("rx_ring", &P::rx_ring, 64, 8192, "Number of descriptors of each receive queue.",
           KeyType::kPowerOfTwo);
  s.number("tx_ring", &P::tx_ring, 64, 8192, "Number of descriptors of each transmit queue.",
           KeyType::kPowerOfTwo);
  s.word("offload", &P::offload,
         "auto: use GSO frames of up to 64 KiB and partial checksums on devices that support them "
         "(tap); off: only complete frames of at most the MTU.");
  s.word("steer", &P::steer,
         "Of an af_xdp port. auto: an XDP program gives adit what is for its addresses, services "
         "and networks, and leaves all else to the kernel; all: adit gets every packet.");
  s.texts("addresses", &PortDraft::address_drafts, &P::addresses, parse_host_prefix,
          "an IP address and its prefix length, such as 192.0.2.1/24 or 2001:db8::1/64",
          "Addresses of the port. A port with addresses is an underlay port, which leads to "
          "remotes, or a port of a VRF.",
          "An address with the prefix length of its subnet.")
      .each("address", "addresses");
  add_advertisements(s);
  s.check([](Reader& reader, PortDraft& port) { check_bond_port(reader, port); });
  return s;
}

// The keys that only this kind has.
void add_own_keys(Section<TunnelDraft>& s, size_t kind) {
  const TunnelKeys& own = tunnel_keys(kind);
  for (size_t i = 0; i < own.keys.size(); ++i) {
    const TunnelKey& key = own.keys[i];
    s.number(
         key.name, [i](auto& tunnel) -> auto& { return tunnel.own[i]; }, key.least, key.most,
         key.help)
        .fallback(std::to_string(key.fallback));
  }
  if (own.check == nullptr) return;
  s.check([kind](Reader& reader, TunnelDraft& draft) {
    for (const TunnelKeyMistake& mistake : tunnel_keys(kind).check(own_values(draft, kind)))
      reader.misfit(draft.places.at(tunnel_keys(kind).keys[mistake.key].name), mistake.text);
  });
}

Section<TunnelDraft> tunnel_section(size_t index) {
  using T = TunnelConfig;
  const TunnelKindInfo& kind = kTunnelKinds[index];
  Section<TunnelDraft> s;
  if (kind.default_port != 0)
    s.number(port_key(kind), &T::port, 1, 65535,
             "Destination port of packets that are sent and received.")
        .fallback(std::to_string(kind.default_port));
  s.number("ttl", &T::ttl, 1, 255, "Time to live (hop limit) of the outer header.");
  s.number("dscp", &T::dscp, 0, 63, "Differentiated services code point of the outer header.");
  if (kind.ip_protocol == kUdpProtocol)
    s.flag("zero_checksum6", &T::zero_checksum6,
           "Over IPv6, send no UDP checksum, and accept packets without one (RFC 6935).");
  add_own_keys(s, index);
  return s;
}

Section<FragmentsConfig> fragments_section() {
  using T = FragmentsConfig;
  Section<T> s;
  s.number("memory_mb", &T::memory_mb, 1, 1024,
           "Maximum size of the packet buffers of incomplete datagrams, in MiB for each worker. "
           "When it is reached, the oldest datagram is dropped, of the sender that holds most in "
           "the VRF that holds most. At most 2048 datagrams are kept.");
  s.number("timeout_ms", &T::timeout_ms, 10, 60000,
           "Milliseconds after its first fragment in which a datagram has to be complete.");
  return s;
}

Section<ConfigDraft> make_config_section() {
  using C = ConfigDraft;
// Of a draft, or of a Config.
#define ADIT_PART(name)       \
  [](auto& config) -> auto& { \
    return config.name;       \
  }
  Section<C> tunnels;
  tunnels.flag(
      "reassemble", ADIT_PART(reassemble),
      "Reassemble fragments from remotes; otherwise they are dropped, as RFC 7348 permits.");
  for (size_t i = 0; i < kTunnelKindCount; ++i)
    tunnels.section(
        kTunnelKinds[i].name.data(), [i](auto& config) -> auto& { return config.tunnels[i]; },
        tunnel_section(i), kTunnelKinds[i].help);

  Section<C> s;
  s.section("system", ADIT_PART(system), system_section(), "The process as a whole.").restart();
  s.map("ports", ADIT_PART(ports), ADIT_PART(ports), port_section(), {}, 1, kMaxPorts,
        "The ports, by name.")
      .required();
  s.list("routes", ADIT_PART(routes), ADIT_PART(routes), route_section(), route_naming(),
         kMaxRoutes, "Static routes of the underlay.");
  s.list("neighbours", ADIT_PART(neighbours), ADIT_PART(neighbours), neighbour_section(),
         neighbour_naming(), kMaxNeighbours, "Static neighbours of the underlay.");
  s.section(
      "kernel_neighbours", [](auto& config) -> auto& { return config.kernel_neighbours_draft; },
      ADIT_PART(kernel_neighbours), kernel_neighbours_section(),
      "Take neighbours of the underlay from interfaces of the kernel, which has learned them or "
      "been told. One is used if its address is on a subnet of a port. 'neighbours' of this file "
      "come first.");
  s.section(
      "host", [](auto& config) -> auto& { return config.host_draft; }, ADIT_PART(host),
      host_section(),
      "Make an interface of the kernel with the underlay's addresses. Packets to them that adit "
      "does not take itself go there, and what programs of the host send by it is routed by the "
      "underlay.");
  s.group("tunnels", std::move(tunnels), "Options of all tunnels, by kind.");
  s.section("fragments", ADIT_PART(fragments), fragments_section(),
            "Reassembly of IP fragments to our own addresses and services, and from remotes if "
            "'tunnels' has 'reassemble'.");
  s.map("networks", ADIT_PART(networks), ADIT_PART(networks), network_section(),
        {.more = [](const NetworkConfig& network) { return "vni " + std::to_string(network.vni); }},
        0, kMaxNetworks, "The networks (bridge domains), by name.");
  s.map("vrfs", ADIT_PART(vrfs), ADIT_PART(vrfs), vrf_section(), {}, 0, kMaxVrfs,
        "The routing tables of tenants (VRFs), by name.");
  s.section("balancer", ADIT_PART(balancer), balancer_section(), "Options of all services.");
  s.map("services", ADIT_PART(services), ADIT_PART(services), service_section(), {}, 0,
        kMaxServices, "Virtual services, which balance connections over backends, by name.");
  s.list("classifier", ADIT_PART(classifier), ADIT_PART(classifier), fwmark_rule_section(), {},
         kMaxFwmarkRules,
         "Rules that give firewall marks to connections, for services with 'mark'. The first entry "
         "that matches applies.");
#undef ADIT_PART
  return s;
}

}  // namespace

const Section<ConfigDraft>& config_section() {
  static const Section<ConfigDraft> section = make_config_section();
  return section;
}

std::vector<KeyInfo> config_keys() {
  return config_section().keys();
}

}  // namespace adit
