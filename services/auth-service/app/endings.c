#include "app/endings.h"

#include "app/service_metrics.h"
#include "changes/feed.h"
#include "ephemeral/ephemeral.h"
#include "loop/flow.h"
#include "loop/loop.h"
#include "provider/provider.h"

#include <stdlib.h>
#include <sys/queue.h>

enum {
    RETRY_MS = 250,
    WAITING_MAX = 10000,
    MARGIN_MS = 60 * 1000, /* clocks of writers differ, and a transaction takes its time */
};

struct ending {
    STAILQ_ENTRY(ending) next;
    enum ephemeral_party party;
    size_t id_len;
    char id[];
};

struct endings {
    struct loop *loop;
    struct ephemeral *ephemeral;
    struct durable_pool *durable;
    int64_t look_back_ms;
    STAILQ_HEAD(, ending) waiting;
    size_t waiting_count;
    bool is_catching_up; /* reads what ended since since_ms, from behind the sequence on */
    bool is_asked_anew;  /* from the start, when the page that is on its way has come */
    int64_t since_ms;
    int64_t sequence;
    int64_t lost_ms; /* wall clock; 0: the feed stands, or never stood */
    bool has_stood;
    struct loop_timer retry;
    struct flow flow;
    bool is_running; /* the flow */
    bool failed;     /* its last step did; the timer runs */
    bool is_closed;
};

static void start_run(struct endings *endings);

/* ---- what is to be done ---- */

static void catch_up(struct endings *endings, int64_t since_ms)
{
    if (!endings->is_catching_up || since_ms < endings->since_ms)
        endings->since_ms = since_ms;
    endings->is_catching_up = true;
    endings->is_asked_anew = true;
    endings->sequence = 0;
}

static int64_t wall_ms(const struct endings *endings)
{
    return clock_wall_ms(loop_clock(endings->loop));
}

/* Without room in the queue the change is read from the table later. */
static void add_ending(struct endings *endings, enum ephemeral_party party, struct slice id)
{
    struct ending *ending = endings->waiting_count < WAITING_MAX ? malloc(sizeof *ending + id.len) : NULL;
    if (!ending) {
        catch_up(endings, wall_ms(endings) - MARGIN_MS);
        return;
    }
    ending->party = party;
    ending->id_len = id.len;
    memcpy(ending->id, id.ptr, id.len);
    STAILQ_INSERT_TAIL(&endings->waiting, ending, next);
    endings->waiting_count++;
}

static void add_change(struct endings *endings, const struct change *change)
{
    if (change->event != CHANGE_ENDED || change->id.len == 0)
        return;
    if (change->kind == CHANGE_CLIENT)
        add_ending(endings, EPHEMERAL_CLIENT, change->id);
    else if (change->kind == CHANGE_USER)
        add_ending(endings, EPHEMERAL_USER, change->id);
}

static void drop_first(struct endings *endings)
{
    struct ending *ending = STAILQ_FIRST(&endings->waiting);
    STAILQ_REMOVE_HEAD(&endings->waiting, next);
    endings->waiting_count--;
    free(ending);
}

/* ---- doing it: one ending at a time, then a page of the table ---- */

static enum step_result begin_ending(struct flow *flow)
{
    struct endings *endings = flow_subject(flow);
    const struct ending *ending = STAILQ_FIRST(&endings->waiting);
    if (endings->is_closed)
        return STEP_REPLY;
    struct ticket ticket = flow_wait(flow, STORE_TIMEOUT_MS);
    endings->is_asked_anew = false;
    if (ending)
        ephemeral_end_start(endings->ephemeral, ending->party, slice_of(ending->id, ending->id_len), ticket);
    else
        durable_changes_ended_start(endings->durable, endings->since_ms, endings->sequence, PAGE_MAX_ROWS, ticket);
    return STEP_WAIT;
}

