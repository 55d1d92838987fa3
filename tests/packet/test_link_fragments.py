# SPDX-License-Identifier: Apache-2.0
"""Fragments from link-local addresses, to which no route leads, on every kind of link: put together also behind
extension headers, and errors about those that are wrong or incomplete go back by the link."""

from fragments import joined
from harness import main, tap
from nd_frames import echo6, in_fragments, solicitation
from nd_links import *
from scapy.layers.inet6 import ICMPv6ParamProblem, ICMPv6TimeExceeded, IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import Ether
from scapy.packet import Raw

THERE = "fe80::9"
LONG = bytes(range(256)) * 8
ECHO = bytes((128, 0)) + LONG  # about an error there is none
LATER_MS = 3000  # by default a datagram has to be complete within a second


def inside(answers, link):
    """Without VLAN's tag, or VXLAN's headers."""
    port = LINKS[link][0]
    cut = {"a VLAN": lambda frame: frame[:12] + frame[16:], "a network's gateway": lambda frame: frame[50:]}
    return [cut.get(link, bytes)(frame) if out == port else (out, frame) for out, frame in answers]


def error(mac, ours, about, problem):
    """`about`: the frame."""
    return bytes(Ether(src=mac, dst=HOST_MAC) / IPv6(src=ours, dst=THERE, hlim=64) / problem / Raw(about[14:][:1280 - 48]))


def check(name, link, sent, want, reason, each_ms=20):
    port, wrap = LINKS[link][:2]
    got, drops, problems = answers_to(port, [wrap(frame) for frame in sent], each_ms=each_ms)
    left = [frame for answers in got for frame in inside(answers, link)]
    if left != want:
        problems.append(f"left: {[Ether(frame) for frame in left]}, wanted: {[Ether(frame) for frame in want]}")
    if drops != reason:
        problems.append(f"drops: {drops}, wanted: {reason}")
    tap.result(f"{link}: {name}", problems)


def wrong():
    for link, (_, _, mac, ours, host) in LINKS.items():
        def piece(offset, more, size, dst=ours, mac=mac):
            return bytes(Ether(src=HOST_MAC, dst=mac) / IPv6(src=THERE, dst=dst) /
                         IPv6ExtHdrFragment(nh=58, id=77, offset=offset, m=more) / Raw(ECHO[:size]))
        for name, one, pointer in (("odd", piece(0, 1, 1001), 4), ("a later one odd", piece(9, 1, 9), 4),
                                   ("beyond 64 KiB", piece(8191, 0, 8), 42)):
            check(name, link, [one], [error(mac, ours, one, ICMPv6ParamProblem(code=0, ptr=pointer))], {"fragment_length": 1})
        if link != "underlay":
            check("odd, to nobody's address", link, [piece(0, 1, 1001, dst=host)], [], {"fragment_length": 1})


def incomplete():
    for link, (_, _, mac, ours, host) in LINKS.items():
        first, later = in_fragments(echo6(128, HOST_MAC, mac, THERE, ours, data=LONG))
        known = solicitation(HOST_MAC, host, ours)  # its answer shows that time went on
        for name, parts, want in (
                ("the first fragment alone", [first], [error(mac, ours, first, ICMPv6TimeExceeded(code=1))]),
                ("a later fragment alone", [later], [])):
            port, wrap = LINKS[link][:2]
            got, drops, problems = answers_to(port, [wrap(frame) for frame in (*parts, known)], each_ms=LATER_MS)
            left = inside(got[0], link)
            if left != want or not got[1] or drops != {"ip_reassembly": 1}:
                problems.append(f"left: {[Ether(frame) for frame in left]}, wanted: {want}; then {len(got[1])}; drops: {drops}")
            tap.result(f"{link}: {name}", problems)


def behind_headers():
    for link, (port, wrap, mac, ours, _) in LINKS.items():
        plain = in_fragments(echo6(128, HOST_MAC, mac, THERE, ours, data=LONG))
        known = solicitation(HOST_MAC, THERE, ours)
        for name, headers in (("hop-by-hop options", [(HOP_BY_HOP, PADDED)]),
                              ("destination options", [(DESTINATION, LIMIT)])):
            sent = [known, *plain, *(extended(part, headers) for part in plain)]
            got, drops, problems = answers_to(port, [wrap(frame) for frame in sent])
            want, answers = ([IPv6(frame[14:]) for frame in inside(one, link)] for one in (got[2], got[4]))
            # As large as the fragments that came, so that they are others.
            if len(want) < 2 or not joined(want)[0] or joined(want)[0] != joined(answers)[0] or got[1] or got[3] or drops:
                problems.append(f"{len(want)} answers without, {len(answers)} with them; drops: {drops}")
            tap.result(f"{link}: echo in fragments behind {name}", problems)


main(wrong, incomplete, behind_headers)
