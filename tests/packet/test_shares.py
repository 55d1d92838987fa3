# SPDX-License-Identifier: Apache-2.0
"""What tenants share is shared out: one that takes all it can get leaves the others theirs."""

from frames import with_word
from harness import SECOND, START_NS, accounting_problems, main, run_replay, tap
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6PacketTooBig, ICMPv6TimeExceeded, ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

CONFIG = """
ports:
  blue0: {device: tap:blue0, mac: "02:00:00:00:00:b1", addresses: [10.1.0.254/24, "fd01::fe/64"]}
  blue1: {device: tap:blue1, mac: "02:00:00:00:00:b2", mtu_bytes: 1400, addresses: [10.2.0.254/24, "fd02::fe/64"]}
  red0: {device: tap:red0, mac: "02:00:00:00:00:d1", addresses: [10.1.0.254/24, "fd01::fe/64"]}
  red1: {device: tap:red1, mac: "02:00:00:00:00:d2", addresses: [10.64.0.254/16, "fd64::fe/64"]}
vrfs:
  blue:
    ports: [blue0, blue1]
    neighbours:
      - {address: 10.1.0.1, mac: "02:00:00:00:0a:01"}
      - {address: "fd01::1", mac: "02:00:00:00:0a:01"}
      - {address: 10.2.0.11, mac: "02:00:00:00:02:11"}
      - {address: "fd02::11", mac: "02:00:00:00:02:11"}
  red:
    ports: [red0, red1]
    neighbours:
      - {address: 10.1.0.1, mac: "02:00:00:00:0b:01"}
      - {address: "fd01::1", mac: "02:00:00:00:0b:01"}
"""
NETWORKS = """
ports:
  up0: {device: tap:up0, mac: "02:00:00:00:00:01", mtu_bytes: 1400, addresses: [192.0.2.1/24]}
  red0: {device: tap:red0}
  blue0: {device: tap:blue0}
system: {fdb_capacity: 1024}
neighbours: [{address: 192.0.2.2, mac: "02:00:00:00:02:02"}]
networks:
  red: {vni: 7, too_big: icmp, members: [{port: red0}], remotes: [{address: 192.0.2.2}],
        static_macs: [{mac: "02:00:00:00:0c:02", remote: 192.0.2.2}]}
  blue: {vni: 8, too_big: icmp, members: [{port: blue0}], remotes: [{address: 192.0.2.2}],
         static_macs: [{mac: "02:00:00:00:0c:02", remote: 192.0.2.2}]}
"""
RED = dict(src="02:00:00:00:0b:01", dst="02:00:00:00:00:d1")
BLUE = dict(src="02:00:00:00:0a:01", dst="02:00:00:00:00:b1")
VERSIONS = {4: (IP, "10.1.0.1", "10.2.0.11", "10.2.0.22", "10.64.{}.{}"),
            6: (IPv6, "fd01::1", "fd02::11", "fd02::22", "fd64::{:x}:{:x}")}


def at(seconds, frame):
    return START_NS + int(seconds * SECOND), bytes(frame)


def replay(name, config, inputs, ports):
    run = run_replay(config, {port: sorted(packets, key=lambda one: one[0]) for port, packets in inputs.items()},
                     ports)
    tap.result(f"{name}: every packet is accounted for", accounting_problems(run))
    return {port: [Ether(frame) for _, frame in packets] for port, packets in run.outputs.items()}, run


def expect(name, got, expected):
    tap.check(name, got == expected, f"{got}, expected: {expected}")


def icmp_errors():
    """RFC 1812 section 4.3.2.8 bounds them; each tenant, and both its IP versions, for itself."""
    for version, (ip, client, server, _, far) in VERSIONS.items():
        extra = {"flags": "DF"} if version == 4 else {}
        big = Ether(**BLUE) / ip(src=client, dst=server, **extra) / UDP(dport=9) / bytes(1450)
        life = {"ttl": 1} if version == 4 else {"hlim": 1}
        ends = bytes(Ether(**RED) / ip(src=client, dst=far.format(0, 9), **life) / UDP(dport=33434))
        out, _ = replay(f"errors, IPv{version}", CONFIG,
                        {"red0": [at(i / 5000, ends) for i in range(5000)],
                         "blue0": [at(.3 + .01 * i, big) for i in range(40)]}, ["blue0", "red0"])
        kind = ICMP if version == 4 else ICMPv6PacketTooBig
        expect(f"errors, IPv{version}: blue is told of each packet", sum(kind in f for f in out["blue0"]), 40)
        told = sum((ICMP if version == 4 else ICMPv6TimeExceeded) in f for f in out["red0"])
        tap.check(f"errors, IPv{version}: red is told of 1,000 a second", 1000 <= told <= 1200, str(told))


def bridged_errors():
    def big(size):
        return bytes(Ether(src="02:00:00:00:0c:01", dst="02:00:00:00:0c:02") / IP(
            src="10.0.0.1", dst="10.0.0.2", flags="DF") / UDP() / bytes(size))

    larger, smaller = big(1400), big(1390)
    out, _ = replay("errors of networks", NETWORKS,
                    {"red0": [at(i / 5000, larger) for i in range(5000)],
                     "blue0": [at(.3 + .01 * i, smaller) for i in range(40)]}, ["blue0", "red0"])
    expect("errors of networks: blue is told of each packet", sum(ICMP in f for f in out["blue0"]), 40)