static void take_ended_page(struct endings *endings, const struct change_page *page)
{
    bool anew = endings->is_asked_anew;
    if (!anew && page->count)
        endings->sequence = page->changes[page->count - 1].sequence;
    endings->is_catching_up = anew || page->count == PAGE_MAX_ROWS;
    for (size_t i = 0; i < page->count; i++)
        add_change(endings, &page->changes[i]);
}

static enum step_result take_outcome(struct flow *flow)
{
    struct endings *endings = flow_subject(flow);
    void *page = NULL;
    enum status status = flow_outcome(flow, &page);
    endings->failed = status != STATUS_OK;
    if (status == STATUS_OK && page)
        take_ended_page(endings, page);
    else if (status == STATUS_OK)
        drop_first(endings);
    return STEP_REPLY;
}

static bool has_work(const struct endings *endings)
{
    return !endings->is_closed && (endings->waiting_count || endings->is_catching_up);
}

static void free_all(struct endings *endings)
{
    while (endings->waiting_count)
        drop_first(endings);
    free(endings);
}

static void on_endings_ended(struct flow *flow)
{
    struct endings *endings = flow_subject(flow);
    endings->is_running = false;
    if (endings->is_closed)
        free_all(endings);
    else if (flow_was_cut(flow))
        return;
    else if (!endings->failed || loop_timer_start(&endings->retry, RETRY_MS) != STATUS_OK)
        start_run(endings);
}

static void start_run(struct endings *endings)
{
    static const struct step steps[] = {{"begin", begin_ending}, {"take", take_outcome}, {NULL, NULL}};
    if (endings->is_running || !has_work(endings))
        return;
    endings->is_running = true;
    endings->failed = false;
    flow_start(&endings->flow, endings->loop, "endings", steps, endings, on_endings_ended);
}

static void on_retry_timer(void *context)
{
    struct endings *endings = context;
    endings->failed = false;
    start_run(endings);
}

/* ---- the feed ---- */

static void on_feed_change(void *context, const struct change *change)
{
    struct endings *endings = context;
    if (change->event == CHANGE_REVOKED && change->kind != CHANGE_RESOURCE_SERVER)
        metric_count(&tokens_revoked, 0);
    add_change(endings, change);
    if (!endings->failed)
        start_run(endings);
}

static void on_feed_standing(void *context)
{
    struct endings *endings = context;
    if (!endings->has_stood && endings->look_back_ms)
        catch_up(endings, wall_ms(endings) - endings->look_back_ms);
    else if (endings->lost_ms)
        catch_up(endings, endings->lost_ms - MARGIN_MS);
    endings->has_stood = true;
    endings->lost_ms = 0;
    if (!endings->failed)
        start_run(endings);
}

static void on_feed_lost(void *context)
{
    struct endings *endings = context;
    if (endings->has_stood && !endings->lost_ms)
        endings->lost_ms = wall_ms(endings);
}

/* ---- lifecycle ---- */

enum status endings_new(const struct endings_options *options, struct endings **ret_endings)
{
    struct endings *endings = calloc(1, sizeof *endings);
    if (!endings)
        return STATUS_NO_MEMORY;
    *endings = (struct endings){.loop = options->loop,
                                .ephemeral = options->ephemeral,
                                .durable = options->durable,
                                .look_back_ms = options->look_back_ms};
    STAILQ_INIT(&endings->waiting);
    if (loop_timer_init(&endings->retry, options->loop, on_retry_timer, endings) != STATUS_OK) {
        free(endings);
        return STATUS_NO_MEMORY;
    }
    const struct change_listener listener = {
        .context = endings, .standing = on_feed_standing, .changed = on_feed_change, .lost = on_feed_lost};
    change_feed_listen(options->feed, &listener);
    *ret_endings = endings;
    return STATUS_OK;
}

void endings_free(struct endings *endings)
{
    if (!endings)
        return;
    loop_timer_done(&endings->retry);
    endings->is_closed = true;
    if (!endings->is_running)
        free_all(endings);
}
