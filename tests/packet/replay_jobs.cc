// SPDX-License-Identifier: Apache-2.0
// adit-replay again and again in one process. Sanitizers, EAL and tables take ten times as long to
// begin as the few packets of a case, and tests have thousands of cases. A line of standard input
// is a command line, a JSON array of words; its answer is a line {"exit_code": , "stderr": }.
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "replay/eal.h"
#include "replay/program.h"

namespace {

// For any of the tests' configurations; what no pool takes costs nothing.
constexpr unsigned kMemoryMb = 2048;

// What a stream is told goes elsewhere meanwhile.
class Redirected {
 public:
  Redirected(std::ostream& stream, std::ostream& other)
      : stream_(stream), former_(stream.rdbuf(other.rdbuf())) {}
  ~Redirected() { stream_.rdbuf(former_); }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

 private:
  std::ostream& stream_;
  std::streambuf* former_;
};

}  // namespace

int main() {
  std::optional<adit::replay::Eal> eal;
  const auto start_eal = [&eal](unsigned memory_mb) {
    if (memory_mb > kMemoryMb)
      throw adit::EalError("replay-jobs has " + std::to_string(kMemoryMb) + " MB");
    if (!eal) eal.emplace(kMemoryMb);
  };
  for (std::string line; std::getline(std::cin, line);) {
    auto words = nlohmann::json::parse(line).get<std::vector<std::string>>();
    words.insert(words.begin(), "adit-replay");
    std::vector<const char*> argv;
    for (const std::string& word : words) argv.push_back(word.c_str());
    std::ostringstream out, errors;
    int exit_code = 0;
    {
      const Redirected of_out(std::cout, out), of_errors(std::cerr, errors);
      exit_code = adit::replay::run_program(static_cast<int>(argv.size()), argv.data(), start_eal);
    }
    const nlohmann::json answer = {{"exit_code", exit_code}, {"stderr", errors.str()}};
    std::cout << answer.dump() << std::endl;
  }
  return 0;
}
