// SPDX-License-Identifier: Apache-2.0
#include "replay/capture_reader.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace adit::replay {
namespace {

// pcapng has room for times beyond what 64 bits of nanoseconds hold, and libpcap hands
// them on: they stop at the end of a pcap file's 32 bits of seconds.
uint64_t to_ns(const timeval& time) noexcept {
  constexpr int64_t kLastSecond = 0xffff'ffff;
  const auto seconds = std::clamp<int64_t>(time.tv_sec, 0, kLastSecond);
  const auto fraction = std::clamp<int64_t>(time.tv_usec, 0, 999'999'999);  // nanoseconds, as asked
  return static_cast<uint64_t>(seconds * 1'000'000'000 + fraction);
}

}  // namespace

CaptureReader::CaptureReader(std::string path) : path_(std::move(path)) {
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap_.reset(
      pcap_open_offline_with_tstamp_precision(path_.c_str(), PCAP_TSTAMP_PRECISION_NANO, error));
  if (pcap_ == nullptr) {
    const std::string why = error;  // libpcap sometimes begins with the path itself
    throw std::runtime_error(why.starts_with(path_) ? why : path_ + ": " + why);
  }
  if (const int type = pcap_datalink(pcap_.get()); type != DLT_EN10MB) {
    const char* name = pcap_datalink_val_to_name(type);
    throw std::runtime_error(path_ + ": link type " +
                             (name != nullptr ? name : std::to_string(type)) +
                             ": only Ethernet (EN10MB) can be replayed");
  }
}

std::optional<CapturedPacket> CaptureReader::read() {
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  const int got = pcap_next_ex(pcap_.get(), &header, &data);
  if (got == PCAP_ERROR) broken_ = pcap_geterr(pcap_.get());
  if (got != 1) return std::nullopt;
  return CapturedPacket{++number_, to_ns(header->ts), {data, header->caplen}, header->len};
}

}  // namespace adit::replay
