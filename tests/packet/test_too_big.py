# SPDX-License-Identifier: Apache-2.0
"""Frames beyond the MTU of their way out: told to the sender, fragmented, or dropped; and the MSS
that keeps TCP from making them."""

import struct

import tunnels
from frames import OPTIONS, echo, host, of_length, options_body, udp, udp6, with_headers
from harness import SECOND, Scenario, announcement, main
from nd_frames import unsolicited
from tunnels import KINDS, OUR_MAC, OURS, from_remote, to_remote

from scapy.layers.inet import ICMP, IP, TCP, fragment
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

VXLAN = KINDS[0]
NEAR, FAR, NARROW, NOBODY = host(10, 1), host(1, 2), host(10, 3), host(10, 77)
START = {"uplink": [announcement(), unsolicited(OUR_MAC, OURS[6])]}
INNER_MTU = 1450  # what fits VXLAN over IPv4 on the uplink


def config(keys):
    return """
ports:
  uplink:
    device: tap:up0
    mtu_bytes: 1500
    mac: 02:00:00:00:00:01
    addresses: [192.0.2.1/24, "2001:db8::1/64"]
  red0: {device: tap:red0, mtu_bytes: 9000}
  red1: {device: tap:red1, mtu_bytes: 1000}
neighbours: [{address: 192.0.2.2, mac: "02:00:00:00:00:02"}]
networks:
  red:
    vni: 100
    KEYS
    members: [{port: red0}, {port: red1}]
    remotes: [{address: 192.0.2.2}]
    static_macs:
      - {mac: "02:00:00:00:0a:01", port: red0}
      - {mac: "02:00:00:00:0a:03", port: red1}
      - {mac: "02:00:00:00:01:02", remote: 192.0.2.2}
""".replace("KEYS", keys)


def scenario(name, keys):
    return Scenario(name, config(keys), ["uplink", "red0", "red1"], start=START)


def needed(frame, mtu):
    """ICMP fragmentation needed, as the other host would have sent it."""
    packet = Ether(frame)
    quote = bytes(packet[IP])[:576 - 28]
    return bytes(Ether(src=packet.dst, dst=packet.src) /
                 IP(src=packet[IP].dst, dst=packet[IP].src, id=0, ttl=64) /
                 ICMP(type=3, code=4, nexthopmtu=mtu) / Raw(quote))


def too_big(frame, mtu, src=None):
    packet = Ether(frame)
    quote = bytes(packet[IPv6])[:1280 - 48]
    return bytes(Ether(src=packet.dst, dst=packet.src) /
                 IPv6(src=src or packet[IPv6].dst, dst=packet[IPv6].src, hlim=64) /
                 ICMPv6PacketTooBig(mtu=mtu) / Raw(quote))


def ipv4(size, src=NEAR, dst=FAR, flags="DF", **ip):
    """A frame whose IP packet has `size` bytes."""
    return udp(src, dst, size=size - 28, flags=flags, **ip)


def ipv6(size, src=NEAR, dst=FAR, **ip):
    return udp6(src, dst, size=size - 48, **ip)


