// SPDX-License-Identifier: Apache-2.0
// The command line of adit-replay.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace adit::replay {

// PORT=FILE
struct PortFile {
  std::string port;
  std::string file;
};

struct Options {
  std::string config;
  std::vector<PortFile> inputs;  // in the order given: it decides between equal times
  std::vector<PortFile> outputs;
  std::string report;  // empty: none; "-": standard output
  unsigned burst = 1;  // 1..kMaxBurst
  unsigned workers = 1;
  bool express = true;
  bool help = false;
  bool version = false;
};

// What was asked for makes no sense: exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws UsageError.
Options parse_options(int argc, const char* const* argv);

boost::program_options::options_description describe_options();

std::string usage_text();

}  // namespace adit::replay
