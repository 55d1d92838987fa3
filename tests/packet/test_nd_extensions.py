# SPDX-License-Identifier: Apache-2.0
"""Neighbour discovery, and echo that stays on its link, behind IPv6 extension headers (RFC 8200 section 4): answered as without
them, on every kind of link. Behind a fragment header discovery is dropped (RFC 6980)."""

from harness import main, tap
from nd_frames import echo6, solicitation
from nd_links import *
from scapy.layers.inet6 import ICMPv6ND_RS, IPv6
from scapy.layers.l2 import Ether

MUST_BE_KNOWN = bytes((0, 0, 0x9E, 4, 0, 0, 0, 0))
VARIANTS = {
    "hop-by-hop options": [(HOP_BY_HOP, PADDED)],
    "destination options": [(DESTINATION, LIMIT)],
    "both": [(HOP_BY_HOP, PADDED), (DESTINATION, PADDED)],
    "a routing header without segments left": [(ROUTING, NO_SEGMENTS)],
}


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
