# SPDX-License-Identifier: Apache-2.0
"""Routed tunnels in VRFs: packets that are not forwarded are told about by ICMP, or refused by name."""

from harness import main, tap
from routed_frames import EXCEEDED, NO_PORT, NO_ROUTE, about, hop, packet
from routed_tunnels import *

from scapy.layers.inet import ICMP
from scapy.layers.inet6 import ICMPv6PacketTooBig, ICMPv6TimeExceeded


def told():
    run = scenario("told")
    for version in (4, 6):
        far = behind(version, 16)
        # Errors into the tunnel come from the tunnel's address, which IPv6 has none of.
        tunnel_source = "10.255.0.1" if version == 4 else GATEWAY[6]
        for ttl in (0, 1):
            inner = packet(version, HOST[version], far, ttl=ttl)
            run.case(f"IPv{version} with TTL {ttl} from the port", ("blue0", frame(inner)),
                     {"blue0": delivered(about(inner, EXCEEDED[version], GATEWAY[version]))},
                     "ttl_expired")
            inner = packet(version, far, HOST[version], ttl=ttl)
            run.case(f"IPv{version} with TTL {ttl} from the tunnel",
                     ("uplink", arriving(KINDS[0], inner, 4)),
                     {"uplink": leaving(KINDS[0], about(inner, EXCEEDED[version],
                                                        tunnel_source), 4)}, "ttl_expired")
        inner = packet(version, HOST[version], NOWHERE[version])
        run.case(f"IPv{version} without route", ("blue0", frame(inner)),
                 {"blue0": delivered(about(inner, NO_ROUTE[version], GATEWAY[version]))},
                 "no_route")
        inner = packet(version, HOST[version], GATEWAY[version])
        run.case(f"IPv{version} UDP for us", ("blue0", frame(inner)),
                 {"blue0": delivered(about(inner, NO_PORT[version], GATEWAY[version]))},
                 "udp_port_closed")
        for kind in KINDS:
            for family in (4, 6):
                mtu = MTU - (20 if family == 4 else 40) - kind.overhead
                number = REMOTES[kind.name, family]
                inner = packet(version, HOST[version], behind(version, number), mtu)
                run.case(f"IPv{version} that just fits {kind.name} over IPv{family}",
                         ("blue0", frame(inner)), {"uplink": leaving(kind, hop(inner), family)})
                inner = packet(version, HOST[version], behind(version, number), mtu + 1)
                error = ICMP(type=3, code=4, nexthopmtu=mtu) if version == 4 else (
                    ICMPv6PacketTooBig(mtu=mtu))
                run.case(f"IPv{version} one byte too long for {kind.name} over IPv{family}",
                         ("blue0", frame(inner)),
                         {"blue0": delivered(about(inner, error, GATEWAY[version]))},
                         "mtu_exceeded")
    run.run()


def narrow():
    """What is told fits the way back as well: the quote is cut."""
    mtu = 600
    text = config().replace(f"mtu_bytes: {MTU}\n", f"mtu_bytes: {mtu}\n", 1)
    run = scenario("narrow", text)
    kind = KINDS[0]
    for family in (4, 6):
        most = mtu - (20 if family == 4 else 40)
        number = REMOTES[kind.name, family]
        for version in (4, 6):
            source = "10.255.0.1" if (family, version) == (4, 4) else GATEWAY[version]
            inner = packet(version, behind(version, number), HOST[version], most, ttl=1)
            error = about(inner, EXCEEDED[version], source, most=most)
            run.case(f"IPv{version} by IPv{family}", ("uplink", arriving(kind, inner, family)),
                     {"uplink": leaving(kind, error, family)}, "ttl_expired")
    run.run()


def not_told():
    """RFC 1812 section 4.3.2.7, RFC 4443 section 2.4 (e)."""
    run = scenario("not told")
    quoted = bytes(packet(4, behind(4, 16), HOST[4]))[:28]
    for kind in (3, 4, 5, 11, 12):
        inner = IP(src=HOST[4], dst=NOWHERE[4]) / ICMP(type=kind) / Raw(quoted)
        run.case(f"about ICMP of type {kind}", ("blue0", frame(inner)), {}, "no_route")
    inner = IPv6(src=HOST[6], dst=NOWHERE[6]) / ICMPv6TimeExceeded() / Raw(bytes(48))
    run.case("about an ICMPv6 error", ("blue0", frame(inner)), {}, "no_route")
    inner = packet(4, HOST[4], NOWHERE[4], flags=0, frag=10)
    run.case("about a later fragment", ("blue0", frame(inner)), {}, "no_route")
    inner = packet(4, "203.0.113.1", NOWHERE[4])
    run.case("a source to which no route leads", ("blue0", frame(inner)), {}, "no_route")
    inner = packet(4, GATEWAY[4], NOWHERE[4])
    run.case("ourselves", ("blue0", frame(inner)), {}, "ip_source")
    run.run()


