# SPDX-License-Identifier: Apache-2.0
"""The bridge of a network: learning, moves, ageing, limits, static entries, split horizon."""

from frames import *
from harness import MS, SECOND, Scenario, main

PORTS_YAML = UPLINK + """
  red0: {device: tap:red0}
  red1: {device: tap:red1}
  trunk: {device: tap:trunk0}
"""
RED = NEIGHBOURS + """
networks:
  red:
    vni: 100
    members: [{port: red0}, {port: red1}, {port: trunk, vlan: 10}]
    remotes: [{address: 192.0.2.2}, {address: 192.0.2.3}]
"""
PORTS = ["uplink", "red0", "red1", "trunk"]
A, B, C, D, X = (host(1, n) for n in range(1, 6))


def everywhere(frame, but, vni=100):
    """What flooding gives: a copy for each place but the one where it came from."""
    out = {"red0": [frame], "red1": [frame], "trunk": [tagged(frame, 10)],
           "uplink": [encapsulated(frame, vni, 2), encapsulated(frame, vni, 3)]}
    out.pop(but, None)
    return out


def learning():
    run = Scenario("learning", PORTS_YAML + RED, PORTS)
    run.case("unknown destination: flooded to all members and remotes", ("red0", udp(A, B)),
             everywhere(udp(A, B), "red0"))
    run.case("the answer goes to where A was seen", ("red1", udp(B, A)), {"red0": udp(B, A)})
    run.case("and back", ("red0", udp(A, B)), {"red1": udp(A, B)})
    run.case("a remote is learned: not flooded to other remotes",
             ("uplink", arriving(udp(C, BROADCAST), remote=2)),
             {"red0": udp(C, BROADCAST), "red1": udp(C, BROADCAST),
              "trunk": tagged(udp(C, BROADCAST), 10)})
    run.case("unicast to it takes its tunnel only", ("red0", udp(A, C)),
             {"uplink": encapsulated(udp(A, C), 100, 2)})
    run.case("a tagged member is learned", ("trunk", tagged(udp(D, A), 10)), {"red0": udp(D, A)})
    run.case("unicast to it gets its tag", ("red0", udp(A, D)), {"trunk": tagged(udp(A, D), 10)})
    run.case("remote to tagged member", ("uplink", arriving(udp(C, D))),
             {"trunk": tagged(udp(C, D), 10)})
    run.case("destination on the side where the frame came from", ("red0", udp(X, A)),
             drop="destination_is_source")
    run.case("destination behind the same remote", ("uplink", arriving(udp(X, C))),
             drop="destination_is_source")
    run.case("destination behind another remote", ("uplink", arriving(udp(X, C), remote=3)),
             drop="split_horizon")
    run.case("unknown unicast from a remote goes to members only",
             ("uplink", arriving(udp(C, host(1, 99)))),
             {"red0": udp(C, host(1, 99)), "red1": udp(C, host(1, 99)),
              "trunk": tagged(udp(C, host(1, 99)), 10)})
    run.run()


def moves():
    run = Scenario("moves", PORTS_YAML + RED, PORTS)
    hello = udp(A, BROADCAST)
    run.case("A appears on red0", ("red0", hello), everywhere(hello, "red0"))
    run.case("and is found there", ("red1", udp(B, A)), {"red0": udp(B, A)})
    run.case("A moves to the trunk", ("trunk", tagged(hello, 10)), everywhere(hello, "trunk"))
    run.case("and is found there", ("red1", udp(B, A)), {"trunk": tagged(udp(B, A), 10)})
    local = {"red0": [hello], "red1": [hello], "trunk": [tagged(hello, 10)]}
    run.case("A moves behind remote 2", ("uplink", arriving(hello, remote=2)), local)
    run.case("and is found there", ("red1", udp(B, A)),
             {"uplink": encapsulated(udp(B, A), 100, 2)})
    run.case("A moves from remote 2 to remote 3", ("uplink", arriving(hello, remote=3)), local)
    run.case("and is found there", ("red1", udp(B, A)),
             {"uplink": encapsulated(udp(B, A), 100, 3)})
    run.case("A moves back to red0", ("red0", hello), everywhere(hello, "red0"))
    run.case("and is found there", ("red1", udp(B, A)), {"red0": udp(B, A)})
    for turn in range(3):
        run.case(f"flapping within a second, {turn}: to red1", ("red1", hello),
                 everywhere(hello, "red1"), wait_ns=MS)
        run.case(f"flapping within a second, {turn}: found there", ("trunk", tagged(udp(B, A), 10)),
                 {"red1": udp(B, A)}, wait_ns=MS)
        run.case(f"flapping within a second, {turn}: to red0", ("red0", hello),
                 everywhere(hello, "red0"), wait_ns=MS)
        run.case(f"flapping within a second, {turn}: found back", ("trunk", tagged(udp(B, A), 10)),
                 {"red0": udp(B, A)}, wait_ns=MS)
    run.run()


