# SPDX-License-Identifier: Apache-2.0
"""Trials on a gateway: frames in at a rate for some seconds, and what came out."""

import time

import frames
import generators
import netns
import scenarios
import search

SETTLE_BATCH = 32


class Rig:
    """A gateway with a generator and counters, ready for trials: MACs are learned, connections are there."""

    def __init__(self, gateway, generator, ways):
        self.gateway, self.scenario, self.load = gateway, gateway.scenario, gateway.load
        self.ways = {way: self.scenario.ways[way] for way in ways}
        self.strays = {port: netns.Counting(gateway.gen.name, gateway.generator_port(port), netns.STRAYS)
                       for port in self.scenario.ports}
        self.streams = self.settle()
        wired = {}
        for way, (port, _) in self.ways.items():
            wired[gateway.generator_port(port)] = self.streams[way]
        self.lengths = {interface: list(map(len, sent)) for interface, sent in wired.items()}
        self.generator = generators.GENERATORS[generator](gateway.folder, gateway.gen, wired)

    def close(self):
        for counting in self.strays.values():
            counting.close()

    # --- before the first trial ---

    def settle(self):
        """Sends each frame once, slowly. Gives the streams by way."""
        streams = {way: scenarios.stream(self.scenario, self.load, way)
                   for way in self.scenario.ways if way != "replies"}
        if not self.scenario.learned_replies:
            # All hosts of both sides are known after the second time.
            for _ in range(2):
                for way, sent in streams.items():
                    self.send_slowly(self.scenario.ways[way][0], sent)
            self.wait_learned()
            return streams
        port, to = self.scenario.ways["requests"]
        with netns.packet_socket(self.gateway.gen.name, self.gateway.generator_port(to), netns.NO_STRAYS,
                                 buffer_bytes=64 << 20) as receiver:
            receiver.settimeout(2.0)
            replies = []
            self.send_slowly(port, streams["requests"], lambda: self.collect(receiver, replies))
            while len(replies) < len(streams["requests"]) and self.collect(receiver, replies, True):
                pass
        if len(replies) != len(streams["requests"]):
            raise netns.MissingError(f"of {len(streams['requests'])} requests, {len(replies)} reached a backend; "
                                     f"drops: {self.gateway.drops()}")
        streams["replies"] = replies
        return streams

    @staticmethod
    def collect(receiver, replies, wait=False):
        """What has arrived; with `wait`, at least one."""
        receiver.setblocking(False)
        if wait:
            receiver.settimeout(2.0)
        try:
            while True:
                replies.append(frames.turned_around(receiver.recv(65536)))
                receiver.setblocking(False)
        except BlockingIOError:
            return True
        except TimeoutError:
            return False

    def send_slowly(self, port, sent, between=lambda: None):
        with netns.packet_socket(self.gateway.gen.name, self.gateway.generator_port(port), protocol=0,
                                 buffer_bytes=4 << 20) as sender:
            for start in range(0, len(sent), SETTLE_BATCH):
                for frame in sent[start:start + SETTLE_BATCH]:
                    sender.send(frame)
                time.sleep(0.002)
                between()

    def wait_learned(self):
        """Control has read all reports of MACs."""
        if not self.scenario.networks:
            return
        wanted = self.load.flows * len([way for way in self.scenario.ways if way != "replies"])
        end = time.monotonic() + 30
        while sum(row["macs"] for row in self.gateway.show("networks")) < wanted:
            if time.monotonic() > end:
                raise netns.MissingError(f"adit has learned fewer than {wanted} MACs; drops: {self.gateway.drops()}")
            for way, (port, _) in self.scenario.ways.items():
                self.send_slowly(port, scenarios.stream(self.scenario, self.load, way))

    # --- trials ---

    def counters(self):
        """(frames that arrived at adit, frames that came back), over all ways."""
        offered = sum(self.gateway.offered(port) for port, _ in self.ways.values())
        received = sum(netns.received(self.gateway.gen.name, self.gateway.generator_port(to)) - self.strays[to].read()
                       for _, to in self.ways.values())
        return offered, received

    def set_rate(self, pps):
        """Over all ways, each an equal share."""
        for interface, lengths in self.lengths.items():
            generators.pace(self.gateway.gen, interface, pps / len(self.lengths), lengths)

    def run(self, pps, seconds, during=None):
        """A Trial, with what adit says of it in `.drops` and `.workers`. `during(seconds)` runs instead of
        waiting."""
        drops, before = self.gateway.drops(), self.counters()
        self.set_rate(pps)
        self.generator.start()
        try:
            begin, first = self.wait_first(before)
            (during or time.sleep)(seconds)
            # The counters first: between the two no frame is counted without its time.
            late, end = self.counters()[0], time.monotonic()
        finally:
            self.generator.stop()
            for interface in self.lengths:
                generators.end_pace(self.gateway.gen, interface)
        after = self.wait_quiet()
        trial = search.Trial(pps, (late - first) / (end - begin), after[0] - before[0], after[1] - before[1])
        now = self.gateway.drops()
        trial.drops = {reason: count - drops.get(reason, 0) for reason, count in now.items()
                       if count != drops.get(reason, 0)}
        trial.workers = self.gateway.show("workers")
        return trial

    def wait_first(self, before):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            offered = self.counters()[0]
            if offered > before[0]:
                return time.monotonic(), offered
            time.sleep(0.005)
        raise netns.MissingError("the generator sends nothing; its log: " + self.generator_log())

    def generator_log(self):
        import pathlib
        return " ".join(path.read_text(encoding="utf-8", errors="replace")[-500:]
                        for path in pathlib.Path(self.gateway.folder).glob("*.log") if path.name != "aditd.log")

    def wait_quiet(self):
        """RFC 2544 section 23: what is on its way has time to arrive."""
        last, same, end = self.counters(), 0, time.monotonic() + 10
        while same < 4 and time.monotonic() < end:
            time.sleep(0.1)
            now = self.counters()
            same = same + 1 if now == last else 0
            last = now
        return last
