#include "service/ops.h"

#include "base/escape.h"
#include "base/log.h"
#include "base/metrics.h"
#include "service/standard_metrics.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    BEAT_MS = 1000,
    FRESH_MS = 900,         /* a check younger than this is not repeated: each beat checks */
    DOWN_FRESH_MS = 50,     /* where something was down: what comes back is seen soon, as at the start */
    CHECK_TIMEOUT_MS = 500, /* for the stores */
    ANSWER_MS = 25,         /* a request waits so long for news, then says what is known */
    SILENT_MS = 3000,       /* a loop that has not turned for so long serves nobody */
};

static struct ops *ops_of(const struct request *request)
{
    return request->app;
}

/* ---- asking the service's loops ---- */

static void let_requests_go(struct ops *ops)
{
    if (ops->pulses[0].is_out || ops->check.is_out)
        return;
    for (size_t i = 0; i < ops->waiting_count; i++)
        ticket_complete(ops->waiting[i], STATUS_OK, NULL, NULL);
    ops->waiting_count = 0;
}

static struct ops_pulse *pulse_of(struct loop_message *message)
{
    return (struct ops_pulse *)((char *)message - offsetof(struct ops_pulse, message));
}

/* When it begins and when it is over: that of the beginning says why, and for how long. */
static void log_trouble(struct ops *ops)
{
    bool has_trouble = ops->trouble.len > 0;
    if (has_trouble == ops->has_trouble)
        return;
    ops->has_trouble = has_trouble;
    if (has_trouble)
        log_line(LOG_WARN, "not serving", LOG_SLICE("why", buf_slice(&ops->trouble)));
    else
        log_line(LOG_INFO, "serving again");
}

static void on_pulse_back(struct loop_message *message)
{
    struct ops_pulse *pulse = pulse_of(message);
    struct ops *ops = pulse->ops;
    pulse->is_out = false;
    if (pulse != &ops->pulses[0])
        return;
    const struct buf newest = ops->fresh_trouble;
    ops->fresh_trouble = ops->trouble;
    ops->trouble = newest;
    log_trouble(ops);
    let_requests_go(ops);
}

/* On the loop that is asked. */
static void on_pulse(struct loop_message *message)
{
    struct ops_pulse *pulse = pulse_of(message);
    struct ops *ops = pulse->ops;
    const struct service *service = ops->service;
    if (ops->is_over)
        return;
    if (pulse == &ops->pulses[0]) {
        buf_reset(&ops->fresh_trouble);
        if (service->write_trouble)
            service->write_trouble(ops->stores, &ops->fresh_trouble);
        if (service->measure)
            service->measure(ops->stores);
    }
    message->deliver = on_pulse_back;
    loop_post(ops->loop, message);
}

static void send_pulses(struct ops *ops)
{
    for (size_t i = 0; i < ops->pulse_count; i++) {
        struct ops_pulse *pulse = &ops->pulses[i];
        if (pulse->is_out)
            continue;
        pulse->is_out = true;
        pulse->sent_ms = loop_now_ms(ops->loop);
        pulse->message.deliver = on_pulse;
        loop_post(pulse->loop, &pulse->message);
    }
}

static struct ops_check *check_of(struct loop_message *message)
{
    return (struct ops_check *)((char *)message - offsetof(struct ops_check, message));
}

/* It answers, and has nothing to say of a part of it that does not. */
static bool is_whole(const struct ops_answer *answer)
{
    return answer->status == STATUS_OK && !answer->why[0];
}

static void on_check_back(struct loop_message *message)
{
    struct ops_check *check = check_of(message);
    struct ops *ops = check->ops;
    check->is_out = false;
    ops->checked_ms = loop_now_ms(ops->loop);
    ops->is_degraded = false;
    for (size_t i = 0; i < ops->service->ready_check_count; i++) {
        ops->answers[i] = check->answers[i];
        ops->is_degraded = ops->is_degraded || !is_whole(&ops->answers[i]);
        standard_metrics_store_up(i, ops->answers[i].status == STATUS_OK);
    }
    standard_metrics_degraded(ops->is_degraded);
    let_requests_go(ops);
}

static enum step_result ask_stores(struct flow *flow)
{
    struct ops_check *check = flow_subject(flow);
    const struct service *service = check->ops->service;
    struct ticket tickets[READY_CHECKS_MAX];
    if (service->ready_check_count == 0)
        return STEP_NEXT;
    flow_wait_group(flow, service->ready_check_count, CHECK_TIMEOUT_MS, tickets);
    for (size_t i = 0; i < service->ready_check_count; i++)
        service->ready_checks[i].start(check->ops->stores, 0, tickets[i]);
    return STEP_WAIT;
}

