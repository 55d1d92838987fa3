// SPDX-License-Identifier: Apache-2.0
// The packets of all captures in the order in which they came in.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "adit/ids.h"
#include "replay/capture_reader.h"

namespace adit::replay {

class MergedInput {
 public:
  struct Head {
    PortId port;
    CapturedPacket packet;  // valid until the next pop()
  };

  // In the order that decides between equal times.
  void add(PortId port, CaptureReader reader);

  // The earliest of the captures' next packets, or null at the end. Within one capture the
  // file's order rules, even where its times go backwards.
  const Head* peek() noexcept;
  void pop();

  // Captures that broke off, after the end: their port and what was wrong.
  struct Broken {
    PortId port;
    uint64_t packets_read;
    std::string why;
  };
  std::vector<Broken> broken() const;

 private:
  struct Source {
    CaptureReader reader;
    PortId port;
    std::optional<Head> head;
    uint64_t packets = 0;
  };
  static void advance(Source& source);
  Source* earliest() noexcept;

  std::vector<Source> sources_;
};

}  // namespace adit::replay
