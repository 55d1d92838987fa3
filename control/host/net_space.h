// SPDX-License-Identifier: Apache-2.0
// A network namespace of our own, and the thread that lives in it. What the thread opens stays in
// the namespace, whoever uses it; so nobody needs the right to enter one later.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace adit {

class NetSpace {
 public:
  // Null: `why` says why there is none. It takes CAP_SYS_ADMIN.
  static std::unique_ptr<NetSpace> make(std::string& why);
  ~NetSpace();
  NetSpace(const NetSpace&) = delete;
  NetSpace& operator=(const NetSpace&) = delete;

  // Runs the function in the namespace; returns when it is done.
  void run(const std::function<void()>& function);

 private:
  NetSpace() = default;
  void live();

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()>* order_ = nullptr;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace adit
