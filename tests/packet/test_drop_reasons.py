# SPDX-License-Identifier: Apache-2.0
"""Every reason for which a packet may be dropped, provoked at least once: the list is read from
the header, so that a new reason without a case fails here."""

import os
import re
import socket
import struct

import balance
import nd_frames
import tunnels
from frames import *
from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import IPOption_LSRR
from scapy.layers.inet6 import ICMPv6ParamProblem
from scapy.layers.l2 import GRE

from harness import SECOND, START_NS, Scenario, accounting_problems, announcement, main, run_replay, tap

HEADER = os.path.join(os.path.dirname(__file__), "../../include/adit/drop_reason.h")

# What a replay cannot bring about, and where it is tested instead.
ELSEWHERE = {
    "stt_segments": "takes 129 buffers for one frame: tests/unit/tunnel/stt_test.cc",
    "stt_evicted": "takes more than the worker's cap at a time: tests/unit/tunnel/stt_test.cc",
    "fragment_evicted": "takes more than the worker's bound at a time: test_fragments_balanced.py",
    "stt_no_room": "takes buffers smaller than any port's: tests/unit/tunnel/stt_test.cc",
    "tx_full": "a capture file takes every packet",
    "link_down": "a capture file has no link: tests/unit/running/transmit_test.cc, tests/lab/links.sh",
    "punt_limit": "takes more from one tenant than others' messages let through: tests/unit/host/punt_test.cc",
    "punt_full": "takes a control that does not take: tests/unit/host/punt_test.cc",
    "handover_full": "takes two workers: tests/unit/rewrite/handover_test.cc",
    "no_headroom": "buffers begin with 128 bytes of headroom and at most 96 are put before a frame",
}

OUR_IP6 = "2001:db8::1"
CONFIG = UPLINK.replace("192.0.2.1/24", f"192.0.2.1/24, '{OUR_IP6}/64'") + """
  red0: {device: tap:red0}
  red1: {device: tap:red1, mtu_bytes: 1000}
  lone0: {device: tap:lone0}
  free0: {device: tap:free0}
  blue0: {device: tap:blue0, mac: "02:00:00:00:00:b1", addresses: [10.1.0.254/24]}
""" + NEIGHBOURS + """
tunnels: {reassemble: true}
vrfs: {blue: {ports: [blue0], networks: {lone: {addresses: [10.3.0.254/24]}}}}
networks:
  red:
    vni: 100
    members: [{port: red0}, {port: red1}]
    remotes: [{address: 192.0.2.2}, {address: 192.0.2.3}]
    static_macs:
      - {mac: "02:00:00:00:0a:02", remote: 192.0.2.2}
      - {mac: "02:00:00:00:0a:0c", port: red0}
      - {mac: "02:00:00:00:0a:0d", port: red1}
    flood_limits: {broadcast_pps: 1, multicast_pps: 1, unknown_unicast_pps: 1}
  lone:
    vni: 200
    members: [{port: lone0}]
  kinds:
    vni: 400
    members: [{port: lone0, vlan: 4}]
    remotes:
      - {address: 192.0.2.5, kind: gre, sequence: true}
      - {address: 192.0.2.6, kind: geneve, id: 7}
      - {address: 192.0.2.7, kind: stt, id: 7}
    static_macs: [{mac: "02:00:00:00:0a:0c", port: lone0, vlan: 4}]
  slow:
    vni: 300
    members: [{port: free0}]
    remotes: [{address: 192.0.2.9}]
    static_macs: [{mac: "02:00:00:00:0a:09", remote: 192.0.2.9}]
"""
NEAR, FAR = host(10, 12), host(10, 2)
INNER = udp(FAR, NEAR)
PEER_MAC, PEER_IP = remote_mac(9), remote_ip(9)


def reasons_of_header():
    with open(HEADER, encoding="utf-8") as file:
        return re.findall(r"^\s*X\((\w+),", file.read(), re.MULTILINE)


