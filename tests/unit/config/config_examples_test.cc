// SPDX-License-Identifier: Apache-2.0
// What we ship as examples is accepted.
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "config/diff.h"
#include "config/parser.h"
#include "source_root.h"

namespace adit::config_examples_test {
namespace {

TEST(ConfigExamples, AllAreAccepted) {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(kSourceRoot) + "/config/examples")) {
    SCOPED_TRACE(entry.path());
    const Config config = load_config(entry.path());
    EXPECT_FALSE(config.networks.empty() && config.vrfs.empty());
    EXPECT_FALSE(config.ports.empty());
    const std::string written = config_text(config);
    EXPECT_TRUE(parse_config(written, "what was written") == config) << written;
    names.push_back(entry.path().filename());
  }
  EXPECT_GE(names.size(), 6U);
}

}  // namespace
}  // namespace adit::config_examples_test
