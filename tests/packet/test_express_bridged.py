# SPDX-License-Identifier: Apache-2.0
"""The express lane of bridged frames: what it takes, what it leaves to the pipeline, and that frames of
a flow leave in their order. That both ways give the same bytes, the harness compares in each test."""

from frames import *
from harness import MS, START_NS, accounting_problems, main, run_replay, tap
from tunnels import KINDS, OUR_MAC, OURS, address, from_remote, mac, outer, stt_frame, stt_segments, to_remote

KIND = {kind.name: kind for kind in KINDS}
PLAIN_KINDS = ["vxlan", "geneve", "gre", "gre-key", "gre-key-0", "stt"]
PORTS = ["uplink", "red0", "trunk"]
NEAR, OTHER, GATEWAY = host(10, 1), host(10, 2), host(10, 254)
FAR = {2: host(1, 2), 3: host(1, 3)}


def config(kind="vxlan", family=4, *, network="", remote="", near=True, member="", extra=""):
    """Remotes 2 and 3 of one kind and family, each with a host behind; NEAR at red0, OTHER in VLAN 10."""
    lines = [f"""
ports:
  uplink:
    device: tap:up0
    mtu_bytes: 1600
    mac: 02:00:00:00:00:01
    addresses: [192.0.2.1/24, "2001:db8::1/64"]
  red0: {{device: tap:red0}}
  trunk: {{device: tap:trunk0}}
neighbours:"""]
    lines += [f'  - {{address: "{address(family, n)}", mac: "{mac(n)}"}}' for n in (2, 3)]
    lines.append(f"""
networks:
  red:
    vni: 100
    members: [{{port: red0{member}}}, {{port: trunk, vlan: 10}}]
{network}
    remotes:""")
    lines += [f'      - {{address: "{address(family, n)}", {KIND[kind].keys}, split_horizon: 0{remote}}}'
              for n in (2, 3)]
    lines.append("    static_macs:")
    if near:
        lines.append(f'      - {{mac: "{NEAR}", port: red0}}')
    lines.append(f'      - {{mac: "{OTHER}", port: trunk, vlan: 10}}')
    lines += [f'      - {{mac: "{FAR[n]}", remote: "{address(family, n)}"}}' for n in (2, 3)]
    return "\n".join(lines) + "\n" + extra


def replay(text, *bursts):
    """`bursts`: lists of (port, frame) that come at one time."""
    inputs = {}
    for number, burst in enumerate(bursts):
        for port, frame in burst:
            inputs.setdefault(port, []).append((START_NS + (number + 1) * 10 * MS, bytes(frame)))
    run = run_replay(text, inputs, PORTS, ("--burst", "32"))
    return run, accounting_problems(run)


def expect(name, text, burst, count, out=None, drop=None):
    """`out`: port -> frames; where it is given, all of them."""
    run, problems = replay(text, burst)
    took = run.report["worker"]["express"]
    if took != count:
        problems.append(f"{took} took the lane, not {count}")
    if drop is not None and run.report["drop_counts"] != ({drop: len(burst)} if drop else {}):
        problems.append(f"drops: {run.report['drop_counts']}, not {drop}")
    for port, wanted in (out or {}).items():
        sent = [frame for _, frame in run.outputs[port] if not frame[0] & 1]  # no announcements
        if len(sent) != len(wanted) or any(
                one.build(got) != got if hasattr(one, "build") else bytes(one) != got
                for one, got in zip(wanted, sent)):
            problems.append(f"{port}: {[frame.hex() for frame in sent]}")
    tap.result(name, problems)


def every_kind():
    for kind in PLAIN_KINDS + ["nvgre"]:
        for family in (4, 6):
            text, name = config(kind, family), f"{kind} over IPv{family}"
            there, back = udp(NEAR, FAR[2]), udp(FAR[3], NEAR)
            expect(f"{name}: to a remote", text, [("red0", there)], 1,
                   {"uplink": [to_remote(KIND[kind], there, family, 2)]})
            expect(f"{name}: from a remote", text, [("uplink", from_remote(KIND[kind], back, family, 3))], 1,
                   {"red0": [back]})
            through = udp6(FAR[3], FAR[2])
            expect(f"{name}: from one remote to the other", text,
                   [("uplink", from_remote(KIND[kind], through, family, 3))], 1,
                   {"uplink": [to_remote(KIND[kind], through, family, 2)]})
    there = udp(NEAR, FAR[2])
    expect("gre-checksum: to a remote by the pipeline", config("gre-checksum"), [("red0", there)], 0,
           {"uplink": [to_remote(KIND["gre-checksum"], there, 4, 2)]})


