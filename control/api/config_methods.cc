// SPDX-License-Identifier: Apache-2.0
// `check`, `reload`, `rollback`, `confirm`, `history` and `revision`: what the reloader does in its
// own thread, and what it has done.
#include <ctime>
#include <optional>

#include "api/params.h"
#include "api/reload_answer.h"
#include "api/rows_answer.h"

namespace adit {
namespace {

using nlohmann::json;

json number_or_null(uint64_t number) {
  return number == 0 ? json(nullptr) : json(number);
}

json applied(const Reloader::Outcome& outcome) {
  json result = {{"generation", outcome.generation},
                 {"revision", number_or_null(outcome.revision)},
                 {"changes", outcome.changes}};
  if (outcome.confirm_s != 0) result["confirm_s"] = outcome.confirm_s;
  return result;
}

// "2026-11-28 14:03:07"
std::string date_of(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts = {};
  char text[32] = "";
  gmtime_r(&time, &parts);
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

// Of the parameter; 0: it is not given. There is such a revision.
uint64_t revision_param(const ApiContext& context, const json& params) {
  const RevisionHistory& history = context.reloader->history();
  const uint64_t number = params.value("revision", uint64_t{0});
  if (number == 0) return 0;
  if (!history.is_kept())
    throw ApiError(kInvalidParams, "no revisions are kept: " + history.why_none());
  if (history.find(number) == nullptr)
    throw ApiError(kInvalidParams, "there is no revision " + std::to_string(number) +
                                       "; `aditctl history` lists them");
  if (!history.has_text(number))
    throw ApiError(kInvalidParams, "revision " + std::to_string(number) +
                                       " could not be kept; see `aditctl show status`");
  return number;
}

}  // namespace

// Text, not a path: the daemon may read what its caller may not.
LaterAnswer begin_check(ApiContext& context, const json& params, const Caller&) {
  const ReloadAnswer answer;
  const bool accepted =
      context.reloader->check(string_param(params, "text"), params.value("file_name", "text"),
                              revision_param(context, params), answer.done());
  return answer.when(accepted, [](const Reloader::Outcome& outcome) {
    json consequences = json::array();
    for (const Consequence& each : outcome.consequences)
      consequences.push_back({{"of", each.of}, {"text", each.text}});
    return json{{"changes", outcome.changes},
                {"needs_restart", outcome.needs_restart},
                {"refused", outcome.refused},
                {"consequences", std::move(consequences)},
                {"warnings", to_json(outcome.warnings)}};
  });
}

LaterAnswer begin_reload(ApiContext& context, const json& params, const Caller& caller) {
  const ReloadAnswer answer;
  const bool accepted = context.reloader->reload(to_string(caller), answer.done(),
                                                 params.value("confirm", uint64_t{0}));
  return answer.when(accepted, applied);
}

LaterAnswer begin_rollback(ApiContext& context, const json& params, const Caller& caller) {
  const RevisionHistory& history = context.reloader->history();
  uint64_t revision = revision_param(context, params);
  if (revision == 0) revision = history.before_running();
  if (revision == 0)
    throw ApiError(kInvalidParams, history.is_kept()
                                       ? "there is no revision before that which runs"
                                       : "no revisions are kept: " + history.why_none());
  const ReloadAnswer answer;
  const bool accepted = context.reloader->roll_back(revision, to_string(caller), answer.done(),
                                                    params.value("confirm", uint64_t{0}));
  return answer.when(accepted, applied);
}

// At once; the answer comes when it is written, so that a restart knows it.
LaterAnswer begin_confirm(ApiContext& context, const json&, const Caller&) {
  if (!context.reloader->confirm())
    throw ApiError(kInvalidParams, "nothing waits for confirmation");
  return [reloader = context.reloader]() -> std::optional<std::string> {
    if (!reloader->is_written()) return std::nullopt;
    return json{{"revision", number_or_null(reloader->history().running())}}.dump();
  };
}

json answer_history(ApiContext& context, const json&, const Caller&) {
  const RevisionHistory& history = context.reloader->history();
  if (!history.is_kept())
    throw ApiError(kInvalidParams, "no revisions are kept: " + history.why_none());
  Rows out;
  for (const Revision& revision : history.all())
    out.rows.push_back({{"revision", revision.number},
                        {"running", revision.number == history.running()},
                        {"applied", date_of(revision.applied_s)},
                        {"standing", word_of(revision.standing)},
                        {"kept", history.has_text(revision.number)},
                        {"origin", revision.origin},
                        {"who", revision.who},
                        {"change_count", revision.change_count},
                        {"changes", revision.changes}});
  return to_json(std::move(out));
}

LaterAnswer begin_revision(ApiContext& context, const json& params, const Caller&) {
  const ReloadAnswer answer;
  const bool accepted =
      context.reloader->read_revision(revision_param(context, params), answer.done());
  return answer.when(accepted, [](const Reloader::Outcome& outcome) {
    return json{{"text", outcome.text}};
  });
}

}  // namespace adit
