# SPDX-License-Identifier: Apache-2.0
"""Tenants that share a port or a worker with another: tags of one that name VLANs of others, and late copies of fragments
on another worker. And packets that are wrong stay so: no answer makes them right."""

from balance import *
from fragments import cut
from harness import main, tap
from moments import moments
from scapy.layers.inet import IPOption_LSRR
from scapy.layers.l2 import Dot1Q
from scapy.layers.sctp import (SCTPChunkAbort, SCTPChunkCookieAck, SCTPChunkCookieEcho, SCTPChunkData, SCTPChunkError, SCTPChunkInit,
                               SCTPChunkInitAck, SCTPChunkSACK, SCTPChunkShutdown, SCTPChunkShutdownAck,
                               SCTPChunkShutdownComplete)

EDGE, BACK = "edge0", "back0"
RACK_MAC, STATION, SENDER = "02:00:00:00:00:d1", "02:00:00:00:bb:02", "02:00:00:00:aa:01"


def by_client(packet):
    return Ether(src=CLIENT_MAC, dst=EDGE_MAC) / packet


def by_backend(packet, number=11):
    return Ether(src=backend_mac(number), dst=BACK_MAC) / packet


# --- VLANs of a port that belong to others

SHARED = f"""
ports:
  uplink: {{device: tap:up0, mtu_bytes: 1600, mac: {OUR_MAC}, addresses: [192.0.2.1/24]}}
  rack: {{device: tap:rack, mac: "{RACK_MAC}"}}
  other: {{device: tap:other, mac: "02:00:00:00:00:d2"}}
neighbours:
  - {{address: 192.0.2.2, mac: "02:00:00:00:00:02"}}
networks:
  a:
    vni: 100
    carry_vlans: true
    members: [{{port: rack}}, {{port: other}}]
    remotes: [{{address: 192.0.2.2}}]
    static_macs: [{{mac: "{STATION}", port: rack}}]
  b: {{vni: 200, members: [{{port: rack, vlan: 10}}], remotes: [{{address: 192.0.2.2}}]}}
vrfs:
  v:
    vlans: [{{port: rack, vlan: 30, addresses: [10.7.0.254/24]}}]
"""


def tags_of_others():
    ports = ["uplink", "rack", "other"]
    data = IP(src="10.0.0.1", dst="10.0.0.255") / UDP(sport=1, dport=2) / Raw(b"from a")
    for name, tag, may_leave in (("no tag", None, True), ("VLAN 77, which is nobody's", Dot1Q(vlan=77), True),
                                 ("VLAN 10 of a network", Dot1Q(vlan=10), False), ("VLAN 30 of a VRF", Dot1Q(vlan=30), False),
                                 ("VLAN 10 within VLAN 77", Dot1Q(vlan=77) / Dot1Q(vlan=10), True)):
        for how, destination in (("flooded", "ff:ff:ff:ff:ff:ff"), ("known", STATION)):
            inner = Ether(src=SENDER, dst=destination) / (data if tag is None else tag / data)
            for by, frame in (("uplink", frames.arriving(bytes(inner), 100, 2)), ("other", bytes(inner))):
                left, drops, problems = moments(SHARED, ports, [(by, frame)])
                on_rack = sum(out == "rack" for out, _ in left[0])
                if on_rack != may_leave or drops.get("vlan_not_member", 0) != (not may_leave):
                    problems.append(f"{on_rack} left by rack; drops: {drops}")
                elsewhere = {"uplink", "other"} - {by} if how == "flooded" else set()
                if {out for out, _ in left[0]} - {"rack"} != elsewhere:
                    problems.append(f"left by {[out for out, _ in left[0]]}")
                tap.result(f"{name}, {how}, by {by}", problems)


# --- late copies, whichever worker collected the datagram

