// SPDX-License-Identifier: Apache-2.0
// Arguments of the programs beside adit-bench: words and numbers in fixed places, each of which may
// be left out. A mistake is told in one line, before anything is measured.
#pragma once

#include <charconv>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace adit::bench {

struct ArgumentError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class SpeedArguments {
 public:
  SpeedArguments(int argc, const char* const* argv) : given_(argv + (argc > 0), argv + argc) {}

  // The next one. `fits` says whether there is something of that name.
  template <class Fits>
  std::string word(const char* name, const char* otherwise, Fits fits) {
    if (at_end()) return otherwise;
    const std::string_view text = given_[next_++];
    if (!fits(text)) refuse(name, text, "there is none of that name");
    return std::string(text);
  }
  unsigned number(const char* name, unsigned otherwise, unsigned least, unsigned most) {
    if (at_end()) return otherwise;
    const std::string_view text = given_[next_++];
    unsigned value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || rest != text.data() + text.size() || value < least || value > most)
      refuse(name, text,
             "expected a number from " + std::to_string(least) + " to " + std::to_string(most));
    return value;
  }
  bool at_end() const noexcept { return next_ == given_.size(); }
  void finish() const {
    if (!at_end()) throw ArgumentError("'" + shortened(given_[next_]) + "' is one too many");
  }
  bool asks_for_help() const {
    return !given_.empty() && (given_[0] == "--help" || given_[0] == "-h");
  }

 private:
  static std::string shortened(std::string_view text) {
    constexpr size_t kMost = 40;
    return std::string(text.substr(0, kMost)) + (text.size() > kMost ? "..." : "");
  }
  [[noreturn]] static void refuse(const char* name, std::string_view text,
                                  const std::string& what) {
    throw ArgumentError(std::string(name) + " '" + shortened(text) + "': " + what);
  }

  std::vector<std::string_view> given_;
  size_t next_ = 0;
};

// Calls function(arguments) and returns the exit code: 2 where it throws an ArgumentError. `usage`:
// "PROGRAM [A [B]]".
template <class Function>
int run_by_arguments(int argc, const char* const* argv, const std::string& usage,
                     Function function) {
  SpeedArguments arguments(argc, argv);
  const std::string program = usage.substr(0, usage.find(' '));
  if (arguments.asks_for_help()) {
    std::printf("usage: %s\n", usage.c_str());
    return 0;
  }
  try {
    function(arguments);
    return 0;
  } catch (const ArgumentError& error) {
    std::fprintf(stderr, "%s: %s; usage: %s\n", program.c_str(), error.what(), usage.c_str());
    return 2;
  } catch (const std::exception& error) {
    // What is wrong with a whole configuration may be thousands of lines.
    const std::string what = error.what();
    std::fprintf(stderr, "%s: %s\n", program.c_str(), what.substr(0, what.find('\n')).c_str());
    return 1;
  }
}

}  // namespace adit::bench
