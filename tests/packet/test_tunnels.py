# SPDX-License-Identifier: Apache-2.0
"""Every tunnel kind over IPv4 and IPv6: to and from an access port, and each stitched to each."""

import itertools

import tunnels
from frames import (FRAGMENT, HOP_BY_HOP, OPTIONS, ROUTING, arriving, host, options_body, patched,
                    tagged, udp, udp6, with_headers, with_ip_sum)
from harness import Scenario, announcement, main
from nd_frames import unsolicited
from tunnels import KINDS, from_remote, to_remote

from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.layers.l2 import GRE
from scapy.packet import Raw

# One remote for each kind and family, numbered from 16 on, with a host of the same number behind.
REMOTES = {(kind.name, family): 16 + 2 * index + (family == 6)
           for index, kind in enumerate(KINDS) for family in (4, 6)}
NEAR = host(10, 1)
START = {"uplink": [announcement(), unsolicited(tunnels.OUR_MAC, tunnels.OURS[6])]}


def config(extra="", keys=None):
    keys = keys or {}
    lines = ["""
ports:
  uplink:
    device: tap:up0
    mtu_bytes: 1600
    mac: 02:00:00:00:00:01
    addresses: [192.0.2.1/24, "2001:db8::1/64"]
  red0: {device: tap:red0}
neighbours:"""]
    for (_, family), number in REMOTES.items():
        lines.append(f'  - {{address: "{tunnels.address(family, number)}", '
                     f'mac: "{tunnels.mac(number)}"}}')
    lines.append(extra + """
networks:
  red:
    vni: 100
    members: [{port: red0}]
    static_macs:
      - {mac: "02:00:00:00:0a:01", port: red0}""")
    for number in REMOTES.values():
        family = 4 + 2 * (number % 2)
        lines.append(f'      - {{mac: "{host(1, number)}", '
                     f'remote: "{tunnels.address(family, number)}"}}')
    lines.append("    remotes:")
    for kind in KINDS:
        for family in (4, 6):
            # Each a mesh of its own, so that all speak to all.
            lines.append(f'      - {{address: "{tunnels.address(family, REMOTES[kind.name, family])}", '
                         f'{kind.keys}, split_horizon: 0{keys.get(kind.name, "")}}}')
    return "\n".join(lines) + "\n"


def both_ways():
    run = Scenario("access", config(), ["uplink", "red0"], start=START)
    for kind in KINDS:
        for family in (4, 6):
            number = REMOTES[kind.name, family]
            there = host(1, number)
            for size in (0, 1, 32, 33, 1400):
                name = f"{kind.name} over IPv{family}, {size} bytes"
                frame = udp(NEAR, there, size=size)
                run.case(name + ": out", ("red0", frame),
                         {"uplink": to_remote(kind, frame, family, number)})
                frame = udp(there, NEAR, size=size)
                run.case(name + ": in", ("uplink", from_remote(kind, frame, family, number)),
                         {"red0": frame})
            for ecn in range(4):
                frame = udp6(NEAR, there, tc=ecn)
                run.case(f"{kind.name} over IPv{family}, ECN {ecn}: out", ("red0", frame),
                         {"uplink": to_remote(kind, frame, family, number, tos=ecn)})
            frame = udp(there, NEAR, tos=2)
            marked = udp(there, NEAR, tos=3)
            run.case(f"{kind.name} over IPv{family}, marked by the way: in",
                     ("uplink", from_remote(kind, frame, family, number, tos=3)),
                     {"red0": marked})
            run.case(f"{kind.name} over IPv{family}, padded: in",
                     ("uplink", from_remote(kind, frame, family, number) + b"\xa5" * 9),
                     {"red0": frame})
    run.run()


def stitched():
    run = Scenario("stitched", config(), ["uplink", "red0"], start=START)
    ends = list(itertools.product(KINDS, (4, 6)))
    for (kind_in, family_in), (kind_out, family_out) in itertools.permutations(ends, 2):
        source = REMOTES[kind_in.name, family_in]
        target = REMOTES[kind_out.name, family_out]
        frame = udp(host(1, source), host(1, target), size=64)
        run.case(f"{kind_in.name} over IPv{family_in} to {kind_out.name} over IPv{family_out}",
                 ("uplink", from_remote(kind_in, frame, family_in, source)),
                 {"uplink": to_remote(kind_out, frame, family_out, target)})
    run.run()


