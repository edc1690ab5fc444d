#include "redis/tls.h"

#include "base/address.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { FAULT_BYTES = 200 };

struct redis_tls {
    SSL_CTX *context;
};

struct redis_tls_session {
    SSL *ssl;
    char fault[FAULT_BYTES];
};

/* ---- the context ---- */

static bool set_rules(SSL_CTX *context)
{
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
}

static enum status load_authorities(SSL_CTX *context, const char *ca_file, struct buf *why)
{
    int loaded = ca_file[0] ? SSL_CTX_load_verify_file(context, ca_file) : SSL_CTX_set_default_verify_paths(context);
    ERR_clear_error();
    if (loaded == 1)
        return STATUS_OK;
    buf_addf(why, "OAUTH1_REDIS_URL: %s: is no readable file of CA certificates in PEM form",
             ca_file[0] ? ca_file : "the system's default");
    return STATUS_BAD_INPUT;
}

enum status redis_tls_new_blocking(const char *ca_file, struct buf *why, struct redis_tls **ret_tls)
{
    struct redis_tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return STATUS_NO_MEMORY;
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    tls->context = SSL_CTX_new(TLS_client_method());
    enum status status = tls->context && set_rules(tls->context) ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        status = load_authorities(tls->context, ca_file, why);
    if (status != STATUS_OK) {
        redis_tls_free(tls);
        return status;
    }
    *ret_tls = tls;
    return STATUS_OK;
}

void redis_tls_free(struct redis_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

void redis_tls_leave_thread(void)
{
    OPENSSL_thread_stop();
}

/* ---- a session ---- */

static bool expect_host(SSL *ssl, const char *host)
{
    struct address ignored;
    if (address_parse(slice_str(host), &ignored))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    /* what SSL_set_tlsext_host_name is, whose cast clang refuses; the text is copied */
    void *name = (void *)(uintptr_t)host;
    return SSL_set1_host(ssl, host) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name) == 1;
}

struct redis_tls_session *redis_tls_session_new(struct redis_tls *tls, int fd, const char *host)
{
    struct redis_tls_session *session = calloc(1, sizeof *session);
    if (!session)
        return NULL;
    session->ssl = SSL_new(tls->context);
    if (session->ssl && SSL_set_fd(session->ssl, fd) == 1 && expect_host(session->ssl, host)) {
        SSL_set_connect_state(session->ssl);
        return session;
    }
    redis_tls_session_free(session);
    ERR_clear_error();
    return NULL;
}

void redis_tls_session_free(struct redis_tls_session *session)
{
    if (!session)
        return;
    SSL_free(session->ssl);
    free(session);
}

static void note_tls_fault(struct redis_tls_session *session)
{
    long verified = SSL_get_verify_result(session->ssl);
    unsigned long error = ERR_peek_last_error();
    const char *reason = error ? ERR_reason_error_string(error) : NULL;
    if (verified != X509_V_OK)
        reason = X509_verify_cert_error_string(verified);
    (void)snprintf(session->fault, sizeof session->fault, "TLS: %s", reason ? reason : "the connection broke off");
}

static enum redis_tls_result result_of(struct redis_tls_session *session, int returned)
{
    enum redis_tls_result result = REDIS_TLS_FAILED;
    switch (SSL_get_error(session->ssl, returned)) {
    case SSL_ERROR_NONE:
        result = REDIS_TLS_DONE;
        break;
    case SSL_ERROR_WANT_READ:
        result = REDIS_TLS_WANTS_READ;
        break;
    case SSL_ERROR_WANT_WRITE:
        result = REDIS_TLS_WANTS_WRITE;
        break;
    case SSL_ERROR_ZERO_RETURN:
        result = REDIS_TLS_CLOSED;
        break;
    default:
        note_tls_fault(session);
        break;
    }
    ERR_clear_error();
    return result;
}

enum redis_tls_result redis_tls_shake(struct redis_tls_session *session)
{
    ERR_clear_error();
    return result_of(session, SSL_do_handshake(session->ssl));
}

enum redis_tls_result redis_tls_read(struct redis_tls_session *session, void *bytes, size_t size, size_t *ret_len)
{
    ERR_clear_error();
    return result_of(session, SSL_read_ex(session->ssl, bytes, size, ret_len));
}

enum redis_tls_result redis_tls_write(struct redis_tls_session *session, struct slice bytes, size_t *ret_len)
{
    ERR_clear_error();
    return result_of(session, SSL_write_ex(session->ssl, bytes.ptr, bytes.len, ret_len));
}

const char *redis_tls_fault(const struct redis_tls_session *session)
{
    return session->fault;
}
