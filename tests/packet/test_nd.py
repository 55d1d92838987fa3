# SPDX-License-Identifier: Apache-2.0
"""Neighbour discovery and echo on the IPv6 underlay: asked, answered, waited for, refused."""

from frames import host, patched, udp
from harness import MS, SECOND, Scenario, main
from nd_frames import *
from scapy.layers.inet import UDP
from scapy.layers.inet6 import ICMPv6MLReport2, IPv6ExtHdrHopByHop, RouterAlert
from scapy.layers.vxlan import VXLAN as VXLAN_HEADER
from tunnels import KINDS, OUR_MAC, from_remote, to_remote

OURS, PEER = "2001:db8::1", "2001:db8::10"
PEER_MAC, OTHER_MAC = "02:00:00:00:00:10", "02:00:00:00:00:11"
VXLAN = KINDS[0]
NEAR, FAR = host(10, 12), host(10, 2)
CONFIG = """
ports:
  uplink: {device: tap:up0, mac: "02:00:00:00:00:01", addresses: ["2001:db8::1/64"]}
  red0: {device: tap:red0}
networks:
  red:
    vni: 100
    members: [{port: red0}]
    remotes: [{address: "2001:db8::10"}]
    static_macs: [{mac: "02:00:00:00:0a:02", remote: "2001:db8::10"}]
"""
PORTS = ["uplink", "red0"]
QUESTION = solicitation(OUR_MAC, OURS, PEER)
START = {"uplink": [unsolicited(OUR_MAC, OURS), QUESTION]}


def is_question(port, frame):
    return frame[20] == 58 and frame[54] == 135


def scenario(name):
    return Scenario(name, CONFIG, PORTS, start=START, stray=is_question)


def answered():
    run = scenario("answers")
    answer = advertisement(OUR_MAC, PEER_MAC, OURS, PEER)
    run.case("a solicitation to the group", ("uplink", solicitation(PEER_MAC, PEER, OURS)),
             {"uplink": answer})
    run.case("a solicitation to us alone",
             ("uplink", solicitation(PEER_MAC, PEER, OURS, dst_mac=OUR_MAC, dst=OURS)),
             {"uplink": answer})
    run.case("one without the option, from where the frame came",
             ("uplink", solicitation(PEER_MAC, PEER, OURS, dst_mac=OUR_MAC, dst=OURS,
                                     option=False)), {"uplink": answer})
    run.case("one from a link-local address",
             ("uplink", solicitation(PEER_MAC, "fe80::10", OURS)),
             {"uplink": advertisement(OUR_MAC, PEER_MAC, OURS, "fe80::10")})
    run.case("one that looks for duplicates, to all",
             ("uplink", solicitation(PEER_MAC, "::", OURS, option=False)),
             {"uplink": unsolicited(OUR_MAC, OURS)})
    for size in (0, 1, 1000):
        data = bytes(size)
        run.case(f"echo with {size} bytes",
                 ("uplink", echo6(128, PEER_MAC, OUR_MAC, PEER, OURS, data)),
                 {"uplink": echo6(129, OUR_MAC, PEER_MAC, OURS, PEER, data, hlim=64)})
    run.case("echo from a link-local address",
             ("uplink", echo6(128, PEER_MAC, OUR_MAC, "fe80::10", OURS)),
             {"uplink": echo6(129, OUR_MAC, PEER_MAC, OURS, "fe80::10", hlim=64)})
    run.run()


def waited_for():
    run = scenario("waits")
    frame = udp(NEAR, FAR)
    out = to_remote(VXLAN, frame, 6, 16)
    run.case("a frame leaves when the remote answers",
             [("red0", frame), ("uplink", advertisement(PEER_MAC, OUR_MAC, PEER, OURS), 1000)],
             {"uplink": out})
    run.case("and at once from then on", ("red0", frame), {"uplink": out})
    moved = advertisement(OTHER_MAC, OUR_MAC, PEER, OURS)

    def asks(mac):
        return solicitation(OUR_MAC, OURS, PEER, dst_mac=mac, dst=PEER)

    run.case("a new MAC is taken over when the former one is silent", ("uplink", moved),
             {"uplink": [asks(PEER_MAC)] * 3 + [asks(OTHER_MAC)]}, last_ns=1500 * MS)
    run.case("it answers", ("uplink", moved), {})

    def build(got):
        right = out.build(got)
        return bytes.fromhex(OTHER_MAC.replace(":", "")) + right[6:]

    run.case("by the next frame", ("red0", frame), {"uplink": type(out)(build, out.frame)})
    run.case("a question teaches as well",
             ("uplink", solicitation(PEER_MAC, PEER, OURS)),
             {"uplink": [advertisement(OUR_MAC, PEER_MAC, OURS, PEER)] + [asks(OTHER_MAC)] * 3 +
              [asks(PEER_MAC)]}, last_ns=1800 * MS)
    run.case("what it taught is used", ("red0", frame), {"uplink": out})
    run.run()


