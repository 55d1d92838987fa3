// SPDX-License-Identifier: Apache-2.0
// The part of YAML that large configurations are written in, read much faster than by yaml-cpp,
// which takes half of the time of a reload: it tries regular expressions at each character.
#pragma once

#include <string_view>

namespace YAML {
class EventHandler;
}

namespace adit {

// Sends the events that yaml-cpp would send, and returns true; or returns false as soon as it meets
// anything beside that part, whether that is right or wrong: then all of the text is for yaml-cpp,
// and the events sent so far count for nothing. It never reports a mistake itself. `text`: without
// '\r'.
//
// The part: ASCII; block maps and lists, flow maps and lists, also over lines; keys of letters,
// digits and ._/-; values that are plain and on one line, or quoted without escapes; comments. Not
// in it are anchors, aliases, tags, block scalars, escapes, missing values, documents' marks, tabs.
bool read_plain_yaml(std::string_view text, YAML::EventHandler& out);

}  // namespace adit
