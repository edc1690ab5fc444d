#include "admin/deed.h"

#include "base/percent.h"
#include "durable/changes.h"
#include "durable/pool.h"
#include "http/problem_reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LINES_TYPE "application/x-ndjson"

enum { DEED_MAX_BYTES = 4 << 20, ANSWER_MAX_BYTES = 16 << 20 };
enum { PAGE_ROWS = 100, PAGE_ROWS_MAX = 500, FILTERED_ROWS_MAX = 20000 };

struct deed_call {
    struct admin_call call; /* first: admin.h */
    struct deed *deed;      /* NULL once the pool has it */
    struct flow_held held;  /* what frees it before */
};

static void free_deed(void *pointer)
{
    struct deed *deed = pointer;
    if (!deed)
        return;
    arena_done(&deed->arena);
    free(deed);
}

static void release_deed(struct flow_held *held)
{
    free_deed(((struct deed_call *)((char *)held - offsetof(struct deed_call, held)))->deed);
}

/* ---- judged on the loop ---- */

enum status deed_wrong(struct deed *deed, const char **ret_why, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    *ret_why = arena_string(&deed->arena, slice_str(text));
    return *ret_why ? STATUS_BAD_INPUT : STATUS_NO_MEMORY;
}

bool deed_is_dry(const struct deed *deed)
{
    return slice_eq(deed_query(deed, "dry_run"), SLICE("true"));
}

enum status deed_judge_dry(struct deed *deed, const char **ret_why)
{
    struct slice text = deed_query(deed, "dry_run");
    if (slice_is_absent(text) || deed_is_dry(deed) || slice_eq(text, SLICE("false")))
        return STATUS_OK;
    return deed_wrong(deed, ret_why, "dry_run: it is true or false");
}

static bool is_known_name(const char *const *names, struct slice name)
{
    for (; names && *names; names++)
        if (slice_eq(name, slice_str(*names)))
            return true;
    return false;
}

static enum status judge_query(struct deed *deed, const char **ret_why)
{
    for (size_t i = 0; i < deed->query.count; i++) {
        struct slice name = deed->query.fields[i].name;
        if (!is_known_name(deed->kind->query, name))
            return deed_wrong(deed, ret_why, "%.*s: this call has no such parameter", SLICE_ARGS(name));
        for (size_t before = 0; before < i; before++)
            if (slice_eq(deed->query.fields[before].name, name))
                return deed_wrong(deed, ret_why, "%.*s: the parameter is there twice", SLICE_ARGS(name));
    }
    return STATUS_OK;
}

static enum status judge_page(struct deed *deed, const char **ret_why)
{
    struct slice size = deed_query(deed, "page_size");
    struct slice token = deed_query(deed, "page_token");
    uint64_t rows = PAGE_ROWS;
    uint64_t after = 0;
    if (!slice_is_absent(size) && (!slice_to_u64(size, PAGE_ROWS_MAX, &rows) || rows == 0))
        return deed_wrong(deed, ret_why, "page_size: it is a number from 1 to %d", PAGE_ROWS_MAX);
    if (!slice_is_absent(token) && !slice_to_u64(token, INT64_MAX, &after))
        return deed_wrong(deed, ret_why, "page_token: it is the next_page_token of the page before");
    deed->page = (struct page_request){.after_id = (int64_t)after, .limit = (size_t)rows};
    deed->filter = deed_query(deed, "filter");
    return STATUS_OK;
}

static enum status judge_deed(struct deed *deed, const char **ret_why)
{
    TRY(judge_query(deed, ret_why));
    if (deed->kind->is_list)
        TRY(judge_page(deed, ret_why));
    return deed->kind->judge ? deed->kind->judge(deed, ret_why) : STATUS_OK;
}

/* The raw path values are in the request's memory. */
static enum status take_head(struct deed *deed, struct request *request)
{
    struct slice raw_query = slice_is_absent(request->query) ? SLICE("") : arena_copy(&deed->arena, request->query);
    struct slice id = slice_is_absent(request->path_values[0]) ? SLICE_ABSENT : admin_path_value(request, 0);
    struct slice match = request_header(request, "If-Match", NULL);
    deed->who = arena_copy(&deed->arena, ((struct admin_call *)request->state)->bearer.name);
    deed->id = slice_is_absent(id) ? id : arena_copy(&deed->arena, id);
    deed->if_match = slice_is_absent(match) ? match : arena_copy(&deed->arena, match);
    deed->is_dev = app_of(request)->config->dev;
    return form_parse(&deed->arena, raw_query, &deed->query);
}

