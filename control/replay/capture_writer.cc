// SPDX-License-Identifier: Apache-2.0
#include "replay/capture_writer.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace adit::replay {

CaptureWriter::CaptureWriter(std::string path)
    : path_(std::move(path)),
      format_(
          pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 262144, PCAP_TSTAMP_PRECISION_NANO)) {
  if (format_ == nullptr) throw std::runtime_error(path_ + ": libpcap is out of memory");
  dump_.reset(pcap_dump_open(format_.get(), path_.c_str()));
  if (dump_ == nullptr) {
    const std::string why = pcap_geterr(format_.get());
    throw std::runtime_error(why.starts_with(path_) ? why : path_ + ": " + why);
  }
}

void CaptureWriter::write(uint64_t time_ns, std::span<const uint8_t> frame) noexcept {
  pcap_pkthdr header = {};
  header.ts.tv_sec = static_cast<time_t>(time_ns / 1'000'000'000);
  header.ts.tv_usec = static_cast<suseconds_t>(time_ns % 1'000'000'000);  // the file's unit
  header.caplen = header.len = static_cast<bpf_u_int32>(frame.size());
  pcap_dump(reinterpret_cast<u_char*>(dump_.get()), &header, frame.data());
}

void CaptureWriter::finish() {
  if (pcap_dump_flush(dump_.get()) != 0 || std::ferror(pcap_dump_file(dump_.get())) != 0)
    throw std::runtime_error(path_ + ": writing failed: " + std::strerror(errno));
}

}  // namespace adit::replay
