/* tls: TLS to Redis (rediss://). hiredis 0.14 has none, so it is ours, on every Debian.
 *
 * Invariants: the server's certificate must be issued by the system's authorities, or by those of `?ca=FILE`, and bear
 * the host of the URL, whatever address the name led to. TLS 1.2 or later. The context may be used by all loops; a
 * session belongs to one socket. */
#ifndef COUNTERSIGN_REDIS_TLS_H
#define COUNTERSIGN_REDIS_TLS_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>

struct redis_tls;
struct redis_tls_session;

/* `ca_file` may be "". BAD_INPUT: the file cannot be used, a text for the operator is appended to `why`; NO_MEMORY. */
MUST_USE enum status redis_tls_new_blocking(const char *ca_file, struct buf *why, struct redis_tls **ret_tls);
/* NULL is fine. */
void redis_tls_free(struct redis_tls *tls);

/* Frees what OpenSSL keeps for the calling thread, which uses it no more. */
void redis_tls_leave_thread(void);

/* On a connected, non-blocking socket, which stays the caller's. NULL: no memory. */
MUST_USE struct redis_tls_session *redis_tls_session_new(struct redis_tls *tls, int fd, const char *host);
/* NULL is fine. */
void redis_tls_session_free(struct redis_tls_session *session);

enum redis_tls_result {
    REDIS_TLS_DONE,
    REDIS_TLS_WANTS_READ, /* again once the socket is readable */
    REDIS_TLS_WANTS_WRITE,
    REDIS_TLS_CLOSED,
    REDIS_TLS_FAILED,
};

/* The handshake; then bytes in and out. FAILED: redis_tls_fault says why. */
MUST_USE enum redis_tls_result redis_tls_shake(struct redis_tls_session *session);
MUST_USE enum redis_tls_result redis_tls_read(struct redis_tls_session *session, void *bytes, size_t size,
                                              size_t *ret_len);
MUST_USE enum redis_tls_result redis_tls_write(struct redis_tls_session *session, struct slice bytes, size_t *ret_len);
/* For an operator; lives as long as the session. */
const char *redis_tls_fault(const struct redis_tls_session *session);

#endif
