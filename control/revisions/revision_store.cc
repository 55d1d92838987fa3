// SPDX-License-Identifier: Apache-2.0
#include "revisions/revision_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "base/whole_file.h"

namespace adit {
namespace {

using nlohmann::json;

constexpr char kLock[] = "lock";

std::string text_name(uint64_t number) {
  return std::to_string(number) + ".yaml";
}

std::string facts_name(uint64_t number) {
  return std::to_string(number) + ".json";
}

// "12.json" -> 12
std::optional<uint64_t> number_of(std::string_view name) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || number == 0 || end != name.data() + name.find('.'))
    return std::nullopt;
  if (facts_name(number) != name) return std::nullopt;
  return number;
}

json to_json(const Revision& revision) {
  return {{"number", revision.number},
          {"applied_s", revision.applied_s},
          {"who", revision.who},
          {"origin", revision.origin},
          {"file", revision.file},
          {"standing", word_of(revision.standing)},
          {"change_count", revision.change_count},
          {"changes", revision.changes}};
}

Standing standing_of(const std::string& word) {
  for (const Standing standing : {Standing::kGood, Standing::kUnconfirmed, Standing::kLeft})
    if (word == word_of(standing)) return standing;
  throw std::runtime_error("unknown standing");
}

Revision revision_of(const json& facts) {
  return {facts.at("number"),       facts.at("applied_s"), facts.at("who"),
          facts.at("origin"),       facts.at("file"),      standing_of(facts.at("standing")),
          facts.at("change_count"), facts.at("changes")};
}

std::vector<std::string> names_in(int folder) {
  const int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(copy < 0 ? nullptr : fdopendir(copy), closedir);
  std::vector<std::string> names;
  if (!listing) return names;
  while (const dirent* entry = readdir(listing.get())) names.emplace_back(entry->d_name);
  return names;
}

}  // namespace

RevisionStore::RevisionStore(const std::string& folder) : folder_(folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  fd_ = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ < 0) throw std::runtime_error(folder + ": " + std::strerror(errno));
  lock_ = openat(fd_, kLock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (lock_ < 0 || flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    const std::string why = errno == EWOULDBLOCK
                                ? "another aditd keeps its revisions there; give each a folder of "
                                  "its own by --state-dir"
                                : std::strerror(errno);
    if (lock_ >= 0) close(lock_);
    close(fd_);
    throw std::runtime_error(folder + ": " + why);
  }
}

RevisionStore::~RevisionStore() {
  close(lock_);
  close(fd_);
}

std::vector<Revision> RevisionStore::list(std::vector<std::string>* damaged) const {
  std::vector<Revision> revisions;
  for (const uint64_t number : numbers()) {
    try {
      Revision revision = revision_of(json::parse(read_whole_file(fd_, facts_name(number))));
      if (revision.number != number || faccessat(fd_, text_name(number).c_str(), R_OK, 0) != 0)
        throw std::runtime_error("incomplete");
      revisions.push_back(std::move(revision));
    } catch (const std::exception&) {
      if (damaged != nullptr) damaged->push_back(folder_ + '/' + facts_name(number));
    }
  }
  return revisions;
}

std::string RevisionStore::text(uint64_t number) const {
  return read_whole_file(fd_, text_name(number));
}

void RevisionStore::save(const Revision& revision, std::string_view text) {
  write_whole_file(fd_, text_name(revision.number), text);
  update(revision);
  remove_oldest();
}

void RevisionStore::update(const Revision& revision) {
  // Names in it may be no UTF-8; what is read again must be.
  write_whole_file(fd_, facts_name(revision.number),
                   to_json(revision).dump(2, ' ', false, json::error_handler_t::replace) + '\n');
}

// Of all, the damaged ones among them, in order.
std::vector<uint64_t> RevisionStore::numbers() const {
  std::vector<uint64_t> numbers;
  for (const std::string& name : names_in(fd_))
    if (const auto number = number_of(name)) numbers.push_back(*number);
  std::ranges::sort(numbers);
  return numbers;
}

uint64_t RevisionStore::highest() const {
  const std::vector<uint64_t> all = numbers();
  return all.empty() ? 0 : all.back();
}

void RevisionStore::remove_oldest() {
  const std::vector<uint64_t> all = numbers();
  for (size_t i = 0; i + kMost < all.size(); ++i) {
    unlinkat(fd_, facts_name(all[i]).c_str(), 0);
    unlinkat(fd_, text_name(all[i]).c_str(), 0);
  }
}

}  // namespace adit
