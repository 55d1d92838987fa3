# SPDX-License-Identifier: Apache-2.0
"""Every kind of link on which neighbour discovery and echo from link-local addresses are answered, and IPv6
extension headers (RFC 8200 section 4) put into their frames."""

import frames
from moments import moments

CONFIG = """
ports:
  up: {device: tap:up0, mac: "02:00:00:00:00:01", addresses: [192.0.2.1/24, "2001:db8::1/64"]}
  edge0: {device: tap:edge0, mac: "02:00:00:00:00:b1", addresses: ["fd01::fe/64"]}
  trunk: {device: tap:trunk, mac: "02:00:00:00:00:b3"}
neighbours:
  - {address: 192.0.2.2, mac: "02:00:00:00:00:02"}
networks: {red: {vni: 100, remotes: [{address: 192.0.2.2}]}}
vrfs:
  blue:
    ports: [edge0]
    vlans: [{port: trunk, vlan: 10, addresses: ["fd03::fe/64"]}]
    networks: {red: {mac: "02:00:00:00:00:b4", addresses: ["fd04::fe/64"]}}
"""
OUTPUTS = ["up", "edge0", "trunk"]
HOST_MAC = "02:00:00:00:0a:01"
# Each with the next one's number at its start.
HOP_BY_HOP, DESTINATION, ROUTING, FRAGMENT = 0, 60, 43, 44
PADDED, LIMIT = bytes((0, 0, 1, 4, 0, 0, 0, 0)), bytes((0, 0, 4, 1, 4, 1, 1, 0))
NO_SEGMENTS, ATOMIC = bytes((0, 0, 0, 0, 0, 0, 0, 0)), bytes((0, 0, 0, 0, 0, 0, 0, 9))


def extended(frame, headers):
    """The headers stand behind the IPv6 header of an untagged frame."""
    data = bytearray(frame)
    number, chain = data[20], b""
    for kind, header in reversed(headers):
        chain = bytes((number,)) + header[1:] + chain
        number = kind
    data[20] = number
    data[18:20] = (int.from_bytes(data[18:20], "big") + len(chain)).to_bytes(2, "big")
    return bytes(data[:54]) + chain + bytes(data[54:])


def in_vlan(frame):
    return frame[:12] + bytes((0x81, 0, 0, 10)) + frame[12:]


def by_vxlan(frame):
    return frames.arriving(frame, 100, 2)


# Of each kind of link: the port, how frames come in, our MAC, our address, and a host's.
LINKS = {
    "underlay": ("up", lambda frame: frame, "02:00:00:00:00:01", "2001:db8::1", "2001:db8::9"),
    "a VRF's port": ("edge0", lambda frame: frame, "02:00:00:00:00:b1", "fd01::fe", "fd01::9"),
    "a VLAN": ("trunk", in_vlan, "02:00:00:00:00:b3", "fd03::fe", "fd03::9"),
    "a network's gateway": ("up", by_vxlan, "02:00:00:00:00:b4", "fd04::fe", "fd04::9"),
}


def answers_to(port, sent, config=CONFIG, each_ms=20):
    """What leaves within `each_ms` of each frame, what was dropped, and what is wrong with the run."""
    left, drops, problems = moments(config, OUTPUTS, [(port, frame) for frame in sent], each_ms)
    return [sorted(one) for one in left], drops, problems


__all__ = [name for name in dir() if not name.startswith("_")]
