/* tls: the certificate, key and client CA of a listener (TLS 1.2 and later).
 *
 * Invariants: a connection keeps the context it began with; a reload that fails leaves the old one in
 * place. Any thread may take the context. */
#ifndef COUNTERSIGN_HTTP_TLS_H
#define COUNTERSIGN_HTTP_TLS_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/status.h"

struct tls;
struct ssl_ctx_st;
struct ssl_st;

struct tls_file {
    const char *path;     /* NULL: there is none */
    const char *variable; /* by which the operator names it; static */
};

struct tls_files {
    struct tls_file certificate; /* PEM: the certificate, then its chain */
    struct tls_file key;         /* PEM, without a passphrase */
    struct tls_file client_ca;   /* PEM; without it clients are not asked for a certificate. With it one that is
                                  * sent must verify; none is fine (request_tls_san is absent then) */
};

/* Judges the files that there are. BAD_INPUT: a line for each that cannot be used is appended to `why`: the variable,
 * the file, and what is wrong. */
MUST_USE enum status tls_check_blocking(const struct tls_files *files, struct buf *why);
/* Reads the files, of which a certificate and a key must be there; their paths are copied. Errors as above. */
MUST_USE enum status tls_new_blocking(const struct tls_files *files, struct buf *why, struct tls **ret_tls);
/* Frees it. Connections that are open keep what they use. NULL is fine. */
void tls_free(struct tls *tls);
/* Reads the same files again; new connections get what they hold now. */
MUST_USE enum status tls_reload_blocking(struct tls *tls, struct buf *why);

/* The present SSL_CTX. The caller gives it back by SSL_CTX_free. */
struct ssl_ctx_st *tls_take_context(struct tls *tls);

/* The i-th DNS name or URI among the subject alternative names of the verified certificate that the client showed on
 * this connection, copied into the arena with its type (`DNS:a.internal`, `URI:spiffe://a/b`); absent beyond the last
 * and without such a certificate. */
struct slice tls_peer_san(struct ssl_st *ssl, struct arena *arena, size_t index);

#endif
