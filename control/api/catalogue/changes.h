// SPDX-License-Identifier: Apache-2.0
// Methods about the configuration, and those that change something.
#pragma once

#include "api/catalogue/parameters.h"

namespace adit::methods {

inline constexpr Parameter kCheckParameters[] = {
    {"text", kString, kOptional, "YAML text; the daemon's own file if not given"},
    {"file_name", kString, kOptional, "what to call the text in messages"},
};
inline constexpr Parameter kDrainParameters[] = {
    kOfService,
    {"backend", kString, kOptional, "only those of this address", "ADDRESS"},
};

inline constexpr MethodInfo kChanging[] = {
    {
        .name = "check",
        .effect = kReads,
        .help = "says what a reload would change, or what is wrong",
        .parameters = kCheckParameters,
        .answer = kLater,
        .notes = "Changes nothing.\n\n"
                 "Result: `{\"changes\": [line...], \"needs_restart\": [line...], \"warnings\": "
                 "[{\"file\", \"line\", \"column\", \"message\"}]}`; lines of `needs_restart` are "
                 "in `changes` too, and a reload with any of them is refused.",
    },
    {
        .name = "reload",
        .effect = kChanges,
        .help = "makes the daemon's file the running configuration",
        .answer = kLater,
        .command = "reload",
        .notes =
            "What did not change is not touched. Reloads and checks run one after the other, in "
            "another thread than the one that answers requests; the file is read when the reload "
            "begins. Requests of one process that wait at the same time get one reload. If the "
            "client disconnects before the answer, the reload is done all the same.\n\n"
            "Result: `{\"generation\": 4, \"changes\": [\"networks.red: remote 192.0.2.9 "
            "added\"]}`",
    },
    {
        .name = "drain",
        .effect = kChanges,
        .help = "lets UDP flows leave backends of weight 0 now, at their next packet",
        .parameters = kDrainParameters,
        .command = "drain",
        .notes = "Without this method they leave after `drain_udp_s`.\n\n"
                 "Result: `{\"backends\": 2}`; an error where there is no such backend.",
    },
};

}  // namespace adit::methods
