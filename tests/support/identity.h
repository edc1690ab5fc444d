/* identity: a key and its certificate, made for one run of a test. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_IDENTITY_H
#define COUNTERSIGN_TESTS_SUPPORT_IDENTITY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
};

/* Signed by `issuer`, or by itself, and then a CA, where that is NULL. `san` as in openssl.cnf; may be NULL. */
struct identity identity_make(const char *name, const char *san, const struct identity *issuer);
void identity_free(struct identity *identity);

/* Write PEM files; a passphrase encrypts the key. */
void identity_write_certificate(const struct identity *identity, const char *path);
void identity_write_key(const struct identity *identity, const char *path, const char *passphrase);

#endif
