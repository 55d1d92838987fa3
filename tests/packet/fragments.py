# SPDX-License-Identifier: Apache-2.0
"""Packets cut into fragments, put together again, and compared with what was sent."""

import struct

from harness import Free

from scapy.layers.inet import IP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.packet import Raw

HEADERS = {"ipip": 0, "gre": 4, "gue": 12}


def cut(whole, size, ident=5, df=False):
    """The packet in fragments of `size` bytes behind their headers."""
    if whole.version == 6:
        payload = bytes(whole)[40:]
        starts = list(range(0, len(payload), size))
        return [IPv6(src=whole.src, dst=whole.dst, hlim=whole.hlim, tc=whole.tc, fl=whole.fl, nh=44) /
                IPv6ExtHdrFragment(nh=whole.nh, id=ident, offset=at // 8, m=int(at != starts[-1])) /
                Raw(payload[at:at + size]) for at in starts]
    whole = whole.copy()
    whole.flags, whole.id, whole.chksum = 0, ident, None
    parts = fragment(IP(bytes(whole)), fragsize=size)
    for part in parts:
        part.flags = int(part.flags) | (2 if df else 0)
        part.chksum = None
    return [IP(bytes(part)) for part in parts]


def piece_of(whole, at, ident, size=None):
    """One fragment of the packet, from byte `at` of its payload on; without `size` the last one."""
    head = 20 if whole.version == 4 else 40
    payload = bytes(whole)[head:]
    data, more = payload[at:] if size is None else payload[at:at + size], size is not None
    if whole.version == 6:
        return (IPv6(src=whole.src, dst=whole.dst, hlim=whole.hlim, nh=44) /
                IPv6ExtHdrFragment(nh=whole.nh, id=ident, offset=at // 8, m=int(more)) / Raw(data))
    return IP(bytes(IP(src=whole.src, dst=whole.dst, ttl=whole.ttl, proto=whole.proto, id=ident, frag=at // 8,
                       flags="MF" if more else 0) / Raw(data)))


def joined(packets):
    """(payload, sizes, DF of each) of the fragments of one packet."""
    parts, sizes, flags = {}, [], set()
    for packet in packets:
        sizes.append(len(packet))
        if packet.version == 4:
            parts[packet.frag * 8] = bytes(packet)[packet.ihl * 4:]
            flags.add(bool(packet.flags.DF))
        else:
            at = 40
            if packet.nh == 44:
                place = struct.unpack("!H", bytes(packet)[42:44])[0]
                at, start = 48, place & 0xFFF8
            else:
                start = 0
            parts[start] = bytes(packet)[at:]
    data = b""
    for start in sorted(parts):
        if start != len(data):
            return None, sizes, flags
        data += parts[start]
    return data, sizes, flags


def without(packet, kind):
    """What a backend finds behind the outer header."""
    if kind is None:
        return packet
    at = (20 if packet.version == 4 else 40) + HEADERS[kind]
    inner = bytes(packet)[at:]
    return IP(inner) if inner[0] >> 4 == 4 else IPv6(inner)


def checker(payload, most, df, version, kind, port="back0"):
    def check(got, _):
        frames = [each[14:] for each in got[port]]
        packets = [IP(each) if each[0] >> 4 == 4 else IPv6(each) for each in frames]
        data, sizes, flags = joined([without(packet, kind) for packet in packets])
        problems = []
        if data != payload:
            problems.append(f"not what was sent, in {len(packets)} packets")
        if any(len(each) > most for each in frames):
            problems.append(f"{max(map(len, frames))} bytes, {most} came at most")
        if version == 4 and flags != {df}:
            problems.append(f"DF is {flags}")
        if version == 4 and kind and any(bool(each.flags.DF) != df for each in packets
                                         if each.version == 4):
            problems.append("DF of the outer header")
        return problems
    return check


class Any(Free):
    def __init__(self, length):
        super().__init__(lambda got: got, bytes(length))


def forwarded(run, name, send, payload, most, df, version, kind, count_of, port="back0"):
    """`count_of`: lengths of the frames that leave."""
    run.case(name, send, {port: [Any(14 + each) for each in count_of]},
             check=checker(payload, most, df, version, kind, port))


def lengths(whole_payload, header, most, outer=0):
    """Of the packets that a payload is in, each of at most `most` bytes with its outer header."""
    step = (most - outer - header) // 8 * 8
    return [outer + header + min(step, whole_payload - at)
            for at in range(0, whole_payload, step)]
