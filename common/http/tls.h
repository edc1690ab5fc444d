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

struct tls_files {
    const char *certificate; /* PEM: the certificate, then its chain */
    const char *key;         /* PEM, without a passphrase */
    const char *client_ca;   /* PEM, or NULL: clients are not asked for a certificate. With it one that is
                              * sent must verify; none is fine (request_tls_san is absent then) */
};

/* Reads the files (their names are copied). STATUS_BAD_INPUT: `why` says which file and what is wrong:
 * "OAUTH1_TLS_KEY" is the caller's to add. */
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
