# SPDX-License-Identifier: Apache-2.0
"""STT: segments in any order, what is refused, VLANs, and checksums left to us."""

import itertools
import random

import tunnels
from frames import host, of_length, patched, tagged, udp
from harness import MS as MILLISECOND
from harness import SECOND, Free, Scenario, announcement, main, tap
from nd_frames import unsolicited
from tunnels import OUR_MAC, OURS, address, mac, stt_frame, stt_segments

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

NEAR, FAR, VXLAN_FAR = host(10, 1), host(1, 2), host(1, 3)
START = {"uplink": [announcement(), unsolicited(OUR_MAC, OURS[6])]}
CONFIG = """
ports:
  uplink:
    device: tap:up0
    mtu_bytes: 1500
    mac: 02:00:00:00:00:01
    addresses: [192.0.2.1/24, "2001:db8::1/64"]
  red0: {device: tap:red0, mtu_bytes: 9500}
  trunk0: {device: tap:trunk0, mtu_bytes: 9500}
neighbours:
  - {address: 192.0.2.2, mac: "02:00:00:00:00:02"}
  - {address: 192.0.2.3, mac: "02:00:00:00:00:03"}
  - {address: "2001:db8::2", mac: "02:00:00:00:00:02"}
networks:
  red:
    vni: 100
    members: [{port: red0}]
    remotes:
      - {address: 192.0.2.2, kind: stt, id: ID}
      - {address: 192.0.2.3}
      - {address: "2001:db8::2", kind: stt, id: ID}
    static_macs:
      - {mac: "02:00:00:00:0a:01", port: red0}
      - {mac: "02:00:00:00:01:02", remote: 192.0.2.2}
      - {mac: "02:00:00:00:01:06", remote: "2001:db8::2"}
      - {mac: "02:00:00:00:01:03", remote: 192.0.2.3}
  trunk:
    vni: 200
    carry_vlans: true
    members: [{port: trunk0}]
    remotes: [{address: 192.0.2.2, kind: stt, id: 5}]
    static_macs:
      - {mac: "02:00:00:00:0a:01", port: trunk0}
      - {mac: "02:00:00:00:01:02", remote: 192.0.2.2}
""".replace("ID", str(tunnels.CONTEXT_ID))
PORTS = ["uplink", "red0", "trunk0"]
packet_ids = itertools.count(1000)


def scenario(name):
    return Scenario(name, CONFIG, PORTS, start=START)


def arriving(frame, size=1460, family=4, number=2, **fields):
    """An STT frame's segments as remote `number` sends them."""
    return stt_segments(frame, size, family, (address(family, number), OURS[family]),
                        (mac(number), OUR_MAC),
                        **{"packet_id": next(packet_ids)} | fields)


