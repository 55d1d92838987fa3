# SPDX-License-Identifier: Apache-2.0
"""VRFs with routed tunnels (GRE with an IP payload, IP in IP) over both underlays: the configuration, and
what arrives and leaves."""

from harness import MS, Free, Scenario, announcement
from nd_frames import advertisement, solicitation, unsolicited
from routed_frames import ALL, arp, hop, packet
from tunnels import OUR_MAC, OURS, address, mac

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Raw

PORT_MAC = "02:00:00:00:00:b1"
HOST_MAC = "02:00:00:00:0b:01"
GATEWAY = {4: "10.1.0.254", 6: "fd01::fe"}
HOST = {4: "10.1.0.1", 6: "fd01::1"}
NOWHERE = {4: "198.51.100.1", 6: "2001:db8:ffff::1"}
ROUTER, ROUTER_MAC = "10.1.0.7", "02:00:00:00:0b:07"
MTU = 1500


class Kind:
    def __init__(self, name, keys, overhead, header):
        self.name, self.keys, self.overhead, self.header = name, keys, overhead, header


def gre(**fields):
    return lambda version: GRE(proto=0x0800 if version == 4 else 0x86DD, **fields)


KINDS = [
    Kind("ipip", "kind: ipip", 0, None),
    Kind("gre-ip", "kind: gre-ip", 4, gre()),
    Kind("gre-ip-key", "kind: gre-ip, id: 7", 8, gre(key_present=1, key=7)),
    Kind("gre-ip-checksum", "kind: gre-ip, id: 8, checksum: true", 12,
         gre(key_present=1, key=8, chksum_present=1)),
]
# Each kind at a remote of its own, over IPv4 and IPv6: number of the remote.
REMOTES = {(kind.name, family): 16 + 2 * i + (family == 6)
           for i, kind in enumerate(KINDS) for family in (4, 6)}


def behind(version, number):
    """A host behind the tunnel to that remote."""
    return f"10.2.{number}.9" if version == 4 else f"fd02:{number:x}::9"


def config(extra="", red=""):
    tunnels_text, routes, neighbours = "", "", ""
    for kind in KINDS:
        for family in (4, 6):
            number = REMOTES[kind.name, family]
            own = ", addresses: [10.255.0.1/30]" if number == 16 else ""
            tunnels_text += f'      t{number}: {{address: "{address(family, number)}", {kind.keys}{own}{extra}}}\n'
            routes += f'      - {{to: 10.2.{number}.0/24, tunnel: t{number}}}\n'
            routes += f'      - {{to: "fd02:{number:x}::/32", tunnel: t{number}}}\n'
            neighbours += f'  - {{address: "{address(family, number)}", mac: "{mac(number)}"}}\n'
    return f"""
ports:
  uplink:
    device: tap:up0
    mtu_bytes: {MTU}
    mac: {OUR_MAC}
    addresses: [192.0.2.1/24, "2001:db8::1/64"]
  blue0: {{device: tap:blue0, mac: "{PORT_MAC}", mtu_bytes: 9000, addresses: [10.1.0.254/24, "fd01::fe/64"]}}
  red0: {{device: tap:red0, mac: "02:00:00:00:00:c1", addresses: [10.1.0.254/24]}}
neighbours:
{neighbours}  - {{address: 192.0.2.40, mac: "{mac(40)}"}}
vrfs:
  blue:
    ports: [blue0]
    tunnels:
{tunnels_text}    routes:
{routes}      - {{to: 10.3.0.0/16, via: {ROUTER}}}
    neighbours: [{{address: 10.1.0.8, mac: "02:00:00:00:0b:08"}}]
  red:
    ports: [red0]
    tunnels: {{only: {{kind: ipip, address: 192.0.2.40}}}}
    routes: [{{to: 10.2.0.0/16, tunnel: only}}{red}]
"""


