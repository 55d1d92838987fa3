// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <boost/program_options.hpp>
#include <charconv>
#include <iomanip>
#include <sstream>

#include "errors.h"
#include "pipeline.h"

namespace adit::bench {
namespace {

namespace po = boost::program_options;

constexpr uint32_t kMostFlows = 4'000'000;
constexpr uint32_t kMostNetworks = 4'094;  // each has a VLAN of its own
constexpr uint32_t kLeastFrame = 60, kMostFrame = 9'000;
constexpr unsigned kMostRuns = 1'000;
constexpr double kLeastSeconds = 0.001, kMostSeconds = 600;

}  // namespace

po::options_description describe_options() {
  const auto text = [](const char* name) { return po::value<std::string>()->value_name(name); };
  po::options_description options("options", 100, 62);
  options.add_options()                                                                          //
      ("scenario,s", text("LIST"), "scenarios of --list, or all (default: encap,decap)")         //
      ("flows,f", text("LIST"), "inner flows, 1 to 4M; each has two MACs of its own")            //
      ("networks,n", text("LIST"), "networks over which they are spread, 1 to 4094")             //
      ("tunnel,t", text("LIST"), "encapsulations of --list, or all (default: vxlan)")            //
      ("size", text("LIST"), "bytes of the inner frame without FCS, 60 to 9000, or imix")        //
      ("runs,r", po::value<unsigned>()->default_value(5)->value_name("N"), "runs of each case")  //
      ("seconds", po::value<double>()->default_value(0.3, "0.3")->value_name("S"),
       "length of a run, and of one for the floor beside it")  //
      ("burst", po::value<unsigned>()->default_value(kRxBurst)->value_name("N"),
       "packets that a port gives at once, 1 to 32")                                           //
      ("steps", "also cycles by step of the pipeline")                                         //
      ("no-express", "without the express lanes: all packets through the whole pipeline")      //
      ("json,j", text("FILE"), "write everything as JSON; - : to stdout, without the tables")  //
      ("hugepages", text("auto|yes|no"), "auto: when enough of them are free")                 //
      ("take-hugepages", "raise the number of hugepages for the time of the run (root)")       //
      ("core", po::value<unsigned>()->value_name("N"),
       "core of the worker (default: the second)")  //
      ("list", "print the scenarios")               //
      ("version", "print the version")              //
      ("help,h", "print this text");
  return options;
}

namespace {

std::vector<std::string> split(const std::string& option, const std::string& list) {
  std::vector<std::string> words;
  std::istringstream stream(list);
  for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
  if (words.empty() || list.back() == ',')
    throw UsageError("--" + option + ": expected values with commas between them");
  return words;
}

// "1000", "1k", "4M"
uint32_t parse_number(const std::string& option, const std::string& word, uint32_t least,
                      uint32_t most) {
  uint64_t number = 0;
  const char* const end = word.data() + word.size();
  auto [rest, error] = std::from_chars(word.data(), end, number);
  uint64_t scale = 1;
  if (error == std::errc() && end - rest == 1) {
    if (*rest == 'k') scale = 1'000;
    if (*rest == 'M') scale = 1'000'000;
    if (scale != 1) ++rest;
  }
  const bool is_number = error == std::errc() && rest == end && number <= UINT32_MAX;
  if (!is_number || number * scale < least || number * scale > most)
    throw UsageError("--" + option + " '" + word + "': expected " + std::to_string(least) + " to " +
                     std::to_string(most));
  return static_cast<uint32_t>(number * scale);
}

std::vector<uint32_t> parse_numbers(const po::variables_map& given, const char* option,
                                    uint32_t least, uint32_t most) {
  std::vector<uint32_t> numbers;
  if (given.count(option) == 0) return numbers;
  for (const std::string& word : split(option, given[option].as<std::string>()))
    numbers.push_back(parse_number(option, word, least, most));
  return numbers;
}

std::vector<FrameSize> parse_sizes(const po::variables_map& given) {
  std::vector<FrameSize> sizes;
  if (given.count("size") == 0) return sizes;
  for (const std::string& word : split("size", given["size"].as<std::string>()))
    sizes.push_back(word == "imix" ? kImix
                                   : static_cast<FrameSize>(
                                         parse_number("size", word, kLeastFrame, kMostFrame)));
  return sizes;
}

std::vector<const Scenario*> parse_scenarios(const std::string& list) {
  std::vector<const Scenario*> chosen;
  for (const std::string& word : split("scenario", list)) {
    if (word == "all") {
      for (const Scenario& scenario : scenarios()) chosen.push_back(&scenario);
      continue;
    }
    const Scenario* scenario = find_scenario(word);
    if (scenario == nullptr)
      throw UsageError("--scenario '" + word + "': there is none of that name; see --list");
    chosen.push_back(scenario);
  }
  return chosen;
}

std::vector<const TunnelForm*> parse_tunnels(const std::string& list) {
  std::vector<const TunnelForm*> chosen;
  for (const std::string& word : split("tunnel", list)) {
    const size_t before = chosen.size();
    for (const TunnelForm& form : kTunnelForms)
      if (word == "all" || word == form.name) chosen.push_back(&form);
    if (chosen.size() == before)
      throw UsageError("--tunnel '" + word + "': there is none of that name; see --list");
  }
  return chosen;
}

HugepageChoice parse_hugepages(const std::string& word) {
  if (word == "auto") return HugepageChoice::kAuto;
  if (word == "yes") return HugepageChoice::kYes;
  if (word == "no") return HugepageChoice::kNo;
  throw UsageError("--hugepages '" + word + "': expected auto, yes or no");
}

MeasureOptions parse_measure(const po::variables_map& given) {
  MeasureOptions measure;
  measure.runs = given["runs"].as<unsigned>();
  if (measure.runs < 1 || measure.runs > kMostRuns)
    throw UsageError("--runs: expected 1 to " + std::to_string(kMostRuns));
  measure.seconds = given["seconds"].as<double>();
  if (!(measure.seconds >= kLeastSeconds && measure.seconds <= kMostSeconds))
    throw UsageError("--seconds: expected 0.001 to 600");
  const auto burst = given["burst"].as<unsigned>();
  if (burst < 1 || burst > kRxBurst)
    throw UsageError("--burst: expected 1 to " + std::to_string(kRxBurst));
  measure.burst = static_cast<uint16_t>(burst);
  measure.steps = given.count("steps") > 0;
  measure.express = given.count("no-express") == 0;
  return measure;
}

po::variables_map read(int argc, const char* const* argv) {
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
  return given;
}

}  // namespace

std::string usage_text() {
  std::ostringstream text;
  text
      << "usage: adit-bench [--scenario LIST] [--flows LIST] [--networks LIST] [--size LIST] ...\n"
         "Sends frames from memory through adit's pipeline on one core and prints TSC cycles per\n"
         "packet, beside those of the same receive and transmit with nothing between (floor).\n"
         "Without --flows, --networks and --size: 1, 1k, 100k and 1M flows in 1 and 4000 networks\n"
         "with 64-byte frames, then frames of 128 to 1500 bytes and IMIX with 1k flows; of "
         "balanced\n"
         "services 1, 1k, 100k and 1M flows (connect: 1M) with 64-byte frames.\n\n"
      << describe_options() << "\nexit codes: 0 ok, 1 failed, 2 usage, 4 EAL or hugepages\n";
  return text.str();
}

std::string scenario_text() {
  std::ostringstream text;
  for (const Scenario& scenario : scenarios())
    text << std::left << std::setw(12) << scenario.name << scenario.help << '\n';
  text << "encapsulations:";
  for (const TunnelForm& form : kTunnelForms) text << ' ' << form.name;
  text << '\n';
  return text.str();
}

Options parse_options(int argc, const char* const* argv) {
  const po::variables_map given = read(argc, argv);
  Options options;
  options.help = given.count("help") > 0;
  options.version = given.count("version") > 0;
  options.list = given.count("list") > 0;
  if (options.help || options.version || options.list) return options;

  const auto text_or = [&](const char* option, const char* otherwise) -> std::string {
    return given.count(option) > 0 ? given[option].as<std::string>() : otherwise;
  };
  options.lists.scenarios = parse_scenarios(text_or("scenario", "encap,decap"));
  options.lists.flows = parse_numbers(given, "flows", 1, kMostFlows);
  options.lists.networks = parse_numbers(given, "networks", 1, kMostNetworks);
  options.lists.sizes = parse_sizes(given);
  options.lists.tunnels = parse_tunnels(text_or("tunnel", "vxlan"));
  options.measure = parse_measure(given);
  options.hugepages = parse_hugepages(text_or("hugepages", "auto"));
  options.take_hugepages = given.count("take-hugepages") > 0;
  if (options.take_hugepages && options.hugepages == HugepageChoice::kNo)
    throw UsageError("--take-hugepages and --hugepages no contradict each other");
  if (given.count("core") > 0) options.core = given["core"].as<unsigned>();
  options.json = text_or("json", "");
  return options;
}

}  // namespace adit::bench