def one_case_per_reason():
    """(port, frame) by reason; the smallest thing that is wrong."""
    gre = tunnels.Kind("gre", "", tunnels.gre())
    geneve = tunnels.Kind("geneve", "", tunnels.geneve, 6081)

    def from_gre(**fields):
        return tunnels.from_remote(gre, INNER, 4, 5,
                                   header=GRE(**{"proto": tunnels.ETHER_IN_GRE} | fields))

    def from_geneve(**fields):
        return tunnels.from_remote(geneve, INNER, 4, 6, header=GENEVE(
            **{"vni": 7, "proto": tunnels.ETHER_IN_GRE} | fields))

    good = arriving(INNER)
    ping = echo(8, PEER_MAC, OUR_MAC, PEER_IP, OUR_IP, b"data")
    question = arp_request(PEER_MAC, PEER_IP, OUR_IP)
    def from_stt(frame, size=1460, packet_id=1, **fields):
        return tunnels.stt_segments(frame, size, 4, (remote_ip(7), OUR_IP),
                                    (remote_mac(7), OUR_MAC), packet_id=packet_id, **fields)

    whole = tunnels.stt_frame(INNER, context_id=7)
    no_l4 = tunnels.stt_frame(of_length(FAR, NEAR, 200), 0x0E, 34, context_id=7)
    return {
        "tunnel_undelivered": ("uplink", bytes(
            Ether(src=PEER_MAC, dst=OUR_MAC) / IP(src=PEER_IP, dst=OUR_IP) / ICMP(type=3, code=1) /
            Raw(arriving(INNER, ip={"src": OUR_IP, "dst": remote_ip(2)})[14:]))),
        "stt_truncated": ("uplink", from_stt(whole, dataofs=4)[0]),
        "stt_port": ("uplink", from_stt(whole, dport=80)[0]),
        "stt_checksum": ("uplink", from_stt(whole, chksum=1)[0]),
        "stt_empty": ("uplink", from_stt(whole, cuts=[len(whole)])[0]),
        "stt_length": ("uplink", from_stt(whole, length=40)[0]),
        "stt_version": ("uplink", from_stt(tunnels.stt_frame(INNER, version=1))[0]),
        "stt_flags": ("uplink", from_stt(tunnels.stt_frame(INNER, flags=3))[0]),
        "stt_expired": ("uplink", from_stt(whole, 40, 2)[0]),
        "offload_malformed": ("uplink", from_stt(no_l4)[0]),
        "runt_frame": ("uplink", good[:13]),
        "vlan_not_member": ("red0", tagged(INNER, 10)),
        "vlan_in_network": ("uplink", arriving(tagged(INNER, 10))),
        "not_our_mac": ("uplink", arriving(INNER, eth={"dst": PEER_MAC})),
        "ether_type_unknown": ("uplink", patched(good, 12, b"\x88\x47")),
        "ip_truncated": ("uplink", good[:33]),
        "ip_version": ("uplink", patched(good, 14, b"\x65")),
        "ip_header_length": ("uplink", patched(good, 14, b"\x44")),
        "ip_total_length": ("uplink", good[:-1]),
        "ip_checksum": ("uplink", patched(good, 22, b"\x3f")),
        "ip_source": ("uplink", arriving(INNER, ip={"src": "224.0.0.5"})),
        "ip_not_local": ("uplink", arriving(INNER, ip={"dst": PEER_IP})),
        "ip_fragment": ("uplink", arriving(INNER, remote=8, ip={"flags": "MF"})),
        "ip_protocol_unknown": ("uplink", arriving(INNER, ip={"proto": 50})),
        "icmp_truncated": ("uplink", with_ip_sum(patched(ping[:41], 16, b"\x00\x1b"))),
        "icmp_checksum": ("uplink", patched(ping, len(ping) - 1, b"!")),
        "icmp_ignored": ("uplink", echo(0, PEER_MAC, OUR_MAC, PEER_IP, OUR_IP, b"data")),
        "arp_malformed": ("uplink", question[:41]),
        "arp_sender": ("uplink", arp_request(PEER_MAC, "127.0.0.1", OUR_IP)),
        "arp_not_for_us": ("uplink", arp_request(PEER_MAC, PEER_IP, remote_ip(8))),
        "udp_truncated": ("uplink", with_ip_sum(patched(good[:41], 16, b"\x00\x1b"))),
        "udp_length": ("uplink", patched(good, 38, b"\x00\x07")),
        "udp_checksum": ("uplink", patched(good, 40, b"\x00\x01")),
        "udp_port_closed": ("uplink", arriving(INNER, dport=4788)),
        "vxlan_truncated": ("uplink", patched(good, 38, b"\x00\x0f")),
        "vxlan_no_vni": ("uplink", arriving(INNER, flags=0)),
        "gre_truncated": ("uplink", with_ip_sum(patched(from_gre()[:37], 16, b"\x00\x17"))),
        "gre_flags": ("uplink", from_gre(version=1)),
        "gre_checksum": ("uplink", from_gre(chksum_present=1, chksum=1)),
        "geneve_truncated": ("uplink", from_geneve(optionlen=63)),
        "geneve_version": ("uplink", from_geneve(version=1)),
        "geneve_critical": ("uplink", from_geneve(critical=1)),
        "tunnel_payload": ("uplink", from_gre(proto=0x0800)),
        "nd_malformed": ("uplink", nd_frames.solicitation(PEER_MAC, "2001:db8::9", OUR_IP6, hlim=1)),
        "nd_not_for_us": ("uplink", nd_frames.solicitation(
            PEER_MAC, "2001:db8::9", "2001:db8::8", dst_mac=OUR_MAC, dst=OUR_IP6)),
        "tunnel_id_unknown": ("uplink", arriving(INNER, 101)),
        "remote_unknown": ("uplink", arriving(INNER, remote=4)),
        "inner_runt": ("uplink", arriving(INNER[:13])),
        "ecn_illegal": ("uplink", arriving(INNER, tos=3)),
        "source_mac_invalid": ("red0", udp("01:00:00:00:00:01", FAR)),
        "gateway_mac": ("lone0", udp("02:ad:17:00:00:c8", FAR)),
        "link_local_multicast": ("red0", of_length(NEAR, "01:80:c2:00:00:00", 60)),
        "destination_is_source": ("red0", udp(host(1, 1), NEAR)),
        "split_horizon": ("uplink", arriving(udp(host(1, 1), FAR), remote=3)),
        "flood_no_member": ("lone0", udp(NEAR, FAR)),
        "mtu_exceeded": ("red0", of_length(NEAR, host(10, 13), 1015)),
        "not_routable": ("blue0", udp(NEAR, "02:00:00:00:00:b1", dip="224.0.0.5")),
        "ttl_expired": ("blue0", udp(NEAR, "02:00:00:00:00:b1", dip="10.1.0.7", ttl=1)),
        "no_route": ("blue0", udp(NEAR, "02:00:00:00:00:b1", dip="10.2.0.1")),
        "neighbour_unresolved": ("free0", udp(host(1, 1), host(10, 9))),
    }


