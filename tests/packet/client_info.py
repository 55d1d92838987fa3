# SPDX-License-Identifier: Apache-2.0
"""Connections whose backends get the client's address, as both their ends see them: by TCP option (TOA),
and by the PROXY protocol, whose header moves the client's sequence numbers."""

import ipaddress
import struct

from balance import (LOCAL, backend, client, from_backend, from_client, rewritten, tcp, to_backend, to_client, vip)

from scapy.layers.inet import TCP
from scapy.packet import Raw

CLIENT_ISN, SERVER_ISN = 1000, 0xFFFFFFF0  # the server's go over their end
FIRST, ANSWER = CLIENT_ISN + 1, (SERVER_ISN + 1) & 0xFFFFFFFF
SHIFT = {4: 28, 6: 52}


def option(address, port):
    """Kind 254, the client's port and address."""
    return 254, struct.pack("!H", port) + ipaddress.ip_address(address).packed


def header(one):
    """PROXY protocol version 2, section 2.2, of the client's packet."""
    four = one.version == 4
    ends = b"".join(ipaddress.ip_address(ip).packed for ip in (one.src, one.dst))
    ports = struct.pack("!HH", one.sport, one.dport)
    return (b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, 0x11 if four else 0x21]) +
            struct.pack("!H", len(ends) + 4) + ends + ports)


def before(one, out, first=FIRST):
    """The segment with the header, before the packet that goes out for the client's."""
    segment = out.copy()
    segment[TCP].remove_payload()
    segment[TCP].flags, segment[TCP].seq, segment[TCP].urgptr = "PA", first, 0
    return finished(segment / Raw(header(one)))


def finished(packet):
    """Lengths and checksums by scapy."""
    packet = packet.copy()
    packet[TCP].chksum = packet[TCP].dataofs = None
    if packet.version == 4:
        packet.len = packet.chksum = None
    else:
        packet.plen = None
    return packet


def moved(packet, by):
    packet[TCP].seq = (packet[TCP].seq + by) & 0xFFFFFFFF
    return finished(packet)


class Talk:
    """A connection, seen from both its ends."""

    def __init__(self, run, version, number, sport, ours=None, name=""):
        self.run, self.version, self.sport, self.ours = run, version, sport, ours
        self.client, self.vip, self.backend = (client(version), vip(version, number),
                                               backend(version, 11))
        self.name = f"IPv{version} {name}"

    def there(self, flags, seq=FIRST, ack=ANSWER, size=0, options=(), **fields):
        one = tcp(self.version, self.client, self.vip, flags, self.sport, 80, size, seq,
                  ack if "A" in flags else 0, **fields)
        one[TCP].options = list(options)
        return one

    def out(self, one):
        src, sport = self.ours or (None, None)
        return finished(rewritten(one, src, self.backend, sport, 8080))

    def back(self, flags, seq=ANSWER, ack=FIRST, size=0, options=()):
        dst, dport = self.ours or (self.client, self.sport)
        one = tcp(self.version, self.backend, dst, flags, 8080, dport, size, seq,
                  ack if "A" in flags else 0)
        one[TCP].options = list(options)
        return one

    def at_client(self, one, ack=None, options=None):
        out = rewritten(one, self.vip, self.client, 80, self.sport)
        if ack is not None:
            out[TCP].ack = ack
        if options is not None:
            out[TCP].options = list(options)
        return finished(out)

    def sends(self, name, one, *outs, drop=None, **fields):
        self.run.case(f"{self.name}: {name}", from_client(one),
                      {"back0": [to_backend(out)["back0"] for out in outs]}, drop, ordered=True,
                      **fields)

    def answers(self, name, one, out, drop=None):
        self.run.case(f"{self.name}: {name}", from_backend(one), to_client(out) if out else {},
                      drop)

    def handshake(self, isn=CLIENT_ISN, server_isn=SERVER_ISN):
        syn = self.there("S", isn)
        self.sends("SYN", syn, self.out(syn))
        answer = self.back("SA", server_isn, isn + 1)
        self.answers("SYN and ACK", answer, self.at_client(answer))


def local(version, number):
    """Of full NAT: addresses and ports are given out one after the other."""
    return LOCAL[version], 1024 + number
