#include "changes/feed_poll.h"

#include "loop/flow.h"
#include "loop/loop.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    ANSWER_TIMEOUT_MS = 1000,
    MARK_EVERY_MS = 1000,
    MARKS = CHANGE_POLL_REREAD_MS / MARK_EVERY_MS + 4,
};

/* The highest sequence that had been seen at a certain time. */
struct mark {
    int64_t at_ms;
    int64_t sequence;
};

struct poll_feed {
    struct change_feed feed; /* first */
    struct durable_pool *durable;
    struct loop *loop;
    bool in_order;
    struct loop_timer timer;
    struct flow flow;
    int64_t cursor;  /* the next page begins behind it */
    int64_t highest; /* sequence seen */
    int64_t last_ok_ms;
    bool has_begun; /* the place to read on from is known */
    bool is_standing;
    bool is_silent;
    bool is_polling; /* the flow runs */
    bool poll_again;
    bool is_closed; /* freed, but its flow or its poke is still on its way */
    /* used where sequences come out of order */
    int64_t base; /* no new change can appear at or below it */
    struct mark marks[MARKS];
    size_t mark_count;
    int64_t *told; /* above base, ascending */
    size_t told_count;
    size_t told_max;
    /* from other loops: the table has news */
    struct loop_message poke;
    atomic_bool is_poked; /* the message is in the mailbox */
};

static struct poll_feed *poll_of(struct change_feed *feed)
{
    return (struct poll_feed *)feed;
}

static void free_if_over(struct poll_feed *poll)
{
    if (!poll->is_closed || poll->is_polling || atomic_load(&poll->is_poked))
        return;
    free(poll->told);
    free(poll);
}

/* ---- what was told, where sequences come out of order ---- */