def single():
    def is_arp(port, frame):
        return frame[12:14] == b"\x08\x06"

    ports = ["uplink", "red0", "red1", "lone0", "free0"]
    run = Scenario("reason", CONFIG, ports, stray=is_arp,
                   start={"uplink": [announcement(), nd_frames.unsolicited(OUR_MAC, OUR_IP6)] +
                                   [arp_request(OUR_MAC, OUR_IP, remote_ip(n)) for n in (5, 6, 7, 9)],
                          "lone0": announcement("02:ad:17:00:00:c8", "10.3.0.254")})
    seen = set(one_case_per_reason())
    for reason, packet in one_case_per_reason().items():
        run.case(reason, packet, drop=reason)
    run.case("address_conflict", ("uplink", announcement(PEER_MAC, OUR_IP)),
             {"uplink": announcement()}, "address_conflict")
    seen.add("address_conflict")
    # Of first fragments the sender is told: this is none.
    late = {"frag": 1, "flags": "MF"}
    padded = INNER + bytes(-(len(INNER) + 16) % 8)  # behind headers of UDP and VXLAN
    run.case("ip_reassembly", ("uplink", arriving(padded, ip=late | {"id": 1})),
             drop="ip_reassembly")
    run.case("fragment_duplicate", [("uplink", arriving(padded, ip=late | {"id": 2}))] * 2,
             drop=["ip_reassembly", "fragment_duplicate"])
    run.case("fragment_overlap", [("uplink", arriving(padded, ip=late | {"id": 3, "frag": at}))
                                  for at in (1, 2)], drop="fragment_overlap")
    run.case("fragment_length", ("uplink", arriving(padded + b"x", ip=late | {"id": 4})),
             drop="fragment_length")
    seen |= {"ip_reassembly", "fragment_duplicate", "fragment_overlap", "fragment_length"}
    whole = tunnels.stt_frame(INNER, context_id=7)
    longer = tunnels.stt_frame(INNER + b"z", context_id=7)

    def segment(frame, index):
        return ("uplink", tunnels.stt_segments(frame, 40, 4, (remote_ip(7), OUR_IP),
                                               (remote_mac(7), OUR_MAC), packet_id=3)[index])

    run.case("stt_duplicate, stt_length_differs",
             [segment(whole, 0), segment(whole, 0), segment(longer, 1), segment(whole, 1),
              segment(whole, 2)], {"lone0": tagged(INNER, 4)},
             [None, "stt_duplicate", "stt_length_differs", None, None])
    seen |= {"stt_duplicate", "stt_length_differs"}
    numbered = tunnels.from_remote(
        tunnels.Kind("gre", "", tunnels.gre()), INNER, 4, 5,
        header=GRE(proto=tunnels.ETHER_IN_GRE, seqnum_present=1, seqence_number=5))
    run.case("gre_sequence", [("uplink", numbered)] * 2, {"lone0": tagged(INNER, 4)}, [None, "gre_sequence"])
    run.case("gre_sequence_missing", ("uplink", tunnels.from_remote(
        tunnels.Kind("gre", "", tunnels.gre()), INNER, 4, 5)), drop="gre_sequence_missing")
    seen |= {"gre_sequence", "gre_sequence_missing"}
    # Ten pass before one a second is enforced.
    for reason, dst in (("broadcast_limit", BROADCAST), ("multicast_limit", "01:00:5e:00:00:09"),
                        ("unknown_unicast_limit", host(9, 9))):
        frame = udp(NEAR, dst)
        copies = {"red1": [frame] * 10,
                  "uplink": [encapsulated(frame, 100, n) for n in (2, 3)] * 10}
        run.case(reason, [("red0", frame)] * 11, copies, [None] * 10 + [reason])
        seen.add(reason)
    frame = udp(host(1, 1), host(10, 9))
    # Nobody else waits there by then.
    run.case("neighbour_queue_full", [("free0", frame)] * 65, wait_ns=2 * SECOND,
             drop=["neighbour_queue_full"] + ["neighbour_unresolved"] * 64)
    seen.add("neighbour_queue_full")
    run.run()
    return seen