PORTS = ["uplink", "blue0", "red0"]
START = {
    "uplink": [announcement(), unsolicited(OUR_MAC, OURS[6])],
    "blue0": [announcement(PORT_MAC, GATEWAY[4]), unsolicited(PORT_MAC, GATEWAY[6], router=1),
              arp(1, PORT_MAC, GATEWAY[4], ALL, ROUTER)],
    "red0": [announcement("02:00:00:00:00:c1", GATEWAY[4])],
}


def is_question(port, frame):
    """ARP and ND of adit's own, which go on as long as nobody answers."""
    return frame[12:14] == b"\x08\x06" or frame[20] == 58 and frame[54] == 135


def frame(inner, src=HOST_MAC, dst=PORT_MAC):
    kind = 0x0800 if bytes(inner)[0] >> 4 == 4 else 0x86DD
    return bytes(Ether(src=src, dst=dst, type=kind) / inner)


def delivered(inner, dst=HOST_MAC):
    """As it leaves by the port of VRF blue."""
    return frame(inner, PORT_MAC, dst)


def outer(kind, inner, family, ends, macs, *, label=0, tos=0, ttl=64, header=None):
    (src, dst), (src_mac, dst_mac) = ends, macs
    version = inner[0] >> 4 if isinstance(inner, bytes) else inner.version
    if family == 4:
        ip = IP(src=src, dst=dst, tos=tos, ttl=ttl, flags="DF", id=0)
    else:
        ip = IPv6(src=src, dst=dst, tc=tos, hlim=ttl, fl=label)
    ip.proto = ip.nh = (4 if version == 4 else 41) if kind.header is None else 47
    head = header or (kind.header(version) if kind.header else None)
    packet = Ether(src=src_mac, dst=dst_mac) / ip
    return bytes(packet / head / Raw(bytes(inner)) if head else packet / Raw(bytes(inner)))


def arriving(kind, inner, family, number=None, **fields):
    number = number or REMOTES[kind.name, family]
    return outer(kind, inner, family, (address(family, number), OURS[family]),
                 (mac(number), OUR_MAC), **fields)


def leaving(kind, inner, family, number=None, **fields):
    number = number or REMOTES[kind.name, family]

    def build(got):
        choice = {"label": int.from_bytes(got[14:18], "big") & 0xFFFFF} if family == 6 else {}
        return outer(kind, inner, family, (OURS[family], address(family, number)),
                     (OUR_MAC, mac(number)), **choice, **fields)

    return Free(build, build(bytes(64)))


def scenario(name, text=None, known=True):
    """`known`: the host has been met, by the first packets for it."""
    run = Scenario(name, text or config(), PORTS, start=START, stray=is_question)
    if known:
        for version in (4, 6):
            meet(run, version)
    return run


def without_router(name, text):
    """The same without the router, which is asked for all the time."""
    start = START | {"blue0": START["blue0"][:2]}
    text = text.replace(f"      - {{to: 10.3.0.0/16, via: {ROUTER}}}\n", "")
    run = Scenario(name, text, PORTS, start=start, stray=is_question)
    for version in (4, 6):
        meet(run, version)
    return run


def meet(run, version):
    """A packet for a host that nobody has met: asked for, and delivered when it answers."""
    inner = packet(version, behind(version, 16), HOST[version])
    if version == 4:
        question = arp(1, PORT_MAC, GATEWAY[4], ALL, HOST[4])
        answer = arp(2, HOST_MAC, HOST[4], PORT_MAC, GATEWAY[4], asked=PORT_MAC)
    else:
        question = solicitation(PORT_MAC, GATEWAY[6], HOST[6])
        answer = advertisement(HOST_MAC, PORT_MAC, HOST[6], GATEWAY[6])
    run.case(f"the IPv{version} host is asked for, and gets what waited",
             [("uplink", arriving(KINDS[0], inner, 4)), ("blue0", answer, MS)],
             {"blue0": [question, delivered(hop(inner))]})
