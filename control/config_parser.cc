// SPDX-License-Identifier: Apache-2.0
#include "config_parser.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

#include "config_fields.h"
#include "config_references.h"

namespace adit {
namespace {

[[noreturn]] void refuse(const std::string& file, Place place, std::string message) {
  throw ConfigError({{file, place.line, place.column, std::move(message), MistakeKind::kSyntax}});
}

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<unsigned>(mark.line) + 1, static_cast<unsigned>(mark.column) + 1};
}

Place end_of(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const size_t newline = text.rfind('\n');
  const size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
  return {static_cast<unsigned>(std::count(text.begin(), text.end(), '\n')) + 1,
          static_cast<unsigned>(text.size() - line_start) + 1};
}

// Hears of a document's beginning, and nothing else.
class DocumentStart : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { mark_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
  const YAML::Mark& mark() const noexcept { return mark_; }

 private:
  YAML::Mark mark_;
};

// Not YAML::LoadAll: of a stray ',' it makes documents without end.
void refuse_second_document(const std::string& yaml, const std::string& file) {
  std::istringstream stream(yaml);
  YAML::Parser parser(stream);
  DocumentStart start;
  if (!parser.HandleNextDocument(start) || !parser.HandleNextDocument(start)) return;
  refuse(file, place_of(start.mark()),
         "a second YAML document begins here, or a stray character; a configuration is one "
         "document");
}

YAML::Node load_document(std::string_view yaml, const std::string& file) {
  try {
    std::string marked(yaml);
    marked.append("\n").append(Reader::kEndMark).append("\n");
    refuse_second_document(marked, file);
    return YAML::Load(marked);
  } catch (const YAML::Exception& error) {
    // What is unfinished is found behind the end of the text, where yaml-cpp may have no mark.
    const Place end = end_of(yaml);
    Place place = place_of(error.mark);
    if (place.line > end.line || (error.msg.starts_with("end of ") && place.line <= 1)) place = end;
    refuse(file, place, "not valid YAML: " + error.msg);
  }
}

// A file descriptor that closes itself.
class File {
 public:
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

std::string too_large() {
  return "the file is larger than " + std::to_string(kMaxConfigFileBytes >> 20) + " MiB";
}

std::string read_file(const std::string& path) {
  const auto cannot = [&](int error) {
    refuse(path, {}, std::string("cannot read the configuration: ") + std::strerror(error));
  };
  const File file(path);
  struct stat status = {};
  if (file.fd() < 0 || fstat(file.fd(), &status) != 0) cannot(errno);
  if (S_ISDIR(status.st_mode)) cannot(EISDIR);
  std::string text;
  char chunk[1 << 16];
  for (;;) {  // a pipe has no size to go by
    const ssize_t got = read(file.fd(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) cannot(errno);
    if (got == 0) return text;
    text.append(chunk, static_cast<size_t>(got));
    if (text.size() > kMaxConfigFileBytes) refuse(path, {}, too_large());
  }
}

}  // namespace

Config parse_config(std::string_view yaml, const std::string& file_name,
                    const ConfigLimits& limits) {
  if (yaml.size() > kMaxConfigFileBytes) refuse(file_name, {}, too_large());
  const YAML::Node document = load_document(yaml, file_name);
  if (!document.IsDefined() || document.IsNull())
    refuse(file_name, {1, 1}, "the file is empty; expected at least 'ports:' with one port");

  MistakeList mistakes(file_name);
  ConfigDraft draft;
  Reader reader(mistakes, limits.values);
  reader.read(document, Reader::place_of(document), config_section(), "the file", draft);
  check_references(draft, limits, mistakes);
  mistakes.throw_if_any();
  return finished(std::move(draft));
}

Config load_config(const std::string& path) {
  return parse_config(read_file(path), path);
}

}  // namespace adit
