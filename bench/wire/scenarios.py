# SPDX-License-Identifier: Apache-2.0
"""The scenarios of the kits: what a generator sends into each of adit's two ports, and the YAML that
belongs to it. Every frame of a stream leaves adit by the other port, once."""

import dataclasses
import ipaddress

import frames

IMIX = 0  # as a size
PROBE_BYTES = 12  # what a probe's payload ends with
IMIX_SIZES = (64, 570, 64, 64, 570, 64, 1518, 64, 570, 64, 64, 570)  # 7 : 4 : 1
FCS = 4
LEAST_SIZE = 64
MOST_FLOWS, MOST_NETWORKS, MOST_BACKENDS = 1_000_000, 4000, 4000

# Ours, and of what the generator plays: remote, router and hosts.
ACCESS_MAC, UPLINK_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:01"
REMOTE_MAC, ROUTER_MAC = "02:0c:00:00:00:01", "02:0c:00:00:00:02"
ALL_BACKENDS_MAC = "02:0c:00:00:00:03"
INSIDE_MACS, OUTSIDE_MACS, BACKEND_MACS = 0x020A_0000_0000, 0x020B_0000_0000, 0x020D_0000_0000
INSIDE_IPS, OUTSIDE_IPS, BACKEND_IPS = "10.0.0.0", "11.0.0.0", "12.0.0.10"
SERVICE_IP, SERVICE_PORT, CLIENT_PORT = {4: "11.0.0.1", 6: "2001:db8:0:2::1"}, 80, 1024
OUTER = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
FIRST_VNI = 10000