def balanced():
    """Reasons of load balancing; tests/packet/test_balance_refused.py has more of each."""
    b = balance
    local, server, caller = b.LOCAL[4], b.backend(4, 11), b.client(4)
    text = (b.service("web", 4, 80) + b.service("other", 4, 81) + b.service("none", 4, 82, backends=()) +
            b.service("dns", 4, 80, 53, protocol="udp") + b.service("sig", 4, 80, protocol="sctp") +
            b.service("full", 4, 83, forwarding="fullnat", local_addresses=f"[{local}]",
                      backend_keys=", vrf: green") +
            b.service("away", 4, 86, backend_keys=", vrf: green") +
            b.service("told", 4, 84, client_address="proxy") +
            b.service("to6", 4, 85, forwarding="fullnat", local_addresses=f'["{b.LOCAL[6]}"]',
                      backends=[b.backend(6, 11)]) +
            b.service("web6", 6, 80))
    run = b.scenario("balanced", b.config(text, "connections: 1024, when_full: refuse"))
    web = b.vip(4, 80)

    def served(one):
        return b.frame(b.rewritten(one, dst=server, dport=8080), b.BACK_MAC, b.backend_mac(11))

    def six(one):
        out = b.ip(6, b.LOCAL[6], b.backend(6, 11), ttl=63) / one[b.TCP].copy()
        out[b.TCP].sport, out[b.TCP].dport, out[b.TCP].chksum = 1024, 8080, None
        return b.frame(out, b.BACK_MAC, b.backend_mac(11))

    def raw(protocol, data):
        return b.IP(src=caller, dst=web, proto=protocol) / b.Raw(data)

    one = b.tcp(4, caller, web)
    run.case("a connection", b.from_client(one), {"back0": served(one)})
    none, closed = b.tcp(4, caller, b.vip(4, 82)), b.udp(4, caller, web, dport=54)
    cases = {
        "ip_extensions": (b.IPv6(src=b.client(6), dst=b.vip(6, 80), nh=0) / b.Raw(bytes([6, 9] + [0] * 26)), {}),
        "tcp_truncated": (raw(6, bytes(19)), {}),
        "sctp_truncated": (raw(132, bytes(15)), {}),
        "icmp_embedded": (raw(1, b"\x03\x04" + bytes(26)), {}),
        "connection_unknown": (b.tcp(4, caller, web, "A", 7), {}),
        "connection_collides": (b.tcp(4, caller, b.vip(4, 81)), {}),
        "no_backend": (none, b.to_client(b.icmp_about(none, b.NO_PORT[4]))),
        "service_unknown": (closed, b.to_client(b.icmp_about(closed, b.NO_PORT[4]))),
    }
    for reason, (one, out) in cases.items():
        run.case(reason, b.from_client(one), out, reason)
    run.case("tcp_syn_data", b.from_client(b.tcp(4, caller, b.vip(4, 84), sport=900, size=9)), {},
             "tcp_syn_data")
    for one in (b.tcp(4, caller, b.vip(4, 84), sport=900), b.tcp(4, caller, b.vip(4, 85))):
        run.case("begins", b.from_client(one),
                 {"back0": served(one) if one.dst == b.vip(4, 84) else six(one)})
    back = b.tcp(4, server, caller, "SA", 8080, 900, seq=5000, ack=1001)
    run.case("is answered", b.from_backend(back),
             b.to_client(b.rewritten(back, b.vip(4, 84), sport=80)))
    one = b.tcp(4, caller, b.vip(4, 84), "A", 900, seq=1001, ack=5001)
    moved = b.rewritten(one, dst=server, dport=8080)
    segment = b.IP(src=caller, dst=server, id=7, flags="DF", ttl=63) / b.TCP(
        sport=900, dport=8080, flags="PA", seq=1001, ack=5001) / b.Raw(
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(caller) +
            socket.inet_aton(b.vip(4, 84)) + struct.pack("!HH", 900, 80))
    moved[b.TCP].seq += 28
    run.case("is announced", b.from_client(one), {"back0": [
        b.frame(out, b.BACK_MAC, b.backend_mac(11)) for out in (segment, moved)]})
    back = b.tcp(4, server, caller, "A", 8080, 900, seq=5001, ack=1029)
    back[b.TCP].options = [(5, bytes(7)), ("NOP", None), ("NOP", None), ("NOP", None)]
    run.case("tcp_options", b.from_backend(back), {}, "tcp_options")
    about = b.IPv6(bytes(six(b.tcp(4, caller, b.vip(4, 85))))[14:])
    run.case("icmp_untranslatable", b.from_backend(
        b.ip(6, b.backend(6, 11), b.LOCAL[6]) / ICMPv6ParamProblem(code=2) / b.Raw(bytes(about))),
             {}, "icmp_untranslatable")
    route = b.tcp(4, caller, b.vip(4, 85), options=[IPOption_LSRR(routers=["10.1.0.3"])])
    run.case("ip_source_route", b.from_client(route), b.to_client(b.icmp_about(route, b.ICMP(type=3, code=5))), "ip_source_route")
    # The first ones of that VRF. The address is ours where the backend is, and a client's elsewhere.
    taken = [b.tcp(4, local, b.vip(4, 86), sport=1024 + i) for i in range(64)]
    run.case("local_ports_full", [b.from_client(one) for one in taken] +
             [b.from_client(b.tcp(4, caller, b.vip(4, 83)))],
             {"green0": [b.frame(b.rewritten(one, dst=server, dport=8080), b.GREEN_MAC,
                                 b.backend_mac(11)) for one in taken]},
             [None] * 64 + ["local_ports_full"])
    rest = [b.udp(4, caller, web, 2000 + i, 53, 0) for i in range(1024 - 67)]
    run.case("connections_full", [b.from_client(one) for one in rest] +
             [b.from_client(b.udp(4, caller, web, 1, 53))],
             {"back0": [served(one) for one in rest]}, [None] * len(rest) + ["connections_full"],
             last_ns=20_000_000)
    run.run()
    few = b.service("dns", 4, 80, 53, protocol="udp", backend_port=0, persistence="{}")
    run = b.scenario("balanced", b.config(few, "templates: 1024, when_full: refuse"))
    many = [b.udp(4, f"10.200.{i // 250}.{i % 250}", web, 1, 53, 0) for i in range(1025)]
    run.case("templates_full", [b.from_client(one) for one in many],
             {"back0": [b.frame(b.rewritten(one, dst=server), b.BACK_MAC, b.backend_mac(11))
                        for one in many[:-1]]}, [None] * 1024 + ["templates_full"],
             last_ns=20_000_000)
    run.run()
    run = b.scenario("limited", b.config(
        b.service("all", 4, 80, limits="{connections_per_s: 1}") +
        b.service("each", 4, 81, limits="{source_connections_per_s: 1}") +
        b.service("some", 4, 82, protocol="udp", forwarding="direct", backend_port=None,
                  limits="{connections: 1}")))
    for virtual, reason in ((80, "service_rate"), (81, "source_rate")):
        many = [b.tcp(4, caller, b.vip(4, virtual), sport=virtual * 100 + i) for i in range(11)]
        run.case(reason, [b.from_client(one) for one in many],
                 {"back0": [served(one) for one in many[:10]]}, [None] * 10 + [reason])
    first, other = (b.udp(4, caller, b.vip(4, 82), sport) for sport in (1, 2))
    run.case("connections_share", [b.from_client(one) for one in (first, first, other)],
             {"back0": [b.frame(b.hop(first), b.BACK_MAC, b.backend_mac(11))] * 2},
             [None, None, "connections_share"])
    run.run()
    return set(cases) | {"connections_share", "service_rate", "source_rate", "tcp_syn_data", "tcp_options", "ip_source_route", "icmp_untranslatable", "local_ports_full",
                         "connections_full", "templates_full"}


