#include "admin/import.h"

#include "admin/deed.h"
#include "intake/intake.h"

struct import_input {
    const struct intake_kind *kind; /* NULL: each line's own */
    struct intake_line lines[INTAKE_LINES_MAX];
    size_t count;
};

/* ---- what the call says ---- */

static enum status judge_kind(struct deed *deed, struct import_input *input, const char **ret_why)
{
    static const struct intake_kind *const kinds[] = {&intake_client, &intake_user, &intake_token};
    struct slice name = deed_query(deed, "kind");
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (slice_eq(name, slice_str(kinds[i]->name)))
            input->kind = kinds[i];
    if (slice_is_absent(name) || input->kind)
        return STATUS_OK;
    return deed_wrong(deed, ret_why, "kind: it is client, user or token; leave it out where the lines are of several");
}

/* Lines count from 1, empty ones too. */
static enum status judge_lines(struct deed *deed, struct import_input *input, const char **ret_why)
{
    struct slice rest = deed->lines;
    bool more = true;
    for (int64_t number = 1; more; number++) {
        struct slice text = slice_cut(&rest, '\n', &more);
        if (slice_trim(text).len == 0)
            continue;
        if (input->count == INTAKE_LINES_MAX)
            return deed_wrong(deed, ret_why, "a call takes %d lines: send the rest in another one", INTAKE_LINES_MAX);
        input->lines[input->count++] = (struct intake_line){.number = number, .text = text};
    }
    if (input->count == 0)
        return deed_wrong(deed, ret_why,
                          "there is no line: send a JSON object a line, each of a client, user or token");
    return STATUS_OK;
}

static enum status judge_import(struct deed *deed, const char **ret_why)
{
    struct import_input *input = deed->input = arena_calloc(&deed->arena, 1, sizeof *input);
    if (!input)
        return STATUS_NO_MEMORY;
    TRY(judge_kind(deed, input, ret_why));
    TRY(deed_judge_dry(deed, ret_why));
    return judge_lines(deed, input, ret_why);
}

/* ---- what becomes of it ---- */

static void write_refusals(struct json_writer *json, const struct intake_batch *batch)
{
    json_begin_array(json);
    for (size_t i = 0; i < batch->refusal_count; i++) {
        json_begin_object(json);
        json_member_int(json, "line", batch->refusals[i].number);
        json_member_string(json, "why", batch->refusals[i].why);
        json_end_object(json);
    }
    json_end_array(json);
}

static void answer_counts(const struct intake_batch *batch, struct deed_answer *answer)
{
    struct json_writer json = json_writer(&answer->json);
    json_begin_object(&json);
    json_member_int(&json, "imported", batch->imported);
    json_member_int(&json, "skipped", batch->skipped);
    json_member_int(&json, "users_created", batch->users_created);
    json_member_bool(&json, "dry_run", batch->is_dry);
    json_name(&json, "refused");
    write_refusals(&json, batch);
    json_end_object(&json);
}

static enum status answer_refusals(const struct intake_batch *batch, struct deed_answer *answer)
{
    enum status status = deed_refuse(answer, 400,
                                     "nothing was imported, because of %zu of %zu lines: `refused` has each and why; "
                                     "mend them or leave them out, and send all again",
                                     batch->refusal_count, batch->count);
    struct json_writer json = json_writer(&answer->json);
    answer->report = "refused";
    write_refusals(&json, batch);
    return status;
}

static enum status take_batch(const struct deed *deed, struct durable *db, struct intake_batch *batch,
                              struct deed_answer *answer)
{
    const struct import_input *input = deed->input;
    batch->kind = input->kind;
    batch->who = deed->who;
    batch->is_dry = deed_is_dry(deed);
    batch->all_or_none = true;
    batch->count = input->count;
    memcpy(batch->lines, input->lines, input->count * sizeof input->lines[0]);
    TRY(intake_batch_take_blocking(db, batch));
    if (batch->refusal_count > 0 && !batch->is_dry)
        return answer_refusals(batch, answer);
    answer_counts(batch, answer);
    return STATUS_OK;
}

static enum status do_import(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct intake_batch *batch = intake_batch_new();
    enum status status = batch ? take_batch(deed, db, batch, answer) : STATUS_NO_MEMORY;
    intake_batch_free(batch);
    return status;
}

/* The batch is a transaction, which is run again where another import got in between. */
static const char *const import_query[] = {"kind", "dry_run", NULL};
static const struct deed_kind import_kind = {.noun = "import",
                                             .query = import_query,
                                             .body = DEED_TAKES_LINES,
                                             .writes = true,
                                             .commits_itself = true,
                                             .judge = judge_import,
                                             .work = do_import};

DEED_ENDPOINT(import_deeds_take, import_kind);
