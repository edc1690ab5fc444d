#include "cli/cli.h"

#include "base/escape.h"
#include "changes/feed.h"
#include "cli/table.h"
#include "crypto/sealed.h"
#include "durable/clients.h"
#include "durable/database.h"
#include "durable/sealing_keys.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- the stores ---- */

/* The sealing keys; a text for the operator is appended to `why`. */
static enum status open_keys(const struct command_line *line, struct buf *why, struct keyring **ret_keys)
{
    const char *reason = NULL;
    struct slice keys = {0};
    TRY(config_secrets_keys_blocking(line->config, why, &keys));
    enum status status = keyring_parse(keys, ret_keys, &reason);
    if (status == STATUS_BAD_INPUT)
        buf_addf(why, "OAUTH1_SECRETS_KEYS: %s", reason);
    return status;
}

/* The database comes first: if its folder is missing, so is the key file beside it. */
static enum status open_stores(const struct command_line *line, int busy_timeout_ms, struct cli_store *store,
                               struct buf *why)
{
    store->clock = clock_system(line->config->clock_offset_s * 1000);
    const struct sql_options options = {
        .busy_timeout_ms = busy_timeout_ms,
        .password = line->config->database_password,
        .must_exist = config_database_is_default(line->config), /* else one run elsewhere would make another one */
    };
    if (options.must_exist)
        buf_add_str(why,
                    "OAUTH1_DATABASE_URL is not set, so it is about the default; set it as the services have it, or "
                    "go to their directory: ");
    TRY(database_open_blocking(line->config->database_url, &options, &store->clock, why, &store->sql));
    buf_reset(why);
    TRY(open_keys(line, why, &store->keys));
    store->db = (struct durable){.sql = store->sql, .keys = store->keys, .clock = &store->clock, .log = &store->log};
    return STATUS_OK;
}

static int open_waiting(const struct command_line *line, int busy_timeout_ms, struct cli_store *ret_store)
{
    struct buf why = BUF_INIT;
    *ret_store = (struct cli_store){.line = line};
    enum status status = open_stores(line, busy_timeout_ms, ret_store, &why);
    int code = command_exit_code(status);
    if (status != STATUS_OK) {
        struct slice text = why.len ? buf_slice(&why) : slice_str(status_text(status));
        (void)command_fail(line, code, "%.*s", SLICE_ARGS(text));
        cli_close(ret_store);
    }
    buf_done(&why);
    return code;
}

int cli_open(const struct command_line *line, struct cli_store *ret_store)
{
    return open_waiting(line, SQL_COMMAND_BUSY_MS, ret_store);
}

static int open_to_seal(const struct command_line *line, int busy_timeout_ms, struct cli_store *ret_store)
{
    int code = open_waiting(line, busy_timeout_ms, ret_store);
    if (code != EXIT_DONE)
        return code;
    struct buf why = BUF_INIT;
    enum status status = durable_sealing_keys_check_blocking(&ret_store->db, &why);
    if (status != STATUS_OK) {
        code = command_fail(line, command_exit_code(status), "nothing was changed: %.*s", SLICE_ARGS(buf_slice(&why)));
        cli_close(ret_store);
    }
    buf_done(&why);
    return code;
}

int cli_open_to_seal(const struct command_line *line, struct cli_store *ret_store)
{
    return open_to_seal(line, SQL_COMMAND_BUSY_MS, ret_store);
}

int cli_open_to_import(const struct command_line *line, struct cli_store *ret_store)
{
    return open_to_seal(line, SQL_IMPORT_BUSY_MS, ret_store);
}

static void tell_services(struct cli_store *store)
{
    struct buf why = BUF_INIT;
    const struct config *config = store->line->config;
    struct change_page *changes = change_log_take(&store->log);
    if (changes && change_feed_publish_blocking(config->redis_url, config->redis_password, changes, &why) != STATUS_OK)
        fprintf(stderr,
                "auth-service: it is done, but the running services were not told (%.*s); they find out within "
                "OAUTH1_CACHE_TTL\n",
                SLICE_ARGS(buf_slice(&why)));
    change_page_free(changes);
    buf_done(&why);
}

void cli_close(struct cli_store *store)
{
    tell_services(store);
    sql_close(store->sql);
    keyring_free(store->keys);
    *store = (struct cli_store){0};
}

