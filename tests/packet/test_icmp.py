# SPDX-License-Identifier: Apache-2.0
"""ICMP echo to the gateway's own address; scapy builds each reply afresh, checksums included."""

from frames import *
from harness import Scenario, main

CONFIG = UPLINK + "  red0: {device: tap:red0}\n" + NEIGHBOURS + """
networks:
  red:
    vni: 100
    members: [{port: red0}]
    remotes: [{address: 192.0.2.2}]
"""
PEER_MAC, PEER_IP = remote_mac(9), remote_ip(9)
REQUEST, REPLY = 8, 0
ICMP_AT = 34


def ask(data=b"adit", src=PEER_IP, dst=OUR_IP, src_mac=PEER_MAC, dst_mac=OUR_MAC, **more):
    return echo(REQUEST, src_mac, dst_mac, src, dst, data, **more)


def reply_to(data=b"adit", dst=PEER_IP, src=OUR_IP, dst_mac=PEER_MAC, **more):
    more.setdefault("ttl", 64)
    return echo(REPLY, OUR_MAC, dst_mac, src, dst, data, **more)


def answered():
    run = Scenario("answers", CONFIG, ["uplink", "red0"])
    for size in (0, 1, 2, 3, 4, 5, 17, 18, 19, 55, 56, 57, 1399, 1400, 1472):
        data = bytes((7 * i) & 0xFF for i in range(size))
        run.case(f"{size} bytes", ("uplink", ask(data)), {"uplink": reply_to(data)})
    for ttl in (1, 2, 63, 64, 65, 128, 255):
        run.case(f"TTL {ttl}", ("uplink", ask(ttl=ttl)), {"uplink": reply_to()})
    for ident, seq in ((0, 0), (0xFFFF, 0xFFFF), (0xF7FF, 0), (0xF7FE, 1), (0x0800, 0x00FF)):
        run.case(f"id {ident:#x}, sequence {seq:#x}",
                 ("uplink", ask(ident=ident, seq=seq)),
                 {"uplink": reply_to(ident=ident, seq=seq)})
    # Checksums around the carries of one's complement arithmetic.
    packets, replies = [], []
    for word in range(0, 65536, 211):
        data = word.to_bytes(2, "big")
        packets.append(("uplink", ask(data, id=word)))
        replies.append(reply_to(data, id=word))
    run.case(f"{len(packets)} different checksums", packets, {"uplink": replies}, ordered=True)
    run.case("DSCP is kept", ("uplink", ask(tos=46 << 2)), {"uplink": reply_to(tos=46 << 2)})
    run.case("DF is kept", ("uplink", ask(flags="DF")), {"uplink": reply_to(flags="DF")})
    run.case("padding is not sent back", ("uplink", ask(b"") + b"\xAA" * 18),
             {"uplink": reply_to(b"")})
    for size, options in ((24, b"\x01\x01\x01\x00"), (60, b"\x01" * 40)):
        run.case(f"IP header of {size} bytes", ("uplink", ask(options=options)),
                 {"uplink": reply_to(options=options)})
    run.case("from another subnet: back to where it came from",
             ("uplink", ask(src="203.0.113.5", src_mac=remote_mac(254))),
             {"uplink": reply_to(dst="203.0.113.5", dst_mac=remote_mac(254))})
    run.case("a priority tag (VLAN 0) changes nothing",
             ("uplink", ask()[:12] + bytes.fromhex("8100a000") + ask()[12:]),
             {"uplink": reply_to()})
    run.case("inside a network ICMP is not ours", ("red0", ask()),
             {"uplink": encapsulated(ask())})
    run.run()


def refused():
    run = Scenario("refuses", CONFIG, ["uplink", "red0"])

    def drop(name, frame, reason):
        run.case(name, ("uplink", frame), drop=reason)

    for kind in (0, 3, 4, 5, 9, 10, 11, 12, 13, 15, 17, 42, 255):
        frame = bytes(Ether(src=PEER_MAC, dst=OUR_MAC) / IP(src=PEER_IP, dst=OUR_IP, proto=1) /
                      Raw(icmp(bytes([kind, 0, 0, 0, 0, 7, 0, 1]) + b"adit")))
        drop(f"type {kind}", frame, "icmp_ignored")
    for code in (1, 255):
        frame = bytes(Ether(src=PEER_MAC, dst=OUR_MAC) / IP(src=PEER_IP, dst=OUR_IP, proto=1) /
                      Raw(icmp(bytes([REQUEST, code, 0, 0, 0, 7, 0, 1]) + b"adit")))
        drop(f"echo request with code {code}", frame, "icmp_ignored")
    for mac in ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "00:00:00:00:00:00"):
        drop(f"from {mac}, where no answer may go", ask(src_mac=mac), "source_mac_invalid")
    good = ask()
    for at in (ICMP_AT, ICMP_AT + 2, ICMP_AT + 4, len(good) - 1):
        drop(f"checksum wrong by the byte at {at}", patched(good, at, bytes([good[at] ^ 1])),
             "icmp_checksum")
    drop("checksum of zero", patched(good, ICMP_AT + 2, b"\0\0"), "icmp_checksum")
    for length in range(8):
        frame = bytes(Ether(src=PEER_MAC, dst=OUR_MAC) / IP(src=PEER_IP, dst=OUR_IP, proto=1) /
                      Raw(good[ICMP_AT:ICMP_AT + length]))
        drop(f"ICMP of {length} bytes", frame, "icmp_truncated")
        drop(f"ICMP of {length} bytes, padded", frame + bytes(30), "icmp_truncated")
    drop("fragment", ask(flags="MF"), "fragment_length")
    drop("later fragment", ask(frag=2), "ip_reassembly")
    drop("from our own address", ask(src=OUR_IP), "ip_source")
    drop("from our subnet's broadcast address", ask(src="192.0.2.255"), "ip_source")
    for source in ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"):
        drop(f"from {source}", ask(src=source), "ip_source")
    for target in ("192.0.2.255", "255.255.255.255", "224.0.0.1", "192.0.2.200"):
        drop(f"to {target}", ask(dst=target), "ip_not_local")
    drop("to the broadcast MAC", ask(dst_mac=BROADCAST), "not_our_mac")
    drop("to another MAC", ask(dst_mac=remote_mac(8)), "not_our_mac")
    drop("IP checksum wrong", patched(good, 24, b"\x12\x34"), "ip_checksum")
    run.run()


def icmp(message):
    """The message with its checksum filled in."""
    even = message + bytes(len(message) % 2)
    return patched(message, 2, ipv4_sum(even).to_bytes(2, "big"))


if __name__ == "__main__":
    main(answered, refused)