def flooded_to_all():
    run = Scenario("flood", config(), ["uplink", "red0"], start=START)
    frame = udp(NEAR, "ff:ff:ff:ff:ff:ff")
    run.case("a broadcast goes to every kind", ("red0", frame), {
        "uplink": [to_remote(kind, frame, family, REMOTES[kind.name, family])
                   for kind in KINDS for family in (4, 6)]})
    source = REMOTES["nvgre", 4]
    frame = udp(host(1, source), "ff:ff:ff:ff:ff:ff", size=500)
    nvgre = next(kind for kind in KINDS if kind.name == "nvgre")
    run.case("and from one kind to all others", ("uplink", from_remote(nvgre, frame, 4, source)), {
        "red0": frame,
        "uplink": [to_remote(kind, frame, family, REMOTES[kind.name, family])
                   for kind in KINDS for family in (4, 6) if (kind.name, family) != ("nvgre", 4)]})
    run.run()


def by_name(name):
    return next(kind for kind in KINDS if kind.name == name)


def refused():
    run = Scenario("refused", config(), ["uplink", "red0"], start=START)
    for family in (4, 6):
        head = 14 + (20 if family == 4 else 40)
        where = f" over IPv{family}"

        def case(name, frame, reason):
            run.case(name + where, ("uplink", frame), drop=reason)

        def cut(frame, length):
            """The frame ends after `length` bytes, and its IP header says so."""
            frame = bytes(frame)[:length]
            if family == 6:
                return patched(frame, 18, (length - 54).to_bytes(2, "big"))
            return with_ip_sum(patched(frame, 16, (length - 14).to_bytes(2, "big")))

        def gre(number, kind="gre", **fields):
            inner = udp(host(1, number), NEAR)
            header = GRE(**{"proto": tunnels.ETHER_IN_GRE} | fields)
            return from_remote(by_name(kind), inner, family, number, header=header)

        number = REMOTES["gre", family]
        for length in range(4):
            case(f"GRE cut after {length}", cut(gre(number), head + length), "gre_truncated")
        for length in range(4, 8):
            case(f"GRE key cut after {length}", cut(gre(number, key_present=1, key=1), head + length),
                 "gre_truncated")
        case("GRE checksum, cut", cut(gre(number, chksum_present=1), head + 7), "gre_truncated")
        case("GRE version 1", gre(number, version=1), "gre_flags")
        case("GRE routing bit", gre(number, routing_present=1, chksum=0, offset=0), "gre_flags")
        case("GRE strict source route", gre(number, strict_route_source=1), "gre_flags")
        case("GRE recursion 4", gre(number, recursion_control=4), "gre_flags")
        case("GRE carries IPv4", gre(number, proto=0x0800), "tunnel_payload")
        case("GRE carries MPLS", gre(number, proto=0x8847), "tunnel_payload")
        case("GRE with a key that is none", gre(number, key_present=1, key=1), "tunnel_id_unknown")
        case("GRE wrong checksum", gre(number, chksum_present=1, chksum=0x1234), "gre_checksum")
        case("GRE from a stranger",
             from_remote(by_name("gre"), udp(host(1, 9), NEAR), family, 9), "remote_unknown")
        number = REMOTES["nvgre", family]
        nvgre = by_name("nvgre")
        inner = udp(host(1, number), NEAR)
        case("NVGRE other VSID", gre(number, key_present=1, key=0x123457 << 8), "tunnel_id_unknown")
        case("NVGRE with a checksum is GRE",
             gre(number, key_present=1, key=0x123456 << 8, chksum_present=1), "tunnel_id_unknown")
        case("NVGRE from a stranger", from_remote(nvgre, inner, family, 9), "remote_unknown")
        case("NVGRE with an inner tag", from_remote(nvgre, tagged(inner, 5), family, number),
             "vlan_in_network")
        case("NVGRE runt inside", from_remote(nvgre, inner[:13], family, number), "inner_runt")
        number = REMOTES["geneve", family]
        kind = by_name("geneve")
        inner = udp(host(1, number), NEAR)

        def geneve(length=None, **fields):
            header = GENEVE(**{"vni": 0xABCDEF, "proto": tunnels.ETHER_IN_GRE} | fields)
            return from_remote(kind, inner, family, number, header=header)

        case("Geneve version 1", geneve(version=1), "geneve_version")
        case("Geneve control message", geneve(oam=1), "tunnel_payload")
        case("Geneve critical option", geneve(critical=1), "geneve_critical")
        case("Geneve carries IPv4", geneve(proto=0x0800), "tunnel_payload")
        case("Geneve options beyond the end", geneve(optionlen=63), "geneve_truncated")
        case("Geneve other VNI", geneve(vni=0xABCDEE), "tunnel_id_unknown")
        if family == 6:
            case("UDP checksum 0", from_remote(kind, inner, family, number, checksum=False),
                 "udp_checksum")
            frame = from_remote(kind, inner, family, number)
            case("UDP checksum wrong", patched(frame, len(frame) - 1, b"!"), "udp_checksum")
            case("fragment header", patched(frame, 20, b"\x2c"), "ip_fragment")
            case("hop-by-hop options beyond the frame", patched(frame, 20, b"\x00"), "ip_extensions")
            case("version 5", patched(frame, 14, b"\x50"), "ip_version")
            case("cut header", frame[:53], "ip_truncated")
            case("payload beyond the frame", frame[:-1], "ip_total_length")
            case("not to us", patched(frame, 53, b"\x99"), "ip_not_local")
            case("from the loopback address", patched(frame, 22, bytes(15) + b"\x01"), "ip_source")
            case("from no address", patched(frame, 22, bytes(16)), "ip_source")
            case("from an IPv4-mapped address",
                 patched(frame, 22, bytes(10) + b"\xff\xff\xc0\x00\x02\x01"), "ip_source")
            case("from an IPv4-compatible address",
                 patched(frame, 22, bytes(12) + b"\xc0\x00\x02\x01"), "ip_source")
            case("from a group", patched(frame, 22, b"\xff"), "ip_source")
            case("to a group", patched(frame, 0, b"\x33\x33"), "ip_not_local")
            case("to another MAC", patched(frame, 0, b"\x02\x99"), "not_our_mac")
    run.run()