void cli_let_others_write(int64_t begun_ns)
{
    enum { PAUSE_MAX_MS = 200 };
    int64_t pause_ns = clock_monotonic_ns() - begun_ns;
    if (pause_ns > PAUSE_MAX_MS * INT64_C(1000000))
        pause_ns = PAUSE_MAX_MS * INT64_C(1000000);
    const struct timespec pause = {.tv_nsec = (long)pause_ns};
    (void)nanosleep(&pause, NULL);
}

/* What there is instead of the thing that `subject` begins with; NULL: nobody lists those. */
static const char *where_to_look(const char *subject)
{
    static const struct {
        const char *begin, *advice;
    } rows[] = {
        {"client ", "there is no such client; `client list` shows them"},
        {"user ", "there is no such user; `user list` shows them"},
        {"token ", "there is no such token; `token list` shows them, each by its jti"},
        {"sealing key ", "there is no such key in use; `seal status` shows them"},
        {"resource server ", "there is no such resource server; `resource-server list` shows them"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strncmp(subject, rows[i].begin, strlen(rows[i].begin)) == 0)
            return rows[i].advice;
    return NULL;
}

int cli_store_failed(const struct command_line *line, const struct cli_store *store, enum status status,
                     const char *what, ...)
{
    char subject[512];
    va_list args;
    va_start(args, what);
    (void)vsnprintf(subject, sizeof subject, what, args);
    va_end(args);
    const char *found = status == STATUS_NOT_FOUND ? where_to_look(what) : NULL;
    const char *why = status_is_infrastructure(status) && store->sql ? durable_last_error(&store->db) : "";
    if (found)
        why = found;
    return command_fail(line, command_exit_code(status), "%s: %s", subject, why[0] ? why : status_text(status));
}

int cli_not_found(const struct command_line *line, const char *noun, struct slice name)
{
    char subject[512];
    (void)snprintf(subject, sizeof subject, "%s %.*s", noun, SLICE_ARGS(name));
    const char *found = where_to_look(subject);
    return command_fail(line, EXIT_REFUSED, "%s: %s", subject, found ? found : status_text(STATUS_NOT_FOUND));
}

/* By subject first: where login is delegated, one user's name may be another's subject. */
enum status cli_find_user(struct cli_store *store, struct slice named, struct user **ret_user)
{
    enum status status = durable_user_find_by_subject_blocking(&store->db, named, ret_user);
    return status == STATUS_NOT_FOUND ? durable_user_find_by_name_blocking(&store->db, named, ret_user) : status;
}

void cli_who(struct buf *out)
{
    char memory[1024];
    struct passwd entry = {0};
    struct passwd *found = NULL;
    const char *behind = getenv("SUDO_USER"); /* sudo's word for the person who became another user */
    buf_add_str(out, "cli:");
    if (behind && behind[0])
        buf_add(out, slice_sub(slice_str(behind), 0, CLI_WHO_BYTES / 2));
    else if (getpwuid_r(getuid(), &entry, memory, sizeof memory, &found) == 0 && found)
        buf_add(out, slice_sub(slice_str(entry.pw_name), 0, CLI_WHO_BYTES / 2));
    else
        buf_add_i64(out, getuid());
}

enum status cli_audited_entry(struct cli_store *store, struct audit_entry *entry, durable_deed_fn work, void *context)
{
    char memory[CLI_WHO_BYTES];
    struct buf who = buf_fixed(memory, sizeof memory);
    cli_who(&who);
    entry->who = buf_slice(&who);
    return durable_audited_blocking(&store->db, entry, work, context);
}

enum status cli_audited(struct cli_store *store, const char *what, struct slice subject, durable_deed_fn work,
                        void *context)
{
    struct audit_entry entry = {.what = slice_str(what), .subject = subject};
    return cli_audited_entry(store, &entry, work, context);
}

/* ---- output ---- */

struct cli_output cli_output_begin(const struct command_line *line, bool list)
{
    if (line->format == FORMAT_JSON && list)
        printf("[");
    return (struct cli_output){.line = line, .in_list = list};
}

/* Where there is no memory for a table the records stand below each other, as a single one does. */
struct cli_output cli_list_begin(const struct command_line *line, const struct table_column *columns)
{
    struct cli_output out = cli_output_begin(line, true);
    if (line->format == FORMAT_TABLE)
        out.table = table_new(columns, !line->quiet);
    return out;
}

void cli_output_flush(struct cli_output *out)
{
    if (out->table)
        table_flush(out->table);
    (void)fflush(stdout);
}

void cli_record_begin(struct cli_output *out)
{
    out->fields = 0;
    if (out->line->format == FORMAT_JSON)
        printf("%s{", out->records ? ",\n" : "");
    else if (out->records)
        printf("\n");
    out->records++;
}

static void print_upper(const char *name)
{
    for (; *name; name++)
        putchar(*name >= 'a' && *name <= 'z' ? *name - 32 : *name);
}

/* In single quotes, as a shell reads them back. */
static void print_shell(struct slice value)
{
    putchar('\'');
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\'')
            printf("'\\''");
        else
            putchar(value.ptr[i]);
    }
    printf("'\n");
}

