// SPDX-License-Identifier: Apache-2.0
// Where the tree is that the tests are of.
#pragma once

namespace adit {

extern const char* const kSourceRoot;

}  // namespace adit
