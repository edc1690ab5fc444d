#include "introspect.h"

#include "answer.h"
#include "caller.h"

static enum step_result parse_introspect(struct flow *flow);
static enum step_result reply_introspect(struct flow *flow);

/* POST /v1/introspect: tells a resource server whether a signed request is good, and whose it is
 * (RFC 5849 §3.2). The call succeeds with 200 whatever the verdict. */
const struct step introspect[] = {
    {"authenticate", caller_authenticate}, /* may wait: the resource server */
    {"identify", caller_identify},         /* waits where no caller is known: counts the address */
    {"admit", caller_admit},
    {"body", request_take_callers_body}, /* waits where it did not come with the head */
    {"parse", parse_introspect},
    {"load", inquiry_load},     /* may wait: client and token */
    {"verify", inquiry_verify}, /* signature */
    {"spend", inquiry_spend},   /* waits: the nonce */
    {"judge", inquiry_judge},   /* scope */
    {"reply", reply_introspect},
    {NULL, NULL},
};

static enum step_result parse_introspect(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct inquiry *inquiry = inquiry_of(flow);
    const char *why = NULL;
    inquiry->dialect = DIALECT_INTROSPECT;
    enum status status = inquiry_begin(request, inquiry, 1);
    if (status == STATUS_OK)
        status = call_read(request->body, &request->arena, &inquiry->questions->call, &why);
    if (status != STATUS_OK)
        return answer_bad_call(request, status, why);
    if (inquiry->questions->call.explain && !inquiry->caller->allow_explain)
        return answer_may_not_explain(request, SLICE("explain"));
    inquiry_parse(request, inquiry->questions);
    return STEP_NEXT;
}

static enum step_result reply_introspect(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct question *question = inquiry_of(flow)->questions;
    struct buf body = buf_in(&request->arena);
    struct json_writer w = json_writer(&body);
    enum status status = question->asked.check.problem.status;
    if (!status_is_infrastructure(status))
        status = answer_write(request, question, &w);
    return answer_send(request, status, &body);
}
