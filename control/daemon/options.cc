// SPDX-License-Identifier: Apache-2.0
#include "daemon/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdlib>
#include <sstream>
#include <string_view>

namespace adit::daemon {
namespace {

namespace po = boost::program_options;

constexpr const char* kDefaultConfig = "/etc/adit/adit.yaml";

constexpr const char* kDefaultStateFolder = "/var/lib/adit";

// systemd's is a list, by colons.
std::string default_state_folder() {
  const char* own = std::getenv("STATE_DIRECTORY");
  if (own == nullptr || *own == '\0') return kDefaultStateFolder;
  const std::string_view folders(own);
  return std::string(folders.substr(0, folders.find(':')));
}

}  // namespace

po::options_description describe_options() {
  const char* from_environment = std::getenv("ADIT_CONFIG");
  po::options_description description("Usage: aditd [OPTION]... [-- EAL-ARGUMENT...]\n\nOptions");
  description.add_options()("config,c",
                            po::value<std::string>()->value_name("FILE")->default_value(
                                from_environment != nullptr ? from_environment : kDefaultConfig),
                            "configuration; else $ADIT_CONFIG, else /etc/adit/adit.yaml")(
      "state-dir",
      po::value<std::string>()->value_name("DIR")->default_value(default_state_folder()),
      "where applied configurations are kept, for history, rollback and a start whose file is "
      "refused; else $STATE_DIRECTORY, else /var/lib/adit")(
      "check", "check configuration and machine, and exit")("help,h", "print this and exit")(
      "version", "print the version and exit");
  return description;
}

std::string usage_text() {
  std::ostringstream text;
  text << describe_options()
       << "\nSignals: SIGHUP reloads the configuration, SIGTERM and SIGINT stop.\n"
          "Exit codes: 0 ok, 1 failed, 2 usage, 3 configuration refused, 4 the machine\n"
          "lacks something or EAL does not start.\n";
  return text.str();
}

Options parse_options(int argc, char** argv) {
  Options options;
  const auto end = std::find(argv, argv + argc, std::string_view("--"));
  if (end != argv + argc) options.eal_args.assign(end + 1, argv + argc);
  po::variables_map given;
  try {
    // No positional arguments: a stray word is a mistake.
    po::store(po::command_line_parser(std::vector<std::string>(argv + 1, end))
                  .options(describe_options())
                  .positional({})
                  .run(),
              given);
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  options.config_path = given["config"].as<std::string>();
  options.state_folder = given["state-dir"].as<std::string>();
  options.check = given.contains("check");
  options.help = given.contains("help");
  options.version = given.contains("version") && !options.help;
  return options;
}

}  // namespace adit::daemon