def access_ports():
    there, back = udp(NEAR, OTHER), udp(OTHER, NEAR)
    expect("an access port to a VLAN", config(), [("red0", there)], 1, {"trunk": [tagged(there, 10)]})
    expect("a VLAN to an access port", config(), [("trunk", tagged(back, 10))], 1, {"red0": [back]})
    expect("the tag's priority is not passed on", config(), [("trunk", tagged(back, 10, 5))], 1, {"red0": [back]})
    to_far, from_far = udp(OTHER, FAR[2]), udp(FAR[2], OTHER)
    expect("a VLAN to a remote", config(), [("trunk", tagged(to_far, 10))], 1,
           {"uplink": [to_remote(KIND["vxlan"], to_far, 4, 2)]})
    expect("a remote to a VLAN", config(), [("uplink", from_remote(KIND["vxlan"], from_far, 4, 2))], 1,
           {"trunk": [tagged(from_far, 10)]})
    arp = bytes(Ether(src=OTHER, dst=NEAR) / ARP(pdst="10.0.0.9"))
    expect("a frame that is not IP, from a VLAN", config(), [("trunk", tagged(arp, 10))], 1, {"red0": [arp]})
    arp = bytes(Ether(src=OTHER, dst=FAR[3]) / ARP(pdst="10.0.0.9"))
    expect("a frame that is not IP, from a VLAN to a remote", config(), [("trunk", tagged(arp, 10))], 1,
           {"uplink": [to_remote(KIND["vxlan"], arp, 4, 3)]})
    short = of_length(NEAR, FAR[2], 14)
    expect("14 bytes", config(), [("red0", short)], 1, {"uplink": [to_remote(KIND["vxlan"], short, 4, 2)]})
    carry = "    carry_vlans: true"
    there = tagged(udp(NEAR, FAR[2]), 77)
    expect("a network that carries tags", config(network=carry), [("red0", there)], 1,
           {"uplink": [to_remote(KIND["vxlan"], there, 4, 2)]})
    back = tagged(udp(FAR[2], NEAR), 77, kind=0x88A8)
    expect("a network that carries tags, from a remote", config(network=carry),
           [("uplink", from_remote(KIND["vxlan"], back, 4, 2))], 1, {"red0": [back]})


def left_at_access_ports():
    there = udp(NEAR, FAR[2])
    left = {
        "a broadcast": [("red0", udp(NEAR, BROADCAST))],
        "a destination that is not known": [("red0", udp(NEAR, host(9, 9)))],
        "a source that is not known": [("red0", udp(host(9, 9), FAR[2]))],
        "a source that is known elsewhere": [("red0", udp(OTHER, FAR[2]))],
        "a group as source": [("red0", udp("01:00:00:00:00:01", FAR[2]))],
        "no source": [("red0", udp("00:00:00:00:00:00", FAR[2]))],
        "a priority tag": [("red0", tagged(there, 0, 3))],
        "a VLAN without a member": [("trunk", tagged(there, 11))],
        "a second tag": [("trunk", tagged(tagged(udp(OTHER, NEAR), 7), 10))],
        "a destination at the same port": [("red0", udp(NEAR, NEAR))],
        "a frame that is too long": [("red0", of_length(NEAR, FAR[2], 1600))],
        "a runt": [("red0", there[:13])],
    }
    for name, burst in left.items():
        expect(f"{name} is left to the pipeline", config(), burst, 0)
    expect("a remote whose next hop is not known is left",
           config().replace(f'  - {{address: "{address(4, 2)}", mac: "{mac(2)}"}}\n', ""), [("red0", there)], 0)
    for df in ("clear", "inherit"):
        expect(f"a remote with `df: {df}` is left: its packets have numbers",
               config(remote=f", tunnel: {{df: {df}}}"), [("red0", there)], 0)