static struct ops_answer take_answer(const struct flow *flow, size_t index)
{
    void *why = NULL;
    struct ops_answer answer = {.status = flow_outcome_at(flow, index, &why)};
    struct buf text = buf_fixed(answer.why, sizeof answer.why - 1);
    if (why)
        escape_terminal(&text, slice_cut_utf8(slice_str(why), OPS_WHY_BYTES / 2));
    return answer;
}

static void ask_for_rest(const struct ops *ops, const struct ready_check *check, struct ops_answer *answer)
{
    struct buf rest = buf_fixed(answer->rest, sizeof answer->rest - 1);
    if (answer->status != STATUS_OK && check->write_rest)
        check->write_rest(ops->stores, &rest);
    answer->rest[rest.len] = '\0';
}

static enum step_result keep_results(struct flow *flow)
{
    struct ops_check *check = flow_subject(flow);
    for (size_t i = 0; i < check->ops->service->ready_check_count; i++) {
        check->answers[i] = take_answer(flow, i);
        ask_for_rest(check->ops, &check->ops->service->ready_checks[i], &check->answers[i]);
    }
    return STEP_REPLY;
}

static void on_check_ended(struct flow *flow)
{
    struct ops_check *check = flow_subject(flow);
    check->message.deliver = on_check_back;
    loop_post(check->ops->loop, &check->message);
}

static void on_check(struct loop_message *message)
{
    static const struct step steps[] = {{"ask", ask_stores}, {"keep", keep_results}, {NULL, NULL}};
    struct ops_check *check = check_of(message);
    if (!check->ops->is_over)
        flow_start(&check->flow, check->ops->pulses[0].loop, "ready", steps, check, on_check_ended);
}

static void send_check(struct ops *ops)
{
    int64_t age_ms = loop_now_ms(ops->loop) - ops->checked_ms;
    bool is_fresh = ops->checked_ms && age_ms < (ops->is_degraded ? DOWN_FRESH_MS : FRESH_MS);
    if (is_fresh || ops->check.is_out)
        return;
    ops->check.is_out = true;
    ops->check.message.deliver = on_check;
    loop_post(ops->pulses[0].loop, &ops->check.message);
}

static void on_beat(void *context)
{
    struct ops *ops = context;
    send_pulses(ops);
    send_check(ops);
}

/* A step: what follows has the newest that there is. */
static enum step_result ask_newest(struct flow *flow)
{
    struct ops *ops = ops_of(request_of(flow));
    on_beat(ops);
    if (ops->waiting_count == OPS_CONNECTIONS)
        return STEP_NEXT;
    ops->waiting[ops->waiting_count++] = flow_wait(flow, ANSWER_MS);
    return STEP_WAIT;
}

/* ---- /livez, /startupz: the process is there; no dependency ---- */

static enum step_result reply_text(struct request *request, int http_status, const char *type, struct slice text)
{
    request_reply_start(request, http_status);
    request_reply_header(request, "Cache-Control", SLICE("no-store"));
    request_reply_body(request, type, text);
    request_reply_send(request);
    return STEP_REPLY;
}

static enum step_result say_ok(struct flow *flow)
{
    return reply_text(request_of(flow), 200, "text/plain; charset=utf-8", SLICE("ok\n"));
}

static const struct step live[] = {{"live", say_ok}, {NULL, NULL}};

/* ---- /readyz: somebody is served, loops turn, and nobody asked us to stop ---- */

/* A store that is away takes the service out only if nobody is served without it: else all replicas would leave at
 * once, and take with them what they could answer. */
static bool write_stores(const struct ops *ops, struct buf *text, bool *ret_degraded)
{
    bool ready = true;
    *ret_degraded = false;
    for (size_t i = 0; i < ops->service->ready_check_count; i++) {
        const char *name = ops->service->ready_checks[i].name;
        const struct ops_answer *answer = &ops->answers[i];
        const char *why = answer->why[0] ? answer->why : status_text(answer->status);
        bool up = ops->checked_ms && answer->status == STATUS_OK;
        ready = ready && (up || (ops->checked_ms && answer->rest[0]));
        *ret_degraded = *ret_degraded || !is_whole(answer);
        if (up)
            buf_addf(text, answer->why[0] ? "[+] %s: %s\n" : "[+] %s\n", name, answer->why);
        else if (ops->checked_ms && answer->rest[0])
            buf_addf(text, "[-] %s: %s; degraded: %s\n", name, why, answer->rest);
        else
            buf_addf(text, "[-] %s: %s\n", name, ops->checked_ms ? why : "not asked yet");
    }
    return ready;
}

