# SPDX-License-Identifier: Apache-2.0
"""TRex, stateless: requests by UDP to a service, each flow a client of its own. `direct` (DR) and `tunnel` (TUN)
have no replies that come by adit; for replies of `nat` and `fullnat` take services_astf.py.

    bench/wire-kit tunnel --flows 100000 --backends 64 --out kit     # kit/adit.yaml
    trex> start -f services_stl.py -p 0 -m 100% -t --forwarding tunnel --flows 100000
"""
import kit
import scenarios
from scapy.layers.l2 import Ether
from trex_stl_lib.api import (
    CTRexVmInsFixHwCs, STLPktBuilder, STLProfile, STLScVmRaw, STLStream, STLTXCont, STLVmFixChecksumHw, STLVmFixIpv4,
    STLVmFlowVar, STLVmWrFlowVar)

KINDS = [name for name, one in scenarios.SCENARIOS.items() if "requests" in one.ways]


def instructions(scenario, load):
    """Clients' addresses and ports."""
    end = 14 + (20 if scenario.version == 4 else 40)
    made = [STLVmFlowVar(name="flow", min_value=0, max_value=load.flows - 1, size=4, op="inc"),
            STLVmFlowVar(name="port", min_value=0, max_value=min(load.flows, 60000) - 1, size=2, op="inc"),
            STLVmWrFlowVar(fv_name="port", pkt_offset=end, add_val=scenarios.CLIENT_PORT)]
    if scenario.version == 4:
        return made + [STLVmWrFlowVar(fv_name="flow", pkt_offset=26, add_val=(10 << 24) + 1), STLVmFixIpv4(offset=14)]
    return made + [STLVmWrFlowVar(fv_name="flow", pkt_offset=14 + 8 + 12, add_val=1),
                   STLVmFixChecksumHw(l3_offset=14, l4_offset=end, l4_type=CTRexVmInsFixHwCs.L4_TYPE_UDP)]


class Services:
    """TRex asks for an object with get_streams()."""

    def get_streams(self, tunables=(), **_):
        parser = kit.parser(__doc__.split("\n", 1)[0])
        parser.add_argument("--forwarding", choices=KINDS, default="direct", help="(default: direct)")
        parser.add_argument("--size", type=kit.number(64, 9000), default=None,
                            help="bytes of a client's frame with FCS, 64 (IPv6: 78) to 9000 (default: the least)")
        given = parser.parse_args(list(tunables))
        scenario = scenarios.SCENARIOS[given.forwarding]
        size = given.size or scenario.least_size()
        if size < scenario.least_size():
            parser.error(f"--size: expected {scenario.least_size()} to 9000")
        load = scenarios.Load(given.flows, size)
        builder = STLPktBuilder(pkt=Ether(scenario.frame(load, "requests", 0, size - scenarios.FCS)),
                                vm=STLScVmRaw(instructions(scenario, load)))
        return STLProfile([STLStream(packet=builder, mode=STLTXCont())]).get_streams()


def register():
    """What TRex calls."""
    return Services()
