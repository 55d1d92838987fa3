# SPDX-License-Identifier: Apache-2.0
"""ICMP errors about our own outer packets (RFC 1191, RFC 8201): "too big" lowers the path MTU of the
remote, tunnel or backend that they were sent to, and of no other; others are counted for it."""

import balance
import frames
import routed_frames as routed
import tunnels
from harness import MS, SECOND, Scenario, announcement, main
from nd_frames import in_fragments, unsolicited
from tunnels import KINDS, OUR_MAC, OURS, address, mac, to_remote

from scapy.layers.inet import ICMP, IP, UDP, fragment
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6)
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Raw

START = {"uplink": [announcement(), unsolicited(OUR_MAC, OURS[6])]}
NEAR = frames.host(10, 1)
FAMILIES = (4, 6)
NUMBERS = {(kind.name, family): 2 + 2 * i + (family == 6)
           for i, kind in enumerate(KINDS) for family in FAMILIES}
# From outer IP header to inner frame.
HEADERS = {kind.name: len(tunnels.outer(kind, b"", 4, ("192.0.2.1", "192.0.2.2"), (OUR_MAC, mac(2)))) - 34
           for kind in KINDS if kind.name != "stt"}


def ip_bytes(family):
    return 20 if family == 4 else 40


def config(keys=""):
    remotes, macs, neighbours = "", "", ""
    for kind in KINDS:
        for family in FAMILIES:
            number = NUMBERS[kind.name, family]
            remotes += f'      - {{address: "{address(family, number)}", {kind.keys}}}\n'
            macs += f'      - {{mac: "{frames.host(1, number)}", remote: "{address(family, number)}"}}\n'
            neighbours += f'  - {{address: "{address(family, number)}", mac: "{mac(number)}"}}\n'
    return f"""
ports:
  uplink: {{device: tap:up0, mtu_bytes: 1600, mac: {OUR_MAC}, addresses: [192.0.2.1/24, "2001:db8::1/64"]}}
  red0: {{device: tap:red0, mtu_bytes: 9000}}
neighbours:
{neighbours}networks:
  red:
    vni: 100
    {keys}
    members: [{{port: red0}}]
    remotes:
{remotes}    static_macs:
      - {{mac: "{NEAR}", port: red0}}
{macs}  other:
    vni: 101
    remotes: [{{address: 192.0.2.2}}]
"""


def big(number, size, family=4):
    """A frame with an IP packet of `size` bytes to the host behind the remote."""
    if family == 4:
        return frames.udp(NEAR, frames.host(1, number), size=size - 28, flags="DF")
    return frames.udp6(NEAR, frames.host(1, number), size=size - 48)


def error_about(sent, error, most=1280, src=None, dst=None):
    """A router's ICMP about an outer packet of ours, with the first `most` bytes of it."""
    if sent.version == 4:
        packet = IP(src=src or "203.0.113.7", dst=dst or sent.src)
    else:
        packet = IPv6(src=src or "2001:db8:9::7", dst=dst or sent.src)
    return bytes(Ether(src=mac(2), dst=OUR_MAC) / packet / error / Raw(bytes(sent)[:most]))


def too_big(version, mtu):
    return ICMP(type=3, code=4, nexthopmtu=mtu) if version == 4 else ICMPv6PacketTooBig(mtu=mtu)


def any_of(size):
    """Whatever frame of that size."""
    return tunnels.Free(lambda got: got, bytes(size))


def outer_of(kind, family, number, frame):
    sent = to_remote(kind, frame, family, number).frame
    return Ether(sent)[IP if family == 4 else IPv6]


def told(frame, mtu):
    packet = Ether(frame)
    layer = packet[IP] if IP in packet else packet[IPv6]
    version = layer.version
    head = (IP(src=layer.dst, dst=layer.src, id=0, ttl=64) if version == 4
            else IPv6(src=layer.dst, dst=layer.src, hlim=64))
    most = 576 - 28 if version == 4 else 1280 - 48
    return bytes(Ether(src=packet.dst, dst=packet.src) / head / too_big(version, mtu) /
                 Raw(bytes(layer)[:most]))