/* RFC 9110 §8.8.3: an ETag is in double quotes, W/ stands before a weak one. */
static bool is_etag(struct slice text)
{
    struct slice tag = slice_starts_with(text, SLICE("W/")) ? slice_sub(text, 2, text.len) : text;
    return tag.len >= 2 && tag.ptr[0] == '"' && tag.ptr[tag.len - 1] == '"';
}

/* What If-Match may be (§13.1.1); *ret_other is the first that is something else. */
static bool is_match(struct slice match, struct slice *ret_other)
{
    for (bool more = match.len > 0; more;) {
        *ret_other = slice_trim(slice_cut(&match, ',', &more));
        if (ret_other->len && !slice_eq(*ret_other, SLICE("*")) && !is_etag(*ret_other))
            return false;
    }
    return true;
}

static enum step_result judge_match(struct request *request, struct deed *deed)
{
    struct slice other = SLICE_ABSENT;
    const char *why = NULL;
    if (deed->kind->needs_match && slice_is_absent(deed->if_match))
        return admin_refuse(request, 428,
                            "send If-Match with the ETag of what you have seen, or * for whatever there is now");
    if (is_match(deed->if_match, &other))
        return STEP_NEXT;
    (void)deed_wrong(deed, &why, "If-Match: %.*s is no ETag; send it in double quotes, as GET showed it: \"3\"",
                     SLICE_ARGS(other));
    return why ? admin_refuse(request, 400, why) : admin_refuse_status(request, STATUS_NO_MEMORY);
}

enum step_result deed_begin(struct flow *flow, const struct deed_kind *kind)
{
    struct request *request = request_of(flow);
    enum step_result begun = admin_begin(flow, ADMIN_FOR_OPERATORS, sizeof(struct deed_call));
    if (begun != STEP_NEXT)
        return begun;
    struct deed_call *call = request->state;
    struct deed *deed = call->deed = calloc(1, sizeof *deed);
    if (!deed)
        return admin_refuse_status(request, STATUS_NO_MEMORY);
    flow_hold(flow, &call->held, release_deed);
    arena_init(&deed->arena, DEED_MAX_BYTES);
    deed->kind = kind;
    enum status status = take_head(deed, request);
    if (status == STATUS_MALFORMED)
        return admin_refuse(request, 400, "the query cannot be decoded");
    if (status != STATUS_OK || slice_is_absent(deed->who))
        return admin_refuse_status(request, STATUS_NO_MEMORY);
    return judge_match(request, deed);
}

static bool is_object_type(const struct request *request)
{
    return request_has_media_type(request, "application/json") ||
           request_has_media_type(request, "application/merge-patch+json");
}

/* What is read of an object are copies. */
static enum status copy_body(struct deed *deed, struct slice body, const char **ret_why)
{
    if (deed->kind->body == DEED_TAKES_OBJECT)
        return json_read(body.len ? body : SLICE("{}"), &deed->arena, &deed->body, ret_why);
    deed->lines = arena_copy(&deed->arena, body);
    return slice_is_absent(deed->lines) ? STATUS_NO_MEMORY : STATUS_OK;
}

enum step_result deed_read_body(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct deed *deed = ((struct deed_call *)request->state)->deed;
    const char *why = NULL;
    if (deed->kind->body == DEED_TAKES_NO_BODY && request->body.len)
        return admin_refuse(request, 400, "this call takes no body");
    if (request->body.len && deed->kind->body == DEED_TAKES_LINES && !request_has_media_type(request, LINES_TYPE))
        return admin_refuse(request, 415, "send Content-Type: " LINES_TYPE);
    if (request->body.len && deed->kind->body == DEED_TAKES_OBJECT && !is_object_type(request))
        return admin_refuse(request, 415, "send Content-Type: application/json");
    enum status status = copy_body(deed, request->body, &why);
    if (status == STATUS_OK)
        status = judge_deed(deed, &why);
    if (status == STATUS_BAD_INPUT)
        return admin_refuse(request, 400, why);
    return status == STATUS_OK ? STEP_NEXT : admin_refuse_status(request, status);
}

