/* intake: lines of another provider's clients, users and tokens, read, judged and written. It is the one reading of
 * such a line, for the commands (`client import`, `user import`, `token import`) and for the admin API.
 *
 * Invariants: a line is one JSON object, and stands for itself. What is there already, the same, is skipped, so that a
 * batch can be repeated, also after one whose outcome is unknown. */
#ifndef COUNTERSIGN_AUTH_SERVICE_INTAKE_INTAKE_H
#define COUNTERSIGN_AUTH_SERVICE_INTAKE_INTAKE_H

#include "base/arena.h"
#include "durable/durable.h"
#include "json/json_reader.h"

enum {
    INTAKE_LINE_MAX_BYTES = 64 * 1024,
    INTAKE_LINES_MAX = 500,          /* of a batch */
    INTAKE_BODY_MAX_BYTES = 2 << 20, /* of one that goes over HTTP */
};

/* ---- what a line may say, and what becomes of it ---- */

struct intake {
    struct durable *db;
    struct slice who;   /* the audit log's */
    struct arena arena; /* of the line at hand */
    struct buf why;     /* what is wrong with it */
    int64_t users_created;
    bool is_overtaken;
};

struct intake_kind {
    const char *name; /* "client" */
    const struct json_field *fields;
    size_t line_size; /* of the struct that they fill */
    /* Writes one line, decoded, inside a transaction. OK: written; CONFLICT: it was there already, the same; BAD_INPUT:
     * `why` says what is wrong with it, and nothing was written. Any other status ends the batch, but TOO_LARGE the
     * line alone. May be called again for the same line after a rollback. */
    enum status (*take)(struct intake *intake, const void *line);
};

extern const struct intake_kind intake_client, intake_user, intake_token;

/* Sets `why`, in printf's manner; BAD_INPUT. */
enum status intake_refuse(struct intake *intake, const char *format, ...) PRINTF_LIKE(2, 3);
/* A row of the audit log, in the same transaction. */
MUST_USE enum status intake_audit(struct intake *intake, const char *what, struct slice subject);
/* For what was looked up before, in the same transaction: a CONFLICT there means that somebody else was faster. The
 * batch is then rolled back and taken again, and finds what the other one committed. */
MUST_USE enum status intake_race(struct intake *intake, enum status status);

/* ---- a batch: lines that are written in one transaction ---- */

struct intake_line {
    int64_t number;
    struct slice text; /* of one that is too long its front is enough: INTAKE_LINE_MAX_BYTES and one more */
    bool is_too_long;  /* the database has said so of one of its values */
};

struct intake_refusal {
    int64_t number;
    struct slice why;
};

struct intake_batch {
    const struct intake_kind *kind; /* of each line; NULL: a line's members tell */
    struct slice who;
    bool is_dry;      /* all is done, judged by the store itself, and rolled back */
    bool all_or_none; /* rolled back where a line is refused */
    struct intake_line lines[INTAKE_LINES_MAX];
    size_t count;

    /* What became of them. */
    int64_t imported, skipped, users_created;
    struct intake_refusal refusals[INTAKE_LINES_MAX]; /* in the order of the lines */
    size_t refusal_count;
    struct arena arena; /* of the refusals */
};

/* Of the heap, empty; NULL: no memory. */
MUST_USE struct intake_batch *intake_batch_new(void);
void intake_batch_free(struct intake_batch *batch);
/* Takes all lines. OK: each was written, skipped or refused. Any other status: nothing was written. */
MUST_USE enum status intake_batch_take_blocking(struct durable *db, struct intake_batch *batch);

#endif
