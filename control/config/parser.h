// SPDX-License-Identifier: Apache-2.0
// YAML text -> Config, strictly: an unknown or duplicate key, a wrong type, a value out of
// range or a reference to nothing is a mistake with its place and the remedy.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/limits.h"
#include "config/yaml/error.h"

namespace adit {

// `file_name` only appears in messages. Throws ConfigError with every mistake of the text.
Config parse_config(std::string_view yaml, const std::string& file_name,
                    const ConfigLimits& limits = {});

// As parse_config on the file's contents; a file that cannot be read is a ConfigError too.
Config load_config(const std::string& path);

// The file's text; throws ConfigError where it cannot be read, or is too large.
std::string read_config_file(const std::string& path);

// The same, with what is no mistake and yet can hardly be meant.
struct CheckedConfig {
  Config config;
  std::vector<ConfigMistake> warnings;
};
CheckedConfig check_config(std::string_view yaml, const std::string& file_name,
                           const ConfigLimits& limits = {});
CheckedConfig check_config_file(const std::string& path, const ConfigLimits& limits = {});

}  // namespace adit
