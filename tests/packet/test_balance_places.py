# SPDX-License-Identifier: Apache-2.0
"""Load balancing: where services and backends are (the underlay, VRFs, behind a network's gateway),
tenants with the same addresses, and which backend has its turn."""

import frames
from balance import *
from harness import Free, main
from nd_frames import advertisement, solicitation, unsolicited

from scapy.layers.inet import fragment

UNDER = {4: "192.0.2.80", 6: "2001:db8::80"}
UNDER_LOCAL = {4: "192.0.2.81", 6: "2001:db8::81"}
FAR_CLIENT, FAR_MAC = {4: "192.0.2.9", 6: "2001:db8::9"}, "02:00:00:00:00:09"
SERVER, SERVER_MAC = {4: "192.0.2.11", 6: "2001:db8::b"}, "02:00:00:00:00:11"


def underlay_service(version, name, port, keys):
    return (f'  {name}{version}:\n    address: "{UNDER[version]}"\n    port: {port}\n'
            f'    scheduler: rr\n{keys}'
            f'    backends: [{{address: "{SERVER[version]}", port: 8080}}]\n')


def underlay():
    """Services without a VRF: their addresses are asked for and answered for on the uplink."""
    text = "".join(underlay_service(v, "web", 80, "") + underlay_service(
        v, "full", 81, f'    forwarding: fullnat\n    local_addresses: ["{UNDER_LOCAL[v]}"]\n')
        for v in VERSIONS)
    known = "".join(f'  - {{address: "{ip}", mac: "{mac}"}}\n' for v in VERSIONS
                    for ip, mac in ((FAR_CLIENT[v], FAR_MAC), (SERVER[v], SERVER_MAC)))
    start = dict(START)
    start["uplink"] = start["uplink"] + [
        announcement(OUR_MAC, UNDER[4]), announcement(OUR_MAC, UNDER_LOCAL[4]),
        unsolicited(OUR_MAC, UNDER[6]), unsolicited(OUR_MAC, UNDER_LOCAL[6])]
    run = scenario("underlay", config(text, extra_neighbours=known), start=start)

    def case(name, one, other, mac, far):
        run.case(name, ("uplink", frame(one, mac, OUR_MAC)), {"uplink": frame(other, OUR_MAC, far)})

    for version in VERSIONS:
        c, v, b = FAR_CLIENT[version], UNDER[version], SERVER[version]
        one = tcp(version, c, v)
        case(f"IPv{version} SYN", one, rewritten(one, dst=b, dport=8080), FAR_MAC, SERVER_MAC)
        one = tcp(version, b, c, "SA", 8080, 1000)
        case(f"IPv{version} SYN-ACK", one, rewritten(one, src=v, sport=80), SERVER_MAC, FAR_MAC)
        ours = UNDER_LOCAL[version], 1024 + (version == 6)
        one = tcp(version, c, v, dport=81)
        case(f"IPv{version} SYN by full NAT", one, rewritten(one, ours[0], b, ours[1], 8080),
             FAR_MAC, SERVER_MAC)
        one = tcp(version, b, ours[0], "SA", 8080, ours[1])
        case(f"IPv{version} SYN-ACK by full NAT", one, rewritten(one, v, c, 81, 1000), SERVER_MAC,
             FAR_MAC)
        stranger = tcp(version, c, b, dport=22)
        run.case(f"IPv{version}: the underlay routes for nobody",
                 ("uplink", frame(stranger, FAR_MAC, OUR_MAC)), {}, "ip_not_local")
    whole = tcp(4, FAR_CLIENT[4], UNDER[4], "A", size=600, may_cut=True)
    out = fragment(IP(bytes(rewritten(whole, dst=SERVER[4], dport=8080))), fragsize=400)
    for part in out:
        part.chksum = None
    run.case("fragments", [("uplink", frame(part, FAR_MAC, OUR_MAC))
                           for part in reversed(fragment(whole, fragsize=400))],
             {"uplink": [frame(part, OUR_MAC, SERVER_MAC) for part in out]})
    for asked in (UNDER[4], UNDER_LOCAL[4]):
        run.case(f"ARP for {asked}", ("uplink", arp(1, FAR_MAC, FAR_CLIENT[4], "ff:ff:ff:ff:ff:ff",
                                                    asked)),
                 {"uplink": arp(2, OUR_MAC, asked, FAR_MAC, FAR_CLIENT[4], asked=FAR_MAC)})
    for asked in (UNDER[6], UNDER_LOCAL[6]):
        run.case(f"ND for {asked}", ("uplink", solicitation(FAR_MAC, FAR_CLIENT[6], asked)),
                 {"uplink": advertisement(OUR_MAC, FAR_MAC, asked, FAR_CLIENT[6])})
    run.run()


