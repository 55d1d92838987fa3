// SPDX-License-Identifier: Apache-2.0
// adit-replay: adit's pipeline over capture files.
#include <exception>
#include <fstream>
#include <iostream>

#include "base/std_descriptors.h"
#include "base/std_output.h"
#include "config/parser.h"
#include "config/yaml/error.h"
#include "replay/eal.h"
#include "replay/options.h"
#include "replay/replay.h"
#include "replay/report.h"

namespace adit::replay {
namespace {

enum Exit { kOk = 0, kFailed = 1, kUsage = 2, kConfigRefused = 3, kEalFailed = 4 };

void write_report(const Json& report, const std::string& path) {
  const std::string text = report.dump(2) + '\n';
  if (path == "-") {
    std::cout << text << std::flush;
    return;
  }
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) throw std::runtime_error(path + ": cannot be written");
}

int run(const Options& options) {
  const Config config = load_config(options.config);
  const Eal eal(memory_mb(config));
  Replay replay(config, options);
  replay.run();

  for (const Note& note : replay.notes().all())
    std::cerr << "adit-replay: port " << note.port << ", packet " << note.first_packet
              << (note.packets > 1 ? " and " + std::to_string(note.packets - 1) + " more" : "")
              << ": " << note.text << '\n';
  const Json report = make_report(replay);
  if (!options.report.empty()) write_report(report, options.report);
  if (options.report != "-") std::cout << summary(report) << std::endl;

  const auto imbalances = find_imbalances(replay);
  for (const std::string& imbalance : imbalances)
    std::cerr << "adit-replay: this is a bug of adit: " << imbalance << '\n';
  return imbalances.empty() ? kOk : kFailed;
}

int guarded_main(int argc, char** argv) {
  try {
    const Options options = parse_options(argc, argv);
    if (options.help) {
      std::cout << usage_text();
      return kOk;
    }
    if (options.version) {
      std::cout << "adit-replay " << ADIT_VERSION << '\n';
      return kOk;
    }
    return run(options);
  } catch (const UsageError& error) {
    std::cerr << "adit-replay: " << error.what() << "\nadit-replay --help says more\n";
    return kUsage;
  } catch (const ConfigError& error) {
    std::cerr << error.what() << '\n';
    return kConfigRefused;
  } catch (const EalError& error) {
    std::cerr << "adit-replay: " << error.what() << '\n';
    return kEalFailed;
  } catch (const std::exception& error) {
    std::cerr << "adit-replay: " << error.what() << '\n';
    return kFailed;
  }
}

}  // namespace
}  // namespace adit::replay

int main(int argc, char** argv) {
  adit::secure_std_descriptors();
  return adit::finish_output("adit-replay", adit::replay::guarded_main(argc, argv));
}