def remotes():
    run = Scenario("remotes", config(), ["uplink", "red0"], start=START)
    for kind in KINDS:
        if kind.name == "stt":
            continue
        for family in FAMILIES:
            number = NUMBERS[kind.name, family]
            name = f"{kind.name} over IPv{family}"
            frame = big(number, 1400)
            run.case(f"{name}: fits", ("red0", frame),
                     {"uplink": to_remote(kind, frame, family, number)})
            sent = outer_of(kind, family, number, frame)
            run.case(f"{name}: a router tells", ("uplink", error_about(sent, too_big(family, 1390))))
            fits = 1390 - ip_bytes(family) - HEADERS[kind.name] - 14
            run.case(f"{name}: now too big", ("red0", frame), {"red0": told(frame, fits)},
                     "mtu_exceeded")
            frame = big(number, fits)
            run.case(f"{name}: fits the path", ("red0", frame),
                     {"uplink": to_remote(kind, frame, family, number)})
            frame = big(number, fits + 1, 6)
            run.case(f"{name}: IPv6 inside", ("red0", frame), {"red0": told(frame, fits)},
                     "mtu_exceeded")
            run.case(f"{name}: a larger MTU is no news",
                     ("uplink", error_about(sent, too_big(family, 1395))), {}, None)
            run.case(f"{name}: still too big", ("red0", frame), {"red0": told(frame, fits)},
                     "mtu_exceeded")
    run.run()


def limits():
    kind, family, number = KINDS[0], 4, 2
    frame = big(number, 1400)
    sent = outer_of(kind, family, number, frame)
    run = Scenario("limits", config(), ["uplink", "red0"], start=START)
    out = {"uplink": to_remote(kind, frame, family, number)}

    def ignored(name, packet, reason="icmp_ignored"):
        run.case(name, ("uplink", packet), {}, reason)
        run.case(f"{name}: nothing changes", ("red0", frame), out)

    ignored("not our address",
            error_about(changed(sent, src="192.0.2.77"), too_big(4, 1300), dst="192.0.2.1"))
    ignored("no remote", error_about(changed(sent, dst="192.0.2.200"), too_big(4, 1300)))
    ignored("another port", error_about(changed(sent, dport=4790), too_big(4, 1300)))
    ignored("a source port that is not ours", error_about(changed(sent, sport=80), too_big(4, 1300)))
    ignored("another protocol", error_about(changed(sent, proto=6), too_big(4, 1300)))
    ignored("another network's id",
            error_about(outer_of(tunnels.Kind("vxlan", "", lambda _: tunnels.VXLAN(
                flags="Instance", vni=777), 4789), 4, number, frame), too_big(4, 1300)))
    ignored("more than the port's MTU", error_about(sent, too_big(4, 1600)))
    run.case("about a packet that fits it", ("uplink", error_about(sent, too_big(4, len(sent)))))
    run.case("about a packet that fits it: nothing changes", ("red0", frame), out)
    ignored("the same of the plateaus", error_about(outer_of(kind, family, number, big(number, 500)),
                                                    too_big(4, 0)))
    ignored("ends inside of the quote", error_about(sent, too_big(4, 1300), most=27),
            "icmp_ignored")
    broken = bytearray(error_about(sent, too_big(4, 1300)))
    broken[-1] ^= 1
    ignored("wrong checksum", bytes(broken), "icmp_checksum")
    for version, at in ((4, number), (6, 3)):
        one = big(at, 1400)
        about = Ether(error_about(outer_of(kind, version, at, one), too_big(version, 1420)))
        parts = ([bytes(about.__class__(src=about.src, dst=about.dst) / part)
                  for part in fragment(about[IP], fragsize=304)] if version == 4 else
                 in_fragments(bytes(about), 304))
        run.case(f"IPv{version}: in fragments", [("uplink", part) for part in parts])
        fits = 1420 - ip_bytes(version) - HEADERS[kind.name] - 14
        run.case(f"IPv{version}: it counts", ("red0", one), {"red0": told(one, fits)}, "mtu_exceeded",
                 wait_ns=100 * MS)
    run.case("after ten minutes a larger one is tried", ("red0", frame), out, wait_ns=700 * SECOND)
    # Another network's tunnel to the same remote is not this one.
    other = outer_of(tunnels.Kind("vxlan", "", lambda _: tunnels.VXLAN(flags="Instance", vni=101),
                                  4789), 4, number, frame)
    run.case("of another network", ("uplink", error_about(other, too_big(4, 1300))))
    run.case("of another network: nothing changes here", ("red0", frame), out)
    short = outer_of(kind, family, number, big(number, 100))
    run.case("about a short packet", ("uplink", error_about(short, too_big(4, 1350))))
    run.case("about a short packet: it is the path's", ("red0", frame), {"red0": told(frame, 1300)},
             "mtu_exceeded")
    # Eight bytes of UDP do not say which network's: it is the same path.
    run.case("a short quote", ("uplink", error_about(sent, too_big(4, 1300), most=28)))
    run.case("a short quote: too big", ("red0", frame), {"red0": told(frame, 1250)}, "mtu_exceeded")
    run.case("absurd", ("uplink", error_about(sent, too_big(4, 68))))
    run.case("absurd: 576 at least", ("red0", frame), {"red0": told(frame, 526)}, "mtu_exceeded")
    small = big(number, 526)
    run.case("576 bytes go", ("red0", small), {"uplink": to_remote(kind, small, family, number)})
    # RFC 1191 section 6.3
    run.case("nine minutes later", ("red0", frame), {"red0": told(frame, 526)}, "mtu_exceeded",
             wait_ns=540 * SECOND)
    run.case("after ten minutes a larger one is tried", ("red0", frame), out, wait_ns=120 * SECOND)
    # RFC 1191 section 5: an old router tells nothing.
    run.case("no MTU told", ("uplink", error_about(sent, too_big(4, 0))))
    run.case("no MTU told: the plateau below", ("red0", frame), {"red0": told(frame, 956)},
             "mtu_exceeded")
    number = 3
    frame = big(number, 1400)
    sent = outer_of(kind, 6, number, frame)
    out = {"uplink": to_remote(kind, frame, 6, number)}
    # RFC 8201 section 4: not to be believed.
    for mtu in (0, 100, 1279):
        ignored(f"IPv6: {mtu} bytes", error_about(sent, too_big(6, mtu)))
    run.case("IPv6: about a packet that fits it", ("uplink", error_about(sent, too_big(6, len(sent)))))
    run.case("IPv6: about a packet that fits it: nothing changes", ("red0", frame), out)
    run.case("IPv6: 1280", ("uplink", error_about(sent, too_big(6, 1280))))
    run.case("IPv6: 1280 is the path's", ("red0", frame), {"red0": told(frame, 1280 - 70)},
             "mtu_exceeded")
    run.run()


