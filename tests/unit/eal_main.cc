// SPDX-License-Identifier: Apache-2.0
// main() of the tests that need DPDK's memory: EAL without hugepages, devices, privileges.
#include <gtest/gtest.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  char runtime_dir[] = "/tmp/adit-unit-XXXXXX";
  if (mkdtemp(runtime_dir) == nullptr) return 1;
  setenv("XDG_RUNTIME_DIR", runtime_dir, 1);
  std::vector<std::string> arguments = {argv[0],       "--no-huge",     "-m",
                                        "256",         "--no-pci",      "--no-telemetry",
                                        "--no-shconf", "--log-level=1", "--lcores=0@0"};
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  if (rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) < 0) {
    std::fprintf(stderr, "EAL does not start: %s\n", rte_strerror(rte_errno));
    return 1;
  }
  const int result = RUN_ALL_TESTS();
  rte_eal_cleanup();
  std::filesystem::remove_all(runtime_dir);
  return result;
}
