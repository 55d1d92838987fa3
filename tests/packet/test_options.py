# SPDX-License-Identifier: Apache-2.0
"""What the outer header takes from the inner one, and remotes that are learned."""

import tunnels
from frames import host, udp, udp6
from harness import MS, SECOND, Scenario, announcement, main
from nd_frames import unsolicited
from tunnels import KINDS, OUR_MAC, OURS, from_remote, to_remote

from scapy.layers.inet import IP
from scapy.layers.l2 import ARP, Ether

VXLAN = KINDS[0]
NEAR = host(10, 1)
START = {"uplink": [announcement(), unsolicited(OUR_MAC, OURS[6])]}
PORTS = """
ports:
  uplink:
    device: tap:up0
    mtu_bytes: 1600
    mac: 02:00:00:00:00:01
    addresses: [192.0.2.1/24, "2001:db8::1/64"]
  red0: {device: tap:red0}
neighbours:
""" + "".join(f'  - {{address: "{tunnels.address(family, number)}", mac: "{tunnels.mac(number)}"}}\n'
              for number in range(2, 8) for family in (4, 6))


def network(keys, remotes):
    """Remote n has the host n behind it."""
    text = PORTS + f"networks:\n  red:\n    vni: 100\n    {keys}\n    members: [{{port: red0}}]\n"
    text += '    static_macs:\n      - {mac: "02:00:00:00:0a:01", port: red0}\n'
    for address, number, _ in remotes:
        text += f'      - {{mac: "{host(1, number)}", remote: "{address}"}}\n'
    text += "    remotes:\n" if remotes else "    remotes: []\n"
    for address, _, more in remotes:
        text += f'      - {{address: "{address}"{more}}}\n'
    return text


def v4(number):
    return tunnels.address(4, number)


def v6(number):
    return tunnels.address(6, number)


def inner_field(frame, **fields):
    """The inner frame with other values in its IP header, checksum right."""
    packet = Ether(frame)
    for name, value in fields.items():
        setattr(packet.payload, name, value)
    if packet.haslayer(IP):
        del packet[IP].chksum
    return bytes(packet)


def outer_fields():
    remotes = [(v4(2), 2, ""), (v6(3), 3, ""),
               (v4(4), 4, ", tunnel: {ttl: 7, dscp: 46, dscp_mode: pipe, ttl_mode: pipe}"),
               (v4(5), 5, ", tunnel: {df: clear}"), (v4(6), 6, ", tunnel: {df: inherit}")]
    run = Scenario("outer", network("tunnel: {dscp_mode: uniform, ttl_mode: uniform}", remotes),
                   ["uplink", "red0"], start=START)
    for tos in (0, 1, 0xB8, 0xBA, 0xFF):
        for ttl in (1, 64, 255):
            frame = udp(NEAR, host(1, 2), tos=tos, ttl=ttl)
            run.case(f"IPv4, ToS {tos:#x}, TTL {ttl}, uniform", ("red0", frame),
                     {"uplink": to_remote(VXLAN, frame, 4, 2, tos=tos, ttl=ttl)})
            frame = inner_field(udp6(NEAR, host(1, 3), tc=tos), hlim=ttl)
            run.case(f"IPv6, class {tos:#x}, hop limit {ttl}, uniform", ("red0", frame),
                     {"uplink": to_remote(VXLAN, frame, 6, 3, tos=tos, ttl=ttl)})
            frame = udp(NEAR, host(1, 4), tos=tos, ttl=ttl)
            run.case(f"ToS {tos:#x}, TTL {ttl}, pipe for this remote", ("red0", frame),
                     {"uplink": to_remote(VXLAN, frame, 4, 4, tos=46 << 2 | tos & 3, ttl=7)})
    frame = bytes(Ether(src=NEAR, dst=host(1, 2)) / ARP())
    run.case("what is not IP has the configured values", ("red0", frame),
             {"uplink": to_remote(VXLAN, frame, 4, 2)})

    def without_df(frame, number):
        """The outer header with DF clear and an id of adit's choice."""
        right = to_remote(VXLAN, frame, 4, number)

        def build(got):
            packet = Ether(right.build(got))
            packet[IP].flags, packet[IP].id = 0, int.from_bytes(got[18:20], "big")
            del packet[IP].chksum
            return bytes(packet)

        return tunnels.Free(build, right.frame)

    for flags in (0, "DF"):
        for number, clear in ((2, False), (5, True), (6, flags == 0)):
            frame = udp(NEAR, host(1, number), flags=flags)
            out = without_df(frame, number) if clear else to_remote(VXLAN, frame, 4, number)
            run.case(f"inner flags {flags!r}, remote {number}", ("red0", frame), {"uplink": out})

    ids = []

    def all_differ(got, drops):
        ids.extend(packet[18:20] for packet in got["uplink"])
        return [] if len(set(ids)) == len(ids) else ["an IP id was used twice"]

    frame = udp(NEAR, host(1, 5))
    run.case("ids differ", [("red0", frame)] * 40, {"uplink": [without_df(frame, 5)] * 40},
             check=all_differ)
    run.run()


