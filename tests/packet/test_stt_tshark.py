# SPDX-License-Identifier: Apache-2.0
"""What adit sends as STT, read by Wireshark's dissector: code that knows nothing of adit."""

import os
import shutil
import subprocess
import sys
import tempfile

import capture
import tunnels
from frames import host, tagged
from harness import MS, START_NS, accounting_problems, main, run_replay, tap
from tunnels import OUR_MAC, OURS, address, mac, stt_frame, stt_segments

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

NEAR, ELSEWHERE = host(10, 1), host(1, 3)
FAR = {4: host(1, 2), 6: host(1, 6)}
CONFIG = f"""
ports:
  uplink:
    device: tap:up0
    mtu_bytes: 1500
    mac: 02:00:00:00:00:01
    addresses: [192.0.2.1/24, "2001:db8::1/64"]
  red0: {{device: tap:red0, mtu_bytes: 9500}}
  trunk0: {{device: tap:trunk0, mtu_bytes: 9500}}
neighbours:
  - {{address: 192.0.2.2, mac: "02:00:00:00:00:02"}}
  - {{address: 192.0.2.3, mac: "02:00:00:00:00:03"}}
  - {{address: "2001:db8::2", mac: "02:00:00:00:00:02"}}
networks:
  red:
    vni: 100
    members: [{{port: red0}}]
    remotes:
      - {{address: 192.0.2.2, kind: stt, id: {tunnels.CONTEXT_ID}, split_horizon: 0}}
      - {{address: "2001:db8::2", kind: stt, id: {tunnels.CONTEXT_ID}, split_horizon: 0}}
      - {{address: 192.0.2.3, kind: stt, split_horizon: 0}}
    static_macs:
      - {{mac: "02:00:00:00:01:02", remote: 192.0.2.2}}
      - {{mac: "02:00:00:00:01:06", remote: "2001:db8::2"}}
      - {{mac: "02:00:00:00:01:03", remote: 192.0.2.3}}
  trunk:
    vni: 200
    carry_vlans: true
    members: [{{port: trunk0}}]
    remotes:
      - {{address: 192.0.2.2, kind: stt, id: 5}}
      - {{address: "2001:db8::2", kind: stt, id: 6}}
    static_macs:
      - {{mac: "02:00:00:00:01:02", remote: 192.0.2.2}}
      - {{mac: "02:00:00:00:01:06", remote: "2001:db8::2"}}
"""
FIELDS = [
    "eth.dst", "eth.src", "udp.length", "data.data", "stt.stream_id", "stt.dport", "stt.pkt_len",
    "stt.seg_off", "stt.pkt_id", "stt.tcp.data_offset", "stt.tcp.flags", "stt.tcp.window",
    "stt.tcp.urg_ptr", "stt.version", "stt.flags", "stt.l4offset", "stt.reserved",
    "stt.mss", "stt.vlan.pcp", "stt.vlan.v", "stt.vlan.id", "stt.context_id",
    "stt.padding", "stt.segment.count", "stt.segment.error", "stt.segment.overlap",
    "stt.reassembled.length", "_ws.expert.message", "_ws.malformed",
]
ACK, PSH = 0x10, 0x08
GOOD = 1  # a checksum


def tshark(path, fields, *options):
    """For each packet of the capture: field -> all its values, with commas between them."""
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=a",
               "-E", "separator=/t", "-E", "aggregator=,"]
    for option in options:
        command += ["-o", option]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return [dict(zip(fields, line.split("\t"), strict=True)) for line in done.stdout.splitlines()]


def dissect(packets):
    """What tshark says of each packet: field -> its first value, and "all" for all of them.

    The checksum is judged by the dissector of TCP: that of STT, in tshark 4.0, compares the
    field with the sum over everything, which is zero where the checksum is right."""
    with tempfile.TemporaryDirectory(prefix="adit-tshark-") as folder:
        path = os.path.join(folder, "stt.pcap")
        capture.write_pcap(path, packets)
        rows = tshark(path, FIELDS, "ip.try_heuristic_first:TRUE", "ipv6.try_heuristic_first:TRUE",
                      "stt.reassemble:TRUE", "tcp.analyze_sequence_numbers:FALSE")
        tcp = tshark(path, ["tcp.checksum.status"], "tcp.check_checksum:TRUE")
    return [{field: value.split(",")[0] for field, value in row.items()} |
            {"tcp.checksum.status": sums["tcp.checksum.status"], "all": row}
            for row, sums in zip(rows, tcp, strict=True)]