def ageing():
    run = Scenario("ageing", PORTS_YAML + RED + "    mac_aging_s: 20\n", PORTS)
    hello = udp(A, BROADCAST)
    run.case("A appears", ("red0", hello), everywhere(hello, "red0"))
    run.case("known after 10 s", ("red1", udp(B, A)), {"red0": udp(B, A)}, wait_ns=10 * SECOND)
    run.case("known after 19 s", ("red1", udp(B, A)), {"red0": udp(B, A)}, wait_ns=9 * SECOND)
    run.case("forgotten after 22.5 s: being a destination keeps nobody alive",
             ("red1", udp(B, A)), everywhere(udp(B, A), "red1"), wait_ns=3500 * MS)
    run.case("A is learned again", ("red0", hello), everywhere(hello, "red0"))
    for turn in range(1, 5):
        run.case(f"A speaks every 15 s, {turn}", ("red0", udp(A, B)), {"red1": udp(A, B)},
                 wait_ns=15 * SECOND - 20 * MS)
        run.case(f"and B too, {turn}: A is known", ("red1", udp(B, A)), {"red0": udp(B, A)})
    run.case("after an hour of silence A is forgotten", ("red1", udp(B, A)),
             everywhere(udp(B, A), "red1"), wait_ns=3600 * SECOND)
    run.case("and after a year B", ("red0", udp(A, B)), everywhere(udp(A, B), "red0"),
             wait_ns=365 * 86400 * SECOND)
    run.run()


def static_entries():
    config = PORTS_YAML + RED + """
    static_macs:
      - {mac: "02:00:00:00:01:01", port: red0}
      - {mac: "02:00:00:00:01:02", remote: 192.0.2.3}
      - {mac: "02:00:00:00:01:03", port: trunk, vlan: 10}
    mac_aging_s: 10
"""
    run = Scenario("static", config, PORTS)
    run.case("known from the start: member", ("red1", udp(X, A)), {"red0": udp(X, A)})
    run.case("known from the start: remote", ("red1", udp(X, B)),
             {"uplink": encapsulated(udp(X, B), 100, 3)})
    run.case("known from the start: tagged member", ("red1", udp(X, C)),
             {"trunk": tagged(udp(X, C), 10)})
    run.case("its MAC as source elsewhere passes", ("red1", udp(A, C)),
             {"trunk": tagged(udp(A, C), 10)})
    run.case("but does not move it", ("trunk", tagged(udp(X, A), 10)), {"red0": udp(X, A)})
    run.case("nor does a remote", ("uplink", arriving(udp(A, C))), {"trunk": tagged(udp(A, C), 10)})
    run.case("it is still there", ("red1", udp(X, A)), {"red0": udp(X, A)})
    run.case("and after a day", ("red1", udp(X, A)), {"red0": udp(X, A)}, wait_ns=86400 * SECOND)
    run.run()


def limits():
    run = Scenario("mac_limit", PORTS_YAML + RED + "    mac_limit: 2\n    mac_aging_s: 10\n", PORTS)
    for number, name in ((1, "first"), (2, "second"), (3, "third")):
        run.case(f"the {name} MAC appears", ("red0", udp(host(2, number), BROADCAST)),
                 everywhere(udp(host(2, number), BROADCAST), "red0"))
    for number in (1, 2):
        frame = udp(host(2, 9), host(2, number))
        run.case(f"MAC {number} was learned", ("red1", frame), {"red0": frame})
    run.case("the third was not", ("trunk", tagged(udp(host(2, 9), host(2, 3)), 10)),
             everywhere(udp(host(2, 9), host(2, 3)), "trunk"))
    run.case("a known one may still move", ("trunk", tagged(udp(host(2, 2), BROADCAST), 10)),
             everywhere(udp(host(2, 2), BROADCAST), "trunk"))
    run.case("and is found", ("red0", udp(host(2, 3), host(2, 2))),
             {"trunk": tagged(udp(host(2, 3), host(2, 2)), 10)})
    run.case("when the old ones have aged there is room", ("red0", udp(host(2, 3), BROADCAST)),
             everywhere(udp(host(2, 3), BROADCAST), "red0"), wait_ns=15 * SECOND)
    run.case("and the third is known", ("red1", udp(host(2, 9), host(2, 3))),
             {"red0": udp(host(2, 9), host(2, 3))})
    run.run()

    run = Scenario("mac_limit 0", PORTS_YAML + RED + "    mac_limit: 0\n", PORTS)
    run.case("A appears", ("red0", udp(A, B)), everywhere(udp(A, B), "red0"))
    run.case("A is not learned", ("red1", udp(B, A)), everywhere(udp(B, A), "red1"))
    run.run()

    run = Scenario("learning: false", PORTS_YAML + RED + """
    learning: false
    static_macs: [{mac: "02:00:00:00:01:02", port: red1}]
""", PORTS)
    run.case("A appears", ("red0", udp(A, X)), everywhere(udp(A, X), "red0"))
    run.case("A is not learned", ("red1", udp(X, A)), everywhere(udp(X, A), "red1"))
    run.case("static entries count", ("red0", udp(A, B)), {"red1": udp(A, B)})
    run.run()


