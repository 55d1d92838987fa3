# SPDX-License-Identifier: Apache-2.0
"""Load balancing: the end of connections, and where there is no room for more."""

from balance import *
from harness import MS, SECOND, main

GREEN = {"backend_keys": ", vrf: green"}  # another tenant's, where there are such backends too


def ended():
    """Silent connections are forgotten; a client's SYN takes the place of one that has ended."""
    text = "".join(service(f"dns{v}", v, 80, 53, protocol="udp", backends=(11, 12)) +
                   service(f"web{v}", v, 80, backends=(11, 12)) for v in VERSIONS)
    run = scenario("ended", config(text, "timeouts: {udp_s: 3, time_wait_s: 60, close_s: 60}"))
    for version in VERSIONS:
        c, v = client(version), vip(version, 80)
        one = udp(version, c, v, dport=53)
        served(run, one)
        served(run, one, wait_ns=1500 * MS)
        served(run, one, wait_ns=1500 * MS)
        served(run, one, 12, wait_ns=6 * SECOND)
        served(run, one, 12)
        # Closed by both ends: TIME_WAIT.
        for sport, ends in ((1, True), (2, False)):
            first, second = 11, 12
            for flags in ("S", "A"):
                served(run, tcp(version, c, v, flags, sport), first)
            if ends:
                back = tcp(version, backend(version, first), c, "FA", 8080, sport)
                run.case(f"IPv{version}: the backend ends it", from_backend(back, first),
                         to_client(rewritten(back, src=v, sport=80)))
                served(run, tcp(version, c, v, "FA", sport), first)
            else:
                served(run, tcp(version, c, v, "R", sport), first)
            served(run, tcp(version, c, v, "A", sport), first)
            served(run, tcp(version, c, v, "S", sport, seq=99), second)
            served(run, tcp(version, c, v, "A", sport), second)
        # An open one keeps its backend, whatever the client sends.
        for flags in ("S", "A", "S"):
            served(run, tcp(version, c, v, flags, 3), 11)
        served(run, tcp(version, c, v, "S", 4), 12)
    run.run()


def full():
    """More connections than there is room for; local ports and addresses that collide."""
    text = service("dns", 4, 80, 53, protocol="udp") + "".join(
        service(f"web{v}", v, number, backends=(11,)) for v in VERSIONS for number in (81, 82)
    ).replace("web4:", "weba:", 1).replace("web6:", "webc:", 1)
    # The local address is ours where the backends are, and a client's elsewhere.
    text += service("full", 4, 83, forwarding="fullnat", local_addresses=f'["{LOCAL[4]}"]', **GREEN)
    text += service("taken", 4, 84, **GREEN)
    run = scenario("full", config(text, "connections: 1024, when_full: refuse, timeouts: {udp_s: 3}"))
    for version in VERSIONS:
        served(run, tcp(version, client(version), vip(version, 81)))
        one = tcp(version, client(version), vip(version, 82))
        run.case(f"IPv{version}: the same ports at the same backend", from_client(one), {},
                 "connection_collides")
        served(run, tcp(version, client(version), vip(version, 82), sport=1001))
    # Full NAT looks for a free port so many times.
    taken = [tcp(4, LOCAL[4], vip(4, 84), sport=1024 + i) for i in range(64)]
    run.case("somebody has the local address and its first ports",
             [from_client(one) for one in taken],
             {"green0": [frame(rewritten(one, dst=backend(4, 11), dport=8080), GREEN_MAC,
                               backend_mac(11)) for one in taken]})
    one = tcp(4, client(4), vip(4, 83), sport=4000)
    run.case("none of them is left", from_client(one), {}, "local_ports_full")
    run.case("behind them there are some", from_client(one), {"green0": frame(
        rewritten(one, LOCAL[4], backend(4, 11), 1024 + 64, 8080), GREEN_MAC, backend_mac(11))})
    most = 1024 - 4 - 65
    ones = [udp(4, client(4), vip(4, 80), 2000 + i, 53) for i in range(most + 3)]
    run.case("the table is filled", [from_client(one) for one in ones],
             {"back0": [frame(rewritten(one, dst=backend(4, 11), dport=8080), BACK_MAC,
                              backend_mac(11)) for one in ones[:most]]},
             [None] * most + ["connections_full"] * 3, last_ns=20 * MS)
    served(run, ones[0])
    # All but the first have been silent for long enough by then.
    served(run, ones[-1], wait_ns=6 * SECOND)
    run.run()