def changed(sent, **fields):
    """The outer packet with other fields, its checksum made anew."""
    packet = IP(bytes(sent))
    for name in ("sport", "dport"):
        if name in fields:
            setattr(packet[UDP], name, fields.pop(name))
    for name, value in fields.items():
        setattr(packet, name, value)
    del packet.chksum
    return packet


def df():
    """What routers may fragment goes on."""
    kind, number = KINDS[0], 2
    frame = big(number, 1400)
    for policy, inner_df, passes in (("clear", "DF", True), ("inherit", "DF", False),
                                     ("inherit", 0, True), ("set", "DF", False)):
        run = Scenario(f"df: {policy}, inside {inner_df}", config(f"tunnel: {{df: {policy}}}"),
                       ["uplink", "red0"], start=START)
        frame = frames.udp(NEAR, frames.host(1, number), size=1372, flags=inner_df)
        sent = outer_of(kind, 4, number, frame)
        run.case("told", ("uplink", error_about(sent, too_big(4, 1300))))
        run.case("afterwards", ("red0", frame),
                 {"uplink": any_of(1464)} if passes else
                 {"red0": told(frame, 1250)}, None if passes else "mtu_exceeded")
        run.run()


NARROW = 1290  # leaves less than 1280 inside


def without_df(frame):
    """The same outer packet as one that routers may fragment; its id is adit's choice."""
    def build(got):
        packet = Ether(frame.build(got) if isinstance(frame, tunnels.Free) else frame)
        packet[IP].flags, packet[IP].id = 0, int.from_bytes(got[18:20], "big")
        del packet[IP].chksum
        return bytes(packet)
    return tunnels.Free(build, frame.frame if isinstance(frame, tunnels.Free) else frame)


