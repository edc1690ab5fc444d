/* resource_servers: who may ask the introspection service, and about which origins.
 *
 * The key itself is never stored, only its SHA-256. Of the live ones each has its name, and the names of its
 * certificate, for itself: otherwise one would be taken for another. A key that was rotated out has a row of its own
 * beside the live one, and ends at its revoked_ms. */
#ifndef COUNTERSIGN_DURABLE_RESOURCE_SERVERS_H
#define COUNTERSIGN_DURABLE_RESOURCE_SERVERS_H

#include "base/arena.h"
#include "base/buf.h"
#include "durable/durable.h"

struct durable_pool;
struct ticket;

enum { RESOURCE_SERVER_KEY_DIGEST_BYTES = 32 };

/* X(column): the texts of a server but the digest of its key. */
#define RESOURCE_SERVER_TEXTS(X)                            \
    X(name)                                                 \
    X(origins)  /* separated by spaces; empty: every one */ \
    X(tls_sans) /* separated by spaces: resource_server_write_san */

#define RESOURCE_SERVER_MEMBER(member) struct slice member;
struct resource_server {
    struct arena arena;
    int64_t id;
    struct slice key_digest; /* SHA-256 of the key; empty: only by certificate */
    RESOURCE_SERVER_TEXTS(RESOURCE_SERVER_MEMBER);
    bool allow_explain;
    int64_t created_ms;
    int64_t revoked_ms; /* 0: live. Later than now: its key was rotated out, and is good until then */
};
#undef RESOURCE_SERVER_MEMBER

struct resource_server_page {
    struct arena arena;
    struct resource_server *servers;
    size_t count;
};

void resource_server_free(void *server);
void resource_server_page_free(void *page);

/* Appends a name of a certificate as it is stored and compared: `DNS:photos.internal`, in lower case, or
 * `URI:spiffe://example/photos`. A text without a type is a URI where it has "://", a DNS name where it has no colon.
 * False: it is neither, as all names of other types are (`IP:`, `email:`). */
MUST_USE bool resource_server_write_san(struct slice text, struct buf *out);

/* BAD_INPUT: no name, neither key nor certificate name, or a certificate name that is none. CONFLICT: the key exists,
 * or a live server has that name, or a name of that certificate (durable_resource_server_find_rival_blocking). */
MUST_USE enum status durable_resource_server_create_blocking(struct durable *db, const struct resource_server *server,
                                                             int64_t *ret_id);
/* A live one that has this one's name, or one of its certificate's names. NOT_FOUND. */
MUST_USE enum status durable_resource_server_find_rival_blocking(struct durable *db,
                                                                 const struct resource_server *server,
                                                                 struct resource_server **ret_rival);
/* Revoked ones too. */
MUST_USE enum status durable_resource_server_list_blocking(struct durable *db, struct page_request page,
                                                           struct resource_server_page **ret_page);
/* Revoked ones too. NOT_FOUND. */
MUST_USE enum status durable_resource_server_find_blocking(struct durable *db, struct slice key_digest,
                                                           struct resource_server **ret_server);
/* The newest live one that one of these names of a certificate was registered for (separated by spaces, each with its
 * type). A DNS name compares without case, a URI as it is. There are few servers: all are looked at. NOT_FOUND. */
MUST_USE enum status durable_resource_server_find_by_san_blocking(struct durable *db, struct slice tls_sans,
                                                                  struct resource_server **ret_server);
/* Whether its key is good now. */
MUST_USE bool resource_server_is_live(const struct resource_server *server, int64_t now_ms);
/* The live one of that name gets this key, which is good at once; the one that it had, for `overlap_ms` more. A key
 * that was rotated out before ends now. NOT_FOUND: no live one has that name. CONFLICT: the key exists. */
MUST_USE enum status durable_resource_server_rotate_blocking(struct durable *db, struct slice name,
                                                             struct slice key_digest, int64_t overlap_ms);
/* Until when a key of that name that was rotated out is still good; 0: none is. */
MUST_USE enum status durable_resource_server_former_until_blocking(struct durable *db, struct slice name,
                                                                   int64_t *ret_until_ms);
/* Every key of that name that is still good; counts them. NOT_FOUND: no server ever had it. */
MUST_USE enum status durable_resource_server_revoke_blocking(struct durable *db, struct slice name, int64_t *ret_count);

/* Complete with a struct resource_server (twice); a struct resource_server_page; nothing; an int64_t. */
void durable_resource_server_find_start(struct durable_pool *pool, struct slice key_digest, struct ticket ticket);
void durable_resource_server_find_by_san_start(struct durable_pool *pool, struct slice tls_sans, struct ticket ticket);

#endif
