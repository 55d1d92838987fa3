# SPDX-License-Identifier: Apache-2.0
"""VXLAN decapsulation: what is taken in, from whom, and what every refusal is called."""

from frames import *
from harness import Scenario, main

CONFIG = UPLINK + """
  red0: {device: tap:red0}
  blue0: {device: tap:blue0}
  carry0: {device: tap:carry0}
""" + NEIGHBOURS + """
networks:
  red:
    vni: 100
    members: [{port: red0}]
    remotes: [{address: 192.0.2.2}, {address: 192.0.2.3}]
    static_macs: [{mac: "02:00:00:00:0a:0c", port: red0}]
  blue:
    vni: 200
    members: [{port: blue0}]
    remotes: [{address: 192.0.2.2}]
    static_macs: [{mac: "02:00:00:00:0a:0c", port: blue0}]
  carry:
    vni: 300
    carry_vlans: true
    members: [{port: carry0}]
    remotes: [{address: 192.0.2.2}]
    static_macs: [{mac: "02:00:00:00:0a:0c", port: carry0}]
"""
PORTS = ["uplink", "red0", "blue0", "carry0"]
NEAR, FAR = host(10, 12), host(10, 2)
INNER = udp(FAR, NEAR)
UDP_AT, VXLAN_AT = 34, 42


def accepted():
    run = Scenario("decap", CONFIG, PORTS)
    run.case("plain", ("uplink", arriving(INNER)), {"red0": INNER})
    run.case("another remote of the network", ("uplink", arriving(INNER, remote=3)),
             {"red0": INNER})
    run.case("same addresses inside, other VNI", ("uplink", arriving(INNER, 200)),
             {"blue0": INNER})
    for bit in range(8):
        run.case(f"VXLAN flag {1 << bit:#04x} beside I is ignored",
                 ("uplink", arriving(INNER, flags=0x08 | 1 << bit)), {"red0": INNER})
    run.case("reserved bits all set are ignored",
             ("uplink", arriving(INNER, flags=0xFF, reserved=(0xFFFFFF, 0xFF))), {"red0": INNER})
    for reserved in ((1, 0), (0x800000, 0), (0, 1), (0, 0x80)):
        run.case(f"reserved {reserved[0]:#x} and {reserved[1]:#x} are ignored",
                 ("uplink", arriving(INNER, reserved=reserved)), {"red0": INNER})
    for port in (0, 1, 4789, 49151, 65535):
        run.case(f"source port {port} is as good as any",
                 ("uplink", arriving(INNER, sport=port)), {"red0": INNER})
    run.case("right UDP checksum", ("uplink", arriving(INNER, chksum=None)), {"red0": INNER})
    odd = udp(FAR, NEAR, size=33)
    run.case("right UDP checksum, odd length", ("uplink", arriving(odd, chksum=None)),
             {"red0": odd})
    run.case("right UDP checksum that is 0xffff", ("uplink", sum_ffff()), {"red0": INNER})
    for length in (1400, 1514):
        frame = of_length(FAR, NEAR, length)
        run.case(f"{length} bytes inside, right UDP checksum",
                 ("uplink", arriving(frame, chksum=None)), {"red0": frame})
    for size, options in ((24, b"\x01\x01\x01\x00"), (60, b"\x01" * 40)):
        frame = arriving(INNER, chksum=None, ip={"options": options})
        assert frame[14] & 15 == size // 4
        run.case(f"outer IP header of {size} bytes", ("uplink", frame), {"red0": INNER})
    run.case("outer DF clear, id set", ("uplink", arriving(INNER, ip={"flags": 0, "id": 77})),
             {"red0": INNER})
    run.case("outer reserved flag is no fragment",
             ("uplink", arriving(INNER, ip={"flags": "evil"})), {"red0": INNER})
    run.case("outer TTL 1", ("uplink", arriving(INNER, ip={"ttl": 1})), {"red0": INNER})
    run.case("outer DSCP stays outside", ("uplink", arriving(INNER, tos=46 << 2)), {"red0": INNER})
    for padding in (1, 6, 46):
        run.case(f"{padding} bytes of padding behind the IP packet",
                 ("uplink", arriving(INNER) + b"\xAA" * padding), {"red0": INNER})
    run.case("bytes between the UDP datagram's and the IP packet's end",
             ("uplink", arriving(INNER + b"\xBB" * 5, udp_fields={"len": 16 + len(INNER)})),
             {"red0": INNER})
    run.case("the same with a right UDP checksum", ("uplink", trailing_with_sum()),
             {"red0": INNER})
    run.case("inner frame of 14 bytes", ("uplink", arriving(INNER[:14])), {"red0": INNER[:14]})
    run.case("inner IPv4 with wrong checksum and lying length is not ours to judge",
             ("uplink", arriving(patched(INNER, 16, b"\xff\xff"))),
             {"red0": patched(INNER, 16, b"\xff\xff")})
    inner = tagged(INNER, 30, 3)
    run.case("carry_vlans: inner tag is kept", ("uplink", arriving(inner, 300)),
             {"carry0": inner})
    inner = tagged(INNER, 0)
    run.case("carry_vlans: inner tag VID 0 is kept", ("uplink", arriving(inner, 300)),
             {"carry0": inner})
    run.case("carry_vlans: untagged", ("uplink", arriving(INNER, 300)), {"carry0": INNER})
    run.run()


def sum_ffff():
    """A datagram whose right checksum is zero, and therefore sent as 0xffff (RFC 768)."""
    sport_zero_sum = arriving(INNER, sport=0, chksum=None)
    rest = int.from_bytes(sport_zero_sum[UDP_AT + 6:UDP_AT + 8], "big")
    # The source port adds to the sum: with the complement's own value the total is 0xffff.
    frame = arriving(INNER, sport=rest, chksum=None)
    assert frame[UDP_AT + 6:UDP_AT + 8] == b"\xff\xff", frame.hex()
    return frame


