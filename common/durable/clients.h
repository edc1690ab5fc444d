/* clients: the applications that ask for access (RFC 5849 §1.1), their callbacks, secrets and keys. */
#ifndef COUNTERSIGN_DURABLE_CLIENTS_H
#define COUNTERSIGN_DURABLE_CLIENTS_H

#include "base/arena.h"
#include "durable/durable.h"

#include <assert.h>

struct durable_pool;
struct audit_entry;
struct ticket;

/* ---- the list of a client's columns ----
 *
 * All that reads, writes, copies, caches, shows, sets or imports a client is made from it: a column that is added here
 * is added to each of them, and needs its two migrations besides. */

/* The most bytes of what is not among CLIENT_PLAIN_TEXTS; MySQL's columns have room for it (contract_clients.c). A
 * callback may have CALLBACK_MAX_BYTES (rules/callback.h of auth-service). */
enum { CLIENT_NAME_MAX_BYTES = 1024, CLIENT_SCOPES_MAX_BYTES = 8192 };

/* Texts that an operator sets as they are: X(column, option of the command line, FORM, its most bytes, its help). What
 * a FORM must be: client_draft.c of auth-service. */
#define CLIENT_PLAIN_TEXTS(X) CLIENT_SHOWN_TEXTS(X) CLIENT_OWNER_TEXT(X)
#define CLIENT_SHOWN_TEXTS(X)                                              \
    X(website, "website", URL, 4096, "shown on the consent page")          \
    X(description, "description", TEXT, 8192, "shown on the consent page") \
    X(logo, "logo", HTTPS_URL, 4096, "shown on the consent page; https")   \
    X(contact, "contact", TEXT, 1024, "whom to write to about it; users do not see it")
#define CLIENT_OWNER_TEXT(X) X(owner, "owner", SUBJECT, IDENTIFIER_MAX_BYTES, "the user it belongs to")

/* X(column, …): what people or operators see of a client; the cache keeps it where the client alone is asked for. */
#define CLIENT_PAGE_TEXTS(X) X(name) CLIENT_SHOWN_TEXTS(X) X(default_callback)

/* X(column, …): what every verification needs. Words separated by spaces; no signature_methods: what the service
 * allows. */
#define CLIENT_CHECK_TEXTS(X) CLIENT_OWNER_TEXT(X) X(signature_methods) X(allowed_scopes) X(default_scopes)

/* Every text but client_id, which the others are found by. */
#define CLIENT_TEXTS(X) CLIENT_PAGE_TEXTS(X) CLIENT_CHECK_TEXTS(X)

/* What an operator sets: X(NAME, bit, column, name in JSON, option, its help). */
#define CLIENT_FLAGS(X)                                                                           \
    X(TWO_LEGGED, 1, two_legged, two_legged, "two-legged", "may sign without a token")            \
    X(VERIFIED, 4, verified, verified, "verified", "the consent page says so")                    \
    X(TRUSTED, 2, trusted, trusted, "trusted", "a user who granted before is sent straight back") \
    X(BODY_HASH_REQUIRED, 16, body_hash_required, body_hash_required, "body-hash-required",       \
      "must send oauth_body_hash unless it sends a form")                                         \
    X(HTTP_CALLBACK, 32, http_callback_allowed, http_callbacks, "http-callbacks",                 \
      "http callbacks also beyond loopback")                                                      \
    X(OPTIONAL_SCOPES, 64, optional_scopes, optional_scopes, "optional-scopes",                   \
      "a user may grant fewer scopes than it asks for")

#define CLIENT_FLAG_BIT(NAME, bit, ...) CLIENT_##NAME = bit,
enum client_flag {
    CLIENT_DISABLED = 8,   /* nothing of it is valid */
    CLIENT_PENDING = 128,  /* nobody has approved it yet */
    CLIENT_REJECTED = 256, /* an operator has looked at it, and did not */
    CLIENT_UNAPPROVED = CLIENT_PENDING | CLIENT_REJECTED,
    CLIENT_SWITCHED_OFF = 512, /* with CLIENT_DISABLED: its owner did it, who may enable it again */
    CLIENT_FLAGS(CLIENT_FLAG_BIT)
};
#undef CLIENT_FLAG_BIT

#define CLIENT_FLAG_AND(NAME, ...) CLIENT_##NAME +
#define CLIENT_FLAG_OR(NAME, ...)  CLIENT_##NAME |
static_assert((CLIENT_FLAGS(CLIENT_FLAG_AND) CLIENT_DISABLED + CLIENT_PENDING + CLIENT_REJECTED +
               CLIENT_SWITCHED_OFF) == (CLIENT_FLAGS(CLIENT_FLAG_OR) CLIENT_DISABLED | CLIENT_PENDING |
                                        CLIENT_REJECTED | CLIENT_SWITCHED_OFF),
              "each flag has a bit of its own");
