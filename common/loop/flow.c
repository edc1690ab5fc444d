#include "loop/flow.h"

#include "base/clock.h"
#include "loop/loop_waits.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <assert.h>
#include <stdlib.h>

struct outcome {
    enum status status;
    void *result;
    void (*free_result)(void *result);
    bool is_in;
};

struct flow_wait {
    struct flow *flow;
    struct flow_wait *older;
    struct event deadline;
    unsigned timeout_ms;
    uint32_t slot;
    size_t count;
    size_t missing;
    struct outcome outcomes[];
};

/* --- the table of live waits --- */

static bool grow_slots(struct loop_waits *waits)
{
    uint32_t count = waits->slot_count ? waits->slot_count * 2 : 64;
    if (count < waits->slot_count)
        return false;
    struct wait_slot *slots = realloc(waits->slots, count * sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = count; i-- > waits->slot_count;) {
        slots[i] = (struct wait_slot){.generation = 1, .next_free = waits->first_free};
        waits->first_free = i + 1;
    }
    waits->slots = slots;
    waits->slot_count = count;
    return true;
}

static bool take_slot(struct loop_waits *waits, struct flow_wait *wait)
{
    if (!waits->first_free && !grow_slots(waits))
        return false;
    wait->slot = waits->first_free - 1;
    struct wait_slot *slot = &waits->slots[wait->slot];
    waits->first_free = slot->next_free;
    slot->wait = wait;
    return true;
}

static void give_slot_back(struct loop_waits *waits, const struct flow_wait *wait)
{
    struct wait_slot *slot = &waits->slots[wait->slot];
    slot->wait = NULL;
    if (++slot->generation == 0) /* 0 is the void ticket's */
        slot->generation = 1;
    slot->next_free = waits->first_free;
    waits->first_free = wait->slot + 1;
}

static struct flow_wait *find_wait(struct ticket ticket)
{
    if (!ticket.loop)
        return NULL;
    assert(loop_is_current(ticket.loop));
    const struct loop_waits *waits = loop_waits(ticket.loop);
    if (ticket.slot >= waits->slot_count || waits->slots[ticket.slot].generation != ticket.generation)
        return NULL;
    return waits->slots[ticket.slot].wait;
}

void loop_waits_done(struct loop_waits *waits)
{
    free(waits->slots);
}

/* --- deadlines --- */

/* The common timeout of this length; NULL where there are too many lengths (then an ordinary one). It ends a wait one
 * call later than an ordinary one does, so that an answer that came while this loop computed is heard first. */
static const struct timeval *common_timeout(struct loop *loop, unsigned timeout_ms, const struct timeval *length)
{
    struct loop_waits *waits = loop_waits(loop);
    for (size_t i = 0; i < waits->timeout_count; i++)
        if (waits->timeouts[i].timeout_ms == timeout_ms)
            return waits->timeouts[i].common;
    if (waits->timeout_count == COMMON_TIMEOUTS_MAX)
        return NULL;
    const struct timeval *common = event_base_init_common_timeout(loop_base(loop), length);
    if (!common)
        return NULL;
    waits->timeouts[waits->timeout_count].timeout_ms = timeout_ms;
    waits->timeouts[waits->timeout_count].common = common;
    waits->timeout_count++;
    return common;
}

static void resume_flow(void *context);

static void end_wait(struct flow_wait *wait)
{
    struct flow *flow = wait->flow;
    event_del(&wait->deadline);
    give_slot_back(loop_waits(flow->loop), wait);
    loop_defer(flow->loop, &flow->resume, resume_flow, flow);
}

static void on_deadline(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    end_wait(context);
}

/* What ends a wait by time. The lengths of pauses are of all sorts, and would leave no place for the common ones. */
enum wait_end { WAIT_TIMES_OUT, WAIT_IS_PAUSE };

static bool start_deadline(struct flow_wait *wait, unsigned timeout_ms, enum wait_end end)
{
    struct loop *loop = wait->flow->loop;
    struct timeval length = {.tv_sec = timeout_ms / 1000, .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};
    const struct timeval *common = end == WAIT_TIMES_OUT ? common_timeout(loop, timeout_ms, &length) : NULL;
    return event_assign(&wait->deadline, loop_base(loop), -1, 0, on_deadline, wait) == 0 &&
           loop_add_timeout(loop, &wait->deadline, common ? common : &length);
}

