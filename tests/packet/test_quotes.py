# SPDX-License-Identifier: Apache-2.0
"""Routers' ICMP errors about fragments that left otherwise than they came, in id, length or IP version:
whoever sent them reads of what it sent. RFC 792, RFC 4443 section 3, RFC 7915 sections 4.3 and 5.3."""

from balance import *
from harness import MS, SECOND, START_NS, accounting_problems, main, run_replay, tap
from fragments import cut

from routed_frames import NO_HOST
from scapy.layers.inet6 import ICMPv6PacketTooBig, ICMPv6TimeExceeded

OTHER = {4: 6, 6: 4}
SIZE = 1400  # of a fragment, behind its headers


def config_of(**fields):
    def full(name, version, at, port):
        return service(name, version, 80, port, protocol="udp", forwarding="fullnat",
                       backends=[backend(at, 11)], local_addresses=f'["{LOCAL[4]}", "{LOCAL[6]}"]')

    text = "".join(service(f"nat{v}", v, 80, 53, protocol="udp") + full(f"full{v}", v, v, 54) +
                   full(f"other{v}", v, OTHER[v], 55) for v in VERSIONS)
    return config(text, **fields)


WAYS = (("NAT", 53, False), ("full NAT", 54, False), ("full NAT to the other version", 55, True))


def parsed(frame_bytes):
    data = frame_bytes[14:]
    return IP(data) if data[0] >> 4 == 4 else IPv6(data)


def error(version, src, dst, kind, quote):
    if version == 4:
        return IP(src=src, dst=dst, id=0, ttl=64) / kind / Raw(quote)
    return IPv6(src=src, dst=dst, hlim=64) / kind / Raw(quote)


def too_big(version, mtu):
    return ICMP(type=3, code=4, nexthopmtu=mtu) if version == 4 else ICMPv6PacketTooBig(mtu=mtu)


def heads(version, of):
    """Length of the headers before the payload."""
    return 20 if version == 4 else 48 if of.nh == 44 else 40


def outputs(text, packets, port):
    """What packets (port, frame) in turn, 1 ms apart, leave by a port, and the run."""
    inputs = {}
    for i, (at, one) in enumerate(packets):
        inputs.setdefault(at, []).append((START_NS + i * MS, one))
    done = run_replay(text, inputs, PORTS)
    return [one for _, one in done.outputs[port] if one not in START[port]], done


def run_case(name, text, before, parts, enter, left_by, router, home, about, kind_of, mtu_of,
             keeps_source=False):
    """`before`: packets that begin the connection; `parts`: those that are sent by `enter`. A router at
    the port `left_by` quotes the first one as it left; `home(error)` is the frame that is right, which
    quotes the packet `about`."""
    port = before + [enter(part) for part in parts]
    out, _ = outputs(text, port, left_by)
    first = next(one for one in map(parsed, out) if one.version == 6 and one.nh == 44 or
                 one.version == 4 and one.flags.MF)
    there, here = first.version, about.version
    quote = bytes(first)[:heads(there, first) + 60]
    came = error(there, router[there], first.src, kind_of(there, mtu_of[there]), quote)
    at = heads(here, about)
    about = hop(about)
    # To a backend of NAT the router's address stays.
    source = router[here] if keeps_source else about.dst
    right = error(here, source, about.src, kind_of(here, mtu_of[here]), bytes(about)[:at + 60])
    everything, done = outputs(text, port + [(left_by, frame(came, *router["macs"]))], home[0])
    problems = accounting_problems(done)
    if here == 4 != there:
        right.id = parsed(everything[-1]).id  # ours to choose
    wanted = frame(hop(right), *home[1:])
    if wanted not in everything:
        problems.append(f"wanted {wanted.hex()}\n  {parsed(wanted)!r}")
        problems += [f"got {one.hex()}\n  {parsed(one)!r}" for one in everything[-2:]]
    tap.result(name, problems)


def marked(version):
    """What a quote shows again: the other version has no flow label."""
    return {"fl": 0xABCDE, "tos": 0xB8} if version == 6 else {"tos": 0xB8}


NARROW = 1000  # for IPv4 alone


def no_port(version, _):
    return NO_PORT[version]