def told():
    run = scenario("icmp", "too_big: icmp")
    run.case("IPv4 that just fits", ("red0", ipv4(INNER_MTU)),
             {"uplink": to_remote(VXLAN, ipv4(INNER_MTU), 4, 2)})
    run.case("IPv6 that just fits", ("red0", ipv6(INNER_MTU)),
             {"uplink": to_remote(VXLAN, ipv6(INNER_MTU), 4, 2)})
    for size in (INNER_MTU + 1, 1500, 9000):
        frame = ipv4(size)
        run.case(f"IPv4 of {size} bytes", ("red0", frame), {"red0": needed(frame, INNER_MTU)},
                 "mtu_exceeded")
        frame = ipv6(size)
        run.case(f"IPv6 of {size} bytes", ("red0", frame), {"red0": too_big(frame, INNER_MTU)},
                 "mtu_exceeded")
    frame = ipv4(1100, FAR, NARROW)
    run.case("towards an access port, told through the tunnel",
             ("uplink", from_remote(VXLAN, frame, 4, 2)),
             {"uplink": to_remote(VXLAN, needed(frame, 1000), 4, 2)}, "mtu_exceeded")
    frame = ipv6(1100, FAR, NARROW)
    run.case("the same for IPv6", ("uplink", from_remote(VXLAN, frame, 4, 2)),
             {"uplink": to_remote(VXLAN, too_big(frame, 1000), 4, 2)}, "mtu_exceeded")
    frame = echo(8, NEAR, FAR, "10.0.0.1", "10.0.0.2", bytes(1500), flags="DF")
    run.case("about a ping", ("red0", frame), {"red0": needed(frame, INNER_MTU)}, "mtu_exceeded")

    for version, frame_of, error in ((4, ipv4, needed), (6, ipv6, too_big)):
        frame = frame_of(1200, NEAR, NOBODY)
        run.case(f"IPv{version}, flooded, a narrower member says nothing", ("red0", frame),
                 {"uplink": to_remote(VXLAN, frame, 4, 2)}, "mtu_exceeded")
        frame = frame_of(1100, FAR, NOBODY)
        run.case(f"IPv{version}, flooded from the tunnel, a narrower member says nothing",
                 ("uplink", from_remote(VXLAN, frame, 4, 2)), {"red0": frame}, "mtu_exceeded")
        frame = frame_of(2000, NEAR, NOBODY)
        run.case(f"IPv{version}, flooded, all are too narrow: told what the widest takes", ("red0", frame),
                 {"red0": error(frame, INNER_MTU)}, [["mtu_exceeded"] * 2])

    def silent(name, frame):
        run.case("not told: " + name, ("red0", frame), drop="mtu_exceeded")

    silent("IPv4 that may be fragmented", ipv4(1500, flags=0))
    silent("what is not IP", of_length(NEAR, FAR, 1500))
    silent("an ICMP error", bytes(Ether(src=NEAR, dst=FAR) / IP(
        src="10.0.0.1", dst="10.0.0.2", flags="DF") / ICMP(type=3, code=1) / Raw(bytes(1500))))
    silent("a later fragment", ipv4(1500, frag=5))
    silent("from a group address", ipv4(1500, sip="224.0.0.9"))
    silent("to a group address", ipv4(1500, dip="224.0.0.9"))
    silent("to everyone", ipv4(1500, dip="255.255.255.255"))
    silent("from nowhere", ipv4(1500, sip="0.0.0.0"))
    silent("from IPv6's nowhere", ipv6(1500, sip="::"))
    silent("an ICMPv6 error", bytes(Ether(src=NEAR, dst=FAR) / IPv6(src="fd00::1", dst="fd00::2") /
                                    ICMPv6PacketTooBig(mtu=1280) / Raw(bytes(1500))))
    frame = ipv6(1500, dip="ff05::7")
    run.case("IPv6 to a group is told about", ("red0", frame),
             {"red0": too_big(frame, INNER_MTU, src="fd00::1")}, "mtu_exceeded")
    frame = ipv4(1500)
    run.case("at most a hundred at once, a thousand a second", [("red0", frame)] * 150,
             {"red0": [needed(frame, INNER_MTU)] * 100}, "mtu_exceeded", wait_ns=SECOND)
    run.run()


