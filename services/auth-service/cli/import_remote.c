#include "cli/import_remote.h"

#include <stdlib.h>

struct refused_line {
    int64_t line;
    struct slice why;
};

static const struct json_field refused_fields[] = {
    JSON_FIELD(struct refused_line, line, JSON_INT, true),
    JSON_FIELD(struct refused_line, why, JSON_STRING, true),
    JSON_FIELDS_END,
};

/* The lines of the batch that go with a call: their indexes. */
struct sent {
    size_t indexes[INTAKE_LINES_MAX];
    size_t count;
};

/* ---- a call ---- */

static bool is_refused(const struct intake_batch *batch, int64_t number)
{
    for (size_t i = 0; i < batch->refusal_count; i++)
        if (batch->refusals[i].number == number)
            return true;
    return false;
}

static void write_lines(const struct intake_batch *batch, struct buf *body, struct sent *ret_sent)
{
    ret_sent->count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (is_refused(batch, batch->lines[i].number))
            continue;
        buf_add(body, batch->lines[i].text);
        buf_add_byte(body, '\n');
        ret_sent->indexes[ret_sent->count++] = i;
    }
}

static int64_t read_int(const json_value *answer, const char *name)
{
    const json_value *value = json_member(answer, name);
    return value && json_kind_of(value) == JSON_INT ? json_int_of(value) : 0;
}

static int call_import(struct remote *remote, const struct intake_batch *batch, const struct buf *body,
                       const json_value **ret_answer)
{
    struct buf query = BUF_INIT;
    remote_add_query(&query, "kind", slice_str(batch->kind->name));
    remote_add_query(&query, "dry_run", batch->is_dry ? SLICE("true") : SLICE("false"));
    const struct remote_call call = {
        .method = "POST",
        .folder = "import",
        .id = SLICE_ABSENT,
        .query = buf_slice(&query),
        .if_match = SLICE_ABSENT,
        .body = body,
        .body_type = "application/x-ndjson",
        .report = "refused",
        .noun = batch->kind->name,
        .name = SLICE("import"),
    };
    int code = query.failed ? command_fail(remote->line, EXIT_STORE_DOWN, "%s", status_text(STATUS_NO_MEMORY))
                            : remote_do(remote, &call, ret_answer);
    buf_done(&query);
    return code;
}

/* ---- what it answers ---- */

/* False: it is no report of what was sent. */
static bool take_refusal(struct intake_batch *batch, const struct sent *sent, const json_value *row,
                         struct arena *arena)
{
    struct refused_line line = {0};
    const char *why = NULL;
    bool is_one = json_decode(row, refused_fields, JSON_NULL_REFUSED, "", arena, &line, NULL, &why) == STATUS_OK &&
                  line.line > 0 && (uint64_t)line.line <= sent->count && batch->refusal_count < batch->count;
    if (!is_one)
        return false;
    struct slice text = arena_copy(&batch->arena, line.why);
    int64_t number = batch->lines[sent->indexes[line.line - 1]].number;
    batch->refusals[batch->refusal_count++] = (struct intake_refusal){number, text};
    return !slice_is_absent(text);
}

/* *ret_is_done: the rest was taken. False: it is no report of what was sent. */
static bool take_report(struct intake_batch *batch, const struct sent *sent, const json_value *answer,
                        struct arena *arena, bool *ret_is_done)
{
    const json_value *refused = answer ? json_member(answer, "refused") : NULL;
    if (!refused || json_kind_of(refused) != JSON_ARRAY)
        return false;
    *ret_is_done = json_member(answer, "imported") != NULL;
    for (const json_value *row = json_first(refused); row; row = json_next(row))
        if (!take_refusal(batch, sent, row, arena))
            return false;
    batch->imported = read_int(answer, "imported");
    batch->skipped = read_int(answer, "skipped");
    batch->users_created = read_int(answer, "users_created");
    return *ret_is_done || json_count(refused) > 0;
}

static int compare_refusals(const void *a, const void *b)
{
    int64_t one = ((const struct intake_refusal *)a)->number, other = ((const struct intake_refusal *)b)->number;
    return (one > other) - (one < other);
}

static int send_lines(struct remote *remote, struct intake_batch *batch, bool *ret_is_done)
{
    struct buf body = BUF_INIT;
    struct sent sent;
    const json_value *answer = NULL;
    write_lines(batch, &body, &sent);
    *ret_is_done = sent.count == 0;
    int code = *ret_is_done ? EXIT_DONE : call_import(remote, batch, &body, &answer);
    buf_done(&body); /* wiped: lines hold secrets */
    if (code != EXIT_DONE || *ret_is_done)
        return code;
    if (take_report(batch, &sent, answer, &remote->answer, ret_is_done))
        return EXIT_DONE;
    return command_fail(remote->line, EXIT_REFUSED, "--server: the answer does not say what was imported");
}

/* Whatever is not done yet has had a line refused, so this comes to an end. */
int import_remote_take(struct remote *remote, struct intake_batch *batch)
{
    bool is_done = false;
    batch->imported = batch->skipped = batch->users_created = 0;
    batch->refusal_count = 0;
    arena_reset(&batch->arena);
    while (!is_done) {
        int code = send_lines(remote, batch, &is_done);
        if (code != EXIT_DONE)
            return code;
    }
    qsort(batch->refusals, batch->refusal_count, sizeof batch->refusals[0], compare_refusals);
    return EXIT_DONE;
}