#undef CLIENT_FLAG_AND
#undef CLIENT_FLAG_OR

struct client_callback {
    struct slice uri;
    bool is_prefix;
};

/* A shared secret, or the PEM of an RSA public key. */
struct client_secret {
    struct slice text;
    int64_t created_ms;
    int64_t expires_ms; /* rotated out then; 0: stays */
    int64_t id;         /* the row's; 0 in input */
};

/* Also the input of create and update. Its owner is the user who registered it, by subject, or empty: the operator. */
#define CLIENT_MEMBER(member, ...) struct slice member;
struct client {
    struct arena arena; /* of what is below; unused within another result and in input */
    int64_t id;
    int64_t version; /* counts up with every change: for ETag */
    struct slice client_id;
    CLIENT_TEXTS(CLIENT_MEMBER);
    unsigned flags; /* enum client_flag */
    int64_t created_ms;
    int64_t updated_ms;
    int64_t generation;  /* how often it was disabled */
    int64_t logo_number; /* durable_logo_find_blocking; 0: it has no picture here. Not of input */
    const struct client_callback *callbacks;
    size_t callback_count;
    const struct client_secret *secrets; /* newest first; those rotated out lately are among them */
    size_t secret_count;
    struct slice damage; /* of a secret that is live and does not open, and is not among them: why, and what to do about
                            it, for an operator; empty: there is none */
    const struct client_secret *keys; /* RSA public keys, likewise */
    size_t key_count;
};
#undef CLIENT_MEMBER

struct client_page {
    struct arena arena;
    struct client *clients; /* without callbacks, secrets and keys */
    size_t count;
};

/* Frees and wipes; NULL is fine. Take void * so that they fit a ticket. */
void client_free(void *client);
void client_page_free(void *page);

/* Whether a secret or key counts at `now_ms`; if not it was rotated out, which only a hint may tell. */
static inline bool client_secret_is_live(const struct client_secret *secret, int64_t now_ms)
{
    return secret->expires_ms == 0 || secret->expires_ms > now_ms;
}

/* Until when one that was rotated out still counts beside the newest; 0: none does. */
static inline int64_t client_secret_former_until_ms(const struct client_secret *secrets, size_t count, int64_t now_ms)
{
    int64_t until_ms = 0;
    for (size_t i = 0; i < count; i++)
        if (client_secret_is_live(&secrets[i], now_ms) && secrets[i].expires_ms > until_ms)
            until_ms = secrets[i].expires_ms;
    return until_ms;
}

/* Whether it was given a secret, also one that does not open any more. */
static inline bool client_has_secret(const struct client *client)
{
    return client->secret_count > 0 || client->damage.len > 0;
}

/* Whether it may act for the user of this subject: one that is not approved works for its owner alone. Empty: for no
 * user (a client that signs without a token). */
static inline bool client_serves(const struct client *client, struct slice subject)
{
    return !(client->flags & CLIENT_UNAPPROVED) || (subject.len > 0 && slice_eq(client->owner, subject));
}

/* Registers a client with its callbacks, secrets (0 to 2) and keys (0 to 2); id, version and times are set here.
 * BAD_INPUT: client_id empty or over 255 bytes; CONFLICT: client_id is taken. */
MUST_USE enum status durable_client_create_blocking(struct durable *db, const struct client *client, int64_t *ret_id);
/* The same for the user whose subject is client->owner, one registration of his at a time. FORBIDDEN: he has
 * CLIENTS_OF_OWNER_MAX clients already; NOT_FOUND: there is no such user. */
enum { CLIENTS_OF_OWNER_MAX = 10 };
MUST_USE enum status durable_client_register_blocking(struct durable *db, const struct client *client);
/* All of it, for whoever verifies by it. NOT_FOUND; STORE_CORRUPT: a live secret of it does not open. */
MUST_USE enum status durable_client_find_blocking(struct durable *db, struct slice client_id,
                                                  struct client **ret_client);
/* The same for whoever shows, changes or mends it: `damage` tells of a secret that does not open. */
MUST_USE enum status durable_client_read_blocking(struct durable *db, struct slice client_id,
                                                  struct client **ret_client);
/* Whether the sealing keys open anything: the newest secret of a client or the oldest, or there is none. Where one
 * alone does not open, it is damaged, or a rotation is on its way. STORE_CORRUPT: durable_last_error tells the
 * operator. */
MUST_USE enum status durable_keys_check_any_blocking(struct durable *db);
/* Those of one owner; absent: all. */
MUST_USE enum status durable_client_list_blocking(struct durable *db, struct slice owner, struct page_request page,
                                                  struct client_page **ret_page);
/* Those that are pending. */
MUST_USE enum status durable_client_list_pending_blocking(struct durable *db, struct page_request page,
                                                          struct client_page **ret_page);
