# SPDX-License-Identifier: Apache-2.0
"""Reads and writes pcap files by hand: neither libpcap, which adit-replay uses, nor scapy."""

import struct

MAGIC_NANO = 0xA1B23C4D
ETHERNET = 1


def write_pcap(path, packets, link_type=ETHERNET, snap_len=262144, magic=MAGIC_NANO, order="<"):
    """`packets`: (time in ns, bytes) or (time in ns, bytes, original length)."""
    fraction = 1 if magic == MAGIC_NANO else 1000
    with open(path, "wb") as file:
        file.write(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap_len, link_type))
        for time_ns, frame, *original in packets:
            seconds, rest = divmod(time_ns, 1_000_000_000)
            length = original[0] if original else len(frame)
            file.write(struct.pack(order + "IIII", seconds, rest // fraction, len(frame), length))
            file.write(frame)


def write_pcapng(path, packets, link_type=ETHERNET):
    """One section and interface, nanoseconds (pcapng draft, sections 4.1 to 4.3)."""

    def block(kind, body):
        total = 12 + len(body)
        return struct.pack("<II", kind, total) + body + struct.pack("<I", total)

    def padded(data):
        return data + bytes(-len(data) % 4)

    nano = struct.pack("<HHB3x", 9, 1, 9) + struct.pack("<HH", 0, 0)  # if_tsresol, opt_endofopt
    with open(path, "wb") as file:
        file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        file.write(block(1, struct.pack("<HHI", link_type, 0, 262144) + nano))
        for time_ns, frame in packets:
            times = (time_ns >> 32, time_ns & 0xFFFFFFFF)
            head = struct.pack("<IIIII", 0, *times, len(frame), len(frame))
            file.write(block(6, head + padded(frame)))


def read_pcap(path):
    """The packets as (time in ns, bytes); the file must be what adit-replay says it writes."""
    with open(path, "rb") as file:
        data = file.read()
    magic, _, _, _, _, _, link_type = struct.unpack_from("<IHHiIII", data)
    if magic != MAGIC_NANO or link_type != ETHERNET:
        raise ValueError(f"{path}: magic {magic:#x}, link type {link_type}")
    packets = []
    at = 24
    while at < len(data):
        seconds, nanos, captured, length = struct.unpack_from("<IIII", data, at)
        at += 16
        if captured != length or at + captured > len(data):
            raise ValueError(f"{path}: packet {len(packets) + 1} is cut off")
        packets.append((seconds * 1_000_000_000 + nanos, data[at : at + captured]))
        at += captured
    return packets
