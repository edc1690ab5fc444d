/* url: where Redis is, and who we are there, out of OAUTH1_REDIS_URL.
 *
 *     redis://[USER@ | [USER]:PASSWORD@]HOST[:PORT][/DATABASE]
 *     rediss://…[?ca=FILE]                                  with TLS
 *     redis+unix://[[USER]:PASSWORD@]/PATH[?db=DATABASE]
 *     redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]]…/PRIMARY[/DATABASE]
 *                     [?sentinel_user=USER][&sentinel_password=PASSWORD]
 *     rediss+sentinel://…[&ca=FILE]                         with TLS, to the Sentinels too
 *     redis+cluster://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]]…
 *     rediss+cluster://…[?ca=FILE]                          with TLS
 *
 * User and password are percent-encoded; a USER alone needs OAUTH1_REDIS_PASSWORD. A target holds a secret:
 * redis_target_done (target.h) wipes it. */
#ifndef COUNTERSIGN_REDIS_URL_H
#define COUNTERSIGN_REDIS_URL_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "redis/resolve.h"
#include "store/next_password.h"

#include <stdbool.h>
#include <stdint.h>

struct redis_tls;

enum {
    REDIS_PATH_BYTES = 108, /* of a struct sockaddr_un */
    REDIS_FILE_BYTES = 1024,
    REDIS_USER_BYTES = 256,
    REDIS_SHOWN_BYTES = 300,
    REDIS_SENTINELS_MAX = 8,
    REDIS_SEEDS_MAX = 16,
};

/* "": none. */
struct redis_login {
    char user[REDIS_USER_BYTES];
    char password[PASSWORD_BYTES];
};

/* Who tells where the primary of that name is. */
struct redis_sentinels {
    char primary[REDIS_HOST_BYTES]; /* "": it is known */
    struct redis_place places[REDIS_SENTINELS_MAX];
    size_t count;
    struct redis_login login;
};

/* Nodes of a Cluster, which tell of the others. */
struct redis_seeds {
    struct redis_place places[REDIS_SEEDS_MAX];
    size_t count; /* 0: it is no Cluster */
};

struct redis_target {
    struct redis_place place; /* "" for a socket, and where Sentinels or a Cluster's nodes tell */
    struct redis_sentinels sentinels;
    struct redis_seeds seeds;
    struct redis_locator *locator; /* of redis_target_open_blocking (target.h): who asks them */
    bool is_sentinel;              /* what is there, is one itself: it has no databases */
    char path[REDIS_PATH_BYTES];   /* of a socket, else "" */
    unsigned database;
    bool wants_tls;
    char ca_file[REDIS_FILE_BYTES]; /* "": the system's authorities */
    struct redis_tls *tls;          /* of redis_target_open_blocking */
    struct redis_login login;
    struct next_password *next_password; /* borrowed; may be NULL */
    char shown[REDIS_SHOWN_BYTES];       /* "127.0.0.1:6379": for events and errors, without a secret */
};

/* `password` (OAUTH1_REDIS_PASSWORD) may be absent. BAD_INPUT: a text for the operator is appended to `why`. */
MUST_USE enum status redis_url_parse(struct slice url, struct slice password, struct buf *why,
                                     struct redis_target *ret_target);

#endif
