// SPDX-License-Identifier: Apache-2.0
// A method of the API with its handler. What else there is to say of it stands in the catalogue.
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

#include "api/catalogue.h"
#include "running/kernel_source.h"

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
// A host interface, as `show.hosts` tells of it.
struct HostState {
  std::string vrf, interface, network_namespace;
  std::string why;  // there is none; empty: there is
  uint64_t to_host = 0, from_host = 0, dropped = 0;
};

struct SteeringState {
  std::string port, mode;
  std::string why;               // it does not work; empty: it does
  std::vector<uint64_t> counts;  // packets, as in the columns of show.steering
};

struct ApiContext {
  ControlPlane* control_plane = nullptr;  // not null where api_methods() are served
  std::string config_path;
  uint64_t (*now_ns)() = nullptr;  // the workers' clock
  Reloader* reloader = nullptr;    // as control_plane
  uint64_t started_ns = 0;         // on it
  std::function<std::vector<HostState>()> hosts = {};
  std::function<std::vector<SteeringState>()> steered_ports = {};
  std::function<std::vector<FdbSource>()> fdb_sources = {};
  std::function<std::vector<NeighbourSource>()> neighbour_sources = {};
};

// An answer that needs several steps: called about every millisecond until it returns JSON text.
// Each call does a part of the work and does not block. Throws ApiError. Destroyed when the client
// has disconnected.
using LaterAnswer = std::function<std::optional<std::string>()>;

// `params` is an object whose members are declared, typed, in their range and complete. Both throw
// ApiError. Of a method either is bound, as its Answer says.
using HandleMethod = nlohmann::json(ApiContext& context, const nlohmann::json& params,
                                    const Caller& caller);
using BeginMethod = LaterAnswer(ApiContext& context, const nlohmann::json& params,
                                const Caller& caller);

struct Method : MethodInfo {
  HandleMethod* handler = nullptr;
  BeginMethod* begin = nullptr;
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
  kUnconfirmed = -32006,  // a change waits for confirmation
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
