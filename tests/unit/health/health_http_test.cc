// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "health_certificate.h"
#include "health_probe_run.h"
#include "health_servers.h"
#include "temp_dir.h"

namespace adit {
namespace {

namespace ssl = boost::asio::ssl;
using boost::asio::ip::tcp;

std::string response(const std::string& status, const std::string& body = "hello") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

enum class Then { kHangUp, kStay };

// An HTTP server with one answer to everything.
class HttpServer {
 public:
  HttpServer(ProbeRun& run, std::string answer, Then then = Then::kHangUp)
      : listener_(run.io(), [this, answer = std::move(answer), then](tcp::socket socket) {
          std::make_shared<OneAnswer<tcp::socket>>(std::move(socket), answer, then == Then::kHangUp,
                                                   &request_)
              ->read();
        }) {}
  uint16_t port() const { return listener_.port(); }
  const std::string& request() const { return request_; }

 private:
  std::string request_;
  TcpListener listener_;
};

// What becomes of that answer, with the check that `change` makes of the default one.
std::string verdict_of(const std::string& answer,
                       const std::function<void(HttpCheck&)>& change = {},
                       Then then = Then::kHangUp) {
  ProbeRun run;
  HttpServer server(run, answer, then);
  HealthTarget target = target_of(CheckKind::kHttp, server.port());
  if (change) change(target.options.question.http);
  return run.verdict(target);
}

TEST(HttpProbe, JudgesTheStatus) {
  EXPECT_EQ(verdict_of(response("200 OK")), "up: status 200");
  EXPECT_EQ(verdict_of(response("399 Odd")), "up: status 399");
  EXPECT_EQ(verdict_of(response("404 Not Found")), "down: status 404 is not an expected status");
  EXPECT_EQ(verdict_of(response("500 No")), "down: status 500 is not an expected status");
  const auto expect = [](HttpCheck& check) { check.status = {{204, 204}, {401, 403}}; };
  EXPECT_EQ(verdict_of("HTTP/1.1 204 No Content\r\n\r\n", expect), "up: status 204");
  EXPECT_EQ(verdict_of(response("403 Forbidden"), expect), "up: status 403");
  EXPECT_EQ(verdict_of(response("404 Not Found"), expect),
            "down: status 404 is not an expected status");
  EXPECT_EQ(verdict_of(response("200 OK"), expect), "down: status 200 is not an expected status");
}

TEST(HttpProbe, NeedsNoMoreThanTheHeader) {
  EXPECT_EQ(verdict_of("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", {}, Then::kStay),
            "up: status 200");
}

TEST(HttpProbe, SendsWhatItIsSaidTo) {
  ProbeRun run;
  HttpServer server(run, response("200 OK"));
  HealthTarget target = target_of(CheckKind::kHttp, server.port());
  target.options.question.http.path = "/healthz?full=1";
  target.options.question.http.host = "www.example.org";
  EXPECT_EQ(run.verdict(target), "up: status 200");
  EXPECT_TRUE(server.request().starts_with("GET /healthz?full=1 HTTP/1.1\r\n"));
  EXPECT_NE(server.request().find("\r\nHost: www.example.org\r\n"), std::string::npos);
  EXPECT_NE(server.request().find("\r\nConnection: close\r\n"), std::string::npos);
}

TEST(HttpProbe, NamesTheBackendItselfByDefault) {
  ProbeRun run;
  HttpServer server(run, response("200 OK"));
  EXPECT_EQ(run.verdict(target_of(CheckKind::kHttp, server.port())), "up: status 200");
  EXPECT_NE(server.request().find("\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"),
            std::string::npos)
      << server.request();
}

TEST(HttpProbe, LooksForTheBody) {
  const auto ready = [](HttpCheck& check) { check.body = "ready"; };
  EXPECT_EQ(verdict_of(response("200 OK", "all ready now"), ready),
            "up: status 200, body as expected");
  EXPECT_EQ(verdict_of(response("200 OK", "read"), ready),
            "down: status 200, but not the expected body");
  EXPECT_EQ(verdict_of(response("200 OK", ""), ready),
            "down: status 200, but not the expected body");
  EXPECT_EQ(verdict_of("HTTP/1.1 204 No Content\r\n\r\n", ready, Then::kStay),
            "down: status 204, but not the expected body");
  EXPECT_EQ(verdict_of(response("503 No", "ready"), ready),
            "down: status 503 is not an expected status");
}

TEST(HttpProbe, ReadsBodiesOfAllFraming) {
  const auto ready = [](HttpCheck& check) { check.body = "ready"; };
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nre\r\n3\r\nady\r\n0\r\n\r\n";
  EXPECT_EQ(verdict_of(chunked, ready, Then::kStay), "up: status 200, body as expected");
  EXPECT_EQ(verdict_of("HTTP/1.0 200 OK\r\n\r\nready", ready), "up: status 200, body as expected");
  EXPECT_EQ(verdict_of("HTTP/1.0 200 OK\r\n\r\nrea", ready),
            "down: status 200, but not the expected body");
  EXPECT_EQ(verdict_of("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nrea", ready),
            "down: body: partial message");
}

TEST(HttpProbe, IsDoneOnceTheBodyHasIt) {
  EXPECT_EQ(verdict_of(
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nready",
                [](HttpCheck& check) { check.body = "ready"; }, Then::kStay),
            "up: status 200, body as expected");
}

TEST(HttpProbe, ReadsNoMoreThanTheBodysBeginning) {
  const auto ready = [](HttpCheck& check) { check.body = "ready"; };
  constexpr size_t kMost = 64 << 10;
  const std::string blank(kMost, ' ');
  const std::string at_end = blank.substr(5) + "ready";
  EXPECT_EQ(verdict_of(response("200 OK", at_end), ready), "up: status 200, body as expected");
  EXPECT_EQ(verdict_of(response("200 OK", at_end + blank), ready),
            "up: status 200, body as expected");
  EXPECT_EQ(verdict_of(response("200 OK", " " + at_end), ready),
            "down: status 200, but not the expected body within its first 65536 bytes");
  EXPECT_EQ(verdict_of("HTTP/1.0 200 OK\r\n\r\n" + std::string(4 << 20, 'x') + "ready", ready),
            "down: status 200, but not the expected body within its first 65536 bytes");
}

TEST(HttpProbe, IsDownWithAnythingButHttp) {
  EXPECT_EQ(verdict_of("SSH-2.0-OpenSSH_9.2p1\r\n"), "down: response: bad version");
  EXPECT_EQ(verdict_of(""), "down: response: end of stream");
  EXPECT_EQ(verdict_of("HTTP/1.1 2"), "down: response: partial message");
  EXPECT_TRUE(verdict_of(std::string("\0\x01\xff\xfe\r\n\r\n", 8)).starts_with("down: response: "));
  EXPECT_EQ(verdict_of("HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'x') + "\r\n\r\n"),
            "down: response: header limit exceeded");
}

TEST(HttpProbe, IsDownWithoutAnAnswer) {
  ProbeRun run;
  TcpListener silent(run.io());
  EXPECT_EQ(run.verdict(impatient(target_of(CheckKind::kHttp, silent.port()))),
            "down: no answer within 200 ms");
  const ClosedPort closed(run.io());
  EXPECT_EQ(run.verdict(target_of(CheckKind::kHttp, closed.port())),
            "down: connect: Connection refused");
}

TEST(HttpProbe, CanBeCancelled) {
  ProbeRun run;
  HttpServer server(run, response("200 OK", std::string(1 << 20, 'x')));
  HealthTarget target = target_of(CheckKind::kHttp, server.port());
  target.options.question.http.body = "ready";
  for (unsigned turns = 0; turns < 12; ++turns) run.cancel_after(target, turns);
}

// An HTTPS server for health.test; tells what name it was asked for.
class HttpsServer {
 public:
  explicit HttpsServer(ProbeRun& run, std::string answer)
      : certificate_(make_certificate("health.test")),
        tls_(ssl::context::tls_server),
        listener_(run.io(), [this, answer = std::move(answer)](tcp::socket socket) {
          using Tls = ssl::stream<tcp::socket>;
          const auto session =
              std::make_shared<OneAnswer<Tls>>(Tls(std::move(socket), tls_), answer, true, nullptr);
          session->stream().async_handshake(
              ssl::stream_base::server, [this, session](boost::system::error_code error) {
                if (error) return;
                const char* name = SSL_get_servername(session->stream().native_handle(),
                                                      TLSEXT_NAMETYPE_host_name);
                asked_for_ = name == nullptr ? "" : name;
                session->read();
              });
        }) {
    tls_.use_certificate(boost::asio::buffer(certificate_.certificate_pem), ssl::context::pem);
    tls_.use_private_key(boost::asio::buffer(certificate_.key_pem), ssl::context::pem);
  }
  uint16_t port() const { return listener_.port(); }
  const std::string& certificate() const { return certificate_.certificate_pem; }
  const std::string& asked_for() const { return asked_for_; }

 private:
  const Certificate certificate_;
  ssl::context tls_;
  std::string asked_for_ = "(nobody)";
  TcpListener listener_;
};

class HttpsProbe : public testing::Test {
 protected:
  HealthTarget target() const { return target_of(CheckKind::kHttps, server.port()); }
  HealthTarget verifying(const std::string& sni) const {
    HealthTarget its_target = target();
    its_target.options.question.http.verify = true;
    its_target.options.question.http.ca_file = ca_file;
    its_target.options.question.http.sni = sni;
    return its_target;
  }

  ProbeRun run;
  HttpsServer server{run, response("200 OK", "ready")};
  const TempDir directory;
  const std::string ca_file = directory.write("ca.pem", server.certificate());
};

TEST_F(HttpsProbe, TakesAnyCertificateByDefaultAndSaysSo) {
  EXPECT_EQ(run.verdict(target()), "up: status 200 (certificate not verified)");
  EXPECT_EQ(server.asked_for(), "");  // there is no name to ask for
}

TEST_F(HttpsProbe, ReadsTheBody) {
  HealthTarget its_target = target();
  its_target.options.question.http.body = "ready";
  EXPECT_EQ(run.verdict(its_target), "up: status 200 (certificate not verified), body as expected");
}

TEST_F(HttpsProbe, WaitsForNoFileOfAuthorities) {
  HealthTarget its_target = verifying("health.test");
  const std::string fifo = directory.file("fifo.pem");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  its_target.options.question.http.ca_file = fifo;
  EXPECT_EQ(run.verdict(its_target), "down: TLS: " + fifo + " is not a regular file");
}

TEST_F(HttpsProbe, AsksForTheName) {
  const struct {
    const char *host, *sni, *asked_for;
  } cases[] = {
      {"", "b.test", "b.test"},       {"a.test", "", "a.test"}, {"a.test:8443", "", "a.test"},
      {"a.test", "b.test", "b.test"}, {"192.0.2.1", "", ""},    {"192.0.2.1:8443", "", ""},
      {"[2001:db8::1]:8443", "", ""}, {"2001:db8::1", "", ""},
  };
  for (const auto& c : cases) {
    HealthTarget its_target = target();
    its_target.options.question.http.host = c.host;
    its_target.options.question.http.sni = c.sni;
    EXPECT_EQ(run.verdict(its_target), "up: status 200 (certificate not verified)");
    EXPECT_EQ(server.asked_for(), c.asked_for) << c.host;
  }
}

TEST_F(HttpsProbe, VerifiesAgainstTheFile) {
  EXPECT_EQ(run.verdict(verifying("health.test")), "up: status 200");
}

TEST_F(HttpsProbe, IsDownWithAnotherAuthority) {
  const std::string other =
      directory.write("other.pem", make_certificate("other.test").certificate_pem);
  HealthTarget its_target = verifying("health.test");
  its_target.options.question.http.ca_file = other;
  const std::string verdict = run.verdict(its_target);
  EXPECT_TRUE(verdict.starts_with("down: TLS handshake: certificate verify failed")) << verdict;
  // The system's authorities do not know it either.
  its_target.options.question.http.ca_file.clear();
  EXPECT_TRUE(run.verdict(its_target).starts_with("down: TLS handshake: "));
}

TEST_F(HttpsProbe, IsDownWithAnotherName) {
  EXPECT_TRUE(run.verdict(verifying("other.test")).starts_with("down: TLS handshake: "));
  EXPECT_TRUE(run.verdict(verifying("")).starts_with("down: TLS handshake: "));  // the address
}

TEST_F(HttpsProbe, TellsThatTheFileIsMissing) {
  HealthTarget its_target = verifying("health.test");
  its_target.options.question.http.ca_file = directory.file("nonesuch.pem");
  EXPECT_TRUE(run.verdict(its_target).starts_with("down: TLS: ")) << run.verdict(its_target);
}

TEST_F(HttpsProbe, ReadsTheFileAgainWhenItHasChanged) {
  HealthTarget its_target = verifying("health.test");
  const std::string file =
      directory.write("changing.pem", make_certificate("other.test").certificate_pem);
  its_target.options.question.http.ca_file = file;
  EXPECT_TRUE(run.verdict(its_target).starts_with("down: "));
  directory.write("changing.pem", server.certificate());
  std::filesystem::last_write_time(
      file, std::filesystem::last_write_time(file) + std::chrono::seconds(10));
  EXPECT_EQ(run.verdict(its_target), "up: status 200");
}

TEST_F(HttpsProbe, IsDownWithoutTls) {
  HttpServer plain(run, response("400 Bad"));
  const std::string verdict = run.verdict(
      impatient(target_of(CheckKind::kHttps, plain.port())));  // it waits for a request's end
  EXPECT_EQ(verdict, "down: no answer within 200 ms");
  TcpListener banner(run.io(), [](tcp::socket socket) {
    boost::system::error_code ignored;  // then the probe says so
    socket.write_some(boost::asio::buffer(std::string_view("220 mail.test ESMTP ready\r\n")),
                      ignored);
  });
  const std::string other = run.verdict(target_of(CheckKind::kHttps, banner.port()));
  EXPECT_TRUE(other.starts_with("down: TLS handshake: ")) << other;
}

TEST_F(HttpsProbe, CanBeCancelled) {
  for (unsigned turns = 0; turns < 12; ++turns) run.cancel_after(target(), turns);
}

TEST_F(HttpsProbe, CanGoWithItsIoContext) {
  run.make(target())->start([](const ProbeResult&) { ADD_FAILURE() << "it was not run on"; });
  run.io().run_one_for(std::chrono::milliseconds(100));
}

}  // namespace
}  // namespace adit