static void print_escaped(void (*escape)(struct buf *out, struct slice text), struct slice value)
{
    struct buf text = BUF_INIT;
    escape(&text, value);
    printf("%.*s", SLICE_ARGS(buf_slice(&text)));
    buf_done(&text);
}

static void print_name(struct cli_output *out, const char *name)
{
    switch (out->line->format) {
    case FORMAT_JSON:
        printf("%s\"%s\": ", out->fields ? ", " : "", name);
        break;
    case FORMAT_ENV:
        print_upper(name);
        putchar('=');
        break;
    case FORMAT_TABLE:
        printf("%-18s ", name);
        break;
    }
    out->fields++;
}

static void print_json_string(struct slice value)
{
    putchar('"');
    print_escaped(escape_json, value);
    putchar('"');
}

/* Not for JSON. */
static void print_line(const struct cli_output *out, struct slice value)
{
    if (out->line->format == FORMAT_ENV) {
        print_shell(value);
    } else {
        print_escaped(escape_terminal, value);
        putchar('\n');
    }
}

void cli_field(struct cli_output *out, const char *name, struct slice value)
{
    print_name(out, name);
    if (out->line->format == FORMAT_JSON)
        print_json_string(value);
    else
        print_line(out, value);
}

void cli_field_list(struct cli_output *out, const char *name, const struct slice *items, size_t count)
{
    bool json = out->line->format == FORMAT_JSON;
    struct buf joined = BUF_INIT;
    print_name(out, name);
    for (size_t i = 0; i < count && json; i++) {
        printf("%s", i ? ", " : "[");
        print_json_string(items[i]);
    }
    for (size_t i = 0; i < count && !json; i++) {
        buf_add_str(&joined, i ? " " : "");
        buf_add(&joined, items[i]);
    }
    if (json)
        printf("%s", count ? "]" : "[]");
    else
        print_line(out, buf_slice(&joined));
    buf_done(&joined);
}

void cli_field_json(struct cli_output *out, const char *name, struct slice json)
{
    print_name(out, name);
    if (out->line->format == FORMAT_JSON)
        printf("%.*s", SLICE_ARGS(json));
    else
        print_line(out, json);
}

static void print_bare(struct cli_output *out, const char *name, const char *text)
{
    print_name(out, name);
    printf("%s%s", text, out->line->format == FORMAT_JSON ? "" : "\n");
}

void cli_field_int(struct cli_output *out, const char *name, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    print_bare(out, name, text);
}

void cli_field_bool(struct cli_output *out, const char *name, bool value)
{
    print_bare(out, name, value ? "true" : "false");
}

enum { TIME_BYTES = 40 };

static const char *write_time(char memory[TIME_BYTES], int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc = {0};
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(memory, TIME_BYTES, "%Y-%m-%d %H:%M:%S UTC", &utc);
    return memory;
}

/* Milliseconds since 1970, shown in UTC to people and as seconds to programs; 0 is left out. */
static void print_time(struct cli_output *out, const char *name, int64_t ms)
{
    char memory[TIME_BYTES];
    if (ms == 0)
        return;
    if (out->line->format == FORMAT_TABLE)
        print_bare(out, name, write_time(memory, ms));
    else
        cli_field_int(out, name, ms / 1000);
}

void cli_record_end(struct cli_output *out)
{
    if (out->line->format == FORMAT_JSON)
        printf("}");
}

static void print_list(struct cli_output *out, const char *name, const json_value *list)
{
    struct slice items[OPTION_LIST_MAX];
    size_t count = 0;
    for (const json_value *item = json_first(list); item && count < COUNT_OF(items); item = json_next(item))
        items[count++] = json_string_of(item);
    cli_field_list(out, name, items, count);
}

static bool ends_with(struct slice text, struct slice end)
{
    return text.len >= end.len && slice_eq(slice_sub(text, text.len - end.len, text.len), end);
}