static bool write_silent_loops(const struct ops *ops, struct buf *text)
{
    bool ready = true;
    for (size_t i = 0; i < ops->pulse_count; i++) {
        int64_t silent_ms = ops->pulses[i].is_out ? loop_now_ms(ops->loop) - ops->pulses[i].sent_ms : 0;
        if (silent_ms < SILENT_MS)
            continue;
        ready = false;
        buf_addf(text, "[-] loop %u: no answer for %u s\n", (unsigned)i, (unsigned)(silent_ms / 1000));
    }
    return ready;
}

static void write_note(const struct ops *ops, struct buf *text)
{
    static const char mark[] = "[+] ";
    if (!ops->service->write_note)
        return;
    size_t begin = text->len;
    buf_add_str(text, mark);
    ops->service->write_note(ops->stores, text);
    if (text->len > begin + strlen(mark))
        buf_add_str(text, "\n");
    else
        text->len = begin;
}

static enum step_result say_ready(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct ops *ops = ops_of(request);
    struct buf text = buf_in(&request->arena);
    bool stopping = atomic_load(&ops->stopping);
    bool degraded = false;
    bool ready = write_stores(ops, &text, &degraded);
    ready = write_silent_loops(ops, &text) && ready && !stopping;
    if (stopping)
        buf_add_str(&text, "[-] stopping\n");
    if (ops->trouble.len) {
        ready = false;
        buf_addf(&text, "[-] %.*s\n", SLICE_ARGS(buf_slice(&ops->trouble)));
    }
    write_note(ops, &text);
    if (!slice_starts_with(request->query, SLICE("verbose")))
        text.len = 0;
    buf_add_str(&text, !ready ? "not ready\n" : degraded ? "ready, degraded\n" : "ready\n");
    return reply_text(request, ready ? 200 : 503, "text/plain; charset=utf-8", buf_slice(&text));
}

static const struct step ready[] = {{"ask", ask_newest}, {"ready", say_ready}, {NULL, NULL}};

/* ---- /metrics ---- */

static enum step_result show_metrics(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct ops *ops = ops_of(request);
    struct buf text = buf_in(&request->arena);
    standard_metrics_in_flight(ops->in_flight(ops->in_flight_context));
    standard_metrics_log();
    metrics_write(&text);
    return reply_text(request, text.failed ? 500 : 200, METRICS_CONTENT_TYPE, buf_slice(&text));
}

static const struct step metrics[] = {{"ask", ask_newest}, {"metrics", show_metrics}, {NULL, NULL}};

const struct route ops_routes[] = {
    {.name = "livez", .path = "/livez", .methods = "GET,HEAD", .steps = live},
    {.name = "startupz", .path = "/startupz", .methods = "GET,HEAD", .steps = live},
    {.name = "readyz", .path = "/readyz", .methods = "GET,HEAD", .steps = ready},
    {.name = "metrics", .path = "/metrics", .methods = "GET,HEAD", .steps = metrics},
};
const size_t ops_route_count = COUNT_OF(ops_routes);

/* ---- the beginning and the end ---- */

enum status ops_open(struct ops *ops, struct loop *loop, struct loop *const *loops, size_t loop_count)
{
    ops->loop = loop;
    ops->check.ops = ops;
    ops->pulses = calloc(loop_count, sizeof *ops->pulses);
    if (!ops->pulses)
        return STATUS_NO_MEMORY;
    ops->pulse_count = loop_count;
    for (size_t i = 0; i < loop_count; i++)
        ops->pulses[i] = (struct ops_pulse){.ops = ops, .loop = loops[i]};
    TRY(loop_timer_init(&ops->beat, loop, on_beat, ops));
    return loop_timer_start_periodic(&ops->beat, BEAT_MS);
}

void ops_close(struct ops *ops)
{
    ops->is_over = true;
    loop_timer_done(&ops->beat);
}

void ops_done(struct ops *ops)
{
    free(ops->pulses);
    buf_done(&ops->trouble);
    buf_done(&ops->fresh_trouble);
}