def in_parts(run, name, send, payload, most, port="uplink", same=lambda data: data):
    """One IPv6 packet leaves in fragments of at most `most` bytes, with that behind its header."""
    step, sizes = (most - 48) // 8 * 8, []
    for at in range(0, len(payload), step):
        sizes.append(48 + min(step, len(payload) - at))

    def check(got, _):
        packets = sorted((IPv6(each[14:]) for each in got[port]),
                         key=lambda each: int.from_bytes(bytes(each)[42:44], "big"))
        data = b"".join(bytes(each)[48:] for each in packets)
        ids = {bytes(each)[44:48] for each in packets}
        more = [bytes(each)[43] & 1 for each in packets]
        if same(data) != same(payload) or len(ids) != 1 or more != [1] * (len(packets) - 1) + [0]:
            return [f"not what was sent: {packets}"]
        return []

    run.case(name, send, {port: [any_of(14 + size) for size in sizes]}, check=check)


def least_of_ipv6():
    """No sender makes IPv6 packets of 1280 bytes smaller: they go through every tunnel."""
    run = Scenario("1280 bytes inside", config(), ["uplink", "red0"], start=START)
    for kind in KINDS:
        if kind.name == "stt":
            continue
        for family in FAMILIES:
            number = NUMBERS[kind.name, family]
            name = f"{kind.name} over IPv{family}"
            large, least = big(number, 1400, 6), big(number, 1280, 6)
            sent = outer_of(kind, family, number, large)
            run.case(f"{name}: a router tells", ("uplink", error_about(sent, too_big(family, NARROW))))
            run.case(f"{name}: 1400", ("red0", large), {"red0": told(large, 1280)}, "mtu_exceeded")
            over = big(number, 1281, 6)
            run.case(f"{name}: 1281", ("red0", over), {"red0": told(over, 1280)}, "mtu_exceeded")
            fits = NARROW - ip_bytes(family) - HEADERS[kind.name] - 14
            frame = big(number, fits + 1)
            run.case(f"{name}: IPv4 with DF", ("red0", frame), {"red0": told(frame, fits)},
                     "mtu_exceeded")
            frame = big(number, fits, 6)
            run.case(f"{name}: what fits", ("red0", frame),
                     {"uplink": to_remote(kind, frame, family, number)})
            if family == 4:
                run.case(f"{name}: 1280, routers fragment", ("red0", least),
                         {"uplink": without_df(to_remote(kind, least, family, number))})
                continue
            payload = bytes(outer_of(kind, family, number, least))[40:]
            # Source port and checksum, or NVGRE's FlowID, are as the flow has them.
            same = (lambda data: data[2:6] + data[8:]) if kind.udp else (
                lambda data: data[:7] + data[8:]) if kind.name == "nvgre" else lambda data: data
            in_parts(run, f"{name}: 1280 in fragments", ("red0", least), payload, NARROW, same=same)
    # Behind others of its burst, in order.
    number = NUMBERS["vxlan", 4]
    small, least = big(number, 200, 6), big(number, 1280, 6)
    run.case("in order", [("red0", small), ("red0", least), ("red0", small)],
             {"uplink": [to_remote(KINDS[0], small, 4, number),
                         without_df(to_remote(KINDS[0], least, 4, number)),
                         to_remote(KINDS[0], small, 4, number)]}, spacing_ns=0, ordered=True)
    run.run()


def configured_narrow():
    """The same where the port's MTU leaves no room."""
    text = config().replace("mtu_bytes: 1600", f"mtu_bytes: {NARROW}")
    run = Scenario("a narrow port", text, ["uplink", "red0"], start=START)
    for family in FAMILIES:
        number = NUMBERS["vxlan", family]
        over, least = big(number, 1281, 6), big(number, 1280, 6)
        run.case(f"IPv{family}: 1281", ("red0", over), {"red0": told(over, 1280)}, "mtu_exceeded")
        outer = outer_of(KINDS[0], family, number, least)
        if family == 6:
            in_parts(run, "IPv6: 1280", ("red0", least), bytes(outer)[40:], NARROW,
                     same=lambda data: data[2:6] + data[8:])
            continue
        step = (NARROW - 20) // 8 * 8
        whole = bytes(outer)[20:]

        def check(got, _, whole=whole):
            parts = sorted((IP(each[14:]) for each in got["uplink"]), key=lambda each: each.frag)
            data = b"".join(bytes(each)[20:] for each in parts)
            good = (data[2:] == whole[2:] and {int(each.flags) for each in parts} == {0, 1} and
                    len({each.id for each in parts}) == 1)
            return [] if good else [f"not what was sent: {parts}"]

        run.case("IPv4: 1280", ("red0", least),
                 {"uplink": [any_of(34 + step), any_of(34 + len(whole) - step)]}, check=check)
    run.run()


