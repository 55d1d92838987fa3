// SPDX-License-Identifier: Apache-2.0
// Files that are there whole or not at all, also after a crash in the middle of writing them.
#pragma once

#include <string>
#include <string_view>

namespace adit {

// Makes `name` in the folder that `folder` is open on have this content: a file beside it is
// written, synced, renamed, and the folder is synced. Throws std::system_error; what was called
// `name` before is then as it was.
void write_whole_file(int folder, const std::string& name, std::string_view content);

// All of it. Throws std::system_error.
std::string read_whole_file(int folder, const std::string& name);

}  // namespace adit