def late_copies():
    text = config("".join(service(f"nat{v}", v, 80, 53, protocol="udp") for v in VERSIONS))
    for version in VERSIONS:
        sent, a_second = [], [(EDGE, b"")] * 5  # longer than fragments.timeout_ms
        for sport in range(900, 908):
            sent.append((EDGE, by_client(udp(version, client(version), vip(version, 80), sport, 53))))
            parts = cut(udp(version, backend(version, 11), client(version), 8080, sport, 4000), 1400, ident=sport)
            sent += [(BACK, by_backend(one)) for one in parts] + a_second + [(BACK, by_backend(parts[1]))] + a_second
        for workers in (1, 2, 3):
            left, _, problems = moments(text, PORTS, sent, 250, ["--workers", str(workers)])
            network = IP if version == 4 else IPv6
            own = [Ether(frame).summary() for one in left for out, frame in one
                   if out == EDGE and network in Ether(frame) and Ether(frame)[network].src == backend(version, 11)]
            if own:
                problems.append(f"{len(own)} left with the backend's own address: {own[0]}")
            served_ones = sum(out == EDGE and network in Ether(frame) and Ether(frame)[network].src == vip(version, 80)
                              for one in left for out, frame in one)
            if served_ones < 8:
                problems.append(f"{served_ones} replies came")
            tap.result(f"IPv{version}: late copies of replies' fragments, {workers} workers", problems)


# --- what is wrong stays wrong

def other_version(name, version, number, protocol):
    return (f"  {name}:\n    vrf: blue\n    address: \"{vip(version, number)}\"\n    port: 80\n    protocol: {protocol}\n"
            f'    forwarding: fullnat\n    local_addresses: ["{LOCAL[4]}", "{LOCAL[6]}"]\n'
            f'    backends: [{{address: "{backend(10 - version, 11)}", port: 8080}}]\n')


def translated_validity():
    text = config(other_version("u64", 6, 1, "udp") + other_version("u46", 4, 1, "udp"))
    none = udp(6, client(6), vip(6, 1), dport=80)
    none[UDP].chksum = 0
    route = udp(4, client(4), vip(4, 1), dport=80, options=[IPOption_LSRR(routers=["10.1.0.3"])])
    done = udp(4, client(4), vip(4, 1), dport=80, options=[IPOption_LSRR(routers=["10.1.0.3"], pointer=8)])
    usual = udp(4, client(4), vip(4, 1), dport=80)
    bare = udp(4, client(4), vip(4, 1), dport=80)
    bare[UDP].chksum = 0
    for name, packet, is_served, drop, answer in (
            ("IPv6 without a UDP checksum", none, False, "udp_checksum", None),
            ("IPv4 without one, which IPv4 permits", bare, True, None, None),
            ("IPv4 with a source route to go", route, False, "ip_source_route", (3, 5)),
            ("IPv4 with one that was followed", done, True, None, None),
            ("IPv4 without options", usual, True, None, None)):
        left, drops, problems = moments(text, PORTS, [(EDGE, by_client(packet))])
        if any(out == BACK for out, _ in left[0]) != is_served or drops != ({drop: 1} if drop else {}):
            problems.append(f"left: {[(out, Ether(frame).summary()) for out, frame in left[0]]}; drops: {drops}")
        told = [(Ether(frame)[ICMP].type, Ether(frame)[ICMP].code) for out, frame in left[0] if out == EDGE]
        if told != ([answer] if answer else []):
            problems.append(f"the client is told {told}")
        tap.result(f"to a backend of the other version: {name}", problems)


def damaged():
    """RFC 9293 section 3.1, RFC 1122 section 4.1.3.4: no answer to what is damaged."""
    text = config("".join(service(f"s{v}", v, 1, 80) + service(f"r{v}", v, 2, 80, unmatched="reset") for v in VERSIONS))
    for version in VERSIONS:
        for name, packet, drop in (
                ("a SYN to a port without a service", tcp(version, client(version), vip(version, 1), dport=81), "service_unknown"),
                ("an ACK of no connection", tcp(version, client(version), vip(version, 2), "A", ack=1), "connection_unknown"),
                ("UDP to a port without a service", udp(version, client(version), vip(version, 1), dport=99), "service_unknown"),
                ("UDP to a closed port of ours", udp(version, client(version), GATEWAY[version], dport=99), "udp_port_closed")):
            kind = TCP if TCP in packet else UDP
            broken = packet.copy()
            broken[kind].chksum = 0x1234
            left, drops, problems = moments(text, PORTS, [(EDGE, by_client(packet)), (EDGE, by_client(broken))])
            if len(left[0]) != 1 or left[1]:
                problems.append(f"answers: {[[Ether(frame).summary() for _, frame in one] for one in left]}")
            wanted = {drop: 2} if kind is TCP else {drop: 1, "udp_checksum": 1}
            if drops != wanted:
                problems.append(f"drops: {drops}")
            tap.result(f"IPv{version}: {name}, whole and damaged", problems)