def tenants():
    """The same MACs and IP addresses in two networks, on shared ports and remotes."""
    config = PORTS_YAML + """
  blue0: {device: tap:blue0}
""" + RED + """
  blue:
    vni: 200
    members: [{port: blue0}, {port: trunk, vlan: 20}]
    remotes: [{address: 192.0.2.2}, {address: 192.0.2.3}]
"""
    run = Scenario("tenants", config, [*PORTS, "blue0"])
    hello = udp(A, BROADCAST)
    run.case("A of red on red0", ("red0", hello), everywhere(hello, "red0"))
    run.case("A of blue behind remote 2", ("uplink", arriving(hello, 200, 2)),
             {"blue0": hello, "trunk": tagged(hello, 20)})
    run.case("B of red speaks to A of red", ("trunk", tagged(udp(B, A), 10)), {"red0": udp(B, A)})
    run.case("B of blue speaks to A of blue", ("trunk", tagged(udp(B, A), 20)),
             {"uplink": encapsulated(udp(B, A), 200, 2)})
    run.case("A of red behind the same remote does not move A of blue",
             ("uplink", arriving(udp(A, B), 100, 3)), {"trunk": tagged(udp(A, B), 10)})
    run.case("A of red is found there", ("red1", udp(C, A)),
             {"uplink": encapsulated(udp(C, A), 100, 3)})
    run.case("A of blue where it was", ("blue0", udp(C, A)),
             {"uplink": encapsulated(udp(C, A), 200, 2)})
    run.case("flooding stays inside a network", ("blue0", udp(C, BROADCAST)),
             {"trunk": tagged(udp(C, BROADCAST), 20),
              "uplink": [encapsulated(udp(C, BROADCAST), 200, n) for n in (2, 3)]})
    run.run()


def addresses():
    run = Scenario("addresses", PORTS_YAML + RED, PORTS)
    for last in range(16):
        run.case(f"link-local multicast 01:80:c2:00:00:{last:02x}",
                 ("red0", of_length(A, f"01:80:c2:00:00:{last:02x}", 60, kind=38)),
                 drop="link_local_multicast")
    for group in ("01:80:c2:00:00:10", "01:80:c2:00:01:00", "01:80:c3:00:00:00",
                  "01:00:5e:00:00:01", "33:33:00:00:00:01", "03:00:00:00:00:01"):
        run.case(f"group {group} is flooded", ("red0", udp(A, group)),
                 everywhere(udp(A, group), "red0"))
    run.case("link-local multicast from a remote",
             ("uplink", arriving(of_length(A, "01:80:c2:00:00:00", 60, kind=38))),
             drop="link_local_multicast")
    run.case("link-local multicast by VLAN",
             ("trunk", tagged(of_length(A, "01:80:c2:00:00:02", 60, kind=0x8809), 10)),
             drop="link_local_multicast")
    nobody = "00:00:00:00:00:00"
    for source in ("01:00:00:00:00:01", BROADCAST, nobody, "33:33:00:00:00:01"):
        run.case(f"source {source}", ("red0", udp(source, B)), drop="source_mac_invalid")
    run.case("unknown destination that is all zero is flooded", ("red0", udp(A, nobody)),
             everywhere(udp(A, nobody), "red0"))
    run.case("the uplink's own MAC is a host like any other inside", ("red0", udp(A, OUR_MAC)),
             everywhere(udp(A, OUR_MAC), "red0"))
    for length in range(14):
        run.case(f"frame of {length} bytes", ("red0", udp(A, B)[:length]), drop="runt_frame")
    run.case("frame of 14 bytes is flooded", ("red0", udp(A, B)[:14]),
             everywhere(udp(A, B)[:14], "red0"))
    run.run()


if __name__ == "__main__":
    main(learning, moves, ageing, static_entries, limits, tenants, addresses)
