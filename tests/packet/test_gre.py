# SPDX-License-Identifier: Apache-2.0
"""GRE headers of every length, and what they are taken for: NVGRE, GRE or GRE with an IP packet, where
each of them is configured alone, and where all are; keepalives."""

import struct

import sites
from frames import patched, with_ip_sum
from harness import Scenario, announcement, main
from nd_frames import unsolicited
from tunnels import OUR_MAC, OURS, Kind, address, from_remote, mac

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE as GreHeader
from scapy.layers.l2 import Ether
from scapy.packet import Raw

NEAR, FAR = "02:00:00:00:0a:0c", "02:00:00:00:0a:02"
KEY, SEQUENCE = 0x2000, 0x1000
BRIDGED, IPV4, IPV6, MPLS = 0x6558, 0x0800, 0x86DD, 0x8847
GRE, NVGRE, ROUTED = "gre", "nvgre", "gre-ip"
# Remotes by number: kind and id.
REMOTES = {2: (GRE, 0x100700), 3: (NVGRE, 0x1007), 4: (GRE, None), 5: (ROUTED, None), 6: (ROUTED, 0x100700)}
KEYS = (None, 0x100700, 0x100755, 0x200000)


def config(kinds, family):
    def entries(wanted, form):
        return "".join(form.format(n=n, address=address(family, n), kind=kind,
                                   id="" if own is None else f", id: {own}")
                       for n, (kind, own) in REMOTES.items() if kind in wanted)

    tunnels = entries({ROUTED} & kinds, '      t{n}: {{address: "{address}", kind: {kind}{id}}}\n')
    remotes = entries({GRE, NVGRE} & kinds, '      - {{address: "{address}", kind: {kind}{id}}}\n')
    neighbours = entries(kinds, '  - {{address: "{address}", mac: "02:00:00:00:00:{n:02x}"}}\n')
    return f"""
ports:
  uplink: {{device: tap:up0, mac: {OUR_MAC}, addresses: [192.0.2.1/24, "2001:db8::1/64"]}}
  red0: {{device: tap:red0}}
neighbours:
{neighbours}networks:
  red:
    vni: 100
    members: [{{port: red0}}]
    remotes: {"[]" if not remotes else chr(10) + remotes}
    static_macs: [{{mac: "{NEAR}", port: red0}}]
""" + (f"vrfs:\n  blue:\n    tunnels:\n{tunnels}" if tunnels else "")


def verdict(kinds, number, flags, payload_type, key, size):
    """What becomes of a packet with so many bytes of header and payload: a reason, or None."""
    header_len = 4 + 4 * bool(flags & KEY) + 4 * bool(flags & SEQUENCE)
    if size < header_len:
        return "gre_truncated"
    inner = size - header_len
    bridged = payload_type == BRIDGED
    # Its first byte is 0x45 in all of these.
    if not bridged and (ROUTED not in kinds or payload_type != IPV4 or inner == 0):
        return "tunnel_payload"
    here = {number: remote for number, remote in REMOTES.items() if remote[0] in kinds}
    own = here.get(number)
    sent = (GRE if bridged else ROUTED, key)
    if bridged and flags == KEY and NVGRE in kinds and own != sent:
        sent = (NVGRE, key >> 8)
    if own != sent:
        known = any(remote == sent for remote in here.values())
        return "remote_unknown" if known or not bridged else "tunnel_id_unknown"
    if bridged:
        return "inner_runt" if inner < 14 else None
    return "ip_truncated" if inner < 20 else "ip_total_length"


def carrying(outer, family, payload):
    """The outer headers, whose checksum and length scapy made for nothing inside, with something."""
    if family == 6:
        return patched(outer, 18, struct.pack("!H", len(payload))) + payload
    return with_ip_sum(patched(outer, 16, struct.pack("!H", 20 + len(payload))) + payload)