def other_vrf():
    """Backends in another VRF, and behind the gateway of a network of the same one."""
    text = "".join(
        service(f"web{v}", v, 80, backends=(11, 12), backend_keys=", vrf: green") +
        service(f"full{v}", v, 81, backends=(12,), backend_keys=", vrf: green",
                forwarding="fullnat", local_addresses=f'["{LOCAL[v]}"]') +
        service(f"raw{v}", v, 82, backends=(12,), backend_keys=", vrf: green", backend_port=0,
                forwarding="direct") +
        service(f"net{v}", v, 83, net=4) for v in VERSIONS)
    run = scenario("other VRF", config(text))

    def to_green(packet, number):
        return {"green0": frame(packet, GREEN_MAC, backend_mac(number))}

    def from_green(packet, number):
        return "green0", frame(packet, backend_mac(number), GREEN_MAC)

    def in_network(packet, to_us):
        ends = (backend_mac(11, 4), NET_MAC) if to_us else (NET_MAC, backend_mac(11, 4))
        inner = frame(packet, *ends)
        return ("uplink", frames.arriving(inner, 100)) if to_us else {
            "uplink": frames.encapsulated(inner, 100)}

    for version in VERSIONS:
        c, v = client(version), vip(version, 80)
        for sport, number in ((1, 11), (2, 12)):
            b = backend(version, number)
            one = tcp(version, c, v, sport=sport)
            run.case(f"IPv{version} to green's {number}", from_client(one),
                     to_green(rewritten(one, dst=b, dport=8080), number))
            one = tcp(version, b, c, "SA", 8080, sport)
            run.case(f"IPv{version} from green's {number}", from_green(one, number),
                     to_client(rewritten(one, src=v, sport=80)))
            run.case(f"IPv{version}: blue's {number} has nothing to do with it",
                     from_backend(one, number), to_client(hop(one)))
        ours = LOCAL[version], 1024 + (version == 6)
        b, v = backend(version, 12), vip(version, 81)
        one = tcp(version, c, v)
        run.case(f"IPv{version} to green by full NAT", from_client(one),
                 to_green(rewritten(one, ours[0], b, ours[1], 8080), 12))
        one = tcp(version, b, ours[0], "SA", 8080, ours[1])
        run.case(f"IPv{version} from green by full NAT", from_green(one, 12),
                 to_client(rewritten(one, v, c, 80, 1000)))
        one = tcp(version, c, vip(version, 82))
        run.case(f"IPv{version} to green, direct", from_client(one), to_green(hop(one), 12))
        v, b = vip(version, 83), backend(version, 11, 4)
        one = tcp(version, c, v, size=50)
        if version == 4:
            # The network does not know the host's MAC until a frame of it comes.
            ask = frames.arriving(arp(1, backend_mac(11, 4), b, "ff:ff:ff:ff:ff:ff", "10.4.0.254"))
            answer = arp(2, NET_MAC, "10.4.0.254", backend_mac(11, 4), b, asked=backend_mac(11, 4))
            run.case("the network's host is learnt", ("uplink", ask),
                     {"uplink": frames.encapsulated(answer, 100)})
        run.case(f"IPv{version} into the network", from_client(one),
                 in_network(rewritten(one, dst=b, dport=8080), False))
        one = tcp(version, b, c, "SA", 8080, 1000)
        run.case(f"IPv{version} out of the network", in_network(one, True),
                 to_client(rewritten(one, src=v, sport=80)))
    run.run()


