/* store_url: which store a URL means, and what that store can do. Nothing else looks at a URL's scheme to find out.
 *
 * A new store costs its line and its row here (store_url.c), and the two files that define its backend: what opens it,
 * checks its URL, tells its password (ephemeral/backend.h, sql/backend.h). */
#ifndef COUNTERSIGN_STORE_STORE_URL_H
#define COUNTERSIGN_STORE_STORE_URL_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>

/* X(NAME, name, help): the help texts of a port's stores, one after the other, are a sentence of --help. */
#define DURABLE_KINDS(X)             \
    X(SQLITE, sqlite, "sqlite:PATH") \
    X(MYSQL, mysql, " or mysql://user:password@host:3306/db?tls=verify-full&ca=FILE")

#define EPHEMERAL_KINDS(X)                                                                                          \
    X(MEMORY, memory, "memory: (this process alone)")                                                               \
    X(REDIS, redis,                                                                                                 \
      ", redis://user:password@host:6379/0, rediss://host:6379?ca=FILE (TLS), redis+unix:///path?db=0, for a "      \
      "primary that Sentinels watch, redis+sentinel://user:password@host:26379,host:26379/NAME/0"                   \
      "?sentinel_password=P")                                                                                       \
    X(CLUSTER, cluster,                                                                                             \
      ", or redis+cluster://user:password@host:6379,host:6379 (a Redis Cluster; rediss+cluster://…?ca=FILE with " \
      "TLS); shared by all processes. Redis 6.2 or later with maxmemory-policy noeviction")

#define STORE_KIND_HELP(NAME, name, help) help

/* _UNKNOWN: none of ours, which can do nothing. */
#define STORE_DURABLE_ID(NAME, name, help)   DURABLE_##NAME,
#define STORE_EPHEMERAL_ID(NAME, name, help) EPHEMERAL_##NAME,
enum durable_id { DURABLE_UNKNOWN, DURABLE_KINDS(STORE_DURABLE_ID) DURABLE_ID_COUNT };
enum ephemeral_id { EPHEMERAL_UNKNOWN, EPHEMERAL_KINDS(STORE_EPHEMERAL_ID) EPHEMERAL_ID_COUNT };
#undef STORE_DURABLE_ID
#undef STORE_EPHEMERAL_ID

/* A way to write a store's URL. */
struct url_form {
    const char *scheme;  /* "redis:" */
    const char *lead;    /* what must follow, before more; NULL: nothing may */
    const char *example; /* for "write …"; NULL: not shown */
};

enum { URL_FORMS_MAX = 6 };

struct durable_kind {
    enum durable_id id;
    /* A file of this machine: made and migrated by whoever opens it first, served by one process of each service. */
    bool is_embedded;
    bool has_replicas;
    bool commits_in_order; /* of two changes the one with the smaller sequence is committed first */
    struct url_form forms[URL_FORMS_MAX];
};

struct ephemeral_kind {
    enum ephemeral_id id;
    bool is_shared;        /* by all processes; it goes on without them */
    bool carries_messages; /* news of changes go through it; otherwise the durable store is polled for them */
    struct url_form forms[URL_FORMS_MAX];
};

/* Never NULL. */
const struct durable_kind *durable_kind_of(struct slice url);
const struct ephemeral_kind *ephemeral_kind_of(struct slice url);

/* Whether it is written as one of its store's URLs begins: for the first look at what an operator set. */
bool durable_url_is_whole(struct slice url);
bool ephemeral_url_is_whole(struct slice url);
/* "sqlite:PATH or mysql://user:password@host:3306/db". */
void durable_urls_write(struct buf *out);
void ephemeral_urls_write(struct buf *out);

/* What follows the scheme and its colon. */
struct slice store_url_rest(struct slice url);
/* The path of an embedded store; absent where there is no file. */
struct slice durable_url_file(struct slice url);

/* BAD_INPUT, and says so in `why`. */
MUST_USE enum status ephemeral_url_refuse(struct buf *why);

#endif
