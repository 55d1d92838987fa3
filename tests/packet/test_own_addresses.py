# SPDX-License-Identifier: Apache-2.0
"""Our own addresses and those of services, on every kind of link: asked for they are answered with
the right flags; whoever else uses them is told once in 10 s, and what he sends is dropped."""

from frames import tagged
from harness import SECOND, Scenario, announcement, main
from nd_frames import advertisement, in_fragments, solicitation, unsolicited
from routed_frames import ALL, arp, hop, merged, packet
from scapy.layers.l2 import Ether

OTHER = "02:00:00:00:99:99"  # the MAC of whoever uses our addresses
HOST_MAC = "02:00:00:00:0a:01"
CONFIG = """
ports:
  edge0: {device: tap:edge0, mac: "02:00:00:00:01:fe", addresses: [10.1.0.254/24, "fd01::fe/64"]}
  trunk0: {device: tap:trunk0, mac: "02:00:00:00:02:fe"}
  blue0: {device: tap:blue0}
  blue1: {device: tap:blue1}
  back0: {device: tap:back0, mac: "02:00:00:00:04:fe", addresses: [10.4.0.254/24, "fd04::fe/64"]}
networks:
  blue: {vni: 100, members: [{port: blue0}, {port: blue1}]}
vrfs:
  one:
    ports: [edge0, back0]
    vlans: [{port: trunk0, vlan: 7, addresses: [10.2.0.254/24, "fd02::fe/64"]}]
    networks: {blue: {addresses: [10.3.0.254/24, "fd03::fe/64"], mac: "02:00:00:00:03:fe"}}
    neighbours:
      - {address: 10.4.0.11, mac: "02:00:00:00:04:11"}
      - {address: "fd04::11", mac: "02:00:00:00:04:11"}
services:
  web4: {vrf: one, address: 10.1.0.80, port: 2000, protocol: udp, backends: [{address: 10.4.0.11}]}
  web6: {vrf: one, address: "fd01::80", port: 2000, protocol: udp, backends: [{address: "fd04::11"}]}
  full4: {vrf: one, address: 10.1.0.80, port: 2001, protocol: udp, forwarding: fullnat,
          local_addresses: [10.4.0.90, 10.9.9.9], backends: [{address: 10.4.0.11}]}
  blue4: {vrf: one, address: 10.3.0.80, port: 2000, protocol: udp, backends: [{address: 10.4.0.11}]}
  blue6: {vrf: one, address: "fd03::80", port: 2000, protocol: udp, backends: [{address: "fd04::11"}]}
"""
PORTS = ["edge0", "trunk0", "blue0", "blue1", "back0"]


class Place:
    """A link: how a frame comes in there, leaves to its host, and leaves to all."""

    def __init__(self, name, number, port, own, tag=None, others=()):
        self.name, self.number, self.port = name, number, port
        self.tag, self.others = tag, others
        self.mac = f"02:00:00:00:{number:02x}:fe"
        self.own = {4: [f"10.{number}.0.{n}" for n in own], 6: [f"fd0{number}::{n}" for n in own]}
        self.host = {4: f"10.{number}.0.7", 6: f"fd0{number}::7"}

    def on_wire(self, frame):
        return tagged(frame, self.tag) if self.tag else frame

    def send(self, frame):
        return self.port, self.on_wire(frame)

    def to_host(self, frame):
        return {self.port: self.on_wire(frame)}

    def to_all(self, frame):
        return {port: self.on_wire(frame) for port in (self.port, *self.others)}

    def bridged(self, frame):
        """The copies of a flooded frame of a host."""
        return {port: frame for port in self.others}


def address(text):
    return text.replace("::254", "::fe")


PLACES = [Place("a VRF's port", 1, "edge0", (254, 80)), Place("a VLAN", 2, "trunk0", (254,), 7),
          Place("a network's gateway", 3, "blue0", (254, 80), others=("blue1",))]
for place in PLACES:
    place.own[6] = [address(own) for own in place.own[6]]
