// SPDX-License-Identifier: Apache-2.0
// The plain part of YAML: whatever is read without yaml-cpp gives the same events as with it.
#include <gtest/gtest.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "config/yaml/plain.h"

namespace adit {
namespace {

// All that a tree is made of.
class Recorder : public YAML::EventHandler {
 public:
  std::string text() const { return out_.str(); }

  void OnDocumentStart(const YAML::Mark&) override { out_ << "document\n"; }
  void OnDocumentEnd() override { out_ << "end of document\n"; }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { at(mark) << "null\n"; }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    at(mark) << "alias " << anchor << '\n';
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    at(mark) << "scalar " << tag << ' ' << anchor << ' ' << value << '\n';
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    at(mark) << "list " << tag << ' ' << anchor << '\n';
  }
  void OnSequenceEnd() override { out_ << "end of list\n"; }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    at(mark) << "map " << tag << ' ' << anchor << '\n';
  }
  void OnMapEnd() override { out_ << "end of map\n"; }

 private:
  std::ostream& at(const YAML::Mark& mark) {
    return out_ << mark.line << ':' << mark.column << ' ';
  }
  std::ostringstream out_;
};

std::optional<std::string> plain(const std::string& text) {
  Recorder recorder;
  if (!read_plain_yaml(text, recorder)) return std::nullopt;
  return recorder.text();
}

// None: it is no YAML. Of a second document only that there is one.
std::optional<std::string> by_yaml_cpp(const std::string& text) {
  Recorder recorder;
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (parser.HandleNextDocument(recorder)) parser.HandleNextDocument(recorder);
  } catch (const YAML::Exception&) {
    return std::nullopt;
  }
  return recorder.text();
}

const std::vector<std::string> kPlain = {
    "a: 1\n",
    "a: 1",
    "# first\n\na: 1  # one\n  # deeper\nb: two words # and\n#c: 3\nd: x-y, z\n",
    "ports:\n  c0: {device: \"tap:c0\", addresses: [10.4.0.254/24, 2001:db8::1/64]}\n"
    "  b0:\n    device: tap:b0\n    addresses: [10.5.0.254/24]\n",
    "services:\n  s0:\n    vrf: t\n    backends:\n      - {address: 11.0.0.1}\n"
    "      - {address: 11.0.0.2, weight: 2}\n  s1:\n    backends:\n    - address: 11.0.0.3\n"
    "      weight: 1\n    - address: 11.0.0.4\n    port: 80\n",
    "a: {}\nb: []\nc: [[1, 2], {d: [{e: f}]}, \"g h\", 'i j']\n",
    "a: {b: 1,\n  # in it\n    c: [2, 3,\n4] ,\n d: 5 }  # end\ne: 'it is # no comment: {'\n",
    "a:\n- 1\n- two\nb:\n  - c:\n      - d\n    e: f\n",
    "mac: 02:00:00:00:00:03\nip: fd00::1\nnet: fd00::/64\nv: 1.5\nw: a.b.c\nx: a=b+c@d\n",
    "a: \"\"\nb: ''\nc: \"a: b, {c}\"\n",
    "a-b.c/d_e: x\n\n\n",
};

TEST(PlainYaml, GivesTheEventsOfYamlCpp) {
  for (const std::string& text : kPlain) {
    const auto found = plain(text);
    ASSERT_TRUE(found) << text;
    EXPECT_EQ(found, by_yaml_cpp(text)) << text;
  }
}

TEST(PlainYaml, LeavesTheRestToYamlCpp) {
  for (const char* text : {"",
                           "# nothing\n",
                           "a\n",
                           "a:\n",
                           "a: {b: }\n",
                           "a: ~\n",
                           "a: null\n",
                           "- a\n",
                           "{a: 1}\n",
                           " a: 1\n",
                           "a: &x 1\nb: *x\n",
                           "a: !t 1\n",
                           "a: |\n  b\n",
                           "a: >\n  b\n",
                           "a: \"\\n\"\n",
                           "a: 'it''s'\n",
                           "a: 1\n  2\n",
                           "a: \"b\n  c\"\n",
                           "a: [b\n  c]\n",
                           "a: 1\n---\nb: 2\n",
                           "---\na: 1\n",
                           "a: 1\n...\n",
                           "%YAML 1.2\na: 1\n",
                           "a:\t1\n",
                           "a: \xc3\xa4\n",
                           "# \xc3\xa4\na: 1\n",
                           "a: b: c\n",
                           "a: b #c\n d: e\n",
                           "a: 1\n b: 2\n",
                           "? a\n: b\n",
                           "<<: {a: 1}\n",
                           "a: [1, 2\n",
                           "a: {b: 1,}\n",
                           "a: [1,]\n",
                           "a: ]\n",
                           "a: 1#b\n  c\n",
                           "a: {b: 1}#c\n",
                           "a: [x]: y\n",
                           "\"a\": 1\n",
                           "a:1\n",
                           "null: 1\n",
                           "a: -1\n",
                           "a: @b\n",
                           "a:\n - b\n - c: 1\n  d: 2\n",
                           "a: [b: c]\n",
                           "a: {b}\n",
                           "a: ...\n",
                           "a: [\n...\n]\n"})
    EXPECT_FALSE(plain(text)) << text;
}

// What is changed at random may be anything: if it is read, then as yaml-cpp reads it.
TEST(PlainYaml, NeverReadsAnythingInAnotherWay) {
  constexpr std::string_view kPieces[] = {" ",   "  ",  "\n", ":", ": ", "- ", "-",   "{", "}",
                                          "[",   "]",   ",",  "#", " #", "'",  "\"",  "a", "1",
                                          ".",   "\\",  "&",  "*", "|",  "!",  "?",   "~", "null",
                                          "...", "---", "\t", "=", "@",  "%",  "<<: "};
  std::mt19937 random(1);
  const auto below = [&random](size_t end) { return static_cast<size_t>(random()) % end; };
  size_t read = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string text = kPlain[below(kPlain.size())];
    for (size_t changes = below(3) + 1; changes > 0 && !text.empty(); --changes) {
      const size_t at = below(text.size());
      switch (below(4)) {
        case 0:
          text.erase(at, below(4) + 1);
          break;
        case 1:
          text.replace(at, 1, kPieces[below(std::size(kPieces))]);
          break;
        case 2:
          text.insert(at, text.substr(below(text.size()), below(12)));
          break;
        default:
          text.insert(at, kPieces[below(std::size(kPieces))]);
      }
    }
    const auto found = plain(text);
    read += found.has_value();
    if (found) {
      ASSERT_EQ(found, by_yaml_cpp(text)) << text;
    }
  }
  EXPECT_GT(read, 5'000u);
}

}  // namespace
}  // namespace adit