def back_into_the_inner_header():
    remotes = [(v4(2), 2, ""), (v6(3), 3, ""), (v4(4), 4, ", tunnel: {dscp_mode: pipe, ttl_mode: pipe}")]
    run = Scenario("inner", network("tunnel: {dscp_mode: uniform, ttl_mode: uniform}", remotes),
                   ["uplink", "red0"], start=START)
    for family, number in ((4, 2), (6, 3)):
        for tos in (0, 0xB8, 0xB9):
            for ttl in (1, 33, 255):
                frame = udp(host(1, number), NEAR, tos=0x22, ttl=60)
                want = inner_field(frame, tos=tos & 0xFC | ecn(2, tos & 3), ttl=min(ttl, 60))
                run.case(f"outer ToS {tos:#x} and TTL {ttl} over IPv{family}",
                         ("uplink", from_remote(VXLAN, frame, family, number, tos=tos, ttl=ttl)),
                         {"red0": want})
                frame = inner_field(udp6(host(1, number), NEAR, tc=0x22), hlim=60)
                want = inner_field(frame, tc=tos & 0xFC | ecn(2, tos & 3), hlim=min(ttl, 60))
                run.case(f"outer ToS {tos:#x} and TTL {ttl} over IPv{family}, IPv6 inside",
                         ("uplink", from_remote(VXLAN, frame, family, number, tos=tos, ttl=ttl)),
                         {"red0": want})
    frame = udp(host(1, 4), NEAR, tos=0x22, ttl=60)
    run.case("pipe leaves the inner header alone",
             ("uplink", from_remote(VXLAN, frame, 4, 4, tos=0xB8, ttl=5)), {"red0": frame})
    run.run()


def ecn(inner, outer):
    """RFC 6040 figure 4, for an inner ECT(0)."""
    return 1 if outer == 1 else 3 if outer == 3 else inner


def learned_remotes():
    config = network("learn_remotes: true\n    learn_limit: 2\n    mac_aging_s: 10", [])
    run = Scenario("learned", config, ["uplink", "red0"], start=START)
    for family, number in ((4, 2), (6, 3)):
        frame = udp(host(1, number), NEAR)
        arrives = ("uplink", from_remote(VXLAN, frame, family, number))
        run.case(f"the first frame of remote {number} is not let in", arrives,
                 drop="remote_unknown")
        run.case("the next one is", arrives, {"red0": frame}, wait_ns=300 * MS)
        back = udp(NEAR, host(1, number))
        run.case("and answered where it came from", ("red0", back),
                 {"uplink": to_remote(VXLAN, back, family, number)})
    broadcast = udp(NEAR, "ff:ff:ff:ff:ff:ff")
    run.case("a broadcast reaches both", ("red0", broadcast),
             {"uplink": [to_remote(VXLAN, broadcast, 4, 2), to_remote(VXLAN, broadcast, 6, 3)]})
    third = ("uplink", from_remote(VXLAN, udp(host(1, 4), NEAR), 4, 4))
    run.case("the third is beyond the limit", third, drop="remote_unknown")
    run.case("and stays so", third, drop="remote_unknown", wait_ns=300 * MS)
    run.case("another network's id is nobody's",
             ("uplink", from_remote(VXLAN, udp(host(1, 4), NEAR), 4, 4,
                                    header=tunnels.VXLAN(flags="Instance", vni=101))),
             drop="tunnel_id_unknown")
    run.case("who is silent is forgotten", ("red0", broadcast), drop="flood_no_member",
             wait_ns=13 * SECOND)
    run.case("and makes room", third, drop="remote_unknown")
    run.case("for another", third, {"red0": udp(host(1, 4), NEAR)}, wait_ns=300 * MS)
    run.run()


def learned_of_each_kind():
    """A network's id is 4100: NVGRE reserves those below 4096."""
    ethernet = 0x6558
    kinds = [tunnels.Kind("vxlan", "", lambda _: tunnels.VXLAN(flags="Instance", vni=4100), 4789),
             tunnels.Kind("geneve", "", lambda _: tunnels.GENEVE(vni=4100, proto=ethernet), 6081),
             tunnels.Kind("nvgre", "", lambda entropy: tunnels.GRE(
                 key_present=1, key=4100 << 8 | entropy, proto=ethernet)),
             tunnels.Kind("gre", "", tunnels.gre(key_present=1, key=4100)),
             tunnels.Kind("stt", "", None)]
    for kind in kinds:
        config = network(f"learn_remotes: true\n    learn_kind: {kind.name}", [])
        run = Scenario(f"learned {kind.name}", config.replace("vni: 100", "vni: 4100"),
                       ["uplink", "red0"], start=START)

        def fields(frame):
            if kind.name != "stt":
                return {}
            return {"header": tunnels.stt_frame(frame, context_id=4100)}

        senders = [(4, 2), (6, 3), (4, 4), (6, 5)]
        for family, number in senders:
            frame = udp(host(1, number), NEAR)
            arrives = ("uplink", from_remote(kind, frame, family, number, **fields(frame)))
            run.case(f"the first frame of remote {number}", arrives, drop="remote_unknown")
            run.case("the next one", arrives, {"red0": frame}, wait_ns=300 * MS)
            back = udp(NEAR, host(1, number))
            run.case("the way back", ("red0", back),
                     {"uplink": to_remote(kind, back, family, number, **fields(back))})
        broadcast = udp(NEAR, "ff:ff:ff:ff:ff:ff")
        run.case("a broadcast reaches all", ("red0", broadcast),
                 {"uplink": [to_remote(kind, broadcast, family, number, **fields(broadcast))
                             for family, number in senders]})
        broadcast = udp(host(1, 2), "ff:ff:ff:ff:ff:ff")
        run.case("and not from one remote to another",
                 ("uplink", from_remote(kind, broadcast, 4, 2, **fields(broadcast))),
                 {"red0": broadcast})
        run.run()


main(outer_fields, back_into_the_inner_header, learned_remotes, learned_of_each_kind)
