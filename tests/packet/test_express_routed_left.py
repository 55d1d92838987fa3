# SPDX-License-Identifier: Apache-2.0
"""What the express lane of routed packets leaves to the pipeline, and that packets of a flow leave in their
order. That both ways give the same bytes, the harness compares in each test."""

import random

from frames import HOP_BY_HOP, OPTIONS, options_body, patched, tagged, with_headers, with_ip_sum
from harness import main, tap
from routed_lane import (MACS, HOST, OTHER, HOST_MAC, AWAY, ENDS, behind, config, packet, frame, arriving,
                         replay, sent_by, expect, run_cases)
from tunnels import OUR_MAC, OURS, address, mac

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw


def odd_packets(version, src, dst):
    """name -> (packet, why it is dropped; "": it is not)"""
    plain = packet(version, src, dst)
    raw = bytes(plain)
    odd = {
        "a TTL of 1": (packet(version, src, dst, ttl=1), "ttl_expired"),
        "a TTL of 0": (packet(version, src, dst, ttl=0), "ttl_expired"),
        "another version": (b"\x75" + raw[1:], None),
        "a length beyond the frame": (patched(raw, 2 if version == 4 else 4, b"\x05\x05"), None),
        "a packet that is cut": (raw[:19], None),
    }
    if version == 4:
        ends = {"src": src, "dst": dst}
        odd |= {
            "options": (IP(options=[IPOption_NOP()] * 4, **ends) / UDP() / b"abc", ""),
            "a first fragment": (IP(flags="MF", **ends) / Raw(bytes(24)), ""),
            "a later fragment": (IP(frag=3, **ends) / Raw(bytes(24)), ""),
            "a wrong header checksum": (packet(4, src, dst, chksum=1), "ip_checksum"),
            "a header of 16 bytes": (b"\x44" + raw[1:], None),
            "a length within the header": (IP(len=19, **ends), "ip_total_length"),
            "a loopback source": (packet(4, "127.0.0.1", dst), "ip_source"),
            "no source": (packet(4, "0.0.0.0", dst), "ip_source"),
            "a group as source": (packet(4, "224.0.0.9", dst), "ip_source"),
            "a link-local source": (packet(4, "169.254.0.9", dst), "not_routable"),
            "our address as source": (packet(4, "10.1.0.254", dst), "ip_source"),
            "a subnet's broadcast as source": (packet(4, "10.4.0.255", dst), "ip_source"),
            "a group": (packet(4, src, "224.0.0.9"), "not_routable"),
            "a link-local destination": (packet(4, src, "169.254.0.9"), "not_routable"),
            "a broadcast": (packet(4, src, "255.255.255.255"), "not_routable"),
            "no destination": (packet(4, src, "0.0.0.0"), "not_routable"),
            "a subnet's broadcast": (packet(4, src, "10.4.0.255"), None),
            "a route to a next hop that is not known": (packet(4, src, "10.5.0.1"), None),
        }
        ping = IP(src=src, dst="10.4.0.254") / ICMP()
    else:
        extended = [with_headers(bytes(Ether() / plain), (kind, options_body(bytes(6))))[14:]
                    for kind in (OPTIONS, HOP_BY_HOP)]
        odd |= {
            "destination options": (extended[0], ""), "hop-by-hop options": (extended[1], ""),
            "a fragment": (IPv6(src=src, dst=dst, nh=44) / Raw(bytes([17, 0, 0, 1]) + bytes(20)), ""),
            "a loopback source": (packet(6, "::1", dst), "ip_source"),
            "no source": (packet(6, "::", dst), "ip_source"),
            "an IPv4 address as source": (packet(6, "::ffff:10.1.0.1", dst), "ip_source"),
            "a group as source": (packet(6, "ff02::9", dst), "ip_source"),
            "a link-local source": (packet(6, "fe80::9", dst), "not_routable"),
            "our address as source": (packet(6, "fd01::fe", dst), "ip_source"),
            "a group": (packet(6, src, "ff0e::9"), "not_routable"),
            "a link-local destination": (packet(6, src, "fe80::9"), None),
        }
        ping = IPv6(src=src, dst="fd04::fe") / ICMPv6EchoRequest()
    odd |= {
        "no route": (packet(version, src, "203.0.113.1" if version == 4 else "2001:db9::1"), "no_route"),
        "an address of ours": (packet(version, src, "10.4.0.254" if version == 4 else "fd04::fe"), "udp_port_closed"),
        "an echo request for us": (ping, ""),
        "a host that is not known": (packet(version, src, "10.4.0.99" if version == 4 else "fd04::99"), None),
        "a packet that is too long": (packet(version, src, OTHER[version], 1401), None),
    }
    return odd


