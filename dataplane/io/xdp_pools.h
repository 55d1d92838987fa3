// SPDX-License-Identifier: Apache-2.0
// Packet buffers of AF_XDP ports. Each port has its own pool: the driver registers all memory of
// its pool with the kernel, and when it is closed it forgets the buffers that were in its rings,
// 2,048 and more a queue. An interface that is deleted and made again a few times would take all
// buffers there are. From a pool of the port's own they can be found and taken back.
#pragma once

#include <rte_mempool.h>

#include <map>
#include <memory>
#include <string>

namespace adit {

class XdpPools {
 public:
  // The port's pool, made the first time. Its device is closed: what that left behind is back in
  // the pool. `other`: where there is no memory for one.
  rte_mempool* take(const std::string& port, unsigned queues, rte_mempool* other);

 private:
  struct Free {
    void operator()(rte_mempool* pool) const noexcept { rte_mempool_free(pool); }
  };
  std::map<std::string, std::unique_ptr<rte_mempool, Free>> pools_;
};

}  // namespace adit
