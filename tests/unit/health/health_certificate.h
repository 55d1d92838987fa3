// SPDX-License-Identifier: Apache-2.0
// A self-signed certificate of a test's own.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace adit {

struct Certificate {
  std::string certificate_pem;
  std::string key_pem;
};

// For that DNS name, valid for an hour from now on.
inline Certificate make_certificate(const std::string& name) {
  const auto check = [](auto result) {
    if (!result) throw std::runtime_error("OpenSSL can not make a certificate");
    return result;
  };
  const auto text_of = [](BIO* bio) {
    char* data = nullptr;
    const auto size = static_cast<size_t>(BIO_get_mem_data(bio, &data));
    std::string text(data, size);
    BIO_free(bio);
    return text;
  };
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(check(EVP_EC_gen("P-256")),
                                                           EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> x509(check(X509_new()), X509_free);
  check(X509_set_version(x509.get(), 2));  // 2 means X.509 version 3
  check(ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1));
  check(X509_gmtime_adj(X509_getm_notBefore(x509.get()), -60));
  check(X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600));
  check(X509_set_pubkey(x509.get(), key.get()));
  X509_NAME* subject = X509_get_subject_name(x509.get());
  check(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                   0));
  check(X509_set_issuer_name(x509.get(), subject));
  const std::string names = "DNS:" + name;
  const std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> extension(
      check(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str())),
      X509_EXTENSION_free);
  check(X509_add_ext(x509.get(), extension.get(), -1));
  check(X509_sign(x509.get(), key.get(), EVP_sha256()));
  BIO* certificate = check(BIO_new(BIO_s_mem()));
  check(PEM_write_bio_X509(certificate, x509.get()));
  BIO* private_key = check(BIO_new(BIO_s_mem()));
  check(PEM_write_bio_PrivateKey(private_key, key.get(), nullptr, nullptr, 0, nullptr, nullptr));
  return {text_of(certificate), text_of(private_key)};
}

}  // namespace adit
