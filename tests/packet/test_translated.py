# SPDX-License-Identifier: Apache-2.0
"""What belongs to packets that balancing translates: their ids where adit cuts them (RFC 6864), the MSS of their
connections both ways, and errors about the PROXY header, which no client has sent."""

import collections

from balance import *
from fragments import cut
from harness import main, tap
from moments import moments

EDGE, BACK, GREEN, RED = "edge0", "back0", "green0", "red0"


def by_client(packet, mac=EDGE_MAC):
    return Ether(src=CLIENT_MAC, dst=mac) / packet


def by_backend(packet):
    return Ether(src=backend_mac(11), dst=BACK_MAC) / packet


def on(left, port, kind):
    frames = [Ether(frame) for out, frame in left if out == port]
    return [frame for frame in frames if kind in frame]


def fragment_ids(left, port):
    return [{frame[IP].id for frame in on(one, port, IP) if frame[IP].frag or frame[IP].flags.MF} for one in left]


def ids(name, text, sent, port):
    """Each is cut, and each gets an id of its own."""
    left, _, problems = moments(text, PORTS, sent)
    found = fragment_ids(left[-2:], port)
    if any(len(one) != 1 for one in found) or found[0] == found[1]:
        problems.append(f"ids of the fragments: {found}")
    tap.result(f"whole datagrams with one id: {name}", problems)


def of_many_senders():
    def datagram(src, dst, sport=1000, dport=53):
        return IP(src=src, dst=dst, id=7) / UDP(sport=sport, dport=dport) / Raw(bytes(1472))

    green = 'vrf: green'
    both_tenants = config(
        service("b", 4, 80, 53, protocol="udp", forwarding="fullnat", backend_port=None, backend_keys=f", {green}",
                local_addresses='["10.9.1.1"]') +
        service("r", 4, 81, 53, vrf="red", protocol="udp", forwarding="fullnat", backend_port=None,
                backend_keys=f", {green}", local_addresses='["10.9.1.1"]')).replace(
                    "green0: {device: tap:green0,", "green0: {device: tap:green0, mtu_bytes: 1400,")
    ids("two tenants, full NAT", both_tenants, [(EDGE, by_client(datagram(client(4), vip(4, 80)))),
                                                (RED, by_client(datagram(client(4), vip(4, 81)), RED_MAC))], GREEN)
    full = config(service("f", 4, 80, 53, protocol="udp", forwarding="fullnat", backend_port=None,
                          local_addresses='["10.9.1.1"]'), back_mtu=1400)
    ids("two clients, full NAT", full, [(EDGE, by_client(datagram(client(4, n), vip(4, 80)))) for n in (1, 2)], BACK)
    nat = config(service("n", 4, 80, 53, protocol="udp", backend_port=None, backends=(11, 12))).replace(
        "edge0: {device: tap:edge0,", "edge0: {device: tap:edge0, mtu_bytes: 1400,")
    asked = [(EDGE, by_client(udp(4, client(4), vip(4, 80), sport, 53))) for sport in (1000, 1001)]
    answers = [(BACK, by_backend(datagram(backend(4, n), client(4), 53, sport))) for n, sport in ((11, 1000), (12, 1001))]
    ids("replies of two backends", nat, asked + answers, EDGE)


def errors_show_the_sent_id():
    """A router's error about a fragment tells the client what it sent."""
    text = config(service("f", 4, 80, 53, protocol="udp", forwarding="fullnat", backend_port=None,
                          local_addresses='["10.9.1.1"]'), back_mtu=1400)
    sent = IP(src=client(4), dst=vip(4, 80), id=7) / UDP(sport=1000, dport=53) / Raw(bytes(1472))
    left, _, problems = moments(text, PORTS, [(EDGE, by_client(sent))])
    first = [frame for frame in on(left[0], BACK, UDP) if frame[IP].frag == 0]
    error = IP(src=backend(4, 11), dst=LOCAL[4]) / ICMP(type=3, code=1) / Raw(bytes(first[0][IP])[:128])
    left, _, more = moments(text, PORTS, [(EDGE, by_client(sent)), (BACK, by_backend(error))])
    told = on(left[1], EDGE, ICMP)
    quoted = IP(bytes(told[0][ICMP].payload)) if told else None
    if quoted is None or (quoted.id, quoted.len, int(quoted.flags.MF)) != (7, len(sent), 0):
        problems.append(f"the client is told of {quoted}")
    tap.result("an error quotes the id and length that the client sent", problems + more)


