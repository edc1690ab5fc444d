/* deed: what all calls on clients, tokens, users and resource servers share: a call is judged on the loop, done on a
 * thread of the database's pool in one transaction with its row of the audit log, and answered.
 *
 * An endpoint is a struct deed_kind and its DEED_ENDPOINT. A deed owns copies of all it needs, for it may outlive its
 * request. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ADMIN_DEED_H
#define COUNTERSIGN_AUTH_SERVICE_ADMIN_DEED_H

#include "admin/admin.h"
#include "durable/changes.h"
#include "http/form.h"
#include "json/json_writer.h"

enum deed_body { DEED_TAKES_NO_BODY, DEED_TAKES_OBJECT, DEED_TAKES_LINES };

struct deed {
    struct arena arena; /* of all below */
    const struct deed_kind *kind;
    struct slice who;       /* the audit log's */
    struct slice id;        /* the path's {…}; absent: it has none */
    struct slice if_match;  /* absent: not sent */
    struct form query;      /* each name at most once, and only those of the kind */
    const json_value *body; /* of DEED_TAKES_OBJECT */
    struct slice lines;     /* of DEED_TAKES_LINES: NDJSON, as it came */
    bool is_dev;
    void *input;              /* of the kind's own, from judge */
    struct page_request page; /* of a list: page_token and page_size */
    struct slice filter;      /* of a list; empty: everything */
};

/* Made anew for each try of the transaction. */
struct deed_answer {
    struct arena arena;
    int http_status;     /* 0: not yet; a refusal has its detail */
    struct slice detail; /* of a refusal */
    const char *report;  /* of a refusal: the problem's member that `json` is the value of; NULL: none */
    struct buf json;     /* no bytes: none */
    int64_t version;     /* ETag; 0: none */
    struct slice place;  /* Location; absent: none */
};

struct deed_kind {
    const char *noun;         /* what the path names: "client" */
    enum change_kind row;     /* likewise; where the path has an id and the deed writes, the row is held meanwhile */
    const char *const *query; /* the names that its query may have, up to a NULL; NULL: none */
    enum deed_body body;
    bool is_list;
    bool writes;
    bool commits_itself; /* writes in transactions of its own, each of which may be the last */
    bool needs_match;    /* 428 without If-Match */
    /* On the loop: fills deed->input. BAD_INPUT: *ret_why. NULL: nothing to judge */
    enum status (*judge)(struct deed *deed, const char **ret_why);
    /* On the pool, before the transaction: what takes long. NULL: nothing does */
    enum status (*prepare)(struct deed *deed);
    /* On the pool, within the transaction if it writes and does not commit itself. NOT_FOUND: 404; CONFLICT: 409; or
     * deed_refuse. */
    enum status (*work)(const struct deed *deed, struct durable *db, struct deed_answer *answer);
};

/* Finds out who calls and copies what the request says. */
enum step_result deed_begin(struct flow *flow, const struct deed_kind *kind);
/* Judges query and body. */
enum step_result deed_read_body(struct flow *flow);
/* Hands the deed to the pool. */
enum step_result deed_start(struct flow *flow);
/* Sends its answer. */
enum step_result deed_reply(struct flow *flow);

/* The table of steps NAME[], which does what the kind says. */
#define DEED_ENDPOINT(NAME, kind)                                                \
    static enum step_result begin_##NAME(struct flow *flow)                      \
    {                                                                            \
        return deed_begin(flow, &(kind));                                        \
    }                                                                            \
    const struct step NAME[] = {                                                 \
        {"caller", begin_##NAME},  {"body", admin_take_body},                    \
        {"judge", deed_read_body}, {"do", deed_start}, /* waits: the database */ \
        {"reply", deed_reply},     {NULL, NULL},                                 \
    }

/* For work and judge: an answer other than the usual ones. What was written is rolled back. */
enum status deed_refuse(struct deed_answer *answer, int http_status, const char *format, ...) PRINTF_LIKE(3, 4);
/* For judge: sets *ret_why, a text in the deed's arena. BAD_INPUT. */
enum status deed_wrong(struct deed *deed, const char **ret_why, const char *format, ...) PRINTF_LIKE(3, 4);
/* For judge: whether the parameter dry_run, if there is one, is true or false. BAD_INPUT: *ret_why. */
MUST_USE enum status deed_judge_dry(struct deed *deed, const char **ret_why);
bool deed_is_dry(const struct deed *deed);
/* Whether If-Match is not there, or *: whatever there is now. */
bool deed_matches_any(const struct deed *deed);
/* Whether If-Match names this version of the row, or any; 412. */
MUST_USE enum status deed_match(const struct deed *deed, struct deed_answer *answer, int64_t version);
/* A row of the audit log, in the same transaction. */
MUST_USE enum status deed_audit(const struct deed *deed, struct durable *db, const char *what, struct slice subject);
/* The same with the client and the user that it concerns; `who` is not looked at. */
MUST_USE enum status deed_audit_entry(const struct deed *deed, struct durable *db, struct audit_entry entry);
/* The query's value of a name; absent. */
struct slice deed_query(const struct deed *deed, const char *name);
/* Location: the path of what was made. */
void deed_place(struct deed_answer *answer, const char *folder, struct slice id);

/* ---- lists: {"clients": […], "next_page_token": "…"} ----
 *
 * With a filter a page may have fewer rows than were asked for, and there are more all the same: so many are looked at
 * that the database is not kept busy. */
struct deed_list {
    const struct deed *deed;
    struct page_request page; /* what to read next */
    struct json_writer json;
    size_t written;
    size_t seen;
    bool has_more;
    bool is_over;
};

/* Begins the object and its array. */
struct deed_list deed_list_begin(const struct deed *deed, struct deed_answer *answer, const char *name);
/* Whether a row belongs on the page, by its texts; the caller then writes it. */
bool deed_list_takes(struct deed_list *list, int64_t id, const struct slice *texts, size_t count);
/* After the rows that were read. */
void deed_list_took(struct deed_list *list, size_t row_count);
void deed_list_end(struct deed_list *list);

#define DEED_LIST_QUERY "page_size", "page_token", "filter"

#endif