def pool_exhausted():
    """600 remotes that nobody has resolved hold two buffers each of one flooded frame, and the
    pool has 1024."""
    remotes = [f"10.0.{n // 200}.{n % 200 + 2}" for n in range(600)]
    config = """
system: {mbufs: 1024}
ports:
  uplink: {device: tap:up0, mac: "02:00:00:00:00:01", addresses: [10.0.0.1/16]}
  red0: {device: tap:red0}
networks:
  red:
    vni: 100
    members: [{port: red0}]
    remotes:
""" + "".join(f"      - {{address: {ip}}}\n" for ip in remotes)
    result = run_replay(config, {"red0": [(START_NS, udp(NEAR, BROADCAST))]}, [])
    tap.result("pool: every copy is accounted for", accounting_problems(result))
    drops = [drop["reason"] for drop in result.report["drops"] if drop["packet"] == 1]
    tap.check("pool: each of 600 copies waits in vain, or finds no buffer",
              len(drops) == 600 and set(drops) == {"neighbour_unresolved", "no_buffer"},
              str({reason: drops.count(reason) for reason in set(drops)}))
    return {"no_buffer"} if "no_buffer" in drops else set()


def completeness():
    names = reasons_of_header()
    tap.check("the header was understood", len(names) > 40 and "runt_frame" in names, str(names))
    seen = single() | balanced() | pool_exhausted()
    for name in names:
        if name in ELSEWHERE:
            tap.check(f"{name} cannot occur in a replay: {ELSEWHERE[name]}", name not in seen)
        else:
            tap.check(f"{name} has a case", name in seen)
    gone = sorted((seen | set(ELSEWHERE)) - set(names))
    tap.check("no case is for a reason that is gone", not gone, str(gone))


if __name__ == "__main__":
    main(completeness)