def mss_of(packet, version, value, **fields):
    return ip(version, *packet) / TCP(options=[("MSS", value)], **fields)


def clamped(name, text, sent, port, want):
    left, _, problems = moments(text, PORTS, sent)
    found = [dict(frame[TCP].options).get("MSS") for frame in on(left[-1], port, TCP)]
    if found != [want]:
        problems.append(f"MSS {found}, wanted {want}")
    tap.result(f"mss_clamp: {name}", problems)


def both_ways():
    def clamping(text, edge_mtu=1500):
        for ports in ("ports: [edge0, back0]\n", "ports: [green0]\n"):
            text = text.replace(ports, f"{ports}    mss_clamp: true\n")
        return text.replace("edge0: {device: tap:edge0,", f"edge0: {{device: tap:edge0, mtu_bytes: {edge_mtu},")

    for version in VERSIONS:
        head = 40 if version == 4 else 60
        other = 10 - version
        syn = mss_of((client(version), vip(version, 80)), version, 1460, sport=1000, dport=80, flags="S", seq=1000)
        for way, keys in (("nat", {}), ("fullnat", {"local_addresses": f'["{LOCAL[version]}"]'})):
            one = service("s", version, 80, forwarding=way, **keys)
            clamped(f"IPv{version} {way}: SYN, the backends' link is narrow", clamping(config(one, back_mtu=1400)),
                    [(EDGE, by_client(syn))], BACK, 1400 - head)
            clamped(f"IPv{version} {way}: SYN, the clients' link is narrow", clamping(config(one), 1400),
                    [(EDGE, by_client(syn))], BACK, 1400 - head)
            for narrow, edge, back in (("backends'", 1500, 1400), ("clients'", 1400, 1500)):
                text = clamping(config(one, back_mtu=back), edge)
                left, _, _ = moments(text, PORTS, [(EDGE, by_client(syn))])
                seen = on(left[0], BACK, TCP)[0]
                network = seen[IP] if version == 4 else seen[IPv6]
                answer = mss_of((network.dst, network.src), version, 1460, sport=seen[TCP].dport, dport=seen[TCP].sport,
                                flags="SA", seq=5000, ack=1001)
                clamped(f"IPv{version} {way}: SYN-ACK, the {narrow} link is narrow", text,
                        [(EDGE, by_client(syn)), (BACK, by_backend(answer))], EDGE, 1400 - head)
            clamped(f"IPv{version} {way}: SYN, backend in another VRF, the clients' link is narrow",
                    clamping(config(service("s", version, 80, forwarding=way, backend_keys=", vrf: green", **keys)), 1300),
                    [(EDGE, by_client(syn))], GREEN, 1300 - head)
        crossed = service("s", version, 80, forwarding="fullnat", local_addresses=f'["{LOCAL[other]}"]',
                          backends=(backend(other, 11),))
        # Of the payload both versions carry what the narrow link leaves.
        clamped(f"IPv{version} to IPv{other}: SYN, the clients' link is narrow", clamping(config(crossed), 1300),
                [(EDGE, by_client(syn))], BACK, 1300 - head)