/* --- waits --- */

static struct flow_wait *new_wait(struct flow *flow, size_t count, unsigned timeout_ms, enum wait_end end)
{
    if (count > UINT32_MAX)
        return NULL;
    struct flow_wait *wait = malloc(sizeof *wait + count * sizeof wait->outcomes[0]);
    if (!wait)
        return NULL;
    wait->flow = flow;
    wait->timeout_ms = timeout_ms;
    wait->count = count;
    wait->missing = count;
    for (size_t i = 0; i < count; i++)
        wait->outcomes[i] = (struct outcome){.status = STATUS_STORE_DOWN};
    if (!take_slot(loop_waits(flow->loop), wait)) {
        free(wait);
        return NULL;
    }
    if (!start_deadline(wait, timeout_ms, end)) {
        give_slot_back(loop_waits(flow->loop), wait);
        free(wait);
        return NULL;
    }
    return wait;
}

static void begin_wait(struct flow *flow, size_t count, unsigned timeout_ms, enum wait_end end,
                       struct ticket *ret_tickets)
{
    assert(count > 0 && !flow->wait_begun);
    flow->wait_begun = true;
    struct flow_wait *wait = new_wait(flow, count, timeout_ms, end);
    flow->failure = wait ? STATUS_OK : STATUS_NO_MEMORY;
    if (!wait) {
        for (size_t i = 0; i < count; i++)
            ret_tickets[i] = (struct ticket){0};
        loop_defer(flow->loop, &flow->resume, resume_flow, flow);
        return;
    }
    wait->older = flow->wait;
    flow->wait = wait;
    uint32_t generation = loop_waits(flow->loop)->slots[wait->slot].generation;
    for (size_t i = 0; i < count; i++)
        ret_tickets[i] = (struct ticket){flow->loop, wait->slot, generation, (uint32_t)i};
}

void flow_wait_group(struct flow *flow, size_t count, unsigned timeout_ms, struct ticket *ret_tickets)
{
    begin_wait(flow, count, timeout_ms, WAIT_TIMES_OUT, ret_tickets);
}

void flow_pause(struct flow *flow, unsigned ms)
{
    struct ticket nobodys;
    begin_wait(flow, 1, ms, WAIT_IS_PAUSE, &nobodys);
}

struct ticket flow_wait(struct flow *flow, unsigned timeout_ms)
{
    struct ticket ticket;
    flow_wait_group(flow, 1, timeout_ms, &ticket);
    return ticket;
}

static struct outcome *find_outcome(struct ticket ticket)
{
    struct flow_wait *wait = find_wait(ticket);
    if (!wait || ticket.index >= wait->count || wait->outcomes[ticket.index].is_in)
        return NULL;
    return &wait->outcomes[ticket.index];
}

void ticket_complete(struct ticket ticket, enum status status, void *result, void (*free_result)(void *result))
{
    struct outcome *outcome = find_outcome(ticket);
    if (!outcome) {
        if (result && free_result)
            free_result(result);
        return;
    }
    *outcome = (struct outcome){status, result, free_result, true};
    struct flow_wait *wait = find_wait(ticket);
    if (--wait->missing == 0)
        end_wait(wait);
}

bool ticket_is_live(struct ticket ticket)
{
    return find_outcome(ticket) != NULL;
}

int64_t ticket_deadline_ns(struct ticket ticket)
{
    const struct flow_wait *wait = ticket_is_live(ticket) ? find_wait(ticket) : NULL;
    return wait ? clock_monotonic_ns() + wait->timeout_ms * INT64_C(1000000) : 0;
}

enum status flow_outcome_at(const struct flow *flow, size_t index, void **ret_result)
{
    if (ret_result)
        *ret_result = NULL;
    if (flow->failure != STATUS_OK)
        return flow->failure;
    assert(flow->wait && index < flow->wait->count);
    if (ret_result)
        *ret_result = flow->wait->outcomes[index].result;
    return flow->wait->outcomes[index].status;
}