/* ---- done on the pool ---- */

static void free_answer(void *pointer)
{
    struct deed_answer *answer = pointer;
    if (!answer)
        return;
    arena_done(&answer->arena);
    free(answer);
}

static void empty_answer(struct deed_answer *answer)
{
    arena_reset(&answer->arena);
    answer->http_status = 0;
    answer->detail = answer->place = SLICE_ABSENT;
    answer->report = NULL;
    answer->json = buf_in(&answer->arena);
    answer->version = 0;
}

enum status deed_refuse(struct deed_answer *answer, int http_status, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    empty_answer(answer);
    answer->http_status = http_status;
    answer->detail = arena_copy(&answer->arena, slice_str(text));
    return slice_is_absent(answer->detail) ? STATUS_NO_MEMORY : STATUS_BAD_INPUT;
}

bool deed_matches_any(const struct deed *deed)
{
    return slice_is_absent(deed->if_match) || slice_eq(slice_trim(deed->if_match), SLICE("*"));
}

/* RFC 9110 §13.1.1: a strong comparison; a weak one never matches. */
enum status deed_match(const struct deed *deed, struct deed_answer *answer, int64_t version)
{
    char memory[32];
    struct buf tag = buf_fixed(memory, sizeof memory);
    struct slice rest = deed->if_match;
    if (deed_matches_any(deed))
        return STATUS_OK;
    buf_addf(&tag, "\"%lld\"", (long long)version);
    for (bool more = true; more;)
        if (slice_eq(slice_trim(slice_cut(&rest, ',', &more)), buf_slice(&tag)))
            return STATUS_OK;
    return deed_refuse(answer, 412,
                       "it was changed since you have seen it (its ETag is another than your If-Match); GET it again");
}

enum status deed_audit(const struct deed *deed, struct durable *db, const char *what, struct slice subject)
{
    return deed_audit_entry(deed, db, (struct audit_entry){.what = slice_str(what), .subject = subject});
}

enum status deed_audit_entry(const struct deed *deed, struct durable *db, struct audit_entry entry)
{
    entry.who = deed->who;
    return durable_audit_write_blocking(db, &entry);
}

struct slice deed_query(const struct deed *deed, const char *name)
{
    return form_get(&deed->query, name, NULL);
}

void deed_place(struct deed_answer *answer, const char *folder, struct slice id)
{
    struct buf place = buf_in(&answer->arena);
    buf_addf(&place, "/admin/v1/%s/", folder);
    percent_encode(&place, id);
    answer->place = buf_slice(&place);
}

struct doing {
    const struct deed *deed;
    struct durable *db;
    struct deed_answer *answer;
};

static enum status do_deed(struct sql *sql, void *context)
{
    const struct doing *doing = context;
    const struct deed *deed = doing->deed;
    (void)sql;
    empty_answer(doing->answer);
    if (deed->kind->writes && !slice_is_absent(deed->id)) /* If-Match is true until the commit */
        TRY(durable_hold_blocking(doing->db, deed->kind->row, deed->id));
    return deed->kind->work(deed, doing->db, doing->answer);
}

/* What a status of the work means, where it has not said so itself. */
static enum status tell_outcome(const struct deed *deed, enum status status, struct deed_answer *answer)
{
    if (status == STATUS_OK || status_is_infrastructure(status) || answer->http_status)
        return status == STATUS_BAD_INPUT ? STATUS_OK : status;
    const char *noun = deed->kind->noun;
    if (status == STATUS_NOT_FOUND)
        status = deed_refuse(answer, 404, "there is no such %s", noun);
    else if (status == STATUS_CONFLICT)
        status = deed_refuse(answer, 409, "there is such a %s already", noun);
    else
        status = deed_refuse(answer, status_http(status), "%s: %s", noun, status_text(status));
    return status == STATUS_BAD_INPUT ? STATUS_OK : status;
}

