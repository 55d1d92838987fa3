// SPDX-License-Identifier: Apache-2.0
#include "config/diff.h"

#include "config/keys.h"

namespace adit {

ConfigDiff diff_configs(const Config& from, const Config& to) {
  Changes out;
  config_section().compare(out, {}, from, to);
  ConfigDiff diff = out.take();
  // A difference without a line would be taken for none.
  if (diff.changes.empty() && from != to) diff.changes.push_back(kUnnamedChange);
  return diff;
}

std::string config_text(const Config& config) {
  YamlWriter out;
  config_section().write(out, config);
  return out.take();
}

}  // namespace adit
