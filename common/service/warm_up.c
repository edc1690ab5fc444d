#include "service/warm_up.h"

enum { ASK_TIMEOUT_MS = 500, PAUSE_MS = 10 };

static enum step_result ask_checks(struct flow *flow)
{
    const struct warm_up *warm_up = flow_subject(flow);
    const struct service *service = warm_up->service;
    struct ticket tickets[READY_CHECKS_MAX];
    if (service->ready_check_count == 0)
        return STEP_NEXT;
    flow_wait_group(flow, service->ready_check_count, ASK_TIMEOUT_MS, tickets);
    for (size_t i = 0; i < service->ready_check_count; i++)
        service->ready_checks[i].start(warm_up->stores, warm_up->loop_index, tickets[i]);
    return STEP_WAIT;
}

static enum step_result judge_checks(struct flow *flow)
{
    struct warm_up *warm_up = flow_subject(flow);
    bool ready = true;
    for (size_t i = 0; i < warm_up->service->ready_check_count; i++)
        ready = ready && flow_outcome_at(flow, i, NULL) == STATUS_OK;
    warm_up->is_over = ready || loop_now_ms(flow_loop(flow)) - warm_up->began_ms >= WARM_UP_MS;
    return STEP_REPLY;
}

static void finish_warm_up(struct warm_up *warm_up)
{
    warm_up->done(warm_up->context, warm_up->loop_index);
}

static void on_round_ended(struct flow *flow)
{
    struct warm_up *warm_up = flow_subject(flow);
    if (flow_was_cut(flow))
        return;
    if (warm_up->is_over || loop_timer_start(&warm_up->again, PAUSE_MS) != STATUS_OK)
        finish_warm_up(warm_up);
}

static void on_round_due(void *context)
{
    static const struct step steps[] = {{"ask", ask_checks}, {"judge", judge_checks}, {NULL, NULL}};
    struct warm_up *warm_up = context;
    struct loop *loop = flow_loop(&warm_up->flow);
    if (!warm_up->began_ms)
        warm_up->began_ms = loop_now_ms(loop);
    flow_start(&warm_up->flow, loop, "warm_up", steps, warm_up, on_round_ended);
}

enum status warm_up_start(struct warm_up *warm_up, struct loop *loop)
{
    warm_up->flow.loop = loop;
    TRY(loop_timer_init(&warm_up->again, loop, on_round_due, warm_up));
    return loop_timer_start(&warm_up->again, 1); /* the first turn may still be connecting */
}

void warm_up_done(struct warm_up *warm_up)
{
    loop_timer_done(&warm_up->again);
}
