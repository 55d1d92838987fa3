# SPDX-License-Identifier: Apache-2.0
"""Fragments of outer packets: dropped by default, put together where the operator asks for it."""

import itertools

import tunnels
from frames import FRAGMENT, HOP_BY_HOP, OPTIONS, host, options_body, udp, with_headers
from harness import MS, SECOND, Free, Scenario, announcement, main
from nd_frames import unsolicited
from tunnels import KINDS, OUR_MAC, OURS, from_remote

from scapy.layers.inet import ICMP, IP, fragment
from scapy.layers.inet6 import (ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NS,
                                ICMPv6ParamProblem, ICMPv6TimeExceeded, IPv6, IPv6ExtHdrFragment,
                                IPv6ExtHdrHopByHop)
from scapy.layers.l2 import Ether
from scapy.packet import Raw

VXLAN = KINDS[0]
GRE = next(kind for kind in KINDS if kind.name == "gre")
NEAR = host(10, 1)
START = {"uplink": [announcement(), unsolicited(OUR_MAC, OURS[6])]}
CONFIG = """
ports:
  uplink:
    device: tap:up0
    mtu_bytes: 9000
    mac: 02:00:00:00:00:01
    addresses: [192.0.2.1/24, "2001:db8::1/64"]
  red0: {device: tap:red0, mtu_bytes: 9000}
neighbours:
  - {address: 192.0.2.2, mac: "02:00:00:00:00:02"}
  - {address: 192.0.2.3, mac: "02:00:00:00:00:03"}
  - {address: "2001:db8::2", mac: "02:00:00:00:00:02"}
tunnels: {reassemble: REASSEMBLE}
networks:
  red:
    vni: 100
    members: [{port: red0}]
    remotes:
      - {address: 192.0.2.2}
      - {address: 192.0.2.3, kind: gre}
      - {address: "2001:db8::2"}
    static_macs: [{mac: "02:00:00:00:0a:01", port: red0}]
"""


def pieces(frame, family, size, ident):
    """The frame's IP packet cut into fragments of `size` bytes of payload."""
    packet = Ether(frame)
    if family == 4:
        packet[IP].flags, packet[IP].id = 0, ident
        return [bytes(piece) for piece in fragment(packet, fragsize=size)]
    ip = packet[IPv6]
    payload = bytes(ip.payload)
    parts = [payload[at:at + size] for at in range(0, len(payload), size)]
    result = []
    for index, part in enumerate(parts):
        header = IPv6ExtHdrFragment(nh=ip.nh, offset=index * size // 8, m=index + 1 < len(parts),
                                    id=ident)
        result.append(bytes(Ether(src=packet.src, dst=packet.dst) /
                            IPv6(src=ip.src, dst=ip.dst, hlim=ip.hlim, nh=44) /
                            header / Raw(part)))
    return result


def arriving(kind, family, number, size, piece, ident):
    frame = udp(host(1, number), NEAR, size=size)
    return frame, pieces(from_remote(kind, frame, family, number), family, piece, ident)


def int_of(part, family):
    packet = Ether(part)
    return packet[IP].id if family == 4 else packet[IPv6ExtHdrFragment].id


def told(first, family):
    """ICMP about the first fragment of what was not complete in time."""
    packet = Ether(first)
    at = first[14:]
    if family == 4:
        error = (IP(src=packet[IP].dst, dst=packet[IP].src, id=0, ttl=64) /
                 ICMP(type=11, code=1) / Raw(at[:576 - 28]))
    else:
        error = (IPv6(src=packet[IPv6].dst, dst=packet[IPv6].src, hlim=64) /
                 ICMPv6TimeExceeded(code=1) / Raw(at[:1280 - 48]))
    return bytes(Ether(src=packet.dst, dst=packet.src) / error)


