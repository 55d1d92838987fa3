// SPDX-License-Identifier: Apache-2.0
#include "api/rpc.h"

#include <algorithm>
#include <vector>

#include "base/nearest_name.h"

namespace adit {
namespace {

using nlohmann::json;

template <class Named>
std::vector<std::string_view> names_of(std::span<const Named> things) {
  std::vector<std::string_view> names;
  for (const Named& thing : things) names.push_back(thing.name);
  return names;
}

std::string dump(const json& value) {
  // Text from files may be no UTF-8; an answer must be.
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string to_line(const json& message) {
  return dump(message) + '\n';
}

json error_message(const json& id, ApiErrorCode code, const std::string& message,
                   const json& data) {
  json error = {{"code", static_cast<int>(code)}, {"message", message}};
  if (!data.is_null()) error["data"] = data;
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(error)}};
}

// No request of ours is nested deeper, and copying a value takes stack for each level.
constexpr int kMaxDepth = 16;

json parse(std::string_view line) {
  const auto refuse_depth = [](int depth, json::parse_event_t, const json&) {
    if (depth > kMaxDepth)
      throw ApiError(kInvalidRequest,
                     "nested deeper than " + std::to_string(kMaxDepth) + " levels");
    return true;
  };
  try {
    return json::parse(line, refuse_depth);
  } catch (const json::parse_error& error) {
    throw ApiError(kParseError, "not JSON, at byte " + std::to_string(error.byte) +
                                    " of the line: send one JSON-RPC 2.0 request per line");
  } catch (const json::out_of_range&) {  // of a number alone, such as 1e400
    throw ApiError(kInvalidRequest, "a number of the request is out of range");
  }
}

// JSON-RPC 2.0 section 4: the members of a request object.
void check_request(const json& request) {
  if (request.is_array())
    throw ApiError(kInvalidRequest, "batches are not served: send one request per line");
  if (!request.is_object()) throw ApiError(kInvalidRequest, "a request is a JSON object");
  const auto version = request.find("jsonrpc");
  if (version == request.end() || *version != "2.0")
    throw ApiError(kInvalidRequest, "a request has \"jsonrpc\": \"2.0\"");
  const auto id = request.find("id");
  if (id != request.end() && !id->is_string() && !id->is_number() && !id->is_null())
    throw ApiError(kInvalidRequest, "\"id\" is a string, a number or null");
  const auto method = request.find("method");
  if (method == request.end() || !method->is_string())
    throw ApiError(kInvalidRequest, "\"method\" is missing, or no string");
}

const Method& find_method(MethodTable methods, const std::string& name) {
  const auto found = std::find_if(methods.begin(), methods.end(),
                                  [&](const Method& method) { return method.name == name; });
  if (found == methods.end())
    throw ApiError(kMethodNotFound, "there is no method " + adit::in_quotes(name) +
                                        did_you_mean(name, names_of(methods)));
  return *found;
}

bool has_type(const json& value, ParameterType type) {
  switch (type) {
    case ParameterType::kString:
      return value.is_string();
    case ParameterType::kUnsigned:
      return value.is_number_unsigned();
    case ParameterType::kBoolean:
      return value.is_boolean();
  }
  return false;
}

void check_params(const Method& method, const json& params) {
  const auto complain = [&](const std::string& what) {
    throw ApiError(kInvalidParams, std::string(method.name) + ": " + what);
  };
  if (!params.is_object()) complain("parameters go by name, in an object");
  for (const auto& [name, value] : params.items()) {
    const auto declared =
        std::find_if(method.parameters.begin(), method.parameters.end(),
                     [&name = name](const Parameter& parameter) { return parameter.name == name; });
    if (declared == method.parameters.end())
      complain("there is no parameter " + adit::in_quotes(name) +
               did_you_mean(name, names_of(method.parameters)));
    else if (!has_type(value, declared->type))
      complain("parameter " + adit::in_quotes(name) + ": expected " +
               std::string(to_string(declared->type)) + ", found " + value.type_name());
    else if (declared->type == ParameterType::kUnsigned &&
             (value.get<uint64_t>() < declared->min || value.get<uint64_t>() > declared->max))
      complain("parameter " + adit::in_quotes(name) + ": expected " +
               std::to_string(declared->min) + ".." + std::to_string(declared->max) + ", found " +
               value.dump());
  }
  for (const Parameter& parameter : method.parameters)
    if (parameter.presence == Presence::kRequired && !params.contains(parameter.name))
      complain("parameter " + adit::in_quotes(parameter.name) + " is missing");
}

// Writes the text that `function` gives, if it gives some, or what it throws.
template <class Function>
void complete(RpcAnswer& answer, size_t max_bytes, Function function) {
  const auto fail = [&](ApiErrorCode code, const std::string& message, const json& data) {
    answer.error_code = code;
    answer.error_message = message;
    answer.text = to_line(error_message(answer.id, code, message, data));
  };
  try {
    const std::optional<std::string> result = function();
    if (result && answer.wanted)
      answer.text =
          R"({"id":)" + dump(answer.id) + R"(,"jsonrpc":"2.0","result":)" + *result + "}\n";
  } catch (const ApiError& error) {
    fail(error.code(), error.what(), error.data());
  } catch (const std::exception& error) {
    fail(kInternalError, std::string("internal error: ") + error.what(), nullptr);
  }
  if (answer.text.size() > max_bytes) {
    // The id, too, came from the client and may be what is too long.
    answer.id = nullptr;
    fail(kAnswerTooLong,
         "the answer has " + std::to_string(answer.text.size()) + " bytes, more than " +
             std::to_string(max_bytes) + ": ask for less",
         nullptr);
  }
  if (!answer.wanted) answer.text.clear();
}

}  // namespace

std::string to_string(const Caller& caller) {
  return "uid:" + std::to_string(caller.uid) + ",pid:" + std::to_string(caller.pid);
}

std::string error_line(ApiErrorCode code, const std::string& message) {
  return to_line(error_message(nullptr, code, message, nullptr));
}

RpcAnswer answer_request(MethodTable methods, ApiContext& context, const Caller& caller,
                         std::string_view line, size_t max_bytes) {
  RpcAnswer answer;
  complete(answer, max_bytes, [&]() -> std::optional<std::string> {
    const json request = parse(line);
    check_request(request);
    answer.wanted = request.contains("id");
    if (answer.wanted) answer.id = request["id"];
    const Method& method = find_method(methods, request["method"].get_ref<const std::string&>());
    answer.method = &method;
    const json params = request.value("params", json::object());
    check_params(method, params);
    if (method.begin == nullptr) return dump(method.handler(context, params, caller));
    answer.later = method.begin(context, params, caller);
    return std::nullopt;
  });
  return answer;
}

bool finish_answer(RpcAnswer& answer, size_t max_bytes) {
  bool there = true;
  complete(answer, max_bytes, [&] {
    auto result = answer.later();
    there = result.has_value();
    return result;
  });
  if (there) answer.later = nullptr;
  return there;
}

}  // namespace adit