BACK = Place("back", 4, "back0", (254,))
BACK.own[6] = [address(own) for own in BACK.own[6]]
BACK.own[4].append("10.4.0.90")  # of full NAT


def told(place, version, own):
    """Our announcement."""
    return announcement(place.mac, own) if version == 4 else unsolicited(place.mac, own, router=1)


START = merged(*[place.to_all(told(place, version, own)) for place in PLACES + [BACK]
                 for version in (4, 6) for own in place.own[version]])


def scenario(name):
    return Scenario(name, CONFIG, PORTS, start=START)


def answered():
    run = scenario("answers")
    for place in PLACES:
        for own in place.own[4]:
            ask = arp(1, HOST_MAC, place.host[4], ALL, own)
            run.case(f"{place.name}, ARP for {own}", place.send(ask), merged(
                place.to_host(arp(2, place.mac, own, HOST_MAC, place.host[4], asked=HOST_MAC)),
                place.bridged(ask)))
        for own in place.own[6]:
            ask = solicitation(HOST_MAC, place.host[6], own)
            run.case(f"{place.name}, ND for {own}: router, solicited, override", place.send(ask),
                     merged(place.to_host(advertisement(place.mac, HOST_MAC, own, place.host[6],
                                                        router=1)), place.bridged(ask)))
            ask = solicitation(HOST_MAC, "::", own, option=False)
            run.case(f"{place.name}, looking for duplicates of {own}: router, override, to all",
                     place.send(ask), merged(place.to_host(unsolicited(place.mac, own, router=1)),
                                             place.bridged(ask)))
            # RFC 6980 section 5
            ask = solicitation(HOST_MAC, "fe80::7", own, dst_mac=place.mac, dst=own)
            run.case(f"{place.name}, ND for {own} with a fragment header",
                     place.send(in_fragments(ask)[0]), {}, "nd_malformed")
            run.case(f"{place.name}, ND for {own} in fragments",
                     [place.send(part) for part in in_fragments(ask, 16)], {},
                     ["nd_malformed", None])
    run.run()


def used_by_others():
    run = scenario("conflict")
    for place in PLACES:
        for version in (4, 6):
            for own in place.own[version]:
                if version == 4:
                    uses = (("announces", announcement(OTHER, own)),
                            ("asks for a host from", arp(1, OTHER, own, ALL, place.host[4])),
                            ("asks us from", arp(1, OTHER, own, ALL, place.own[4][0])))
                else:
                    uses = (("advertises", unsolicited(OTHER, own)),
                            ("asks for a host from", solicitation(OTHER, own, place.host[6])))
                for name, frame in uses:
                    run.case(f"{place.name}: another {name} {own}", place.send(frame), merged(
                        place.bridged(frame), place.to_all(told(place, version, own))),
                             "address_conflict", wait_ns=11 * SECOND)
                run.case(f"{place.name}: and again {own}", place.send(frame),
                         place.bridged(frame), "address_conflict", wait_ns=5 * SECOND)
    run.run()


def as_source():
    """What the packet is for does not matter."""
    run = scenario("source")
    for place in PLACES:
        for version in (4, 6):
            others = [own for there in PLACES for own in there.own[version]]
            for source in others:
                for to in (place.own[version][0], PLACES[0].own[version][1], source,
                           BACK.own[version][0][:-3] + "11" if version == 4 else "fd04::11",
                           place.host[version]):
                    inner = packet(version, source, to)
                    run.case(f"{place.name}: from {source} to {to}", place.send(bytes(
                        Ether(src=OTHER, dst=place.mac) / inner)), {}, "ip_source")
        for there in PLACES + [BACK]:
            for to in ("10.4.0.11", PLACES[0].own[4][1], there.host[4], place.own[4][0]):
                inner = packet(4, f"10.{there.number}.0.255", to)
                run.case(f"{place.name}: from the broadcast address of {there.name} to {to}",
                         place.send(bytes(Ether(src=OTHER, dst=place.mac) / inner)), {}, "ip_source")
        inner = packet(4, "10.4.0.90", "10.4.0.11")
        run.case(f"{place.name}: from full NAT's address on a subnet of ours", place.send(bytes(
            Ether(src=OTHER, dst=place.mac) / inner)), {}, "ip_source")
    # Full NAT's other address may be a client's that comes by another way.
    # What is the last address of no subnet of ours is a host's.
    for source in (PLACES[0].host[4], "10.9.9.9", "10.5.0.255", "10.1.1.255"):
        inner = packet(4, source, "10.4.0.11")
        run.case(f"from {source}", PLACES[0].send(bytes(Ether(src=HOST_MAC, dst=PLACES[0].mac) / inner)),
             {"back0": bytes(Ether(src=BACK.mac, dst="02:00:00:00:04:11") / hop(inner))})
    run.run()


