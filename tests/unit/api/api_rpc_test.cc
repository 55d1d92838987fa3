// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>

#include "api/rpc.h"

namespace adit::api_rpc_test {
namespace {

using nlohmann::json;

unsigned changes_made = 0;

json echo(ApiContext&, const json& params, const Caller&) {
  return params;
}
json who(ApiContext&, const json&, const Caller& caller) {
  return to_string(caller);
}
json change(ApiContext&, const json&, const Caller&) {
  return ++changes_made;
}
json refuse(ApiContext&, const json&, const Caller&) {
  throw ApiError(kConfigRefused, "refused", {{"mistakes", {1, 2}}});
}
json crash(ApiContext&, const json&, const Caller&) {
  throw std::runtime_error("\xff broke");
}

// Is ready when it is asked for the third time.
LaterAnswer later(ApiContext&, const json& params, const Caller&) {
  return [params, asked = 0]() mutable -> std::optional<std::string> {
    if (++asked < 3) return std::nullopt;
    if (params.contains("text")) throw ApiError(kNoAnswer, "did not work");
    return R"("done")";
  };
}

constexpr Parameter kEchoParameters[] = {
    {"text", ParameterType::kString, Presence::kRequired, ""},
    {"count", ParameterType::kUnsigned, Presence::kOptional, ""},
    {"loud", ParameterType::kBoolean, Presence::kOptional, ""},
};
constexpr Parameter kLaterParameters[] = {
    {"text", ParameterType::kString, Presence::kOptional, ""}};
constexpr Method kTable[] = {
    {{"echo", Effect::kReads, "", kEchoParameters}, echo},
    {{"who", Effect::kReads, "", {}}, who},
    {{"change", Effect::kChanges, "", {}}, change},
    {{"refuse", Effect::kChanges, "", {}}, refuse},
    {{"crash", Effect::kReads, "", {}}, crash},
    {{"later", Effect::kReads, "", kLaterParameters}, nullptr, later},
};
constexpr size_t kRoom = 4096;

RpcAnswer ask(std::string_view line, size_t max_bytes = kRoom) {
  ApiContext context;
  return answer_request(kTable, context, {1000, 4711}, line, max_bytes);
}
json reply(std::string_view line) {
  return json::parse(ask(line).text);
}

TEST(Rpc, AnswersWithTheIdThatItWasGiven) {
  EXPECT_EQ(reply(R"({"jsonrpc":"2.0","id":7,"method":"who"})"),
            json::parse(R"({"jsonrpc":"2.0","id":7,"result":"uid:1000,pid:4711"})"));
  EXPECT_EQ(reply(R"({"jsonrpc":"2.0","id":"x","method":"who","params":{}})")["id"], "x");
  EXPECT_TRUE(reply(R"({"jsonrpc":"2.0","id":null,"method":"who"})").contains("result"));
}

TEST(Rpc, AnswersThatTakeTheirTimeAreAskedFor) {
  RpcAnswer answer = ask(R"({"jsonrpc":"2.0","id":7,"method":"later"})");
  ASSERT_TRUE(answer.later);
  EXPECT_EQ(answer.text, "");
  EXPECT_FALSE(finish_answer(answer, kRoom));
  EXPECT_FALSE(finish_answer(answer, kRoom));
  ASSERT_TRUE(finish_answer(answer, kRoom));
  EXPECT_FALSE(answer.later);
  EXPECT_EQ(json::parse(answer.text), json::parse(R"({"jsonrpc":"2.0","id":7,"result":"done"})"));

  RpcAnswer fails = ask(R"({"jsonrpc":"2.0","id":8,"method":"later","params":{"text":"x"}})");
  while (!finish_answer(fails, kRoom)) continue;
  EXPECT_EQ(fails.error_code, kNoAnswer);
  EXPECT_EQ(json::parse(fails.text)["id"], 8);
  EXPECT_EQ(json::parse(fails.text)["error"]["message"], "did not work");

  RpcAnswer unwanted = ask(R"({"jsonrpc":"2.0","method":"later"})");
  while (!finish_answer(unwanted, kRoom)) continue;
  EXPECT_EQ(unwanted.text, "");

  RpcAnswer wrong = ask(R"({"jsonrpc":"2.0","id":9,"method":"later","params":{"txt":"x"}})");
  EXPECT_FALSE(wrong.later) << "refused at once";
  EXPECT_EQ(wrong.error_code, kInvalidParams);
}

TEST(Rpc, AnswersOnOneLine) {
  const std::string text =
      ask(R"({"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"a\nb"}})").text;
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

TEST(Rpc, DoesNotAnswerANotificationButDoesIt) {
  changes_made = 0;
  EXPECT_EQ(ask(R"({"jsonrpc":"2.0","method":"change"})").text, "");
  EXPECT_EQ(changes_made, 1u);
  const RpcAnswer refused = ask(R"({"jsonrpc":"2.0","method":"refuse"})");
  EXPECT_EQ(refused.text, "");
  EXPECT_EQ(refused.error_code, kConfigRefused);
  EXPECT_EQ(ask(R"({"jsonrpc":"2.0","method":"nothing"})").text, "");
}

struct Case {
  std::string line;
  int code;
  const char* message;  // a part of it
};

TEST(Rpc, RefusesWhatIsWrongWithTheRightCode) {
  const Case cases[] = {
      {"{", kParseError, "not JSON, at byte 2"},
      {"\xff\xfe", kParseError, "not JSON"},
      {"[[[[[[[[", kParseError, "not JSON"},
      {"{}{}", kParseError, "not JSON"},
      {R"({"jsonrpc":"2.0","id":1e400,"method":"who"})", kInvalidRequest, "out of range"},
      {R"({"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"","count":)" +
           std::string(400, '9') + "}}",
       kInvalidRequest, "out of range"},
      {"17", kInvalidRequest, "JSON object"},
      {"[]", kInvalidRequest, "batches"},
      {R"([{"jsonrpc":"2.0","id":1,"method":"who"}])", kInvalidRequest, "batches"},
      {"{}", kInvalidRequest, "jsonrpc"},
      {R"({"jsonrpc":"1.0","id":1,"method":"who"})", kInvalidRequest, "jsonrpc"},
      {R"({"jsonrpc":"2.0","id":1})", kInvalidRequest, "method"},
      {R"({"jsonrpc":"2.0","id":1,"method":17})", kInvalidRequest, "method"},
      {R"({"jsonrpc":"2.0","id":[1],"method":"who"})", kInvalidRequest, "id"},
      {R"({"jsonrpc":"2.0","id":1,"method":"hwo"})", kMethodNotFound, "did you mean 'who'?"},
      {R"({"jsonrpc":"2.0","id":1,"method":"\u001b[2J"})", kMethodNotFound, "\\x1b"},
      {R"({"jsonrpc":"2.0","id":1,"method":"who","params":[1]})", kInvalidParams, "by name"},
      {R"({"jsonrpc":"2.0","id":1,"method":"who","params":null})", kInvalidParams, "by name"},
      {R"({"jsonrpc":"2.0","id":1,"method":"echo"})", kInvalidParams, "'text' is missing"},
      {R"({"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":1}})", kInvalidParams,
       "'text': expected string, found number"},
      {R"({"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"","txt":1}})", kInvalidParams,
       "no parameter 'txt'; did you mean 'text'?"},
      {R"({"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"","count":-1}})",
       kInvalidParams, "'count': expected unsigned integer"},
      {R"({"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"","count":1.5}})",
       kInvalidParams, "'count': expected unsigned integer"},
      {R"({"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"","loud":"yes"}})",
       kInvalidParams, "'loud': expected boolean, found string"},
      {R"({"jsonrpc":"2.0","id":1,"method":"crash"})", kInternalError, "broke"},
  };
  for (const Case& test_case : cases) {
    const RpcAnswer answer = ask(test_case.line);
    const json message = json::parse(answer.text);
    EXPECT_EQ(message["error"]["code"], test_case.code) << test_case.line;
    EXPECT_EQ(answer.error_code, test_case.code) << test_case.line;
    EXPECT_NE(answer.error_message.find(test_case.message), std::string::npos)
        << test_case.line << ": " << answer.error_message;
    EXPECT_TRUE(message.contains("id")) << test_case.line;
  }
}