def left_at_ports():
    for version in (4, 6):
        src, dst = HOST[version], OTHER[version]
        for name, (odd, drop) in odd_packets(version, src, dst).items():
            kind = 0x0800 if version == 4 else 0x86DD
            expect(f"IPv{version}, {name}: left to the pipeline", config(),
                   [("blue0", bytes(Ether(src=HOST_MAC, dst=MACS["blue0"], type=kind)) + bytes(odd))], 0, drop=drop)
        good = packet(version, src, dst)
        left = {"another MAC": frame(good, dst="02:00:00:00:00:99"), "a group MAC": frame(good, dst="01:00:5e:00:00:09"),
                "a tag": tagged(frame(good), 5), "a priority tag": tagged(frame(good), 0),
                "another type": patched(frame(good), 12, b"\x88\xb5"), "a runt": frame(good)[:13]}
        for name, one in left.items():
            expect(f"IPv{version}, {name}: left to the pipeline", config(), [("blue0", one)], 0)
        for number, taken in ((1400, 1), (1401, 0)):
            expect(f"IPv{version} of {number} bytes to a port of 1400", config(),
                   [("blue0", frame(packet(version, src, dst, number)))], taken)
        for (kind, family), end in ENDS.items():
            most = 1500 - (20 if family == 4 else 40) - {"ipip": 0, "gre": 4, "gre-key": 8}[kind]
            for size, taken in ((most, 1), (most + 1, 0)):
                expect(f"IPv{version} of {size} bytes in {kind} over IPv{family}", config(),
                       [("blue0", frame(packet(version, src, behind(version, end), size)))], taken)
    ask = IPv6(src=HOST[6], dst=OTHER[6]) / ICMPv6EchoRequest()
    expect("ICMPv6 of a port is left", config(), [("blue0", frame(ask))], 0,
           {"blue1": []})
    expect("neighbour discovery is left", config(),
           [("blue0", frame(IPv6(src=HOST[6], dst="fd01::fe", hlim=255) / ICMPv6ND_NS(tgt="fd01::fe")))], 0)
    for df in ("clear", "inherit"):
        expect(f"a tunnel with `df: {df}` is left: its packets have numbers", config(f", tunnel: {{df: {df}}}"),
               [("blue0", frame(packet(4, HOST[4], behind(4, 16))))], 0)
    for option in ("checksum", "sequence"):
        text = config().replace("kind: gre-ip, id: 7", f"kind: gre-ip, id: 7, {option}: true")
        expect(f"GRE with `{option}` is left", text,
               [("blue0", frame(packet(4, HOST[4], behind(4, ENDS['gre-key', 4]))))], 0)
    expect("a tunnel whose next hop is not known is left",
           config().replace(f'  - {{address: "{address(4, 16)}", mac: "{mac(16)}"}}\n', ""),
           [("blue0", frame(packet(4, HOST[4], behind(4, 16))))], 0)
    clamp = config(vrf="    mss_clamp: true")

    def tcp(flags, mss):
        return IP(src=HOST[4], dst=OTHER[4]) / TCP(flags=flags, options=[("MSS", mss)])
    for flags, taken in (("S", 0), ("SA", 0), ("A", 1)):
        expect(f"TCP {flags} where the MSS is clamped", clamp, [("blue0", frame(tcp(flags, 9000)))], taken)
    expect("a SYN where it is not: taken", config(), [("blue0", frame(tcp("S", 9000)))], 1)
    run_cases()