NOBODY = {4: ("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
          6: ("::1", "::2", "::192.0.2.9", "::ffff:192.0.2.9", "ff02::1")}


def nobodys():
    """Sources that no host has, in every place where one may say so."""
    run = scenario("nobody's")
    for place in PLACES:
        for source in NOBODY[4] + ("10.4.0.255",):
            if source != "0.0.0.0":  # a probe
                ask = arp(1, OTHER, source, ALL, place.own[4][0])
                run.case(f"{place.name}: {source} asks by ARP", place.send(ask), place.bridged(ask),
                         "arp_sender")
            for to in place.own[4][0], PLACES[0].own[4][1], "10.4.0.11":
                run.case(f"{place.name}: from {source} to {to}", place.send(bytes(
                    Ether(src=OTHER, dst=place.mac) / packet(4, source, to))), {}, "ip_source")
        for source in NOBODY[6]:
            ask = solicitation(OTHER, source, place.own[6][0])
            run.case(f"{place.name}: {source} asks by ND", place.send(ask), place.bridged(ask),
                     "ip_source")
            ask = solicitation(OTHER, place.host[6], source, dst_mac=place.mac, dst=place.own[6][0])
            run.case(f"{place.name}: a host asks for {source}", place.send(ask), {}, "nd_malformed")
            for to in place.own[6][0], PLACES[0].own[6][1], "fd04::11":
                run.case(f"{place.name}: from {source} to {to}", place.send(bytes(
                    Ether(src=OTHER, dst=place.mac) / packet(6, source, to))), {}, "ip_source")
    run.run()


UNDERLAY_MAC = "02:00:00:00:05:fe"
UNDERLAY = f"""
ports:
  up: {{device: tap:up, mac: "{UNDERLAY_MAC}", addresses: [10.5.0.254/24, "fd05::fe/64"]}}
neighbours:
  - {{address: 10.5.0.11, mac: "02:00:00:00:05:11"}}
  - {{address: "fd05::11", mac: "02:00:00:00:05:11"}}
services:
  web4: {{address: 10.5.0.80, port: 2000, protocol: udp, backends: [{{address: 10.5.0.11}}]}}
  web6: {{address: "fd05::80", port: 2000, protocol: udp, backends: [{{address: "fd05::11"}}]}}
"""


def clients_of_the_underlay():
    own = {4: ("10.5.0.254", "10.5.0.80"), 6: ("fd05::fe", "fd05::80")}
    start = {"up": [announcement(UNDERLAY_MAC, address) for address in own[4]] +
                   [unsolicited(UNDERLAY_MAC, address) for address in own[6]]}
    run = Scenario("underlay", UNDERLAY, ["up"], start=start)
    for version in (4, 6):
        for source in NOBODY[version] + own[version] + (("10.5.0.255",) if version == 4 else ("::",)):
            for to in own[version] + (("10.5.0.11",) if version == 4 else ("fd05::11",)):
                run.case(f"from {source} to {to}", ("up", bytes(
                    Ether(src=OTHER, dst=UNDERLAY_MAC) / packet(version, source, to))), {}, "ip_source")
    run.run()


main(answered, used_by_others, as_source, nobodys, clients_of_the_underlay)
