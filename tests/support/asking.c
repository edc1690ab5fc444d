#include "support/asking.h"

#include "support/test.h"

enum { PATIENCE_MS = 20000 };

static enum step_result ask(struct flow *flow)
{
    struct asking *asking = flow_subject(flow);
    asking->question = flow_wait(flow, asking->patience_ms ? asking->patience_ms : PATIENCE_MS);
    loop_stop(asking->loop);
    return STEP_WAIT;
}

static enum step_result hold(struct flow *flow)
{
    struct asking *asking = flow_subject(flow);
    asking->status = flow_outcome(flow, &asking->result);
    asking->is_answered = true;
    asking->hold = flow_wait(flow, PATIENCE_MS);
    loop_stop(asking->loop);
    return STEP_WAIT;
}

static enum step_result end(struct flow *flow)
{
    (void)flow;
    return STEP_REPLY;
}

static void ended(struct flow *flow)
{
    struct asking *asking = flow_subject(flow);
    asking->is_open = false;
    loop_stop(asking->loop);
}

static const struct step steps[] = {
    {"ask", ask},
    {"hold", hold},
    {"end", end},
    {NULL, NULL},
};

void asking_init(struct asking *asking, const struct clock *clock)
{
    *asking = (struct asking){.loop = loop_new(clock, NULL)};
    assert_non_null(asking->loop);
}

static void close_last(struct asking *asking)
{
    if (asking->is_open && !asking->is_answered)
        ticket_complete(asking->question, STATUS_OK, NULL, NULL); /* void if it was completed */
    while (asking->is_open && !asking->is_answered)
        loop_run(asking->loop);
    if (asking->is_open)
        ticket_complete(asking->hold, STATUS_OK, NULL, NULL);
    while (asking->is_open)
        loop_run(asking->loop);
}

void asking_done(struct asking *asking)
{
    close_last(asking);
    loop_free(asking->loop);
}

struct ticket asking_ticket(struct asking *asking)
{
    close_last(asking);
    asking->is_open = true;
    asking->is_answered = false;
    asking->result = NULL;
    flow_start(&asking->flow, asking->loop, "test", steps, asking, ended);
    loop_run(asking->loop);
    return asking->question;
}

enum status asking_wait(struct asking *asking, void **ret_result)
{
    while (!asking->is_answered)
        loop_run(asking->loop);
    if (ret_result)
        *ret_result = asking->result;
    return asking->status;
}

void *asking_check(struct asking *asking, enum status expected, const char *file, int line)
{
    void *result = NULL;
    check_status(asking_wait(asking, &result), expected, file, line);
    return result;
}
