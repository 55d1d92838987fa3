// SPDX-License-Identifier: Apache-2.0
#include "io/driver_descriptors.h"

#include <dirent.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>

namespace adit {
namespace {

constexpr int kXdpFamily = 44;  // AF_XDP

// "bpf-map" and the like, with its id; else empty.
std::string bpf_object(const std::string& link, const std::string& fd) {
  constexpr std::string_view kPrefix = "anon_inode:";
  if (!link.starts_with(kPrefix)) return "";
  const std::string kind = link.substr(kPrefix.size());
  if (kind != "bpf-prog" && kind != "bpf-map" && kind != "btf") return "";
  std::string what = kind;
  std::ifstream about("/proc/self/fdinfo/" + fd);
  for (std::string line; std::getline(about, line);)
    if (line.find("_id:") != std::string::npos) what += ' ' + line;
  return what;
}

bool is_xdp_socket(int fd) {
  int family = 0;
  socklen_t bytes = sizeof family;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &bytes) == 0 && family == kXdpFamily;
}

}  // namespace

std::vector<DriverDescriptors::Descriptor> DriverDescriptors::all() {
  std::vector<Descriptor> found;
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return found;
  while (const dirent* entry = readdir(folder)) {
    const std::string name = entry->d_name;
    const int fd = std::atoi(name.c_str());
    std::array<char, 64> link{};
    if (readlinkat(dirfd(folder), name.c_str(), link.data(), link.size() - 1) <= 0) continue;
    std::string what = bpf_object(link.data(), name);
    if (what.empty() && is_xdp_socket(fd)) what = link.data();  // "socket:[INODE]"
    if (!what.empty()) found.push_back({fd, std::move(what)});
  }
  closedir(folder);
  return found;
}

void DriverDescriptors::done() {
  own_ = all();
  std::erase_if(own_, [this](const Descriptor& one) {
    return std::ranges::find(before_, one) != before_.end();
  });
  is_done_ = true;
}

DriverDescriptors::~DriverDescriptors() {
  if (!is_done_) done();
  const std::vector<Descriptor> now = all();
  for (const Descriptor& one : own_)
    if (std::ranges::find(now, one) != now.end()) close(one.fd);
}

}  // namespace adit