def outer_headers():
    kind = KIND["vxlan"]
    inner = udp(FAR[2], NEAR)
    good = from_remote(kind, inner, 4, 2)
    taken = {
        "padding behind the packet": good + bytes(6),
        "another DSCP": from_remote(kind, inner, 4, 2, tos=46 << 2),
        "a TTL of 1": from_remote(kind, inner, 4, 2, ttl=1),
        "a right UDP checksum": arriving(inner, chksum=None),
        "bytes behind the UDP datagram": arriving(inner + bytes(5), udp_fields={"len": 16 + len(inner)}),
        "flags beside I": arriving(inner, flags=0xFF),
    }
    for name, frame in taken.items():
        expect(f"{name}: taken", config(), [("uplink", frame)], 1, {"red0": [inner]})
    left = {
        "a wrong header checksum": (patched(good, 24, b"\1\2"), "ip_checksum"),
        "a wrong UDP checksum": (arriving(inner, chksum=0x1234), "udp_checksum"),
        "IP options": (arriving(inner, ip={"options": b"\1\1\1\0"}), ""),
        "another VNI": (arriving(inner, 101), "tunnel_id_unknown"),
        "another sender": (arriving(inner, remote=4), "remote_unknown"),
        "another UDP port": (arriving(inner, dport=4790), "udp_port_closed"),
        "no I flag": (arriving(inner, flags=0), "vxlan_no_vni"),
        "another MAC": (patched(good, 0, bytes.fromhex("020000000099")), "not_our_mac"),
        "another address": (arriving(inner, ip={"dst": "192.0.2.9"}), "ip_not_local"),
        "no address": (arriving(inner, ip={"dst": "0.0.0.0"}), "ip_not_local"),
        "a loopback source": (arriving(inner, ip={"src": "127.0.0.1"}), "ip_source"),
        "a UDP length beyond the packet": (arriving(inner, udp_fields={"len": 500}), "udp_length"),
        "a UDP length within VXLAN's header": (arriving(inner, udp_fields={"len": 12}), "vxlan_truncated"),
        "an IP length beyond the frame": (arriving(inner, ip={"len": 500}), "ip_total_length"),
        "an IP length within UDP's header": (arriving(inner, ip={"len": 24}), "udp_truncated"),
        "13 bytes inside": (arriving(inner[:13]), "inner_runt"),
        "a fragment": (arriving(inner, ip={"flags": "MF"}), None),
        "a tag inside": (arriving(tagged(inner, 7)), "vlan_in_network"),
        "a group inside": (arriving(udp(FAR[2], BROADCAST)), None),
        "a VLAN tag outside": (tagged(good, 5), "vlan_not_member"),
    }
    for name, (frame, drop) in left.items():
        expect(f"{name}: left to the pipeline", config(), [("uplink", frame)], 0, drop=drop)
    still = config(network="    learning: false")
    expect("a network that does not learn: taken", still, [("uplink", good)], 1, {"red0": [inner]})
    expect("a network that does not learn, from a source that is not known: taken", still,
           [("uplink", arriving(udp(host(9, 9), NEAR)))], 1, {"red0": [udp(host(9, 9), NEAR)]})
    expect("a network that does not learn, a tag inside: left", still, [("uplink", arriving(tagged(inner, 7)))], 0,
           drop="vlan_in_network")
    sum6 = from_remote(kind, inner, 6, 2)
    expect("a UDP checksum over IPv6: taken", config(family=6), [("uplink", sum6)], 1, {"red0": [inner]})
    expect("no address of IPv6: left", config(family=6),
           [("uplink", outer(kind, inner, 6, (address(6, 2), "::"), (mac(2), OUR_MAC)))], 0, drop="ip_not_local")
    expect("no UDP checksum over IPv6: left", config(family=6),
           [("uplink", from_remote(kind, inner, 6, 2, checksum=False))], 0, drop="udp_checksum")
    both = config("gre-key").replace("    static_macs:",
                                     '      - {address: 192.0.2.9, kind: nvgre, id: 5000}\n    static_macs:')
    expect("GRE with a key beside NVGRE: left, told by its sender", both,
           [("uplink", from_remote(KIND["gre-key"], inner, 4, 2))], 0, {"red0": [inner]})
    expect("GRE whose remote numbers its packets: left", config("gre", remote=", sequence: true"),
           [("uplink", from_remote(KIND["gre"], inner, 4, 2))], 0, drop="gre_sequence_missing")


