/* mysql_url: what `mysql://user:password@host:3306/database?tls=verify-full&ca=FILE` says. Only the
 * files of MySQL include it.
 *
 * Invariants: every text is NUL-terminated and lives in the arena, which is wiped at the end. Parts are
 * percent-decoded. `shown` names the database for error texts; no password is in it, nor in any text that the parser
 * writes. */
#ifndef COUNTERSIGN_SQL_MYSQL_URL_H
#define COUNTERSIGN_SQL_MYSQL_URL_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

enum mysql_tls {
    MYSQL_TLS_DISABLED,    /* where tls is left out: to loopback, and over a Unix socket */
    MYSQL_TLS_REQUIRED,    /* encrypted, to whoever answers */
    MYSQL_TLS_VERIFY_CA,   /* and its certificate was made by the CA (with MariaDB's client: and is the host's) */
    MYSQL_TLS_VERIFY_FULL, /* and is the host's; where tls is left out: to everywhere else */
};

struct mysql_url {
    struct arena arena;
    const char *user;
    const char *password; /* "" if there is none */
    const char *host;     /* NULL: by the socket */
    const char *socket;   /* a path, or NULL */
    const char *database;
    const char *ca; /* a file, or NULL: the system's */
    unsigned port;
    enum mysql_tls tls;
    const char *shown;
};

/* Parses what follows "mysql:". `password` (absent: none) stands in for one that the URL does not have. BAD_INPUT: what
 * is wrong was appended to `why`, behind the variable's name. The caller ends it with mysql_url_done. */
MUST_USE enum status mysql_url_parse(struct slice text, struct slice password, const char *variable, struct buf *why,
                                     struct mysql_url *ret_url);
void mysql_url_done(struct mysql_url *url);

#endif