def elsewhere():
    """Another backend takes what the first could not tell from what it has."""
    both = {"backends": (11, 12), "weights": (2, 1), "scheduler": "fo"}
    text = "".join(service(f"web{v}at{number}", v, number, **both)
                   for v in VERSIONS for number in (81, 82, 83))
    text += service("kept", 4, 84, persistence="{}", **both)
    text += service("full", 4, 85, forwarding="fullnat", local_addresses=f'["{LOCAL[4]}"]', **both,
                    **GREEN)
    text += service("taken", 4, 86, **GREEN)
    run = scenario("elsewhere", config(text))
    for version in VERSIONS:
        def begin(number, wanted, flags="S"):
            served(run, tcp(version, client(version), vip(version, number), flags), wanted)
        begin(81, 11)
        begin(82, 12)
        begin(82, 12, "A")
        back = tcp(version, backend(version, 12), client(version), "A", 8080, 1000)
        run.case(f"IPv{version}: it answers", from_backend(back, 12),
                 to_client(rewritten(back, src=vip(version, 82), sport=80)))
        third = tcp(version, client(version), vip(version, 83))
        run.case(f"IPv{version}: there is no third", from_client(third), {}, "connection_collides")
        served(run, tcp(version, client(version), vip(version, 83), sport=1001))
        begin(81, 11, "R")
        begin(83, 11)
    kept = tcp(4, client(4), vip(4, 84))
    run.case("persistence says one alone", from_client(kept), {}, "connection_collides")
    taken = [tcp(4, LOCAL[4], vip(4, 86), sport=1024 + i) for i in range(64)]
    run.case("somebody has the local address and its first ports at one",
             [from_client(one) for one in taken],
             {"green0": [frame(rewritten(one, dst=backend(4, 11), dport=8080), GREEN_MAC,
                               backend_mac(11)) for one in taken]})
    one = tcp(4, client(4), vip(4, 85), sport=4000)
    run.case("the other has some left", from_client(one), {"green0": frame(
        rewritten(one, LOCAL[4], backend(4, 12), 1024 + 64, 8080), GREEN_MAC, backend_mac(12))})
    run.run()


def half_closed_above_threshold():
    """A port whose connection is half closed goes elsewhere when its backend takes no new ones."""
    text = "".join(service(f"web{v}", v, 80, backends=(11, 12), weights=(2, 1), scheduler="fo",
                           backend_keys=", upper_connections: 3, lower_connections: 1") for v in VERSIONS)
    run = scenario("threshold", config(text))
    for version in VERSIONS:
        c, v = client(version), vip(version, 80)
        for flags in ("S", "A"):
            served(run, tcp(version, c, v, flags, 1), 11)
        served(run, tcp(version, c, v, "FA", 1), 11)
        # Below its threshold it has the port again.
        served(run, tcp(version, c, v, "S", 1, seq=99), 11)
        served(run, tcp(version, c, v, "A", 1, seq=100), 11)
        served(run, tcp(version, c, v, "FA", 1, seq=100), 11)
        served(run, tcp(version, c, v, "S", 2), 11)
        served(run, tcp(version, c, v, "S", 3), 11)
        served(run, tcp(version, c, v, "S", 4), 12)
        # An open one does not move.
        served(run, tcp(version, c, v, "A", 2, seq=1001), 11)
        served(run, tcp(version, c, v, "S", 2, seq=77), 11)
        served(run, tcp(version, c, v, "S", 1, seq=199), 12)
    run.run()


def half_closed_unseen():
    """The same of direct: a FIN of the client is seen. One of the backend is not, so that this connection
    looks like an open one, and a SYN of its ports stays with the backend: it answers, or resets."""
    text = "".join(service(f"web{v}", v, 80, forwarding="direct", backends=(11, 12), weights=(2, 1), scheduler="fo",
                           backend_port=None, backend_keys=", upper_connections: 3, lower_connections: 1")
                   for v in VERSIONS)
    run = scenario("threshold, direct", config(text))
    for version in VERSIONS:
        def goes(flags, sport, number, version=version, **fields):
            one = tcp(version, client(version), vip(version, 80), flags, sport, **fields)
            run.case(f"IPv{version} {sport}: {flags}", from_client(one), to_backend(hop(one), number))

        for sport in (1, 2, 3):
            goes("S", sport, 11)
            goes("A", sport, 11, seq=1001)
        goes("FA", 1, 11, seq=1001)
        goes("S", 4, 12)
        goes("S", 1, 12, seq=90000)
        # The backend may have closed it, or not.
        goes("S", 2, 11, seq=90000)
        goes("A", 3, 11, seq=1001)
        # It was open: the client resets what answers its SYN, and begins anew elsewhere.
        goes("R", 2, 11, seq=1001)
        goes("S", 2, 12, seq=90000)
    run.run()


if __name__ == "__main__":
    main(ended, full, elsewhere, half_closed_above_threshold, half_closed_unseen)
