# SPDX-License-Identifier: Apache-2.0
"""Frames that lie: every header cut at every byte, every length and version field absurd, every
bit of the outer headers flipped. Each is refused by a name."""

from frames import *
from harness import Scenario, main

CONFIG = UPLINK + """
  red0: {device: tap:red0}
  trunk: {device: tap:trunk0}
""" + NEIGHBOURS + """
networks:
  red:
    vni: 100
    members: [{port: red0}, {port: trunk, vlan: 10}]
    remotes: [{address: 192.0.2.2}]
    static_macs:
      - {mac: "02:00:00:00:0a:0c", port: red0}
      - {mac: "02:00:00:00:0a:02", remote: 192.0.2.2}
"""
PORTS = ["uplink", "red0", "trunk"]
NEAR, FAR = host(10, 12), host(10, 2)
INNER = udp(FAR, NEAR)
IP_AT, UDP_AT, VXLAN_AT, INNER_AT = 14, 34, 42, 50


def u16(value):
    return value.to_bytes(2, "big")


def lengths_right(frame):
    """The frame with its length fields and IP checksum put right, for what is left of it."""
    frame = with_ip_sum(patched(frame, IP_AT + 2, u16(len(frame) - IP_AT)))
    if len(frame) >= UDP_AT + 6:
        frame = patched(frame, UDP_AT + 4, u16(len(frame) - UDP_AT))
    return frame


def cut_off():
    """What a cable or a broken sender does: the frame ends, its lengths say otherwise."""
    run = Scenario("cut", CONFIG, PORTS)
    whole = arriving(INNER)
    for length in range(len(whole)):
        reason = ("runt_frame" if length < IP_AT else
                  "ip_truncated" if length < UDP_AT else "ip_total_length")
        run.case(f"VXLAN frame cut after {length} bytes", ("uplink", whole[:length]), drop=reason)
    options = arriving(INNER, ip={"options": b"\x01" * 12})
    for length in range(len(options)):
        reason = ("runt_frame" if length < IP_AT else "ip_truncated" if length < IP_AT + 20 else
                  "ip_header_length" if length < IP_AT + 32 else "ip_total_length")
        run.case(f"VXLAN frame with IP options cut after {length} bytes",
                 ("uplink", options[:length]), drop=reason)
    checked = arriving(INNER, chksum=None)
    for length in range(UDP_AT + 8, len(checked)):
        frame = with_ip_sum(patched(checked[:length], IP_AT + 2, u16(length - IP_AT)))
        run.case(f"UDP datagram with checksum, cut after {length} bytes with its IP packet",
                 ("uplink", frame), drop="udp_length")
    ping = echo(8, FAR, OUR_MAC, remote_ip(2), OUR_IP, b"0123456789")
    for length in range(len(ping)):
        reason = ("runt_frame" if length < IP_AT else
                  "ip_truncated" if length < UDP_AT else "ip_total_length")
        run.case(f"echo request cut after {length} bytes", ("uplink", ping[:length]), drop=reason)
    tag = tagged(udp(NEAR, FAR), 10)
    for length in range(18):
        run.case(f"tagged frame cut after {length} bytes", ("trunk", tag[:length]),
                 drop="runt_frame")
    for length in range(18, 18 + 29):
        frame = udp(NEAR, FAR)[:length - 4]
        run.case(f"tagged frame cut after {length} bytes is bridged", ("trunk", tag[:length]),
                 {"uplink": encapsulated(frame)})
    run.run()


def short_but_consistent():
    """Every prefix again, with IP and UDP lengths that fit it."""
    run = Scenario("short", CONFIG, PORTS)
    whole = arriving(INNER)
    for name, padding in (("", b""), (" and padded", b"\x55" * 20)):
        for length in range(UDP_AT, len(whole)):
            frame = lengths_right(whole[:length]) + padding
            if length < VXLAN_AT:
                expect = {"drop": "udp_truncated"}
            elif length < INNER_AT:
                expect = {"drop": "vxlan_truncated"}
            elif length < INNER_AT + 14:
                expect = {"drop": "inner_runt"}
            else:
                expect = {"out": {"red0": INNER[:length - INNER_AT]}}
            run.case(f"IP packet ends at byte {length}{name}", ("uplink", frame), **expect)
    run.run()