def left_in_tunnels():
    for version in (4, 6):
        src, dst = behind(version, 16), HOST[version]
        for name, (odd, drop) in odd_packets(version, src, dst).items():
            odd = bytes(odd)
            if drop == "udp_port_closed":
                drop = None
            one = arriving("ipip", 4, b"\x45" if version == 4 else b"\x60")
            one = bytes(Ether(one[:14]) / IP(src=address(4, 16), dst=OURS[4], proto=4 if version == 4 else 41) / Raw(odd))
            expect(f"IPv{version} in a tunnel, {name}: left to the pipeline", config(), [("uplink", one)], 0, drop=drop)
    back = packet(4, behind(4, 16), HOST[4])
    good = arriving("ipip", 4, back)
    left = {
        "a wrong header checksum": (patched(good, 24, b"\1\2"), "ip_checksum"),
        "IP options": (arriving("ipip", 4, back, options=[IPOption_NOP()] * 4), ""),
        "a fragment": (arriving("ipip", 4, back, flags="MF"), None),
        "another sender": (arriving("ipip", 4, back, 77), "remote_unknown"),
        "another MAC": (patched(good, 0, bytes.fromhex("020000000099")), "not_our_mac"),
        "another address": (arriving("ipip", 4, back, dst="192.0.2.9"), "ip_not_local"),
        "no address": (arriving("ipip", 4, back, dst="0.0.0.0"), "ip_not_local"),
        "a loopback source": (arriving("ipip", 4, back, src="127.0.0.1"), "ip_source"),
        "a length beyond the frame": (arriving("ipip", 4, back, len=500), "ip_total_length"),
        "a length within the inner header": (arriving("ipip", 4, back, len=39), "ip_truncated"),
        "a VLAN tag outside": (tagged(good, 5), "vlan_not_member"),
        "protocol 41 with IPv4": (with_ip_sum(patched(good, 23, b"\x29")), "tunnel_payload"),
    }
    for name, (one, drop) in left.items():
        expect(f"{name}: left to the pipeline", config(), [("uplink", one)], 0, drop=drop)
    expect("no address of IPv6: left", config(), [("uplink", arriving("ipip", 6, packet(4, behind(4, 17), HOST[4]), dst="::"))],
           0, drop="ip_not_local")
    gre = ENDS["gre", 4]

    def by_gre(header, inner=back):
        ip = IP(src=address(4, gre), dst=OURS[4], proto=47)
        return bytes(Ether(src=mac(gre), dst=OUR_MAC) / ip / Raw(header + bytes(inner)))
    headers = {
        "a key": (b"\x20\0\x08\0\0\0\0\x07", "remote_unknown"), "an Ethernet payload": (b"\0\0\x65\x58", None),
        "another payload": (b"\0\0\x88\x47", "tunnel_payload"), "another version": (b"\0\1\x08\0", "gre_flags"),
        "IPv6 that is IPv4": (b"\0\0\x86\xdd", "tunnel_payload"), "a sequence number": (b"\x10\0\x08\0\0\0\0\1", ""),
    }
    for name, (header, drop) in headers.items():
        expect(f"GRE with {name}: left", config(), [("uplink", by_gre(header))], 0, drop=drop)
    expect("GRE as it should be: taken", config(), [("uplink", by_gre(b"\0\0\x08\0"))], 1)
    numbered = config().replace("kind: gre-ip, id: 7", "kind: gre-ip, id: 7, sequence: true")
    expect("GRE beside a tunnel that numbers its packets: left", numbered, [("uplink", by_gre(b"\0\0\x08\0"))], 0)
    keepalive = IP(src=OURS[4], dst=address(4, gre), proto=47) / Raw(bytes(4))
    expect("a keepalive of GRE: answered by the pipeline", config(), [("uplink", by_gre(b"\0\0\x08\0", keepalive))], 0,
           drop="")
    run_cases()