def tolerated():
    run = Scenario("tolerated", config(), ["uplink", "red0"], start=START)
    for family in (4, 6):
        number = REMOTES["nvgre", family]
        frame = udp(host(1, number), NEAR)
        for flow_id in (0, 1, 0x80, 0xFF):
            run.case(f"NVGRE FlowID {flow_id} over IPv{family}",
                     ("uplink", from_remote(by_name("nvgre"), frame, family, number,
                                            flow_id=flow_id)), {"red0": frame})
        number = REMOTES["gre", family]
        frame = udp(host(1, number), NEAR)
        # RFC 2784 section 2.3: bits 6 to 12 are ignored, a checksum is verified.
        for name, fields in (("reserved bits", {"recursion_control": 3, "flags": 31}),
                             ("a checksum that nobody asked for", {"chksum_present": 1}),
                             ("a sequence number", {"seqnum_present": 1, "seqence_number": 5})):
            header = GRE(proto=tunnels.ETHER_IN_GRE, **fields)
            run.case(f"GRE with {name} over IPv{family}",
                     ("uplink", from_remote(by_name("gre"), frame, family, number, header=header)),
                     {"red0": frame})
        number = REMOTES["geneve", family]
        frame = udp(host(1, number), NEAR)
        header = GENEVE(vni=0xABCDEF, proto=tunnels.ETHER_IN_GRE,
                        options=GeneveOptions(classid=0x0102, type=3, data=b"\1\2\3\4\5\6\7\10"))
        run.case(f"Geneve with an option over IPv{family}",
                 ("uplink", from_remote(by_name("geneve"), frame, family, number, header=header)),
                 {"red0": frame})
    run.run()


def with_options(frame, options):
    """A Destination Options header (RFC 8200 section 4.6)."""
    return with_headers(frame, (OPTIONS, options_body(options)))


