# SPDX-License-Identifier: Apache-2.0
"""Probes: frames with a number at their end, sent beside the load, and how long each was on its way. A probe
leaves at the sender's clock just before its system call; it arrives by the kernel's time stamp, so that it
does not matter when this process is woken."""

import random
import socket
import struct
import time

import netns

MAGIC = 0x5AD17A11
SO_TIMESTAMPNS = 35
LATE_S = 0.5  # what comes later counts as lost


def quantile(sorted_values, share):
    """The smallest value that `share` of all do not exceed."""
    if not sorted_values:
        return None
    rank = -(-int(share * 1_000_000) * len(sorted_values) // 1_000_000)
    return sorted_values[min(len(sorted_values), max(1, rank)) - 1]


def summary(times_us, sent):
    values = sorted(times_us)
    return {"probes": sent, "lost": sent - len(values), **{
        name: round(quantile(values, share), 1) if values else None
        for name, share in (("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99), ("p99_9_us", 0.999))},
        "most_us": round(values[-1], 1) if values else None}


class Prober:
    """Between two interfaces of namespaces. `make(tail)` gives the frame with that at its end."""

    def __init__(self, sender, receiver, make):
        self.make, self.sent, self.times_us = make, {}, []
        self.number = 0
        self.output = netns.packet_socket(*sender, protocol=0)
        self.input = netns.packet_socket(*receiver, netns.ends_with(MAGIC, 12), buffer_bytes=8 << 20)
        self.input.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.input.setblocking(False)

    def close(self):
        self.output.close()
        self.input.close()

    def send(self):
        self.number += 1
        frame = self.make(struct.pack("!IQ", MAGIC, self.number))
        self.sent[self.number] = time.clock_gettime_ns(time.CLOCK_REALTIME)
        try:
            self.output.send(frame)
        except OSError:  # no room: not sent
            del self.sent[self.number]
            self.number -= 1

    def collect(self):
        while True:
            try:
                data, ancillary, _, _ = self.input.recvmsg(65536, 128)
            except BlockingIOError:
                return
            number = struct.unpack("!Q", data[-8:])[0]
            began = self.sent.pop(number, None)
            for _, kind, value in ancillary:
                if kind == SO_TIMESTAMPNS and began is not None:
                    seconds, nanoseconds = struct.unpack("qq", value)
                    self.times_us.append((seconds * 1_000_000_000 + nanoseconds - began) / 1000)

    def run(self, seconds, per_second):
        """Sends at random intervals: nothing that adit does in a rhythm is always met at the same beat."""
        end = time.monotonic() + seconds
        following = time.monotonic()
        while (now := time.monotonic()) < end:
            if now >= following:
                self.send()
                following = max(following + random.expovariate(per_second), now - 0.01)
            self.collect()
            time.sleep(max(0.0, min(following - time.monotonic(), 0.005)))
        time.sleep(LATE_S)
        self.collect()

    def summary(self):
        return summary(self.times_us, self.number)
