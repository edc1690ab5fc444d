#include "batch.h"

#include "answer.h"
#include "caller.h"

static enum step_result parse_batch(struct flow *flow);
static enum step_result reply_batch(struct flow *flow);

/* POST /v1/introspect/batch: the same as introspect for many requests in one call. What one of them does wrong, or a
 * store that is down for it, is its own result alone; JSON of the wrong shape refuses the whole call before anything is
 * spent. */
const struct step batch[] = {
    {"authenticate", caller_authenticate}, /* may wait: the resource server */
    {"identify", caller_identify},         /* waits where no caller is known: counts the address */
    {"admit", caller_admit},
    {"body", request_take_callers_body}, /* waits where it did not come with the head */
    {"parse", parse_batch},
    {"load", inquiry_load},     /* may wait: clients and tokens, side by side */
    {"verify", inquiry_verify}, /* signatures */
    {"spend", inquiry_spend},   /* waits: the nonces, in one write */
    {"judge", inquiry_judge},   /* scopes */
    {"reply", reply_batch},
    {NULL, NULL},
};

static enum step_result refuse_explain(struct request *request, size_t index)
{
    char memory[sizeof "requests[100].explain"];
    struct buf member = buf_fixed(memory, sizeof memory);
    buf_addf(&member, "requests[%zu].explain", index);
    return answer_may_not_explain(request, buf_slice(&member));
}

static enum step_result parse_batch(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct inquiry *inquiry = inquiry_of(flow);
    struct calls calls = {0};
    const char *why = NULL;
    inquiry->dialect = DIALECT_BATCH;
    enum status status = calls_read(request->body, &request->arena, &calls, &why);
    if (status == STATUS_OK)
        status = inquiry_begin(request, inquiry, calls.count);
    if (status != STATUS_OK)
        return answer_bad_call(request, status, why);
    for (size_t i = 0; i < calls.count; i++)
        if (calls.items[i].explain && !inquiry->caller->allow_explain)
            return refuse_explain(request, i);
    for (size_t i = 0; i < calls.count; i++) {
        inquiry->questions[i].call = calls.items[i];
        inquiry_parse(request, &inquiry->questions[i]);
    }
    return STEP_NEXT;
}

static enum step_result reply_batch(struct flow *flow)
{
    struct request *request = request_of(flow);
    const struct inquiry *inquiry = inquiry_of(flow);
    struct buf body = buf_in(&request->arena);
    struct json_writer w = json_writer(&body);
    enum status status = STATUS_OK;
    json_begin_object(&w);
    json_member_array(&w, "results");
    for (size_t i = 0; i < inquiry->count && status == STATUS_OK; i++)
        status = answer_write(request, &inquiry->questions[i], &w);
    json_end_array(&w);
    json_end_object(&w);
    return answer_send(request, status, &body);
}
