// SPDX-License-Identifier: Apache-2.0
// The text as YAML: what is refused before any key is looked at, and what readers of other versions
// of YAML would make of it.
#include <gtest/gtest.h>

#include "config/yaml/tree.h"
#include "config/yaml/yaml11.h"
#include "config_cases.h"

namespace adit {
namespace {

class IndentationRefused : public testing::TestWithParam<RefusedCase> {};
TEST_P(IndentationRefused, NamesTheLineWhereItBegins) {
  expect_refused(GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    All, IndentationRefused,
    testing::Values(
        RefusedCase{
            "Tab", "ports:\n\tup: {device: 'tap:x'}\n", {"2:1: this line is indented with a tab"}},
        RefusedCase{"TabBehindSpaces",
                    "ports:\n  up:\n  \t device: 'tap:x'\n",
                    {"3:3: this line is indented with a tab"}},
        RefusedCase{"TabLongBeforeYamlFails",
                    "ports:\n  up:\n    device: 'tap:x'\n\tmtu_bytes: 1500\nroutes: []\n",
                    {"4:1: this line is indented with a tab"}},
        RefusedCase{"BetweenTwoLevels",
                    "ports:\n  up:\n    device: 'tap:x'\n   mtu_bytes: 1500\n",
                    {"4:4: this line is indented by 3 spaces, as nothing above it is; expected 2 "
                     "spaces as line 2"}},
        RefusedCase{"DeeperThanAValue",
                    "ports:\n  up:\n    device: 'tap:x'\n      mtu_bytes: 1500\n",
                    {"4:7: this line is indented by 6 spaces, deeper than line 3, which "
                     "already has a value"}},
        RefusedCase{"ListEntry",
                    "ports:\n  up:\n    addresses:\n      - 192.0.2.1/24\n     - 192.0.2.2/24\n",
                    {"5:6: this line is indented by 5 spaces"}},
        RefusedCase{"TabsInBracketsAreNotMeant",
                    "ports: {up: {device: 'tap:x',\n\taddresses: [192.0.2.1/24}}\n",
                    {"2:13: the '[' that opens here is not closed"}}),
    case_name);

TEST(ConfigYaml, TabsThatIndentNothingAreAllowed) {
  EXPECT_EQ(mistakes_of("ports: {up: {device: 'tap:x',\n\taddresses: [192.0.2.1/24]}}\n"),
            std::vector<std::string>());
  EXPECT_EQ(mistakes_of("ports:\n\t\n\t# a comment\n  up:\n    device:\t'tap:x'\n"),
            std::vector<std::string>());
}

using namespace std::string_literals;

INSTANTIATE_TEST_SUITE_P(
    FirstKey, IndentationRefused,
    testing::Values(
        RefusedCase{
            "Indented",
            "# adit\n  ports:\n    up: {device: 'tap:x'}\nroutes: []\n",
            {"2:3: the file's first line with a key is indented by 2 spaces, and line 4 by 0 "
             "spaces; expected all keys of the file in one column, such as the first"}},
        RefusedCase{"BehindTheMarkOfADocument",
                    "---\n ports:\n  up: {device: 'tap:x'}\nroutes: []\n",
                    {"2:2: the file's first line with a key is indented by 1 space"}},
        RefusedCase{
            "LessButNotLeast",
            "   ports:\n    up: {device: 'tap:x'}\n routes: []\n",
            {"1:4: the file's first line with a key is indented by 3 spaces, and line 3 by 1 "
             "space"}},
        RefusedCase{"OddSpace",
                    "ports:\n \xc2\xa0up: {device: 'tap:x'}\n",
                    {"2:2: this line is indented with a character that only looks like a space"}},
        RefusedCase{"OtherIndentationBehindTabsInComments",
                    "ports:\n  #\tc\n\t# c\n  up:\t# c\n    device: 'tap:x'\t#\tc\n   x: 1\n",
                    {"6:4: this line is indented by 3 spaces"}},
        RefusedCase{"SecondDocument",
                    "---\nports: {up: {device: 'tap:x'}}\n---\nroutes: []\n",
                    {"3:1: a second YAML document begins here, by '---'"}}),
    case_name);

const std::string kGoodText = "ports:\n  up: {device: 'tap:x'}\n";
INSTANTIATE_TEST_SUITE_P(
    NoText, IndentationRefused,
    testing::Values(
        RefusedCase{"Nul",
                    kGoodText + "routes: [\0]\n"s,
                    {"3:10: here is a NUL byte (0x00), which is not text"}},
        RefusedCase{"NulInAComment", kGoodText + "\n# \0\n"s, {"4:3: here is a NUL byte"}},
        RefusedCase{"NulInQuotes", "ports: {up: {device: '\0'}}\n"s, {"1:23: here is a NUL byte"}},
        RefusedCase{"NulBehindAllElse", kGoodText + "\0\0\0\0"s, {"3:1: here is a NUL byte"}},
        RefusedCase{"NulBeforeAllElse", "\0"s + "\0\0\0\0\0"s, {"1:1: here is a NUL byte"}},
        RefusedCase{"Escape",
                    kGoodText + "# \x1b[31m\n",
                    {"3:3: here is a control character (0x1b), which YAML does not permit"}},
        RefusedCase{"Utf16LittleEndianWithMark",
                    "\xff\xfep\0o\0r\0t\0"s,
                    {"1:1: this file is in UTF-16LE; expected UTF-8, which 'iconv -f UTF-16LE -t "
                     "UTF-8' makes of it"}},
        RefusedCase{"Utf16BigEndianWithMark", "\xfe\xff\0p\0o"s, {"1:1: this file is in UTF-16BE"}},
        RefusedCase{"Utf16LittleEndian", "p\0o\0r\0t\0"s, {"1:1: this file is in UTF-16LE"}},
        RefusedCase{"Utf16BigEndian", "\0p\0o\0r"s, {"1:1: this file is in UTF-16BE"}},
        RefusedCase{"Utf32LittleEndian", "\xff\xfe\0\0p\0\0\0"s, {"1:1: this file is in UTF-32LE"}},
        RefusedCase{"Utf32BigEndian", "\0\0\0p\0\0\0o"s, {"1:1: this file is in UTF-32BE"}}),
    case_name);

TEST(ConfigYaml, TextOfEveryLegalFormIsRead) {
  for (const std::string& text :
       {"\xef\xbb\xbf" + kGoodText, "# caf\xc3\xa9 \xe4\xb8\xad\n" + kGoodText,
        "# caf\xe9 in Latin-1\n" + kGoodText, "%YAML 1.2\n---\n" + kGoodText + "...\n",
        "--- # c\n" + kGoodText, "  ports:\n    up: {device: 'tap:x'}\n  routes: []\n"s,
        "ports:\r\n  up: {device: 'tap:x'}\r\n"s, "ports:\r  up: {device: 'tap:x'}\rroutes: []\r"s})
    EXPECT_EQ(mistakes_of(text), std::vector<std::string>()) << text;
  EXPECT_EQ(
      mistakes_of("\xef\xbb\xbfports:\n  up:\n    device: 'tap:x'\n   x: 1\n").at(0).substr(0, 8),
      "4:4: thi");
}

TEST(ConfigYaml, TabsInCommentsAndBeforeThemAreAllowed) {
  for (const char* text :
       {"ports:\t# c\n  up:\t\n    device: 'tap:x'\t# c\tc\n",
        "#\tc\n\t# c\n\t\nports:\n  #\tc\n  \t# c\n  up: {device: 'tap:x'}\t#\tc\t\n",
        "ports: {up: {device: 'tap:x',\t# c\tc\n\tmtu_bytes: 1500 # d\n\t}}\n",
        "ports:\n  up:\n    addresses:\n    -\t192.0.2.1/24\t# c\n    device: 'tap:x'\n"})
    EXPECT_EQ(mistakes_of(text), std::vector<std::string>()) << text;
}

TEST(ConfigYaml, DeepNestingIsNamed) {
  const auto mistakes = mistakes_of("ports: " + std::string(100'000, '['));
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_TRUE(mistakes[0].starts_with("1:")) << mistakes[0];
  EXPECT_TRUE(mistakes[0].ends_with(
      ": this is nested more than 32 levels deep; no key of the configuration is"))
      << mistakes[0];
  EXPECT_EQ(mistakes_of("ports: " + std::string(5000, '{')).size(), 1u);
  std::string block = "ports:\n";
  for (int i = 1; i < 60; ++i) block += std::string(i, ' ') + "a:\n";
  EXPECT_NE(mistakes_of(block).at(0).find("more than 32 levels deep"), std::string::npos);
}

TEST(ConfigYaml, AliasesOfAliasesAreRefusedWhereTheyGrow) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string name = 'a' + std::to_string(i), former = "*a" + std::to_string(i - 1);
    bomb += name + ": &" + name + " [" + former;
    for (int j = 1; j < 10; ++j) bomb += ", " + former;
    bomb += "]\n";
  }
  const auto mistakes = mistakes_of(bomb);
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_TRUE(mistakes[0].starts_with("5:")) << mistakes[0];
  EXPECT_NE(mistakes[0].find("which is too many; write the values out"), std::string::npos);
}

TEST(ConfigYaml, ManyUsesOfOneAliasAreNoBomb) {
  std::string text =
      "ports: {up: {device: 'tap:x', addresses: [10.0.0.1/8]}}\n"
      "services:\n"
      "  s0: {address: 10.1.0.0, port: 80, health: &h {kind: tcp, interval_ms: 5000, rise: 2, "
      "fall: 3}, backends: &b [{address: 10.2.0.1}, {address: 10.2.0.2}]}\n";
  for (int i = 1; i < 5000; ++i)
    text += "  s" + std::to_string(i) + ": {address: 10.1." + std::to_string(i / 256) + '.' +
            std::to_string(i % 256) + ", port: 80, health: *h, backends: *b}\n";
  EXPECT_EQ(mistakes_of(text), std::vector<std::string>());
}

TEST(ConfigYaml, ReadingIsGivenUpWhereNobodyWaitsForIt) {
  const std::atomic<bool> cancelled = true;
  ConfigLimits limits;
  limits.cancelled = &cancelled;
  std::string text = "ports: [";
  for (int i = 0; i < 5000; ++i) text += "x, ";
  const auto mistakes = mistakes_of(text + "]\n", limits);
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_NE(mistakes[0].find("cancelled"), std::string::npos);
}

TEST(ConfigYaml, TreeHasWhatTheTextHas) {
  const YamlTree tree =
      parse_yaml("a: [1, 'two', ~, !x y]\nb: &n {c: d}\ne: *n\n", "f", {.values = 100});
  std::vector<YamlNode> top;
  for (const YamlNode node : tree.root()) top.push_back(node);
  ASSERT_EQ(top.size(), 6u);
  EXPECT_EQ(top[0].scalar(), "a");
  std::vector<YamlNode> list;
  for (const YamlNode node : top[1]) list.push_back(node);
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0].scalar(), "1");
  EXPECT_FALSE(list[0].is_quoted());
  EXPECT_TRUE(list[1].is_quoted());
  EXPECT_TRUE(list[2].is_null());
  EXPECT_EQ(list[3].tag(), "!x");
  EXPECT_EQ(list[3].place().column, 18u);
  EXPECT_TRUE(top[5].is_map());
  EXPECT_EQ(top[5].place().line, 2u) << "what it stands for";
  EXPECT_EQ((*top[5].begin()).scalar(), "c");
}

TEST(Yaml11, KnowsWhatIsNoTextThere) {
  for (const char* text : {"yes", "No", "ON", "off", "true", "FALSE"})
    EXPECT_EQ(taken_for(text), "a boolean") << text;
  for (const char* text : {"0000:01:00.0", "12:30", "1:2:3", "12:34:56:10:20:30", "190:20:30.15"})
    EXPECT_EQ(taken_for(text), "a number of base 60") << text;
  for (const char* text : {"1e3", "1.5", ".5", "010", "0o17", "0x1F", "0b101", "1_000", "+7",
                           ".inf", ".NaN", "-1.0", "6.02e+23", "1."})
    EXPECT_EQ(taken_for(text), "a number") << text;
  for (const char* text : {"2001-12-14", "2001-12-14T21:59:43Z"})
    EXPECT_EQ(taken_for(text), "a date") << text;
  for (const char* text : {"", "~", "null"}) EXPECT_EQ(taken_for(text), "nothing (null)") << text;
  for (const char* text : {"0",
                           "7",
                           "-7",
                           "4094",
                           "yEs",
                           "onn",
                           "y",
                           "N",
                           "0000:81:00.0",
                           "0000:0a:00.0",
                           "192.0.2.1",
                           "192.0.2.0/24",
                           "2001:db8::1",
                           "::",
                           "02:00:00:00:00:01",
                           "tap:x",
                           "200-299",
                           "1x",
                           "e3",
                           "a.b",
                           "0xg",
                           "12:60",
                           "web",
                           "-",
                           "."})
    EXPECT_EQ(taken_for(text), "") << text;
}

class Yaml11Refused : public testing::TestWithParam<RefusedCase> {};
TEST_P(Yaml11Refused, SaysWhichQuotesToUse) {
  expect_refused(GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    All, Yaml11Refused,
    testing::Values(
        RefusedCase{"PciAddress",
                    "ports: {up: {device: 0000:01:00.0}}\n",
                    {"1:22: device: found '0000:01:00.0', which YAML readers may take for a number "
                     "of base 60; write it in quotes: \"0000:01:00.0\""}},
        RefusedCase{"Mac",
                    "ports: {up: {device: 'tap:x', mac: 12:34:56:10:20:30}}\n",
                    {"1:36: mac: found '12:34:56:10:20:30', which YAML readers may take for a "
                     "number of base 60"}},
        RefusedCase{"Name",
                    "ports: {on: {device: 'tap:x'}}\n",
                    {"1:9: ports: found 'on' as a name, which YAML readers may take for a boolean; "
                     "write it in quotes: \"on\""}},
        RefusedCase{"Number",
                    "ports: {up: {device: 'tap:x', mtu_bytes: 1e3}}\n",
                    {"1:42: mtu_bytes: found '1e3', which is not a decimal number"}},
        RefusedCase{"Octal",
                    "ports: {up: {device: 'tap:x', mtu_bytes: 0o2000}}\n",
                    {"1:42: mtu_bytes: found '0o2000'"}},
        RefusedCase{"Flag",
                    "ports: {up: {device: 'tap:x', promiscuous: yes}}\n",
                    {"1:44: promiscuous: found 'yes', expected true or false"}}),
    case_name);

TEST(ConfigYaml, WordsThatAreBooleansElsewhereMeanTheSame) {
  const auto offload = [](const char* word) {
    return parse_config("ports: {up: {device: 'tap:x', offload: " + std::string(word) + "}}\n", "f")
        .ports[0]
        .offload;
  };
  EXPECT_EQ(offload("off"), OffloadMode::kOff);
  EXPECT_EQ(offload("false"), OffloadMode::kOff) << "as PyYAML writes it again";
  EXPECT_EQ(offload("\"off\""), OffloadMode::kOff);
  EXPECT_EQ(mistakes_of("ports: {up: {device: 'tap:x', offload: true}}\n").size(), 1u);
  const auto hugepages = [](const char* word) {
    return parse_config(
               "system: {hugepages: " + std::string(word) + "}\nports: {up: {device: 'tap:x'}}\n",
               "f")
        .system.hugepages;
  };
  EXPECT_EQ(hugepages("yes"), HugepageMode::kYes);
  EXPECT_EQ(hugepages("true"), HugepageMode::kYes);
  EXPECT_EQ(hugepages("false"), HugepageMode::kNo);
}

TEST(ConfigYaml, NamesInQuotesMayBeAnyWord) {
  EXPECT_EQ(mistakes_of("ports: {\"on\": {device: \"tap:x\"}}\n"), std::vector<std::string>());
}

}  // namespace
}  // namespace adit