def segments():
    """STT: frames of one segment are taken, all others left."""
    kind, inner, text = KIND["stt"], udp(FAR[2], NEAR), config("stt")

    def arriving_stt(frame, family=4, **fields):
        return stt_segments(frame, 65535, family, (address(family, 2), OURS[family]), (mac(2), OUR_MAC), **fields)[0]

    good = stt_frame(inner)
    for family in (4, 6):
        expect(f"IPv{family}, checksum verified by the sender: taken", config("stt", family),
               [("uplink", arriving_stt(stt_frame(inner, flags=1), family))], 1, {"red0": [inner]})
    left = {
        "half a frame": (stt_segments(good, 40, 4, (address(4, 2), OURS[4]), (mac(2), OUR_MAC))[0], None),
        "a tag beside the frame": (arriving_stt(stt_frame(inner, tci=0x1005)), "vlan_in_network"),
        "a wrong checksum": (arriving_stt(good, chksum=0x1234), "stt_checksum"),
        "another version": (arriving_stt(stt_frame(inner, version=1)), "stt_version"),
        "another context": (arriving_stt(stt_frame(inner, context_id=99)), "tunnel_id_unknown"),
        "another port": (arriving_stt(good, dport=7472), None),
        "a longer TCP-like header": (patched(arriving_stt(good), 46, bytes([0xF0])), None),
        "a length beyond the segment": (arriving_stt(good, length=len(good) + 1), None),
        "a length within it": (arriving_stt(good, length=len(good) - 1), "stt_length"),
        "13 bytes inside": (arriving_stt(stt_frame(inner[:13])), None),
        "an IP length within IP's header": (patched(arriving_stt(good), 16, b"\0\x0a"), None),
        "an IP length within the TCP-like header": (patched(arriving_stt(good), 16, b"\0\x1e"), None),
    }
    for name, (frame, drop) in left.items():
        expect(f"STT, {name}: left to the pipeline", text, [("uplink", frame)], 0, drop=drop)
    expect("STT, a pending offload: left", text,
           [("uplink", arriving_stt(stt_frame(inner, flags=6, l4_offset=34)))], 0)
    most = 1600 - 20 - 20 - 18
    for length, took in ((most, 1), (most + 1, 0)):
        expect(f"STT, {length} bytes to a remote", text, [("red0", of_length(NEAR, FAR[2], length))], took)
    carry = config("stt", network="    carry_vlans: true")
    expect("STT, a tagged frame to a remote: left", carry, [("red0", tagged(udp(NEAR, FAR[2]), 77))], 0)


def combined_fields():
    """What the outer header changes inside, and the other way round."""
    kind = KIND["vxlan"]
    for inner_ecn, outer_ecn, result in ((2, 3, 3), (1, 3, 3), (2, 1, 1), (2, 0, 2), (0, 2, 0)):
        expect(f"ECN {inner_ecn} inside, {outer_ecn} outside", config(),
               [("uplink", from_remote(kind, udp(FAR[2], NEAR, tos=inner_ecn), 4, 2, tos=outer_ecn))], 1,
               {"red0": [udp(FAR[2], NEAR, tos=result)]})
    expect("congestion that the inside cannot tell is dropped by the pipeline", config(),
           [("uplink", from_remote(kind, udp(FAR[2], NEAR), 4, 2, tos=3))], 0, drop="ecn_illegal")
    there = udp(NEAR, FAR[2], tos=46 << 2 | 2, ttl=33)
    expect("DSCP and TTL of the inside, out", config(remote=", tunnel: {dscp_mode: uniform, ttl_mode: uniform}"), [("red0", there)], 1,
           {"uplink": [to_remote(kind, there, 4, 2, tos=46 << 2 | 2, ttl=33)]})
    clamp = "    mss_clamp: true"

    def syn(src, dst, mss):
        return bytes(Ether(src=src, dst=dst) / IP(src="10.0.0.1", dst="10.0.0.2") /
                     TCP(flags="S", options=[("MSS", mss)]))
    expect("the MSS of a SYN to a remote", config(network=clamp), [("red0", syn(NEAR, FAR[2], 9000))], 1)
    expect("the MSS of a SYN from a remote", config(network=clamp),
           [("uplink", from_remote(kind, syn(FAR[2], NEAR, 9000), 4, 2))], 1)


