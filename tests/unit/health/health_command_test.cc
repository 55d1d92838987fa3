// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "health_probe_run.h"
#include "temp_dir.h"

namespace adit {
namespace {

HealthTarget command(std::vector<std::string> argv) {
  HealthTarget target = target_of(CheckKind::kCommand, 8080, "192.0.2.7");
  target.options.question.command.argv = std::move(argv);
  return target;
}

HealthTarget script(const std::string& text) {
  return command({"/bin/sh", "-c", text});
}

// A folder where scripts, which run as nobody, may write.
struct OpenDir : TempDir {
  OpenDir() { std::filesystem::permissions(file(""), std::filesystem::perms::all); }
};

// A number that a script has written there, once it is whole.
std::optional<pid_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || file.eof()) return std::nullopt;
  return std::stoi(line);
}

// A zombie is gone, too, even where nobody reaps orphans.
bool is_gone(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(file, text)) return true;
  const size_t end_of_name = text.rfind(')');
  return end_of_name != std::string::npos && text.substr(end_of_name, 3) == ") Z";
}

TEST(CommandProbe, JudgesTheExitCode) {
  ProbeRun run;
  EXPECT_EQ(run.verdict(command({"/bin/true"})), "up: exit code 0");
  EXPECT_EQ(run.verdict(command({"/bin/false"})), "down: exit code 1");
  EXPECT_EQ(run.verdict(script("exit 77")), "down: exit code 77");
  EXPECT_EQ(run.verdict(script("kill -9 $$")), "down: killed by a signal: Killed");
  EXPECT_EQ(run.context().children, 0u);
}

TEST(CommandProbe, KnowsTheBackend) {
  ProbeRun run;
  EXPECT_EQ(run.verdict(script("test \"$ADIT_SERVICE\" = web && "
                               "test \"$ADIT_BACKEND_ADDRESS\" = 192.0.2.7 && "
                               "test \"$ADIT_BACKEND_PORT\" = 8080")),
            "up: exit code 0");
  HealthTarget other = script("test \"$ADIT_BACKEND_PORT\" = 99");
  other.options.question.port = 99;
  EXPECT_EQ(run.verdict(other), "up: exit code 0");
}

TEST(CommandProbe, PassesWordsAsTheyAre) {
  ProbeRun run;
  EXPECT_EQ(run.verdict(command({"/usr/bin/test", "$(exit 1); *", "=", "$(exit 1); *"})),
            "up: exit code 0");
}

TEST(CommandProbe, HasNothingOfOurs) {
  ProbeRun run;
  setenv("ADIT_TEST_SECRET", "x", 1);
  EXPECT_EQ(run.verdict(script("test -z \"$ADIT_TEST_SECRET\"")), "up: exit code 0");
  unsetenv("ADIT_TEST_SECRET");
  constexpr int kOurs = 50;
  ASSERT_EQ(dup2(STDERR_FILENO, kOurs), kOurs);  // without FD_CLOEXEC
  EXPECT_EQ(run.verdict(script("test ! -e /proc/self/fd/50")), "up: exit code 0");
  close(kOurs);
}

TEST(CommandProbe, IgnoresOutputHoweverLong) {
  ProbeRun run;
  EXPECT_EQ(run.verdict(command({"/usr/bin/head", "-c", "8000000", "/dev/zero"})),
            "up: exit code 0");
}

TEST(CommandProbe, StartsWithDefaultSignals) {
  ProbeRun run;
  const auto former = std::signal(SIGTERM, SIG_IGN);
  EXPECT_EQ(run.verdict(script("kill -TERM $$; exit 0")), "down: killed by a signal: Terminated");
  std::signal(SIGTERM, former);
}

TEST(CommandProbe, TellsWhatCanNotBeRun) {
  ProbeRun run;
  const TempDir directory;
  EXPECT_EQ(run.verdict(command({"/nonesuch/check"})),
            "down: /nonesuch/check: No such file or directory");
  const std::string plain = directory.write("plain", "echo");
  EXPECT_EQ(run.verdict(command({plain})), "down: " + plain + ": Permission denied");
  EXPECT_EQ(run.verdict(command({})), "down: no command: Invalid argument");
}

TEST(CommandProbe, IsKilledWithItsChildrenAfterTheTimeout) {
  ProbeRun run;
  const OpenDir directory;
  const std::string file = directory.file("pid");
  HealthTarget target = script("sleep 1000 & echo $! >" + file + "; wait");
  target.options.timeout_ms = 1000;
  EXPECT_EQ(run.verdict(target), "down: no exit within 1000 ms; killed");
  const auto grandchild = number_in(file);
  ASSERT_TRUE(grandchild);
  EXPECT_TRUE(run_until(run.io(), [&] { return is_gone(*grandchild); }));
  EXPECT_TRUE(run_until(run.io(), [&] { return run.context().children == 0; }));
}