def table():
    """RFC 4861 section 7.2.5, by what becomes of frames: O, S and the MAC of advertisements for
    a neighbour that is reachable, and for one that nothing is known of."""
    run = scenario("table")
    frame = udp(NEAR, FAR)
    out = to_remote(VXLAN, frame, 6, 16)

    def told(mac, **keys):
        return ("uplink", advertisement(mac, keys.pop("dst_mac", OUR_MAC), PEER,
                                        keys.pop("dst", OURS), **keys))

    run.case("incomplete, without a MAC: nothing is known", [
        ("red0", frame), told(PEER_MAC, option=False)], drop=[None, None])
    run.case("incomplete, override clear: taken",
             told(PEER_MAC, override=0), {"uplink": out})
    run.case("the same MAC, whatever the flags", [
        told(PEER_MAC, override=0), told(PEER_MAC, solicited=0), told(PEER_MAC, option=False),
        ("red0", frame)], {"uplink": out})
    run.case("another MAC, override clear: the neighbour is asked in a while, and stays", [
        told(OTHER_MAC, override=0), told(OTHER_MAC, override=0, solicited=0), ("red0", frame)],
             {"uplink": out})
    for name, keys in (("to a stranger", {"dst": "2001:db8::99"}),
                       ("to a stranger elsewhere", {"dst": "2001:dead::99"}),
                       ("to the group of a stranger", {"dst": "ff02::1:ff00:99", "solicited": 0,
                                                       "dst_mac": "33:33:ff:00:00:99"}),
                       ("to all routers", {"dst": "ff02::2", "solicited": 0,
                                           "dst_mac": "33:33:00:00:00:02"})):
        run.case(f"another MAC, {name}: not for us", [told(OTHER_MAC, **keys), ("red0", frame)],
                 {"uplink": out}, ["nd_not_for_us", None])
    for name, keys in (("to our group", {"dst": group_of(OURS), "dst_mac": group_mac_of(OURS)}),
                       ("to all", {"dst": "ff02::1", "dst_mac": "33:33:00:00:00:01"})):
        run.case(f"the same MAC, {name}: taken in", told(PEER_MAC, solicited=0, **keys))
    run.run()


def conflicts():
    """Another host that uses our address; we say once in 10 s whose it is."""
    run = scenario("conflicts")
    defence = {"uplink": unsolicited(OUR_MAC, OURS)}
    for name, frame in (
            ("advertises it to all", unsolicited(PEER_MAC, OURS)),
            ("advertises it to us", advertisement(PEER_MAC, OUR_MAC, OURS, OURS, src=PEER)),
            ("advertises another from it", advertisement(PEER_MAC, OUR_MAC, PEER, OURS, src=OURS)),
            ("asks for another from it", solicitation(PEER_MAC, OURS, "2001:db8::77")),
            ("asks us from it", solicitation(PEER_MAC, OURS, OURS))):
        run.case(f"another {name}: we defend it", ("uplink", frame), defence, "address_conflict",
                 wait_ns=11 * SECOND)
        run.case("and again: not within 10 s", [("uplink", frame)] * 5,
                 drop=["address_conflict"] * 5, wait_ns=8 * SECOND)
    run.case("one that looks for duplicates is answered, and no conflict",
             ("uplink", solicitation(PEER_MAC, "::", OURS, option=False)),
             {"uplink": unsolicited(OUR_MAC, OURS)}, wait_ns=11 * SECOND)
    run.case("our own, come back", ("uplink", solicitation(OUR_MAC, OURS, "2001:db8::77")),
             drop="source_mac_invalid")
    run.case("a tunnel's packet from our own address",
             ("uplink", bytes(Ether(src=PEER_MAC, dst=OUR_MAC) / IPv6(src=OURS, dst=OURS) /
                              UDP(dport=4789) / VXLAN_HEADER(vni=100) / udp(FAR, NEAR))), drop="ip_source")
    run.case("and one to a closed port", ("uplink", bytes(
        Ether(src=PEER_MAC, dst=OUR_MAC) / IPv6(src=OURS, dst=OURS) / UDP(dport=9))),
             drop="ip_source")
    run.run()


