// SPDX-License-Identifier: Apache-2.0
#include "daemon/start.h"

#include <exception>
#include <optional>
#include <utility>

namespace adit {
namespace {

RevisionHistory open_history(const std::string& state_folder) {
  try {
    return {std::make_shared<RevisionStore>(state_folder + "/revisions"), ""};
  } catch (const std::exception& error) {
    return {nullptr, error.what()};
  }
}

// The file as it stands, and what is wrong with it.
struct File {
  std::optional<std::string> text;
  std::optional<CheckedConfig> checked;
  std::exception_ptr error;
  std::vector<ConfigMistake> mistakes;
};

File read_file(const std::string& path) {
  File file;
  try {
    file.text = read_config_file(path);
    file.checked = check_config(*file.text, path);
  } catch (const ConfigError& error) {
    file.error = std::current_exception();
    file.mistakes = error.mistakes();
  }
  return file;
}

// None: there is none, or an adit of another version wrote it, which this one refuses.
std::optional<CheckedConfig> read_revision(const StartChoice& choice) {
  if (choice.revision == 0) return std::nullopt;
  try {
    return check_config(choice.text, "revision " + std::to_string(choice.revision));
  } catch (const ConfigError&) {
    return std::nullopt;
  }
}

// What was not confirmed, and did not come back before the end, has not stood the test.
void leave_unconfirmed(RevisionHistory& history) {
  std::vector<uint64_t> numbers;
  for (const Revision& revision : history.all())
    if (revision.standing == Standing::kUnconfirmed) numbers.push_back(revision.number);
  for (const uint64_t number : numbers) history.set_standing(number, Standing::kLeft);
}

// The file becomes a revision, unless it is as the last one.
void begin_with_file(RevisionHistory& history, const std::string& path, std::string text) {
  if (!history.is_kept()) return;
  const std::vector<Revision>& all = history.all();
  try {
    if (!all.empty() && all.back().file == path && all.back().standing == Standing::kGood &&
        history.store()->text(all.back().number) == text)
      return history.resume(all.back().number);
  } catch (const std::exception&) {  // it cannot be read any more: a new one is made
  }
  history.add({.who = "start", .origin = "file", .file = path}, std::move(text));
}

}  // namespace

Start choose_configuration(const std::string& path, const std::string& state_folder) {
  File file = read_file(path);
  RevisionHistory history = open_history(state_folder);
  const StartChoice choice =
      history.is_kept() ? choose_start(*history.store(), path, file.text, file.checked.has_value())
                        : StartChoice();
  std::optional<CheckedConfig> good = read_revision(choice);
  leave_unconfirmed(history);
  if (!good) {
    if (file.error) std::rethrow_exception(file.error);
    begin_with_file(history, path, std::move(*file.text));
    return {std::move(*file.checked), "", {}, std::move(history)};
  }
  history.resume(choice.revision);
  return {std::move(*good),
          file.error ? "the file is refused" : "the file is as a revision that was left",
          std::move(file.mistakes), std::move(history)};
}

}  // namespace adit
