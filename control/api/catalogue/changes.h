// SPDX-License-Identifier: Apache-2.0
// Methods about the configuration, and those that change something.
#pragma once

#include "api/catalogue/parameters.h"

namespace adit::methods {

// Reloads and checks wait for their turn; each may take a minute of CPU.
inline constexpr unsigned kTurnPatience_s = 150;
inline constexpr uint64_t kMostRevisions = 1'000'000'000;  // their numbers go on

inline constexpr Parameter kCheckParameters[] = {
    {"text", kString, kOptional, "YAML text to check; default: the daemon's configuration file"},
    {"file_name", kString, kOptional, "file name to use in messages about `text`"},
    {.name = "revision",
     .type = kUnsigned,
     .presence = kOptional,
     .help = "check this revision instead",
     .min = 1,
     .max = kMostRevisions},
};
inline constexpr Parameter kConfirmWithin = {
    .name = "confirm",
    .type = kUnsigned,
    .presence = kOptional,
    .help = "revert after so many seconds unless `confirm` is called",
    .value_name = "SECONDS",
    .min = 1,
    .max = 86'400,
};
inline constexpr Parameter kReloadParameters[] = {kConfirmWithin};
inline constexpr Parameter kRollbackParameters[] = {
    {.name = "revision",
     .type = kUnsigned,
     .presence = kOptional,
     .help = "number in `history`",
     .value_name = "REVISION",
     .min = 1,
     .max = kMostRevisions,
     .fallback = "the good one before that which runs, if not given",
     .is_argument = true},
    kConfirmWithin,
};
inline constexpr Parameter kRevisionParameters[] = {
    {.name = "revision",
     .type = kUnsigned,
     .presence = kRequired,
     .help = "number in `history`",
     .value_name = "REVISION",
     .min = 1,
     .max = kMostRevisions,
     .is_argument = true},
};

inline constexpr Column kHistoryColumns[] = {
    {"revision", "REVISION", kNumber, kKey},
    {"running", "RUNNING", kText, kShown, "whether it is the one that runs"},
    {"applied", "APPLIED", kText, kShown, "date and time, UTC"},
    {"standing", "STANDING", kText, kShown,
     "`good`; `unconfirmed`: it reverts unless it is confirmed; `left`: a rollback, or a "
     "confirmation that did not come, went back from it"},
    {"kept", "KEPT", kText, kWide, "whether its text could be written"},
    {"origin", "ORIGIN", kText, kShown, "`file`, `rollback to N`, or `revert to N`"},
    {"who", "WHO", kText, kShown, "`start`, `SIGHUP`, `unconfirmed`, or the caller"},
    {"change_count", "CHANGES", kNumber},
    {"changes", "", kText, kShown, "the first 100 of them, one line each"},
};
inline constexpr Parameter kDrainParameters[] = {
    kOfService,
    {"backend", kString, kOptional, "only backends with this address", "ADDRESS"},
};

inline constexpr MethodInfo kChanging[] = {
    {
        .name = "check",
        .effect = kReads,
        .help = "shows what a reload would change, or the errors in the configuration",
        .parameters = kCheckParameters,
        .answer = kLater,
        .notes =
            "Changes nothing.\n\n"
            "Result: `{\"changes\": [line...], \"needs_restart\": [line...], \"refused\": "
            "[line...], \"consequences\": [{\"of\", \"text\"}], \"warnings\": [{\"file\", "
            "\"line\", \"column\", \"message\"}]}`; lines of `needs_restart` are in `changes` too; "
            "`refused` says which ports cannot be opened as they shall be, and why. A reload with "
            "any of either is refused. `consequences` say what becomes of connections now, `of` is "
            "what the line about the change begins with.",
        .patience_s = kTurnPatience_s,
    },
    {
        .name = "reload",
        .effect = kChanges,
        .help = "applies the daemon's configuration file",
        .parameters = kReloadParameters,
        .answer = kLater,
        .command = "reload",
        .notes = "Only differences are applied; everything else keeps its state and counters. "
                 "Reloads and checks run one after the other in a thread of their own, so other "
                 "requests are answered meanwhile. The file is read when the reload begins. If "
                 "several requests of one process wait, one reload answers all of them. If the "
                 "client disconnects before the answer, the reload still completes.\n\n"
                 "With `confirm`, the configuration before comes back after so many seconds unless "
                 "`confirm` is called. Until then a reload without `confirm` is refused, and one "
                 "with it begins the time anew.\n\n"
                 "Result: `{\"generation\": 4, \"revision\": 12, \"changes\": [\"networks.red: "
                 "remote 192.0.2.9 added\"]}`, and `confirm_s` where it waits for confirmation; "
                 "`revision` is null where none is kept.",
        .patience_s = kTurnPatience_s,
    },
    {
        .name = "confirm",
        .effect = kChanges,
        .help = "keeps a change that would revert",
        .answer = kLater,
        .command = "confirm",
        .notes = "It is an error if nothing waits for confirmation.\n\n"
                 "Result: `{\"revision\": 12}`",
        .patience_s = kTurnPatience_s,
    },
    {
        .name = "rollback",
        .effect = kChanges,
        .help = "applies a configuration of before again",
        .parameters = kRollbackParameters,
        .answer = kLater,
        .command = "rollback",
        .notes = "It becomes a new revision, and the one that ran is `left`. The configuration "
                 "file stays as it is: a reload applies it, but a start does not as long as it is "
                 "what was left. Result as of `reload`.",
        .patience_s = kTurnPatience_s,
    },
    {
        .name = "history",
        .effect = kReads,
        .help = "configurations that were applied, the last 50",
        .command = "history",
        .columns = kHistoryColumns,
        .notes = "Kept over restarts, see `aditd --state-dir`.",
    },
    {
        .name = "revision",
        .effect = kReads,
        .help = "prints a configuration of `history`",
        .parameters = kRevisionParameters,
        .answer = kLater,
        .command = "revision",
        .notes = "Result: `{\"text\": \"ports: ...\"}`, the file as it was applied.",
        .patience_s = kTurnPatience_s,
    },
    {
        .name = "drain",
        .effect = kChanges,
        .help = "moves UDP flows away from backends of weight 0, each at its next packet",
        .parameters = kDrainParameters,
        .command = "drain",
        .notes = "Without this method, UDP flows leave after `drain_udp_s`.\n\n"
                 "Result: `{\"backends\": 2}`, the number of backends. It is an error if no "
                 "backend matches.",
    },
};

}  // namespace adit::methods
