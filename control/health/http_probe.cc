// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <limits>
#include <optional>
#include <type_traits>

#include "health/probe_context.h"
#include "health/probe_kinds.h"
#include "health/probe_socket.h"
#include "health/proxy_header.h"

namespace adit {
namespace {

namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kMaxHeaderBytes = 16 << 10;
constexpr size_t kMaxBodyBytes = 64 << 10;

// As it stands in a Host header (RFC 9110 section 7.2).
std::string host_of(const HttpCheck& check, const IpAddr& address, uint16_t port,
                    uint16_t default_port) {
  if (!check.host.empty()) return check.host;
  const std::string text = to_string(address);
  const std::string host = address.is_v4() ? text : "[" + text + "]";
  return port == default_port ? host : host + ":" + std::to_string(port);
}

// RFC 6066 section 3: a name without port, never an address. Empty: none is sent.
std::string server_name(const HttpCheck& check) {
  if (!check.sni.empty()) return check.sni;
  if (check.host.starts_with('[') || parse_ip(check.host)) return {};
  const std::string name = check.host.substr(0, check.host.rfind(':'));
  return parse_ip(name) ? std::string() : name;
}

bool is_expected(unsigned status, const std::vector<StatusRange>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [status](const StatusRange& range) {
    return range.first <= status && status <= range.last;
  });
}

// `Stream`: a TCP socket, or TLS over one.
template <class Stream>
class HttpProbe final : public Probe {
 public:
  using Probe::Probe;

 private:
  static constexpr bool kTls = !std::is_same_v<Stream, tcp::socket>;

  void begin() override {
    if (!make_stream()) return;
    const tcp::endpoint peer(peer_address(context(), target()), port());
    if (const auto failure =
            open_socket(stream_->lowest_layer(), peer.protocol(), context(), target()))
      return fail(failure.doing, failure.error);
    stream_->lowest_layer().async_connect(
        peer, [self = shared_from_this(), this](error_code error) {
          if (finished()) return;
          if (error) return fail("connect", error);
          if (sends_proxy()) send_proxy_header(stream_->lowest_layer().native_handle(), error);
          if (error) return fail("send", error);
          if constexpr (kTls)
            handshake();
          else
            send();
        });
  }

  // False: the probe is finished.
  bool make_stream() {
    if constexpr (!kTls) {
      stream_.emplace(context().io());
    } else {
      try {
        tls_ = context().tls(check().verify, check().ca_file);
        stream_.emplace(context().io(), *tls_);
        const std::string name = server_name(check());
        if (!name.empty() && SSL_set_tlsext_host_name(stream_->native_handle(), name.c_str()) != 1)
          throw std::runtime_error("cannot request the server name " + name);
        if (check().verify) {
          stream_->set_verify_mode(ssl::verify_peer);
          stream_->set_verify_callback(
              ssl::host_name_verification(name.empty() ? to_string(target().address) : name));
        }
      } catch (const std::exception& error) {
        finish(Verdict::kDown, std::string("TLS: ") + error.what());
        return false;
      }
    }
    return true;
  }

  void handshake() {
    if constexpr (kTls)
      stream_->async_handshake(ssl::stream_base::client,
                               [self = shared_from_this(), this](error_code error) {
                                 if (finished()) return;
                                 if (error) return fail("TLS handshake", error);
                                 send();
                               });
  }

  void send() {
    request_.method(http::verb::get);
    request_.target(check().path);
    request_.version(11);
    request_.set(http::field::host,
                 host_of(check(), target().address, port(), info_of(question().kind).default_port));
    request_.set(http::field::user_agent, "adit/" ADIT_VERSION);
    request_.set(http::field::accept, "*/*");
    request_.set(http::field::connection, "close");
    http::async_write(*stream_, request_,
                      [self = shared_from_this(), this](error_code error, size_t) {
                        if (finished()) return;
                        if (error) return fail("request", error);
                        read_header();
                      });
  }

  void read_header() {
    // Whatever length it announces: nothing is allocated for it, and no more is read than fits. To
    // Beast 1.74 no limit at all would be less than any length.
    parser_.body_limit(std::numeric_limits<uint64_t>::max());
    parser_.header_limit(kMaxHeaderBytes);
    http::async_read_header(*stream_, buffer_, parser_,
                            [self = shared_from_this(), this](error_code error, size_t) {
                              if (finished()) return;
                              if (error) return fail("response", error);
                              judge_header();
                            });
  }

  void judge_header() {
    const unsigned status = parser_.get().result_int();
    status_ = "status " + std::to_string(status);
    // Anybody could have answered.
    if (kTls && !check().verify) status_ += " (certificate not verified)";
    if (!is_expected(status, check().status))
      return finish(Verdict::kDown, status_ + " is not an expected status");
    if (check().body.empty()) return finish(Verdict::kUp, status_);
    body_.resize(kMaxBodyBytes);
    parser_.get().body().data = body_.data();
    parser_.get().body().size = body_.size();
    read_body();
  }

  void read_body() {
    if (parser_.is_done()) return finish(Verdict::kDown, status_ + ", but not the expected body");
    http::async_read_some(*stream_, buffer_, parser_,
                          [self = shared_from_this(), this](error_code error, size_t) {
                            if (!finished()) judge_body(error);
                          });
  }

  void judge_body(error_code error) {
    const size_t read = body_.size() - parser_.get().body().size;
    // What is looked for may begin in what the last look had.
    const size_t overlap = std::min(searched_, check().body.size() - 1);
    if (std::string_view(body_).substr(0, read).find(check().body, searched_ - overlap) !=
        std::string_view::npos)
      return finish(Verdict::kUp, status_ + ", body as expected");
    searched_ = read;
    if (read == body_.size())
      return finish(Verdict::kDown, status_ + ", but not the expected body within its first " +
                                        std::to_string(kMaxBodyBytes) + " bytes");
    if (error) return fail("body", error);
    read_body();
  }

  void close() noexcept override {
    if (!stream_) return;
    error_code ignored;  // the verdict stands
    stream_->lowest_layer().close(ignored);
  }

  const HttpCheck& check() const noexcept { return question().http; }

  ProbeContext::Tls tls_;  // outlives the stream
  std::optional<Stream> stream_;
  http::request<http::empty_body> request_;
  boost::beast::flat_buffer buffer_{2 * kMaxHeaderBytes};
  http::response_parser<http::buffer_body> parser_;
  std::string status_;
  std::string body_;  // of kMaxBodyBytes when it is wanted
  size_t searched_ = 0;
};

}  // namespace

std::shared_ptr<Probe> make_http_probe(const std::shared_ptr<ProbeContext>& context,
                                       const HealthTarget& target) {
  if (target.options.question.kind == CheckKind::kHttps)
    return std::make_shared<HttpProbe<ssl::stream<tcp::socket>>>(context, target);
  return std::make_shared<HttpProbe<tcp::socket>>(context, target);
}

}  // namespace adit
