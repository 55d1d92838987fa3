// SPDX-License-Identifier: Apache-2.0
// What a method of the API is. Methods are declared once, in tables of these; dispatch,
// `help` and the documentation's test read the tables.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace adit {

class ControlPlane;
class Reloader;

// Who is at the other end of the socket, as the kernel says (SO_PEERCRED).
struct Caller {
  uid_t uid = 0;
  pid_t pid = 0;
};
// "uid:1000,pid:4711"
std::string to_string(const Caller& caller);

// What handlers work on.
struct ApiContext {
  ControlPlane* control_plane = nullptr;  // not null where api_methods() are served
  std::string config_path;
  uint64_t (*now_ns)() = nullptr;  // the workers' clock
  Reloader* reloader = nullptr;    // as control_plane
  uint64_t started_ns = 0;         // on it
};

enum class ParameterType { kString, kUnsigned, kBoolean };
std::string_view to_string(ParameterType type);
enum class Presence { kOptional, kRequired };

struct Parameter {
  std::string_view name;
  ParameterType type;
  Presence presence;
  std::string_view help;
};

enum class Effect { kReads, kChanges };

// An answer that takes its time: called about every millisecond until it gives one, as JSON text.
// Each call does a part, and waits for nothing. Throws ApiError. Destroyed where nobody wants the
// answer any more.
using LaterAnswer = std::function<std::optional<std::string>()>;

struct Method {
  std::string_view name;
  Effect effect;  // calls of what changes things are logged with the caller
  std::string_view help;
  std::span<const Parameter> parameters;
  // `params` is an object whose members are declared, typed and complete. Throws ApiError.
  nlohmann::json (*handler)(ApiContext& context, const nlohmann::json& params,
                            const Caller& caller);
  // Instead of the handler, where the answer takes its time.
  LaterAnswer (*begin)(ApiContext& context, const nlohmann::json& params,
                       const Caller& caller) = nullptr;
};

using MethodTable = std::span<const Method>;

// JSON-RPC 2.0 section 5.1, and ours from -32000 down.
enum ApiErrorCode : int {
  kParseError = -32700,
  kInvalidRequest = -32600,
  kMethodNotFound = -32601,
  kInvalidParams = -32602,
  kInternalError = -32603,
  kConfigRefused = -32000,  // data: {"mistakes": [{"file", "line", "column", "message"}]}
  kTooManyClients = -32001,
  kAnswerTooLong = -32002,
  kNoAnswer = -32003,
  kBusy = -32004,
  kWorkerStalled = -32005,
};

class ApiError : public std::runtime_error {
 public:
  ApiError(ApiErrorCode code, const std::string& message, nlohmann::json data = nullptr)
      : std::runtime_error(message), code_(code), data_(std::move(data)) {}
  ApiErrorCode code() const noexcept { return code_; }
  const nlohmann::json& data() const noexcept { return data_; }  // null: none

 private:
  ApiErrorCode code_;
  nlohmann::json data_;
};

}  // namespace adit