def refused():
    run = scenario("refused")

    def case(name, frame, reason="nd_malformed"):
        run.case(name, ("uplink", frame), drop=reason)

    good = solicitation(PEER_MAC, PEER, OURS)
    case("hop limit 254", solicitation(PEER_MAC, PEER, OURS, hlim=254))
    case("code 1", solicitation(PEER_MAC, PEER, OURS, code=1))
    case("target is a group", solicitation(PEER_MAC, PEER, "ff02::5", dst_mac=OUR_MAC, dst=OURS))
    case("no address but a MAC", solicitation(PEER_MAC, "::", OURS))
    case("for another", solicitation(PEER_MAC, PEER, "2001:db8::99", dst_mac=OUR_MAC, dst=OURS),
         "nd_not_for_us")
    case("to the group of another", solicitation(PEER_MAC, PEER, OURS, dst_mac="33:33:ff:00:00:99",
                                                 dst="ff02::1:ff00:99"), "nd_not_for_us")
    case("to all nodes", solicitation(PEER_MAC, PEER, OURS, dst_mac="33:33:00:00:00:01",
                                      dst="ff02::1"), "nd_not_for_us")
    case("to a stranger", solicitation(PEER_MAC, PEER, OURS, dst_mac=OUR_MAC, dst="2001:db8::99"),
         "nd_not_for_us")
    case("one that looks for duplicates, to us alone",
         solicitation(PEER_MAC, "::", OURS, dst_mac=OUR_MAC, dst=OURS, option=False))
    case("advertisement to all that says solicited",
         advertisement(PEER_MAC, "33:33:00:00:00:01", PEER, "ff02::1"))
    case("advertisement, hop limit 1", advertisement(PEER_MAC, OUR_MAC, PEER, OURS, hlim=1))
    case("group MAC in the option", solicitation("03:00:00:00:00:10", PEER, OURS))
    case("wrong checksum", patched(good, 56, b"\x12\x34"), "icmp_checksum")
    case("cut header", good[:14] + patched(good[14:60], 4, b"\x00\x06"), "icmp_truncated")
    case("redirect and others", patched(good, 54, b"\x89"), "icmp_checksum")
    case("echo to a group", echo6(128, PEER_MAC, "33:33:00:00:00:01", PEER, "ff02::1"),
         "icmp_ignored")
    case("echo reply", echo6(129, PEER_MAC, OUR_MAC, PEER, OURS), "icmp_ignored")
    case("echo from ourselves", echo6(128, PEER_MAC, OUR_MAC, OURS, OURS), "ip_source")
    case("echo from nowhere", echo6(128, PEER_MAC, OUR_MAC, "::", OURS), "icmp_ignored")
    # RFC 3590: from a host that has no address yet. An IP packet like any other to a group.
    report = (Ether(src=PEER_MAC, dst="33:33:00:00:00:16") / IPv6(src="::", dst="ff02::16", hlim=1) /
              IPv6ExtHdrHopByHop(options=RouterAlert()) / ICMPv6MLReport2())
    case("MLD report from none", bytes(report), "ip_not_local")
    for length in range(0, 32):
        # An option of a length that lies: 0, or beyond the end; the checksum is right.
        frame = with_option(bytes([1, length]) + bytes(6))
        if length != 1:
            case(f"option that says {8 * length} bytes", frame)
    run.run()


def with_option(option):
    from scapy.layers.inet6 import ICMPv6ND_NS, IPv6
    from scapy.layers.l2 import Ether
    from scapy.packet import Raw

    return bytes(Ether(src=PEER_MAC, dst=OUR_MAC) / IPv6(src=PEER, dst=OURS, hlim=255) /
                 ICMPv6ND_NS(tgt=OURS) / Raw(option))


def asked_again():
    """Once a second while nobody answers; then the frame that waits is dropped by its name."""
    run = scenario("asks")
    run.case("nobody answers", ("red0", udp(NEAR, FAR)), {"uplink": [QUESTION] * 3},
             drop="neighbour_unresolved", last_ns=3 * SECOND + SECOND // 2)
    run.case("and we live on", ("uplink", echo6(128, PEER_MAC, OUR_MAC, PEER, OURS)),
             {"uplink": echo6(129, OUR_MAC, PEER_MAC, OURS, PEER, hlim=64)})
    run.run()


main(answered, waited_for, table, conflicts, refused, asked_again)