def lengths(kinds, family):
    run = Scenario(f"{', '.join(sorted(kinds))} over IPv{family}", config(kinds, family),
                   ["uplink", "red0"],
                   start={"uplink": [announcement(), unsolicited(OUR_MAC, OURS[6])]})
    outer = {number: from_remote(Kind("gre", "", None), b"", family, number, header=Raw(b""))
             for number in REMOTES}
    frame = bytes.fromhex((NEAR + FAR).replace(":", "")) + b"\x88\xb5" + bytes(6)
    ip = bytes(IP(src="10.2.0.9", dst="10.1.0.1") / Raw(bytes(20)))
    for number in REMOTES:
        for key in KEYS:
            for flags in (0, SEQUENCE) if key is None else (KEY, KEY | SEQUENCE):
                for payload_type in (BRIDGED, IPV4, IPV6, MPLS):
                    inner = frame if payload_type == BRIDGED else ip
                    header = (struct.pack("!HH", flags, payload_type) +
                              (b"" if key is None else struct.pack("!I", key)) +
                              (struct.pack("!I", 1) if flags & SEQUENCE else b""))
                    whole = header + inner
                    # All that may be read, and as much as tells a runt from a frame.
                    sizes = [*range(len(header) + 3), len(header) + 13, len(header) + 14,
                             len(header) + 19, len(header) + 20]
                    why = [verdict(kinds, number, flags, payload_type, key, size) for size in sizes]
                    packets = [carrying(outer[number], family, whole[:size]) for size in sizes]
                    taken = [whole[len(header):size] for size, reason in zip(sizes, why)
                             if reason is None]
                    run.case(f"remote {number}, {header.hex()}", [("uplink", one) for one in packets],
                             {"red0": taken}, why)
    run.run()


def everywhere():
    for kinds in ({GRE, NVGRE, ROUTED}, {GRE}, {NVGRE}, {ROUTED}, {GRE, NVGRE}):
        lengths(kinds, 4)
    lengths({GRE, NVGRE, ROUTED}, 6)


def keepalive():
    """Cisco's, and the same over IPv6: the packet inside comes back; not from a stranger, and no
    other."""
    run = Scenario("keepalive", sites.config(), ["uplink", "blue0"], start=sites.START)
    for i, (name, family, _, _) in enumerate(sites.SITES):
        if name == "ipip":
            continue
        key = {"key_present": 1, "key": 7} if name == "key" else {}
        theirs, ours = address(family, 50 + i), OURS[family]

        def outer(src, dst, ttl=64):
            if family == 4:
                return IP(src=src, dst=dst, ttl=ttl, id=9)
            return IPv6(src=src, dst=dst, hlim=ttl)

        def back(src, dst, ttl):
            return outer(src, dst, ttl) / GreHeader(proto=0, **key)

        def ask(src, ttl=255, after=b""):
            inside = back(ours, src, ttl)
            return bytes(Ether(src=mac(50 + i), dst=OUR_MAC) / outer(theirs, ours) /
                         GreHeader(proto=0x0800 if family == 4 else 0x86DD, **key) /
                         Raw(bytes(inside) + after))

        label = f"{name} over IPv{family}"
        answer = {"uplink": bytes(Ether(src=OUR_MAC, dst=mac(50 + i)) / back(ours, theirs, 254))}
        run.case(label, ("uplink", ask(theirs)), answer)
        run.case(f"{label}: padded", ("uplink", ask(theirs, after=bytes(9))), answer)
        stranger = {4: "192.0.2.99", 6: "2001:db8::99"}[family]
        run.case(f"{label}: for another", ("uplink", ask(stranger)), {}, "no_route")
        run.case(f"{label}: its TTL runs out", ("uplink", ask(theirs, ttl=1)), {}, "no_route")
        if family == 6:
            short = bytes(IPv6(src=ours, dst=theirs, nh=47)) + bytes(3)
            run.case(f"{label}: cut short", ("uplink", bytes(
                Ether(src=mac(50 + i), dst=OUR_MAC) / outer(theirs, ours) /
                GreHeader(proto=0x86DD, **key) / Raw(short))), {}, "no_route")
    run.run()


main(everywhere, keepalive)