static enum status run_deed(struct durable *db, void *pointer, void **ret_result)
{
    struct deed *deed = pointer;
    struct deed_answer *answer = calloc(1, sizeof *answer);
    struct doing doing = {deed, db, answer};
    if (!answer)
        return STATUS_NO_MEMORY;
    arena_init(&answer->arena, ANSWER_MAX_BYTES);
    empty_answer(answer);
    enum status status = deed->kind->prepare ? deed->kind->prepare(deed) : STATUS_OK;
    bool is_transaction = deed->kind->writes && !deed->kind->commits_itself;
    if (status == STATUS_OK)
        status = is_transaction ? durable_transaction_blocking(db, do_deed, &doing) : do_deed(db->sql, &doing);
    status = tell_outcome(deed, status, answer);
    if (status == STATUS_OK && answer->json.failed)
        status = STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        free_answer(answer);
        return status;
    }
    *ret_result = answer;
    return STATUS_OK;
}

enum step_result deed_start(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct deed_call *call = request->state;
    const struct durable_job job = {
        .access = call->deed->kind->writes ? DURABLE_WRITE : DURABLE_READ_CURRENT,
        .work = run_deed,
        .arguments = call->deed,
        .free_arguments = free_deed,
        .free_result = free_answer,
    };
    call->deed = NULL;
    durable_pool_start(app_of(request)->durable, &job, flow_wait(flow, DEED_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result reply_problem(struct request *request, const struct deed_answer *answer)
{
    const struct problem_detail problem = {.detail = answer->detail,
                                           .report = answer->report,
                                           .report_json = answer->report ? buf_slice(&answer->json) : SLICE_ABSENT};
    problem_reply(request, answer->http_status, &problem);
    return STEP_REPLY;
}

enum step_result deed_reply(struct flow *flow)
{
    struct request *request = request_of(flow);
    void *result = NULL;
    char memory[32];
    struct buf tag = buf_fixed(memory, sizeof memory);
    enum status status = flow_outcome(flow, &result);
    if (status != STATUS_OK)
        return admin_refuse_status(request, status);
    const struct deed_answer *answer = result;
    if (answer->http_status >= 400)
        return reply_problem(request, answer);
    int usual = answer->json.len ? 200 : 204;
    request_reply_start(request, answer->http_status ? answer->http_status : usual);
    request_reply_header(request, "Cache-Control", SLICE("no-store"));
    buf_addf(&tag, "\"%lld\"", (long long)answer->version);
    if (answer->version)
        request_reply_header_from(request, "ETag", &tag);
    if (!slice_is_absent(answer->place))
        request_reply_header(request, "Location", answer->place);
    if (answer->json.len)
        request_reply_body(request, "application/json", buf_slice(&answer->json));
    request_reply_send(request);
    return STEP_REPLY;
}

/* ---- lists ---- */

struct deed_list deed_list_begin(const struct deed *deed, struct deed_answer *answer, const char *name)
{
    struct deed_list list = {.deed = deed, .page = deed->page, .json = json_writer(&answer->json)};
    list.page.limit = deed->filter.len ? PAGE_MAX_ROWS : deed->page.limit + 1;
    json_begin_object(&list.json);
    json_member_array(&list.json, name);
    return list;
}

static bool holds_nocase(struct slice text, struct slice wanted)
{
    for (size_t at = 0; at + wanted.len <= text.len; at++)
        if (slice_eq_nocase(slice_sub(text, at, at + wanted.len), wanted))
            return true;
    return false;
}

static bool passes_filter(struct slice filter, const struct slice *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (holds_nocase(texts[i], filter))
            return true;
    return filter.len == 0;
}

bool deed_list_takes(struct deed_list *list, int64_t id, const struct slice *texts, size_t count)
{
    if (list->written == list->deed->page.limit) {
        list->has_more = true;
        return false;
    }
    list->page.after_id = id;
    list->seen++;
    if (!passes_filter(list->deed->filter, texts, count))
        return false;
    list->written++;
    return true;
}

void deed_list_took(struct deed_list *list, size_t row_count)
{
    bool is_last = row_count < list->page.limit;
    list->has_more = list->has_more || (!is_last && list->seen >= FILTERED_ROWS_MAX);
    list->is_over = list->has_more || is_last;
}

void deed_list_end(struct deed_list *list)
{
    json_end_array(&list->json);
    if (list->has_more) {
        char memory[24];
        struct buf token = buf_fixed(memory, sizeof memory);
        buf_add_i64(&token, list->page.after_id);
        json_member_string(&list->json, "next_page_token", buf_slice(&token));
    }
    json_end_object(&list->json);
}
