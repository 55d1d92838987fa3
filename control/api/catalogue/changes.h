// SPDX-License-Identifier: Apache-2.0
// Methods about the configuration, and those that change something.
#pragma once

#include "api/catalogue/parameters.h"

namespace adit::methods {

inline constexpr Parameter kCheckParameters[] = {
    {"text", kString, kOptional, "YAML text to check; default: the daemon's configuration file"},
    {"file_name", kString, kOptional, "file name to use in messages about `text`"},
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
            "[line...], \"warnings\": [{\"file\", \"line\", \"column\", \"message\"}]}`; lines "
            "of `needs_restart` are in `changes` too; `refused` says which ports cannot be opened "
            "as they shall be, and why. A reload with any of either is refused.",
    },
    {
        .name = "reload",
        .effect = kChanges,
        .help = "applies the daemon's configuration file",
        .answer = kLater,
        .command = "reload",
        .notes = "Only differences are applied; everything else keeps its state and counters. "
                 "Reloads and checks run one after the other in a thread of their own, so other "
                 "requests are answered meanwhile. The file is read when the reload begins. If "
                 "several requests of one process wait, one reload answers all of them. If the "
                 "client disconnects before the answer, the reload still completes.\n\n"
                 "Result: `{\"generation\": 4, \"changes\": [\"networks.red: remote 192.0.2.9 "
                 "added\"]}`",
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
