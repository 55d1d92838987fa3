// SPDX-License-Identifier: Apache-2.0
// File descriptors that DPDK's AF_XDP driver opens with a port and leaves behind: as long as its
// socket is there, a queue of the interface is taken; its program and maps would add up.
#pragma once

#include <string>
#include <vector>

namespace adit {

class DriverDescriptors {
 public:
  // Those that come from here on are the driver's, until done(). No other thread opens any of these
  // kinds meanwhile.
  DriverDescriptors() : before_(all()) {}
  // Closes those of the driver's that are still there.
  ~DriverDescriptors();
  DriverDescriptors(const DriverDescriptors&) = delete;
  DriverDescriptors& operator=(const DriverDescriptors&) = delete;
  void done();

 private:
  struct Descriptor {
    int fd;
    std::string what;  // a socket's inode, a BPF object's id
    friend bool operator==(const Descriptor&, const Descriptor&) = default;
  };
  // AF_XDP sockets, BPF programs, maps and types of this process.
  static std::vector<Descriptor> all();

  std::vector<Descriptor> before_, own_;
  bool is_done_ = false;
};

}  // namespace adit
