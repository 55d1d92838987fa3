// SPDX-License-Identifier: Apache-2.0
// The command line.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <optional>
#include <string>

#include "cases.h"
#include "measure.h"

namespace adit::bench {

enum class HugepageChoice { kAuto, kYes, kNo };

struct Options {
  bool help = false, version = false, list = false;
  CaseLists lists;
  MeasureOptions measure;
  HugepageChoice hugepages = HugepageChoice::kAuto;
  bool take_hugepages = false;
  std::optional<unsigned> core;
  std::string json;  // path, "-": stdout; empty: none
};

// Throws UsageError.
Options parse_options(int argc, const char* const* argv);
std::string usage_text();
boost::program_options::options_description describe_options();
// For --list.
std::string scenario_text();

}  // namespace adit::bench
