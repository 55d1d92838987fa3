// SPDX-License-Identifier: Apache-2.0
// A pcap or pcapng file of Ethernet frames, read packet by packet.
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace adit::replay {

struct PcapCloser {
  void operator()(pcap_t* pcap) const noexcept { pcap_close(pcap); }
};
using PcapHandle = std::unique_ptr<pcap_t, PcapCloser>;

struct CapturedPacket {
  uint64_t number = 0;             // from 1
  uint64_t time_ns = 0;            // since 1970
  std::span<const uint8_t> bytes;  // valid until the reader's next read()
  uint32_t original_bytes = 0;     // more than bytes.size() where the capture cut it off
};

class CaptureReader {
 public:
  // Throws std::runtime_error: cannot be opened, is no capture, or not of Ethernet.
  explicit CaptureReader(std::string path);

  // Empty at the end. A file that breaks off ends there, see broken().
  std::optional<CapturedPacket> read();

  const std::string& path() const noexcept { return path_; }
  // What was wrong with the file's end; empty: nothing.
  const std::string& broken() const noexcept { return broken_; }

 private:
  std::string path_;
  PcapHandle pcap_;
  uint64_t number_ = 0;
  std::string broken_;
};

}  // namespace adit::replay
