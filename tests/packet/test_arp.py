# SPDX-License-Identifier: Apache-2.0
"""The underlay: ARP both ways, packets that wait for a next hop, routes."""

from frames import *
from harness import (MS, SECOND, START_NS, Scenario, accounting_problems, announcement,
                     frame_problems, main, run_replay, tap)

FIXED = UPLINK + "  red0: {device: tap:red0}\n" + NEIGHBOURS + """
networks:
  red:
    vni: 100
    members: [{port: red0}]
    remotes: [{address: 192.0.2.2}]
"""
ASKED = UPLINK + """
  red0: {device: tap:red0}
networks:
  red:
    vni: 100
    members: [{port: red0}]
    remotes: [{address: 192.0.2.2}, {address: 192.0.2.3}]
    static_macs:
      - {mac: "02:00:00:00:0a:02", remote: 192.0.2.2}
      - {mac: "02:00:00:00:0a:03", remote: 192.0.2.3}
"""
PEER_MAC, PEER_IP = remote_mac(9), remote_ip(9)
NEAR, FAR2, FAR3 = host(10, 12), host(10, 2), host(10, 3)


def request_for(number, mac=BROADCAST):
    """What adit sends to find a neighbour."""
    return arp_request(OUR_MAC, OUR_IP, remote_ip(number), dst=mac)


def is_arp(port, frame):
    return port == "uplink" and frame[12:14] == b"\x08\x06"


def answered():
    run = Scenario("answers", FIXED, ["uplink", "red0"])
    reply = arp_reply(OUR_MAC, OUR_IP, PEER_MAC, PEER_IP)
    run.case("a broadcast request", ("uplink", arp_request(PEER_MAC, PEER_IP, OUR_IP)),
             {"uplink": reply})
    run.case("a unicast request",
             ("uplink", arp_request(PEER_MAC, PEER_IP, OUR_IP, OUR_MAC, OUR_MAC)),
             {"uplink": reply})
    run.case("a request padded to 60 bytes",
             ("uplink", arp_request(PEER_MAC, PEER_IP, OUR_IP) + bytes(18)),
             {"uplink": reply + bytes(18)})
    run.case("an address probe (RFC 5227): our address is taken",
             ("uplink", arp_request(PEER_MAC, "0.0.0.0", OUR_IP)),
             {"uplink": arp_reply(OUR_MAC, OUR_IP, PEER_MAC, "0.0.0.0")})
    run.case("a request from elsewhere", ("uplink", arp_request(PEER_MAC, "203.0.113.5", OUR_IP)),
             {"uplink": arp_reply(OUR_MAC, OUR_IP, PEER_MAC, "203.0.113.5")})
    run.case("an announcement of a stranger is taken in",
             ("uplink", announcement(PEER_MAC, PEER_IP)))
    run.case("a reply for us is taken in", ("uplink", arp_reply(PEER_MAC, PEER_IP)))
    run.case("on an access port ARP is a frame like any other",
             ("red0", arp_request(NEAR, PEER_IP, OUR_IP)),
             {"uplink": encapsulated(arp_request(NEAR, PEER_IP, OUR_IP))})
    run.case("and inside a tunnel", ("uplink", arriving(arp_request(FAR2, PEER_IP, OUR_IP))),
             {"red0": arp_request(FAR2, PEER_IP, OUR_IP)})
    run.run()


def refused():
    run = Scenario("refuses", FIXED, ["uplink", "red0"])
    good = arp_request(PEER_MAC, PEER_IP, OUR_IP)

    def malformed(name, frame):
        run.case(name, ("uplink", frame), drop="arp_malformed")

    for length in range(28):
        malformed(f"ARP of {length} bytes", good[:14 + length])
    for kind in (0, 2, 6, 0x0100, 0xFFFF):
        malformed(f"hardware type {kind}", patched(good, 14, kind.to_bytes(2, "big")))
    for kind in (0, 0x86DD, 0x0806, 0xFFFF):
        malformed(f"protocol type {kind:#06x}", patched(good, 16, kind.to_bytes(2, "big")))
    for length in (0, 1, 5, 7, 8, 255):
        malformed(f"hardware address of {length} bytes", patched(good, 18, bytes([length])))
    for length in (0, 3, 5, 16, 255):
        malformed(f"protocol address of {length} bytes", patched(good, 19, bytes([length])))
    for operation in (0, 3, 4, 8, 9, 256, 0xFFFF):
        malformed(f"operation {operation}", patched(good, 20, operation.to_bytes(2, "big")))
    for mac in ("00:00:00:00:00:00", BROADCAST, "01:00:5e:00:00:01"):
        malformed(f"sender at {mac}", patched(good, 22, bytes.fromhex(mac.replace(":", ""))))
    run.case("a request for somebody else",
             ("uplink", arp_request(PEER_MAC, PEER_IP, remote_ip(8))),
             drop="arp_not_for_us")
    run.case("a reply for somebody else",
             ("uplink", arp_reply(PEER_MAC, PEER_IP, remote_mac(8), remote_ip(8), dst=OUR_MAC)),
             drop="arp_not_for_us")
    run.case("a request sent to another MAC",
             ("uplink", arp_request(PEER_MAC, PEER_IP, OUR_IP, remote_mac(8))), drop="not_our_mac")
    run.case("a request sent to a multicast MAC",
             ("uplink", arp_request(PEER_MAC, PEER_IP, OUR_IP, "01:00:5e:00:00:01")),
             drop="not_our_mac")
    run.run()


