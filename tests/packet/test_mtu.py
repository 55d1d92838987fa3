# SPDX-License-Identifier: Apache-2.0
"""The MTU of the way out: the exact fit passes, one byte more is dropped by name."""

from frames import *
from harness import Scenario, main

NEAR, FAR, MID = host(10, 12), host(10, 2), host(10, 13)
OVERHEAD = 50


def sizes(name, uplink_mtu, access_mtu):
    config = f"""
ports:
  uplink:
    device: tap:up0
    mtu_bytes: {uplink_mtu}
    mac: "02:00:00:00:00:01"
    addresses: [192.0.2.1/24]
  red0: {{device: tap:red0, mtu_bytes: {access_mtu}}}
  trunk: {{device: tap:trunk0, mtu_bytes: {access_mtu}}}
  wide: {{device: tap:wide0, mtu_bytes: 9600}}
""" + NEIGHBOURS + """
networks:
  red:
    vni: 100
    members: [{port: red0}, {port: trunk, vlan: 10}, {port: wide}]
    remotes: [{address: 192.0.2.2}]
    static_macs:
      - {mac: "02:00:00:00:0a:02", remote: 192.0.2.2}
      - {mac: "02:00:00:00:0a:0c", port: red0}
      - {mac: "02:00:00:00:0a:0d", port: trunk, vlan: 10}
  carry:
    vni: 200
    carry_vlans: true
    members: [{port: trunk, vlan: 20}, {port: wide, vlan: 20}]
    remotes: [{address: 192.0.2.2}]
    static_macs:
      - {mac: "02:00:00:00:0a:02", remote: 192.0.2.2}
      - {mac: "02:00:00:00:0a:0c", port: trunk, vlan: 20}
"""
    run = Scenario(name, config, ["uplink", "red0", "trunk", "wide"])
    # The MTU is the IP packet's size: 14 bytes of Ethernet come on top, inside and outside.
    fits = uplink_mtu + 14 - OVERHEAD

    def to_remote(length):
        return of_length(NEAR, FAR, length)

    run.case(f"{fits} bytes into the tunnel", ("wide", to_remote(fits)),
             {"uplink": encapsulated(to_remote(fits))})
    run.case(f"{fits + 1} bytes into the tunnel", ("wide", to_remote(fits + 1)),
             drop="mtu_exceeded")
    carried = tagged(to_remote(fits - 4), 30)
    run.case("a carried tag counts in the tunnel", ("wide", tagged(carried, 20)),
             {"uplink": encapsulated(carried, 200)})
    carried = tagged(to_remote(fits - 3), 30)
    run.case("one byte more with a carried tag", ("wide", tagged(carried, 20)),
             drop="mtu_exceeded")

    fits = access_mtu + 14
    for member, mac, out in (("red0", NEAR, lambda frame: frame),
                             ("trunk", MID, lambda frame: tagged(frame, 10))):
        frame = of_length(host(1, 1), mac, fits)
        run.case(f"{fits} bytes to {member}", ("wide", frame), {member: out(frame)})
        frame = of_length(host(1, 1), mac, fits + 1)
        run.case(f"{fits + 1} bytes to {member}", ("wide", frame), drop="mtu_exceeded")
    frame = tagged(of_length(host(1, 1), NEAR, fits), 30)
    run.case("a carried tag does not count at a member", ("wide", tagged(frame, 20)),
             {"trunk": tagged(frame, 20)})

    out_of_tunnel = min(fits, uplink_mtu + 14 - OVERHEAD)
    frame = of_length(FAR, NEAR, out_of_tunnel)
    run.case(f"{out_of_tunnel} bytes out of the tunnel", ("uplink", arriving(frame)),
             {"red0": frame})
    if uplink_mtu - OVERHEAD >= access_mtu:
        frame = of_length(FAR, NEAR, fits + 1)
        run.case(f"{fits + 1} bytes out of the tunnel", ("uplink", arriving(frame)),
                 drop="mtu_exceeded")
    run.run()


def common():
    sizes("1500 inside 1550", 1550, 1500)


def narrow():
    sizes("1500 inside 1500", 1500, 1500)


def jumbo():
    sizes("9000 inside 9050", 9050, 9000)


def same_jumbo():
    sizes("9000 inside 9000", 9000, 9000)


def smallest():
    sizes("576 inside 626", 626, 576)


if __name__ == "__main__":
    main(common, narrow, jumbo, same_jumbo, smallest)
