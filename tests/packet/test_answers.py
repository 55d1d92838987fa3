# SPDX-License-Identifier: Apache-2.0
"""Answers of adit's own and packets that get none: ids of echo replies that are cut, the source of errors of a
destination, broadcast addresses of subnets, priority tags before ARP and ND, and groups of the link."""

from balance import *
from fragments import cut
from harness import main, tap
from moments import moments
from nd_frames import solicitation
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6ParamProblem, ICMPv6TimeExceeded, IPv6ExtHdrFragment

EDGE, BACK = "edge0", "back0"
HOST_MAC = "02:00:00:00:04:01"


def by_client(packet):
    return Ether(src=CLIENT_MAC, dst=EDGE_MAC) / packet


def echo_ids():
    text = config(service("s", 4, 80, 53, protocol="udp"), back_mtu=1000)
    for name, to in (("our address", GATEWAY[4]), ("a virtual address", vip(4, 80))):
        sent = [(EDGE, by_client(IP(src=backend(4, 11), dst=to, flags="DF", id=0) / ICMP(id=5, seq=n) / Raw(bytes(1400))))
                for n in range(3)]
        left, drops, problems = moments(text, PORTS, sent)
        ids = [{Ether(frame)[IP].id for out, frame in one if out == BACK} for one in left]
        if any(len(one) != 1 for one in ids) or len(set().union(*ids)) != 3 or drops:
            problems.append(f"ids of the fragments: {ids}; drops: {drops}")
        tap.result(f"echo replies of {name} that a narrow way back cuts have ids of their own", problems)


def sources_of_errors():
    text = config("".join(service(f"u{v}", v, 80, 53, protocol="udp") for v in VERSIONS))
    for version in VERSIONS:
        for name, to in (("an address of ours on another link", BACK_GATEWAY[version]), ("a virtual address", vip(version, 80))):
            closed = udp(version, client(version), to, dport=99)
            left, _, problems = moments(text, PORTS, [(EDGE, by_client(closed))])
            expect_source(f"IPv{version}: port unreachable of {name}", left[0], version, to, problems)
            if name == "a virtual address":
                whole = udp(version, client(version), to, dport=53, size=1500)
            else:
                echo = ICMP() if version == 4 else ICMPv6EchoRequest()
                whole = ip(version, client(version), to) / echo / Raw(bytes(1500))
            first = cut(whole, 800)[0]
            left, _, problems = moments(text, PORTS, [(EDGE, by_client(first)), (EDGE, by_client(udp(version, client(version),
                                                                                                      backend(version, 12))))], 3000)
            expect_source(f"IPv{version}: reassembly time exceeded of {name}", left[0], version, to, problems)
            if version == 6:
                odd = IPv6(src=client(6), dst=to) / IPv6ExtHdrFragment(nh=17, id=9, offset=0, m=1) / Raw(bytes(1001))
                left, _, problems = moments(text, PORTS, [(EDGE, by_client(odd))])
                expect_source(f"IPv6: parameter problem of {name}", left[0], 6, to, problems)
        # A router's stay those of a router.
        expired = ip(version, client(version), vip(version, 80), ttl=1) / UDP(sport=1, dport=53) / Raw(b"x")
        left, _, problems = moments(text, PORTS, [(EDGE, by_client(expired))])
        expect_source(f"IPv{version}: time exceeded", left[0], version, GATEWAY[version], problems)


def expect_source(name, left, version, want, problems):
    kinds = (ICMP,) if version == 4 else (ICMPv6DestUnreach, ICMPv6TimeExceeded, ICMPv6ParamProblem)
    found = [frame[IP].src if version == 4 else frame[IPv6].src for out, frame in
             ((out, Ether(frame)) for out, frame in left) if out == EDGE and any(kind in frame for kind in kinds)]
    if found != [want]:
        problems.append(f"errors from {found}, wanted from {want}: {[Ether(frame).summary() for _, frame in left]}")
    tap.result(name, problems)