def senders():
    """Who cannot be on the link is neither answered nor learned."""
    run = Scenario("senders", ASKED, ["uplink", "red0"], stray=is_arp,
                   start={"uplink": [announcement(), request_for(2), request_for(3)]})
    for name, address in (("loopback", "127.0.0.1"), ("a group", "224.0.0.1"),
                          ("the subnet's broadcast", "192.0.2.255"),
                          ("everyone", "255.255.255.255"), ("class E", "240.0.0.1"),
                          ("this network", "0.1.2.3")):
        for kind, frame in (("asks", arp_request(PEER_MAC, address, OUR_IP)),
                            ("replies", arp_reply(PEER_MAC, address)),
                            ("announces itself", announcement(PEER_MAC, address))):
            run.case(f"{name} {kind}", ("uplink", frame), drop="arp_sender")
    run.case("a reply from no address", ("uplink", arp_reply(PEER_MAC, "0.0.0.0")),
             drop="arp_sender")
    run.case("a probe for another address", ("uplink", arp_request(PEER_MAC, "0.0.0.0", PEER_IP)),
             drop="arp_not_for_us")
    request = arp_request(PEER_MAC, PEER_IP, OUR_IP)
    for name, mac in (("a group", bytes.fromhex("010000000001")), ("nobody", bytes(6))):
        run.case(f"an Ethernet source that is {name}", ("uplink", patched(request, 6, mac)),
                 drop="source_mac_invalid")
    run.case("our own request, come back", ("uplink", arp_request(OUR_MAC, OUR_IP, remote_ip(8))),
             drop="source_mac_invalid")
    run.run()


def conflicts():
    """RFC 5227 section 2.4: another host that uses our address; we say once in 10 s whose it is."""
    run = Scenario("conflicts", FIXED, ["uplink", "red0"])
    defence = {"uplink": announcement()}
    uses = (("announces", announcement(PEER_MAC, OUR_IP)),
            ("replies with", arp_reply(PEER_MAC, OUR_IP)),
            ("announces by a reply", arp_reply(PEER_MAC, OUR_IP, BROADCAST, OUR_IP, dst=BROADCAST)),
            ("asks another host from", arp_request(PEER_MAC, OUR_IP, remote_ip(8))),
            ("asks us from", arp_request(PEER_MAC, OUR_IP, OUR_IP)))
    for name, frame in uses:
        run.case(f"another {name} our address: we defend it", ("uplink", frame), defence,
                 "address_conflict", wait_ns=11 * SECOND)
        run.case("and again: not within 10 s", [("uplink", frame)] * 5,
                 drop=["address_conflict"] * 5, wait_ns=8 * SECOND)
    run.case("a probe is answered, and no conflict", ("uplink", arp_request(PEER_MAC, "0.0.0.0", OUR_IP)),
             {"uplink": arp_reply(OUR_MAC, OUR_IP, PEER_MAC, "0.0.0.0")}, wait_ns=11 * SECOND)
    for name, ip in (("a tunnel's", {}), ("a fragment", {"flags": "MF"}),
                     ("a protocol of nobody", {"proto": 50})):
        run.case(f"{name} packet from our own address",
                 ("uplink", arriving(udp(FAR2, NEAR), ip={"src": OUR_IP} | ip)), drop="ip_source")
    run.case("to a closed port", ("uplink", arriving(udp(FAR2, NEAR), ip={"src": OUR_IP}, dport=9)),
             drop="ip_source")
    run.run()


