// SPDX-License-Identifier: Apache-2.0
// aditctl, the operator's client.
#include "base/std_descriptors.h"
#include "cli/run.h"

int main(int argc, char** argv) {
  adit::secure_std_descriptors();
  return adit::cli::run_aditctl(std::vector<std::string>(argv + 1, argv + argc));
}
