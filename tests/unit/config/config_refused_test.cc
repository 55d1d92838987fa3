// SPDX-License-Identifier: Apache-2.0
// What the walker refuses of single keys and values; how they fit together is in
// config_references_test.cc.
#include <gtest/gtest.h>

#include "config_cases.h"

namespace adit::config_refused_test {
namespace {

// A port more is always there, so that each case shows one mistake only.
std::string port(const std::string& keys) {
  return "ports:\n  up: {device: \"tap:up0\", " + keys + "}\n";
}
std::string with_port(const std::string& rest) {
  return "ports: {up: {device: 'tap:up0'}}\n" + rest;
}
std::string network(const std::string& keys) {
  return with_port("networks:\n  red: {vni: 1, " + keys + "}\n");
}

class Refused : public testing::TestWithParam<RefusedCase> {};
TEST_P(Refused, WithPlaceAndRemedy) {
  expect_refused(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Text, Refused,
    testing::Values(
        RefusedCase{"Empty", "", {"1:1: the file is empty; expected at least 'ports:'"}},
        RefusedCase{"OnlyComments", "# nothing\n\n", {"1:1: the file is empty"}},
        RefusedCase{"OnlyNull", "~\n", {"1:1: the file is empty"}},
        RefusedCase{"List", "- a\n", {"1:1: the file: found a list, expected a map with the keys"}},
        RefusedCase{"Scalar", "hello\n", {"1:1: the file: found 'hello', expected a map"}},
        RefusedCase{"TwoDocuments",
                    with_port("---\nports: {}\n"),
                    {"2:1: a second YAML document begins here"}},
        RefusedCase{"StrayComma", ",", {"1:1: a second YAML document begins here"}},
        RefusedCase{"TrailingComma", with_port(","), {"2:1: here is a ',' outside of brackets"}},
        RefusedCase{"OpenList", "ports:\n  up: [1, 2\n", {"2:7: the '[' that opens here"}},
        RefusedCase{"OpenQuote",
                    with_port("routes: \"b\n"),
                    {"2:9: the quote that opens here is not closed"}},
        RefusedCase{"Tab", "ports:\n\tup: 1\n", {"2:1: this line is indented with a tab"}},
        RefusedCase{"UnknownAnchor", "ports: *here\n", {"1:8: the alias '*here'"}},
        RefusedCase{"ComplexKey", with_port("? [a]\n: b\n"), {"2:3: found a list as a key"}},
        RefusedCase{"Merge",
                    "a: &a {mtu_bytes: 1500}\n" + with_port("<<: *a\n"),
                    {"1:1: unknown key 'a'", "3:1: merge keys ('<<') are not supported"}},
        RefusedCase{"Tag", with_port("routes: !!seq []\n"), {"2:9: found the tag 'tag:yaml.org"}},
        RefusedCase{"TagOfScalar", port("mtu_bytes: !!int 1500"), {"2:38: found the tag"}},
        RefusedCase{"ControlCharactersAreEscaped",
                    with_port("\"a\\x01\\e\": 1\n"),
                    {"2:1: unknown key 'a\\x01\\x1b' in the file"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Keys, Refused,
    testing::Values(
        RefusedCase{"UnknownNear",
                    port("mtu_byte: 1500"),
                    {"2:27: unknown key 'mtu_byte' in port 'up'; did you mean 'mtu_bytes'?"}},
        RefusedCase{"UnknownPrefix",
                    port("mtu: 1500"),
                    {"2:27: unknown key 'mtu' in port 'up'; "
                     "did you mean 'mtu_bytes'?"}},
        RefusedCase{"UnknownCase",
                    port("MTU-Bytes: 1500"),
                    {"2:27: unknown key 'MTU-Bytes' in port 'up'; did you mean 'mtu_bytes'?"}},
        RefusedCase{"UnknownFar",
                    with_port("zebra: 1\n"),
                    {"2:1: unknown key 'zebra' in the file; known here: system, ports, routes, "
                     "neighbours, kernel_neighbours, host, tunnels, fragments, networks"}},
        RefusedCase{"UnknownNested",
                    with_port("system: {log: {levle: info}}\n"),
                    {"2:16: unknown key 'levle' in 'log'; did you mean 'level'?"}},
        // What is printed of a name is one line, whatever the name.
        RefusedCase{
            "NameWithANewline",
            "ports: {\"a\\nb\": {device: \"tap:x\", zebra: 1}}\n",
            {"1:9: ports: found 'a\\x0ab' as a name, expected a name of 1 to 32 letters, digits, "
             "'_', '.' and '-', that begins with a letter",
             "1:35: unknown key 'zebra' in port 'a\\x0ab'; known here: device, bond, "
             "mtu_bytes, mac, promiscuous"}},
        RefusedCase{"Duplicate",
                    port("mtu_bytes: 1500, mtu_bytes: 1400"),
                    {"2:44: duplicate key 'mtu_bytes' in port 'up'; it is already at f:2:27"}},
        RefusedCase{"DuplicateSection",
                    with_port("routes: []\nroutes: []\n"),
                    {"3:1: duplicate key 'routes' in the file; it is already at f:2:1"}},
        RefusedCase{"DuplicatePort",
                    "ports:\n  a: {device: 'tap:a'}\n  a: {device: 'tap:b'}\n",
                    {"3:3: duplicate name 'a' in 'ports'; it is already at f:2:3"}},
        RefusedCase{"DuplicateNetwork",
                    with_port("networks: {a: {vni: 1}, a: {vni: 2}}\n"),
                    {"2:25: duplicate name 'a' in 'networks'"}},
        RefusedCase{"MissingPorts",
                    "networks: {}\n",
                    {"1:1: missing key 'ports' in the file: expected a map of 1 to 1023 names"}},
        RefusedCase{"NoPorts",
                    "ports: {}\n",
                    {"1:8: ports: found none, expected a map of 1 to 1023 names"}},
        RefusedCase{"MissingDevice",
                    "ports:\n  up: {mtu_bytes: 1500}\n",
                    {"2:3: missing key 'device' in port 'up': expected a PCI address, tap:NAME"}},
        RefusedCase{"MissingVni",
                    with_port("networks:\n  red: {}\n"),
                    {"3:8: missing key 'vni' in network 'red': expected a number from 1 to "
                     "16777215"}},
        RefusedCase{"MissingInEntry",
                    with_port("routes:\n  - {to: 0.0.0.0/0}\n"),
                    {"3:5: missing key 'via' in an entry of 'routes': expected an IP address"}},
        RefusedCase{"MapForList",
                    with_port("routes: {}\n"),
                    {"2:9: routes: found a map, expected a list of at most 65536 entries"}},
        RefusedCase{"NothingForList",
                    with_port("routes:\nneighbours: []\n"),
                    {"2:1: routes: found no value, expected a list of at most 65536 entries ([] "
                     "for an empty one)"}},
        RefusedCase{"NothingForMap",
                    with_port("networks:\n"),
                    {"2:1: networks: found no value, expected a map of 0 to 65534 names ({} for"}},
        RefusedCase{"NothingForPort",
                    "ports:\n  up:\n",
                    {"2:3: port 'up': found no value, expected "
                     "a map with the keys device, "}},
        RefusedCase{
            "ScalarForEntry",
            with_port("routes: [x]\n"),
            {"2:10: an entry of 'routes': found 'x', expected a map with the keys to, via"}},
        RefusedCase{"ListForScalar",
                    port("mtu_bytes: [1500]"),
                    {"2:38: mtu_bytes: found a list, expected a number from 576 to 65000"}},
        RefusedCase{"ListForText",
                    "ports: {up: {device: [a]}}\n",
                    {"1:22: device: found a list, expected a PCI address"}},
        RefusedCase{"ListForWord",
                    with_port("system: {poll: []}\n"),
                    {"2:16: poll: found a list, expected one of adaptive, busy"}},
        RefusedCase{"PortName",
                    "ports: {9up: {device: 'tap:up0'}}\n",
                    {"1:9: ports: found '9up' as a name, expected a name of 1 to 32 letters"}},
        RefusedCase{
            "BooleanName",
            "ports: {true: {device: 'tap:up0'}}\n",
            {"1:9: ports: found 'true' as a name, which YAML readers may take for a boolean"}},
        RefusedCase{"EveryMistakeAtOnce",
                    "system: {workers: 0}\nports:\n  up:\n    device: tap:up0\n    mtu_bytes: 1\n"
                    "    macc: x\nnetworks:\n  red: {vni: 0}\n",
                    {"1:19: workers: found '0'", "5:16: mtu_bytes: found '1'",
                     "6:5: unknown key 'macc'", "8:14: vni: found '0'"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Numbers, Refused,
    testing::Values(
        RefusedCase{"Below",
                    port("mtu_bytes: 575"),
                    {"2:38: mtu_bytes: found '575', which is below the range; expected a number "
                     "from 576 to 65000"}},
        RefusedCase{"Above",
                    port("mtu_bytes: 65001"),
                    {"2:38: mtu_bytes: found '65001', which is "
                     "above the range"}},
        RefusedCase{"FarAbove",
                    port("mtu_bytes: 99999999999999999999999999"),
                    {"2:38: mtu_bytes: found '99999999999999999999999999', which is above the"}},
        RefusedCase{"Negative",
                    port("mtu_bytes: -1500"),
                    {"2:38: mtu_bytes: found '-1500', which "
                     "is below the range"}},
        RefusedCase{"Plus",
                    port("mtu_bytes: +1500"),
                    {"2:38: mtu_bytes: found '+1500', which is not a decimal number"}},
        RefusedCase{"LeadingZero",
                    port("mtu_bytes: 01500"),
                    {"2:38: mtu_bytes: found '01500', which has a leading zero (write 1500)"}},
        RefusedCase{"OnlyZeros",
                    network("mac_limit: 00"),
                    {"3:28: mac_limit: found '00', which has "
                     "a leading zero (write 0)"}},
        RefusedCase{"Octal",
                    port("mtu_bytes: 0o2734"),
                    {"2:38: mtu_bytes: found '0o2734', which is not a decimal"}},
        RefusedCase{
            "Hex", port("mtu_bytes: 0x5dc"), {"2:38: mtu_bytes: found '0x5dc', which is no"}},
        RefusedCase{"Float", port("mtu_bytes: 1500.0"), {"2:38: mtu_bytes: found '1500.0', which"}},
        RefusedCase{"Exponent", port("mtu_bytes: 15e2"), {"2:38: mtu_bytes: found '15e2', which"}},
        RefusedCase{"Underscore", port("mtu_bytes: 1_500"), {"2:38: mtu_bytes: found '1_500'"}},
        RefusedCase{"Quoted",
                    port("mtu_bytes: \"1500\""),
                    {"2:38: mtu_bytes: found '1500', which is text for its quotes; expected a "
                     "number from 576 to 65000 without quotes"}},
        RefusedCase{"Nothing",
                    port("mtu_bytes: "),
                    {"2:27: mtu_bytes: found no value, expected a "
                     "number from 576 to 65000"}},
        RefusedCase{"NumberOrAuto",
                    with_port("system: {workers: automatic}\n"),
                    {"2:19: workers: found 'automatic', which is not a decimal number; expected "
                     "auto or a number from 1 to 64"}},
        RefusedCase{"AutoWhereNone", port("mtu_bytes: auto"), {"2:38: mtu_bytes: found 'auto'"}},
        RefusedCase{"NoPowerOfTwo",
                    port("rx_ring: 1000"),
                    {"2:36: rx_ring: found '1000', which is not a power of two; expected a power "
                     "of two from 64 to 8192"}},
        RefusedCase{"RingAbove",
                    port("tx_ring: 16384"),
                    {"2:36: tx_ring: found '16384', which is "
                     "above the range"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Words, Refused,
    testing::Values(
        RefusedCase{"BooleanYes",
                    port("promiscuous: yes"),
                    {"2:40: promiscuous: found 'yes', expected true or false"}},
        RefusedCase{"BooleanOn",
                    port("promiscuous: on"),
                    {"2:40: promiscuous: found 'on', expected "
                     "true or false"}},
        RefusedCase{"BooleanNumber", port("promiscuous: 1"), {"2:40: promiscuous: found '1'"}},
        RefusedCase{"BooleanCase", port("promiscuous: True"), {"2:40: promiscuous: found 'True'"}},
        RefusedCase{"BooleanQuoted", port("promiscuous: 'true'"), {"2:40: promiscuous: found"}},
        RefusedCase{"WordNear",
                    with_port("system: {poll: bussy}\n"),
                    {"2:16: poll: found 'bussy', expected one of adaptive, busy; did you mean "
                     "'busy'?"}},
        RefusedCase{"WordFar",
                    with_port("system: {log: {target: file}}\n"),
                    {"2:24: target: found 'file', expected one of stderr, journald, syslog"}},
        RefusedCase{"OffloadTrue",
                    port("offload: true"),
                    {"2:36: offload: found 'true', expected one of auto, off"}},
        RefusedCase{
            "Steer", port("steer: own"), {"2:34: steer: found 'own', expected one of auto, all"}},
        RefusedCase{"HugepagesOn",
                    with_port("system: {hugepages: on}\n"),
                    {"2:21: hugepages: found 'on', expected one of auto, yes, no"}}),
    case_name);

RefusedCase device(const char* name, const std::string& text, const std::string& mistake) {
  return {name, "ports: {up: {device: " + text + "}}\n", {"1:22: device: found " + mistake}};
}

INSTANTIATE_TEST_SUITE_P(
    Devices, Refused,
    testing::Values(
        device("NoForm", "eth0",
               "'eth0', expected a PCI address such as 0000:01:00.0, tap:NAME, "
               "af_packet:INTERFACE, af_xdp:INTERFACE or vdev:DPDK-DEVICE"),
        device("ShortPci", "'01:00.0'",
               "'01:00.0', but a PCI address begins with its domain: write "
               "0000:01:00.0"),
        device("PciDevice", "'0000:01:20.0'", "'0000:01:20.0', expected a PCI address"),
        device("PciFunction", "'0000:01:00.8'", "'0000:01:00.8', expected a PCI address"),
        device("NoName", "'tap:'", "'tap:', expected an interface name after the colon"),
        device("LongName", "tap:a23456789012345x",
               "'tap:a23456789012345x', but an interface name has at most 15 characters, this one "
               "has 16"),
        device("LongXdpName", "af_xdp:a23456789012345x", "'af_xdp:a23456789012345x', but an inter"),
        device("NameWithComma", "'tap:a,b'", "'tap:a,b', expected an interface name of letters"),
        device("NameWithSlash", "af_packet:a/b", "'af_packet:a/b', expected an interface name of"),
        device("NameWithPattern", "tap:up%d", "'tap:up%d', expected an interface name of letters"),
        device("NameBeginsWithDash", "tap:-a", "'tap:-a', expected an interface name of letters"),
        device("EmptyVdev", "'vdev:'", "'vdev:', expected a DPDK device after 'vdev:'"),
        device("VdevWithBlank", "'vdev:net_null0, a=b'", "'vdev:net_null0, a=b', expected a DPDK"),
        device("Boolean", "true", "'true', which is a boolean; expected a PCI address")),
    case_name);

// The bond begins in column 19 of line 1, the port's other keys follow it.
RefusedCase bond(const char* name, const std::string& keys, const std::string& mistake,
                 const std::string& beside = "") {
  return {name, "ports: {up: {bond: {" + keys + "}" + beside + "}}\n", {mistake}};
}

INSTANTIATE_TEST_SUITE_P(
    Bonds, Refused,
    testing::Values(
        bond("NoMembers", "mode: balance", "1:20: missing key 'members' in 'bond': expected a"),
        bond("EmptyMembers", "members: []", "1:30: members: expected at least one device"),
        bond("WrongMember", "members: [eth0]", "1:31: members: found 'eth0', expected a PCI addr"),
        bond("NineMembers",
             "members: ['tap:a', 'tap:b', 'tap:c', 'tap:d', 'tap:e', 'tap:f', 'tap:g', 'tap:h', "
             "'tap:i']",
             "1:30: members: found 9 entries"),
        bond("Mode", "mode: lacp, members: ['tap:a']", "1:27: mode: found 'lacp', expected"),
        bond("BondOfABond", "members: ['vdev:net_bonding0,mode=1']",
             "1:31: members: vdev:net_bonding0,mode=1 is a bond itself"),
        bond("Primary", "members: ['tap:a'], primary: 'tap:b'",
             "1:50: primary: tap:b is none of the 'members'"),
        bond("PrimaryOfBalance", "mode: balance, members: ['tap:a'], primary: 'tap:a'",
             "1:65: primary: mode balance has none; expected mode active-backup, tlb or alb"),
        bond("HashOfTlb", "mode: tlb, members: ['tap:a'], hash_policy: layer2",
             "1:65: hash_policy: mode tlb has none; expected mode balance or 802.3ad"),
        bond("SelectOfBalance", "mode: balance, members: ['tap:a'], lacp_select: count",
             "1:69: lacp_select: mode balance has none; expected mode 802.3ad"),
        bond("AfXdpWithoutLacp", "members: ['af_xdp:a']",
             "1:31: members: af_xdp:a may be in a bond of mode 802.3ad only"),
        bond("LinkCheck", "members: ['tap:a'], link_check_ms: 9", "1:56: link_check_ms: found '9'"),
        bond("UpDelay", "members: ['tap:a'], up_delay_ms: 60001",
             "1:54: up_delay_ms: found '60001'"),
        bond("ArpMonitor", "members: ['tap:a'], arp_interval: 100",
             "1:41: unknown key 'arp_interval' in 'bond'"),
        bond("DeviceToo", "members: ['tap:a']", "1:50: device: the port has a 'bond'",
             ", device: 'tap:b'"),
        bond("Steer", "members: ['tap:a']", "1:49: steer: a bond has none", ", steer: all"),
        bond("Offload", "members: ['tap:a']", "1:51: offload: a bond has none", ", offload: 'off'"),
        bond("MtuOfTaps", "members: ['tap:a']",
             "1:31: members: tap:a carries an mtu_bytes of at most 1500 in a bond; found 1501",
             ", mtu_bytes: 1501"),
        bond("MemberTwice", "members: ['tap:a', 'af_packet:a']",
             "1:40: device af_packet:a is already that of port 'up', see f:1:31"),
        RefusedCase{"DeviceOfAnotherPort",
                    "ports: {a: {device: 'tap:x'}, b: {bond: {members: ['tap:y', 'tap:x']}}}\n",
                    {"1:61: device tap:x is already that of port 'a', see f:1:21"}}),
    case_name);

RefusedCase address(const char* name, const std::string& text, const std::string& mistake) {
  return {name,
          port("addresses: [\"" + text + "\"]"),
          {"2:39: addresses: found '" + text + "', " + mistake}};
}

INSTANTIATE_TEST_SUITE_P(
    Addresses, Refused,
    testing::Values(
        address("NoLength", "192.0.2.1", "expected an IP address and a prefix length, such as"),
        address("Length33", "192.0.2.1/33", "expected a prefix length from 1 to 32"),
        address("Length0", "192.0.2.1/0", "expected a prefix length from 1 to 32"),
        address("LengthZero24", "192.0.2.1/024", "expected a prefix length from 1 to 32"),
        address("Octet", "192.0.2.256/24", "expected an IP address and a prefix length"),
        address("LeadingZero", "192.0.02.1/24", "expected an IP address and a prefix length"),
        address("Ipv6Length", "2001:db8::1/129", "expected a prefix length from 1 to 128"),
        address("Ipv6LinkLocal", "fe80::1/64", "which is link-local"),
        address("Ipv6Loopback", "::1/128", "which is the loopback address"),
        address("Ipv6Mapped", "::ffff:192.0.2.1/128", "which is an IPv4-mapped address"),
        address("Ipv6Multicast", "ff02::1/64", "which is a multicast address"),
        address("Multicast", "224.0.0.1/24",
                "which is a multicast address; expected the address of "
                "one host"),
        address("Unspecified", "0.0.0.0/24", "which is the unspecified address"),
        address("ThisNetwork", "0.1.2.3/24", "which is in 0.0.0.0/8"),
        address("Loopback", "127.0.0.1/8", "which is a loopback address"),
        address("Broadcast", "255.255.255.255/32", "which is the broadcast address"),
        address("Reserved", "240.0.0.1/24", "which is in 240.0.0.0/4"),
        address(
            "Ipv6Compatible", "::192.0.2.1/128",
            "which is an IPv4-compatible address, which is deprecated (write the IPv4 address)"),
        RefusedCase{
            "RemoteIpv6",
            network("remotes: [{address: '2001:db8::2'}]"),
            {"3:37: address: 2001:db8::2 is on no port's subnet and no route leads there; add a "
             "route, such as {to: 2001:db8::2/128, via: ROUTER}"}},
        RefusedCase{"RemoteMulticast",
                    network("remotes: [{address: 239.1.1.1}]"),
                    {"3:37: address: found '239.1.1.1', which is a multicast address"}},
        RefusedCase{"RemoteWithLength",
                    network("remotes: [{address: 192.0.2.2/32}]"),
                    {"3:37: address: found '192.0.2.2/32', expected an IP address without prefix "
                     "length"}},
        RefusedCase{"RouteIpv6",
                    with_port("routes: [{to: '::/0', via: 'fe80::1'}]\n"),
                    {"2:28: via: found 'fe80::1', which is link-local"}},
        RefusedCase{"RouteMulticast",
                    with_port("routes: [{to: 224.0.0.0/4, via: 192.0.2.1}]\n"),
                    {"2:15: to: found '224.0.0.0/4', which is a multicast address; expected a "
                     "subnet of hosts"}},
        RefusedCase{"RouteWithoutLength",
                    with_port("routes: [{to: 10.0.0.0, via: 192.0.2.1}]\n"),
                    {"2:15: to: found '10.0.0.0', expected an IP address and a prefix length"}},
        RefusedCase{"GroupMac",
                    port("mac: 01:00:5e:00:00:01"),
                    {"2:32: mac: found '01:00:5e:00:00:01', which is a group address"}},
        RefusedCase{"ZeroMac",
                    port("mac: 00:00:00:00:00:00"),
                    {"2:32: mac: found '00:00:00:00:00:00', which is not a station's address"}},
        RefusedCase{"NoMac",
                    port("mac: 02-00-00-00-00-01"),
                    {"2:32: mac: found '02-00-00-00-00-01', expected a MAC address such as"}},
        RefusedCase{"RelativeSocket",
                    with_port("system: {socket: adit.sock}\n"),
                    {"2:18: socket: found 'adit.sock', expected the absolute path"}},
        RefusedCase{"LongSocket",
                    with_port("system: {socket: /" + std::string(107, 'a') + "}\n"),
                    {"2:18: socket: found '/aaa"}},
        RefusedCase{"StaticMacBoth",
                    network("static_macs: [{mac: 02:00:00:00:00:01, port: up, remote: 192.0.2.2}]"),
                    {"3:74: a static MAC is behind a port or a remote, not both"}},
        RefusedCase{"StaticMacNeither",
                    network("static_macs: [{mac: 02:00:00:00:00:01}]"),
                    {"3:31: missing key 'port' or 'remote' in an entry of 'static_macs'"}},
        RefusedCase{"StaticMacVlanOfRemote",
                    network("static_macs: [{mac: 02:00:00:00:00:01, vlan: 1, remote: 192.0.2.2}]"),
                    {"3:62: 'vlan' is only valid with 'port'"}}),
    case_name);

}  // namespace
}  // namespace adit::config_refused_test