def broadcast_addresses():
    text = config(service("s", 4, 80))
    for name, to in (("another link's subnet", "10.2.0.255"), ("the link's own subnet", "10.1.0.255"),
                     ("a network's subnet", "10.4.0.255")):
        for what, packet in (("UDP", udp(4, client(4), to)), ("echo", IP(src=client(4), dst=to) / ICMP()),
                             ("a TTL of 1", udp(4, client(4), to, ttl=1))):
            left, drops, problems = moments(text, PORTS, [(EDGE, by_client(packet))], 1500)
            if left[0] or drops != {"not_routable": 1}:
                problems.append(f"left: {[Ether(frame).summary() for _, frame in left[0]]}; drops: {drops}")
            tap.result(f"to the broadcast address of {name}: {what}", problems)
    narrow = text.replace("  red0: {", '  p30: {device: tap:p30, addresses: [10.7.0.9/30, 10.7.0.4/31]}\n  red0: {').replace(
        "ports: [edge0, back0]", "ports: [edge0, back0, p30]")
    for name, to, is_host in (("the last address of a subnet of 30 bits", "10.7.0.11", False),
                              ("its other host", "10.7.0.10", True), ("the other of a subnet of 31 bits", "10.7.0.5", True)):
        left, drops, problems = moments(narrow, [*PORTS, "p30"], [(EDGE, by_client(udp(4, client(4), to)))])
        asks = any(ARP in Ether(frame) and Ether(frame)[ARP].pdst == to for out, frame in left[0] if out == "p30")
        if asks != is_host or (drops == {"not_routable": 1}) == is_host:
            problems.append(f"asked for: {asks}; drops: {drops}")
        tap.result(f"{name} is {'a host' if is_host else 'nobody'}'s", problems)


TAGGED = """
ports:
  uplink: {device: tap:up0, mac: "02:00:00:00:00:01", addresses: [192.0.2.1/24]}
  red0: {device: tap:r0, mac: "02:00:00:00:00:c1"}
neighbours: [{address: 192.0.2.2, mac: "02:00:00:00:00:02"}]
networks: {vx: {vni: 100, carry_vlans: CARRY, members: [{port: red0}], remotes: [{address: 192.0.2.2}]}}
vrfs:
  blue: {networks: {vx: {mac: "02:00:00:00:00:64", addresses: [10.4.0.254/24, "fd04::fe/64"]}}}
"""


def priority_tags():
    asks = {"ARP": bytes(Ether(src=HOST_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=HOST_MAC, psrc="10.4.0.1",
                                                                           pdst="10.4.0.254")),
            "a solicitation": solicitation(HOST_MAC, "fd04::1", "fd04::fe")}
    tags = {"802.1Q": bytes((0x81, 0, 0x60, 0)), "802.1ad": bytes((0x88, 0xA8, 0, 0)),
            "both": bytes((0x88, 0xA8, 0, 0, 0x81, 0, 0x20, 0))}
    for carry in ("true", "false"):
        text = TAGGED.replace("CARRY", carry)
        for name, ask in asks.items():
            for what, tag in tags.items():
                for port, wrap in (("red0", lambda frame: frame), ("uplink", lambda frame: frames.arriving(frame, 100, 2))):
                    sent = wrap(ask[:12] + tag + ask[12:])
                    left, _, problems = moments(text, ["uplink", "red0"], [(port, sent)])
                    answers = [frame for out, frame in left[0] if out == port and bytes.fromhex("020000000064") in frame]
                    if len(answers) != 1:
                        problems.append(f"{len(answers)} answers")
                    tap.result(f"{name} for a gateway, tagged by priority ({what}), by {port}, carry_vlans: {carry}", problems)
            in_vlan = ask[:12] + bytes((0x81, 0, 0, 7)) + ask[12:]
            left, _, problems = moments(text, ["uplink", "red0"], [("red0", in_vlan)])
            if any(bytes.fromhex("020000000064") in frame for _, frame in left[0]):
                problems.append("the gateway answers into a VLAN")
            tap.result(f"{name} in a VLAN of the network, carry_vlans: {carry}", problems)


def groups_of_the_link():
    """RFC 1122 section 3.2.2, RFC 4443 section 2.4 (e): 'too big' about what came to a group of the link."""
    text = TAGGED.replace("CARRY", "false")
    for version in VERSIONS:
        for dst in ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:05", "02:00:00:00:04:02"):
            long = ip(version, "10.4.0.1" if version == 4 else "fd04::1", "10.4.0.5" if version == 4 else "fd04::5")
            frame = Ether(src=HOST_MAC, dst=dst) / long / UDP(sport=6, dport=80) / Raw(bytes(1445))
            left, _, problems = moments(text, ["uplink", "red0"], [("red0", frame)])
            told = sum(out == "red0" for out, _ in left[0])
            if told != (version == 6 or dst.startswith("02")):
                problems.append(f"{told} errors")
            tap.result(f"IPv{version}: too big for a tunnel, to {dst}", problems)


if __name__ == "__main__":
    main(echo_ids, sources_of_errors, broadcast_addresses, priority_tags, groups_of_the_link)
