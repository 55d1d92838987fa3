# SPDX-License-Identifier: Apache-2.0
"""What holds new connections back while established ones go on: limits of a service and of its
sources, a full table; and services with timeouts of their own."""

from balance import *
from harness import MS, SECOND, main


def to(one, number=11):
    """The frames that the backend gets."""
    return frame(rewritten(one, dst=backend(4 if one.version == 4 else 6, number), dport=8080),
                 BACK_MAC, backend_mac(number))


def service_limit():
    text = config(service("web4", 4, 80, limits="{connections_per_s: 10}") +
                  service("web6", 6, 80, limits="{connections_per_s: 10}") +
                  service("free", 4, 81))
    run = scenario("connections of a service", text)
    for version in VERSIONS:
        # The worth of a second at once, of whichever client; then one in 100 ms.
        ones = [tcp(version, client(version, 1 + i % 3), vip(version, 80), sport=1 + i)
                for i in range(13)]
        run.case(f"IPv{version}: ten at once, and no more", [from_client(one) for one in ones],
                 {"back0": [to(one) for one in ones[:10]]}, [None] * 10 + ["service_rate"] * 3)
        served(run, tcp(version, client(version), vip(version, 80), "A", sport=1))
        late = [tcp(version, client(version), vip(version, 80), sport=100 + i) for i in range(2)]
        run.case(f"IPv{version}: one more after 100 ms", [from_client(one) for one in late],
                 {"back0": [to(late[0])]}, [None, "service_rate"], wait_ns=100 * MS)
        ones = [tcp(version, client(version), vip(version, 80), sport=200 + i) for i in range(11)]
        run.case(f"IPv{version}: ten after a second of silence", [from_client(one) for one in ones],
                 {"back0": [to(one) for one in ones[:10]]}, [None] * 10 + ["service_rate"],
                 wait_ns=SECOND)
    ones = [tcp(4, client(4), vip(4, 81), sport=1000 + i) for i in range(40)]
    run.case("another service has no limit", [from_client(one) for one in ones],
             {"back0": [to(one) for one in ones]})
    run.run()


def source_limit():
    text = config("".join(service(f"{name}{v}", v, number, limits=limits)
                          for v in VERSIONS
                          for name, number, limits in (
                              ("a", 80, "{source_connections_per_s: 20}"),
                              ("b", 81, "{source_connections_per_s: 20, connections_per_s: 20}"))))
    run = scenario("connections of a source", text)
    for version in VERSIONS:
        def syns(number, virtual, first, count, version=version):
            return [tcp(version, client(version, number), vip(version, virtual), sport=first + i)
                    for i in range(count)]

        ones = syns(1, 80, 1, 12)
        run.case(f"IPv{version}: ten of one client", [from_client(one) for one in ones],
                 {"back0": [to(one) for one in ones[:10]]}, [None] * 10 + ["source_rate"] * 2)
        served(run, tcp(version, client(version), vip(version, 80), "A", sport=3))
        ones = syns(2, 80, 1, 10)
        if version == 4:
            run.case("IPv4: ten of another one", [from_client(one) for one in ones],
                     {"back0": [to(one) for one in ones]})
        else:  # 10 ms, and 10 ms before them: less than the 50 ms that one takes
            run.case("IPv6: none of another one in the same /64",
                     [from_client(one) for one in ones], {}, ["source_rate"] * 10)
        ones = syns(1, 81, 100, 10)
        run.case(f"IPv{version}: ten to another service", [from_client(one) for one in ones],
                 {"back0": [to(one) for one in ones]})
        # What its source may not does not count for the service.
        ones = syns(1, 81, 200, 2)
        run.case(f"IPv{version}: then none", [from_client(one) for one in ones], {},
                 ["source_rate"] * 2)
        if version == 4:
            run.case("the service's own limit stands behind",
                     from_client(tcp(4, client(4, 2), vip(4, 81), sport=300)), {}, "service_rate")
    run.run()


