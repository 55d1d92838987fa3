// SPDX-License-Identifier: Apache-2.0
// Signals are for the control thread: other threads inherit the mask of the one that starts them.
#pragma once

#include <pthread.h>

#include <csignal>
#include <initializer_list>

namespace adit {

// By which drop_privileges() reaches every thread; no thread blocks it.
inline int privileges_signal() noexcept {
  return SIGRTMAX - 2;
}

// As long as it lives, the calling thread and those that it starts take no other signals.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, privileges_signal());
    pthread_sigmask(SIG_SETMASK, &all, &former_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &former_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t former_;
};

// For the calling thread, and those that it starts afterwards.
inline void block_signals(std::initializer_list<int> signals) noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// The same way back.
inline void unblock_signals(std::initializer_list<int> signals) noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace adit
