# SPDX-License-Identifier: Apache-2.0
"""Neighbour discovery, and echo that stays on its link, behind IPv6 extension headers (RFC 8200 section 4): answered as without
them, on every kind of link. Behind a fragment header discovery is dropped (RFC 6980)."""

import frames
from harness import MS, START_NS, accounting_problems, main, run_replay, tap
from nd_frames import echo6, solicitation
from scapy.layers.inet6 import ICMPv6ND_RS, IPv6
from scapy.layers.l2 import Ether

CONFIG = """
ports:
  up: {device: tap:up0, mac: "02:00:00:00:00:01", addresses: [192.0.2.1/24, "2001:db8::1/64"]}
  edge0: {device: tap:edge0, mac: "02:00:00:00:00:b1", addresses: ["fd01::fe/64"]}
  trunk: {device: tap:trunk, mac: "02:00:00:00:00:b3"}
neighbours:
  - {address: 192.0.2.2, mac: "02:00:00:00:00:02"}
networks: {red: {vni: 100, remotes: [{address: 192.0.2.2}]}}
vrfs:
  blue:
    ports: [edge0]
    vlans: [{port: trunk, vlan: 10, addresses: ["fd03::fe/64"]}]
    networks: {red: {mac: "02:00:00:00:00:b4", addresses: ["fd04::fe/64"]}}
"""
OUTPUTS = ["up", "edge0", "trunk"]
HOST_MAC = "02:00:00:00:0a:01"
# Each with the next one's number at its start.
HOP_BY_HOP, DESTINATION, ROUTING, FRAGMENT = 0, 60, 43, 44
PADDED, LIMIT = bytes((0, 0, 1, 4, 0, 0, 0, 0)), bytes((0, 0, 4, 1, 4, 1, 1, 0))
NO_SEGMENTS, ATOMIC = bytes((0, 0, 0, 0, 0, 0, 0, 0)), bytes((0, 0, 0, 0, 0, 0, 0, 9))
MUST_BE_KNOWN = bytes((0, 0, 0x9E, 4, 0, 0, 0, 0))
VARIANTS = {
    "hop-by-hop options": [(HOP_BY_HOP, PADDED)],
    "destination options": [(DESTINATION, LIMIT)],
    "both": [(HOP_BY_HOP, PADDED), (DESTINATION, PADDED)],
    "a routing header without segments left": [(ROUTING, NO_SEGMENTS)],
}


def extended(frame, headers):
    """The headers stand behind the IPv6 header of an untagged frame."""
    data = bytearray(frame)
    number, chain = data[20], b""
    for kind, header in reversed(headers):
        chain = bytes((number,)) + header[1:] + chain
        number = kind
    data[20] = number
    data[18:20] = (int.from_bytes(data[18:20], "big") + len(chain)).to_bytes(2, "big")
    return bytes(data[:54]) + chain + bytes(data[54:])


def in_vlan(frame):
    return frame[:12] + bytes((0x81, 0, 0, 10)) + frame[12:]


def by_vxlan(frame):
    return frames.arriving(frame, 100, 2)


# Of each kind of link: the port, how frames come in, our MAC, our address, and a host's.
LINKS = {
    "underlay": ("up", lambda frame: frame, "02:00:00:00:00:01", "2001:db8::1", "2001:db8::9"),
    "a VRF's port": ("edge0", lambda frame: frame, "02:00:00:00:00:b1", "fd01::fe", "fd01::9"),
    "a VLAN": ("trunk", in_vlan, "02:00:00:00:00:b3", "fd03::fe", "fd03::9"),
    "a network's gateway": ("up", by_vxlan, "02:00:00:00:00:b4", "fd04::fe", "fd04::9"),
}


def answers_to(port, sent, config=CONFIG):
    """What leaves within 20 ms of each frame, what was dropped, and what is wrong with the run."""
    # After an empty frame, adit announces its addresses for a while.
    times = [START_NS + (10_000 + 20 * number) * MS for number in range(len(sent))]
    run = run_replay(config, {port: [(START_NS, b""), *zip(times, sent)]}, OUTPUTS)
    drops = {reason: count for reason, count in run.report["drop_counts"].items() if reason != "runt_frame"}
    return [sorted((out, bytes(frame)) for out in OUTPUTS for when, frame in run.outputs[out] if at <= when < at + 20 * MS)
            for at in times], drops, accounting_problems(run)


def without_source_port(answers):
    """VXLAN's has a hash of the inner headers."""
    return [(out, frame[:34] + bytes(2) + frame[36:]) if frame[12:14] == b"\x08\x00" else (out, frame) for out, frame in answers]


def same_as_plain(name, link, plain, before=()):
    """`before`: frames that come first, as they are."""
    port, wrap = LINKS[link][:2]
    sent = [*before, plain, *(extended(plain, headers) for headers in VARIANTS.values())]
    got, drops, problems = answers_to(port, [wrap(frame) for frame in sent])
    want, *others = got[len(before):]
    if not want:
        problems.append(f"nothing answers the plain one; drops: {drops}")
    for variant, answers in zip(VARIANTS, others):
        if without_source_port(answers) != without_source_port(want):
            problems.append(f"with {variant}: {len(answers)} answers, {len(want)} without; drops: {drops}")
    tap.result(f"{link}: {name}", problems)


def solicitations():
    for link, (_, _, mac, ours, host) in LINKS.items():
        same_as_plain("a solicitation to the group", link, solicitation(HOST_MAC, host, ours))
        same_as_plain("a solicitation to us alone", link, solicitation(HOST_MAC, host, ours, dst_mac=mac, dst=ours))
    router = bytes(Ether(src=HOST_MAC, dst="33:33:00:00:00:02") / IPv6(src="fe80::9", dst="ff02::2", hlim=255) / ICMPv6ND_RS())
    # It is answered within half a second, beside those that come unasked: taken is enough here.
    config = CONFIG.replace('["fd01::fe/64"]', '["fd01::fe/64"], router_advertisements: {}')
    _, drops, problems = answers_to("edge0", [router] + [extended(router, headers) for headers in VARIANTS.values()], config)
    tap.result("a VRF's port: router solicitations", problems + ([f"drops: {drops}"] if drops else []))


def echo_on_the_link():
    for link, (_, _, mac, ours, _) in LINKS.items():
        # The host's address is found out first.
        same_as_plain("echo from a link-local address", link, echo6(128, HOST_MAC, mac, "fe80::9", ours),
                      [solicitation(HOST_MAC, "fe80::9", ours)])


def refused():
    for link, (port, wrap, _, ours, host) in LINKS.items():
        frame = solicitation(HOST_MAC, host, ours)
        for name, headers, reasons in (("a fragment header", [(FRAGMENT, ATOMIC)], {"nd_malformed"}),
                                       ("hop-by-hop options and a fragment header", [(HOP_BY_HOP, PADDED), (FRAGMENT, ATOMIC)],
                                        {"nd_malformed"}),
                                       ("an option that must be known", [(DESTINATION, MUST_BE_KNOWN)],
                                        {"not_our_mac", "ip_not_local", "flood_no_member"})):
            got, drops, problems = answers_to(port, [wrap(extended(frame, headers))])
            if got[0] or len(drops) != 1 or not reasons | {"flood_no_member"} >= set(drops) or set(drops.values()) != {1}:
                problems.append(f"{len(got[0])} answers, drops: {drops}")
            tap.result(f"{link}: a solicitation behind {name}", problems)


main(solicitations, echo_on_the_link, refused)