/* Approved, a client works for everybody; rejected, for its owner alone, and it is not pending any more. Doing it twice
 * is fine, and changes nothing. NOT_FOUND; CONFLICT if the version is neither 0 nor the row's: it was changed since
 * somebody looked at it. FORBIDDEN: rejected, it would work for nobody, since it has no owner. */
MUST_USE enum status durable_client_approve_blocking(struct durable *db, struct slice client_id, int64_t version);
MUST_USE enum status durable_client_reject_blocking(struct durable *db, struct slice client_id, int64_t version);
/* Replaces everything but client_id, secrets, keys and the disabled flag. NOT_FOUND; CONFLICT if client->version is
 * neither 0 nor the row's. */
MUST_USE enum status durable_client_update_blocking(struct durable *db, const struct client *client);
/* The client, its secrets and its tokens are gone. NOT_FOUND. */
MUST_USE enum status durable_client_delete_blocking(struct durable *db, struct slice client_id);
/* Disabling revokes its tokens for good; doing it twice is fine. NOT_FOUND. */
MUST_USE enum status durable_client_disable_blocking(struct durable *db, struct slice client_id);
MUST_USE enum status durable_client_enable_blocking(struct durable *db, struct slice client_id);
/* The same by its owner, who does not enable what an operator has disabled. CONFLICT: there is nothing to do for him.
 */
MUST_USE enum status durable_client_switch_off_blocking(struct durable *db, struct slice client_id);
MUST_USE enum status durable_client_switch_on_blocking(struct durable *db, struct slice client_id);
/* durable_client_update_blocking with another picture (a checked PNG); empty: none any more. */
MUST_USE enum status durable_client_set_logo_blocking(struct durable *db, const struct client *client,
                                                      struct slice png);
struct client_logo {
    struct arena arena;
    struct slice png;
};
void client_logo_free(void *logo);
/* NOT_FOUND. */
MUST_USE enum status durable_logo_find_blocking(struct durable *db, int64_t number, struct client_logo **ret_logo);
/* The new secret (key) is live at once; the newest of the old ones until now + overlap_ms, the others no longer, and
 * what does not open neither. NOT_FOUND. */
MUST_USE enum status durable_client_rotate_secret_blocking(struct durable *db, struct slice client_id,
                                                           struct slice secret, int64_t overlap_ms);
MUST_USE enum status durable_client_rotate_key_blocking(struct durable *db, struct slice client_id, struct slice pem,
                                                        int64_t overlap_ms);

/* The live key with this id counts no longer. NOT_FOUND; CONFLICT: the client could not sign any more without it. */
MUST_USE enum status durable_client_end_key_blocking(struct durable *db, struct slice client_id, int64_t key);

/* Complete with a struct client. */
void durable_client_find_start(struct durable_pool *pool, struct slice client_id, struct ticket ticket);
void durable_client_read_start(struct durable_pool *pool, struct slice client_id, struct ticket ticket);
/* With a struct client_logo. */
void durable_logo_find_start(struct durable_pool *pool, int64_t number, struct ticket ticket);
/* With a struct client_page. */
void durable_client_list_start(struct durable_pool *pool, struct slice owner, struct page_request page,
                               struct ticket ticket);
/* With nothing but the status. `client` is copied. `audit`: the row of the audit log that goes with it, in the same
 * transaction (durable_audited_blocking); NULL: none. So of every `audit` below and of the other headers. */
void durable_client_register_start(struct durable_pool *pool, const struct client *client,
                                   const struct audit_entry *audit, struct ticket ticket);
void durable_client_update_start(struct durable_pool *pool, const struct client *client,
                                 const struct audit_entry *audit, struct ticket ticket);
void durable_client_set_logo_start(struct durable_pool *pool, const struct client *client, struct slice png,
                                   const struct audit_entry *audit, struct ticket ticket);
void durable_client_delete_start(struct durable_pool *pool, struct slice client_id, const struct audit_entry *audit,
                                 struct ticket ticket);
void durable_client_switch_off_start(struct durable_pool *pool, struct slice client_id, const struct audit_entry *audit,
                                     struct ticket ticket);
void durable_client_switch_on_start(struct durable_pool *pool, struct slice client_id, const struct audit_entry *audit,
                                    struct ticket ticket);
void durable_client_end_key_start(struct durable_pool *pool, struct slice client_id, int64_t key,
                                  const struct audit_entry *audit, struct ticket ticket);
void durable_client_rotate_secret_start(struct durable_pool *pool, struct slice client_id, struct slice secret,
                                        int64_t overlap_ms, const struct audit_entry *audit, struct ticket ticket);
void durable_client_rotate_key_start(struct durable_pool *pool, struct slice client_id, struct slice pem,
                                     int64_t overlap_ms, const struct audit_entry *audit, struct ticket ticket);

#endif