def refused():
    run = scenario("refused")
    good = packet(4, HOST[4], behind(4, 16))
    good6 = packet(6, HOST[6], behind(6, 16))

    def case(name, inner, reason):
        run.case(f"{name}, from the port", ("blue0", frame(inner)), {}, reason)
        inner = bytes(inner)
        version = good if inner and inner[0] >> 4 == 4 else good6
        tunnel = {"ip_version": "tunnel_payload"}.get(reason, reason)
        if inner:
            run.case(f"{name}, from the tunnel",
                     ("uplink", arriving(KINDS[1], inner, 4,
                                         header=KINDS[1].header(version.version))), {}, tunnel)

    raw, raw6 = bytes(good), bytes(good6)
    for length in (1, 19):
        case(f"IPv4 cut after {length} bytes", Raw(raw[:length]), "ip_truncated")
        case(f"IPv6 cut after {length} bytes", Raw(raw6[:length]), "ip_truncated")
    case("IHL 4", Raw(b"\x44" + raw[1:]), "ip_header_length")
    case("IHL beyond the packet", Raw(b"\x4f" + raw[1:40]), "ip_header_length")
    case("total length beyond the packet", packet(4, HOST[4], behind(4, 16), len=99),
         "ip_total_length")
    case("total length below the header", IP(src=HOST[4], dst=behind(4, 16), len=19),
         "ip_total_length")
    case("payload length beyond the packet", Raw(raw6[:4] + b"\xff\xff" + raw6[6:]),
         "ip_total_length")
    case("checksum", packet(4, HOST[4], behind(4, 16), chksum=1), "ip_checksum")
    for source in ("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
                   "255.255.255.255"):
        case(f"from {source}", packet(4, source, behind(4, 16)), "ip_source")
    for source in ("::", "::1", "::2", "::192.0.2.1", "::ffff:192.0.2.1", "::ffff:127.0.0.1", "ff02::1"):
        case(f"from {source}", packet(6, source, behind(6, 16)), "ip_source")
    for target in ("0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255", "169.254.1.1"):
        case(f"to {target}", packet(4, HOST[4], target), "not_routable")
    for target in ("::", "::1", "::192.0.2.1", "::ffff:192.0.2.1", "ff0e::1", "fe80::1"):
        case(f"to {target}", packet(6, HOST[6], target), "not_routable")
    case("from 169.254.1.1", packet(4, "169.254.1.1", behind(4, 16)), "not_routable")
    case("from fe80::1", packet(6, "fe80::1", behind(6, 16)), "not_routable")

    run.case("nothing", ("blue0", bytes(Ether(src=HOST_MAC, dst=PORT_MAC, type=0x0800))), {},
             "ip_truncated")
    run.case("another version than the type says",
             ("blue0", bytes(Ether(src=HOST_MAC, dst=PORT_MAC, type=0x86DD) / Raw(raw))), {},
             "ip_version")
    run.case("for another MAC", ("blue0", frame(good, dst="02:00:00:00:0b:55")), {}, "not_our_mac")
    run.case("a group MAC", ("blue0", frame(good, dst="ff:ff:ff:ff:ff:ff")), {}, "not_our_mac")
    run.case("another type", ("blue0", bytes(Ether(src=HOST_MAC, dst=PORT_MAC, type=0x88B5) /
                                             Raw(bytes(50)))), {}, "ether_type_unknown")
    run.case("a tag", ("blue0", frame(good)[:12] + b"\x81\0\0\5" + frame(good)[12:]), {},
             "vlan_not_member")
    inner = packet(4, behind(4, 16), HOST[4])
    run.case("an unknown sender", ("uplink", arriving(KINDS[0], inner, 4, 77)), {},
             "remote_unknown")
    run.case("GRE with another key",
             ("uplink", arriving(KINDS[2], inner, 4, header=GRE(proto=0x0800, key_present=1,
                                                                key=9))), {}, "remote_unknown")
    run.case("GRE with an Ethernet payload",
             ("uplink", arriving(KINDS[1], inner, 4, header=GRE(proto=0x6558))), {},
             "tunnel_id_unknown")
    run.case("GRE with another payload",
             ("uplink", arriving(KINDS[1], inner, 4, header=GRE(proto=0x8847))), {},
             "tunnel_payload")
    run.case("GRE that says IPv6 and carries IPv4",
             ("uplink", arriving(KINDS[1], inner, 4, header=GRE(proto=0x86DD))), {},
             "tunnel_payload")
    broken = Ether(arriving(KINDS[0], inner, 4))
    broken[IP].proto = 41
    del broken[IP].chksum
    run.case("protocol 41 that carries IPv4", ("uplink", bytes(broken)), {}, "tunnel_payload")
    run.case("GRE with a wrong checksum",
             ("uplink", arriving(KINDS[3], inner, 4, header=GRE(
                 proto=0x0800, key_present=1, key=8, chksum_present=1, chksum=1))), {},
             "gre_checksum")
    run.case("nothing inside", ("uplink", arriving(KINDS[0], b"\x45", 4)[:34 + 1]), {},
             "ip_truncated")
    result = run.run()
    errors = {tunnel["name"]: tunnel["errors"] for tunnel in result.report["tunnels"]}
    number = REMOTES["gre-ip-checksum", 4]
    tap.check("errors count for the tunnel", errors[f"t{number}"] == {"gre_checksum": 1} and
              errors[f"t{REMOTES['gre-ip', 4]}"].get("tunnel_payload", 0) >= 2 and
              errors[f"t{REMOTES['ipip', 4]}"] == {"tunnel_payload": 1}, str(errors))


main(told, narrow, not_told, refused)