def keeps_order():
    """A packet that the pipeline takes stays before those that come behind it."""
    def numbered(number, src, dst, **ip):
        return IP(src=src, dst=dst, **ip) / UDP() / Raw(bytes(number))

    def burst(make_odd, make_plain):
        return [make_odd(n) if n % 5 == 3 else make_plain(n) for n in range(24)]

    options = {"options": [IPOption_NOP()] * 4}
    ends = (behind(4, 16), HOST[4])
    ways = {
        "IP options": (burst(lambda n: ("blue0", frame(numbered(n, HOST[4], OTHER[4], **options))),
                             lambda n: ("blue0", frame(numbered(n, HOST[4], OTHER[4])))), "blue1"),
        "fragments": (burst(lambda n: ("blue0", frame(numbered(n, HOST[4], OTHER[4], flags="MF"))),
                            lambda n: ("blue0", frame(numbered(n, HOST[4], OTHER[4])))), "blue1"),
        "IP options in a tunnel": (burst(lambda n: ("uplink", arriving("ipip", 4, numbered(n, *ends, **options))),
                                         lambda n: ("uplink", arriving("ipip", 4, numbered(n, *ends)))), "blue0"),
        "IP options outside": (burst(lambda n: ("uplink", arriving("ipip", 4, numbered(n, *ends), **options)),
                                     lambda n: ("uplink", arriving("ipip", 4, numbered(n, *ends)))), "blue0"),
    }
    for name, (frames, port) in ways.items():
        run, problems = replay(config(), frames)
        numbers = [int.from_bytes(one[16:18], "big") - 4 * (one[14] & 15) - 8 for one in sent_by(run, port)]
        if numbers != list(range(24)):
            problems.append(f"sent in the order {numbers}")
        if run.report["worker"]["express"] != 3:
            problems.append(f"{run.report['worker']['express']} took the lane, not the first 3")
        tap.result(f"{name}: a flow keeps its order in a burst", problems)
    mixed = [("blue0", frame(numbered(1, HOST[4], OTHER[4], **options))), ("blue0", frame(numbered(1, HOST[4], AWAY[4]))),
             ("blue0", frame(numbered(1, HOST[4], behind(4, 16))))]
    run, problems = replay(config(), mixed)
    if run.report["worker"]["express"] != 2:
        problems.append("packets to others did not take the lane")
    tap.result("packets to others pass one that is left", problems)


def what_waits():
    """What waits for a next hop, and what comes behind it, leave in their order."""
    unknown = packet(4, HOST[4], "10.4.0.98")
    run, problems = replay(config(), [("blue0", frame(unknown))],
                           [("blue0", frame(unknown)), ("blue0", frame(packet(4, HOST[4], OTHER[4])))])
    if run.report["worker"]["express"] != 1:
        problems.append(f"{run.report['worker']['express']} took the lane, not 1")
    tap.result("packets for others pass those that wait for a host", problems)


def random_transit():
    """Bursts of packets of all sorts between all sorts of places."""
    for seed in range(6):
        rng = random.Random(seed)
        text = config(rng.choice(("", ", tunnel: {dscp_mode: uniform, ttl_mode: uniform}")),
                      vrf=rng.choice(("", "    mss_clamp: true")))
        places = {version: [HOST[version], OTHER[version], AWAY[version]] +
                  [behind(version, n) for n in ENDS.values()] for version in (4, 6)}
        odd = {version: [bytes(one) for one, _ in odd_packets(version, HOST[version], OTHER[version]).values()
                         if len(bytes(one)) > 40] for version in (4, 6)}
        bursts = []
        for _ in range(30):
            burst = []
            for _ in range(rng.randrange(1, 33)):
                version = rng.choice((4, 6))
                src, dst = rng.choice(places[version]), rng.choice(places[version])
                one = bytes(rng.choice((
                    lambda: packet(version, src, dst, rng.choice((48, 64, 333, 1300, 1380, 1450)), ttl=rng.choice((1, 2, 64)),
                                   tos=rng.randrange(256), sport=rng.randrange(3)),
                    lambda: (IP if version == 4 else IPv6)(src=src, dst=dst) / TCP(flags=rng.choice(("S", "A"))),
                    lambda: packet(version, src, dst, sport=rng.randrange(3)),
                    lambda: packet(version, src, dst, 100),
                ))()) if rng.random() < 0.9 else rng.choice(odd[version])
                if rng.random() < 0.03:
                    one = patched(one, rng.randrange(20), bytes([rng.randrange(256)]))
                if rng.random() < 0.5:
                    port = rng.choice(("blue0", "blue1"))
                    burst.append((port, frame(one, port) if one[0] >> 4 in (4, 6) else frame(packet(4, src, dst))
                                  if version == 4 else frame(packet(6, src, dst))))
                else:
                    kind, family = rng.choice(list(ENDS))
                    if one[0] >> 4 in (4, 6):
                        burst.append(("uplink", arriving(kind, family, one, **(
                            {"tos": rng.randrange(256), "ttl": rng.choice((1, 2, 64))} if rng.random() < 0.3 else {}))))
            bursts.append(burst)
        run, problems = replay(text, *bursts)
        count, all_ = run.report["worker"]["express"], sum(map(len, bursts))
        if not all_ // 10 < count < all_:
            problems.append(f"{count} of {all_} took the lane")
        tap.result(f"random packets, seed {seed}: {count} of {all_} take the lane", problems)


if __name__ == "__main__":
    main(left_at_ports, left_in_tunnels, keeps_order, what_waits, random_transit)