def first_packets():
    """A scan of red's fills its own part of the queue and of the look-ups."""
    for version, (ip, client, _, new, far) in VERSIONS.items():
        mac, router = "02:00:00:00:02:22", "02:00:00:00:00:b2"
        if version == 4:
            answer = Ether(src=mac, dst=router) / ARP(op=2, hwsrc=mac, psrc=new, hwdst=router, pdst="10.2.0.254")
        else:
            answer = Ether(src=mac, dst=router) / IPv6(src=new, dst="fd02::fe", hlim=255) / ICMPv6ND_NA(
                tgt=new, R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=mac)
        lost = bytes(Ether(**RED) / ip(src=client, dst=far.format(0, 0)) / UDP(dport=9) / b"r")

        def to_far(number, version=version, lost=lost):
            if version == 4:
                return with_word(lost, 32, number, 24, 40)
            return with_word(with_word(lost, 50, number >> 8, 60), 52, number & 255, 60)

        assert to_far(3999) == bytes(
            Ether(**RED) / ip(src=client, dst=far.format(15, 159)) / UDP(dport=9) / b"r")
        scan = [at(i / 4000, to_far(i)) for i in range(1, 4000)]
        first = Ether(**BLUE) / ip(src=client, dst=new) / UDP(dport=7) / b"b"
        out, run = replay(f"scan, IPv{version}", CONFIG,
                          {"red0": scan, "blue0": [at(.5, first), at(.9, first)], "blue1": [at(.51, answer)]},
                          ["blue1"])
        expect(f"scan, IPv{version}: blue's first packets arrive",
               sum(UDP in f and f[UDP].dport == 7 for f in out["blue1"]), 2)
        drops = run.report["drop_counts"]
        expect(f"scan, IPv{version}: the others are red's",
               drops.get("neighbour_queue_full", 0) + drops.get("neighbour_unresolved", 0),
               len(scan) - 1)  # one is adit itself


def hosts_that_speak():
    """A scan of a subnet does not evict its hosts, nor keep new ones from being found."""
    mac, router = "02:00:00:00:64:01", "02:00:00:00:00:d2"

    def answer(address):
        return Ether(src=mac, dst=router) / ARP(op=2, hwsrc=mac, psrc=address, hwdst=router, pdst="10.64.0.254")

    def to(address, number):
        return Ether(**RED) / IP(src="10.1.0.1", dst=address) / UDP(dport=7) / bytes([number])

    first = bytes(Ether(**RED) / IP(src="10.1.0.1", dst="10.64.1.0") / UDP(dport=9))
    scan = [at(1 + i / 20000, with_word(first, 32, 256 + i, 24, 40)) for i in range(20000)]
    known = [at(.1, to("10.64.0.1", 0)), *(at(1 + .1 * i, to("10.64.0.1", i)) for i in range(1, 10))]
    found = [at(1.5, to("10.64.0.2", 100)), at(1.6, to("10.64.0.2", 101))]
    out, _ = replay("hosts that speak", CONFIG,
                    {"red0": scan + known + found,
                     "red1": [at(.11, answer("10.64.0.1")), at(1.501, answer("10.64.0.2"))]}, ["red1"])
    arrived = [bytes(f[UDP].payload)[0] for f in out["red1"] if UDP in f and f[UDP].dport == 7]
    expect("hosts that speak: are reached all the while, and new ones found", sorted(arrived),
           [*range(10), 100, 101])


SERVICES = """
balancer: {connections: 1024}
services:
  blue: {vrf: blue, address: 10.9.0.1, port: 80, backends: [{address: 10.2.0.11}]}
  red: {vrf: red, address: 10.9.0.1, port: 53, protocol: udp, backends: [{address: 10.1.0.1}]}
"""


def slow_connections():
    """A tenant that fills the table does not shorten the connections of another: a backend answers 40 s after
    its client has closed its half."""
    def client(flags, **fields):
        return Ether(**BLUE) / IP(src="10.1.0.1", dst="10.9.0.1") / TCP(sport=4000, dport=80, flags=flags, **fields)

    def server(flags, payload=b"", **fields):
        return Ether(src="02:00:00:00:02:11", dst="02:00:00:00:00:b2") / IP(src="10.2.0.11", dst="10.1.0.1") / \
            TCP(sport=80, dport=4000, flags=flags, **fields) / payload

    flood = [at(.1 + 45 * i / 12000, Ether(**RED) / IP(src=f"10.{20 + i % 180}.{i // 180}.7", dst="10.9.0.1") /
                UDP(sport=1000 + i, dport=53) / b"q") for i in range(12000)]
    for name, red in (("alone", []), ("beside a tenant that fills the table", flood)):
        out, _ = replay(f"slow connections {name}", CONFIG + SERVICES, {
            "blue0": [at(5, client("S", seq=1)), at(5.2, client("A", seq=2, ack=10)), at(5.3, client("FA", seq=2, ack=10))],
            "blue1": [at(5.1, server("SA", seq=9, ack=2)), at(5.4, server("A", seq=10, ack=3)),
                      at(45, server("PA", b"answer", seq=10, ack=3))],
            "red0": red}, ["blue0"])
        expect(f"slow connections {name}: the client has its answer",
               [bytes(f[TCP].payload) for f in out["blue0"] if TCP in f and f[TCP].flags == "PA"], [b"answer"])


if __name__ == "__main__":
    main(icmp_errors, bridged_errors, first_packets, hosts_that_speak, slow_connections)
