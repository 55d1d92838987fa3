# SPDX-License-Identifier: Apache-2.0
"""TRex, stateless: each kind of tunnel, one way for each port. Flows count up; those of a bridged kind have two
MACs each, which the two ways exchange, and are spread over the networks.

    bench/wire-kit nvgre --flows 1000 --out kit     # kit/adit.yaml
    trex> start -f tunnels_stl.py -p 0 -m 100% -t --kind nvgre --direction encap --flows 1000
    trex> start -f tunnels_stl.py -p 1 -m 100% -t --kind nvgre --direction decap --flows 1000

Start both together: what adit has not learned yet it floods.
"""
import kit
import scenarios
from scapy.layers.l2 import Ether
from trex_stl_lib.api import (
    CTRexVmInsFixHwCs, STLPktBuilder, STLProfile, STLScVmRaw, STLStream, STLTXCont, STLVmFixChecksumHw, STLVmFixIpv4,
    STLVmFlowVar, STLVmWrFlowVar, STLVmWrMaskFlowVar)

KINDS = [name for name, one in scenarios.SCENARIOS.items() if "encap" in one.ways]
INSIDE, OUTSIDE = 10 << 24, 11 << 24
# Behind the outer IP header: bytes of the tunnel's header before the inner frame or packet; where its identifier
# is, how many bits it is shifted to the left, and how many bytes the word has.
HEADERS = {"vxlan": (16, (12, 8, 4)), "geneve": (16, (12, 8, 4)), "nvgre": (8, (4, 8, 4)), "gre": (8, (4, 0, 4)),
           "stt": (38, (32, 0, 4)), "gre-ip": (8, None), "ipip": (0, None)}
WITH_PORT = ("vxlan", "geneve", "stt")


def inner_instructions(at, way, bridged):
    """The flow's number in the MACs and addresses of a frame or packet that begins at `at`."""
    writes = [STLVmWrFlowVar(fv_name="flow", pkt_offset=at + offset) for offset in (2, 8)] if bridged else []
    return writes


def address_instructions(ip_at, way):
    src, dst = (INSIDE, OUTSIDE) if way == "encap" else (OUTSIDE, INSIDE)
    return [STLVmWrFlowVar(fv_name="flow", pkt_offset=ip_at + 12, add_val=src),
            STLVmWrFlowVar(fv_name="flow", pkt_offset=ip_at + 16, add_val=dst), STLVmFixIpv4(offset=ip_at)]


def outer_instructions(scenario):
    """Source port and network of the tunnel's header, and the checksum that covers the packet."""
    kind, ip_at, ip_bytes = scenario.kind, 14, 20 if scenario.version == 4 else 40
    at, made = ip_at + ip_bytes, []
    if kind in WITH_PORT:  # it tells flows apart
        made += [STLVmFlowVar(name="port", min_value=0xC000, max_value=0xFFFF, size=2, op="inc"),
                 STLVmWrFlowVar(fv_name="port", pkt_offset=at)]
    identifier = HEADERS[kind][1]
    if identifier:
        offset, shift, size = identifier
        mask = 0xFFFFFF00 if shift else 0xFFFFFFFF
        made.append(STLVmWrMaskFlowVar(fv_name="network", pkt_offset=at + offset, pkt_cast_size=size, mask=mask,
                                       shift=shift, add_value=scenarios.FIRST_VNI))
    return made


def checksum_instructions(scenario):
    """Those of IPv6's UDP and of STT cover the payload."""
    at = 14 + (20 if scenario.version == 4 else 40)
    if scenario.kind == "stt":
        return [STLVmFixChecksumHw(l3_offset=14, l4_offset=at, l4_type=CTRexVmInsFixHwCs.L4_TYPE_TCP)]
    if scenario.kind in WITH_PORT and scenario.version == 6:
        return [STLVmFixChecksumHw(l3_offset=14, l4_offset=at, l4_type=CTRexVmInsFixHwCs.L4_TYPE_UDP)]
    return []


def instructions(scenario, load, way):
    bridged = scenario.networks
    made = [STLVmFlowVar(name="flow", min_value=0, max_value=load.flows - 1, size=4, op="inc")]
    if bridged:
        made.append(STLVmFlowVar(name="network", min_value=0, max_value=load.networks - 1, size=4, op="inc"))
    if way == "encap":
        inner = 0
        if bridged and load.networks > 1:
            made.append(STLVmWrMaskFlowVar(fv_name="network", pkt_offset=14, pkt_cast_size=2, mask=0x0FFF, shift=0,
                                           add_value=1))
        ip_at = 14 + (4 if bridged and load.networks > 1 else 0)
    else:
        made += outer_instructions(scenario)
        inner = 14 + (20 if scenario.version == 4 else 40) + HEADERS[scenario.kind][0]
        ip_at = inner + (14 if bridged else 0)
    return made + inner_instructions(inner, way, bridged) + address_instructions(ip_at, way) + (
        checksum_instructions(scenario) if way == "decap" else [])


class Tunnels:
    """TRex asks for an object with get_streams()."""

    def get_streams(self, tunables=(), **_):
        parser = kit.parser(__doc__.split("\n", 1)[0])
        parser.add_argument("--kind", choices=KINDS, default="vxlan", help="(default: vxlan)")
        parser.add_argument("--direction", choices=("encap", "decap"), default="encap", help="(default: encap)")
        parser.add_argument("--size", type=kit.number(64, 9000), default=64,
                            help="bytes of a host's frame with FCS, 64 to 9000 (default: 64)")
        parser.add_argument("--networks", type=kit.number(1, scenarios.MOST_NETWORKS), default=1,
                            help=f"1 to {scenarios.MOST_NETWORKS}, of which --flows is a multiple (default: 1)")
        given = parser.parse_args(list(tunables))
        scenario = scenarios.SCENARIOS[given.kind]
        if given.networks > 1 and not scenario.networks:
            parser.error(f"--networks: {given.kind} is routed and has none")
        if given.flows % given.networks:
            parser.error(f"--flows: expected a multiple of the {given.networks} networks")
        load = scenarios.Load(given.flows, given.size, given.networks)
        frame = scenario.frame(load, given.direction, 0, given.size - scenarios.FCS)
        builder = STLPktBuilder(pkt=Ether(frame), vm=STLScVmRaw(instructions(scenario, load, given.direction)))
        return STLProfile([STLStream(packet=builder, mode=STLTXCont())]).get_streams()


def register():
    """What TRex calls."""
    return Tunnels()
