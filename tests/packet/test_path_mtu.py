# SPDX-License-Identifier: Apache-2.0
"""ICMP errors about our own outer packets (RFC 1191, RFC 8201): "too big" lowers the path MTU of the
remote that they were sent to, and of no other; others are counted for it."""

import frames
import tunnels
from harness import MS, SECOND, Scenario, main
from nd_frames import in_fragments
from path_mtu import *

from scapy.layers.inet import ICMP, fragment
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6TimeExceeded


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


main(remotes, limits, df, least_of_ipv6, configured_narrow, stt, undelivered)