def reserved_bits():
    """RFC 2784 section 2.2: bits that a receiver does not know are ignored, with NVGRE as with GRE."""
    text = SHARED.replace("remotes: [{address: 192.0.2.2}]", "remotes: [{address: 192.0.2.2, kind: nvgre}]")
    text = text.replace("vni: 100", "vni: 5000").replace("vni: 200", "vni: 6000")
    inner = Ether(src=SENDER, dst="ff:ff:ff:ff:ff:ff") / Raw(bytes(50))
    for bits in (0, 0x0008, 0x0100, 0x03f8):
        header = (0x2000 | bits).to_bytes(2, "big") + b"\x65\x58" + (5000 << 8).to_bytes(4, "big")
        frame = Ether(src="02:00:00:00:00:02", dst=OUR_MAC) / IP(src="192.0.2.2", dst="192.0.2.1", proto=47) / Raw(header + bytes(inner))
        left, drops, problems = moments(text, ["uplink", "rack", "other"], [("uplink", frame)])
        if {out for out, _ in left[0]} != {"rack", "other"} or drops:
            problems.append(f"left: {left[0]}; drops: {drops}")
        tap.result(f"NVGRE with reserved bits {bits:#06x}", problems)


# --- associations that are over

def sctp_ends():
    """As with TCP: what begins after the end is scheduled anew, and nothing holds its ports. An ABORT ends also behind other
    control chunks (RFC 9260 section 3.3.7)."""
    def begin(tag):
        return SCTPChunkInit(init_tag=tag, a_rwnd=1500, n_out_streams=1, n_in_streams=1, init_tsn=1)

    accepted = SCTPChunkInitAck(init_tag=0x22, a_rwnd=1500, n_out_streams=1, n_in_streams=1, init_tsn=1)
    abort, error = SCTPChunkAbort(), SCTPChunkError(error_causes=bytes(8))
    sack = SCTPChunkSACK(cumul_tsn_ack=1, a_rwnd=1500)
    data = SCTPChunkData(tsn=2, data=b"abcd", beginning=1, ending=1)
    for version in VERSIONS:
        text = config(service("a", version, 1, protocol="sctp", backends=(11, 12)) + service("b", version, 2, protocol="sctp"))
        here, there, server = client(version), vip(version, 1), backend(version, 11)

        def of_client(chunk, tag):
            return (EDGE, by_client(ip(version, here, there) / SCTP(sport=1000, dport=80, tag=tag) / chunk))

        def of_server(chunk):
            return (BACK, by_backend(ip(version, server, here) / SCTP(sport=8080, dport=1000, tag=0x11) / chunk))

        opened = [of_client(begin(0x11), 0), of_server(accepted), of_client(SCTPChunkCookieEcho(cookie=b"12345678"), 0x22),
                  of_server(SCTPChunkCookieAck())]
        shut = [of_client(SCTPChunkShutdown(cumul_tsn_ack=1), 0x22), of_server(SCTPChunkShutdownAck()),
                of_client(SCTPChunkShutdownComplete(), 0x22)]
        for name, end, is_over in (
                ("ABORT", [of_client(abort, 0x22)], True), ("SHUTDOWN", shut, True),
                ("SACK and ABORT", [of_client(sack / abort, 0x22)], True),
                ("ERROR and ABORT", [of_client(error / abort, 0x22)], True),
                ("the backend's ERROR and ABORT", [of_server(error / abort)], True),
                ("SACK and DATA", [of_client(sack / data, 0x22)], False),
                ("SACK and ABORT with a wrong tag", [of_client(sack / abort, 0x99)], False)):
            # To another service of the same backend by the same port, or to the same service.
            for what, after in (("the same service", of_client(begin(0x33), 0)),
                                ("another service of the backend", (EDGE, by_client(
                                    ip(version, here, vip(version, 2)) / SCTP(sport=1000, dport=80) / begin(0x33))))):
                left, _, problems = moments(text, PORTS, [*opened, *end, after])
                to = [Ether(frame).dst for out, frame in left[-1] if out == BACK]
                if what == "the same service":
                    wanted = [backend_mac(12 if is_over else 11)]
                else:
                    wanted = [backend_mac(11)] if is_over else []
                if to != wanted:
                    problems.append(f"the INIT went to {to}")
                tap.result(f"IPv{version}: an INIT to {what} after {name}", problems)


if __name__ == "__main__":
    main(tags_of_others, late_copies, translated_validity, damaged, reserved_bits, sctp_ends)
