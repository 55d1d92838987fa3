# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the part of TRex's stateful API that the profiles use. A profile becomes data: who connects
where, from which addresses, and what each end sends and expects."""
import ipaddress


class ASTFProgram:
    def __init__(self, **_):
        self.steps = []

    def send(self, buf):
        self.steps.append(("send", buf.encode() if isinstance(buf, str) else buf))

    def recv(self, bytes, clear=False):  # noqa: A002: its name in TRex
        self.steps.append(("recv", bytes))


class ASTFIPGenDist:
    def __init__(self, ip_range, distribution="seq", **_):
        assert len(ip_range) == 2 and distribution in ("seq", "rand")
        self.first, self.last = map(ipaddress.ip_address, ip_range)
        assert self.first <= self.last

    def address(self, number):
        return str(self.first + number % (int(self.last) - int(self.first) + 1))


class ASTFIPGenGlobal:
    def __init__(self, ip_offset="1.0.0.0", **_):
        self.ip_offset = ip_offset


class ASTFIPGen:
    def __init__(self, glob, dist_client, dist_server):
        self.glob, self.clients, self.servers = glob, dist_client, dist_server


class ASTFAssociationRule:
    def __init__(self, ip_start=None, ip_end=None, port=80, **_):
        self.port = port


class ASTFTCPClientTemplate:
    def __init__(self, ip_gen, program, port=80, cps=1, **_):
        self.ip_gen, self.program, self.port, self.cps = ip_gen, program, port, cps


class ASTFTCPServerTemplate:
    def __init__(self, program, assoc=ASTFAssociationRule(), **_):
        self.program, self.assoc = program, assoc


class ASTFTemplate:
    def __init__(self, client_template=None, server_template=None, **_):
        self.client, self.server = client_template, server_template


class ASTFProfile:
    def __init__(self, default_ip_gen, templates=None, **_):
        self.default_ip_gen = default_ip_gen
        self.templates = templates if isinstance(templates, list) else [templates]


__all__ = [name for name in dir() if name.startswith("ASTF")]