def put_together():
    run = Scenario("together", CONFIG.replace("REASSEMBLE", "true"), ["uplink", "red0"],
                   start=START)
    ident = itertools.count(1)
    for kind, family, number in ((VXLAN, 4, 2), (GRE, 4, 3), (VXLAN, 6, 2)):
        name = f"{kind.name} over IPv{family}"
        for size in (100, 1400, 3000, 8000):
            frame, parts = arriving(kind, family, number, size, (size // 3 + 40) // 8 * 8,
                                    next(ident))
            run.case(f"{name}, {size} bytes in {len(parts)} fragments",
                     [("uplink", part) for part in parts], {"red0": frame})
        for order in itertools.permutations(range(3)):
            frame, parts = arriving(kind, family, number, 1000, 400, next(ident))
            run.case(f"{name}, in the order {order}",
                     [("uplink", parts[index]) for index in order], {"red0": frame})
        frame, parts = arriving(kind, family, number, 1000, 400, next(ident))
        other, others = arriving(kind, family, number, 900, 400, next(ident))
        run.case(f"{name}, two packets mixed",
                 [("uplink", part) for pair in zip(parts, others) for part in pair],
                 {"red0": [frame, other]})
        frame, parts = arriving(kind, family, number, 1000, 400, next(ident))
        run.case(f"{name}, the rest never comes", [("uplink", part) for part in parts[:2]],
                 {"uplink": told(parts[0], family)}, "ip_reassembly", last_ns=2 * SECOND)
        run.case(f"{name}, the last one comes too late", ("uplink", parts[2]),
                 drop="ip_reassembly", last_ns=2 * SECOND)
        frame, parts = arriving(kind, family, number, 500, 560, next(ident))
        run.case(f"{name}, whole packets still pass",
                 ("uplink", from_remote(kind, frame, family, number)), {"red0": frame})
    for family in (4, 6):
        frame, parts = arriving(VXLAN, family, 2, 8900, 200, next(ident))
        run.case(f"IPv{family}, {len(parts)} fragments", [("uplink", part) for part in parts],
                 {"red0": frame})
        frame, parts = arriving(VXLAN, family, 2, 1000, 400, next(ident))
        run.case(f"IPv{family}, copies are ignored",
                 [("uplink", part) for part in (parts[0], parts[0], parts[1], parts[1], parts[2])],
                 {"red0": frame}, [None, "fragment_duplicate"] * 2 + [None])
        other = parts[1][:-1] + bytes([parts[1][-1] ^ 1])
        run.case(f"IPv{family}, copies with other bytes are not",
                 [("uplink", part) for part in (parts[0], parts[1], other, parts[2])],
                 drop="fragment_overlap", last_ns=2 * SECOND)
        frame, parts = arriving(VXLAN, family, 2, 1000, 400, next(ident))
        _, others = arriving(VXLAN, family, 2, 1000, 600, int_of(parts[0], family))
        run.case(f"IPv{family}, nor are such that overlap in part",
                 [("uplink", part) for part in (parts[0], parts[1], others[1], parts[2])],
                 drop="fragment_overlap", last_ns=2 * SECOND)
    frame = udp(host(1, 9), NEAR, size=1000)
    stranger = pieces(from_remote(VXLAN, frame, 4, 9), 4, 400, 7)
    run.case("a stranger's are not kept", [("uplink", part) for part in stranger],
             drop="ip_fragment")
    run.case("all is well afterwards", ("uplink", from_remote(VXLAN, frame, 4, 2)),
             {"red0": frame}, wait_ns=100 * MS)
    run.run()


def dropped_by_default():
    run = Scenario("dropped", CONFIG.replace("REASSEMBLE", "false"), ["uplink", "red0"],
                   start=START)
    for family in (4, 6):
        _, parts = arriving(VXLAN, family, 2, 1000, 400, 1)
        run.case(f"IPv{family}", [("uplink", part) for part in parts], drop="ip_fragment")
    run.run()


PADDED, ATOMIC = (OPTIONS, options_body(bytes(6))), (FRAGMENT, bytes(7))
# What comes without them to who is asked, and is answered without.
EXTENDED = [("options", [PADDED]), ("an atomic fragment and options", [ATOMIC, PADDED]),
            ("options and an atomic fragment", [(HOP_BY_HOP, options_body(bytes(6))), ATOMIC]),
            ("eight headers", [PADDED] * 8)]


def whole_ones():
    """RFC 6946: a whole packet may have a fragment header; RFC 6980: not neighbour discovery."""
    for reassemble in ("true", "false"):
        run = Scenario(f"atomic, reassemble {reassemble}",
                       CONFIG.replace("REASSEMBLE", reassemble), ["uplink", "red0"], start=START)
        for size in (100, 1400):
            frame, parts = arriving(VXLAN, 6, 2, size, 9000, 1)
            run.case(f"{size} bytes", [("uplink", part) for part in parts], {"red0": frame})
        asked = Ether(src="02:00:00:00:00:02", dst=OUR_MAC) / IPv6(src="2001:db8::2", dst=OURS[6])
        ping = asked / ICMPv6EchoRequest(data=b"x" * 64)
        reply = (Ether(src=OUR_MAC, dst="02:00:00:00:00:02") /
                 IPv6(src=OURS[6], dst="2001:db8::2", hlim=64) / ICMPv6EchoReply(data=b"x" * 64))
        run.case("echo", ("uplink", pieces(bytes(ping), 6, 9000, 2)[0]), {"uplink": bytes(reply)})
        for name, headers in EXTENDED:
            run.case(f"echo behind {name}", ("uplink", with_headers(bytes(ping), *headers)),
                     {"uplink": bytes(reply)})
        run.case("echo behind nine headers", ("uplink", with_headers(bytes(ping), *[PADDED] * 9)), {},
                 "ip_extensions")
        nd = asked.copy()
        nd[IPv6].hlim = 255
        nd = nd / ICMPv6ND_NS(tgt=OURS[6])
        run.case("neighbour discovery", ("uplink", pieces(bytes(nd), 6, 9000, 3)[0]), {},
                 "nd_malformed")
        run.run()


def echo():
    """What is asked in fragments is answered in such, with or without `reassemble`."""
    run = Scenario("echo", CONFIG.replace("REASSEMBLE", "false"), ["uplink", "red0"], start=START)
    there, ours = {4: "192.0.2.2", 6: "2001:db8::2"}, OURS
    for family in (4, 6):
        for size in (1473, 2000, 8000, 65000):
            head = IP if family == 4 else IPv6
            kinds = (ICMP(), ICMP(type=0)) if family == 4 else (ICMPv6EchoRequest(),
                                                                ICMPv6EchoReply())
            ask = Ether(src="02:00:00:00:00:02", dst=OUR_MAC) / head(
                src=there[family], dst=ours[family]) / kinds[0] / Raw(b"p" * size)
            back = Ether(src=OUR_MAC, dst="02:00:00:00:00:02") / head(
                src=ours[family], dst=there[family]) / kinds[1] / Raw(b"p" * size)
            wanted = pieces(bytes(back), family, 1448, 1)
            run.case(f"IPv{family}, {size} bytes",
                     [("uplink", part) for part in pieces(bytes(ask), family, 1448, 1)],
                     {"uplink": [AnyId(one, family) for one in wanted]})
    run.run()


LENGTH_AT, OFFSET_AT = 4, 42  # in the packet, of IPv6's payload length and fragment offset


def wrong(packet, pointer):
    """ICMPv6 about a field of the fragment."""
    return (IPv6(src=packet.dst, dst=packet.src, hlim=64) / ICMPv6ParamProblem(code=0, ptr=pointer) /
            Raw(bytes(packet)[:1280 - 48]))


def impossible():
    """RFC 8200 section 4.5: lengths that no datagram can have are told to whom they came from."""
    run = Scenario("impossible", CONFIG.replace("REASSEMBLE", "true"), ["uplink", "red0"],
                   start=START)
    ends = {"src": "02:00:00:00:00:02", "dst": OUR_MAC}
    for name, protocol in (("a remote's", 17), ("an echo's", 58)):
        data = bytes(from_remote(VXLAN, udp(host(1, 2), NEAR, size=1400), 6, 2))[54:]
        if protocol == 58:
            data = bytes(IPv6(src="2001:db8::2", dst=OURS[6]) / ICMPv6EchoRequest(data=b"x" * 1400))[40:]
        ident = itertools.count(protocol * 100)

        def part(offset, more, size, before=None, protocol=protocol, data=data, ident=ident):
            head = IPv6(src="2001:db8::2", dst=OURS[6])
            head = head / before if before else head
            return head / IPv6ExtHdrFragment(nh=protocol, offset=offset, m=more, id=next(ident)) / Raw(
                data[:size])

        for label, one, pointer in (
                ("the first one odd", part(0, 1, 1001), LENGTH_AT),
                ("a later one odd", part(100, 1, 1001), LENGTH_AT),
                ("one beyond 64 KiB", part(8191, 0, 8), OFFSET_AT),
                ("one that may have more behind it, beyond 64 KiB", part(8190, 1, 64), OFFSET_AT),
                ("beyond it by another header", part(8190, 0, 9, IPv6ExtHdrHopByHop()),
                 OFFSET_AT + 8)):
            run.case(f"{name}: {label}", ("uplink", bytes(Ether(**ends) / one)),
                     {"uplink": bytes(Ether(src=OUR_MAC, dst=ends["src"]) / wrong(one, pointer))},
                     "fragment_length")
        run.case(f"{name}: one that just fits", ("uplink", bytes(Ether(**ends) / part(8190, 0, 15))),
                 {}, "ip_reassembly", last_ns=2 * SECOND)
    one = bytes(Ether(**ends) / part(100, 1, 1001))
    run.case("at most a hundred at once", [("uplink", one)] * 150,
             {"uplink": [bytes(Ether(src=OUR_MAC, dst=ends["src"]) /
                               wrong(Ether(one)[IPv6], LENGTH_AT))] * 100}, "fragment_length",
             wait_ns=SECOND)
    _, parts = arriving(VXLAN, 4, 2, 1000, 400, 1)
    one = Ether(parts[0])
    one[IP].len, one[IP].chksum = one[IP].len - 1, None
    run.case("nothing is told about IPv4", ("uplink", bytes(one)[:-1]), {}, "fragment_length")
    run.run()


class AnyId(Free):
    """A fragment of IPv6 with any id."""

    def __init__(self, frame, family):
        def build(got):
            return frame if family == 4 else frame[:58] + got[58:62] + frame[62:]
        super().__init__(build, frame)


main(put_together, dropped_by_default, whole_ones, echo, impossible)
