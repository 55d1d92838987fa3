// SPDX-License-Identifier: Apache-2.0
// The methods' part of docs/api.md.
#pragma once

#include <string>

#include "api/catalogue.h"

namespace adit {

// A section in Markdown for each method.
std::string api_reference(Catalogue methods);

}  // namespace adit
