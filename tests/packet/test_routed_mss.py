# SPDX-License-Identifier: Apache-2.0
"""Routed tunnels in VRFs: the MSS of TCP's first packets is clamped to the narrower of both ways."""

from harness import main
from routed_frames import hop
from routed_tunnels import *

from scapy.layers.inet import TCP, IPOption_NOP


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


main(clamped)
