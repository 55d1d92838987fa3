// SPDX-License-Identifier: Apache-2.0
#include "config/yaml/tree.h"

#include <time.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <istream>
#include <limits>
#include <optional>
#include <streambuf>
#include <unordered_map>
#include <utility>

#include "config/yaml/error.h"
#include "config/yaml/plain.h"
#include "config/yaml/text.h"
#include "config/yaml/trouble.h"

namespace adit {
namespace {

// Has to follow the text as a line of its own: a quote that is never closed takes this in, which
// yaml-cpp does not report.
constexpr std::string_view kEndMark = "#adit: end of the configuration";

constexpr uint64_t kFreeAliased = 100'000;  // values that aliases may add to any file
constexpr uint64_t kAliasedPerValue = 8;    // and what they may add to a larger one
// Beyond any honest file, and less than an operator waits.
constexpr time_t kMostCpuSeconds = 60;

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<unsigned>(mark.line) + 1, static_cast<unsigned>(mark.column) + 1};
}

time_t cpu_seconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec;
}

// YAML 1.2 section 5.4: a carriage return alone ends a line, too, which yaml-cpp does not know.
void end_lines_by_newline(std::string& text) {
  for (size_t at = text.find('\r'); at != std::string::npos; at = text.find('\r', at + 1))
    if (text[at + 1] != '\n') text[at] = '\n';
}

// A text as a stream, without a copy.
class TextBuffer : public std::streambuf {
 public:
  explicit TextBuffer(std::string& text) {
    setg(text.data(), text.data(), text.data() + text.size());
  }
};

}  // namespace

class YamlTreeBuilder : public YAML::EventHandler {
 public:
  YamlTreeBuilder(std::string_view text, const std::string& file, const YamlTree::Limits& limits)
      : text_(text), file_(file), limits_(limits), started_s_(cpu_seconds()) {
    // About what flow style has; what is more grows.
    tree_.entries_.reserve(text.size() / 8 + 2);
    tree_.texts_.reserve(text.size() / 2);
    tree_.entries_.resize(1);
  }