def from_clients():
    router = {4: backend(4, 12), 6: backend(6, 12), "macs": (backend_mac(12), BACK_MAC)}
    home = ("edge0", EDGE_MAC, CLIENT_MAC)
    for version in VERSIONS:
        for way, port, changes in WAYS:
            for back_mtu in (1500, 1300):
                whole = udp(version, client(version), vip(version, 80), 900, port, 2500, **marked(version))
                parts = cut(whole, SIZE, 0x7701)
                for name, kind in (("no port", no_port), ("too big", too_big)):
                    told = {4: 900, 6: 1300}
                    if kind is too_big and changes:
                        told = {4: 1300, 6: 1320}
                    run_case(f"IPv{version} by {way}, {back_mtu} bytes fit: {name}",
                             config_of(back_mtu=back_mtu), [], parts, from_client, "back0", router,
                             home, parts[0], kind, told)
            if version == 6:
                if not changes:
                    continue  # nobody on the way cuts IPv6
                whole = udp(6, client(6), vip(6, 80), 900, port, 1100, **marked(6))
                run_case(f"IPv6 by {way}, whole and cut by us as IPv4: no port", config_of(back_mtu=NARROW),
                         [], [whole], from_client, "back0", router, home, whole, no_port, {4: 0, 6: 0})
                continue
            whole = udp(4, client(4), vip(4, 80), 900, port, 1400, flags=0, id=0x7702)
            run_case(f"IPv4 by {way}, whole and cut by us: no port", config_of(back_mtu=1300), [],
                     [whole], from_client, "back0", router, home, whole, no_port, {4: 0, 6: 0})


def from_backends():
    """Of replies, whose source is the service's address."""
    router = {4: client(4, 3), 6: client(6, 3), "macs": (CLIENT_MAC, EDGE_MAC)}
    home = ("back0", BACK_MAC, backend_mac(11))
    for version in VERSIONS:
        for way, port, changes in WAYS:
            there = OTHER[version] if changes else version
            begins = from_client(udp(version, client(version), vip(version, 80), 900, port, 20))
            out, _ = outputs(config_of(), [begins], "back0")
            asked = parsed(out[-1])
            whole = udp(there, asked.dst, asked.src, asked.dport, asked.sport, 2500)
            if there == 6:
                whole.fl, whole.tc = 0xABCDE, 0xB8
            parts = cut(whole, SIZE, 0x7703)
            run_case(f"a reply to IPv{version} by {way}: no port", config_of(), [begins], parts,
                     from_backend, "edge0", router, home, parts[0], no_port, {4: 0, 6: 0},
                     keeps_source=way == "NAT")


def our_own():
    """The backend, of the other version, does not answer ARP or ND."""
    for version in VERSIONS:
        text = config(service("web", version, 80, 55, protocol="udp", forwarding="fullnat",
                              backends=[backend(OTHER[version], 99)],
                              local_addresses=f'["{LOCAL[OTHER[version]]}"]'))
        parts = cut(udp(version, client(version), vip(version, 80), 900, 55, 2500, **marked(version)),
                    SIZE, 0x7704)
        last = ("edge0", frame(udp(version, client(version, 2), client(version)), CLIENT_MAC, CLIENT_MAC))
        inputs = {"edge0": [(START_NS + i * MS, from_client(part)[1]) for i, part in enumerate(parts)] +
                  [(START_NS + 5 * SECOND, last[1])]}
        done = run_replay(text, inputs, PORTS)
        got = [one for _, one in done.outputs["edge0"] if one not in START["edge0"]]
        wanted = to_client(icmp_about(hop(parts[0]), NO_HOST[version]))["edge0"]
        tap.result(f"IPv{version}: our own error about the first fragment", accounting_problems(done) + (
            [] if got == [wanted] else [f"wanted {parsed(wanted)!r}"] + [f"got {parsed(one)!r}" for one in got]))