def lying_lengths():
    run = Scenario("lengths", CONFIG, PORTS)
    whole = arriving(INNER)
    ip_len, udp_len = len(whole) - IP_AT, len(whole) - UDP_AT
    for value in (*range(0, 64), ip_len - 1, ip_len + 1, ip_len + 20, 0x7FFF, 0x8000, 0xFFFF):
        reason = ("ip_total_length" if value < 20 or value > ip_len else
                  "udp_truncated" if value < 28 else "udp_length")
        run.case(f"IP total length {value} of {ip_len}",
                 ("uplink", with_ip_sum(patched(whole, IP_AT + 2, u16(value)))), drop=reason)
    for value in (*range(0, 8), udp_len + 1, udp_len + 20, 0x7FFF, 0x8000, 0xFFFF):
        run.case(f"UDP length {value} of {udp_len}",
                 ("uplink", patched(whole, UDP_AT + 4, u16(value))), drop="udp_length")
    run.case("UDP length into the padding",
             ("uplink", patched(whole, UDP_AT + 4, u16(udp_len + 1)) + bytes(10)),
             drop="udp_length")
    for value in range(8, 30):
        run.case(f"UDP length {value} of {udp_len}",
                 ("uplink", patched(whole, UDP_AT + 4, u16(value))),
                 drop="vxlan_truncated" if value < 16 else "inner_runt")
    for value in (30, 31, udp_len - 1):
        run.case(f"UDP length {value} of {udp_len}: the rest is no part of the frame inside",
                 ("uplink", patched(whole, UDP_AT + 4, u16(value))),
                 {"red0": INNER[:value - 16]})
    for ihl in range(5):
        run.case(f"IHL {ihl}", ("uplink", patched(whole, IP_AT, bytes([0x40 | ihl]))),
                 drop="ip_header_length")
    short = whole[:IP_AT + 40]
    for ihl in range(11, 16):
        run.case(f"IHL {ihl} in 40 bytes", ("uplink", patched(short, IP_AT, bytes([0x40 | ihl]))),
                 drop="ip_header_length")
    for ihl in range(6, 16):
        frame = with_ip_sum(patched(whole, IP_AT, bytes([0x40 | ihl])))
        # What now stands where the UDP header would be is some part of the frame inside.
        port = int.from_bytes(frame[IP_AT + ihl * 4 + 2:][:2], "big")
        assert port != 4789
        run.case(f"IHL {ihl} without options", ("uplink", frame), drop="udp_port_closed")
        frame = with_ip_sum(patched(frame, IP_AT + 2, u16(ihl * 4 - 1)))
        run.case(f"IHL {ihl}, total length one short of it", ("uplink", frame),
                 drop="ip_total_length")
    for version in (0, 1, 2, 3, 5, 6, 7, 8, 15):
        run.case(f"IP version {version}",
                 ("uplink", with_ip_sum(patched(whole, IP_AT, bytes([version << 4 | 5])))),
                 drop="ip_version")
    for value in (0, 1, 0x7FFF, 0xFFFE, 0xFFFF):
        if u16(value) != whole[IP_AT + 10:IP_AT + 12]:
            run.case(f"IP checksum {value:#06x}",
                     ("uplink", patched(whole, IP_AT + 10, u16(value))), drop="ip_checksum")
    run.case("IP checksum of options wrong",
             ("uplink", patched(arriving(INNER, ip={"options": b"\x01" * 4}), IP_AT + 20, b"\0")),
             drop="ip_checksum")
    run.run()


