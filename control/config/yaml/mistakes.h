// SPDX-License-Identifier: Apache-2.0
// Collects the mistakes of one file while it is read, so that all are reported together.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/yaml/error.h"

namespace adit {

// A place in the file, both from 1; line 0: no place.
struct Place {
  unsigned line = 0;
  unsigned column = 0;
};

class MistakeList {
 public:
  // More mistakes than these are counted, not kept: a file that is wrong throughout (or
  // was made to be) must not take memory or time without bound.
  static constexpr size_t kMaxKept = 1000;

  explicit MistakeList(std::string file) : file_(std::move(file)) {}

  // Beyond kMaxKept the mistake is counted alone.
  void add(Place place, MistakeKind kind, std::string message);

  // Mistakes so far, kept or not.
  size_t count() const noexcept { return count_; }
  // Whether messages are still worth composing.
  bool full() const noexcept { return mistakes_.size() >= kMaxKept; }
  // did_you_mean(), of the first mistakes alone: with the same slip in thousands of names it would
  // take minutes.
  std::string hint(std::string_view wanted, std::span<const std::string_view> names) const;
  // "file:line:column", for a message that names a second place.
  std::string at(Place place) const;

  // Throws ConfigError with all mistakes in the file's order, if there are any.
  void throw_if_any();

 private:
  std::string file_;
  std::vector<ConfigMistake> mistakes_;
  size_t count_ = 0;
};

}  // namespace adit