TEST(CommandProbe, LeavesNobodyBehindWhenItExits) {
  ProbeRun run;
  const OpenDir directory;
  const std::string file = directory.file("pid");
  EXPECT_EQ(run.verdict(script("sleep 1000 & echo $! >" + file)), "up: exit code 0");
  const auto grandchild = number_in(file);
  ASSERT_TRUE(grandchild);
  EXPECT_TRUE(run_until(run.io(), [&] { return is_gone(*grandchild); }));
}

TEST(CommandProbe, CanBeCancelled) {
  ProbeRun run;
  for (unsigned turns = 0; turns < 3; ++turns)
    run.cancel_after(command({"/bin/sleep", "1000"}), turns);
  EXPECT_TRUE(run_until(run.io(), [&] { return run.context().children == 0; }));
}

TEST(CommandProbe, ProcessGoesWithTheIoContext) {
  const OpenDir directory;
  const std::string file = directory.file("pid");
  {
    ProbeRun run;
    const auto probe = run.make(script("echo $$ >" + file + "; exec sleep 1000"));
    probe->start([](const ProbeResult&) { ADD_FAILURE() << "it was not run on"; });
    EXPECT_TRUE(run_until(run.io(), [&] { return number_in(file).has_value(); }));
  }
  EXPECT_TRUE(is_gone(number_in(file).value_or(0)));
}

TEST(CommandProbe, RunsAsNobodyOrAsTold) {
  if (geteuid() != 0) GTEST_SKIP() << "others than root run programs as themselves";
  ProbeRun run;
  EXPECT_EQ(run.verdict(script("test $(id -un) = nobody && test \"$(id -Gn)\" = nogroup")),
            "up: exit code 0");
  EXPECT_EQ(run.verdict(script("test \"$(grep -c '^CapEff:.0*$' /proc/self/status)\" = 1")),
            "up: exit code 0");
  HealthTarget as_daemon = script("test $(id -un) = daemon");
  as_daemon.options.question.command.user = "daemon";
  EXPECT_EQ(run.verdict(as_daemon), "up: exit code 0");
  HealthTarget as_root = script("test $(id -u) = 0");
  as_root.options.question.command.user = "root";
  EXPECT_EQ(run.verdict(as_root), "up: exit code 0");
  HealthTarget as_nobody_known = script("exit 0");
  as_nobody_known.options.question.command.user = "adit-nonesuch";
  EXPECT_EQ(run.verdict(as_nobody_known), "down: there is no account adit-nonesuch");
  EXPECT_EQ(geteuid(), 0u) << "what a child becomes is no matter of ours";
}

TEST(CommandProbe, DoesNotRunWhatOthersCanChange) {
  ProbeRun run;
  const TempDir directory;
  std::filesystem::permissions(directory.file(""), std::filesystem::perms(0755));
  const std::string program = directory.write("check", "#!/bin/sh\nexit 0\n");
  const auto verdict_with = [&](unsigned mode, unsigned folder_mode) {
    std::filesystem::permissions(directory.file(""), std::filesystem::perms(folder_mode));
    std::filesystem::permissions(program, std::filesystem::perms(mode));
    return run.verdict(command({program}));
  };
  EXPECT_EQ(verdict_with(0755, 0755), "up: exit code 0");
  EXPECT_EQ(verdict_with(0757, 0755),
            "down: " + program + " is writable by everybody; it is not run");
  const std::string folder = std::filesystem::path(program).parent_path();
  EXPECT_EQ(verdict_with(0755, 0777),
            "down: " + folder + " is writable by everybody; it is not run");
  EXPECT_EQ(verdict_with(0755, 01777), "up: exit code 0") << "with the sticky bit";
  if (geteuid() != 0) return;
  ASSERT_EQ(chown(program.c_str(), 12345, 0), 0);
  EXPECT_EQ(verdict_with(0755, 0755), "down: " + program + " belongs to user 12345; it is not run");
  ASSERT_EQ(chown(program.c_str(), 0, 12345), 0);
  EXPECT_EQ(verdict_with(0775, 0755),
            "down: " + program + " is writable by group 12345; it is not run");
  const std::string link = directory.file("link");
  ASSERT_EQ(symlink(program.c_str(), link.c_str()), 0);
  EXPECT_EQ(run.verdict(command({link})),
            "down: " + program + " is writable by group 12345; it is not run");
}

TEST(CommandProbe, StartsNoMoreThanItsShareOfProcesses) {
  ProbeRun run;
  run.context().children = ProbeContext::kMaxChildren;
  EXPECT_EQ(run.verdict(command({"/bin/true"})),
            "unknown: /bin/true: Resource temporarily unavailable");
}

}  // namespace
}  // namespace adit
