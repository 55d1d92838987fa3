// SPDX-License-Identifier: Apache-2.0
// aditctl, the operator's client.
#include "run.h"

int main(int argc, char** argv) {
  return adit::cli::run_aditctl(std::vector<std::string>(argv + 1, argv + argc));
}
