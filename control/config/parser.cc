// SPDX-License-Identifier: Apache-2.0
#include "config/parser.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "config/keys.h"
#include "config/references.h"
#include "config/warnings.h"
#include "config/yaml/tree.h"

namespace adit {
namespace {

[[noreturn]] void refuse(const std::string& file, Place place, std::string message) {
  throw ConfigError({{file, place.line, place.column, std::move(message), MistakeKind::kSyntax}});
}

// A file descriptor that closes itself.
class File {
 public:
  // Non-blocking: to open a pipe would wait for its writer.
  explicit File(const std::string& path)
      : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
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

// The kind of a file that is not regular, which may have no end or block; null: it is regular.
const char* special_kind(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return nullptr;
    case S_IFDIR:
      return "a directory";
    case S_IFIFO:
      return "a pipe (FIFO)";
    case S_IFSOCK:
      return "a socket";
    case S_IFCHR:
    case S_IFBLK:
      return "a device";
    default:
      return "a special file";
  }
}

std::string read_text(const std::string& path) {
  const auto cannot = [&](int error) {
    refuse(path, {}, std::string("cannot read the configuration: ") + std::strerror(error));
  };
  const auto refuse_special = [&](const struct stat& status) {
    if (const char* kind = special_kind(status.st_mode); kind != nullptr)
      refuse(path, {},
             std::string("cannot read the configuration: it is ") + kind +
                 "; expected a regular file");
  };
  struct stat status = {};
  // Before it is opened, which alone does something to some devices.
  if (stat(path.c_str(), &status) != 0) cannot(errno);
  refuse_special(status);
  const File file(path);
  if (file.fd() < 0 || fstat(file.fd(), &status) != 0) cannot(errno);
  refuse_special(status);  // it may have been replaced
  if (static_cast<uint64_t>(status.st_size) > kMaxConfigFileBytes) refuse(path, {}, too_large());
  std::string text;
  char chunk[1 << 16];
  for (;;) {  // a file of /proc has no size to go by, one that is written to may grow
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