def waiting():
    """Packets wait for the next hop, leave in order when it answers, or get their name."""
    start = {"uplink": [announcement(), request_for(2), request_for(3)]}
    run = Scenario("waiting", ASKED, ["uplink", "red0"], start=start, stray=is_arp)
    early = [udp(NEAR, FAR2, size=size) for size in (10, 300, 20, 1400, 1)]
    run.case("nothing is sent to a next hop that is unknown", [("red0", f) for f in early])
    run.case("its answer lets them go, in order",
             ("uplink", arp_reply(remote_mac(2), remote_ip(2))),
             {"uplink": [encapsulated(frame) for frame in early]}, ordered=True)
    run.case("the next one goes at once", ("red0", early[0]), {"uplink": encapsulated(early[0])})
    run.case("a request for somebody else teaches nothing",
             [("uplink", arp_request("02:00:00:00:22:24", remote_ip(2), remote_ip(77))),
              ("red0", early[0])],
             {"uplink": encapsulated(early[0])},
             ["arp_not_for_us", None])
    run.case("a malformed reply teaches nothing",
             [("uplink", patched(arp_reply("02:00:00:00:22:25", remote_ip(2)), 18, b"\x07")),
              ("red0", early[0])],
             {"uplink": encapsulated(early[0])},
             ["arp_malformed", None])

    frame = udp(NEAR, FAR3)
    run.case("the other next hop never answers", [("red0", frame)] * 3,
             drop="neighbour_unresolved")
    run.case("of 70 more the last 64 wait in vain, the others give way", [("red0", frame)] * 70,
             drop=["neighbour_queue_full"] * 6 + ["neighbour_unresolved"] * 64,
             wait_ns=2 * SECOND)
    run.case("meanwhile the first next hop is served", ("red0", early[0]),
             {"uplink": encapsulated(early[0])})
    run.case("early ones expire", ("red0", frame), drop="neighbour_unresolved", wait_ns=2 * SECOND)
    run.case("later ones wait on", ("red0", frame), wait_ns=1000 * MS)
    run.case("until the answer comes",
             ("uplink", arp_reply(remote_mac(3), remote_ip(3))),
             {"uplink": encapsulated(frame, 100, 3)}, wait_ns=1000 * MS)
    run.case("a flooded frame takes both tunnels", ("red0", udp(NEAR, BROADCAST)),
             {"uplink": [encapsulated(udp(NEAR, BROADCAST)),
                         encapsulated(udp(NEAR, BROADCAST), 100, 3)]})
    run.run()


ALONE = ASKED.replace(", {address: 192.0.2.3}", "").replace(
    '      - {mac: "02:00:00:00:0a:03", remote: 192.0.2.3}\n', "")


def moved():
    """A next hop that is at another MAC: its former place is asked before."""
    run = Scenario("moved", ALONE, ["uplink", "red0"],
                   start={"uplink": [announcement(), request_for(2)]})
    frame, second, third = udp(NEAR, FAR2), "02:00:00:00:22:22", "02:00:00:00:22:23"
    run.case("a next hop", [("uplink", arp_reply(remote_mac(2), remote_ip(2))), ("red0", frame)],
             {"uplink": encapsulated(frame)})
    run.case("an announcement from another MAC is not believed at once: the former one is asked",
             [("uplink", announcement(second, remote_ip(2))), ("red0", frame)],
             {"uplink": [request_for(2, remote_mac(2))] * 3 + [encapsulated(frame)] +
              [request_for(2, second)]}, last_ns=1500 * MS)
    run.case("as that is silent it is followed", ("red0", frame),
             {"uplink": encapsulated(frame, next_hop=second)})
    run.case("a request from yet another is answered, and believed when the former one was silent",
             [("uplink", arp_reply(second, remote_ip(2))),
              ("uplink", arp_request(third, remote_ip(2), OUR_IP))],
             {"uplink": [arp_reply(OUR_MAC, OUR_IP, third, remote_ip(2))] +
              [request_for(2, second)] * 3 + [request_for(2, third)]}, last_ns=1800 * MS)
    run.case("and followed as well", [("uplink", arp_reply(third, remote_ip(2))), ("red0", frame)],
             {"uplink": encapsulated(frame, next_hop=third)})
    run.case("a move, and the former place answers", [
        ("uplink", announcement(second, remote_ip(2))), ("uplink", arp_reply(third, remote_ip(2))),
        ("red0", frame)],
             {"uplink": [request_for(2, third), encapsulated(frame, next_hop=third)]},
             wait_ns=2 * SECOND)
    run.case("it is not asked again", ("red0", frame),
             {"uplink": encapsulated(frame, next_hop=third)}, last_ns=1500 * MS)
    run.run()


