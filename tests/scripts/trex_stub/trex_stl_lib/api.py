# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the part of TRex's stateless API that the profiles use: names, arguments and what its
packet programs do to a packet, by TRex's manual. Instead of sending, Stream.packets() gives the bytes."""
import struct

from scapy.packet import Packet


class CTRexVmInsFixHwCs:
    L4_TYPE_UDP, L4_TYPE_TCP, L4_TYPE_IP = 11, 13, 17


class STLVmFlowVar:
    def __init__(self, name, init_value=None, min_value=0, max_value=255, size=4, step=1, op="inc"):
        if size not in (1, 2, 4, 8) or op not in ("inc", "dec"):
            raise ValueError(f"{name}: size {size}, op {op}")
        if not 0 <= min_value <= max_value < 1 << 8 * size:
            raise ValueError(f"{name}: {min_value} to {max_value} in {size} bytes")
        self.name, self.size, self.step = name, size, step if op == "inc" else -step
        self.least, self.count = min_value, max_value - min_value + 1
        first = min_value if op == "inc" else max_value
        self.first = first if init_value is None else init_value

    def value(self, number):
        return self.least + (self.first - self.least + self.step * number) % self.count


class Write:
    def __init__(self, fv_name, pkt_offset, size=None, add=0, mask=None, shift=0):
        self.name, self.at, self.size, self.add, self.mask, self.shift = fv_name, pkt_offset, size, add, mask, shift

    def apply(self, packet, variables, number):
        variable = variables[self.name]
        size = self.size or variable.size
        if self.at + size > len(packet):
            raise ValueError(f"{self.name} is written behind the end of the packet")
        value = variable.value(number) + self.add
        if self.mask is not None:
            old = int.from_bytes(packet[self.at:self.at + size], "big")
            value = old & ~self.mask | (value << self.shift if self.shift >= 0 else value >> -self.shift) & self.mask
        packet[self.at:self.at + size] = (value % (1 << 8 * size)).to_bytes(size, "big")


def STLVmWrFlowVar(fv_name, pkt_offset, offset_fixup=0, add_val=0, is_big=True):
    assert is_big
    return Write(fv_name, pkt_offset + offset_fixup, add=add_val)


def STLVmWrMaskFlowVar(fv_name, pkt_offset, pkt_cast_size=1, mask=0xFF, shift=0, add_value=0, offset_fixup=0, is_big=True):
    assert is_big and pkt_cast_size in (1, 2, 4)
    return Write(fv_name, pkt_offset + offset_fixup, pkt_cast_size, add_value, mask, shift)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~((total >> 16) + total) & 0xFFFF


class STLVmFixIpv4:
    def __init__(self, offset):
        self.at = offset

    def apply(self, packet, *_):
        at = self.at
        assert packet[at] == 0x45, f"no IPv4 header at {at}"
        packet[at + 10:at + 12] = b"\0\0"
        packet[at + 10:at + 12] = struct.pack("!H", checksum(bytes(packet[at:at + 20])))


class STLVmFixChecksumHw:
    """Of the outer packet, to its end, as a NIC does it."""

    def __init__(self, l3_offset, l4_offset, l4_type):
        self.l3, self.l4 = l3_offset, l4_offset
        self.field, self.protocol = {CTRexVmInsFixHwCs.L4_TYPE_UDP: (6, 17), CTRexVmInsFixHwCs.L4_TYPE_TCP: (16, 6)}[l4_type]

    def apply(self, packet, *_):
        begin, end = (self.l3 + 12, self.l3 + 20) if packet[self.l3] >> 4 == 4 else (self.l3 + 8, self.l3 + 40)
        at = self.l4 + self.field
        packet[at:at + 2] = b"\0\0"
        pseudo = bytes(packet[begin:end]) + struct.pack("!II", len(packet) - self.l4, self.protocol)
        packet[at:at + 2] = struct.pack("!H", checksum(pseudo + bytes(packet[self.l4:])) or 0xFFFF)


class STLScVmRaw:
    def __init__(self, list_of_commands=None, split_by_field=None, cache_size=None):
        self.commands = list_of_commands or []


class STLPktBuilder:
    def __init__(self, pkt=None, pkt_buffer=None, vm=None, **_):
        assert isinstance(pkt, Packet) or pkt_buffer
        self.template, self.vm = pkt_buffer or bytes(pkt), vm

    def packet(self, number):
        made = bytearray(self.template)
        variables = {}
        for command in self.vm.commands if self.vm else []:
            if isinstance(command, STLVmFlowVar):
                variables[command.name] = command
            else:
                command.apply(made, variables, number)
        return bytes(made)


class STLTXCont:
    def __init__(self, pps=1, **_):
        self.pps = pps


class STLStream:
    def __init__(self, packet=None, mode=None, name=None, **_):
        self.builder, self.mode = packet, mode

    def packets(self, count):
        """What TRex sends first."""
        return [self.builder.packet(number) for number in range(count)]


class STLProfile:
    def __init__(self, streams=None):
        self.streams = streams

    def get_streams(self):
        return self.streams


__all__ = [name for name in dir() if name.startswith(("STL", "CTRex"))]
