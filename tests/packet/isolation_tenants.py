# SPDX-License-Identifier: Apache-2.0
"""Two tenants on one gateway, with the same addresses and a configuration that has something of everything."""

OUR_MAC, OUR_IP, OUR_IP6 = "02:00:00:00:00:01", "192.0.2.1", "2001:db8::1"


class Tenant:
    """Names, ids and remotes of a tenant; the addresses of all tenants are the same."""

    def __init__(self, letter, number):
        self.letter, self.number = letter, number
        self.edge, self.back, self.net = f"{letter}0", f"{letter}1", f"{letter}n"
        self.vni = 100 * number
        # VXLAN, STT, GRE of the VRF, IPIP of the VRF, NVGRE, GRE, and Geneve over IPv6
        self.remotes = [10 * number + i for i in range(7)]
        self.vlan = number  # of the trunk that both have
        self.edge_mac, self.back_mac = (f"02:00:00:00:{number:02x}:b{i}" for i in (1, 2))
        self.client_mac = f"02:00:00:00:{number:02x}:0a"

    def remote(self, index):
        return f"192.0.2.{self.remotes[index]}"

    def remote6(self, index):
        return f"2001:db8::{self.remotes[index]:x}"

    def remote_mac(self, index):
        return f"02:00:00:00:00:{self.remotes[index]:02x}"

    def host_mac(self, number):
        return f"02:00:00:00:aa:{number:02x}"  # of the same MACs as the others'

    def ports(self):
        return f"""
  {self.edge}: {{device: tap:{self.edge}, mac: "{self.edge_mac}", addresses: [10.1.0.254/24, "fd01::fe/64"]}}
  {self.back}: {{device: tap:{self.back}, mac: "{self.back_mac}", mtu_bytes: 1400, addresses: [10.2.0.254/16, "fd02::fe/64"]}}
  {self.net}: {{device: tap:{self.net}, mtu_bytes: 9000}}"""

    def neighbours(self):
        return "".join(f'\n  - {{address: {self.remote(i)}, mac: "{self.remote_mac(i)}"}}' for i in range(6)) + (
            f'\n  - {{address: "{self.remote6(6)}", mac: "{self.remote_mac(6)}"}}')

    def network(self):
        return f"""
  {self.letter}net:
    vni: {self.vni}
    too_big: icmp
    members: [{{port: {self.net}}}]
    remotes: [{{address: {self.remote(0)}, tunnel: {{df: clear}}}}, {{address: {self.remote(1)}, kind: stt, id: {self.number}}}]
  {self.letter}more:
    vni: {self.vni + 1}
    members: [{{port: trunk, vlan: {self.vlan + 10}}}]
    remotes:
      - {{address: {self.remote(4)}, kind: nvgre, id: {5000 + self.number}}}
      - {{address: {self.remote(5)}, kind: gre, id: {self.number + 7}}}
      - {{address: "{self.remote6(6)}", kind: geneve, id: {self.number}}}"""

    def vrf(self):
        return f"""
  {self.letter}:
    ports: [{self.edge}, {self.back}]
    vlans: [{{port: trunk, vlan: {self.vlan}, addresses: [10.5.0.254/24, "fd05::fe/64"]}}]
    networks: {{{self.letter}more: {{addresses: [10.6.0.254/24, "fd06::fe/64"]}}}}
    tunnels:
      g: {{kind: gre-ip, address: {self.remote(2)}, id: {self.number}, sequence: true}}
      i: {{kind: ipip, address: {self.remote(3)}}}
    routes: [{{to: 10.3.0.0/16, tunnel: g}}, {{to: 10.4.0.0/16, tunnel: i}}]
    neighbours:
      - {{address: 10.1.0.1, mac: "{self.client_mac}"}}
      - {{address: "fd01::1", mac: "{self.client_mac}"}}
      - {{address: 10.2.0.11, mac: "{self.host_mac(11)}"}}
      - {{address: 10.2.0.12, mac: "{self.host_mac(12)}"}}
      - {{address: "fd02::11", mac: "{self.host_mac(11)}"}}
      - {{address: 10.5.0.5, mac: "{self.host_mac(5)}"}}
      - {{address: 10.6.0.6, mac: "{self.host_mac(6)}"}}"""

    def services(self):
        backends = "[{address: 10.2.0.11, port: 8080}, {address: 10.2.0.12, port: 8080}]"
        one, six = "[{address: 10.2.0.11, port: 8080}]", '[{address: "fd02::11", port: 8080}]'
        plain = "[{address: 10.2.0.11}]"
        name = self.letter
        return f"""
  {name}-web: {{vrf: {name}, address: 10.9.0.1, port: 80, scheduler: rr, backends: {one}}}
  {name}-dns: {{vrf: {name}, address: 10.9.0.2, port: 53, protocol: udp, scheduler: wlc, persistence: {{timeout_s: 60}}, backends: {backends}}}
  {name}-full: {{vrf: {name}, address: 10.9.0.3, port: 80, forwarding: fullnat, local_addresses: [10.9.1.1], backends: {backends}}}
  {name}-tun: {{vrf: {name}, address: 10.9.0.4, port: 80, forwarding: tunnel, scheduler: wrr, backends: [{{address: 10.2.0.11}}, {{address: 10.2.0.12}}]}}
  {name}-lblc: {{vrf: {name}, address: 10.9.0.5, port: 80, protocol: udp, scheduler: lblc, backends: {backends}}}
  {name}-dir: {{vrf: {name}, address: 10.9.0.6, port: 80, forwarding: direct, backends: {plain}}}
  {name}-gue: {{vrf: {name}, address: 10.9.0.7, port: 80, protocol: udp, forwarding: tunnel, wrap: gue, backends: {plain}}}
  {name}-gre: {{vrf: {name}, address: 10.9.0.8, port: 80, forwarding: tunnel, wrap: gre, backends: {plain}}}
  {name}-toa: {{vrf: {name}, address: 10.9.0.9, port: 80, forwarding: fullnat, client_address: toa, local_addresses: [10.9.1.2], backends: {one}}}
  {name}-px: {{vrf: {name}, address: 10.9.0.10, port: 80, client_address: proxy, backends: {one}}}
  {name}-sig: {{vrf: {name}, address: 10.9.0.11, port: 80, protocol: sctp, backends: {one}}}
  {name}-six: {{vrf: {name}, address: "fd09::1", port: 80, backends: {six}}}
  {name}-six-dns: {{vrf: {name}, address: "fd09::2", port: 53, protocol: udp, persistence: {{timeout_s: 60}}, backends: {six}}}
  {name}-six-four: {{vrf: {name}, address: "fd09::3", port: 80, forwarding: fullnat, local_addresses: [10.9.1.3, "fd09:1::3"], backends: {one}}}
  {name}-four-six: {{vrf: {name}, address: 10.9.0.12, port: 80, protocol: udp, forwarding: fullnat, local_addresses: ["fd09:1::4"], backends: {six}}}
  {name}-rate: {{vrf: {name}, address: 10.9.0.13, port: 80, limits: {{connections_per_s: 5}}, backends: {one}}}"""


A, B = Tenant("a", 1), Tenant("b", 2)


def config(*tenants):
    """Both are configured in any case: who sends is what differs."""
    join = "".join
    return f"""
ports:
  up0: {{device: tap:up0, mtu_bytes: 1550, mac: "{OUR_MAC}", addresses: [{OUR_IP}/24, "{OUR_IP6}/64"]}}
  trunk: {{device: tap:trunk, mac: "02:00:00:00:70:fe"}}{join(t.ports() for t in tenants)}
system: {{fdb_capacity: 2048, mbufs: 16384}}
balancer: {{connections: 4096, templates: 1024}}
neighbours:{join(t.neighbours() for t in tenants)}
tunnels: {{reassemble: true}}
networks:{join(t.network() for t in tenants)}
vrfs:{join(t.vrf() for t in tenants)}
services:{join(t.services() for t in tenants)}
"""
