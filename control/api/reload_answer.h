// SPDX-License-Identifier: Apache-2.0
// The answer to what the reloader does in its turn, once it has.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/method.h"
#include "config/yaml/error.h"
#include "config/yaml/mistakes_json.h"
#include "running/control_plane.h"
#include "running/reload.h"

namespace adit {

// Runs what may find a configuration wrong.
template <class Function>
auto or_refuse(Function function) {
  try {
    return function();
  } catch (const ConfigError& error) {
    nlohmann::json mistakes = to_json(error.mistakes());
    const std::string count = std::to_string(mistakes.size());
    throw ApiError(kConfigRefused,
                   "configuration refused: " + count + (count == "1" ? " mistake" : " mistakes"),
                   {{"mistakes", std::move(mistakes)}});
  } catch (const WorkerStalled& error) {
    throw ApiError(kWorkerStalled, error.what());
  } catch (const WaitsForConfirmation& error) {
    throw ApiError(kUnconfirmed, error.what());
  }
}

// The answer to what the reloader does, once it has.
class ReloadAnswer {
 public:
  Reloader::Done done() const {
    return [place = outcome_](Reloader::Outcome outcome) { *place = std::move(outcome); };
  }
  // `make` says what of the outcome is the answer.
  template <class Make>
  LaterAnswer when(bool accepted, Make make) const {
    if (!accepted)
      throw ApiError(kBusy, std::to_string(Reloader::kMaxWaiting) +
                                " reloads and checks wait for their turn already; try again");
    return [place = outcome_, make]() -> std::optional<std::string> {
      if (!*place) return std::nullopt;
      return or_refuse([&] {
        if ((*place)->error) std::rethrow_exception((*place)->error);
        // Names in messages may be no UTF-8; an answer must be.
        return make(**place).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
      });
    };
  }

 private:
  std::shared_ptr<std::optional<Reloader::Outcome>> outcome_ =
      std::make_shared<std::optional<Reloader::Outcome>>();
};

}  // namespace adit