  YamlTree take() {
    tree_.root_ = tree_.entries_.size() > 1 ? 1 : 0;
    return std::move(tree_);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) throw ConfigError({second_document(text_, file_, place_of(mark))});
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    name(anchor, add(mark, YamlTree::Kind::kNull));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Place place = place_of(mark);
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end() || found->second.is_open)
      refuse(place, "this alias refers to a value that contains it");
    const uint32_t index = add(mark, YamlTree::Kind::kAlias);
    tree_.entries_[index].begin = found->second.index;
    aliased_ += found->second.values;
    total_ += found->second.values - 1;  // add() has counted one
    if (aliased_ > kFreeAliased + kAliasedPerValue * written())
      refuse(place, "aliases make " + std::to_string(aliased_) + " values of the " +
                        std::to_string(written()) +
                        " that are written up to here, which is too many; write the values out");
    check_total(place);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const uint32_t index = add(mark, YamlTree::Kind::kScalar);
    YamlTree::Entry& entry = tree_.entries_[index];
    entry.begin = static_cast<uint32_t>(tree_.texts_.size());
    entry.size = static_cast<uint32_t>(value.size());
    tree_.texts_ += value;
    set_tag(index, tag);
    if (entry.tag == YamlTree::Tag::kQuoted && value.find(kEndMark) != std::string::npos)
      refuse(entry.place, "the quote that opens here is not closed");
    name(anchor, index);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, YamlTree::Kind::kList, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, YamlTree::Kind::kMap, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    uint32_t index;
    uint32_t last_child = 0;
    uint64_t total_before;
    YAML::anchor_t anchor;
  };
  struct Anchor {
    uint32_t index = 0;
    uint64_t values = 1;  // aliases followed
    bool is_open = false;
  };

  [[noreturn]] void refuse(Place place, std::string message) const {
    throw ConfigError(
        {{file_, place.line, place.column, std::move(message), MistakeKind::kSyntax}});
  }

  uint64_t written() const noexcept { return tree_.entries_.size() - 1; }

  void check_total(Place place) const {
    if (total_ > limits_.values)
      refuse(place, "the file has more than " + std::to_string(limits_.values) +
                        " values, aliases followed; the rest is not read");
  }

  uint32_t add(const YAML::Mark& mark, YamlTree::Kind kind) {
    const auto index = static_cast<uint32_t>(tree_.entries_.size());
    YamlTree::Entry& entry = tree_.entries_.emplace_back();
    entry.place = place_of(mark);
    entry.kind = kind;
    ++total_;
    check_total(entry.place);
    if (index % 1024 == 0 && limits_.cancelled != nullptr && *limits_.cancelled)
      refuse(entry.place, "reading was cancelled here");
    if (index % 65536 == 0 && cpu_seconds() - started_s_ > kMostCpuSeconds)
      refuse(entry.place, "reading this file takes more than " + std::to_string(kMostCpuSeconds) +
                              " s; the rest is not read");
    if (open_.empty()) return index;
    Open& parent = open_.back();
    if (parent.last_child == 0)
      tree_.entries_[parent.index].begin = index;
    else
      tree_.entries_[parent.last_child].next = index;
    parent.last_child = index;
    ++tree_.entries_[parent.index].size;
    return index;
  }

  void set_tag(uint32_t index, const std::string& tag) {
    if (tag.empty() || tag == "?") return;
    tree_.entries_[index].tag = tag == "!" ? YamlTree::Tag::kQuoted : YamlTree::Tag::kOther;
    if (tag == "!") return;
    tree_.tags_.push_back(tag);
    tree_.tagged_.push_back(index);
  }

  void name(YAML::anchor_t anchor, uint32_t index) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {.index = index};
  }

  void open(const YAML::Mark& mark, YamlTree::Kind kind, const std::string& tag,
            YAML::anchor_t anchor) {
    if (open_.size() >= kMaxYamlDepth)
      refuse(place_of(mark), "this is nested more than " + std::to_string(kMaxYamlDepth) +
                                 " levels deep; no key of the configuration is");
    const uint64_t before = total_;
    const uint32_t index = add(mark, kind);
    set_tag(index, tag);
    open_.push_back({index, 0, before, anchor});
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {.index = index, .is_open = true};
  }

  void close() {
    const Open closed = open_.back();
    open_.pop_back();
    if (closed.anchor != YAML::NullAnchor)
      anchors_[closed.anchor] = {closed.index, total_ - closed.total_before, false};
  }

  const std::string_view text_;
  const std::string& file_;
  const YamlTree::Limits limits_;
  const time_t started_s_;
  YamlTree tree_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Anchor> anchors_;
  uint64_t total_ = 0;    // values, aliases followed
  uint64_t aliased_ = 0;  // of them behind aliases
  unsigned documents_ = 0;
};

std::string_view YamlNode::tag() const noexcept {
  const auto& tagged = tree_->tagged_;
  const auto found = std::lower_bound(tagged.begin(), tagged.end(), index_);
  if (found == tagged.end() || *found != index_) return {};
  return tree_->tags_[static_cast<size_t>(found - tagged.begin())];
}

// Without yaml-cpp, if it can be done. What is wrong is left to yaml-cpp, so that it is found in
// the same order whoever reads.
static std::optional<YamlTree> read_plain(std::string_view text, const std::string& file,
                                          const YamlTree::Limits& limits) {
  YamlTreeBuilder builder(text, file, limits);
  try {
    if (read_plain_yaml(text, builder)) return builder.take();
  } catch (const ConfigError&) {
  }
  return std::nullopt;
}

YamlTree parse_yaml(std::string_view text, const std::string& file,
                    const YamlTree::Limits& limits) {
  if (auto mistake = why_no_text(text, file)) throw ConfigError({*std::move(mistake)});
  const bool has_returns = text.find('\r') != text.npos;
  if (!has_returns)
    if (auto tree = read_plain(text, file, limits)) return *std::move(tree);
  std::string marked;
  marked.reserve(text.size() + kEndMark.size() + 2);
  marked.append(text).append("\n").append(kEndMark).append("\n");
  end_lines_by_newline(marked);
  text = std::string_view(marked).substr(0, text.size());
  if (has_returns)
    if (auto tree = read_plain(text, file, limits)) return *std::move(tree);
  YamlTreeBuilder builder(text, file, limits);
  try {
    TextBuffer buffer(marked);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    // Not YAML::LoadAll: of a stray ',' it makes documents without end. A second one throws.
    if (parser.HandleNextDocument(builder)) parser.HandleNextDocument(builder);
    return builder.take();
  } catch (const YAML::Exception& error) {
    throw ConfigError({yaml_trouble(text, file, place_of(error.mark), error.msg)});
  }
}

}  // namespace adit
