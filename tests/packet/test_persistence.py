# SPDX-License-Identifier: Apache-2.0
"""Persistence: the connections of a client go to one backend, for how long, and who counts as one
client. What backends that go down do to it, reloads and several workers: unit/persistence_test.cc."""

from balance import *
from harness import MS, SECOND, Free, main
from test_balance import lowered_twice

from scapy.layers.sctp import SCTPChunkInit

ALL = (11, 12, 13)
PERSISTENT = "{timeout_s: 300}"


def goes(run, one, number, dport=None, **fields):
    """The packet goes to that backend by NAT, at the port that it is for."""
    run.case(f"IPv{one.version} {one.summary()} to {number}", from_client(one),
             to_backend(rewritten(one, dst=backend(one.version, number), dport=dport), number),
             **fields)


def far(version, number, net=0):
    """One of very many clients, who are not on a subnet of ours."""
    return f"10.200.{net}.{number}" if version == 4 else f"fd77::{net:x}:0:{number:x}"


def ports():
    """All ports of a service are one; services are not."""
    text = "".join(
        service(f"all{v}", v, 80, 0, persistence=PERSISTENT, backends=ALL, backend_port=0) +
        service(f"range{v}", v, 81, 8000, last_port=8010, persistence=PERSISTENT, backends=ALL,
                backend_port=0) +
        service(f"web{v}", v, 82, 80, persistence=PERSISTENT, backends=ALL, backend_port=0) +
        service(f"tls{v}", v, 82, 443, persistence=PERSISTENT, backends=ALL, backend_port=0) +
        service(f"sig{v}", v, 83, 0, protocol="sctp", persistence="{}", backends=ALL,
                backend_port=0) +
        service(f"plain{v}", v, 84, 80, backends=ALL, backend_port=0) for v in VERSIONS)
    run = scenario("ports", config(text))
    for version in VERSIONS:
        for number, backend_number in ((1, 11), (2, 12), (3, 13)):
            for i, dport in enumerate((80, 443, 22, 80, 65535)):
                goes(run, tcp(version, client(version, number), vip(version, 80), "S", 1 + i, dport),
                     backend_number)
        for number, backend_number in ((1, 11), (2, 12), (1, 11)):
            for i, dport in enumerate((8000, 8010, 8005)):
                goes(run, tcp(version, client(version, number), vip(version, 81), "S",
                              100 * number + len(run.cases) + i, dport), backend_number)
        shop = vip(version, 82)
        for sport, number, dport, wanted in ((701, 1, 80, 11), (702, 2, 443, 11), (703, 1, 443, 12),
                                             (704, 2, 80, 12), (705, 1, 80, 11), (706, 1, 443, 12),
                                             (707, 2, 80, 12), (708, 2, 443, 11)):
            goes(run, tcp(version, client(version, number), shop, "S", sport, dport), wanted)
        for number, backend_number in ((1, 11), (2, 12)):
            for sport in (5, 6, 7):
                one = sctp(version, client(version, number), vip(version, 83),
                           SCTPChunkInit(init_tag=1), 3000 + sport, sport)
                goes(run, one, backend_number)
        for sport, backend_number in ((1, 11), (2, 12), (3, 13)):
            goes(run, tcp(version, client(version), vip(version, 84), "S", 4000 + sport, 80),
                 backend_number)
    run.run()


def forwardings():
    text = ""
    for v in VERSIONS:
        text += (service(f"nat{v}", v, 80, persistence=PERSISTENT, backends=ALL) +
                 service(f"full{v}", v, 81, persistence=PERSISTENT, forwarding="fullnat",
                         local_addresses=f'["{LOCAL[v]}"]', backends=ALL) +
                 service(f"direct{v}", v, 82, persistence=PERSISTENT, forwarding="direct",
                         backends=ALL, backend_port=0) +
                 service(f"tunnel{v}", v, 83, persistence=PERSISTENT, forwarding="tunnel",
                         backends=(11, 12), backend_port=0))
    run = scenario("forwardings", config(text))
    for version in VERSIONS:
        full_port = 1024 + 8 * (version == 6)
        for i in range(8):
            number = 11 + i % 2
            c, b = client(version, 1 + i % 2), backend(version, number)
            one = tcp(version, c, vip(version, 80), "S", 50 + i)
            run.case(f"IPv{version} NAT {i}", from_client(one),
                     to_backend(rewritten(one, dst=b, dport=8080), number))
            back = tcp(version, b, c, "SA", 8080, 50 + i)
            run.case(f"IPv{version} NAT {i} answered", from_backend(back, number),
                     to_client(rewritten(back, src=vip(version, 80), sport=80)))
            one = tcp(version, c, vip(version, 81), "S", 50 + i)
            ours = {"src": LOCAL[version], "sport": full_port + i}
            run.case(f"IPv{version} full NAT {i}", from_client(one),
                     to_backend(rewritten(one, dst=b, dport=8080, **ours), number))
            back = tcp(version, b, LOCAL[version], "SA", 8080, full_port + i)
            run.case(f"IPv{version} full NAT {i} answered", from_backend(back, number),
                     to_client(rewritten(back, vip(version, 81), c, 80, 50 + i)))
            one = tcp(version, c, vip(version, 82), "S", 50 + i)
            run.case(f"IPv{version} direct {i}", from_client(one), to_backend(hop(one), number))
            if i % 2 == 0:
                one = tcp(version, c, vip(version, 83), "S", 50 + i)
                run.case(f"IPv{version} tunnel {i}", from_client(one),
                         lowered_twice("ipip", version, one))
    run.run()


