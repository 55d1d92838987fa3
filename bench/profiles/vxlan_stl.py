# SPDX-License-Identifier: Apache-2.0
"""TRex, stateless: VXLAN for bench/profiles/adit.yaml, one way for each port.

--direction encap: inner frames for the access port. --direction decap: VXLAN from the remote
192.0.2.2 for the uplink. Every flow has a source and a destination MAC of its own; the one
direction's source is the other's destination. Not run on hardware yet.
"""
import argparse

from trex_stl_lib.api import (
    UDP, VXLAN, Ether, IP, STLPktBuilder, STLProfile, STLScVmRaw, STLStream, STLTXCont,
    STLVmFixIpv4, STLVmFlowVar, STLVmWrFlowVar)

VNI = 10000
INSIDE_MAC, OUTSIDE_MAC = "02:0a:00:00:00:00", "02:0b:00:00:00:00"
UPLINK_MAC, REMOTE_MAC = "02:00:00:00:00:02", "02:0c:00:00:00:01"
UPLINK_IP, REMOTE_IP = "192.0.2.1", "192.0.2.2"
INSIDE_IP, OUTSIDE_IP = "10.0.0.0", "11.0.0.0"
MAX_FLOWS = 1 << 24  # the low three bytes of a MAC
OUTER_BYTES = 14 + 20 + 8 + 8
OUTER_SOURCE_PORT_OFFSET = 14 + 20


def inner_frame(direction, size):
    """The inner frame of flow 0, `size` bytes without FCS."""
    inside, outside = (INSIDE_MAC, INSIDE_IP), (OUTSIDE_MAC, OUTSIDE_IP)
    (src_mac, src_ip), (dst_mac, dst_ip) = (
        (inside, outside) if direction == "encap" else (outside, inside))
    frame = (Ether(src=src_mac, dst=dst_mac) / IP(src=src_ip, dst=dst_ip)
             / UDP(sport=1024, dport=9, chksum=0))
    return frame / (b"\0" * (size - len(frame)))


def flow_instructions(inner_offset, flows, tunnelled):
    """Counts the flow and writes its number into the MACs and addresses of the inner frame."""
    instructions = [STLVmFlowVar(name="flow", min_value=0, max_value=flows - 1, size=4, op="inc")]
    # Four bytes from the third of a MAC on; their upper byte is 0 in the template.
    for offset in (2, 8):
        instructions.append(STLVmWrFlowVar(fv_name="flow", pkt_offset=inner_offset + offset))
    # The base addresses end in three zero bytes; add_val keeps their first.
    for offset, base in ((26, "src"), (30, "dst")):
        instructions.append(STLVmWrFlowVar(fv_name="flow", pkt_offset=inner_offset + offset,
                                           add_val=base_address(base, tunnelled)))
    instructions.append(STLVmFixIpv4(offset=inner_offset + 14))
    if tunnelled:
        # RFC 7348 section 5: the outer source port tells flows apart.
        instructions += [
            STLVmFlowVar(name="port", min_value=0xC000, max_value=0xFFFF, size=2, op="inc"),
            STLVmWrFlowVar(fv_name="port", pkt_offset=OUTER_SOURCE_PORT_OFFSET)]
    return instructions


def base_address(end, tunnelled):
    """10.0.0.0 for the inside host, 11.0.0.0 for the outside one."""
    from_inside = (end == "src") != tunnelled
    return 10 << 24 if from_inside else 11 << 24


class VxlanProfile:
    """TRex asks for an object with get_streams()."""

    def get_streams(self, tunables=(), **_):
        """One continuous stream over all flows."""
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--direction", choices=("encap", "decap"), default="encap")
        parser.add_argument("--flows", type=int, default=1000)
        parser.add_argument("--size", type=int, default=64, help="inner bytes without FCS")
        arguments = parser.parse_args(list(tunables))
        if not 1 <= arguments.flows <= MAX_FLOWS:
            parser.error(f"--flows: expected 1 to {MAX_FLOWS}")
        if not 60 <= arguments.size <= 1514:
            parser.error("--size: expected 60 to 1514")
        tunnelled = arguments.direction == "decap"
        packet = inner_frame(arguments.direction, arguments.size)
        if tunnelled:
            packet = (Ether(src=REMOTE_MAC, dst=UPLINK_MAC)
                      / IP(src=REMOTE_IP, dst=UPLINK_IP, flags="DF")
                      / UDP(sport=0xC000, dport=4789, chksum=0)
                      / VXLAN(vni=VNI, flags=8) / packet)
        instructions = flow_instructions(OUTER_BYTES if tunnelled else 0, arguments.flows,
                                         tunnelled)
        builder = STLPktBuilder(pkt=packet, vm=STLScVmRaw(instructions))
        return STLProfile([STLStream(packet=builder, mode=STLTXCont())]).get_streams()


def register():
    """What TRex calls."""
    return VxlanProfile()