def forged():
    """Whoever says to be a next hop that answers does not get its packets, however often he says
    so, and the next hop is not asked for each of his messages."""
    def at(ms):
        return START_NS + ms * MS

    uplink, red = [(at(0), arp_reply(remote_mac(2), remote_ip(2)))], []
    for i in range(2000):
        mac = f"02:00:00:66:{i >> 8:02x}:{i & 255:02x}"
        kinds = (announcement(mac, remote_ip(2)), arp_reply(mac, remote_ip(2)),
                 arp_request(mac, remote_ip(2), OUR_IP))
        uplink.append((at(100 + i * 5), kinds[i % 3]))
        if i % 20 == 0:  # it answers within 100 ms
            uplink.append((at(102 + i * 5), arp_reply(remote_mac(2), remote_ip(2))))
            red.append((at(104 + i * 5), udp(NEAR, FAR2)))
    run = run_replay(ALONE, {"uplink": uplink, "red0": red}, ["uplink"])
    tap.result("forged: every packet is accounted for", accounting_problems(run))
    sent = [frame for _, frame in run.outputs["uplink"] if frame[12:14] == b"\x08\x00"]
    tap.result("forged: all packets are for the next hop that answers",
               frame_problems([encapsulated(udp(NEAR, FAR2))] * 100, sent, True))
    asked = [frame for time, frame in run.outputs["uplink"]  # as long as it answers
             if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and time < at(10000) and
             frame != announcement()]
    tap.check("forged: the next hop is asked about once a second, and nobody else",
              len(asked) < 25 and set(asked) <= {request_for(2), request_for(2, remote_mac(2))},
              f"{len(asked)}: {sorted(set(asked))[:3]}")


def flooded_copies_wait():
    start = {"uplink": [announcement(), request_for(2), request_for(3)]}
    run = Scenario("flood waits", ASKED, ["uplink", "red0"], start=start, stray=is_arp)
    frame = udp(NEAR, BROADCAST)
    run.case("a flooded frame waits for each next hop", ("red0", frame),
             drop=[["neighbour_unresolved"]])
    run.case("the first answers", ("uplink", arp_reply(remote_mac(2), remote_ip(2))),
             {"uplink": encapsulated(frame)})
    run.run()


def timeline():
    """When a neighbour is asked, from the first second to giving up, and after."""
    def second(index, ms=0):
        return START_NS + index * SECOND + ms * MS

    def unknown_host(size):
        return udp(NEAR, FAR2, size=size)

    inputs = {
        "uplink": [(second(3, 500), arp_reply(remote_mac(2), remote_ip(2)))],
        # Around the time (33.5 s) at which the neighbour, silent since 3.5 s, is given up.
        "red0": [(second(0), b""), (second(10), unknown_host(1)), (second(32), unknown_host(2)),
                 (second(40), unknown_host(3)), (second(60), b"")],
    }
    run = run_replay(ALONE, inputs, ["uplink", "red0"])
    tap.result("timeline: every packet is accounted for", accounting_problems(run))

    asked = [((time - START_NS) / SECOND, frame) for time, frame in run.outputs["uplink"]
             if frame[12:14] == b"\x08\x06" and frame != announcement()]
    early = [(time, frame) for time, frame in asked if time < 3.6]
    tap.result("timeline: asked in the first moment and every second after",
               frame_problems([request_for(2)] * 4, [frame for _, frame in early], True) +
               [f"at {time} s" for (time, _), due in zip(early, range(4)) if abs(time - due) > 0.2])
    quiet = [time for time, _ in asked if 3.6 < time < 15]
    tap.check("timeline: not asked while fresh", not quiet, str(quiet))
    refresh = [(time, frame) for time, frame in asked if 15 < time < 33]
    tap.check("timeline: refreshed before it ages: asked itself, by unicast",
              bool(refresh) and refresh[0][1] == request_for(2, remote_mac(2)), str(refresh[:1]))
    tap.check("timeline: then everyone is asked",
              any(frame == request_for(2) for _, frame in refresh), str(refresh))
    sent = [frame for _, frame in run.outputs["uplink"] if frame[12:14] == b"\x08\x00"]
    tap.result("timeline: usable while it is asked again",
               frame_problems([encapsulated(unknown_host(1)), encapsulated(unknown_host(2))],
                              sent, True))
    drops = [(drop["packet"], drop["reason"]) for drop in run.report["drops"]
             if drop["reason"] != "runt_frame"]
    tap.check("timeline: given up when it stays silent",
              drops == [(4, "neighbour_unresolved")], str(drops))
    late = [time for time, _ in asked if time > 45]
    tap.check("timeline: and asked now and then for ever", len(late) in range(2, 8), str(late))
    gaps = [b - a for (a, _), (b, _) in zip(asked, asked[1:])]
    tap.check("timeline: never more than once a second", min(gaps) > 0.9, str(gaps))


