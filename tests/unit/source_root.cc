// SPDX-License-Identifier: Apache-2.0
#include "source_root.h"

namespace adit {

const char* const kSourceRoot = ADIT_SOURCE_ROOT;

}  // namespace adit