def destination_options():
    """What Linux puts before GRE and IP in IPv6: the encapsulation limit of RFC 2473."""
    run = Scenario("options", config(), ["uplink", "red0"], start=START)
    limit = b"\x04\x01\x04\x01\x00\x00"
    for kind in KINDS:
        number = REMOTES[kind.name, 6]
        frame = udp(host(1, number), NEAR)
        sent = from_remote(kind, frame, 6, number)
        for name, options in (("limit", limit), ("padding", bytes(6)),
                              ("more", limit + b"\x1e\x06" + bytes(6))):
            run.case(f"{kind.name}, {name}", ("uplink", with_options(sent, options)),
                     {"red0": frame})
    for name, options, reason in (
            ("an option that has to be understood", b"\x80\x04" + bytes(4), "ip_extensions"),
            ("an option beyond the header", b"\x04\x05" + bytes(4), "ip_extensions"),
            ("an option without length", bytes(5) + b"\x04", "ip_extensions"),
            ("33 options", bytes(33) + b"\x01\x03" + bytes(3), "ip_extensions")):
        run.case(name, ("uplink", with_options(sent, options)), {}, reason)
    good = with_options(sent, limit)
    run.case("a header beyond the packet", ("uplink", good[:55] + b"\xff" + good[56:]), {},
             "ip_extensions")
    run.case("a packet cut within", ("uplink", good[:18] + b"\x00\x07" + good[20:61]), {},
             "ip_extensions")
    run.run()


def extension_headers():
    """RFC 8200 section 4.1: a destination takes them in any order."""
    pad = options_body(bytes(6))
    hop, options, atomic = (HOP_BY_HOP, pad), (OPTIONS, pad), (FRAGMENT, bytes(7))
    # An option that has to be understood, of nodes on the way, which may ignore it (section 4.3).
    strict_hop = (HOP_BY_HOP, options_body(b"\xc2\x04" + bytes(4)))
    passed = (ROUTING, bytes([0, 4, 0, 0, 0, 0, 0]))  # type 4, no segments left
    passed_by = (ROUTING, bytes([2, 4, 0, 0, 0, 0, 0]) + bytes(16))
    ways = {"hop-by-hop options": [hop], "hop-by-hop options to be understood": [strict_hop],
            "a routing header without segments left": [passed],
            "a routing header with a list": [passed_by], "two destination options": [options, options],
            "an atomic fragment": [atomic], "options and an atomic fragment": [hop, atomic],
            "an atomic fragment and options": [atomic, options],
            "all of them": [hop, options, passed, atomic, options],
            "the other way round": [options, atomic, passed, options, hop],
            "eight headers": [options] * 8, "an atomic fragment first of eight": [atomic] + [options] * 7,
            "an atomic fragment last of eight": [options] * 7 + [atomic]}
    for extra in ("", "tunnels: {reassemble: true}"):
        run = Scenario(f"extension headers {extra}", config(extra), ["uplink", "red0"], start=START)
        for kind in KINDS:
            number = REMOTES[kind.name, 6]
            frame = udp(host(1, number), NEAR)
            sent = from_remote(kind, frame, 6, number)
            for name, headers in ways.items():
                run.case(f"{kind.name}, {name}", ("uplink", with_headers(sent, *headers)),
                         {"red0": frame})
        onwards = (ROUTING, bytes([2, 4, 1, 0, 0, 0, 0]) + bytes(16))
        for name, headers, reason in (
                ("nine headers", [options] * 9, "ip_extensions"),
                ("nine headers, an atomic fragment first", [atomic] + [options] * 8, "ip_extensions"),
                ("nine headers, an atomic fragment last", [options] * 8 + [atomic], "ip_extensions"),
                ("segments left", [onwards], "ip_extensions"),
                ("an unknown routing header with segments left",
                 [(ROUTING, bytes([0, 9, 1, 0, 0, 0, 0]))], "ip_extensions"),
                ("no next header", [(OPTIONS, pad), (59, pad)], "ip_protocol_unknown")):
            run.case(name, ("uplink", with_headers(sent, *headers)), {}, reason)
        run.run()