def own_timeouts():
    text = config("".join(
        service(f"{name}{v}", v, number, protocol=protocol, backends=(11, 12), timeouts=timeouts)
        for v in VERSIONS
        for name, number, protocol, timeouts in (
            ("short", 80, "udp", "{udp_s: 5}"), ("usual", 81, "udp", "{established_s: 3}"),
            ("web", 82, "tcp", "{established_s: 5, syn_recv_s: 100}"))), balancer="timeouts: {syn_recv_s: 9}")
    run = scenario("timeouts of a service", text)
    for version in VERSIONS:
        c = client(version)
        short, usual = (udp(version, c, vip(version, n), sport=n, dport=80) for n in (80, 81))
        syn, ack = (tcp(version, c, vip(version, 82), flags) for flags in ("S", "A"))
        for wait_s, number in ((0, 11), (4, 11), (7, 12), (7, 11)):
            run.case(f"IPv{version}, UDP: {wait_s} s later", from_client(short),
                     to_backend(rewritten(short, dst=backend(version, number), dport=8080), number),
                     wait_ns=wait_s * SECOND + MS)
        # Until it was answered, 30 s; then 300.
        answer = udp(version, backend(version, 11), c, 8080, 81)
        for wait_s in (0, 25, 290):
            run.case(f"IPv{version}, the balancer's: {wait_s} s later", from_client(usual),
                     to_backend(rewritten(usual, dst=backend(version, 11), dport=8080), 11),
                     wait_ns=wait_s * SECOND + MS)
            if wait_s != 290:
                run.case(f"IPv{version}: answered", from_backend(answer),
                         to_client(rewritten(answer, src=vip(version, 81), sport=80)))
        for wait_s, number in ((0, 12), (33, 11), (33, 12)):
            one = udp(version, c, vip(version, 81), sport=83, dport=80)
            run.case(f"IPv{version}, without answers: {wait_s} s later", from_client(one),
                     to_backend(rewritten(one, dst=backend(version, number), dport=8080), number),
                     wait_ns=wait_s * SECOND + MS)
        for one, wait_s, number in ((syn, 0, 11), (syn, 90, 11), (ack, 20, 11), (ack, 4, 11)):
            run.case(f"IPv{version}, TCP {one[TCP].flags}: {wait_s} s later", from_client(one),
                     to_backend(rewritten(one, dst=backend(version, number), dport=8080), number),
                     wait_ns=wait_s * SECOND + MS)
            if one is syn:
                continue
            answer = tcp(version, backend(version, 11), c, "SA", 8080, 1000)
            run.case(f"IPv{version}: answered", from_backend(answer),
                     to_client(rewritten(answer, src=vip(version, 82), sport=80)))
        run.case(f"IPv{version}, TCP: 7 s later", from_client(ack), {}, "connection_unknown",
                 wait_ns=7 * SECOND)
    run.run()


def full():
    text = config(service("dns", 4, 80, 53, protocol="udp") + service("web", 4, 81),
                  balancer="connections: 1024")
    run = scenario("a full table", text)
    first = tcp(4, client(4), vip(4, 81), sport=1)
    served(run, first)
    back = tcp(4, backend(4, 11), client(4), "SA", 8080, 1)
    run.case("one is answered", from_backend(back), to_client(rewritten(back, src=vip(4, 81), sport=80)))
    served(run, tcp(4, client(4), vip(4, 81), "A", sport=1))

    def many(first, ports):
        """Of each port, what is sent and what arrives."""
        sent, got = from_client(first)[1], to(first)
        pairs = [(("edge0", with_source_port(sent, port)), with_source_port(got, port)) for port in ports]
        return [one for one, _ in pairs], {"back0": [one for _, one in pairs]}

    run.case("half-open ones take each other's place", *many(tcp(4, client(4), vip(4, 81)), range(2000, 3500)),
             last_ns=20 * MS)
    served(run, tcp(4, client(4), vip(4, 81), "A", sport=1))
    ones = [udp(4, client(4), vip(4, 80), port, 53) for port in (2000, 4999)]
    run.case("and so do those of UDP", *many(ones[0], range(2000, 5000)), last_ns=20 * MS)
    for one in (*ones, tcp(4, client(4), vip(4, 81), "A", sport=1)):
        served(run, one)
    run.run()


if __name__ == "__main__":
    main(service_limit, source_limit, own_timeouts, full)