TEST(Rpc, HandsOnTheDataOfAnError) {
  const json message = reply(R"({"jsonrpc":"2.0","id":1,"method":"refuse"})");
  EXPECT_EQ(message["error"]["data"], json::parse(R"({"mistakes":[1,2]})"));
  EXPECT_FALSE(reply("{")["error"].contains("data"));
}

TEST(Rpc, ReplacesAnAnswerThatIsTooLong) {
  const std::string text(1000, 'x');
  const json request = {
      {"jsonrpc", "2.0"}, {"id", 1}, {"method", "echo"}, {"params", {{"text", text}}}};
  EXPECT_EQ(json::parse(ask(request.dump(), 1000).text)["error"]["code"], kAnswerTooLong);
  EXPECT_EQ(json::parse(ask(request.dump(), 2000).text)["result"]["text"], text);
  const json long_id = {{"jsonrpc", "2.0"}, {"id", text}, {"method", "who"}};
  EXPECT_LT(ask(long_id.dump(), 1000).text.size(), 1000u);
}

TEST(Rpc, SurvivesDeepNesting) {
  const std::string deep(500'000, '[');
  EXPECT_EQ(ask(deep).error_code, kInvalidRequest);
  const std::string closed = deep + std::string(deep.size(), ']');
  EXPECT_EQ(ask(closed).error_code, kInvalidRequest);
  const std::string as_id = R"({"jsonrpc":"2.0","method":"who","id":)" + closed + "}";
  EXPECT_EQ(ask(as_id).error_code, kInvalidRequest);
  const std::string as_value =
      R"({"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":)" + closed + "}}";
  EXPECT_EQ(ask(as_value).error_code, kInvalidRequest);
  EXPECT_EQ(ask(as_value).error_message, "nested deeper than 16 levels");
}

}  // namespace
}  // namespace adit::api_rpc_test