def keeps_order():
    """A frame that the pipeline takes stays before those that come behind it."""
    kind = KIND["vxlan"]

    def numbered(number, src, dst):
        return udp(src, dst, size=2 + number)

    def burst(make_odd, make_plain):
        return [make_odd(n) if n % 5 == 3 else make_plain(n) for n in range(24)]

    def out_numbers(run, port, strip):
        return [len(frame) - strip - 44 for time, frame in run.outputs[port] if time > START_NS + 10 * MS - 1]

    ways = {
        "priority tags at an access port": (
            burst(lambda n: ("red0", tagged(numbered(n, NEAR, OTHER), 0)), lambda n: ("red0", numbered(n, NEAR, OTHER))),
            "trunk", 4),
        "IP options outside": (
            burst(lambda n: ("uplink", arriving(numbered(n, FAR[2], NEAR), ip={"options": b"\1\1\1\0"})),
                  lambda n: ("uplink", arriving(numbered(n, FAR[2], NEAR)))), "red0", 0),
        "priority tags inside of a tunnel": (
            burst(lambda n: ("uplink", arriving(tagged(numbered(n, FAR[2], NEAR), 0))),
                  lambda n: ("uplink", arriving(numbered(n, FAR[2], NEAR)))), "red0", 0),
    }
    for name, (frames, port, strip) in ways.items():
        run, problems = replay(config(), frames)
        numbers = out_numbers(run, port, strip)
        if numbers != list(range(24)):
            problems.append(f"sent in the order {numbers}")
        if run.report["worker"]["express"] != 3:
            problems.append(f"{run.report['worker']['express']} took the lane, not the first 3")
        tap.result(f"{name}: a flow keeps its order in a burst", problems)
    mixed = [("red0", tagged(udp(NEAR, OTHER), 0)), ("red0", udp(NEAR, FAR[2])), ("red0", udp(NEAR, FAR[3]))]
    run, problems = replay(config(), mixed)
    if run.report["worker"]["express"] == 0:
        problems.append("frames to others did not take the lane")
    tap.result("frames to others pass one that is left", problems)


def tenants():
    """The same MACs in another network are of that one."""
    text = config(extra="""  blue:
    vni: 200
    members: [{port: trunk, vlan: 20}]
    remotes: [{address: 192.0.2.2}]
    static_macs:
      - {mac: "%s", remote: 192.0.2.2}
      - {mac: "%s", port: trunk, vlan: 20}
""" % (FAR[2], NEAR))
    frame = udp(NEAR, FAR[2])
    back = udp(FAR[2], NEAR)
    expect("a network's frames stay in it, out", text, [("red0", frame), ("trunk", tagged(frame, 20))], 2,
           {"uplink": [encapsulated_in(frame, 100), encapsulated_in(frame, 200)]})
    expect("a network's frames stay in it, in", text, [("uplink", arriving(back)), ("uplink", arriving(back, 200))], 2,
           {"red0": [back], "trunk": [tagged(back, 20)]})


def encapsulated_in(frame, vni):
    class AnyPort:
        def build(self, got):
            wanted = encapsulated(frame, vni).frame
            return wanted[:34] + got[34:36] + wanted[36:]
    return AnyPort()


def gateway():
    text = config(extra=f'''vrfs:
  red:
    networks:
      red: {{mac: "{GATEWAY}", addresses: [10.0.0.254/24]}}
''')
    expect("frames to the gateway are left", text, [("red0", udp(NEAR, GATEWAY))], 0)
    expect("frames from its MAC are left", text, [("red0", udp(GATEWAY, FAR[2]))], 0)
    expect("frames beside it are taken", text, [("red0", udp(NEAR, FAR[2]))], 1)


if __name__ == "__main__":
    main(every_kind, access_ports, left_at_access_ports, outer_headers, segments, combined_fields, keeps_order, tenants, gateway)
