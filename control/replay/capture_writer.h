// SPDX-License-Identifier: Apache-2.0
// Writes Ethernet frames to a pcap file with nanosecond times.
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "replay/capture_reader.h"

namespace adit::replay {

class CaptureWriter {
 public:
  // Throws std::runtime_error when the file cannot be created.
  explicit CaptureWriter(std::string path);

  void write(uint64_t time_ns, std::span<const uint8_t> frame) noexcept;
  // Throws std::runtime_error when not all of it has reached the file.
  void finish();

 private:
  struct DumpCloser {
    void operator()(pcap_dumper_t* dump) const noexcept { pcap_dump_close(dump); }
  };

  std::string path_;
  PcapHandle format_;  // the file's link type and time resolution
  std::unique_ptr<pcap_dumper_t, DumpCloser> dump_;
};

}  // namespace adit::replay
