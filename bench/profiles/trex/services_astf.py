# SPDX-License-Identifier: Apache-2.0
"""TRex, stateful: TCP connections to a service of `nat` or `fullnat`, with the backends' replies. TRex plays the
clients behind the router on its first port, and all backends on its second.

    bench/wire-kit fullnat --tcp --flows 100000 --backends 64 --out kit     # kit/adit.yaml
    trex> start -f services_astf.py -m 1000 -t --flows 100000,--request_bytes 100,--reply_bytes 1000

trex_cfg.yaml: the first port has src_mac 02:0c:00:00:00:02 and dest_mac 02:00:00:00:00:0a, the second src_mac
02:0c:00:00:00:03 and dest_mac 02:00:00:00:00:01.
"""
import ipaddress

import kit
import scenarios
from trex.astf.api import (
    ASTFAssociationRule, ASTFIPGen, ASTFIPGenDist, ASTFIPGenGlobal, ASTFProfile, ASTFProgram, ASTFTCPClientTemplate,
    ASTFTCPServerTemplate, ASTFTemplate)

BACKEND_PORT = 8080
MOST_BYTES = 1_000_000


def programs(request_bytes, reply_bytes):
    """The client asks, the server answers, the client closes."""
    client, server = ASTFProgram(), ASTFProgram()
    client.send("q" * request_bytes)
    client.recv(reply_bytes)
    server.recv(request_bytes)
    server.send("r" * reply_bytes)
    return client, server


class Services:
    """TRex asks for an object with get_profile()."""

    def get_profile(self, tunables=(), **_):
        parser = kit.parser(__doc__.split("\n", 1)[0])
        for name, least, default in (("request_bytes", 1, 100), ("reply_bytes", 1, 1000), ("cps", 1, 1000)):
            parser.add_argument(f"--{name}", type=kit.number(least, MOST_BYTES), default=default,
                                help=f"{least} to {MOST_BYTES} (default: {default})")
        given = parser.parse_args(list(tunables))
        client, server = programs(given.request_bytes, given.reply_bytes)
        first = ipaddress.ip_address(scenarios.INSIDE_IPS) + 1
        clients = ASTFIPGenDist(ip_range=[str(first), str(first + given.flows - 1)], distribution="seq")
        service = scenarios.SERVICE_IP[4]
        servers = ASTFIPGenDist(ip_range=[service, service], distribution="seq")
        addresses = ASTFIPGen(glob=ASTFIPGenGlobal(ip_offset="0.0.0.0"), dist_client=clients, dist_server=servers)
        template = ASTFTemplate(
            client_template=ASTFTCPClientTemplate(program=client, ip_gen=addresses, port=scenarios.SERVICE_PORT, cps=given.cps),
            # Where adit has translated the port to.
            server_template=ASTFTCPServerTemplate(program=server, assoc=ASTFAssociationRule(port=BACKEND_PORT)))
        return ASTFProfile(default_ip_gen=addresses, templates=template)


def register():
    """What TRex calls."""
    return Services()
