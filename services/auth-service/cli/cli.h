/* cli: what the commands of auth-service share. */
#ifndef COUNTERSIGN_AUTH_SERVICE_CLI_CLI_H
#define COUNTERSIGN_AUTH_SERVICE_CLI_CLI_H

#include "durable/changes.h"
#include "durable/durable.h"
#include "durable/users.h"
#include "service/command.h"
#include "json/json_reader.h"

#include <stdio.h>

/* The stores that `serve` uses with the same configuration, opened for one command. */
struct cli_store {
    const struct command_line *line;
    struct keyring *keys;
    struct clock clock;
    struct sql *sql;
    struct durable db;
    struct change_log log;
};

/* Opens; on failure says why on stderr and returns the exit code. EXIT_DONE: opened. */
int cli_open(const struct command_line *line, struct cli_store *ret_store);
/* The same for a command that seals new secrets: only with keys that open those that are there, or the services could
 * not read the new ones. */
int cli_open_to_seal(const struct command_line *line, struct cli_store *ret_store);
/* The same for one that waits longer where others like it take turns at the lock. */
int cli_open_to_import(const struct command_line *line, struct cli_store *ret_store);
/* Tells the services what was changed, too; where that fails it says so, for the change stands. */
void cli_close(struct cli_store *store);

/* Says what a failed call on the store means, on stderr, and returns the exit code. `what` names the
 * thing: "client demo". */
int cli_store_failed(const struct command_line *line, const struct cli_store *store, enum status status,
                     const char *what, ...) PRINTF_LIKE(4, 5);
/* The same of a thing that there is not: a "client" of this name. */
int cli_not_found(const struct command_line *line, const char *noun, struct slice name);

/* A user by the sub that resource servers see, or else by the user name. NOT_FOUND. */
MUST_USE enum status cli_find_user(struct cli_store *store, struct slice named, struct user **ret_user);

/* Of a thing whose version is not the one that the command was given. */
#define CLI_CHANGED_SINCE                                                                              \
    "it was changed since the version that you saw (also by who approved or rejected it); look at it " \
    "again, and give its version of now"

enum { CLI_WHO_BYTES = 160 };
/* Writes who works here into `out`, for the audit log: "cli:" and the name of the operating system's user, behind sudo
 * that of the person who called it. */
void cli_who(struct buf *out);
/* Does `work` in one transaction with its row of the audit log (durable_audited_blocking): `what` was done to
 * `subject`, by cli_who. */
MUST_USE enum status cli_audited(struct cli_store *store, const char *what, struct slice subject, durable_deed_fn work,
                                 void *context);
/* The same with the client and the user that it concerns, which the work may fill in; `who` is filled in here. */
MUST_USE enum status cli_audited_entry(struct cli_store *store, struct audit_entry *entry, durable_deed_fn work,
                                       void *context);

/* For what commits in batches: after one that was begun then, the lock is the services' for as long as it took, and
 * 200 ms at most. SQLite gives it to whoever asks first. */
void cli_let_others_write(int64_t begun_ns);

struct table_column;

/* Output. A record's fields come one after the other, in the format that was asked for. */
struct cli_output {
    const struct command_line *line;
    bool in_list;
    struct table *table; /* of a list for people, else NULL */
    size_t records;
    size_t fields; /* of this record */
};

/* A single record, or with `list` any number of them (JSON: an array; env: NAME=value blocks). */
struct cli_output cli_output_begin(const struct command_line *line, bool list);
/* Any number of records that cli_record and cli_record_read print; as a table it has these columns (cli/table.h), and
 * with --quiet no header. */
struct cli_output cli_list_begin(const struct command_line *line, const struct table_column *columns);
/* What was given so far is seen: for a list that goes on. */
void cli_output_flush(struct cli_output *out);
void cli_record_begin(struct cli_output *out);
/* `name` is lower_case: JSON's member, the table's label, and, in upper case, env's variable. */
void cli_field(struct cli_output *out, const char *name, struct slice value);
/* JSON: an array of texts; env and table: joined by spaces. */
void cli_field_list(struct cli_output *out, const char *name, const struct slice *items, size_t count);
/* A value that is JSON already. */
void cli_field_json(struct cli_output *out, const char *name, struct slice json);
void cli_field_int(struct cli_output *out, const char *name, int64_t value);
void cli_field_bool(struct cli_output *out, const char *name, bool value);
void cli_record_end(struct cli_output *out);
/* A whole record: an object of JSON as services/auth-service/shapes writes it. `at`, and members that end
 * with _at or _until, are times, in seconds. */
void cli_record(struct cli_output *out, const struct buf *json);
/* The same of an object that was read already. */
void cli_record_read(struct cli_output *out, const json_value *record);
void cli_output_end(struct cli_output *out);

/* The tables of commands, one a file. */
extern const struct command cli_migrate_up, cli_migrate_status;
extern const struct command cli_client_create, cli_client_update, cli_client_list, cli_client_get, cli_client_import,
    cli_client_export, cli_client_delete, cli_client_disable, cli_client_enable, cli_client_approve, cli_client_reject,
    cli_client_rotate_secret;
extern const struct command cli_user_create, cli_user_list, cli_user_set_password, cli_user_disable, cli_user_enable,
    cli_user_delete, cli_user_set_local_subject, cli_user_import, cli_user_export;
extern const struct command cli_resource_server_create, cli_resource_server_list, cli_resource_server_rotate_key,
    cli_resource_server_revoke;
extern const struct command cli_token_list, cli_token_revoke, cli_token_import, cli_token_export;
extern const struct command cli_seal_status, cli_seal_rewrite, cli_seal_forget;
extern const struct command cli_nonces_guard;
extern const struct command cli_janitor;
extern const struct command cli_audit_show, cli_why;
extern const struct command cli_pages_export;
extern const struct command cli_sign, cli_explain, cli_perform_three_legged;

#endif
