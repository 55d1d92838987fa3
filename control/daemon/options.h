// SPDX-License-Identifier: Apache-2.0
// The command line of aditd.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace adit::daemon {

struct Options {
  std::string config_path;
  std::string state_folder;
  bool check = false;
  bool help = false;
  bool version = false;
  std::vector<std::string> eal_args;
};

// What was asked for makes no sense: exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Everything after `--` is EAL's. Throws UsageError.
Options parse_options(int argc, char** argv);

boost::program_options::options_description describe_options();

std::string usage_text();

}  // namespace adit::daemon
