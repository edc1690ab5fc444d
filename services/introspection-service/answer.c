#include "answer.h"

#include "app.h"
#include "http/problem_reply.h"
#include "unavailable.h"
#include "verdict.h"

enum step_result answer_bad_call(struct request *request, enum status status, const char *why)
{
    if (status != STATUS_BAD_INPUT)
        return unavailable_reply(request, status);
    problem_reply_status(request, STATUS_BAD_INPUT, slice_str(why));
    return STEP_REPLY;
}

enum step_result answer_may_not_explain(struct request *request, struct slice member)
{
    struct buf detail = buf_in(&request->arena);
    buf_add(&detail, member);
    buf_add_str(&detail, ": this key may not ask to explain: create one with --allow-explain");
    problem_reply_status(request, STATUS_FORBIDDEN, buf_slice(&detail));
    return STEP_REPLY;
}

/* ---- explain ---- */

static const struct slice too_many =
    SLICE_INIT("no hints: those of this call went to the mismatches before this one; ask about this request alone");

/* Without a clock there are none: an answer without hints is better than none. */
static enum status write_hints(struct request *request, const struct question *question,
                               struct explanation *explanation)
{
    struct provider_loop *loop = app_loop_of(request);
    const struct explain_options options = {
        .client_base_string = question->call.client_base_string,
        .origins = app_of(request)->known_origins,
        .path_prefixes = app_of(request)->known_prefixes,
    };
    int64_t now_ms = 0;
    struct arena scratch;
    if (ephemeral_now(loop->ephemeral, &now_ms) != STATUS_OK)
        return STATUS_OK;
    arena_init(&scratch, request->arena.limit_bytes);
    enum status status = check_explain(&question->asked.check, &loop->signer, now_ms, &options, &scratch, explanation);
    arena_done(&scratch);
    return status;
}

/* Whose clock it is nobody can tell, but how far the two are apart. */
static enum status write_clock_hint(struct check *check, struct explanation *explanation)
{
    enum { DAY_S = 24 * 60 * 60 };
    struct buf hint = buf_in(check->arena);
    int64_t now_s = check->problem.acceptable_from_s + check->rules->skew_s;
    int64_t ahead_s = check->timestamp_s - now_s;
    int64_t millis_off_s = check->timestamp_s / 1000 - now_s;
    if (millis_off_s > -DAY_S && millis_off_s < DAY_S)
        buf_add_str(&hint, "oauth_timestamp is in milliseconds, and must be in seconds");
    else
        buf_addf(
            &hint,
            "the client's clock is %lld s %s ours, or the request was on its way for so long: oauth_timestamp may be "
            "%lld s old and %lld s ahead",
            (long long)(ahead_s < 0 ? -ahead_s : ahead_s), ahead_s < 0 ? "behind" : "ahead of",
            (long long)check->rules->skew_s, (long long)check->rules->lead_s);
    explanation->hints[explanation->hint_count++] = buf_slice(&hint);
    return hint.failed ? STATUS_NO_MEMORY : STATUS_OK;
}

/* What the reader is shown; hints where the signature, the body's hash or the clock did not match. */
static enum status explain_question(struct request *request, struct question *question, struct explanation *explanation)
{
    struct inquiry *inquiry = request->state;
    struct check *check = &question->asked.check;
    explanation->status = check->problem.status;
    explanation->message = check->message;
    explanation->parsed = check->message.params.rows != NULL;
    if (!explanation->parsed)
        return STATUS_OK;
    TRY(explain_show(explanation, check->arena));
    if (check->problem.status == STATUS_TIMESTAMP_REFUSED)
        return write_clock_hint(check, explanation);
    if (check->problem.status != STATUS_SIGNATURE_INVALID && check->problem.status != STATUS_BODY_HASH_MISMATCH)
        return STATUS_OK;
    if (inquiry->hinted++ < ANSWER_HINTED_MAX)
        return write_hints(request, question, explanation);
    explanation->hints[explanation->hint_count++] = too_many;
    return STATUS_OK;
}

/* ---- replies ---- */

enum status answer_write(struct request *request, struct question *question, struct json_writer *w)
{
    struct explanation explanation = {0};
    if (question->call.explain)
        TRY(explain_question(request, question, &explanation));
    verdict_write(&question->asked.check, app_of(request)->config, question->call.explain ? &explanation : NULL, w);
    return w->out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

enum step_result answer_send(struct request *request, enum status written, const struct buf *body)
{
    if (written != STATUS_OK)
        return unavailable_reply(request, written);
    request_reply_json(request, buf_slice(body));
    return STEP_REPLY;
}