static bool is_time(const char *name)
{
    struct slice text = slice_str(name);
    return strcmp(name, "at") == 0 || ends_with(text, SLICE("_at")) || ends_with(text, SLICE("_until"));
}

static void print_number(struct cli_output *out, const char *name, int64_t value)
{
    if (is_time(name))
        print_time(out, name, value * 1000);
    else
        cli_field_int(out, name, value);
}

static void print_member(struct cli_output *out, const char *name, const json_value *value)
{
    switch (json_kind_of(value)) {
    case JSON_STRING:
        cli_field(out, name, json_string_of(value));
        break;
    case JSON_BOOL:
        cli_field_bool(out, name, json_bool_of(value));
        break;
    case JSON_INT:
        print_number(out, name, json_int_of(value));
        break;
    case JSON_ARRAY:
        print_list(out, name, value);
        break;
    case JSON_STRINGS:
    case JSON_OBJECT:
    case JSON_NULL:
        break; /* no shape has them */
    }
}

/* A member's name as printing wants it: those of the shapes are short. */
static void print_named(struct cli_output *out, const json_value *member)
{
    char memory[JSON_MAX_NAME_BYTES + 1];
    struct buf name = buf_fixed(memory, sizeof memory);
    buf_add(&name, json_name_of(member));
    const char *text = buf_string(&name);
    if (text)
        print_member(out, text, member);
}

static void add_list(struct table *table, const json_value *list)
{
    struct buf joined = BUF_INIT;
    for (const json_value *item = json_first(list); item; item = json_next(item)) {
        buf_add_str(&joined, joined.len ? " " : "");
        buf_add(&joined, json_string_of(item));
    }
    table_add(table, buf_slice(&joined));
    buf_done(&joined);
}

/* A member as one value of a table's row; `value` NULL: the record has none. */
static void add_member(struct table *table, const char *name, const json_value *value)
{
    char memory[TIME_BYTES];
    switch (value ? json_kind_of(value) : JSON_NULL) {
    case JSON_STRING:
        table_add(table, json_string_of(value));
        return;
    case JSON_BOOL:
        table_add(table, json_bool_of(value) ? SLICE("true") : SLICE("false"));
        return;
    case JSON_INT:
        if (!is_time(name))
            (void)snprintf(memory, sizeof memory, "%lld", (long long)json_int_of(value));
        table_add(table, slice_str(is_time(name) ? write_time(memory, json_int_of(value) * 1000) : memory));
        return;
    case JSON_ARRAY:
        add_list(table, value);
        return;
    case JSON_STRINGS:
    case JSON_OBJECT:
    case JSON_NULL:
        table_add(table, SLICE_ABSENT);
        return;
    }
}

/* A column's value of a record; NULL: there is none, or it is shown already. */
static const json_value *value_of(const json_value *record, const struct table_column *column)
{
    const json_value *value = record ? json_member(record, column->member) : NULL;
    const json_value *same = value && column->repeats ? json_member(record, column->repeats) : NULL;
    if (same && json_kind_of(value) == JSON_STRING && slice_eq(json_string_of(value), json_string_of(same)))
        return NULL;
    return value;
}

static void add_row(struct cli_output *out, const json_value *record)
{
    out->records++;
    for (const struct table_column *column = table_columns(out->table); column->member; column++)
        add_member(out->table, column->member, value_of(record, column));
}

void cli_record_read(struct cli_output *out, const json_value *record)
{
    if (out->table) {
        add_row(out, record);
        return;
    }
    cli_record_begin(out);
    for (const json_value *member = record ? json_first(record) : NULL; member; member = json_next(member))
        print_named(out, member);
    cli_record_end(out);
}

void cli_record(struct cli_output *out, const struct buf *json)
{
    enum { RECORD_MAX_BYTES = 4 << 20 };
    struct arena arena;
    const json_value *record = NULL;
    const char *why = NULL;
    arena_init(&arena, RECORD_MAX_BYTES);
    cli_record_read(out, json_read(buf_slice(json), &arena, &record, &why) == STATUS_OK ? record : NULL);
    arena_done(&arena);
}

void cli_output_end(struct cli_output *out)
{
    table_free(out->table);
    out->table = NULL;
    if (out->line->format == FORMAT_JSON)
        printf(out->in_list ? "]\n" : "\n");
    else if (out->in_list && out->records == 0 && out->line->format == FORMAT_TABLE && !out->line->quiet)
        fprintf(stderr, "none\n");
}
