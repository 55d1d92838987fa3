# SPDX-License-Identifier: Apache-2.0
"""Routed tunnels in VRFs: the MSS of TCP's first packets is clamped to the narrower of both ways."""

import frames
from harness import main, tap
from moments import moments
from routed_frames import hop
from routed_tunnels import *

from scapy.layers.inet import ICMP, TCP, UDP, IPOption_NOP


def syn(version, src, dst, options, flags="S", size=0, **ip):
    """The first packet of a TCP connection, or the second one."""
    head = IP(src=src, dst=dst, **({"flags": "DF"} | ip)) if version == 4 else (
        IPv6(src=src, dst=dst, **ip))
    return head / TCP(sport=5, dport=80, flags=flags, options=options) / Raw(bytes(size))


def most_mss(kind, family, version):
    """The MSS whose packets just fit the tunnel."""
    return MTU - (20 if family == 4 else 40) - kind.overhead - (20 if version == 4 else 40) - 20


def clamped():
    text = config().replace("    ports: [blue0]\n", "    ports: [blue0]\n    mss_clamp: true\n")
    run = without_router("mss", text)
    for kind in KINDS:
        for family in (4, 6):
            far_number = REMOTES[kind.name, family]
            for version in (4, 6):
                far, most = behind(version, far_number), most_mss(kind, family, version)
                for flags, value in (("S", 8940), ("SA", 1460), ("S", most + 1), ("S", most),
                                     ("SA", 536)):
                    name = f"IPv{version} {flags} {value} and {kind.name} over IPv{family}"
                    want = [("MSS", min(value, most))]
                    one = syn(version, HOST[version], far, [("MSS", value)], flags)
                    other = syn(version, HOST[version], far, want, flags)
                    run.case(f"{name}, out", ("blue0", frame(one)),
                             {"uplink": leaving(kind, hop(other), family)})
                    one = syn(version, far, HOST[version], [("MSS", value)], flags)
                    other = syn(version, far, HOST[version], want, flags)
                    run.case(f"{name}, in", ("uplink", arriving(kind, one, family)),
                             {"blue0": delivered(hop(other))})
    wide, narrow_one = (KINDS[0], 4), (KINDS[3], 6)
    for version in (4, 6):
        most = most_mss(*narrow_one, version)
        for first, second in ((wide, narrow_one), (narrow_one, wide)):
            ends = [behind(version, REMOTES[kind.name, family]) for kind, family in (first, second)]
            run.case(f"IPv{version} from {first[0].name} to {second[0].name}",
                     ("uplink", arriving(first[0], syn(version, *ends, [("MSS", 1460)]), first[1])),
                     {"uplink": leaving(second[0], hop(syn(version, *ends, [("MSS", most)])),
                                        second[1])})
        # What is sent back goes by the route to the source.
        ends = behind(version, REMOTES["gre-ip-checksum", 6]), HOST[version]
        run.case(f"IPv{version} by another way than the one back",
                 ("uplink", arriving(KINDS[0], syn(version, *ends, [("MSS", 1460)]), 4)),
                 {"blue0": delivered(hop(syn(version, *ends, [("MSS", most)])))})
        ends = NOWHERE[version], behind(version, 16)
        most = most_mss(*wide, version)
        run.case(f"IPv{version} from where no route leads back",
                 ("blue0", frame(syn(version, *ends, [("MSS", 8940)]))),
                 {"uplink": leaving(KINDS[0], hop(syn(version, *ends, [("MSS", most)])), 4)})

    def case(name, one, other):
        run.case(name, ("blue0", frame(one)), {"uplink": leaving(KINDS[0], hop(other), 4)})

    for version in (4, 6):
        ends, most = (HOST[version], behind(version, 16)), most_mss(*wide, version)
        others = [("WScale", 7), ("NOP", None), ("SAckOK", b"")]
        for before in (others, [("NOP", None)]):
            case(f"IPv{version}: behind {len(before)} options",
                 syn(version, *ends, before + [("MSS", 0x5A5B)]),
                 syn(version, *ends, before + [("MSS", most)]))
        case(f"IPv{version}: with data", syn(version, *ends, [("MSS", 8940)], size=99),
             syn(version, *ends, [("MSS", most)], size=99))
        for flags, options in (("S", []), ("A", [("MSS", 8940)]), ("PA", [("MSS", 8940)])):
            one = syn(version, *ends, options, flags)
            case(f"IPv{version}: {flags} with {options} stays as it is", one, one)
        # Incrementally: what was wrong is as wrong as before.
        one = syn(version, *ends, [("MSS", 8940)])
        one[TCP].chksum = 0x1234
        other = syn(version, *ends, [("MSS", most)])
        other[TCP].chksum = 0x1234 + 8940 - most
        case(f"IPv{version}: a wrong checksum stays wrong", one, other)
    ends, most = (HOST[4], behind(4, 16)), most_mss(*wide, 4)
    one, other = syn(4, *ends, [("MSS", 8940)]), syn(4, *ends, [("MSS", most - 4)])
    one.options = other.options = [IPOption_NOP()] * 4
    case("behind IPv4 options", one, other)
    case("the first fragment", with_flags(syn(4, *ends, [("MSS", 8940)], size=24, id=7), 1),
         with_flags(syn(4, *ends, [("MSS", most)], size=24, id=7), 1))
    later = with_flags(syn(4, *ends, [("MSS", 8940)], size=24, id=7), 0, 5)
    case("not a later one", later, later)
    run.run()
    run = without_router("mss, as it is", config())
    one = syn(4, *ends, [("MSS", 8940)])
    case("a VRF that does not ask for it", one, one)
    run.run()