def into_network():
    """Routed packets on their way to a remote whose path is narrow: a router fragments what may be."""
    b = balance
    run = b.scenario("into a network", b.config(b.service("dns", 4, 80, 53, protocol="udp")))
    src, dst = {v: b.client(v) for v in FAMILIES}, {v: b.backend(v, 11, 4) for v in FAMILIES}

    def framed(inner):
        return b.frame(inner, b.NET_MAC, b.backend_mac(11, 4))

    def leaves(inner):
        return frames.encapsulated(framed(inner), 100, 2)

    def cases(label, path):
        fits = path - 50
        for version in FAMILIES:
            one = routed.packet(version, src[version], dst[version], 1400)
            run.case(f"{label}: IPv{version} of 1400", b.from_client(one), b.to_client(b.icmp_about(
                b.hop(one), too_big(version, max(fits, 1280) if version == 6 else fits))),
                     "mtu_exceeded")
        one = routed.packet(4, src[4], dst[4], 1400, flags=0, id=77)
        parts = fragment(b.hop(one), fragsize=(fits - 20) // 8 * 8)
        for part in parts:
            del part.chksum
        run.case(f"{label}: without DF", b.from_client(one),
                 {"uplink": [leaves(part) for part in parts]}, ordered=True)

    one = routed.packet(4, src[4], dst[4], 1400, flags=0, id=77)
    run.case("it fits", b.from_client(one), {"uplink": leaves(b.hop(one))})
    sent = outer_of(KINDS[0], 4, 2, framed(b.hop(one)))
    run.case("a router tells 1400", ("uplink", error_about(sent, too_big(4, 1400))))
    cases("1400", 1400)
    run.case("a router tells 1290", ("uplink", error_about(sent, too_big(4, NARROW))))
    cases("1290", NARROW)
    one = routed.packet(6, src[6], dst[6], 1280)
    run.case("IPv6 of 1280 goes", b.from_client(one),
             {"uplink": without_df(to_remote(KINDS[0], framed(b.hop(one)), 4, 2))})
    run.run()


def stt():
    """STT sends shorter segments, of which its receiver makes the same frame."""
    kind = next(one for one in KINDS if one.name == "stt")
    run = Scenario("stt", config(), ["uplink", "red0"], start=START)
    for family in FAMILIES:
        number = NUMBERS["stt", family]
        frame = big(number, 1500)
        sent = outer_of(kind, family, number, frame)
        run.case(f"IPv{family}: fits", ("red0", frame),
                 {"uplink": to_remote(kind, frame, family, number)})
        for mtu in (1400, 600 if family == 4 else 1290):
            run.case(f"IPv{family}: told {mtu}", ("uplink", error_about(sent, too_big(family, mtu))))
            most, left = mtu - ip_bytes(family) - 20, 18 + len(frame)
            sizes = [most] * (left // most) + [left % most]
            run.case(f"IPv{family}: at most {mtu} bytes each", ("red0", frame),
                     {"uplink": [any_of(14 + mtu - most + size) for size in sizes]})
    run.run()


def undelivered():
    run = Scenario("undelivered", config(), ["uplink", "red0"], start=START)
    for kind in KINDS:
        for family in FAMILIES:
            number = NUMBERS[kind.name, family]
            sent = outer_of(kind, family, number, big(number, 200))
            errors = ([ICMP(type=3, code=1), ICMP(type=3, code=3), ICMP(type=11)] if family == 4
                      else [ICMPv6DestUnreach(code=3), ICMPv6TimeExceeded()])
            for error in errors:
                run.case(f"{kind.name} over IPv{family}: {error.summary()}",
                         ("uplink", error_about(sent, error)), {}, "tunnel_undelivered")
    stranger = changed(outer_of(KINDS[0], 4, 2, big(2, 200)), dst="192.0.2.200")
    run.case("about a packet to a stranger", ("uplink", error_about(stranger, ICMP(type=3, code=1))),
             {}, "icmp_ignored")
    run.run()


# --- VRFs

EDGE_MAC, HOST_MAC = "02:00:00:00:00:b1", "02:00:00:00:0b:01"
SITES = [(name, family, keys, header) for family in FAMILIES for name, keys, header in (
    ("ipip", "kind: ipip", b""), ("gre", "kind: gre-ip", b"\x00\x00"),
    ("key", "kind: gre-ip, id: 7", b"\x20\x00"))]


def vrf_config(services=""):
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
{routes}{services}"""


def sites():
    start = {"uplink": START["uplink"],
             "blue0": [announcement(EDGE_MAC, "10.1.0.254"), unsolicited(EDGE_MAC, "fd01::fe", router=1)]}
    run = Scenario("VRF tunnels", vrf_config(), ["uplink", "blue0"], start=start)
    gateway = {4: "10.1.0.254", 6: "fd01::fe"}
    for i, (name, family, _, flags) in enumerate(SITES):
        for version in FAMILIES:
            src, dst = (("10.1.0.1", f"10.2.{i}.9") if version == 4 else ("fd01::1", f"fd02:{i}::9"))

            def inner(size):
                return routed.packet(version, src, dst, size)

            def sent(size):
                """As it leaves; the entropy of IPv6 does not matter to routers."""
                payload = routed.hop(inner(size))
                kind = {4: 0x0800, 6: 0x86DD}[version]
                if flags:
                    payload = Raw(flags + kind.to_bytes(2, "big") +
                                  (b"\0\0\0\7" if name == "key" else b"") + bytes(payload))
                    proto = 47
                else:
                    proto = 4 if version == 4 else 41
                if family == 4:
                    return IP(bytes(IP(src=OURS[4], dst=address(4, 50 + i), id=0, flags="DF",
                                       proto=proto) / payload))
                return IPv6(bytes(IPv6(src=OURS[6], dst=address(6, 50 + i), nh=proto) / payload))

            # The packets of both versions go the same way.
            mtu = 1450 if version == 4 else 1440
            fits = mtu - len(bytes(sent(100))) + 100
            label = f"{name} over IPv{family}, IPv{version} inside"
            big_one = inner(1460)

            def answer(packet, most=1280):
                return bytes(Ether(src=EDGE_MAC, dst=HOST_MAC) / routed.about(
                    packet, routed.too_big(version, fits), gateway[version]))

            # What is told at once is about the packet as it went in.
            run.case(f"{label}: the sender is told", ("uplink", error_about(
                sent(1460), too_big(family, mtu))),
                     {"blue0": answer(routed.hop(big_one))})
            run.case(f"{label}: told by us", ("blue0", bytes(
                Ether(src=HOST_MAC, dst=EDGE_MAC) / big_one)), {"blue0": answer(big_one)},
                     "mtu_exceeded")
            run.case(f"{label}: what fits passes", ("blue0", bytes(
                Ether(src=HOST_MAC, dst=EDGE_MAC) / inner(fits))),
                     {"uplink": any_of(14 + mtu)})
            if version == 4:
                continue
            run.case(f"{label}: told {NARROW}", ("uplink", error_about(
                sent(1460), too_big(family, NARROW))), {"blue0": bytes(
                    Ether(src=EDGE_MAC, dst=HOST_MAC) / routed.about(
                        routed.hop(big_one), routed.too_big(6, 1280), gateway[6]))})
            least = inner(1280)
            run.case(f"{label}: nothing is told about 1280 bytes", ("uplink", error_about(
                sent(1280), too_big(family, NARROW))))
            run.case(f"{label}: 1281 told by us", ("blue0", bytes(
                Ether(src=HOST_MAC, dst=EDGE_MAC) / inner(1281))), {"blue0": bytes(
                    Ether(src=EDGE_MAC, dst=HOST_MAC) / routed.about(
                        inner(1281), routed.too_big(6, 1280), gateway[6]))}, "mtu_exceeded")
            send = ("blue0", bytes(Ether(src=HOST_MAC, dst=EDGE_MAC) / least))
            whole = sent(1280)
            if family == 6:
                in_parts(run, f"{label}: 1280 bytes in fragments", send, bytes(whole)[40:], NARROW)
            else:
                run.case(f"{label}: 1280 bytes, routers fragment", send, {"uplink": without_df(
                    bytes(Ether(src=OUR_MAC, dst=mac(50 + i)) / whole))})
    run.run()


def between_networks():
    """From one network of a VRF into another, of which a remote is farther away than it looks."""
    near_gateway, far_gateway = "02:00:00:00:00:c1", "02:00:00:00:00:c2"
    far = frames.host(1, 2)
    text = f"""
ports:
  uplink: {{device: tap:up0, mtu_bytes: 1600, mac: {OUR_MAC}, addresses: [192.0.2.1/24]}}
  red0: {{device: tap:red0, mtu_bytes: 9000}}
neighbours:
  - {{address: 192.0.2.2, mac: "{mac(2)}"}}
networks:
  far:
    vni: 100
    remotes: [{{address: 192.0.2.2}}]
    static_macs: [{{mac: "{far}", remote: 192.0.2.2}}]
  near:
    vni: 101
    members: [{{port: red0}}]
    static_macs: [{{mac: "{NEAR}", port: red0}}]
vrfs:
  blue:
    networks:
      far: {{addresses: [10.2.0.254/24], mac: "{far_gateway}"}}
      near: {{addresses: [10.1.0.254/24], mac: "{near_gateway}"}}
    neighbours:
      - {{address: 10.1.0.1, mac: "{NEAR}"}}
      - {{address: 10.2.0.9, mac: "{far}"}}
"""
    kind = KINDS[0]
    start = {"uplink": [announcement(), to_remote(kind, announcement(far_gateway, "10.2.0.254"), 4, 2)],
             "red0": [announcement(near_gateway, "10.1.0.254")]}
    run = Scenario("between networks", text, ["uplink", "red0"], start=start)

    def inner(size, number):
        return routed.packet(4, "10.1.0.1", "10.2.0.9", size, id=number)

    def asked(packet):
        return bytes(Ether(src=NEAR, dst=near_gateway) / packet)

    def routed_on(packet):
        return bytes(Ether(src=far_gateway, dst=far) / routed.hop(packet))

    run.case("fits what is known", ("red0", asked(inner(1460, 1))),
             {"uplink": to_remote(kind, routed_on(inner(1460, 1)), 4, 2)})
    sent = outer_of(kind, 4, 2, routed_on(inner(1460, 1)))
    run.case("a router tells", ("uplink", error_about(sent, too_big(4, 1390))), {}, None)
    fits = 1390 - 20 - 16 - 14

    def answer(packet):
        return bytes(Ether(src=near_gateway, dst=NEAR) / routed.about(
            packet, routed.too_big(4, fits), "10.1.0.254"))

    # The errors go into the other network while the packets that they are about are still there.
    for number in range(2, 6):
        run.case(f"now too big, {number}", ("red0", asked(inner(1460, number))),
                 {"red0": answer(routed.hop(inner(1460, number)))}, "mtu_exceeded")
    run.case("fits the path", ("red0", asked(inner(fits, 7))),
             {"uplink": to_remote(kind, routed_on(inner(fits, 7)), 4, 2)})
    run.run()


def keepalive():
    """Cisco's, and the same over IPv6: the packet inside comes back; not from a stranger, and no
    other."""
    start = {"uplink": START["uplink"],
             "blue0": [announcement(EDGE_MAC, "10.1.0.254"), unsolicited(EDGE_MAC, "fd01::fe", router=1)]}
    run = Scenario("keepalive", vrf_config(), ["uplink", "blue0"], start=start)
    for i, (name, family, _, _) in enumerate(SITES):
        if name == "ipip":
            continue
        key = {"key_present": 1, "key": 7} if name == "key" else {}
        theirs, ours = address(family, 50 + i), OURS[family]

        def outer(src, dst, ttl=64):
            if family == 4:
                return IP(src=src, dst=dst, ttl=ttl, id=9)
            return IPv6(src=src, dst=dst, hlim=ttl)

        def back(src, dst, ttl):
            return outer(src, dst, ttl) / GRE(proto=0, **key)

        def ask(src, ttl=255, after=b""):
            inside = back(ours, src, ttl)
            return bytes(Ether(src=mac(50 + i), dst=OUR_MAC) / outer(theirs, ours) /
                         GRE(proto=0x0800 if family == 4 else 0x86DD, **key) /
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
                GRE(proto=0x86DD, **key) / Raw(short))), {}, "no_route")
    run.run()


main(remotes, limits, df, least_of_ipv6, configured_narrow, into_network, stt, undelivered, sites,
     between_networks, keepalive)
