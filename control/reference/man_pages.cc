// SPDX-License-Identifier: Apache-2.0
#include "reference/man_pages.h"

#include "cli/help.h"
#include "cli/options.h"
#include "config/yaml/key_info.h"
#include "daemon/options.h"
#include "reference/man_text.h"
#include "replay/options.h"

namespace adit {
namespace {

void put_command(ManText& page, const cli::Command& command) {
  page.item(cli::synopsis(command), std::string(command.help) + '.');
  if (command.options.empty()) return;
  page.indent();
  for (const Parameter* option : command.options)
    page.item(cli::usage_of(*option), cli::help_of(command, *option));
  page.dedent();
}

std::string facts_of(const KeyInfo& key) {
  std::string text = key.type == KeyType::kSection ? "a section" : expected_text(key);
  if (key.required) text += "; required";
  if (!key.fallback.empty()) text += "; default: `" + key.fallback + '`';
  if (key.restart) text += "; a change needs a restart";
  return text;
}

}  // namespace

std::string man_aditctl(cli::Commands commands) {
  ManText page("aditctl", 1, "shows and changes the state of a running aditd");
  page.head("SYNOPSIS");
  page.paragraph("`aditctl` [OPTIONS] COMMAND");
  page.head("DESCRIPTION");
  page.paragraph(
      "Shows the state and counters of aditd, reloads its configuration, and checks configuration "
      "files.");
  page.head("COMMANDS");
  for (const cli::Command& command : commands) put_command(page, command);
  page.head("OPTIONS");
  page.items(cli::global_options());
  page.head("ENVIRONMENT");
  page.item("ADIT_SOCKET", "the daemon's socket, if --socket is not given");
  page.item("ADIT_CONFIG", "the file that `check` reads, if none is given");
  page.head("EXIT STATUS");
  page.paragraph("0 ok, 1 failed, 2 usage, 3 configuration refused, 5 daemon unreachable.");
  page.head("SEE ALSO");
  page.paragraph("`adit.yaml`(5), `aditd`(8)");
  return page.text();
}

std::string man_aditd() {
  ManText page("aditd", 8, "a gateway between networks, tunnels and services");
  page.head("SYNOPSIS");
  page.paragraph("`aditd` [OPTION]... [-- EAL-ARGUMENT...]");
  page.head("DESCRIPTION");
  page.paragraph(
      "Forwards packets with DPDK between ports, networks, tunnels and virtual routers, and "
      "balances connections, as its configuration says. Arguments after -- are passed to DPDK's "
      "EAL.");
  page.head("OPTIONS");
  page.items(daemon::describe_options());
  page.head("SIGNALS");
  page.item("SIGHUP", "reads the configuration again; a wrong one changes nothing");
  page.item("SIGTERM, SIGINT", "end it");
  page.head("ENVIRONMENT");
  page.item("ADIT_CONFIG", "the configuration, if --config is not given");
  page.head("FILES");
  page.item("/etc/adit/adit.yaml", "the configuration");
  page.item("/run/adit/adit.sock", "the socket of the API (JSON-RPC), which aditctl uses");
  page.head("EXIT STATUS");
  page.paragraph(
      "0 ok, 1 failed, 2 usage, 3 configuration refused, 4 the machine lacks something or EAL does "
      "not start.");
  page.head("SEE ALSO");
  page.paragraph("`aditctl`(1), `adit-replay`(1), `adit.yaml`(5)");
  return page.text();
}

std::string man_adit_replay() {
  ManText page("adit-replay", 1, "runs captured packets through adit's pipeline");
  page.head("SYNOPSIS");
  page.paragraph(
      "`adit-replay` --config FILE --in PORT=FILE ... [--out PORT=FILE ...] [--report FILE]");
  page.head("DESCRIPTION");
  page.paragraph(
      "Runs packets through the same pipeline as aditd, with the time of the capture. It needs no "
      "privileges, hugepages or NIC. Equal input gives equal output, to the byte.");
  page.head("OPTIONS");
  page.items(replay::describe_options());
  page.head("EXIT STATUS");
  page.paragraph("0 ok, 1 failed, 2 usage, 3 configuration refused, 4 EAL does not start.");
  page.head("SEE ALSO");
  page.paragraph("`adit.yaml`(5), `aditd`(8)");
  return page.text();
}

std::string man_adit_yaml() {
  ManText page("adit.yaml", 5, "the configuration of aditd");
  page.head("DESCRIPTION");
  page.paragraph(
      "A YAML file. Keys that are not listed here are refused. In the names below, * stands for a "
      "name and [] for the entries of a list. `aditctl check` says whether a file is valid, and "
      "`aditctl reload` makes it the running configuration.");
  page.head("KEYS");
  for (const KeyInfo& key : config_keys()) {
    page.item(key.path, std::string(key.help) + "\nValue: " + facts_of(key) + '.');
  }
  page.head("FILES");
  page.item("/etc/adit/adit.yaml", "the default configuration file of aditd");
  page.head("SEE ALSO");
  page.paragraph("`aditctl`(1), `aditd`(8)");
  return page.text();
}

}  // namespace adit