def with_flags(packet, flags, offset=0):
    """The IPv4 packet as a fragment; its TCP checksum stays that of the whole."""
    made = IP(bytes(packet))
    made.flags, made.frag = flags, offset
    del made.chksum
    return made


NARROW = """
ports:
  uplink: {device: tap:up0, mac: "02:00:00:00:00:01", addresses: [192.0.2.1/24]}
  blue0: {device: tap:b0, mac: "02:00:00:00:00:b1", addresses: [10.1.0.254/24]}
  red0: {device: tap:r0, mac: "02:00:00:00:00:c1"}
neighbours: [{address: 192.0.2.2, mac: "02:00:00:00:00:02"}]
networks: {vx: {vni: 100, mss_clamp: true, members: [{port: red0}], remotes: [{address: 192.0.2.2}]}}
vrfs:
  blue:
    ports: [blue0]
    mss_clamp: true
    tunnels: {g: {kind: gre-ip, address: 192.0.2.2}}
    routes: [{to: 10.9.0.0/24, tunnel: g}]
    neighbours: [{address: 10.1.0.1, mac: "02:00:00:00:0a:01"}]
"""


def narrowed():
    """What is known of a path counts, not only what is configured."""
    hosts = {"blue0": ("02:00:00:00:0a:01", "02:00:00:00:00:b1"), "red0": ("02:00:00:00:01:01", "02:00:00:00:02:02")}
    known = Ether(src=hosts["red0"][1], dst=hosts["red0"][0]) / IP(src="10.9.0.5", dst="10.1.0.1") / UDP(sport=1, dport=1)
    for name, port, most in (("a VRF's tunnel", "blue0", 1300 - 24), ("a network's remote", "red0", 1300 - 50)):
        def frame(payload, flags="S", port=port, **fields):
            source, destination = hosts[port]
            return Ether(src=source, dst=destination) / IP(src="10.1.0.1", dst="10.9.0.5", flags="DF") / TCP(
                sport=5, dport=80, flags=flags, **fields) / Raw(payload)
        long = frame(bytes(1380), "A")
        syn = frame(b"", options=[("MSS", 1460)])
        # A network's host is known or not: its frame is flooded.
        before = [("uplink", arriving_by_vxlan(known))] if port == "red0" else []
        left, _, problems = moments(NARROW, ["uplink", "blue0", "red0"], [*before, (port, long)])
        sent = [one for out, one in left[-1] if out == "uplink"][0]
        error = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IP(src="192.0.2.99", dst="192.0.2.1") / ICMP(
            type=3, code=4, nexthopmtu=1300) / Raw(sent[14:14 + 548])
        left, _, more = moments(NARROW, ["uplink", "blue0", "red0"], [*before, (port, long), ("uplink", error), (port, syn)])
        found = [bytes(one) for out, one in left[-1] if out == "uplink"]
        want = b"\x02\x04" + (most - 40).to_bytes(2, "big")
        if len(found) != 1 or want not in found[0]:
            more.append(f"{len(found)} frames, wanted one with MSS {most - 40}")
        tap.result(f"a path of 1300 bytes for {name}", problems + more)
        if port == "blue0":
            continue
        answer = Ether(src=hosts[port][1], dst=hosts[port][0]) / IP(src="10.9.0.5", dst="10.1.0.1", flags="DF") / TCP(
            sport=80, dport=5, flags="SA", options=[("MSS", 1460)])
        left, _, problems = moments(NARROW, ["uplink", "blue0", "red0"],
                                    [*before, (port, long), ("uplink", error), ("uplink", arriving_by_vxlan(answer))])
        found = [dict(Ether(one)[TCP].options).get("MSS") for out, one in left[-1] if out == port]
        if found != [most - 40]:
            problems.append(f"MSS {found}, wanted {most - 40}")
        tap.result("a path of 1300 bytes for the remote of who answers", problems)


def arriving_by_vxlan(frame):
    return frames.arriving(bytes(frame), 100, 2)


main(clamped, narrowed)