def flipped_bits():
    """One wrong bit anywhere in front of the frame inside."""
    run = Scenario("bits", CONFIG, PORTS)
    whole = arriving(INNER)
    checked = arriving(INNER, chksum=None)
    for bit in range(8 * IP_AT, 8 * UDP_AT):
        frame = flip(whole, bit)
        field = bit // 8 - IP_AT
        reason = "ip_checksum"
        if field == 0:
            reason = "ip_version" if bit % 8 < 4 else \
                "ip_header_length" if frame[IP_AT] & 15 < 5 else "ip_checksum"
        elif field in (2, 3):
            total = int.from_bytes(frame[IP_AT + 2:IP_AT + 4], "big")
            if total < 20 or total > len(frame) - IP_AT:
                reason = "ip_total_length"
        run.case(f"IP header, bit {bit - 8 * IP_AT}", ("uplink", frame), drop=reason)
    for bit in range(8 * UDP_AT, 8 * len(checked)):
        frame = flip(checked, bit)
        field = bit // 8 - UDP_AT
        reason = "udp_checksum"
        if field in (2, 3):
            reason = "udp_port_closed"
        elif field in (4, 5):
            length = int.from_bytes(frame[UDP_AT + 4:UDP_AT + 6], "big")
            if length < 8 or length > len(frame) - UDP_AT:
                reason = "udp_length"
        run.case(f"UDP datagram, bit {bit - 8 * UDP_AT}", ("uplink", frame), drop=reason)
    for bit in range(8 * VXLAN_AT, 8 * INNER_AT):
        field, frame = bit // 8 - VXLAN_AT, flip(whole, bit)
        if field in (4, 5, 6):
            run.case(f"VNI, bit {bit - 8 * VXLAN_AT}", ("uplink", frame), drop="tunnel_id_unknown")
        elif field == 0 and bit % 8 == 4:
            run.case("VXLAN flag I", ("uplink", frame), drop="vxlan_no_vni")
        else:
            run.case(f"VXLAN reserved bit {bit - 8 * VXLAN_AT}", ("uplink", frame), {"red0": INNER})
    for bit in range(48):
        reason = "not_our_mac"
        run.case(f"destination MAC, bit {bit}", ("uplink", flip(whole, bit)), drop=reason)
    for bit in range(8 * 12, 8 * 14):
        frame = flip(whole, bit)
        run.case(f"EtherType, bit {bit - 8 * 12}", ("uplink", frame), drop="ether_type_unknown")
    run.run()


def flip(frame, bit):
    return patched(frame, bit // 8, bytes([frame[bit // 8] ^ 0x80 >> bit % 8]))


def absurd():
    run = Scenario("absurd", CONFIG, PORTS)
    for fill in (b"\x00", b"\xff", b"\x55"):
        for length in (1, 13, 14, 15, 33, 34, 60, 1514):
            frame = fill * length
            reason = "runt_frame" if length < 14 else "not_our_mac"
            run.case(f"uplink: {length} bytes {fill.hex()}", ("uplink", frame), drop=reason)
    for length in (14, 60, 1514):
        run.case(f"member: {length} bytes of zero", ("red0", bytes(length)),
                 drop="source_mac_invalid")
        run.case(f"member: {length} bytes of ff", ("red0", b"\xff" * length),
                 drop="source_mac_invalid")
    for length in (14, 15, 33, 34, 60, 1514):
        frame = OUR + bytes(6) + b"\x08\x00" + bytes(length - 14)
        run.case(f"uplink: IPv4 of {length - 14} zeros", ("uplink", frame),
                 drop="ip_truncated" if length < 34 else "ip_version")
        frame = OUR + bytes(6) + b"\x08\x00" + b"\x45" + b"\xff" * max(0, length - 15)
        run.case(f"uplink: IPv4 of {length - 14} ff", ("uplink", frame[:length]),
                 drop="ip_truncated" if length < 34 else "ip_total_length")
        frame = OUR + bytes(6) + b"\x08\x06" + b"\xff" * (length - 14)
        run.case(f"uplink: ARP of {length - 14} ff", ("uplink", frame), drop="arp_malformed")
    tower = udp(NEAR, FAR)
    for _ in range(20):
        tower = tagged(tower, 10)
    run.case("twenty tags", ("trunk", tower), drop="vlan_in_network")
    run.case("a tunnel in a tunnel in a tunnel is but a frame inside",
             ("uplink", arriving(udp(FAR, NEAR)[:14] + arriving(arriving(INNER))[14:])),
             {"red0": udp(FAR, NEAR)[:14] + arriving(arriving(INNER))[14:]})
    run.run()


OUR = bytes.fromhex(OUR_MAC.replace(":", ""))

if __name__ == "__main__":
    main(cut_off, short_but_consistent, lying_lengths, flipped_bits, absurd)