class Sent:
    """A frame that goes in, and what the STT frame header has to say of it."""

    def __init__(self, name, send, inner, family, context_id=tunnels.CONTEXT_ID, vlan=None,
                 flags=0, l4_offset=0, mss=0):
        self.name, self.send, self.inner, self.family = name, send, bytes(inner), family
        pcp, vid = vlan or (0, 0)
        self.header = {
            "stt.version": 0, "stt.flags": flags, "stt.l4offset": l4_offset, "stt.reserved": 0,
            "stt.mss": mss, "stt.vlan.pcp": pcp, "stt.vlan.v": int(vlan is not None),
            "stt.vlan.id": vid, "stt.context_id": context_id, "stt.padding": 0,
        }

    def problems(self, rows):
        """Of the packets that were sent for this frame."""
        frame_len, most = 18 + len(self.inner), 1460 if self.family == 4 else 1440
        count = -(-frame_len // most)
        if len(rows) != count:
            return [f"{len(rows)} packets were sent, not {count}"]
        if not all(row["stt.pkt_id"] for row in rows):
            return ["tshark sees no STT"]
        problems = []

        def expect(row, what, field, wanted):
            found = row[field]
            if not found or int(found, 0) != wanted:
                problems.append(f"{what}: {field} is {found!r}, not {wanted}")

        offset = 0
        for number, row in enumerate(rows):
            what, last = f"segment {number + 1} of {count}", number + 1 == count
            for field, wanted in {"stt.dport": 7471, "stt.pkt_len": frame_len,
                                  "stt.tcp.data_offset": 20, "stt.tcp.window": 0,
                                  "stt.tcp.urg_ptr": 0, "tcp.checksum.status": GOOD,
                                  "stt.tcp.flags": ACK | (PSH if last else 0),
                                  "stt.pkt_id": int(rows[0]["stt.pkt_id"], 0),
                                  "stt.stream_id": int(rows[0]["stt.stream_id"], 0)}.items():
                expect(row, what, field, wanted)
            # How the frame is cut is adit's choice, but the parts have to be in order.
            position = int(row["stt.seg_off"])
            if (position == 0) != (number == 0) or position < offset or position >= frame_len:
                problems.append(f"{what}: stt.seg_off is {position}")
            offset = position
            for field in ("_ws.expert.message", "_ws.malformed", "stt.segment.error",
                          "stt.segment.overlap"):
                if row[field]:
                    problems.append(f"{what}: {field}: {row['all'][field]}")
        if int(rows[0]["stt.stream_id"], 0) < 49152:
            problems.append(f"source port {rows[0]['stt.stream_id']} is not of the dynamic range")
        # The frame as tshark puts it together stands with the packet that completes it.
        whole = rows[-1]
        if count > 1:
            expect(whole, "whole", "stt.segment.count", count)
            # tshark counts the TCP-like header of the first segment as well.
            expect(whole, "whole", "stt.reassembled.length", 20 + frame_len)
        for field, wanted in self.header.items():
            expect(whole, "whole", field, wanted)
        inner = Ether(self.inner)
        for field, wanted in (("eth.dst", inner.dst), ("eth.src", inner.src)):
            if whole["all"][field].split(",")[-1] != wanted:
                problems.append(f"inner {field} is {whole['all'][field]}, not {wanted}")
        if UDP in inner:
            expect(whole, "inner", "udp.length", inner[UDP].len)
            if whole["data.data"] != bytes(inner[UDP].payload).hex():
                problems.append("the inner payload is another")
        return problems


def inner_udp(dst, size, family=4, src=NEAR):
    """A UDP frame of `size` bytes, to a port that no dissector claims."""
    ip = (IP(src="10.0.0.1", dst="10.0.0.2") if family == 4 else
          IPv6(src="fd00::1", dst="fd00::2"))
    frame = Ether(src=src, dst=dst) / ip / UDP(sport=40001, dport=40003)
    payload = bytes(index * 7 + size & 0xFF for index in range(size - len(frame)))
    return Ether(bytes(frame / Raw(payload)))


def is_ours(packet):
    """Whether adit sends it for itself: an announcement by ARP or ND."""
    kind = packet[12:14]
    return kind == b"\x08\x06" or (kind == b"\x86\xdd" and packet[20] == 58)


def agree(name, frames):
    """Sends the frames, 1 ms apart, and compares what leaves in their time with tshark's view."""
    inputs = {}
    for number, frame in enumerate(frames, 1):
        port, packet = frame.send
        inputs.setdefault(port, []).append((START_NS + number * MS, packet))
    run = run_replay(CONFIG, inputs, ["uplink"])
    tap.result(f"{name}: every packet is accounted for", accounting_problems(run))
    packets = [(time, packet) for time, packet in run.outputs["uplink"] if not is_ours(packet)]
    rows = dissect(packets)
    for number, frame in enumerate(frames, 1):
        begin = START_NS + number * MS
        mine = [row for (time, _), row in zip(packets, rows, strict=True)
                if begin <= time < begin + MS]
        tap.result(f"{name}: {frame.name}", frame.problems(mine))


SIZES = (60, 300, 1422, 1423, 1442, 1443, 1444, 1460, 1463, 1480, 1500, 2882, 2890, 2902, 2903,
         2904, 2930, 4000, 4322, 4330, 9000, 9514)


def plain():
    for family in (4, 6):
        frames = []
        for size in SIZES:
            inner = inner_udp(FAR[family], size, 4 if size % 2 else 6 if size > 62 else 4)
            frames.append(Sent(f"{size} bytes", ("red0", bytes(inner)), inner, family))
        agree(f"outer IPv{family}", frames)


def vlans():
    frames = []
    for family, context_id in ((4, 5), (6, 6)):
        for vid, pcp in ((5, 0), (4094, 7), (0, 3), (1, 1)):
            for size in (100, 4000):
                inner = inner_udp(FAR[family], size)
                frames.append(Sent(f"{size} bytes of VLAN {vid}, priority {pcp}, IPv{family}",
                                   ("trunk0", tagged(bytes(inner), vid, pcp)), inner, family,
                                   context_id, (pcp, vid)))
    agree("tagged", frames)


def partial():
    """Checksums left to whoever has a network card: from one STT remote to another."""
    frames = []
    for family in (4, 6):
        for proto, l4 in ((17, UDP(sport=40001, dport=40003)),
                          (6, TCP(sport=40001, dport=40003, flags="PA"))):
            ip = IP(src="10.0.0.1", dst="10.0.0.2") if family == 4 else IPv6(src="fd00::1",
                                                                             dst="fd00::2")
            for size, mss in ((200, 0), (900, 0)) + (((1200, 500),) if proto == 6 else ()):
                inner = Ether(bytes(Ether(src=ELSEWHERE, dst=FAR[4]) / ip / l4 /
                                    Raw(bytes(size))))
                flags = 0x02 | (0x04 if family == 4 else 0) | (0x08 if proto == 6 else 0)
                l4_offset = 34 if family == 4 else 54
                came = stt_segments(
                    stt_frame(inner, flags, l4_offset, mss, context_id=100), 65535, 4,
                    (address(4, 3), OURS[4]), (mac(3), OUR_MAC))[0]
                sent = Sent(f"IPv{family} protocol {proto}, {size} bytes, MSS {mss}",
                            ("uplink", came), inner, 4, flags=flags, l4_offset=l4_offset, mss=mss)
                frames.append(sent)
    agree("partial checksum", frames)


def control():
    """That the oracle sees what is wrong: otherwise the rest would say nothing."""
    def problems(**fields):
        parts = stt_segments(stt_frame(inner), 1460, 4, (OURS[4], address(4, 2)),
                             (OUR_MAC, mac(2)), **fields)
        return Sent("", None, inner, 4).problems(
            dissect([(START_NS + index, part) for index, part in enumerate(parts)]))

    inner = inner_udp(FAR[4], 2000)
    tap.result("control: what scapy makes is right", problems())
    for what, fields in (("checksum", {"chksum": 0x1234}), ("port", {"dport": 7472}),
                         ("frame length", {"length": 2019}), ("window", {"window": 1}),
                         ("data offset", {"dataofs": 6})):
        tap.check(f"control: another {what} is noticed", problems(**fields))


if shutil.which("tshark") is None:
    print("1..0 # SKIP tshark is not installed (apt install tshark)")
    sys.exit(0)
main(control, plain, vlans, partial)