static size_t told_place_of(const struct poll_feed *poll, int64_t sequence)
{
    size_t low = 0;
    size_t high = poll->told_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (poll->told[middle] < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool grow_told(struct poll_feed *poll)
{
    size_t max = poll->told_max ? poll->told_max * 2 : 256;
    int64_t *told = realloc(poll->told, max * sizeof *told);
    if (!told)
        return false;
    poll->told = told;
    poll->told_max = max;
    return true;
}

/* Returns false if the change was told before. A change that cannot be remembered is told again, which is allowed. */
static bool is_news(struct poll_feed *poll, int64_t sequence)
{
    size_t at = told_place_of(poll, sequence);
    if (at < poll->told_count && poll->told[at] == sequence)
        return false;
    if (poll->told_count == poll->told_max && !grow_told(poll))
        return true;
    memmove(&poll->told[at + 1], &poll->told[at], (poll->told_count - at) * sizeof *poll->told);
    poll->told[at] = sequence;
    poll->told_count++;
    return true;
}

static void forget_below(struct poll_feed *poll, int64_t base)
{
    poll->base = base;
    size_t gone = told_place_of(poll, base + 1);
    memmove(poll->told, poll->told + gone, (poll->told_count - gone) * sizeof *poll->told);
    poll->told_count -= gone;
}

/* Sequences that were passed longer ago than a transaction may take are not read again. */
static void move_base(struct poll_feed *poll)
{
    int64_t now_ms = loop_now_ms(poll->loop);
    size_t old = 0;
    if (poll->mark_count == 0 || now_ms - poll->marks[poll->mark_count - 1].at_ms >= MARK_EVERY_MS) {
        if (poll->mark_count == MARKS)
            memmove(poll->marks, poll->marks + 1, --poll->mark_count * sizeof *poll->marks);
        poll->marks[poll->mark_count++] = (struct mark){now_ms, poll->highest};
    }
    while (old < poll->mark_count && now_ms - poll->marks[old].at_ms >= CHANGE_POLL_REREAD_MS)
        old++;
    if (old == 0)
        return;
    if (poll->marks[old - 1].sequence > poll->base)
        forget_below(poll, poll->marks[old - 1].sequence);
    poll->mark_count -= old;
    memmove(poll->marks, poll->marks + old, poll->mark_count * sizeof *poll->marks);
}

/* ---- a poll ---- */

static void start_poll(struct poll_feed *poll);

static enum step_result ask_changes(struct flow *flow)
{
    struct poll_feed *poll = flow_subject(flow);
    struct ticket ticket = flow_wait(flow, ANSWER_TIMEOUT_MS);
    if (poll->has_begun)
        durable_changes_since_start(poll->durable, poll->cursor, PAGE_MAX_ROWS, ticket);
    else
        durable_changes_latest_start(poll->durable, ticket);
    return STEP_WAIT;
}

/* Where sequences are in order, later commits are above the latest sequence. Elsewhere a lower one may still be on its
 * way; the first round passes over what is there already. */
static void begin_at(struct poll_feed *poll, int64_t latest)
{
    poll->has_begun = true;
    poll->highest = latest;
    poll->base = latest > CHANGE_POLL_REREAD_ROWS ? latest - CHANGE_POLL_REREAD_ROWS : 0;
    poll->cursor = poll->in_order ? latest : poll->base;
    poll->poll_again = true;
}

static void tell_change(struct poll_feed *poll, const struct change *change)
{
    bool is_first_round = !poll->is_standing && !poll->is_silent;
    bool news = poll->in_order || is_news(poll, change->sequence);
    if (change->sequence > poll->highest)
        poll->highest = change->sequence;
    poll->cursor = change->sequence;
    if (news && !is_first_round)
        change_feed_changed(&poll->feed, change);
}

static void declare_standing(struct poll_feed *poll)
{
    bool stood = poll->is_standing;
    poll->last_ok_ms = loop_now_ms(poll->loop);
    poll->is_standing = true;
    poll->is_silent = false;
    if (!stood)
        change_feed_standing(&poll->feed);
}

static void end_round(struct poll_feed *poll)
{
    if (!poll->in_order) {
        move_base(poll);
        poll->cursor = poll->base;
    }
    declare_standing(poll);
}

static void take_change_page(struct poll_feed *poll, const struct change_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        tell_change(poll, &page->changes[i]);
    if (page->count == PAGE_MAX_ROWS)
        poll->poll_again = true;
    else
        end_round(poll);
}

static void check_silence(struct poll_feed *poll)
{
    if (!poll->is_standing || loop_now_ms(poll->loop) - poll->last_ok_ms < CHANGE_POLL_SILENT_MS)
        return;
    poll->is_standing = false;
    poll->is_silent = true;
    change_feed_silent(&poll->feed);
}

static enum step_result take_changes(struct flow *flow)
{
    struct poll_feed *poll = flow_subject(flow);
    void *result = NULL;
    enum status status = flow_outcome(flow, &result);
    if (status != STATUS_OK)
        check_silence(poll);
    else if (poll->has_begun)
        take_change_page(poll, result);
    else
        begin_at(poll, *(const int64_t *)result);
    return STEP_REPLY;
}

static void on_poll_ended(struct flow *flow)
{
    struct poll_feed *poll = flow_subject(flow);
    poll->is_polling = false;
    if (poll->poll_again && !flow_was_cut(flow))
        start_poll(poll);
    free_if_over(poll);
}

static void start_poll(struct poll_feed *poll)
{
    static const struct step steps[] = {{"changes", ask_changes}, {"told", take_changes}, {NULL, NULL}};
    poll->poll_again = poll->is_polling;
    if (poll->is_polling)
        return;
    poll->is_polling = true;
    flow_start(&poll->flow, poll->loop, "change_feed", steps, poll, on_poll_ended);
}

static void on_poll_timer(void *context)
{
    struct poll_feed *poll = context;
    check_silence(poll);
    if (!poll->is_polling)
        start_poll(poll);
}

/* ---- the port ---- */

static void on_poke(struct loop_message *message)
{
    struct poll_feed *poll = (struct poll_feed *)(void *)((char *)(void *)message - offsetof(struct poll_feed, poke));
    atomic_store(&poll->is_poked, false);
    if (!poll->is_closed)
        start_poll(poll);
    free_if_over(poll);
}

/* This process does not have to wait for the next poll. */
static void poll_feed_publish(struct change_feed *feed, struct loop *loop, const struct change_page *changes)
{
    struct poll_feed *poll = poll_of(feed);
    (void)loop, (void)changes;
    if (!atomic_exchange(&poll->is_poked, true))
        loop_post(poll->loop, &poll->poke);
}

static void close_feed(struct change_feed *feed)
{
    struct poll_feed *poll = poll_of(feed);
    loop_timer_done(&poll->timer);
    poll->is_closed = true;
    free_if_over(poll);
}

enum status change_feed_poll_new(const struct change_feed_poll_options *options, struct change_feed **ret_feed)
{
    static const struct change_feed_ops ops = {.publish = poll_feed_publish, .free = close_feed};
    struct poll_feed *poll = calloc(1, sizeof *poll);
    if (!poll)
        return STATUS_NO_MEMORY;
    poll->feed.ops = &ops;
    poll->durable = options->durable;
    poll->loop = options->loop;
    poll->in_order = options->in_order;
    poll->poke.deliver = on_poke;
    if (loop_timer_init(&poll->timer, poll->loop, on_poll_timer, poll) != STATUS_OK ||
        loop_timer_start_periodic(&poll->timer, CHANGE_POLL_MS) != STATUS_OK) {
        loop_timer_done(&poll->timer);
        free(poll);
        return STATUS_NO_MEMORY;
    }
    start_poll(poll);
    *ret_feed = &poll->feed;
    return STATUS_OK;
}
