// SPDX-License-Identifier: Apache-2.0
// What people write by habit of other systems, or by a slip of the keyboard: each is told on its
// line, with what would be right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_cases.h"

namespace adit::config_slips_test {
namespace {

class Slip : public testing::TestWithParam<RefusedCase> {};
TEST_P(Slip, IsToldWithWhatWouldBeRight) {
  expect_refused(GetParam());
}

// A port with one line more, which is line 4, and others behind it.
std::string line(const std::string& text) {
  return "ports:\n  up:\n    device: tap:up0\n    " + text + "\n    promiscuous: true\n";
}
std::string key(const std::string& text) {
  return "ports: {up: {device: tap:up0, " + text + "}}\n";
}
std::string top(const std::string& text) {
  return "ports: {up: {device: tap:up0, addresses: [192.0.2.1/24]}}\n" + text + "\n";
}
std::string network(const std::string& text) {
  return top("networks: {red: {vni: 7, " + text + "}}");
}
std::string service(const std::string& text) {
  return top("vrfs: {red: {}}\nservices: {web: {vrf: red, address: 10.0.0.1, " + text + "}}");
}

INSTANTIATE_TEST_SUITE_P(
    Syntax, Slip,
    testing::Values(
        RefusedCase{"UndefinedAnchor",
                    line("addresses: *ours"),
                    {"4:16: the alias '*ours' is undefined, as no '&ours' is above"}},
        RefusedCase{"BeginsWithAt",
                    line("mac: @lan"),
                    {"4:10: a text cannot begin with '@', which YAML uses itself; write it in "
                     "quotes: \"@lan\""}},
        RefusedCase{"BeginsWithPercent",
                    key("mac: %lan"),
                    {"1:36: a text cannot begin with '%', which YAML uses itself; write it in "
                     "quotes: \"%lan\""}},
        RefusedCase{"BeginsWithBacktick",
                    line("mac: `a\"b` # c"),
                    {"4:10: a text cannot begin with '`', which YAML uses itself; write it in "
                     "quotes: '`a\"b`'"}},
        RefusedCase{"BeginsWithStar", line("mac: *"), {"4:10: a text cannot begin with '*'"}},
        RefusedCase{"BeginsWithAmpersand", line("mac: &"), {"4:10: a text cannot begin with '&'"}},
        RefusedCase{
            "KeysAsFarAsTheirEntry",
            "ports:\n  up:\n  device: tap:up0\n  mtu_bytes: 1500\n",
            {"3:3: 'device' is indented as far as 'up', which has no value; what belongs to "
             "that is indented further"}},
        RefusedCase{"KeysAsFarAsTheirNetwork",
                    top("networks:\n  red:\n  vni: 7\n  blue: {vni: 8}"),
                    {"4:3: 'vni' is indented as far as 'red', which has no value"}},
        RefusedCase{"EntriesAsFarAsTheirMap",
                    "ports:\nup: {device: tap:up0}\nother: {device: tap:up1}\n",
                    {"2:1: 'up' is indented as far as 'ports', which has no value"}},
        RefusedCase{"NoSpaceBehindColon",
                    line("mtu_bytes:1500"),
                    {"4:5: there is no space behind the colon of 'mtu_bytes'; write 'mtu_bytes: "
                     "1500'"}},
        RefusedCase{"NoBreakSpaceWithinBraces",
                    key("mtu_bytes:\xc2\xa0"
                        "1600"),
                    {"1:31: there is no space behind the colon of 'mtu_bytes'; write 'mtu_bytes: "
                     "1600'"}},
        RefusedCase{"NoSpaceBehindColonBeforeAQuote",
                    line("mac:'02:00:00:00:00:01'"),
                    {"4:5: there is no space behind the colon of 'mac'; write 'mac: "
                     "'02:00:00:00:00:01''"}},
        RefusedCase{"NoSpaceBehindTheOnlyColon",
                    "ports:\n  up:\n    device:'tap:up0'\n",
                    {"3:5: port 'up': there is no space behind the colon of 'device'"}},
        RefusedCase{"NoSpaceBehindColonInBrackets",
                    "ports: {up: {device:tap:up0}}\n",
                    {"1:14: port 'up': there is no space behind the colon of 'device'; write "
                     "'device: tap:up0'"}},
        RefusedCase{"NoSpaceBehindDash",
                    top("routes:\n  -{to: 10.0.0.0/8, via: 192.0.2.9}"),
                    {"3:3: there is no space behind the dash; write '- {to: 10.0.0.0/8, via: "
                     "192.0.2.9}'"}},
        RefusedCase{"NoBreakSpaceBehindColon",
                    line("mtu_bytes:\xc2\xa0"
                         "1500"),
                    {"4:15: here is a character that only looks like a space"}},
        RefusedCase{"EqualsSign",
                    line("mtu_bytes = 1500"),
                    {"4:5: found '=' behind 'mtu_bytes', expected a colon; write 'mtu_bytes: "
                     "1500'"}},
        RefusedCase{"NoColon",
                    line("mtu_bytes 1500"),
                    {"4:5: found 'mtu_bytes 1500', expected a key with a colon and a space behind "
                     "it, and then its value, such as 'mtu_bytes: VALUE'"}},
        RefusedCase{"SecondColon",
                    line("mac: tap: up"),
                    {"4:10: here is a second colon with a space behind it; a text that has one is "
                     "in quotes: mac: \"tap: up\""}},
        RefusedCase{"OpenBracket",
                    line("addresses: [192.0.2.1/24"),
                    {"4:16: the '[' that opens here is not closed; a ']' is missing behind the "
                     "last entry"}},
        RefusedCase{"OpenBrace",
                    top("networks: {red: {vni: 7}"),
                    {"2:11: the '{' that opens here is not closed; a '}' is missing"}},
        RefusedCase{"OpenBracketBehindAnApostrophe",
                    line("addresses: ['it''s[', x"),
                    {"4:16: the '[' that opens here is not closed"}},
        RefusedCase{"OtherBracketCloses",
                    line("addresses: [a},\n           {b: 1}]"),
                    {"4:16: the '[' that opens here is not closed"}},
        RefusedCase{"CommaOutside",
                    line("addresses: [192.0.2.1/24],"),
                    {"4:30: here is a ',' outside of brackets; delete it"}},
        RefusedCase{"BracketOutside",
                    line("addresses: [192.0.2.1/24]]"),
                    {"4:30: here is a ']' outside of brackets; delete it, or open the bracket"}},
        RefusedCase{"BehindBracket",
                    line("addresses: [192.0.2.1/24] x"),
                    {"4:31: found 'x' behind a value that is complete; delete it"}},
        RefusedCase{"EntryAmongKeys",
                    "ports:\n  up: {device: tap:up}\n- x\n",
                    {"3:1: here is an entry of a list, where keys are expected"}},
        RefusedCase{"KeyAmongEntries",
                    "ports:\n  up:\n    addresses:\n      - 192.0.2.1/24\n      mtu_bytes: 5\n",
                    {"5:7: here is a key, where entries of a list are expected"}},
        RefusedCase{"MergeKey",
                    "ports:\n  a: &a {device: tap:a}\n  b:\n    <<: *a\n    device: tap:b\n",
                    {"4:5: merge keys ('<<') are not supported; write the keys out"}},
        RefusedCase{"DuplicateKey",
                    line("device: tap:up1"),
                    {"4:5: duplicate key 'device' in port 'up'; it is already at f:3:5, keep one "
                     "of them"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Bytes, Slip,
    testing::Values(
        RefusedCase{"Latin1",
                    "ports: {\xfcp: {device: tap:up0}}\n",
                    {"1:9: here is a byte (0xfc) that is not UTF-8; expected UTF-8, which 'iconv "
                     "-f ISO-8859-1 -t UTF-8' makes of a file in Latin-1"}},
        RefusedCase{"OverlongForm",
                    "ports: {up: {device: \"tap:\xc0\xaf\"}}\n",
                    {"1:27: here is a byte (0xc0) that is not UTF-8"}},
        RefusedCase{"Surrogate",
                    "ports: {up: {device: \"tap:\xed\xa0\x80\"}}\n",
                    {"1:27: here is a byte (0xed) that is not UTF-8"}},
        RefusedCase{"EndsWithinACharacter", top("# c\nroutes: \xe2\x80"), {"3:9: here is a byte"}},
        RefusedCase{"ByteOrderMarkWithin",
                    "ports: {up: {device: tap:up0}}\n\xef\xbb\xbfroutes: []\n",
                    {"2:1: here is a byte order mark (U+FEFF), perhaps from joining two files"}},
        RefusedCase{"PrintedQuotes",
                    key("mac: \xe2\x80\x9c"
                        "02:00:00:00:00:01\xe2\x80\x9d"),
                    {"1:36: mac: found '\xe2\x80\x9c"
                     "02:00:00:00:00:01\xe2\x80\x9d', expected a "
                     "MAC address such as 02:00:00:00:00:01; its quotes are typographic ones"}}),
    case_name);

TEST(Slips, WhatIsWrongIsNotAdvised) {
  for (const char* length : {"33", "0", "00", "129", "999"}) {
    const auto found = mistakes_of(key("addresses: [10.1.0.1/" + std::string(length) + "]"));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].find("write"), std::string::npos) << found[0];
  }
}

TEST(Slips, ATextOfManyLinesIsShownOnOne) {
  const auto found = mistakes_of("ports: |\n  x\n  y\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].find('\n'), std::string::npos) << found[0];
}

TEST(Slips, AByteOrderMarkAtTheBeginningIsNone) {
  EXPECT_EQ(mistakes_of("\xef\xbb\xbf" + top("")), std::vector<std::string>());
}

RefusedCase mtu(const char* name, const std::string& value, const std::string& write) {
  return {name,
          line("mtu_bytes: " + value),
          {"4:16: mtu_bytes: found '" + value + "', which is not a decimal number" + write +
           "; expected a number from 576 to 65000"}};
}
RefusedCase aging(const char* name, const std::string& value, const std::string& write) {
  return {name,
          network("mac_aging_s: " + value),
          {"2:39: mac_aging_s: found '" + value + "', which is not a decimal number" + write}};
}

INSTANTIATE_TEST_SUITE_P(
    Numbers, Slip,
    testing::Values(
        mtu("Unit", "1500B", " (write 1500)"),
        mtu("UnitBehindASpace", "1500 bytes", " (write 1500)"),
        mtu("UnitOfThousands", "1.5k", " (write 1500)"), mtu("UnitOf1024", "2KiB", " (write 2048)"),
        mtu("UnitThatIsNone", "1500 parsecs", ""), mtu("UnitBeyondTheRange", "2MB", ""),
        mtu("Hexadecimal", "0x5dc", " (write 1500)"), mtu("Underscore", "1_500", " (write 1500)"),
        mtu("Apostrophe", "1'500", " (write 1500)"), mtu("WrongGroups", "15_00", ""),
        mtu("Float", "1500.0", " (write 1500)"), mtu("Fraction", "1500.5", ""),
        mtu("Plus", "+1500", " (write 1500)"), mtu("FarAbove", "99999999999999999999999999B", ""),
        mtu("Word", "jumbo", ""), aging("Seconds", "50s", " (write 50)"),
        aging("Minutes", "5m", " (write 300)"), aging("Hours", "1.5h", " (write 5400)"),
        aging("Milliseconds", "300000ms", " (write 300)"), aging("LessThanASecond", "500ms", ""),
        aging("NoTime", "5MB", "")),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Others, Slip,
    testing::Values(
        RefusedCase{"NoUnitInTheKey",
                    key("mtu: 1500"),
                    {"1:31: unknown key 'mtu' in port 'up'; did you mean 'mtu_bytes'?"}},
        RefusedCase{"ScalarForList",
                    key("addresses: 192.0.2.1/24"),
                    {"1:42: addresses: found '192.0.2.1/24', expected a list of at most 65536 "
                     "entries, in brackets or each behind '- '"}},
        RefusedCase{"MapForList",
                    network("members: {port: up}"),
                    {"2:35: members: found a map, expected a list of at most 1048576 entries, in "
                     "brackets or each behind '- '"}},
        RefusedCase{"TextForMap",
                    network("members: [up]"),
                    {"2:36: an entry of 'members': found 'up', expected a map with the keys port, "
                     "vlan, such as {port: up}"}},
        RefusedCase{"ListForScalar",
                    line("mtu_bytes: [1500]"),
                    {"4:16: mtu_bytes: found a list, expected a number from 576 to 65000 without "
                     "brackets or '- '"}},
        RefusedCase{"ListForPorts",
                    "ports:\n  - name: up\n    device: tap:up0\n",
                    {"2:3: ports: found a list, expected a map of 1 to 1023 names, each with a "
                     "colon behind it and without '- '"}},
        RefusedCase{"ListForAPort",
                    "ports:\n  up:\n    - device: tap:up0\n",
                    {"3:5: port 'up': found a list, expected a map with the keys device"}},
        RefusedCase{"TextForPorts",
                    "ports: up\n",
                    {"1:8: ports: found 'up', expected a map of 1 to 1023 names, such as 'up: "
                     "{...}'"}},
        RefusedCase{"Range",
                    service("port: 80-90"),
                    {"3:53: port: found '80-90', which is a range (write port: 80, last_port: "
                     "90)"}},
        RefusedCase{
            "RangeByColon",
            service("port: 80:90"),
            {"3:53: port: found '80:90', which is a range (write port: 80, last_port: 90)"}},
        RefusedCase{
            "RangeByDots",
            service("port: 80..90"),
            {"3:53: port: found '80..90', which is a range (write port: 80, last_port: 90)"}},
        RefusedCase{"ReversedRange",
                    service("port: 90-80"),
                    {"3:53: port: found '90-80', which is a range, and reversed (write port: 80, "
                     "last_port: 90)"}},
        RefusedCase{"LastPortBelowPort",
                    service("port: 90, last_port: 80"),
                    {"3:68: last_port: 80 is below port: 90; the lower one is 'port'"}},
        RefusedCase{"RangeOfVlans",
                    network("members: [{port: up, vlan: 10-20}]"),
                    {"2:53: vlan: found '10-20', which is a range, not one number"}}),
    case_name);

RefusedCase mac(const char* name, const std::string& text) {
  return {name,
          key("mac: \"" + text + "\""),
          {"1:36: mac: found '" + text + "', expected a MAC address such as 02:00:00:00:00:01; " +
           "write 02:00:5e:00:53:0a"}};
}
RefusedCase address(const char* name, const std::string& text, const std::string& remedy) {
  return {name, key("addresses: [\"" + text + "\"]"), {"1:43: addresses: found '" + text + remedy}};
}
RefusedCase via(const char* name, const std::string& text, const std::string& remedy) {
  return {name,
          top("routes: [{to: 10.0.0.0/8, via: \"" + text + "\"}]"),
          {"2:32: via: found '" + text + "', expected an IP address " + remedy}};
}

INSTANTIATE_TEST_SUITE_P(
    Addresses, Slip,
    testing::Values(mac("MacWithDots", "0200.5e00.530a"), mac("MacWithDashes", "02-00-5E-00-53-0A"),
                    mac("MacWithoutAnything", "02005E00530A"),
                    mac("MacOfShortOctets", "2:0:5e:0:53:a"),
                    address("Netmask", "10.1.0.1/255.255.0.0",
                            "', expected a prefix length from 1 to 32, such as 192.0.2.1/24 or "
                            "2001:db8::1/64; write 10.1.0.1/16"),
                    address("NetmaskBehindASpace", "10.1.0.1 255.0.0.0",
                            "', expected an IP address and a prefix length, such as 192.0.2.1/24 "
                            "or 2001:db8::1/64; write 10.1.0.1/8"),
                    address("InverseNetmask", "10.1.0.1/0.0.0.255",
                            "', expected a prefix length from 1 to 32, such as 192.0.2.1/24 or "
                            "2001:db8::1/64; write 10.1.0.1/24"),
                    address("NetmaskWithHoles", "10.1.0.1/255.0.255.0",
                            "', expected a prefix length from 1 to 32, such as 192.0.2.1/24 or "
                            "2001:db8::1/64; no prefix has this mask"),
                    address("LengthWithAZero", "10.1.0.1/024",
                            "', expected a prefix length from 1 to 32, such as 192.0.2.1/24 or "
                            "2001:db8::1/64; write 10.1.0.1/24"),
                    address("NoLength", "10.1.0.1",
                            "', expected an IP address and a prefix length, such as 192.0.2.1/24 "
                            "or 2001:db8::1/64; write 10.1.0.1/32 for it alone"),
                    address("NoLengthOfIpv6", "2001:db8::1",
                            "', expected an IP address and a prefix length, such as 192.0.2.1/24 "
                            "or 2001:db8::1/64; write 2001:db8::1/128 for it alone"),
                    address("LeadingZeros", "192.000.002.001/24",
                            "', expected an IP address and a prefix length, such as 192.0.2.1/24 "
                            "or 2001:db8::1/64; write 192.0.2.1/24"),
                    via("WithLength", "192.0.2.9/32",
                        "without prefix length, such as 192.0.2.1 or 2001:db8::1; write 192.0.2.9"),
                    via("WithPort", "192.0.2.9:80",
                        "such as 192.0.2.1 or 2001:db8::1; write 192.0.2.9, without the port"),
                    via("InBrackets", "[2001:db8::9]",
                        "such as 192.0.2.1 or 2001:db8::1; write 2001:db8::9"),
                    via("WithInterface", "fe80::1%eth0",
                        "such as 192.0.2.1 or 2001:db8::1; write fe80::1, without the interface")),
    case_name);

// Thousands of mistakes of one kind: the first have a hint each, and it ends soon.
TEST(Hints, AreOfTheFirstMistakesAlone) {
  std::string text = "ports: {port: {device: 'tap:x'}}\nvrfs:\n";
  for (int i = 0; i < 200; ++i) text += "  v" + std::to_string(i) + ": {ports: [prot]}\n";
  size_t with_hint = 0;
  const auto mistakes = mistakes_of(text);
  for (const std::string& mistake : mistakes)
    with_hint += mistake.find("did you mean 'port'?") != std::string::npos;
  EXPECT_EQ(mistakes.size(), 200u);
  EXPECT_EQ(with_hint, 50u);
}

TEST(Switches, InWordsOfYaml11AreUnderstood) {
  EXPECT_THAT(mistakes_of("ports: {up: {device: 'tap:x'}}\nsystem: {hugepages: on}\n").at(0),
              testing::HasSubstr("did you mean 'yes'?"));
  EXPECT_THAT(mistakes_of("ports: {up: {device: 'tap:x'}}\nsystem: {hugepages: off}\n").at(0),
              testing::HasSubstr("did you mean 'no'?"));
}

}  // namespace
}  // namespace adit::config_slips_test