def trailing_with_sum():
    exact = arriving(INNER, chksum=None)
    frame = bytes(arriving(INNER + b"\xBB" * 5, udp_fields={"len": 16 + len(INNER)}))
    return patched(frame, UDP_AT + 6, exact[UDP_AT + 6:UDP_AT + 8])


def refused():
    run = Scenario("refused", CONFIG, PORTS)

    def drop(name, frame, reason):
        run.case(name, ("uplink", frame), drop=reason)

    drop("I flag clear", arriving(INNER, flags=0), "vxlan_no_vni")
    drop("I flag clear, all others set", arriving(INNER, flags=0xF7), "vxlan_no_vni")
    for vni in (0, 101, 99, 0x640000, 0xFFFFFF):
        drop(f"VNI {vni}", arriving(INNER, vni), "tunnel_id_unknown")
    drop("sender is no remote", arriving(INNER, remote=5), "remote_unknown")
    drop("sender is a remote of another network", arriving(INNER, 200, remote=3),
         "remote_unknown")
    drop("sender from elsewhere", arriving(INNER, ip={"src": "203.0.113.9"}), "remote_unknown")
    drop("sender claims our address", arriving(INNER, ip={"src": OUR_IP}), "ip_source")
    drop("unknown VNI from unknown sender", arriving(INNER, 7, remote=5), "tunnel_id_unknown")
    for source in ("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
                   "255.255.255.255", "192.0.2.255"):
        drop(f"outer source {source}", arriving(INNER, ip={"src": source}), "ip_source")
    for value in (0x0001, 0x1234, 0xFFFF):
        drop(f"UDP checksum {value:#06x}", arriving(INNER, chksum=value), "udp_checksum")
    good = arriving(INNER, chksum=None)
    for at in (26, UDP_AT, VXLAN_AT + 1, VXLAN_AT + 7, 60, len(good) - 1):
        bad = patched(good, at, bytes([good[at] ^ 0x10]))
        # The byte at 26 is the source address: the IP header's own checksum is put right.
        drop(f"UDP checksum right but for the byte at {at}",
             with_ip_sum(bad) if at == 26 else bad, "udp_checksum")
    for name, flags, offset in (("first", "MF", 0), ("middle", "MF", 10), ("last", 0, 10),
                                ("first with DF", "MF+DF", 0)):
        drop(f"{name} outer fragment", arriving(INNER, ip={"flags": flags, "frag": offset}),
             "ip_fragment")
    drop("fragment of something else than UDP",
         arriving(INNER, ip={"flags": "MF", "frag": 3, "proto": 6}), "ip_fragment")
    for length in range(14):
        drop(f"inner frame of {length} bytes", arriving(INNER[:length]), "inner_runt")
    for length in range(8):
        drop(f"VXLAN header of {length} bytes", vxlan_cut(length), "vxlan_truncated")
    drop("inner tag where VLANs are not carried", arriving(tagged(INNER, 10)), "vlan_in_network")
    drop("inner 802.1ad tag", arriving(tagged(INNER, 10, kind=0x88A8)), "vlan_in_network")
    drop("inner source MAC is a group", arriving(udp("03:00:00:00:00:01", NEAR)),
         "source_mac_invalid")
    drop("inner source MAC is broadcast", arriving(udp(BROADCAST, NEAR)), "source_mac_invalid")
    drop("inner source MAC is zero", arriving(udp("00:00:00:00:00:00", NEAR)),
         "source_mac_invalid")
    drop("other UDP port", arriving(INNER, dport=4790), "udp_port_closed")
    drop("UDP port 0", arriving(INNER, dport=0), "udp_port_closed")
    drop("ports exchanged", arriving(INNER, sport=4789, dport=50000), "udp_port_closed")
    drop("not our MAC", arriving(INNER, eth={"dst": "02:00:00:00:00:77"}), "not_our_mac")
    drop("broadcast MAC", arriving(INNER, eth={"dst": BROADCAST}), "not_our_mac")
    drop("multicast MAC and address", arriving(INNER, eth={"dst": "01:00:5e:01:01:01"},
                                               ip={"dst": "239.1.1.1"}), "not_our_mac")
    drop("not our IP address", arriving(INNER, ip={"dst": "192.0.2.9"}), "ip_not_local")
    drop("subnet's broadcast address", arriving(INNER, ip={"dst": "192.0.2.255"}),
         "ip_not_local")
    drop("multicast address at our MAC", arriving(INNER, ip={"dst": "239.1.1.1"}), "ip_not_local")
    for proto in (0, 4, 6, 47, 50, 132, 255):
        drop(f"IP protocol {proto}", arriving(INNER, ip={"proto": proto}), "ip_protocol_unknown")
    for kind in (0x0000, 0x05DC, 0x0801, 0x8847, 0x8906, 0xFFFF):
        drop(f"EtherType {kind:#06x}", of_length(remote_mac(2), OUR_MAC, 60, kind),
             "ether_type_unknown")
    run.run()


def vxlan_cut(length):
    """Ends after `length` bytes of the VXLAN header, and all lengths say so."""
    whole = bytes(Ether(src=remote_mac(2), dst=OUR_MAC) / IP(src=remote_ip(2), dst=OUR_IP) /
                  UDP(sport=50000, dport=4789, chksum=0) /
                  Raw(b"\x08\0\0\0\0\0\x64\0"[:length]))
    return whole


if __name__ == "__main__":
    main(accepted, refused)
