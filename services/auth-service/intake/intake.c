#include "intake/intake.h"

#include "durable/changes.h"

#include <stdarg.h>
#include <stdlib.h>

enum { REPEATS_MAX = 20, LINE_ARENA_BYTES = 16 << 20, REFUSALS_ARENA_BYTES = 4 << 20 };

/* ---- what the kinds ask for ---- */

enum status intake_refuse(struct intake *intake, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_reset(&intake->why);
    buf_addv(&intake->why, format, args);
    va_end(args);
    return STATUS_BAD_INPUT;
}

enum status intake_audit(struct intake *intake, const char *what, struct slice subject)
{
    return durable_audit_append_blocking(intake->db, intake->who, slice_str(what), subject);
}

enum status intake_race(struct intake *intake, enum status status)
{
    intake->is_overtaken = status == STATUS_CONFLICT;
    return intake->is_overtaken ? STATUS_STORE_DOWN : status;
}

/* ---- a line ---- */

/* A token names its client too, and users have neither. */
static const struct intake_kind *kind_of(const json_value *line)
{
    if (json_kind_of(line) == JSON_OBJECT && json_member(line, "oauth_token"))
        return &intake_token;
    return json_kind_of(line) == JSON_OBJECT && json_member(line, "client_id") ? &intake_client : &intake_user;
}

/* Where the members told the kind, a refusal says which one it was taken for. */
static enum status refuse_form(struct intake *intake, const struct intake_kind *taken_for, const char *why)
{
    return taken_for ? intake_refuse(intake, "read as a %s: %s", taken_for->name, why)
                     : intake_refuse(intake, "%s", why);
}

static enum status decode_line(struct intake *intake, const struct intake_kind *wanted, struct slice text,
                               const struct intake_kind **ret_kind, const void **ret_line)
{
    const json_value *value = NULL;
    const char *why = NULL;
    enum status status = json_read(text, &intake->arena, &value, &why);
    if (status == STATUS_BAD_INPUT)
        return refuse_form(intake, NULL, why);
    TRY(status);
    const struct intake_kind *kind = *ret_kind = wanted ? wanted : kind_of(value);
    void *line = arena_calloc(&intake->arena, 1, kind->line_size);
    if (!line)
        return STATUS_NO_MEMORY;
    status = json_decode(value, kind->fields, JSON_NULL_IS_ABSENT, "", &intake->arena, line, NULL, &why);
    if (status == STATUS_BAD_INPUT)
        return refuse_form(intake, wanted ? NULL : kind, why);
    *ret_line = line;
    return status;
}

static enum status take_line(struct intake *intake, const struct intake_kind *wanted, const struct intake_line *line)
{
    const struct intake_kind *kind = NULL;
    const void *decoded = NULL;
    arena_reset(&intake->arena);
    buf_reset(&intake->why);
    if (line->is_too_long)
        return intake_refuse(intake, "one of its values is longer than the database takes");
    if (line->text.len > INTAKE_LINE_MAX_BYTES)
        return intake_refuse(intake, "it is longer than %d bytes; write one JSON object a line, no array of all",
                             INTAKE_LINE_MAX_BYTES);
    TRY(decode_line(intake, wanted, line->text, &kind, &decoded));
    return kind->take(intake, decoded);
}

/* ---- a batch ---- */

struct taking {
    struct intake intake;
    struct intake_batch *batch;
    bool found_too_long;
};

static enum status add_refusal(struct intake_batch *batch, int64_t number, const struct buf *why)
{
    struct slice text = why->failed ? SLICE_ABSENT : arena_copy(&batch->arena, buf_slice(why));
    batch->refusals[batch->refusal_count++] = (struct intake_refusal){number, text};
    return slice_is_absent(text) ? STATUS_NO_MEMORY : STATUS_OK;
}

/* What was written of a line before its long value is rolled back, with the batch. */
static enum status count_line(struct taking *taking, struct intake_line *line)
{
    struct intake_batch *batch = taking->batch;
    enum status status = take_line(&taking->intake, batch->kind, line);
    taking->found_too_long = status == STATUS_TOO_LARGE;
    line->is_too_long = line->is_too_long || taking->found_too_long;
    batch->imported += status == STATUS_OK;
    batch->skipped += status == STATUS_CONFLICT;
    if (status == STATUS_BAD_INPUT)
        return add_refusal(batch, line->number, &taking->intake.why);
    return status == STATUS_CONFLICT ? STATUS_OK : status;
}

static bool is_rolled_back(const struct intake_batch *batch)
{
    return batch->is_dry || (batch->all_or_none && batch->refusal_count > 0);
}

/* A sql_work_fn. What is to be rolled back ends with a status. */
static enum status take_lines(struct sql *sql, void *context)
{
    struct taking *taking = context;
    struct intake_batch *batch = taking->batch;
    (void)sql;
    batch->imported = batch->skipped = batch->users_created = 0;
    batch->refusal_count = 0;
    arena_reset(&batch->arena);
    taking->intake.users_created = 0;
    for (size_t i = 0; i < batch->count; i++)
        TRY(count_line(taking, &batch->lines[i]));
    batch->users_created = taking->intake.users_created;
    return is_rolled_back(batch) ? STATUS_CONFLICT : STATUS_OK;
}

/* Again without a line that is too long, and where another import got in between. */
static enum status commit_lines(struct taking *taking)
{
    struct durable *db = taking->intake.db;
    for (int repeats = 0;;) {
        taking->intake.is_overtaken = taking->found_too_long = false;
        enum status status = durable_transaction_blocking(db, take_lines, taking);
        bool again = status == STATUS_STORE_DOWN && (taking->intake.is_overtaken || sql_may_repeat(db->sql));
        if (status == STATUS_TOO_LARGE && taking->found_too_long)
            continue;
        if (!again || ++repeats > REPEATS_MAX)
            return status;
    }
}

enum status intake_batch_take_blocking(struct durable *db, struct intake_batch *batch)
{
    struct taking taking = {.intake = {.db = db, .who = batch->who}, .batch = batch};
    arena_init(&taking.intake.arena, LINE_ARENA_BYTES);
    enum status status = commit_lines(&taking);
    if (status == STATUS_CONFLICT && is_rolled_back(batch))
        status = STATUS_OK;
    buf_done(&taking.intake.why);
    arena_done(&taking.intake.arena);
    return status;
}

struct intake_batch *intake_batch_new(void)
{
    struct intake_batch *batch = calloc(1, sizeof *batch);
    if (batch)
        arena_init(&batch->arena, REFUSALS_ARENA_BYTES);
    return batch;
}

void intake_batch_free(struct intake_batch *batch)
{
    if (!batch)
        return;
    arena_done(&batch->arena);
    free(batch);
}
