// SPDX-License-Identifier: Apache-2.0
#include "config_parser.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "config_fields.h"
#include "config_limits.h"
#include "config_references.h"

namespace adit {
namespace {

[[noreturn]] void refuse(const std::string& file, Place place, std::string message) {
  throw ConfigError({{file, place.line, place.column, std::move(message), MistakeKind::kSyntax}});
}

Place end_of(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const size_t newline = text.rfind('\n');
  const size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
  return {static_cast<unsigned>(std::count(text.begin(), text.end(), '\n')) + 1,
          static_cast<unsigned>(text.size() - line_start) + 1};
}

std::vector<YAML::Node> load_documents(std::string_view yaml, const std::string& file) {
  try {
    std::string marked(yaml);
    marked.append("\n").append(Reader::kEndMark).append("\n");
    return YAML::LoadAll(marked);
  } catch (const YAML::Exception& error) {
    Place place;
    if (!error.mark.is_null())
      place = {static_cast<unsigned>(error.mark.line) + 1,
               static_cast<unsigned>(error.mark.column) + 1};
    // What is unfinished is found behind the end of the text, where yaml-cpp may have no mark.
    const Place end = end_of(yaml);
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

Config parse_config(std::string_view yaml, const std::string& file_name) {
  if (yaml.size() > kMaxConfigFileBytes) refuse(file_name, {}, too_large());
  const auto documents = load_documents(yaml, file_name);
  if (documents.size() > 1)
    refuse(file_name, Reader::place_of(documents[1]),
           "a second YAML document begins here; a configuration is one document");
  if (documents.empty() || documents[0].IsNull())
    refuse(file_name, {1, 1}, "the file is empty; expected at least 'ports:' with one port");

  MistakeList mistakes(file_name);
  ConfigDraft draft;
  Reader reader(mistakes);
  reader.read(documents[0], Reader::place_of(documents[0]), config_section(), "the file", draft);
  check_references(draft, mistakes);
  mistakes.throw_if_any();
  return finished(std::move(draft));
}

Config load_config(const std::string& path) {
  return parse_config(read_file(path), path);
}

}  // namespace adit
