// SPDX-License-Identifier: Apache-2.0
#include "config_parser.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "config_fields.h"
#include "config_references.h"
#include "config_warnings.h"
#include "yaml_tree.h"

namespace adit {
namespace {

[[noreturn]] void refuse(const std::string& file, Place place, std::string message) {
  throw ConfigError({{file, place.line, place.column, std::move(message), MistakeKind::kSyntax}});
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

std::string read_text(const std::string& path) {
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

// All of it, or a ConfigError.
ConfigDraft read_draft(std::string_view yaml, const std::string& file_name,
                       const ConfigLimits& limits) {
  if (yaml.size() > kMaxConfigFileBytes) refuse(file_name, {}, too_large());
  ConfigDraft draft;
  MistakeList mistakes(file_name);
  {
    const YamlTree tree =
        parse_yaml(yaml, file_name, {.values = limits.values, .cancelled = limits.cancelled});
    const YamlNode document = tree.root();
    if (!document.is_defined() || document.is_null())
      refuse(file_name, {1, 1}, "the file is empty; expected at least 'ports:' with one port");
    Reader reader(mistakes);
    reader.read(document, document.place(), config_section(), "the file", draft);
  }
  check_references(draft, limits, mistakes);
  mistakes.throw_if_any();
  return draft;
}

}  // namespace

Config parse_config(std::string_view yaml, const std::string& file_name,
                    const ConfigLimits& limits) {
  return finished(read_draft(yaml, file_name, limits));
}

Config load_config(const std::string& path) {
  return parse_config(read_config_file(path), path);
}

std::string read_config_file(const std::string& path) {
  return read_text(path);
}

CheckedConfig check_config(std::string_view yaml, const std::string& file_name,
                           const ConfigLimits& limits) {
  ConfigDraft draft = read_draft(yaml, file_name, limits);
  auto warnings = find_warnings(draft, file_name);
  return {finished(std::move(draft)), std::move(warnings)};
}

CheckedConfig check_config_file(const std::string& path, const ConfigLimits& limits) {
  return check_config(read_config_file(path), path, limits);
}

}  // namespace adit
