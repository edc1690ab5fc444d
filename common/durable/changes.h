/* changes: what ended or changed, for caches and sessions to follow; and who did what, for people to read. */
#ifndef COUNTERSIGN_DURABLE_CHANGES_H
#define COUNTERSIGN_DURABLE_CHANGES_H

#include "base/arena.h"
#include "durable/durable.h"

struct durable_pool;
struct ticket;

enum change_kind { CHANGE_CLIENT, CHANGE_USER, CHANGE_TOKEN, CHANGE_RESOURCE_SERVER };

enum change_event {
    CHANGE_EDITED,  /* read it again: edited, rotated, enabled */
    CHANGE_REVOKED, /* its tokens (or the token, the key) are revoked */
    CHANGE_ENDED,   /* disabled, deleted, or a new password: its temporary credentials and sessions end too */
};

struct change {
    int64_t sequence;
    enum change_kind kind;
    enum change_event event;
    struct slice id; /* client_id; the user's decimal id; jti; the resource server's decimal id */
    int64_t at_ms;
};

/* The words of the `changes` table and of messages: "client", "ended". */
const char *change_kind_name(enum change_kind kind);
const char *change_event_name(enum change_event event);
/* False: a word that this version does not know. */
MUST_USE bool change_kind_of(struct slice word, enum change_kind *ret_kind);
MUST_USE bool change_event_of(struct slice word, enum change_event *ret_event);

struct change_page {
    struct arena arena;
    struct change *changes; /* in order */
    size_t count;
};

void change_page_free(void *page);

/* What the transactions of one connection changed, until somebody is told (feed.h). Zeroed before its first
 * use. */
struct change_log {
    struct change_page *page; /* sequences are 0; NULL: nothing */
};

/* Takes the changes out of the log; NULL: nothing was changed. The caller frees them (change_page_free). */
MUST_USE struct change_page *change_log_take(struct change_log *log);

/* Those with a higher sequence, at most `limit` (as page_request). Exact with SQLite's single writer; on MySQL
 * sequences commit out of order, so a poller there rereads the last minute. */
MUST_USE enum status durable_changes_since_blocking(struct durable *db, int64_t sequence, size_t limit,
                                                    struct change_page **ret_page);
/* What ended (CHANGE_ENDED) at or after a time, read in the same way. For those who missed the news. */
MUST_USE enum status durable_changes_ended_blocking(struct durable *db, int64_t since_ms, int64_t sequence,
                                                    size_t limit, struct change_page **ret_page);
/* The highest sequence, or 0 if there is none. A process that starts with empty caches begins to read there. */
MUST_USE enum status durable_changes_latest_blocking(struct durable *db, int64_t *ret_sequence);

struct audit_entry {
    int64_t id;
    struct slice who;     /* the admin token's name, a command, a user */
    struct slice what;    /* "client.create" */
    struct slice subject; /* the identifier that it was done to */
    struct slice client;  /* the client_id that it concerns; empty: none */
    struct slice user;    /* likewise the user: the `sub` */
    struct slice request; /* the request's id; empty: a command */
    int64_t at_ms;
};

/* Which rows are wanted; what is empty or 0 does not matter. */
struct audit_filter {
    int64_t since_ms, until_ms; /* from; before */
    struct slice client, user, who;
    struct slice id; /* one of subject, client, user, request, who */
};

struct audit_page {
    struct arena arena;
    struct audit_entry *entries;
    size_t count;
};

void audit_page_free(void *page);

/* Who did what to which client, user, token or key; then what was written. */
MUST_USE enum status durable_audit_append_blocking(struct durable *db, struct slice who, struct slice what,
                                                   struct slice subject);
/* The same with what else is known; the time is now. Empty `client` and `user` are taken from a subject that is one, or
 * a token's jti. */
MUST_USE enum status durable_audit_write_blocking(struct durable *db, const struct audit_entry *entry);
/* What was done, written in the transaction that does it: neither is there without the other. `work` runs in that
 * transaction, and once more where the database asks for it; `entry` is read after it, so that it may fill in what it
 * only finds out. A status of `work`, or of the row: nothing was done. */
typedef enum status (*durable_deed_fn)(struct durable *db, void *context);
MUST_USE enum status durable_audited_blocking(struct durable *db, const struct audit_entry *entry, durable_deed_fn work,
                                              void *context);
/* Holds a row until the end of the transaction that this is called in, so that what is judged of it stays true: others
 * wait. `id`: client_id, the user's subject, jti, the resource server's name (every row of it). OK also where there is
 * no such row. */
MUST_USE enum status durable_hold_blocking(struct durable *db, enum change_kind kind, struct slice id);
/* A wrong password of an account that there is: one row an account and minute, at most a hundred rows a minute. */
MUST_USE enum status durable_audit_failed_login_blocking(struct durable *db, const struct audit_entry *entry);
/* The oldest first. `filter` may be NULL. */
MUST_USE enum status durable_audit_list_blocking(struct durable *db, const struct audit_filter *filter,
                                                 struct page_request page, struct audit_page **ret_page);
/* Removes one bounded batch of what is older than `before_ms`; *ret_count more than 0: another call may find more. */
MUST_USE enum status durable_audit_prune_blocking(struct durable *db, int64_t before_ms, int64_t *ret_count);

/* Complete with a struct change_page (two); an int64_t; nothing; a struct audit_page. */
void durable_changes_since_start(struct durable_pool *pool, int64_t sequence, size_t limit, struct ticket ticket);
void durable_changes_ended_start(struct durable_pool *pool, int64_t since_ms, int64_t sequence, size_t limit,
                                 struct ticket ticket);
void durable_changes_latest_start(struct durable_pool *pool, struct ticket ticket);
void durable_audit_write_start(struct durable_pool *pool, const struct audit_entry *entry, struct ticket ticket);
void durable_audit_failed_login_start(struct durable_pool *pool, const struct audit_entry *entry, struct ticket ticket);

/* What the janitor took away, by kind; more than 0 means that another call may find more. */
struct janitor_counts {
    int64_t changes; /* older than a day */
    int64_t secrets; /* rotated out for 30 days */
    int64_t tokens;  /* revoked or expired for 30 days */
};

/* One bounded batch of each kind, in short transactions. */
MUST_USE enum status durable_janitor_blocking(struct durable *db, struct janitor_counts *ret_counts);

#endif