def schedulers():
    """Whichever it is, it is asked once for each client."""
    names = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "mh", "fo", "ovf")
    text = "".join(service(name, 4, 80 + i, 0, scheduler=name, persistence=PERSISTENT,
                           backends=ALL, weights=(2, 1, 1), backend_port=0)
                   for i, name in enumerate(names))
    text += service("hashed", 4, 99, 0, scheduler="sh", scheduler_options="{hash_port: true}",
                    persistence=PERSISTENT, backends=ALL, backend_port=0)
    run = scenario("schedulers", config(text))
    for i, name in enumerate(names + ("hashed",)):
        address = vip(4, 80 + i if name != "hashed" else 99)
        for number in (1, 2, 3):
            ones = [tcp(4, client(4, number), address, "S", 100 * (i + 1) + sport, 80 + sport)
                    for sport in range(6)]
            run.case(f"{name}: client {number}", [from_client(one) for one in ones],
                     {"back0": [OneOf(one) for one in ones]}, check=of_one_backend)
    run.run()


class OneOf(Free):
    """The packet as it goes to any of the backends."""

    def __init__(self, packet):
        def build(got):
            for number in ALL:
                made = to_backend(rewritten(packet, dst=backend(4, number)), number)["back0"]
                if made == got:
                    return made
            return b""

        super().__init__(build, to_backend(rewritten(packet, dst=backend(4, 11)))["back0"])


def of_one_backend(got, _drops):
    macs = {frame[:6] for frame in got["back0"]}
    return [] if len(macs) == 1 else [f"{len(macs)} backends have it"]


def timeout():
    """It runs from the last connection on, and anew as long as there is one."""
    keys = {"protocol": "udp", "backends": ALL, "backend_port": 0, "persistence": "{timeout_s: 10}"}
    text = "".join(service(f"dns{v}", v, 80, 53, **keys) for v in VERSIONS)
    run = scenario("timeout", config(text, "timeouts: {udp_s: 3}"))
    for version in VERSIONS:
        def ask(number, sport, wanted, wait_s=0):
            one = udp(version, client(version, number), vip(version, 80), sport, 53)
            goes(run, one, wanted, wait_ns=wait_s * SECOND or 10 * MS)

        ask(1, 1, 11)
        ask(2, 1, 12)
        ask(1, 2, 11)
        ask(1, 3, 11, wait_s=9)
        ask(1, 4, 11, wait_s=9)
        ask(2, 2, 13)  # his was over 8 seconds ago
        ask(3, 1, 11, wait_s=14)
        ask(1, 5, 12)
        ask(2, 3, 13)
        # One connection, for longer than the timeout.
        for _ in range(8):
            ask(1, 5, 12, wait_s=2)
        ask(1, 6, 12)
        ask(3, 2, 11)
        ask(2, 4, 12)
        ask(2, 5, 12)
        ask(3, 3, 13, wait_s=30)
    run.run()


def masks():
    """Clients that have so many bits in common are one."""
    keys = {"backends": ALL, "backend_port": 0, "scheduler": "rr"}
    text = "".join(
        service(f"wide{v}", v, 80, persistence="{netmask_bits: 23, ipv6_prefix_bits: 95}", **keys) +
        service(f"one{v}", v, 81, persistence="{}", **keys) for v in VERSIONS)
    run = scenario("masks", config(text))
    for version in VERSIONS:
        nets = {4: ((4, 11), (5, 11), (6, 12), (7, 12), (3, 13), (5, 11), (6, 12)),
                6: ((4, 11), (5, 11), (6, 12), (7, 12), (3, 13), (5, 11), (6, 12))}
        for i, (net, wanted) in enumerate(nets[version]):
            for number in (1, 200):
                one = tcp(version, far(version, number, net), vip(version, 80), "S", 60 + i)
                goes(run, one, wanted)
        for i, wanted in enumerate((11, 12, 13)):
            for sport in (1, 2):
                goes(run, tcp(version, far(version, 10 + i), vip(version, 81), "S", sport), wanted)
    run.run()


def full():
    """More clients than there is room for."""
    keys = {"protocol": "udp", "backend_port": 0, "persistence": "{timeout_s: 3600}"}
    text = "".join(service(f"dns{v}", v, 80, 53, **keys) for v in VERSIONS)
    run = scenario("full", config(text, "templates: 1024, when_full: refuse, timeouts: {udp_s: 3}"))

    def ask(version, number, sport=7):
        return udp(version, far(version, number % 250, number // 250), vip(version, 80), sport, 53, 0)

    def arrived(ones):
        return {"back0": [frame(rewritten(one, dst=backend(one.version, 11)), BACK_MAC,
                                backend_mac(11)) for one in ones]}

    ones = [ask(4 if i % 2 else 6, i) for i in range(1024)]
    run.case("all that there is room for", [from_client(one) for one in ones], arrived(ones),
             last_ns=20 * MS)
    more = [ask(4, 1500), ask(6, 1501)]
    run.case("no room for others", [from_client(one) for one in more], {}, "templates_full")
    known = [ask(4, 1, 8), ask(6, 2, 8), ask(4, 1023, 8)]
    run.case("those who are known go on", [from_client(one) for one in known], arrived(known))
    goes(run, ask(4, 1, 9), 11, wait_ns=10 * SECOND)
    # By then the others have no connections.
    run.case("they make room", [from_client(one) for one in more], arrived(more))
    run.run()


if __name__ == "__main__":
    main(ports, forwardings, schedulers, timeout, masks, full)