enum status flow_outcome(const struct flow *flow, void **ret_result)
{
    return flow_outcome_at(flow, 0, ret_result);
}

static void free_waits(struct flow_wait *wait)
{
    while (wait) {
        struct flow_wait *older = wait->older;
        for (size_t i = 0; i < wait->count; i++)
            if (wait->outcomes[i].result && wait->outcomes[i].free_result)
                wait->outcomes[i].free_result(wait->outcomes[i].result);
        free(wait);
        wait = older;
    }
}

/* --- the runner --- */

enum { ALL_TIMED_MAX = 4, TIMED_ONE_OF = 16 };

/* Reading the clock at each step costs more than most steps do: where many flows are on their way, some are timed. */
static bool is_to_be_timed(struct loop *loop)
{
    struct loop_waits *waits = loop_waits(loop);
    const struct observer *observer = loop_observer(loop);
    if (!observer || !observer->phase)
        return false;
    return waits->flow_count <= ALL_TIMED_MAX || ++waits->untimed_count % TIMED_ONE_OF == 0;
}

static void report_step(struct flow *flow)
{
    if (!flow->is_timed)
        return;
    int64_t now_ns = clock_monotonic_ns();
    observer_phase(loop_observer(flow->loop), flow->handler, flow->step->name, now_ns - flow->step_started_ns);
    flow->step_started_ns = now_ns;
}

void flow_hold(struct flow *flow, struct flow_held *held, void (*release)(struct flow_held *held))
{
    *held = (struct flow_held){flow->held, release};
    flow->held = held;
}

static void release_held(struct flow *flow)
{
    while (flow->held) {
        struct flow_held *held = flow->held;
        flow->held = held->next; /* it may be gone with its release */
        held->release(held);
    }
}

static void finish_flow(struct flow *flow)
{
    release_held(flow);
    /* The end may free the flow, and what it sends may be part of a result. */
    struct flow_wait *waits = flow->wait;
    flow->wait = NULL;
    loop_waits(flow->loop)->flow_count--;
    flow->end(flow);
    free_waits(waits);
}

enum step_result flow_leave_for(struct flow *flow, const struct step *steps)
{
    flow->left_for = steps;
    return flow->wait_begun ? STEP_WAIT : STEP_NEXT;
}

static void advance_step(struct flow *flow)
{
    flow->step = flow->left_for ? flow->left_for : flow->step + 1;
    flow->left_for = NULL;
}

static void resume_flow(void *context)
{
    struct flow *flow = context;
    if (loop_waits(flow->loop)->are_over) {
        flow->was_cut = true;
        finish_flow(flow);
        return;
    }
    if (flow->is_waiting) {
        flow->is_waiting = false;
        report_step(flow);
        if (!flow->runs_again)
            advance_step(flow);
    }
    for (;; advance_step(flow)) {
        assert(flow->step->run); /* the table ended without a reply */
        flow->wait_begun = false;
        enum step_result result = flow->step->run(flow);
        flow->is_waiting = result == STEP_WAIT || result == STEP_AGAIN;
        flow->runs_again = result == STEP_AGAIN;
        assert(flow->wait_begun == flow->is_waiting);
        if (flow->is_waiting)
            return;
        report_step(flow);
        if (result == STEP_REPLY) {
            finish_flow(flow);
            return;
        }
    }
}

void flow_start(struct flow *flow, struct loop *loop, const char *handler, const struct step *steps, void *subject,
                flow_end_fn end)
{
    *flow = (struct flow){.loop = loop, .handler = handler, .step = steps, .subject = subject, .end = end};
    loop_waits(loop)->flow_count++;
    flow->is_timed = is_to_be_timed(loop);
    if (flow->is_timed)
        flow->step_started_ns = clock_monotonic_ns();
    loop_defer(loop, &flow->resume, resume_flow, flow);
}

/* A wait's flow is resumed by a deferred call, as a flow that does not wait is: resume_flow sees that all is over. */
void flow_cut_all(struct loop *loop)
{
    struct loop_waits *waits = loop_waits(loop);
    waits->are_over = true;
    for (uint32_t i = 0; i < waits->slot_count; i++)
        if (waits->slots[i].wait)
            end_wait(waits->slots[i].wait);
}
