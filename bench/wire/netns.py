# SPDX-License-Identifier: Apache-2.0
"""Network namespaces: made, used and removed, and sockets within them."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
SOL_PACKET, PACKET_STATISTICS, PACKET_QDISC_BYPASS = 263, 6, 20
SO_ATTACH_FILTER, SO_RCVBUFFORCE, SO_SNDBUFFORCE = 26, 33, 32
ETH_P_ALL = 3


class MissingError(Exception):
    """The machine lacks something, or refuses; the text says what, and what would help."""


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MissingError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


@contextlib.contextmanager
def inside(name):
    """For this thread. A socket that is made within stays in the namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as before, open(f"/run/netns/{name}", "rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {name}: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            libc.setns(before.fileno(), CLONE_NEWNET)


def packet_socket(name, interface, filter_code=None, protocol=ETH_P_ALL, buffer_bytes=1 << 20):
    """A raw socket on an interface of a namespace, which sends past what paces the interface. Until it has its
    filter it takes nothing."""
    with inside(name):
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        for option in (SO_RCVBUFFORCE, SO_SNDBUFFORCE):
            made.setsockopt(socket.SOL_SOCKET, option, buffer_bytes)
        made.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        if filter_code:
            attach_filter(made, filter_code)
        made.bind((interface, protocol))
    except OSError:
        made.close()
        raise
    return made


def attach_filter(to, code):
    """Classic BPF: (operation, jump if true, jump if false, operand)."""
    text = b"".join(struct.pack("HBBI", *one) for one in code)
    buffer = ctypes.create_string_buffer(text)
    to.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(code), ctypes.addressof(buffer)))


# What a gateway says by itself: ARP, and ND and other ICMP of IPv6.
STRAYS = [
    (0x28, 0, 0, 12),           # ldh [12]
    (0x15, 3, 0, 0x0806),       # ARP: take
    (0x15, 0, 3, 0x86DD),       # not IPv6: leave
    (0x30, 0, 0, 20),           # ldb [20]
    (0x15, 0, 1, 58),           # not ICMPv6: leave
    (0x06, 0, 0, 1),            # take one byte
    (0x06, 0, 0, 0),
]
NO_STRAYS = STRAYS[:5] + [(0x06, 0, 0, 0), (0x06, 0, 0, 0x40000)]


def ends_with(magic, bytes_from_end):
    """Four bytes at a distance from the end."""
    return [
        (0x80, 0, 0, 0),                # ld len
        (0x14, 0, 0, bytes_from_end),   # sub
        (0x07, 0, 0, 0),                # tax
        (0x40, 0, 0, 0),                # ld [x]
        (0x15, 0, 1, magic),
        (0x06, 0, 0, 0x40000),
        (0x06, 0, 0, 0),
    ]


class Counting:
    """Counts packets that arrive at an interface and pass a filter, without reading them."""

    def __init__(self, name, interface, filter_code):
        # The kernel counts what has no room as well.
        self.socket = packet_socket(name, interface, filter_code, buffer_bytes=4096)
        self.total = 0

    def read(self):
        statistics = self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self.total += struct.unpack("II", statistics)[0]  # each look begins the count again
        return self.total

    def close(self):
        self.socket.close()


def statistics_of(name, interface):
    return json.loads(run("ip", "-n", name, "-j", "-s", "link", "show", "dev", interface))[0]["stats64"]


def received(name, interface):
    """Packets that arrived at an interface."""
    return statistics_of(name, interface)["rx"]["packets"]


def given_to_tap(name, interface):
    """Packets that were sent into a TAP: taken by who has it open, and those for which its queue had no room."""
    sent = statistics_of(name, interface)["tx"]
    return sent["packets"] + sent["dropped"]


class Namespace:
    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        self.execute("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        run("ip", "-n", name, "link", "set", "lo", "up")

    def execute(self, *command):
        return run("ip", "netns", "exec", self.name, *command)

    def spawn(self, command, log):
        """In the background, with what it says in a file: the first of a group of its own, with which it
        ends, so that nothing that it forks is left."""
        with open(log, "w", encoding="utf-8") as file:
            return subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, command)], start_new_session=True,
                                    stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)


def priority():
    """What is measured comes before what else runs, where that is allowed, also before other sessions (autogroup in
    sched(7)); not in real time: the machine has to stay usable."""
    if os.geteuid() != 0:
        return []
    return ["sh", "-c", 'echo -15 2>/dev/null >/proc/self/autogroup; exec nice -n -10 "$@"', "sh"]


def before_others():
    """The same for this process."""
    with contextlib.suppress(OSError):
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write("-15")
    with contextlib.suppress(OSError):
        os.nice(-10)


def end_group(process, first=signal.SIGTERM, patience_s=5):
    """Ends a process that was spawned, and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, first)
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def cable(one, one_interface, other, other_interface, mtu):
    """A veth pair without offloads, so that frames are complete on it."""
    run("ip", "link", "add", one_interface, "netns", one.name, "mtu", mtu, "type", "veth",
        "peer", "name", other_interface, "netns", other.name, "mtu", mtu)
    for where, interface in ((one, one_interface), (other, other_interface)):
        where.execute("ethtool", "-K", interface, "tx", "off", "tso", "off", "gso", "off", "gro", "off")
        run("ip", "-n", where.name, "link", "set", interface, "up", "promisc", "on")