def queue_bound():
    """All next hops together: 512 packets wait at most."""
    numbers = range(2, 12)
    config = UPLINK + "  red0: {device: tap:red0}\nnetworks:\n  red:\n    vni: 100\n" \
        "    members: [{port: red0}]\n    remotes:\n" + \
        "".join(f"      - {{address: 192.0.2.{n}}}\n" for n in numbers) + "    static_macs:\n" + \
        "".join(f"      - {{mac: '{host(10, n)}', remote: 192.0.2.{n}}}\n" for n in numbers)
    start = {"uplink": [announcement(), *(request_for(n) for n in numbers)]}
    run = Scenario("bound", config, ["uplink", "red0"], start=start, stray=is_arp)
    packets = [("red0", udp(NEAR, host(10, n), size=size)) for size in range(60) for n in numbers]
    run.case("600 packets for ten next hops: the last 512 wait, the others give way", packets,
             drop=["neighbour_queue_full"] * 88 + ["neighbour_unresolved"] * 512)
    run.run()


def routed():
    config = """
ports:
  uplink: {device: tap:up0, mtu_bytes: 1550, mac: "02:00:00:00:00:01", addresses: [192.0.2.1/24]}
  other:
    device: tap:up1
    mtu_bytes: 1550
    mac: "02:00:00:00:01:01"
    addresses: [198.51.100.1/25, 203.0.113.1/30]
  red0: {device: tap:red0}
routes:
  - {to: 10.0.0.0/8, via: 192.0.2.254}
  - {to: 10.1.0.0/16, via: 198.51.100.126}
  - {to: 10.1.1.0/24, via: 203.0.113.2}
neighbours:
  - {address: 192.0.2.254, mac: "02:00:00:00:00:fe"}
  - {address: 198.51.100.126, mac: "02:00:00:00:01:fe"}
  - {address: 203.0.113.2, mac: "02:00:00:00:02:fe"}
networks:
  red:
    vni: 100
    members: [{port: red0}]
    remotes: [{address: 10.9.9.9}, {address: 10.1.9.9}, {address: 10.1.1.9}]
    static_macs:
      - {mac: "02:00:00:00:0a:01", remote: 10.9.9.9}
      - {mac: "02:00:00:00:0a:02", remote: 10.1.9.9}
      - {mac: "02:00:00:00:0a:03", remote: 10.1.1.9}
"""
    other = "02:00:00:00:01:01"
    start = {"uplink": [announcement()],
             "other": [announcement(other, "198.51.100.1"), announcement(other, "203.0.113.1")]}
    run = Scenario("routes", config, ["red0", "uplink", "other"], start=start)
    ways = ((1, "uplink", "10.9.9.9", OUR_IP, OUR_MAC, "02:00:00:00:00:fe"),
            (2, "other", "10.1.9.9", "198.51.100.1", other, "02:00:00:00:01:fe"),
            (3, "other", "10.1.1.9", "203.0.113.1", other, "02:00:00:00:02:fe"))
    for number, port, remote, source, mac, gateway in ways:
        frame = udp(NEAR, host(10, number))
        run.case(f"{remote} by its longest route, from {source}", ("red0", frame),
                 {port: encapsulated(frame, src_ip=source, src_mac=mac, dst_ip=remote,
                                     next_hop=gateway)})
        back = udp(host(10, number), NEAR)
        run.case(f"and back from {remote}",
                 (port, arriving(back, eth={"src": gateway, "dst": mac},
                                 ip={"src": remote, "dst": source})),
                 {"red0": back})
    run.case("our address of another port is ours too",
             ("uplink", arriving(udp(host(10, 1), NEAR), ip={"src": "10.9.9.9",
                                                             "dst": "203.0.113.1"})),
             {"red0": udp(host(10, 1), NEAR)})
    run.case("but ARP answers only for the port's own",
             ("uplink", arp_request(PEER_MAC, PEER_IP, "203.0.113.1")), drop="arp_not_for_us")
    run.case("ARP answers for the second address of a port",
             ("other", arp_request(PEER_MAC, "203.0.113.2", "203.0.113.1")),
             {"other": arp_reply(other, "203.0.113.1", PEER_MAC, "203.0.113.2")})
    run.case("the other port's MAC is not ours here",
             ("uplink", arriving(udp(host(10, 1), NEAR), eth={"dst": other})), drop="not_our_mac")
    run.run()


if __name__ == "__main__":
    main(answered, refused, senders, conflicts, waiting, moved, forged, flooded_copies_wait, timeline, queue_bound, routed)