def tenants():
    """The same addresses of clients, services and backends in two VRFs."""
    text = "".join(service(f"{vrf}{v}", v, 80, vrf=vrf, backend_port=port)
                   for v in VERSIONS for vrf, port in (("blue", 8080), ("red", 9090)))
    run = scenario("tenants", config(text))
    for version in VERSIONS:
        c, v, b = client(version), vip(version, 80), backend(version, 11)
        for flags, back in (("S", "SA"), ("A", "A")):
            one = tcp(version, c, v, flags)
            run.case(f"IPv{version} {flags} of blue", from_client(one),
                     to_backend(rewritten(one, dst=b, dport=8080)))
            run.case(f"IPv{version} {flags} of red", ("red0", frame(one, CLIENT_MAC, RED_MAC)),
                     {"red1": frame(rewritten(one, dst=b, dport=9090), RED_BACK_MAC,
                                    backend_mac(11))})
            one = tcp(version, b, c, back, 8080, 1000)
            run.case(f"IPv{version} {back} of blue", from_backend(one),
                     to_client(rewritten(one, src=v, sport=80)))
            one = tcp(version, b, c, back, 9090, 1000)
            run.case(f"IPv{version} {back} of red",
                     ("red1", frame(one, backend_mac(11), RED_BACK_MAC)),
                     {"red0": frame(rewritten(one, src=v, sport=80), RED_MAC, CLIENT_MAC)})
    run.run()


def turns(run, name, version, number, sequence, **fields):
    for i, who in enumerate(sequence):
        one = tcp(version, client(version), vip(version, number), sport=100 * number + i,
                  **fields)
        run.case(f"{name}: connection {i} of IPv{version}", from_client(one), to_backend(
            rewritten(one, dst=backend(version, who), dport=8080), who))


def schedulers():
    text = "".join(
        service(f"rr{v}", v, 80, backends=(11, 12, 13)) +
        service(f"wrr{v}", v, 81, backends=(11, 12, 13), weights=(4, 3, 2), scheduler="wrr") +
        service(f"drained{v}", v, 82, backends=(11, 12, 13), weights=(1, 0, 1)) +
        service(f"mh{v}", v, 83, backends=(11, 12, 13), scheduler="mh") +
        service(f"one{v}", v, 84, backends=(11, 12), weights=(0, 0)) +
        service(f"none{v}", v, 85, backends=()) for v in VERSIONS)
    run = scenario("schedulers", config(text))
    for version in VERSIONS:
        turns(run, "rr", version, 80, [11, 12, 13] * 3)
        # Levels 4, 3, 2 and 1, with whoever reaches them.
        turns(run, "wrr", version, 81, [11, 11, 12, 11, 12, 13, 11, 12, 13] * 2)
        turns(run, "weight 0", version, 82, [11, 13] * 3)
        for name, number in (("weights 0", 84), ("no backends", 85)):
            one = tcp(version, client(version), vip(version, number))
            run.case(f"IPv{version}: {name}", from_client(one),
                     to_client(icmp_about(one, NO_PORT[version])), "no_backend")
    run.run()
    chosen = {}
    for attempt in range(2):
        run = scenario(f"mh, run {attempt}", config(text))
        for version in VERSIONS:
            for number in (1, 2, 3):
                packets = [tcp(version, client(version, number), vip(version, 83), sport=200 + i)
                           for i in range(5)]

                def same(got, drops, key=(version, number)):
                    macs = {one[:6] for one in got["back0"]}
                    where = chosen.setdefault(key, macs)
                    return [] if len(macs) == 1 and macs == where else [f"{macs}, not {where}"]

                run.case(f"a client of IPv{version} stays with one backend",
                         [from_client(one) for one in packets],
                         {"back0": [AnyBackend(one) for one in packets]}, check=same)
        run.run()


class AnyBackend(Free):
    """A connection's first packet, to whichever backend it may be."""

    def __init__(self, packet):
        def build(got):
            for number in (11, 12, 13):
                made = frame(rewritten(packet, dst=backend(packet.version, number), dport=8080),
                             BACK_MAC, backend_mac(number))
                if made == got:
                    return made
            return b"to no backend"

        super().__init__(build, frame(rewritten(packet), BACK_MAC, backend_mac(11)))


main(underlay, other_vrf, tenants, schedulers)
