// SPDX-License-Identifier: Apache-2.0
#include "replay/options.h"

#include <boost/program_options.hpp>
#include <filesystem>
#include <set>
#include <sstream>
#include <system_error>

#include "adit/ids.h"

namespace adit::replay {
namespace {

namespace po = boost::program_options;

std::vector<PortFile> port_files(const po::variables_map& given, const char* option) {
  std::vector<PortFile> files;
  if (given.count(option) == 0) return files;
  std::set<std::string> ports;
  for (const auto& text : given[option].as<std::vector<std::string>>()) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size())
      throw UsageError(std::string("--") + option + " '" + text + "': expected PORT=FILE");
    PortFile file{text.substr(0, equals), text.substr(equals + 1)};
    if (!ports.insert(file.port).second)
      throw UsageError(std::string("--") + option + ": port '" + file.port + "' is given twice");
    files.push_back(std::move(file));
  }
  return files;
}

// Writing would destroy what is still to be read, or what another port writes.
void refuse_shared_files(const Options& options) {
  const auto same = [](const std::string& a, const std::string& b) {
    std::error_code error;  // a file that does not exist yet is no other file
    return a == b || std::filesystem::equivalent(a, b, error);
  };
  for (std::size_t i = 0; i < options.outputs.size(); ++i) {
    const PortFile& out = options.outputs[i];
    for (const PortFile& in : options.inputs)
      if (same(in.file, out.file))
        throw UsageError("--out " + out.port + ": '" + out.file + "' is also an input");
    for (std::size_t j = 0; j < i; ++j)
      if (same(options.outputs[j].file, out.file))
        throw UsageError("--out " + out.port + ": '" + out.file + "' is given to port '" +
                         options.outputs[j].port + "' already");
    if (same(out.file, options.config))
      throw UsageError("--out " + out.port + ": '" + out.file + "' is the configuration");
  }
  if (options.report.empty() || options.report == "-") return;
  const auto refuse = [&](const std::string& what) {
    throw UsageError("--report: '" + options.report + "' is also " + what);
  };
  if (same(options.report, options.config)) refuse("the configuration");
  for (const PortFile& in : options.inputs)
    if (same(options.report, in.file)) refuse("the input of port '" + in.port + '\'');
  for (const PortFile& out : options.outputs)
    if (same(options.report, out.file)) refuse("the output of port '" + out.port + '\'');
}

}  // namespace

po::options_description describe_options() {
  po::options_description options("options", 100);
  const auto files = [] { return po::value<std::vector<std::string>>()->composing(); };
  options.add_options()                                                                        //
      ("config,c", po::value<std::string>(), "configuration (YAML)")                           //
      ("in,i", files()->value_name("PORT=FILE"), "packets that PORT receives (pcap, pcapng)")  //
      ("out,o", files()->value_name("PORT=FILE"), "pcap file for what PORT sends")             //
      ("report,r", po::value<std::string>(), "JSON file for counters and drops; - : stdout")   //
      ("burst", po::value<unsigned>()->default_value(1),
       "most packets of one capture time that enter together (1..64)")  //
      ("workers", po::value<unsigned>()->default_value(1),
       "workers, which take the ports in turn (1..16)")                              //
      ("no-express", "send all packets through the whole pipeline, for comparison")  //
      ("version", "print the version")                                               //
      ("help,h", "print this text");
  return options;
}

std::string usage_text() {
  std::ostringstream text;
  text << "usage: adit-replay --config FILE --in PORT=FILE ... [--out PORT=FILE ...] [--report "
          "FILE]\n"
          "Runs captured packets through adit's pipeline, with the time of the capture. Needs no\n"
          "privileges, hugepages or NIC. Equal input gives equal output, to the byte.\n\n"
       << describe_options()
       << "\nexit codes: 0 ok, 1 failed, 2 usage, 3 configuration refused, 4 EAL\n";
  return text.str();
}

Options parse_options(int argc, const char* const* argv) {
  po::variables_map given;
  try {
    // No guessing: an abbreviation that works today breaks with tomorrow's option.
    const int style =
        po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(argc, argv)
                  .options(describe_options())
                  .positional({})
                  .style(style)
                  .run(),
              given);
    po::notify(given);
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }

  Options options;
  options.help = given.count("help") > 0;
  options.version = given.count("version") > 0;
  if (options.help || options.version) return options;

  if (given.count("config") == 0) throw UsageError("--config is missing");
  options.config = given["config"].as<std::string>();
  options.inputs = port_files(given, "in");
  options.outputs = port_files(given, "out");
  if (options.inputs.empty()) throw UsageError("--in is missing: nothing to replay");
  if (given.count("report") > 0) options.report = given["report"].as<std::string>();
  options.burst = given["burst"].as<unsigned>();
  options.express = given.count("no-express") == 0;
  if (options.burst < 1 || options.burst > kMaxBurst)
    throw UsageError("--burst: expected 1 to " + std::to_string(kMaxBurst));
  constexpr unsigned kMostWorkers = 16;
  options.workers = given["workers"].as<unsigned>();
  if (options.workers < 1 || options.workers > kMostWorkers)
    throw UsageError("--workers: expected 1 to " + std::to_string(kMostWorkers));
  refuse_shared_files(options);
  return options;
}

}  // namespace adit::replay
