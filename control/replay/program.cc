// SPDX-License-Identifier: Apache-2.0
#include "replay/program.h"

#include <exception>
#include <fstream>
#include <iostream>

#include "config/parser.h"
#include "config/yaml/error.h"
#include "machine/eal_session.h"
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

int run(const Options& options, const StartEal& start_eal) {
  const Config config = load_config(options.config);
  start_eal(memory_mb(config));
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

}  // namespace

int run_program(int argc, const char* const* argv, const StartEal& start_eal) {
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
    return run(options, start_eal);
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

}  // namespace adit::replay
