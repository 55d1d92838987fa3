// SPDX-License-Identifier: Apache-2.0
// What was odd about the captures: said once for each port and kind, with a count.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace adit::replay {

struct Note {
  std::string port;
  std::string text;
  uint64_t first_packet = 0;  // number in the port's capture
  uint64_t packets = 0;       // how many it holds for
};

class Notes {
 public:
  void add(const std::string& port, uint64_t packet, const std::string& text) {
    for (Note& note : notes_)
      if (note.port == port && note.text == text) {
        ++note.packets;
        return;
      }
    notes_.push_back({port, text, packet, 1});
  }
  const std::vector<Note>& all() const noexcept { return notes_; }

 private:
  std::vector<Note> notes_;
};

}  // namespace adit::replay