def sent(frame, size, family=4, number=2):
    """What adit has to send: one Free each, cut as adit may cut."""
    count = -(-len(frame) // size)
    cuts = [index * size for index in range(count)]
    left = len(frame) - (count - 1) * size
    if count > 1 and left <= 20:  # the last two share what they have
        cuts[-1] = cuts[-2] + (size + left + 1) // 2

    def one(index):
        def build(got):
            end = 34 if family == 4 else 54
            label = int.from_bytes(got[14:18], "big") & 0xFFFFF if family == 6 else 0
            return stt_segments(frame, 0, family, (OURS[family], address(family, number)),
                                (OUR_MAC, mac(number)), cuts=cuts, label=label,
                                sport=int.from_bytes(got[end:end + 2], "big"),
                                packet_id=int.from_bytes(got[end + 8:end + 12], "big"))[index]

        example = stt_segments(frame, 0, family, (OURS[family], address(family, number)),
                               (OUR_MAC, mac(number)), cuts=cuts)[index]
        return Free(build, example)

    return [one(index) for index in range(count)]


def one_id(got, drops):
    """All segments of a frame have one packet id and one source port, from the dynamic range."""
    facts = {(packet[34:36], packet[42:46]) for packet in got["uplink"]}
    return [] if len(facts) == 1 else [f"ports and ids: {facts}"]


def segmented():
    run = scenario("out")
    for size in (14, 60, 1442, 1443, 1444, 1460, 2900, 2910, 2920, 5000, 9500):
        inner = of_length(NEAR, FAR, max(size, 14))
        run.case(f"{size} bytes to IPv4", ("red0", inner),
                 {"uplink": sent(stt_frame(inner), 1460)}, check=one_id, ordered=True)
        inner = of_length(NEAR, host(1, 6), max(size, 14))
        run.case(f"{size} bytes to IPv6", ("red0", inner),
                 {"uplink": sent(stt_frame(inner), 1440, 6)}, ordered=True)
    run.run()


def reassembled():
    run = scenario("in")
    shuffle = random.Random(1)
    for family in (4, 6):
        for size in (14, 60, 1500, 4000, 9500):
            inner = of_length(FAR, NEAR, size)
            parts = arriving(stt_frame(inner), 1000, family)
            run.case(f"{size} bytes in {len(parts)} over IPv{family}",
                     [("uplink", part) for part in parts], {"red0": inner})
        inner = of_length(FAR, NEAR, 3000)
        for order in itertools.permutations(range(4)):
            parts = arriving(stt_frame(inner), 800, family)
            run.case(f"in the order {order} over IPv{family}",
                     [("uplink", parts[index]) for index in order], {"red0": inner})
    inner = of_length(FAR, NEAR, 500)
    for cuts in ([0, 1], [0, 17], [0, 18], [0, 19, 25], [0, 5, 9, 31, 33], list(range(0, 60, 3))):
        run.case(f"cut at {cuts}", [("uplink", part) for part in
                                    arriving(stt_frame(inner), cuts=cuts)], {"red0": inner})
    frames = [of_length(FAR, NEAR, size) for size in (2000, 2500, 3000, 3500)]
    parts = [("uplink", part) for frame in frames for part in arriving(stt_frame(frame), 500)]
    shuffle.shuffle(parts)
    run.case("four frames, their segments shuffled", parts, {"red0": frames})
    parts = arriving(stt_frame(frames[0]), 700)
    run.case("each segment twice", [("uplink", part) for part in parts[:-1] for _ in (0, 1)] +
             [("uplink", parts[-1])], {"red0": frames[0]},
             ["stt_duplicate" if index % 2 else None for index in range(2 * len(parts) - 2)] +
             [None])
    parts = arriving(stt_frame(frames[0]), 700)
    run.case("one is missing", [("uplink", part) for part in parts[:1] + parts[2:]],
             drop="stt_expired", last_ns=2 * SECOND)
    for index in range(3):
        parts = arriving(stt_frame(udp(FAR, NEAR, tos=2, size=2000)), 700)
        parts[index] = marked(parts[index])
        run.case(f"CE on segment {index} marks the frame", [("uplink", part) for part in parts],
                 {"red0": udp(FAR, NEAR, tos=3, size=2000)})
    inner = udp(FAR, VXLAN_FAR, size=1000)
    run.case("stitched to VXLAN", [("uplink", part) for part in arriving(stt_frame(inner), 300)],
             {"uplink": tunnels.to_remote(tunnels.KINDS[0], inner, 4, 3)})
    run.run()


def marked(frame):
    packet = Ether(frame)
    packet[IP].tos |= 3
    del packet[IP].chksum
    return bytes(packet)


def refused():
    run = scenario("refused")
    inner = udp(FAR, NEAR)
    frame = stt_frame(inner)

    def case(name, reason, made=None, **fields):
        run.case(name, ("uplink", made or arriving(frame, **fields)[0]), drop=reason)

    case("another port", "stt_port", dport=7472)
    case("a wrong checksum", "stt_checksum", chksum=0x1234)
    case("data offset 4", "stt_truncated", dataofs=4)
    case("data offset beyond the packet", "stt_truncated",
         made=arriving(frame[:0] + b"x", dataofs=15)[0])
    case("no payload", "stt_empty", made=stt_segments(
        frame, 0, 4, (address(4, 2), OURS[4]), (mac(2), OUR_MAC), cuts=[len(frame)])[0])
    case("segment beyond the frame", "stt_length", length=len(frame) - 1)
    case("frame too short for Ethernet", "stt_length", made=arriving(frame[:31])[0])
    case("version 1", "stt_version", made=arriving(stt_frame(inner, version=1))[0])
    case("verified and partial", "stt_flags",
         made=arriving(stt_frame(inner, flags=3, l4_offset=34))[0])
    case("partial, L4 beyond the frame", "stt_flags",
         made=arriving(stt_frame(inner, flags=0x06, l4_offset=200))[0])
    case("partial, L4 inside Ethernet", "stt_flags",
         made=arriving(stt_frame(inner, flags=0x06, l4_offset=3))[0])
    case("partial, and no such packet", "offload_malformed",
         made=arriving(stt_frame(of_length(FAR, NEAR, 200), flags=0x0E, l4_offset=34))[0])
    case("another context id", "tunnel_id_unknown", made=arriving(stt_frame(inner, context_id=1))[0])
    case("a stranger's frame", "remote_unknown", number=9)
    case("a stranger's segment", "remote_unknown", number=9, size=40)
    case("an inner tag where none may be", "vlan_in_network",
         made=arriving(stt_frame(inner, tci=0x1005))[0])
    parts = arriving(frame, 40)
    other = arriving(stt_frame(inner + b"z"), 40, packet_id=next(packet_ids) - 1)
    run.case("another frame length", [("uplink", part) for part in [parts[0], other[1]] + parts[1:]],
             {"red0": inner}, [None, "stt_length_differs"] + [None] * (len(parts) - 1))
    run.run()


def tolerated():
    run = scenario("tolerated")
    inner = udp(FAR, NEAR)
    for name, fields in (("window", {"window": 0xFFFF}), ("urgent pointer", {"urgptr": 9}),
                         ("other flags", {"flags": "S"}),
                         ("TCP options", {"dataofs": None, "options": [("MSS", 1), ("NOP", None)]})):
        run.case(name, ("uplink", arriving(stt_frame(inner), **fields)[0]), {"red0": inner})
    for flags, l4_offset, mss in ((0, 99, 1400), (1, 0, 0), (4, 1, 1), (0xF0, 0, 0)):
        run.case(f"flags {flags:#x} without partial, other fields ignored",
                 ("uplink", arriving(stt_frame(inner, flags, l4_offset, mss))[0]), {"red0": inner})
    run.run()


def vlans():
    run = scenario("vlan")
    for vlan, prio in ((5, 0), (4094, 7), (0, 3)):
        inner = udp(FAR, NEAR)
        tci = 0x1000 | prio << 13 | vlan
        run.case(f"VLAN {vlan}, priority {prio}: in",
                 ("uplink", arriving(stt_frame(inner, tci=tci, context_id=5))[0]),
                 {"trunk0": tagged(inner, vlan, prio)})
        inner = udp(NEAR, FAR)
        run.case(f"VLAN {vlan}, priority {prio}: out", ("trunk0", tagged(inner, vlan, prio)),
                 {"uplink": sent(stt_frame(inner, tci=tci, context_id=5), 1460)})
    inner = udp(NEAR, "ff:ff:ff:ff:ff:ff")
    run.case("flooded", ("trunk0", tagged(inner, 9)),
             {"uplink": sent(stt_frame(inner, tci=0x1009, context_id=5), 1460)})
    run.case("no tag", ("trunk0", inner), {"uplink": sent(stt_frame(inner, context_id=5), 1460)})
    run.run()


LIMITED = CONFIG + """
tunnels: {stt: {reassembly_mb: MB, reassembly_peer_mb: MB, reassembly_timeout_ms: MS}}
"""


def limited():
    """The bounds are those of the configuration: of time, and of buffers. With ports of
    9500 bytes 107 of them are a MiB."""
    inner = of_length(FAR, NEAR, 2000)
    for timeout in (200, 1000, 3000):
        run = Scenario(f"timeout {timeout} ms",
                       LIMITED.replace("MB", "8").replace("MS", str(timeout)), PORTS, start=START)
        late = [("uplink", part) for part in arriving(stt_frame(inner), 1100)]
        run.case("the rest just in time", [late[0], (*late[1], (timeout - 2) * MILLISECOND)],
                 {"red0": inner})
        late = [("uplink", part) for part in arriving(stt_frame(inner), 1100)]
        run.case("the rest too late", [late[0], (*late[1], (timeout + 1) * MILLISECOND)],
                 drop="stt_expired", last_ns=(timeout + 1) * MILLISECOND)
        run.run()
    long_inner = of_length(FAR, NEAR, 9000)
    for megabytes, kept in ((2, False), (4, True)):
        run = Scenario(f"{megabytes} MiB of buffers",
                       LIMITED.replace("MB", str(megabytes)).replace("MS", "1000"), PORTS,
                       start=START)
        frames = [arriving(stt_frame(long_inner), 300) for _ in range(12)]
        first = [("uplink", part) for part in frames[0][:-1]]
        others = [("uplink", part) for frame in frames[1:] for part in frame[:-1]]
        if kept:
            run.case("all of twelve large frames find room", first + others +
                     [("uplink", frame[-1]) for frame in frames], {"red0": [long_inner] * 12})
        else:
            run.case("of twelve large frames the oldest give way", first + others,
                     drop=["stt_evicted"] * (5 * len(first)) +
                     ["stt_expired"] * (7 * len(first)), last_ns=2 * SECOND)
        run.run()


def counted():
    """Each drop counts for the remote whose frame it is; where no header tells the network, for
    the first of its address."""
    text = LIMITED.replace("MB", "2").replace("MS", "1000")
    run = Scenario("counted", text, PORTS, start=START)
    inner = of_length(FAR, NEAR, 2000)

    def parts(context_id=tunnels.CONTEXT_ID, **fields):
        return [("uplink", part) for part in
                arriving(stt_frame(inner, context_id=context_id), 700, **fields)]

    def case(name, packets, reasons):
        run.case(name, packets, drop=reasons, last_ns=2 * SECOND)

    case("red's over IPv4", parts()[:2], ["stt_expired"] * 2)
    case("red's over IPv6", parts(family=6)[:1], "stt_expired")
    case("trunk's", parts(5)[:1], "stt_expired")
    case("trunk's, but who knows", parts(5)[1:2], "stt_expired")
    one = parts(5)[0]
    case("a duplicate of trunk's", [one, one], ["stt_expired", "stt_duplicate"])
    packet_id = next(packet_ids)
    case("another length than trunk's",
         [parts(5, packet_id=packet_id)[0],
          ("uplink", arriving(stt_frame(inner + b"x", context_id=5), 700, packet_id=packet_id)[1])],
         ["stt_expired", "stt_length_differs"])
    frame = stt_frame(of_length(FAR, NEAR, 9000), context_id=5)
    large = [[("uplink", part) for part in arriving(frame, 300)[:-1]] for _ in range(8)]
    first = len(large[0])
    case("trunk's beyond the bounds", sum(large, []),
         ["stt_evicted"] * first + ["stt_expired"] * 7 * first)
    result = run.run()
    errors = {(remote["network"], remote["address"]): remote["errors"]
              for remote in result.report["remotes"]}
    want = {("red", "192.0.2.2"): {"stt_expired": 3}, ("red", "192.0.2.3"): {},
            ("red", "2001:db8::2"): {"stt_expired": 1},
            ("trunk", "192.0.2.2"): {"stt_expired": 3 + 7 * first, "stt_evicted": first,
                                     "stt_duplicate": 1, "stt_length_differs": 1}}
    tap.check("counted: by remote", errors == want, f"{errors}, expected {want}")


def pending(packet, proto, family):
    """The frame with only the pseudo-header's sum in its checksum, as STT's partial has it."""
    whole = bytes(packet)
    at = (34 if family == 4 else 54) + (16 if proto == 6 else 6)
    return patched(whole, at, b"\x12\x34")  # what it holds does not matter: it is replaced


def completed():
    run = scenario("partial")
    for family, ip in ((4, IP(src="10.0.0.1", dst="10.0.0.2", id=5)),
                       (6, IPv6(src="fd00::1", dst="fd00::2"))):
        l4_offset = 34 if family == 4 else 54
        for dst, port, name in ((NEAR, "red0", "an access port"), (VXLAN_FAR, "uplink", "VXLAN")):
            for proto, l4 in ((17, UDP(sport=5, dport=6)), (6, TCP(sport=5, dport=6, flags="PA"))):
                whole = Ether(src=FAR, dst=dst) / ip / l4 / Raw(bytes(range(200)))
                flags = 0x02 | (0x04 if family == 4 else 0) | (0x08 if proto == 6 else 0)
                frame = stt_frame(pending(whole, proto, family), flags, l4_offset)
                want = bytes(whole)
                run.case(f"IPv{family} protocol {proto} towards {name}",
                         ("uplink", arriving(frame)[0]),
                         {port: want if port == "red0" else
                          tunnels.to_remote(tunnels.KINDS[0], want, 4, 3)})
        gso_frame = bytes(Ether(src=FAR, dst=NEAR) / ip /
                            TCP(sport=5, dport=6, seq=1000, flags="PA") / Raw(bytes(40000)))
        frame = stt_frame(gso_frame, 0x0A | (0x04 if family == 4 else 0), l4_offset, 1400)
        parts = arriving(frame, 1460)
        want = []
        for index, at in enumerate(range(0, 40000, 1400)):
            size = min(1400, 40000 - at)
            piece = ip.copy()
            if family == 4:
                piece.id = 5 + index
            want.append(bytes(Ether(src=FAR, dst=NEAR) / piece /
                              TCP(sport=5, dport=6, seq=1000 + at,
                                  flags="PA" if at + size == 40000 else "A") / Raw(bytes(size))))
        run.case(f"a GSO frame of IPv{family} in {len(parts)} segments leaves in {len(want)}",
                 [("uplink", part) for part in parts], {"red0": want}, spacing_ns=100)
    run.run()


def clamped():
    """A SYN whose checksum is left to us, and goes on like that, gets its MSS lowered alone."""
    text = CONFIG.replace("vni: 100\n", "vni: 100\n    mss_clamp: true\n").replace(
        '"2001:db8::2", kind: stt', '"2001:db8::2", split_horizon: 0, kind: stt')
    run = Scenario("mss", text, PORTS, start=START)

    def syn(value, dst):
        return Ether(src=FAR, dst=dst) / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(
            flags="S", options=[("MSS", value)])

    most = 1500 - 50 - 40  # what the VXLAN remote takes
    one, other = (stt_frame(pending(syn(value, host(1, 6)), 6, 4), 0x0E, 34)
                  for value in (8960, most))
    run.case("to another STT remote", ("uplink", arriving(one)[0]),
             {"uplink": sent(other, 1440, 6)})
    one = stt_frame(pending(syn(8960, NEAR), 6, 4), 0x0E, 34)
    run.case("to a port, complete", ("uplink", arriving(one)[0]), {"red0": syn(most, NEAR)})
    run.run()


def largest():
    run = scenario("largest")
    inner = of_length(FAR, NEAR, 9514)
    run.case("as large as the access port takes", [("uplink", part) for part in
                                                   arriving(stt_frame(inner), 1460)],
             {"red0": inner})
    inner = of_length(FAR, NEAR, 65535 - 18)
    run.case("64 KiB come together, and fit no port",
             [("uplink", part) for part in arriving(stt_frame(inner), 1460)],
             drop=["mtu_exceeded"] + [None] * (-(-65535 // 1460) - 1), spacing_ns=100)
    run.run()
    # Whole buffers count, which have room for the largest frame.
    text = CONFIG.replace("red0, mtu_bytes: 9500", "red0, mtu_bytes: 65000")
    text += "tunnels: {stt: {reassembly_mb: 16, reassembly_peer_mb: 16}}\n"
    run = Scenario("largest of all", text, PORTS, start=START)
    for size in (60000, 65014):
        inner = of_length(NEAR, FAR, size)
        run.case(f"{size} bytes from the port", ("red0", inner),
                 {"uplink": sent(stt_frame(inner), 1460)}, check=one_id, ordered=True)
        inner = of_length(FAR, NEAR, size)
        parts = arriving(stt_frame(inner), 1460)
        run.case(f"{size} bytes for the port, the last segment first",
                 [("uplink", part) for part in reversed(parts)], {"red0": inner}, spacing_ns=100)
    run.run()
    # The default bounds grow with the buffers.
    run = Scenario("with the default bounds", text.split("tunnels:")[0], PORTS, start=START)
    inner = of_length(FAR, NEAR, 60000)
    pair = zip(*(arriving(stt_frame(inner), 540) for _ in range(2)))
    run.case("two of 60000 bytes in 112 segments at once", [("uplink", part) for parts in pair for part in parts],
             {"red0": [inner] * 2}, spacing_ns=100)
    run.run()


main(segmented, reassembled, refused, tolerated, vlans, limited, counted, completed, clamped,
     largest)
