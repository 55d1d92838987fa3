// SPDX-License-Identifier: Apache-2.0
// Parameters that several methods have.
#pragma once

#include "api/catalogue.h"

namespace adit::methods {

using enum ParameterType;
using enum Presence;
using enum Format;
using enum Role;
using enum Effect;
using enum Answer;

inline constexpr Parameter kLimit = {"limit", kUnsigned, kOptional, "maximum number of rows",
                                     "N",     1,         kMaxRows,  "10000 if not given"};
inline constexpr Parameter kOffset = {
    "offset", kUnsigned, kOptional, "offset of the first row: next_offset of the previous answer"};
inline constexpr Parameter kOfNetwork = {
    .name = "network",
    .type = kString,
    .presence = kOptional,
    .help = "only rows of this network",
    .value_name = "NAME",
    .names_of = "networks",
};
inline constexpr Parameter kOfService = {
    .name = "service",
    .type = kString,
    .presence = kOptional,
    .help = "only rows of this service",
    .value_name = "NAME",
    .names_of = "services",
};
inline constexpr Parameter kPage[] = {kLimit, kOffset};

}  // namespace adit::methods
