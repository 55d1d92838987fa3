// SPDX-License-Identifier: Apache-2.0
// adit-reference WHAT: writes a man page, or the methods' part of docs/api.md ("api.md").
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "reference/api_reference.h"
#include "reference/man_pages.h"

int main(int argc, char** argv) {
  const std::string_view what = argc == 2 ? argv[1] : "";
  std::string text;
  if (what == "api.md") text = adit::api_reference(adit::catalogue());
  if (what == "aditctl.1") text = adit::man_aditctl();
  if (what == "aditd.8") text = adit::man_aditd();
  if (what == "adit-replay.1") text = adit::man_adit_replay();
  if (what == "adit.yaml.5") text = adit::man_adit_yaml();
  if (text.empty()) {
    std::cerr << "usage: adit-reference api.md|aditctl.1|aditd.8|adit-replay.1|adit.yaml.5\n";
    return EXIT_FAILURE;
  }
  std::cout << text << std::flush;
  return std::cout ? EXIT_SUCCESS : EXIT_FAILURE;
}
