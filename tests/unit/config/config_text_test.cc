// SPDX-License-Identifier: Apache-2.0
// A configuration written as YAML; every_key_test.py has every key.
#include <gtest/gtest.h>

#include "config/diff.h"
#include "config/parser.h"
#include "config_services.h"

namespace adit::config_text_test {
namespace {

TEST(ConfigText, LeavesOutWhatIsByDefault) {
  const Config config = parse_config(
      "system: {poll: adaptive, hugepages: \"no\"}\n"
      "ports:\n"
      "  up: {device: 'tap:up0', addresses: [192.0.2.1/24, '2001:db8::1/64'], mtu_bytes: 1500}\n"
      "  \"on\": {device: 'vdev:net_null0,copy=1'}\n"
      "networks: {red: {vni: 7, members: [{port: \"on\", vlan: 5}], remotes: [{address: 192.0.2.2, "
      "tunnel: {ttl: 9}}], static_macs: []}}\n",
      "f");
  EXPECT_EQ(config_text(config),
            "system:\n"
            "  hugepages: \"no\"\n"
            "ports:\n"
            "  up:\n"
            "    device: tap:up0\n"
            "    addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"
            "  \"on\":\n"
            "    device: \"vdev:net_null0,copy=1\"\n"
            "networks:\n"
            "  red:\n"
            "    vni: 7\n"
            "    members:\n"
            "      - port: \"on\"\n"
            "        vlan: 5\n"
            "    remotes:\n"
            "      - address: 192.0.2.2\n"
            "        tunnel:\n"
            "          ttl: 9\n");
}

TEST(ConfigText, SectionsThatAreThereByTheirNameStay) {
  const Config config = parse_config(
      web("address: 192.0.2.80, port: 0, persistence: {timeout_s: 300}, health: {kind: tcp, port: "
          "9}"),
      "f");
  const std::string text = config_text(config);
  EXPECT_NE(text.find("    port: 0\n    health:\n      port: 9\n    persistence: {}\n"),
            std::string::npos)
      << text;
  EXPECT_TRUE(parse_config(text, "f") == config) << text;
}

TEST(ConfigText, AnyTextComesBackAsItWas) {
  Config config = parse_config(
      web("address: 192.0.2.80, port: 80, health: {kind: udp, udp: {expect: x}}"), "f");
  std::string& expect = config.services[0].health->question.udp.expect;
  for (const std::string text : {"on",
                                 "null",
                                 "~",
                                 "7",
                                 "1e3",
                                 "0x1f",
                                 "1:30",
                                 "2001-12-14",
                                 "-",
                                 "- a",
                                 "? a",
                                 "a: b",
                                 "a #b",
                                 "#",
                                 "'",
                                 "\"",
                                 "\\n",
                                 " a ",
                                 "a\nb",
                                 "\r\n",
                                 "\t",
                                 "\x01\x1f\x7f",
                                 "%",
                                 "@",
                                 "&a",
                                 "*a",
                                 "!a",
                                 "|",
                                 ">",
                                 "{a}",
                                 "[a]",
                                 "a,b",
                                 "a:",
                                 ":a",
                                 "=",
                                 "<<",
                                 "\xc3\xa4\xe2\x82\xac",
                                 "\xc2\x85",
                                 "\xc2\xa0",
                                 "\xe2\x80\xa8",
                                 "\xe2\x80\xa9",
                                 "\xef\xbb\xbf",
                                 "\xf0\x9f\x98\x80"}) {
    expect = text;
    const std::string written = config_text(config);
    EXPECT_TRUE(parse_config(written, "f") == config) << written;
  }
}

}  // namespace
}  // namespace adit::config_text_test
