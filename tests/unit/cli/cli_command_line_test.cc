// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "cli/command.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/view.h"

namespace adit::cli {
namespace {

using Words = std::vector<std::string>;

class CommandLine : public testing::Test {
 protected:
  CommandLine() { unsetenv("ADIT_SOCKET"); }
  ~CommandLine() override { unsetenv("ADIT_SOCKET"); }
};

std::string complaint_about(const Words& words) {
  try {
    parse_command_line(words);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "none";
}

TEST_F(CommandLine, FindsTheCommandAndItsArguments) {
  const Invocation check = parse_command_line({"check", "a.yaml"});
  EXPECT_EQ(check.command->name, "check");
  EXPECT_EQ(check.arguments, Words{"a.yaml"});
  EXPECT_EQ(parse_command_line({"show", "fdb"}).command->method->name, "show.fdb");
  EXPECT_EQ(parse_command_line({"reload"}).command->method->name, "reload");
  const Invocation backends = parse_command_line({"show", "backends", "--service", "web"});
  EXPECT_EQ(backends.command->method->name, "show.backends");
  EXPECT_EQ(backends.options.at("service"), "web");
}

TEST_F(CommandLine, TakesOptionsBeforeAndBehindTheCommand) {
  for (const Words& words : {Words{"-j", "--socket", "/x", "show", "ports"},
                             Words{"show", "ports", "--json", "--socket=/x"},
                             Words{"show", "-j", "ports", "-s", "/x"}}) {
    const Invocation invocation = parse_command_line(words);
    EXPECT_EQ(invocation.command->name, "show ports");
    EXPECT_TRUE(invocation.json);
    EXPECT_EQ(invocation.socket, "/x");
  }
}

TEST_F(CommandLine, TakesTheSocketFromOptionEnvironmentOrDefault) {
  EXPECT_EQ(parse_command_line({"version"}).socket, "/run/adit/adit.sock");
  setenv("ADIT_SOCKET", "/from/environment", 1);
  EXPECT_EQ(parse_command_line({"version"}).socket, "/from/environment");
  EXPECT_EQ(parse_command_line({"version", "--socket", "/given"}).socket, "/given");
}

TEST_F(CommandLine, KnowsASecondsValueFromACommand) {
  EXPECT_EQ(parse_command_line({"--watch", "show", "ports"}).watch_s, 1.0);
  EXPECT_EQ(parse_command_line({"--watch", "2", "show", "ports"}).watch_s, 2.0);
  EXPECT_EQ(parse_command_line({"-w", "0.5", "show", "ports"}).watch_s, 0.5);
  EXPECT_EQ(parse_command_line({"--watch=3", "show", "ports"}).watch_s, 3.0);
  EXPECT_EQ(parse_command_line({"show", "ports", "--watch"}).watch_s, 1.0);
  EXPECT_FALSE(parse_command_line({"show", "ports"}).watch_s.has_value());
}

TEST_F(CommandLine, KeepsACommandsOwnOptions) {
  const Invocation fdb =
      parse_command_line({"show", "fdb", "--network", "red", "--mac=02:00:00:00:00:01"});
  EXPECT_EQ(fdb.options.at("network"), "red");
  EXPECT_EQ(fdb.options.at("mac"), "02:00:00:00:00:01");
  EXPECT_EQ(parse_command_line({"show", "drops", "--all"}).options.count("all"), 1u);
}

TEST_F(CommandLine, SaysWhatIsWrong) {
  const struct {
    Words words;
    const char* complaint;  // a part of it
  } cases[] = {
      {{}, "a command is missing"},
      {{"-j"}, "a command is missing"},
      {{"relaod"}, "no command 'relaod'; did you mean 'reload'?"},
      {{"show"}, "show what? One of: ports, bonds, networks"},
      {{"show", "prots"}, "no command 'show prots'; did you mean 'show ports'?"},
      {{"show", "ports", "x"}, "`show ports` does not take 'x'"},
      {{"check", "a", "b"}, "`check` does not take 'b'"},
      {{"show", "ports", "--mac", "x"}, "`show ports` has no option --mac"},
      {{"show", "fdb", "--netwrok", "x"}, "did you mean 'network'?"},
      {{"show", "fdb", "--net", "x"}, "there is no option"},
      {{"show", "fdb", "--words", "x"}, ""},
      {{"show", "fdb", "--mac"}, "mac"},
      {{"reload", "--watch"}, "`reload` can not be watched"},
      {{"show", "ports", "--watch=0"}, "expected seconds"},
      {{"show", "ports", "--watch=1x"}, "expected seconds"},
      {{"show", "ports", "--watch=inf"}, "expected seconds"},
  };
  for (const auto& test_case : cases) {
    const std::string complaint = complaint_about(test_case.words);
    EXPECT_NE(complaint.find(test_case.complaint), std::string::npos) << complaint;
    EXPECT_NE(complaint, "none") << test_case.complaint;
  }
}

TEST_F(CommandLine, HelpAndVersionWinOverTheCommand) {
  const Invocation help = parse_command_line({"show", "fdb", "--help"});
  EXPECT_EQ(help.command->name, "help");
  EXPECT_EQ(help.arguments, (Words{"show", "fdb"}));
  EXPECT_EQ(parse_command_line({"--version"}).command->name, "version");
}

TEST(Help, NamesEveryCommandAndOption) {
  const std::string overview = overview_text();
  for (const Command& command : commands()) {
    EXPECT_NE(overview.find("  " + std::string(command.name) + ' '), std::string::npos);
    const std::string text = command_text(command);
    EXPECT_NE(text.find(command.help), std::string::npos);
    for (const Parameter* option : command.options)
      EXPECT_NE(text.find("--" + std::string(option->name)), std::string::npos) << command.name;
  }
  for (const char* option : {"--socket", "--json", "--watch", "--human"})
    EXPECT_NE(overview.find(option), std::string::npos);
}

// What bash offers behind `line`.
std::string completions(const std::string& line, Commands all = commands(),
                        const std::string& before = "") {
  std::string script = "source /dev/stdin <<'END'\n" + bash_completion(all) + "END\n" + before;
  script += "COMP_WORDS=(" + line + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()\n";
  script += "_aditctl; echo \"${COMPREPLY[*]}\"\n";
  char path[] = "/tmp/adit-completion-XXXXXX";
  const int fd = mkstemp(path);
  EXPECT_EQ(write(fd, script.data(), script.size()), static_cast<ssize_t>(script.size()));
  close(fd);
  FILE* bash = popen((std::string("bash ") + path).c_str(), "r");
  char text[4096];
  const size_t length = fread(text, 1, sizeof text, bash);
  EXPECT_EQ(pclose(bash), 0);
  unlink(path);
  return std::string(text, length > 0 ? length - 1 : 0);
}

TEST(Completion, OffersWhatMayFollow) {
  EXPECT_EQ(
      completions("aditctl ''"),
      "api check completion confirm diff drain help history reload revision rollback show version");
  EXPECT_EQ(completions("aditctl re"), "reload revision");
  EXPECT_EQ(completions("aditctl show f"), "fdb fdb-sources");
  EXPECT_EQ(completions("aditctl show n"), "neighbour-sources neighbours networks");
  EXPECT_EQ(completions("aditctl show backends --s"), "--service --socket");
  EXPECT_EQ(completions("aditctl show s"), "services status steering");
  EXPECT_EQ(completions("aditctl -j --socket /x show w"), "workers");
  EXPECT_EQ(completions("aditctl show fdb --ma"), "--mac");
  EXPECT_EQ(completions("aditctl --so"), "--socket");
  EXPECT_EQ(completions("aditctl completion ''"), "bash");
  EXPECT_EQ(completions("aditctl check /etc/hostn"), "/etc/hostname") << "a file";
  EXPECT_EQ(completions("aditctl check --p"), "--print");
}

TEST(Completion, AsksTheDaemonForNames) {
  const std::string daemon = R"sh(timeout() { shift; "$@"; }
aditctl() {
  [[ $* == "--socket /x -j show networks --limit 1000" ]] &&
    printf '[\n  {\n    "name": "red",\n    "vni": 1\n  },\n  {\n    "name": "$(blue)"\n  }\n]\n'
}
)sh";
  EXPECT_EQ(completions("aditctl -s /x show fdb --network ''", commands(), daemon), "red");
  EXPECT_EQ(completions("aditctl -s /x show fdb --network b", commands(), daemon), "");
  EXPECT_EQ(completions("aditctl show fdb --network ''", commands(), daemon), "") << "none runs";
  EXPECT_EQ(completions("aditctl show fdb --network red --m"), "--mac");
}

TEST(Completion, IsWhatBashHasForAditctl) {
  EXPECT_EQ(completions("aditctl x", commands(), "complete -p aditctl\n"),
            "complete -F _aditctl aditctl\n");
}

}  // namespace
}  // namespace adit::cli