def fragmented():
    run = scenario("fragment", "too_big: fragment")
    for size in (INNER_MTU + 1, 2000, 9000):
        frame = ipv4(size, flags=0, id=77)
        packet = Ether(frame)
        parts = [bytes(part) for part in fragment(packet, fragsize=(INNER_MTU - 20) // 8 * 8)]
        run.case(f"{size} bytes in {len(parts)} fragments", ("red0", frame),
                 {"uplink": [to_remote(VXLAN, part, 4, 2) for part in parts]})
    frame = ipv4(1500)
    run.case("not what may not be", ("red0", frame), {"red0": needed(frame, INNER_MTU)},
             "mtu_exceeded")
    frame = ipv6(1500)
    run.case("nor IPv6", ("red0", frame), {"red0": too_big(frame, INNER_MTU)}, "mtu_exceeded")
    frame = ipv4(1100, flags=0, dst="ff:ff:ff:ff:ff:ff")
    parts = [bytes(part) for part in fragment(Ether(frame), fragsize=(1000 - 20) // 8 * 8)]
    run.case("a flooded one where it has to be", ("red0", frame),
             {"uplink": to_remote(VXLAN, frame, 4, 2), "red1": parts})
    lies = frame[:16] + struct.pack("!H", 40) + frame[18:]
    run.case("not one whose length lies", ("red0", lies[:6] + frame[6:14] + lies[14:]),
             {"uplink": to_remote(VXLAN, lies, 4, 2)}, "mtu_exceeded")
    run.run()


def burst():
    """More leaves by the tunnel than came in with the burst."""
    run = Scenario("burst", config("too_big: fragment"), ["uplink", "red0", "red1"],
                   ["--burst", "64"], start=START)
    small = ipv4(100)
    big = ipv4(9000, flags=0, id=77)
    parts = [bytes(part) for part in fragment(Ether(big), fragsize=(INNER_MTU - 20) // 8 * 8)]
    for bigs in (1, 8, 32, 64):
        frames = [small] * (64 - bigs) + [big] * bigs
        run.case(f"{bigs} of 64 frames in {len(parts)} fragments each",
                 [("red0", frame) for frame in frames],
                 {"uplink": [to_remote(VXLAN, small, 4, 2)] * (64 - bigs) +
                            [to_remote(VXLAN, part, 4, 2) for part in parts] * bigs}, spacing_ns=0)
    run.run()


def dropped():
    run = scenario("drop", "too_big: drop")
    for name, frame in (("IPv4", ipv4(1500)), ("IPv6", ipv6(1500)),
                        ("IPv4 that may be fragmented", ipv4(1500, flags=0))):
        run.case(name, ("red0", frame), drop="mtu_exceeded")
    run.run()


def syn(options, flags="S", family=4, size=0, src=NEAR, dst=FAR):
    ip = IP(src="10.0.0.1", dst="10.0.0.2") if family == 4 else IPv6(src="fd00::1", dst="fd00::2")
    return bytes(Ether(src=src, dst=dst) / ip /
                 TCP(sport=5, dport=80, flags=flags, options=options) / Raw(bytes(size)))


def clamped():
    # red1 has the least MTU of the network: 1000.
    run = scenario("mss", "mss_clamp: true")

    def case(name, frame, want=None):
        run.case(name, ("red0", frame), {"uplink": to_remote(VXLAN, want or frame, 4, 2)})
        run.case(name + ", back", ("uplink", from_remote(VXLAN, swapped(frame), 4, 2)),
                 {"red0": swapped(want or frame)})

    for family, most in ((4, 960), (6, 940)):
        for flags in ("S", "SA"):
            case(f"IPv{family} {flags}: lowered",
                 syn([("MSS", 1460)], flags, family), syn([("MSS", most)], flags, family))
            case(f"IPv{family} {flags}: never raised", syn([("MSS", 536)], flags, family))
            case(f"IPv{family} {flags}: just right", syn([("MSS", most)], flags, family))
        others = [("WScale", 7), ("NOP", None), ("SAckOK", b"")]
        case(f"IPv{family}: behind other options", syn(others + [("MSS", 9000)], family=family),
             syn(others + [("MSS", most)], family=family))
        odd = [("NOP", None)]
        case(f"IPv{family}: at an odd place", syn(odd + [("MSS", 0x5A5B)], family=family),
             syn(odd + [("MSS", most)], family=family))
        case(f"IPv{family}: no option", syn([], family=family))
        case(f"IPv{family}: not a SYN", syn([("MSS", 1460)], "A", family))
        case(f"IPv{family}: with data", syn([("MSS", 1460)], size=99, family=family),
             syn([("MSS", most)], size=99, family=family))
    behind = (OPTIONS, options_body(bytes(6)))
    case("IPv6 behind options", with_headers(syn([("MSS", 1460)], family=6), behind),
         with_headers(syn([("MSS", 932)], family=6), behind))
    good = syn([("MSS", 1460), ("NOP", None), ("NOP", None), ("SAckOK", b"")])
    at = 14 + 20 + 20
    for name, place, value in (("option of length 0", at + 1, 0), ("option of length 1", at + 1, 1),
                               ("option beyond the header", at + 1, 44),
                               ("MSS of a wrong length", at + 1, 3),
                               ("header beyond the frame", at - 8, 0xF0),
                               ("header too short", at - 8, 0x40)):
        case("malformed, left alone: " + name, good[:place] + bytes([value]) + good[place + 1:])
    broadcast = syn([("MSS", 1460)], dst="ff:ff:ff:ff:ff:ff")
    want = syn([("MSS", 960)], dst="ff:ff:ff:ff:ff:ff")
    run.case("flooded", ("red0", broadcast),
             {"uplink": to_remote(VXLAN, want, 4, 2), "red1": want})
    run.run()


def swapped(frame):
    """The same packet between the other two MACs."""
    return frame[6:12] + frame[:6] + frame[12:]


main(told, fragmented, burst, dropped, clamped)