@dataclasses.dataclass(frozen=True)
class Load:
    """How much of what: sizes are of the frame of a host with FCS, without VLAN tag and tunnel."""

    flows: int = 1000
    size: int = 64
    networks: int = 1
    backends: int = 64

    def sizes(self):
        """Of all frames of a stream, without FCS."""
        if self.size != IMIX:
            return [self.size - FCS] * self.flows
        count = -(-self.flows // len(IMIX_SIZES)) * len(IMIX_SIZES)
        return [IMIX_SIZES[i % len(IMIX_SIZES)] - FCS for i in range(count)]


def payload(size, tail):
    return bytes(max(0, size - len(tail))) + tail


def mac_number(base, number):
    return (base + number).to_bytes(6, "big")


def mac_text(mac):
    return mac.hex(":")


def address(base, number):
    return (ipaddress.ip_address(base) + number).packed


class Scenario:
    """`ports`: ours. `ways`: by name, the ports by which frames come and go."""

    ports = ("access", "uplink")
    ways = {"encap": ("access", "uplink"), "decap": ("uplink", "access")}
    learned_replies = False  # the way back is made of what came out
    networks = backends = False  # whether their number matters

    def __init__(self, name, what, version=4):
        self.name, self.what, self.version = name, what, version

    def least_size(self):
        """Of a host's frame, with FCS."""
        return LEAST_SIZE

    def system_keys(self, load):
        """Lines of the section `system`."""
        return []


class Bridged(Scenario):
    """A network for each VLAN of the access port, with a remote; each flow has MACs of its own."""

    networks = True

    def __init__(self, name, kind, version):
        super().__init__(name, f"{kind} over IPv{version}, bridged", version)
        self.kind = kind

    @staticmethod
    def vlan(load, flow):
        return 0 if load.networks == 1 else 1 + flow % load.networks

    @staticmethod
    def identifier(load, flow):
        return FIRST_VNI + flow % load.networks

    def body(self, load, devices):
        ours, remote = OUTER[self.version]
        networks = []
        for number in range(load.networks):
            vlan = "" if load.networks == 1 else f", vlan: {1 + number}"
            vni = FIRST_VNI + number
            networks.append(
                f"  n{number}:\n    vni: {vni}\n    mac_limit: {max(1024, 2 * load.flows)}\n    mac_aging_s: 86400\n"
                f"    members: [{{port: access{vlan}}}]\n"
                f'    remotes: [{{address: "{remote}", kind: {self.kind}, id: {vni}}}]\n')
        return (f"""ports:
  access: {{device: "{devices['access']}", mac: "{ACCESS_MAC}", mtu_bytes: 9000}}
  uplink:
    device: "{devices['uplink']}"
    mac: "{UPLINK_MAC}"
    mtu_bytes: 9200
    addresses: ["{ours}/{24 if self.version == 4 else 64}"]
neighbours:
  - {{address: "{remote}", mac: "{REMOTE_MAC}"}}
networks:
""" + "".join(networks))

    def system_keys(self, load):
        return [f"fdb_capacity: {min(16777216, max(65536, 4 * load.flows))}"]

    def inner(self, way, flow, size, tail):
        """The frame of a host; ends change places with the way."""
        inside = mac_number(INSIDE_MACS, flow), address(INSIDE_IPS, flow)
        outside = mac_number(OUTSIDE_MACS, flow), address(OUTSIDE_IPS, flow)
        (src_mac, src), (dst_mac, dst) = (inside, outside) if way == "encap" else (outside, inside)
        datagram = frames.udp(src, dst, 1024, 9, payload(size - 14 - 20 - 8, tail), sum_it=False)
        return dst_mac, src_mac, frames.ip(src, dst, frames.UDP, datagram)

    def frame(self, load, way, flow, size, tail=b""):
        dst, src, packet = self.inner(way, flow, size, tail)
        if way == "encap":
            return frames.ethernet(dst, src, frames.ETHERTYPE[4], packet, self.vlan(load, flow))
        ours, remote = map(frames.packed, OUTER[self.version])
        inner = frames.ethernet(dst, src, frames.ETHERTYPE[4], packet)
        outer = frames.wrapped(self.kind, self.identifier(load, flow), inner, remote, ours, flow)
        return frames.ethernet(frames.mac(UPLINK_MAC), frames.mac(REMOTE_MAC), frames.ETHERTYPE[self.version], outer)


class Routed(Scenario):
    """A VRF between a router on its port and a tunnel."""

    def __init__(self, name, kind, version):
        super().__init__(name, f"{kind} over IPv{version}, routed", version)
        self.kind = kind

    def body(self, load, devices):
        ours, remote = OUTER[self.version]
        key = f", id: {FIRST_VNI}" if self.kind == "gre-ip" else ""
        return f"""ports:
  access: {{device: "{devices['access']}", mac: "{ACCESS_MAC}", mtu_bytes: 9000, addresses: [172.16.0.1/24]}}
  uplink:
    device: "{devices['uplink']}"
    mac: "{UPLINK_MAC}"
    mtu_bytes: 9200
    addresses: ["{ours}/{24 if self.version == 4 else 64}"]
neighbours:
  - {{address: "{remote}", mac: "{REMOTE_MAC}"}}
vrfs:
  v:
    ports: [access]
    neighbours: [{{address: 172.16.0.2, mac: "{ROUTER_MAC}"}}]
    tunnels: {{t: {{kind: {self.kind}, address: "{remote}"{key}}}}}
    routes: [{{to: 10.0.0.0/8, via: 172.16.0.2}}, {{to: 11.0.0.0/8, tunnel: t}}]
"""

    def frame(self, load, way, flow, size, tail=b""):
        ends = address(INSIDE_IPS, flow), address(OUTSIDE_IPS, flow)
        src, dst = ends if way == "encap" else ends[::-1]
        packet = frames.ip(src, dst, frames.UDP, frames.udp(src, dst, 1024, 9, payload(size - 42, tail), sum_it=False))
        if way == "encap":
            return frames.ethernet(frames.mac(ACCESS_MAC), frames.mac(ROUTER_MAC), frames.ETHERTYPE[4], packet)
        ours, remote = map(frames.packed, OUTER[self.version])
        outer = frames.wrapped(self.kind, FIRST_VNI, packet, remote, ours, flow)
        return frames.ethernet(frames.mac(UPLINK_MAC), frames.mac(REMOTE_MAC), frames.ETHERTYPE[self.version], outer)


class Service(Scenario):
    """A UDP service of a VRF between the clients' router and the backends' subnet. Each flow is a client."""

    ports = ("clients", "servers")
    backends = True

    def __init__(self, name, forwarding, version, protocol="udp", backend_mac=None):
        super().__init__(name, f"a service over IPv{version}, forwarding: {forwarding}", version)
        self.forwarding, self.protocol, self.backend_mac = forwarding, protocol, backend_mac
        self.learned_replies = forwarding in ("nat", "fullnat")
        self.ways = {"requests": ("clients", "servers")}
        if self.learned_replies:
            self.ways["replies"] = ("servers", "clients")

    def least_size(self):
        return LEAST_SIZE if self.version == 4 else 78

    def for_tcp(self):
        """For generators with TCP of their own and one MAC for all backends."""
        return Service(self.name, self.forwarding, self.version, "tcp", ALL_BACKENDS_MAC)

    def client(self, flow):
        return address(INSIDE_IPS if self.version == 4 else "2001:db8:0:1::", flow + 1)

    def backend(self, number):
        return str(ipaddress.ip_address(BACKEND_IPS if self.version == 4 else "2001:db8:0:3::10") + number)

    def subnets(self):
        """Of the clients' router, of clients, and of backends; our address, the router's."""
        if self.version == 4:
            return "172.16.0.1/24", "172.16.0.2", "10.0.0.0/8", "12.0.0.1/16", "12.0.200.{}"
        return "2001:db8:0:5::1/64", "2001:db8:0:5::2", "2001:db8:0:1::/64", "2001:db8:0:3::1/64", "2001:db8:0:3::ffff:{}"

    def body(self, load, devices):
        ours, router, clients, servers, local = self.subnets()
        neighbours = [f'      - {{address: "{router}", mac: "{ROUTER_MAC}"}}\n']
        backends = []
        translated = ", port: 8080" if self.learned_replies else ""
        for number in range(load.backends):
            mac = self.backend_mac or mac_text(mac_number(BACKEND_MACS, number))
            neighbours.append(f'      - {{address: "{self.backend(number)}", mac: "{mac}"}}\n')
            backends.append(f'      - {{address: "{self.backend(number)}"{translated}}}\n')
        locals_ = ""
        if self.forwarding == "fullnat":
            count = max(1, -(-load.flows // 20000))
            texts = ", ".join(f'"{local.format(1 + number)}"' for number in range(count))
            locals_ = f"    local_addresses: [{texts}]\n"
        return f"""ports:
  clients: {{device: "{devices['clients']}", mac: "{ACCESS_MAC}", mtu_bytes: 9100, addresses: ["{ours}"]}}
  servers: {{device: "{devices['servers']}", mac: "{UPLINK_MAC}", mtu_bytes: 9200, addresses: ["{servers}"]}}
vrfs:
  v:
    ports: [clients, servers]
    routes: [{{to: "{clients}", via: "{router}"}}]
    neighbours:
{''.join(neighbours)}balancer:
  connections: {max(65536, load.flows * 5 // 4)}
  timeouts: {{udp_s: 3600}}
services:
  s:
    vrf: v
    address: "{SERVICE_IP[self.version]}"
    protocol: {self.protocol}
    port: {SERVICE_PORT}
    scheduler: mh
    scheduler_options: {{hash_port: true}}
    forwarding: {self.forwarding}
{locals_}    backends:
{''.join(backends)}"""

    def frame(self, load, way, flow, size, tail=b""):
        src, dst = self.client(flow), frames.packed(SERVICE_IP[self.version])
        head = 14 + (20 if self.version == 4 else 40) + 8
        datagram = frames.udp(src, dst, CLIENT_PORT + flow % 60000, SERVICE_PORT, payload(size - head, tail),
                              sum_it=False)
        return frames.ethernet(frames.mac(ACCESS_MAC), frames.mac(ROUTER_MAC), frames.ETHERTYPE[self.version],
                               frames.ip(src, dst, frames.UDP, datagram))


def all_scenarios():
    found = []
    for version, suffix in ((4, ""), (6, "6")):
        found += [Bridged(kind + suffix, kind, version) for kind in ("vxlan", "nvgre", "stt", "gre", "geneve")]
        found += [Routed(kind + suffix, kind, version) for kind in ("gre-ip", "ipip")]
        found += [Service(kind + suffix, kind, version) for kind in ("nat", "fullnat", "direct", "tunnel")]
    return {scenario.name: scenario for scenario in found}


SCENARIOS = all_scenarios()


def stream(scenario, load, way):
    """All frames of one way, a flow after the other."""
    return [scenario.frame(load, way, i % load.flows, size) for i, size in enumerate(load.sizes())]


def system_section(scenario, load, keys=()):
    keys = [*scenario.system_keys(load), *keys]
    return "system:\n" + "".join(f"  {key}\n" for key in keys) if keys else ""


def yaml_of(scenario, load, devices, keys=()):
    return system_section(scenario, load, keys) + scenario.body(load, devices)
