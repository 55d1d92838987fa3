# SPDX-License-Identifier: Apache-2.0
"""A VRF with a tunnel of each routed kind to a site of its own, over IPv4 and IPv6."""

from harness import announcement
from nd_frames import unsolicited
from tunnels import OUR_MAC, OURS, address, mac

EDGE_MAC, HOST_MAC = "02:00:00:00:00:b1", "02:00:00:00:0b:01"
SITES = [(name, family, keys, header) for family in (4, 6) for name, keys, header in (
    ("ipip", "kind: ipip", b""), ("gre", "kind: gre-ip", b"\x00\x00"),
    ("key", "kind: gre-ip, id: 7", b"\x20\x00"))]


def config():
    text, routes, neighbours = "", "", ""
    for i, (name, family, keys, _) in enumerate(SITES):
        text += f'      {name}{family}: {{address: "{address(family, 50 + i)}", {keys}}}\n'
        routes += f'      - {{to: 10.2.{i}.0/24, tunnel: {name}{family}}}\n'
        routes += f'      - {{to: "fd02:{i}::/32", tunnel: {name}{family}}}\n'
        neighbours += f'  - {{address: "{address(family, 50 + i)}", mac: "{mac(50 + i)}"}}\n'
    return f"""
ports:
  uplink: {{device: tap:up0, mtu_bytes: 1600, mac: {OUR_MAC}, addresses: [192.0.2.1/24, "2001:db8::1/64"]}}
  blue0: {{device: tap:blue0, mtu_bytes: 9000, mac: "{EDGE_MAC}", addresses: [10.1.0.254/24, "fd01::fe/64"]}}
neighbours:
{neighbours}vrfs:
  blue:
    ports: [blue0]
    neighbours:
      - {{address: 10.1.0.1, mac: "{HOST_MAC}"}}
      - {{address: "fd01::1", mac: "{HOST_MAC}"}}
    tunnels:
{text}    routes:
{routes}"""


START = {
    "uplink": [announcement(), unsolicited(OUR_MAC, OURS[6])],
    "blue0": [announcement(EDGE_MAC, "10.1.0.254"), unsolicited(EDGE_MAC, "fd01::fe", router=1)],
}