def sequenced():
    keys = {"gre": ", sequence: true"}
    run = Scenario("sequence", config(keys=keys), ["uplink", "red0"], start=START)
    number = REMOTES["gre", 4]
    kind = by_name("gre")

    def numbered(frame, sequence, build=from_remote):
        header = GRE(proto=tunnels.ETHER_IN_GRE, seqnum_present=1, seqence_number=sequence)
        return build(kind, frame, 4, number, header=header)

    frame = udp(NEAR, host(1, number))
    for sequence in range(3):
        run.case(f"packet {sequence} is numbered", ("red0", frame),
                 {"uplink": numbered(frame, sequence, to_remote)})
    frame = udp(host(1, number), NEAR)
    run.case("no number", ("uplink", from_remote(kind, frame, 4, number)), {},
             "gre_sequence_missing")
    other = udp(host(1, REMOTES["gre-key", 4]), NEAR)
    run.case("no number, of a remote that need not number",
             ("uplink", from_remote(by_name("gre-key"), other, 4, REMOTES["gre-key", 4])),
             {"red0": other})
    for sequence, drop in ((7, None), (8, None), (8, "gre_sequence"), (6, "gre_sequence"),
                           (10, None), (9, "gre_sequence"), (0x70000000, None),
                           (0xE0000000, None), (1, None), (0xFFFFFFFE, "gre_sequence")):
        run.case(f"number {sequence} comes in", ("uplink", numbered(frame, sequence)),
                 None if drop else {"red0": frame}, drop)
    # The peer counts anew: seven numbers are lost. A newer one in between is no restart.
    for sequence, drop in (*[(0x90000000 + i, "gre_sequence") for i in range(7)], (2, None),
                           *[(0x90000000 + i, "gre_sequence") for i in range(7)],
                           (0x90000007, None), (0x90000008, None), (0x90000007, "gre_sequence")):
        run.case(f"number {sequence} comes in", ("uplink", numbered(frame, sequence)),
                 None if drop else {"red0": frame}, drop)
    run.case("after a silence any number is believed", ("uplink", numbered(frame, 0x90000000)),
             {"red0": frame}, wait_ns=11_000_000_000)
    run.run()


def zero_checksum6():
    extra = "tunnels: {vxlan: {zero_checksum6: true}}"
    run = Scenario("zero checksum", config(extra), ["uplink", "red0"], start=START)
    number = REMOTES["vxlan", 6]
    kind = by_name("vxlan")
    frame = udp(NEAR, host(1, number))
    run.case("sent", ("red0", frame), {"uplink": to_remote(kind, frame, 6, number, checksum=False)})
    frame = udp(host(1, number), NEAR)
    run.case("accepted", ("uplink", from_remote(kind, frame, 6, number, checksum=False)),
             {"red0": frame})
    run.case("a right one as well", ("uplink", from_remote(kind, frame, 6, number)),
             {"red0": frame})
    run.run()


def entropy():
    """Each flow its own path, all packets of a flow the same one; over IPv6 by the label too."""

    def gather(kind, family):
        def check(got, drops):
            labels = set()
            for packet in got["uplink"]:
                end = 34 if family == 4 else 54
                ports = kind.udp or kind.name == "stt"
                field = packet[end:end + 2] if ports else packet[end + 7:end + 8]
                label = packet[15:18] if family == 6 else b""
                labels.add((field if ports or kind.name == "nvgre" else b"", label))
            return [] if len(labels) > 20 else [f"{len(labels)} values for 64 flows"]

        return check

    run = Scenario("entropy", config(), ["uplink", "red0"], start=START)
    for kind in KINDS:
        for family in (4, 6):
            if family == 4 and kind.name.startswith("gre"):
                continue  # GRE over IPv4 has no place for it
            number = REMOTES[kind.name, family]
            frames = [udp(NEAR, host(1, number), sport=sport) for sport in range(2000, 2064)]
            run.case(f"{kind.name} over IPv{family}", [("red0", frame) for frame in frames],
                     {"uplink": [to_remote(kind, frame, family, number) for frame in frames]},
                     check=gather(kind, family))
    run.run()


main(both_ways, stitched, flooded_to_all, refused, tolerated, destination_options,
     extension_headers, sequenced, zero_checksum6, entropy)