def proxy_headers():
    for version, other in ((4, 4), (6, 6), (4, 6), (6, 4)):
        way = "nat" if version == other else "fullnat"
        keys = {} if way == "nat" else {"local_addresses": f'["{LOCAL[other]}"]'}
        text = config(service("p", version, 86, forwarding=way, client_address="proxy", backends=(backend(other, 11),), **keys))
        sender = client(version)
        syn = (EDGE, by_client(tcp(version, sender, vip(version, 86), "S", seq=1000)))
        left, _, problems = moments(text, PORTS, [syn])
        seen = on(left[0], BACK, TCP)[0]
        network = seen[IP] if other == 4 else seen[IPv6]
        answer = (BACK, by_backend(tcp(other, network.dst, network.src, "SA", seen[TCP].dport, seen[TCP].sport, seq=7000,
                                       ack=1001)))
        ack = tcp(version, sender, vip(version, 86), "A", seq=1001, ack=7001, ttl=1)
        left, drops, more = moments(text, PORTS, [syn, answer, (EDGE, by_client(ack))])
        told = [frame for out, frame in left[2] if out == EDGE]
        if len(told) != 1 or bytes(ack)[-20:] not in told[0] or drops != {"ttl_expired": 1}:
            more.append(f"{len(told)} errors; drops: {drops}")
        if not any(b"PROXY" in frame or b"\r\n\r\n\0\r\nQUIT\n" in frame for out, frame in left[2] if out == BACK):
            more.append("the backend got no header")
        tap.result(f"PROXY, IPv{version} to IPv{other}: a handshake's ACK whose TTL expires", problems + more)


def errors_at_any_worker():
    """A router's 'too big' about a wrapped packet reaches who sent it, whichever worker receives it."""
    one = config(service("s", 4, 80, 0, protocol="udp", backend_port=None, forwarding="tunnel"))
    two = config("".join(service(name, 4, 80, 53, vrf=name, protocol="udp", forwarding="tunnel", backend_port=None,
                                 backend_keys=", vrf: green") for name in ("blue", "red")))
    for workers in (1, 2, 3):
        arguments = ("--workers", str(workers))
        told, problems = collections.Counter(), []
        for sport in range(1000, 1008):
            parts = cut(udp(4, client(4), vip(4, 80), sport, 53, 2400), 1400, sport, df=True)
            told[told_of(one, [(EDGE, by_client(part)) for part in parts], BACK, problems, arguments)] += 1
        if told != {(EDGE, 1420, True): 8}:
            problems.append(f"told: {dict(told)}")
        tap.result(f"'too big' about datagrams that came in fragments: {workers} workers", problems)
        told, problems = collections.Counter(), []
        for sport in range(1000, 1008):
            sent = [(EDGE, by_client(udp(4, client(4), vip(4, 80), sport, 53, 1400))),
                    (RED, by_client(udp(4, client(4), vip(4, 80), sport + 100, 53, 1400), RED_MAC))]
            told[told_of(two, sent, GREEN, problems, arguments)] += 1
        if told != {(EDGE, 1428, False): 8}:
            problems.append(f"told: {dict(told)}")
        tap.result(f"'too big' where two tenants have one backend: {workers} workers", problems)


def told_of(text, sent, port, problems, arguments):
    """Who is told, and the length and 'more fragments' that it is told of the first that leaves by the port."""
    left, _, more = moments(text, PORTS, sent, arguments=arguments)
    wrapped = [frame for one in left for frame in on(one, port, IP) if frame[IP].proto == 4]
    error = Ether(src=backend_mac(11), dst=BACK_MAC if port == BACK else GREEN_MAC) / IP(
        src="10.2.0.99", dst=wrapped[0][IP].src) / ICMP(type=3, code=4, nexthopmtu=1200) / Raw(bytes(wrapped[0][IP])[:548])
    left, _, most = moments(text, PORTS, [*sent, (port, error)], arguments=arguments)
    problems += more + most
    told = [(out, IP(bytes(Ether(frame)[ICMP].payload))) for out, frame in left[-1] if out in (EDGE, RED) and ICMP in Ether(frame)]
    return (told[0][0], told[0][1].len, bool(told[0][1].flags.MF)) if len(told) == 1 else len(told)


main(of_many_senders, errors_show_the_sent_id, both_ways, proxy_headers, errors_at_any_worker)
