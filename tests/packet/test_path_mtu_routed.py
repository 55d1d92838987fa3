# SPDX-License-Identifier: Apache-2.0
"""ICMP errors about our own outer packets, of which "too big" lowers the path MTU: of packets that are
routed, by a VRF's tunnels and into networks."""

import balance as b
import frames
import routed_frames as routed
import sites
from harness import Scenario, announcement, main
from path_mtu import *

from scapy.layers.inet import fragment


def into_network():
    """Routed packets on their way to a remote whose path is narrow: a router fragments what may be."""
    run = b.scenario("into a network", b.config(b.service("dns", 4, 80, 53, protocol="udp")))
    src, dst = {v: b.client(v) for v in FAMILIES}, {v: b.backend(v, 11, 4) for v in FAMILIES}

    def framed(inner):
        return b.frame(inner, b.NET_MAC, b.backend_mac(11, 4))

    def leaves(inner):
        return frames.encapsulated(framed(inner), 100, 2)

    def cases(label, path):
        fits = path - 50
        for version in FAMILIES:
            one = routed.packet(version, src[version], dst[version], 1400)
            run.case(f"{label}: IPv{version} of 1400", b.from_client(one), b.to_client(b.icmp_about(
                b.hop(one), too_big(version, max(fits, 1280) if version == 6 else fits))),
                     "mtu_exceeded")
        one = routed.packet(4, src[4], dst[4], 1400, flags=0, id=77)
        parts = fragment(b.hop(one), fragsize=(fits - 20) // 8 * 8)
        for part in parts:
            del part.chksum
        run.case(f"{label}: without DF", b.from_client(one),
                 {"uplink": [leaves(part) for part in parts]}, ordered=True)

    one = routed.packet(4, src[4], dst[4], 1400, flags=0, id=77)
    run.case("it fits", b.from_client(one), {"uplink": leaves(b.hop(one))})
    sent = outer_of(KINDS[0], 4, 2, framed(b.hop(one)))
    run.case("a router tells 1400", ("uplink", error_about(sent, too_big(4, 1400))))
    cases("1400", 1400)
    run.case("a router tells 1290", ("uplink", error_about(sent, too_big(4, NARROW))))
    cases("1290", NARROW)
    one = routed.packet(6, src[6], dst[6], 1280)
    run.case("IPv6 of 1280 goes", b.from_client(one),
             {"uplink": without_df(to_remote(KINDS[0], framed(b.hop(one)), 4, 2))})
    run.run()


def of_vrf():
    run = Scenario("VRF tunnels", sites.config(), ["uplink", "blue0"], start=sites.START)
    gateway = {4: "10.1.0.254", 6: "fd01::fe"}
    for i, (name, family, _, flags) in enumerate(sites.SITES):
        for version in FAMILIES:
            src, dst = (("10.1.0.1", f"10.2.{i}.9") if version == 4 else ("fd01::1", f"fd02:{i}::9"))

            def inner(size):
                return routed.packet(version, src, dst, size)

            def sent(size):
                """As it leaves; the entropy of IPv6 does not matter to routers."""
                payload = routed.hop(inner(size))
                kind = {4: 0x0800, 6: 0x86DD}[version]
                if flags:
                    payload = Raw(flags + kind.to_bytes(2, "big") +
                                  (b"\0\0\0\7" if name == "key" else b"") + bytes(payload))
                    proto = 47
                else:
                    proto = 4 if version == 4 else 41
                if family == 4:
                    return IP(bytes(IP(src=OURS[4], dst=address(4, 50 + i), id=0, flags="DF",
                                       proto=proto) / payload))
                return IPv6(bytes(IPv6(src=OURS[6], dst=address(6, 50 + i), nh=proto) / payload))

            # The packets of both versions go the same way.
            mtu = 1450 if version == 4 else 1440
            fits = mtu - len(bytes(sent(100))) + 100
            label = f"{name} over IPv{family}, IPv{version} inside"
            big_one = inner(1460)

            def answer(packet, most=1280):
                return bytes(Ether(src=sites.EDGE_MAC, dst=sites.HOST_MAC) / routed.about(
                    packet, routed.too_big(version, fits), gateway[version]))

            # What is told at once is about the packet as it went in.
            run.case(f"{label}: the sender is told", ("uplink", error_about(
                sent(1460), too_big(family, mtu))),
                     {"blue0": answer(routed.hop(big_one))})
            run.case(f"{label}: told by us", ("blue0", bytes(
                Ether(src=sites.HOST_MAC, dst=sites.EDGE_MAC) / big_one)), {"blue0": answer(big_one)},
                     "mtu_exceeded")
            run.case(f"{label}: what fits passes", ("blue0", bytes(
                Ether(src=sites.HOST_MAC, dst=sites.EDGE_MAC) / inner(fits))),
                     {"uplink": any_of(14 + mtu)})
            if version == 4:
                continue
            run.case(f"{label}: told {NARROW}", ("uplink", error_about(
                sent(1460), too_big(family, NARROW))), {"blue0": bytes(
                    Ether(src=sites.EDGE_MAC, dst=sites.HOST_MAC) / routed.about(
                        routed.hop(big_one), routed.too_big(6, 1280), gateway[6]))})
            least = inner(1280)
            run.case(f"{label}: nothing is told about 1280 bytes", ("uplink", error_about(
                sent(1280), too_big(family, NARROW))))
            run.case(f"{label}: 1281 told by us", ("blue0", bytes(
                Ether(src=sites.HOST_MAC, dst=sites.EDGE_MAC) / inner(1281))), {"blue0": bytes(
                    Ether(src=sites.EDGE_MAC, dst=sites.HOST_MAC) / routed.about(
                        inner(1281), routed.too_big(6, 1280), gateway[6]))}, "mtu_exceeded")
            send = ("blue0", bytes(Ether(src=sites.HOST_MAC, dst=sites.EDGE_MAC) / least))
            whole = sent(1280)
            if family == 6:
                in_parts(run, f"{label}: 1280 bytes in fragments", send, bytes(whole)[40:], NARROW)
            else:
                run.case(f"{label}: 1280 bytes, routers fragment", send, {"uplink": without_df(
                    bytes(Ether(src=OUR_MAC, dst=mac(50 + i)) / whole))})
    run.run()


def between_networks():
    """From one network of a VRF into another, of which a remote is farther away than it looks."""
    near_gateway, far_gateway = "02:00:00:00:00:c1", "02:00:00:00:00:c2"
    far = frames.host(1, 2)
    text = f"""
ports:
  uplink: {{device: tap:up0, mtu_bytes: 1600, mac: {OUR_MAC}, addresses: [192.0.2.1/24]}}
  red0: {{device: tap:red0, mtu_bytes: 9000}}
neighbours:
  - {{address: 192.0.2.2, mac: "{mac(2)}"}}
networks:
  far:
    vni: 100
    remotes: [{{address: 192.0.2.2}}]
    static_macs: [{{mac: "{far}", remote: 192.0.2.2}}]
  near:
    vni: 101
    members: [{{port: red0}}]
    static_macs: [{{mac: "{NEAR}", port: red0}}]
vrfs:
  blue:
    networks:
      far: {{addresses: [10.2.0.254/24], mac: "{far_gateway}"}}
      near: {{addresses: [10.1.0.254/24], mac: "{near_gateway}"}}
    neighbours:
      - {{address: 10.1.0.1, mac: "{NEAR}"}}
      - {{address: 10.2.0.9, mac: "{far}"}}
"""
    kind = KINDS[0]
    start = {"uplink": [announcement(), to_remote(kind, announcement(far_gateway, "10.2.0.254"), 4, 2)],
             "red0": [announcement(near_gateway, "10.1.0.254")]}
    run = Scenario("between networks", text, ["uplink", "red0"], start=start)

    def inner(size, number):
        return routed.packet(4, "10.1.0.1", "10.2.0.9", size, id=number)

    def asked(packet):
        return bytes(Ether(src=NEAR, dst=near_gateway) / packet)

    def routed_on(packet):
        return bytes(Ether(src=far_gateway, dst=far) / routed.hop(packet))

    run.case("fits what is known", ("red0", asked(inner(1460, 1))),
             {"uplink": to_remote(kind, routed_on(inner(1460, 1)), 4, 2)})
    sent = outer_of(kind, 4, 2, routed_on(inner(1460, 1)))
    run.case("a router tells", ("uplink", error_about(sent, too_big(4, 1390))), {}, None)
    fits = 1390 - 20 - 16 - 14

    def answer(packet):
        return bytes(Ether(src=near_gateway, dst=NEAR) / routed.about(
            packet, routed.too_big(4, fits), "10.1.0.254"))

    # The errors go into the other network while the packets that they are about are still there.
    for number in range(2, 6):
        run.case(f"now too big, {number}", ("red0", asked(inner(1460, number))),
                 {"red0": answer(routed.hop(inner(1460, number)))}, "mtu_exceeded")
    run.case("fits the path", ("red0", asked(inner(fits, 7))),
             {"uplink": to_remote(kind, routed_on(inner(fits, 7)), 4, 2)})
    run.run()


main(into_network, of_vrf, between_networks)
