/* remote: a command's work done by the admin API of a running service (--server URL), for which the command prints and
 * ends as it does on the stores. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_REMOTE_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_REMOTE_H

#include "base/arena.h"
#include "cli/cli.h"
#include "json/json_reader.h"
#include "json/json_writer.h"

struct remote {
    const struct command_line *line;
    struct buf base;          /* the URL of the admin API, without a '/' at its end */
    struct buf authorization; /* the header's value */
    struct arena answer;      /* of the last call */
};

/* One call. Absent and NULL parts are left out. */
struct remote_call {
    const char *method;
    const char *folder;    /* "clients" */
    struct slice id;       /* clients/{id} */
    const char *verb;      /* clients/{id}/disable */
    struct slice query;    /* as it is sent */
    struct slice if_match; /* the ETag of what was seen; absent: whatever there is now */
    const struct buf *body;
    const char *body_type; /* NULL: application/json */
    const char *report;    /* a refusal with this member is an answer: *ret_json is the problem */
    const char *noun;      /* what a refusal is about: "client" */
    struct slice name;     /* and which: "demo" */
};

/* Reads the file of the token. The exit code; unless it is EXIT_DONE, it was said what is wrong. */
int remote_open(const struct command_line *line, struct remote *ret_remote);
void remote_close(struct remote *remote);

/* Calls; a refusal is told as a store's is. *ret_json is the answer's object until the next call; NULL: it has none.
 * The exit code. */
int remote_do(struct remote *remote, const struct remote_call *call, const json_value **ret_json);
/* The same and prints the object. */
int remote_show(struct remote *remote, const struct remote_call *call);
/* The same and says that it is done. */
int remote_change(struct remote *remote, const struct remote_call *call);
/* The same and says how many `things` were revoked. */
int remote_revoke(struct remote *remote, const struct remote_call *call, const char *thing);
/* Prints all rows of a folder; `member` is the array's name, `columns` those of a table (cli/table.h). */
int remote_list(struct remote *remote, const struct remote_call *call, const char *member,
                const struct table_column *columns);

/* Whether there is a user with this sub. The exit code is EXIT_DONE also where there is none. */
int remote_has_sub(struct remote *remote, struct slice sub, bool *ret_found);
/* Appends the sub of the account that was made here by this user name; nothing where there is none. */
int remote_find_name(struct remote *remote, struct slice username, struct buf *sub);
/* Appends the sub of a user by sub or name, as cli_find_user finds it; nothing where there is none. */
int remote_find_user(struct remote *remote, struct slice named, struct buf *sub);

/* "name=value", percent-encoded, behind what is there; nothing where the value is absent. */
void remote_add_query(struct buf *query, const char *name, struct slice value);

#endif
