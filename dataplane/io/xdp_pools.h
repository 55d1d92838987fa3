// SPDX-License-Identifier: Apache-2.0
// Packet buffers of AF_XDP ports. Each port has its own pool: the driver registers all memory of
// its pool with the kernel, and when it is closed it forgets the buffers that were in its rings,
// 2,048 and more a queue. An interface that is deleted and made again a few times would take all
// buffers there are. From a pool of the port's own they can be found and taken back, for the
// next port.
#pragma once

#include <rte_mempool.h>

#include <memory>
#include <utility>
#include <vector>

namespace adit {

class XdpPools {
 public:
  // A pool that one port has. With its end the port's device is closed.
  class Lease {
   public:
    Lease() = default;
    Lease(XdpPools& pools, rte_mempool* pool) noexcept : pools_(&pools), pool_(pool) {}
    ~Lease() {
      if (pool_ != nullptr) pools_->resting_.push_back(pool_);
    }
    Lease(Lease&& other) noexcept
        : pools_(other.pools_), pool_(std::exchange(other.pool_, nullptr)) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(pools_, other.pools_);
      std::swap(pool_, other.pool_);
      return *this;
    }
    rte_mempool* get() const noexcept { return pool_; }

   private:
    XdpPools* pools_ = nullptr;
    rte_mempool* pool_ = nullptr;
  };

  // One that no port has: with what its former device left behind, or a new one. None: there is no
  // memory for one.
  Lease take(unsigned queues);

 private:
  struct Free {
    void operator()(rte_mempool* pool) const noexcept { rte_mempool_free(pool); }
  };
  std::vector<std::unique_ptr<rte_mempool, Free>> pools_;
  std::vector<rte_mempool*> resting_;
};

}  // namespace adit
