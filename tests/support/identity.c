#include "support/identity.h"

#include "support/test.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdio.h>

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

struct identity identity_make(const char *name, const char *san, const struct identity *issuer)
{
    struct identity identity = {EVP_EC_gen("P-256"), X509_new()};
    assert_non_null(identity.key);
    X509 *certificate = identity.certificate;
    X509_set_version(certificate, X509_VERSION_3);
    static long serial;
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer->certificate) : subject);
    X509_set_pubkey(certificate, identity.key);
    if (!issuer)
        add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    if (san)
        add_extension(certificate, NID_subject_alt_name, san);
    assert_true(X509_sign(certificate, issuer ? issuer->key : identity.key, EVP_sha256()) > 0);
    return identity;
}

void identity_free(struct identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
}

void identity_write_certificate(const struct identity *identity, const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, identity->certificate), 1);
    fclose(file);
}

void identity_write_key(const struct identity *identity, const char *path, const char *passphrase)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, identity->key, passphrase ? EVP_aes_128_cbc() : NULL,
                                          (const unsigned char *)passphrase, passphrase ? (int)strlen(passphrase) : 0,
                                          NULL, NULL),
                     1);
    fclose(file);
}