def labels():
    """IPv6 that was to leave as IPv4: our own error quotes its flow label and traffic class."""
    dead = {"backends": [backend(4, 99)], "local_addresses": f'["{LOCAL[4]}"]', "forwarding": "fullnat"}
    good = dead | {"backends": [backend(4, 11)]}
    text = config(service("udp", 6, 80, 55, protocol="udp", **dead) + service("tcp", 6, 80, 55, **dead) +
                  service("away", 6, 81, 55, protocol="udp", **(dead | {"backends": ["10.77.0.1"]})) +
                  service("small", 6, 82, 55, protocol="udp", **good), back_mtu=1300)
    c, late = client(6), frame(udp(6, client(6, 2), client(6)), CLIENT_MAC, CLIENT_MAC)
    for name, asked, error, hops in (
            ("nobody answers", udp(6, c, vip(6, 80), 900, 55, 20, **marked(6)), NO_HOST[6], 1),
            ("nobody answers a SYN", tcp(6, c, vip(6, 80), "S", 901, 55, **marked(6)), NO_HOST[6], 1),
            ("no route", udp(6, c, vip(6, 81), 902, 55, 20, **marked(6)), ICMPv6DestUnreach(code=0), 0),
            ("too big", udp(6, c, vip(6, 82), 903, 55, 1300, **marked(6)), ICMPv6PacketTooBig(mtu=1320), 0),
            ("the last hop", udp(6, c, vip(6, 82), 904, 55, 20, ttl=1, **marked(6)), ICMPv6TimeExceeded(), 0)):
        done = run_replay(text, {"edge0": [(START_NS, from_client(asked)[1]), (START_NS + 5 * SECOND, late)]},
                          PORTS)
        got = [one for _, one in done.outputs["edge0"] if one not in START["edge0"]]
        wanted = to_client(icmp_about(hop(asked, hops), error))["edge0"]
        tap.result(f"flow label: {name}", accounting_problems(done) + (
            [] if got == [wanted] else [f"wanted {wanted.hex()}"] + [f"got {one.hex()}" for one in got]))


def ids_and_df():
    """IPv4 that was to leave as IPv6: our own error quotes the id and DF that came, of any length. The
    reason is that nobody answers ND, or that the packet exceeds the MTU."""
    services = (service("dead", 4, 80, 55, protocol="udp", forwarding="fullnat", backends=[backend(6, 99)],
                        local_addresses=f'["{LOCAL[6]}"]') +
                service("dead-tcp", 4, 80, 55, forwarding="fullnat", backends=[backend(6, 99)],
                        local_addresses=f'["{LOCAL[6]}"]') +
                service("small", 4, 81, 55, protocol="udp", forwarding="fullnat", backends=[backend(6, 11)],
                        local_addresses=f'["{LOCAL[6]}"]'))
    text = config(services, back_mtu=1300)
    for size in (0, 200, 1230, 1252):
        for fields in ({"flags": "DF", "id": 0x7705}, {"flags": "DF", "id": 0}, {"flags": 0, "id": 0x7706}):
            asked = udp(4, client(4), vip(4, 80), 900, 55, size, **fields)
            last = udp(4, client(4, 2), client(4))  # lets the time pass
            done = run_replay(text, {"edge0": [(START_NS, from_client(asked)[1]), (
                START_NS + 5 * SECOND, frame(last, CLIENT_MAC, CLIENT_MAC))]}, PORTS)
            got = [one for _, one in done.outputs["edge0"] if one not in START["edge0"]]
            wanted = to_client(icmp_about(hop(asked), NO_HOST[4]))["edge0"]
            tap.result(f"{size} bytes, {fields}: nobody answers", accounting_problems(done) + (
                [] if got == [wanted] else [f"wanted {wanted.hex()}"] + [f"got {one.hex()}" for one in got]))
    asked = tcp(4, client(4), vip(4, 80), "S", 900, 55, id=0x7707)
    done = run_replay(text, {"edge0": [(START_NS, from_client(asked)[1]), (
        START_NS + 5 * SECOND, frame(udp(4, client(4, 2), client(4)), CLIENT_MAC, CLIENT_MAC))]}, PORTS)
    got = [one for _, one in done.outputs["edge0"] if one not in START["edge0"]]
    wanted = to_client(icmp_about(hop(asked), NO_HOST[4]))["edge0"]
    tap.check("a SYN: nobody answers", got == [wanted], f"wanted {wanted.hex()}, got {[one.hex() for one in got]}")
    asked = udp(4, client(4), vip(4, 81), 900, 55, 1300, id=0x7708)
    wanted = to_client(icmp_about(asked, ICMP(type=3, code=4, nexthopmtu=1280)))["edge0"]
    done = run_replay(text, {"edge0": [(START_NS, from_client(asked)[1])]}, PORTS)
    got = [one for _, one in done.outputs["edge0"] if one not in START["edge0"]]
    tap.check("too big as IPv6", got == [wanted], f"wanted {wanted.hex()}, got {[one.hex() for one in got]}")


if __name__ == "__main__":
    main(from_clients, from_backends, our_own, labels, ids_and_df)
