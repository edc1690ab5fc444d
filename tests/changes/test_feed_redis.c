#include "changes/feed_redis.h"

#include "changes/message.h"
#include "loop/loop.h"
#include "redis/slot.h"
#include "support/redis_cluster.h"
#include "support/redis_server.h"
#include "support/test.h"

#include <stdio.h>

enum { SAID_BYTES = 32 * 1024, UNSENT_MAX = 1000, PATIENCE_TURNS = 1000, STEP_MS = 5, FOLLOWED_MS = 5500 };

/* A process with its feed, and what its listener hears. */
struct process {
    struct clock clock;
    struct loop *loop;
    struct loop *other;
    struct change_feed *feed;
    struct buf said; /* "standing; client ended acme; " */
    char memory[SAID_BYTES];
};

struct fixture {
    struct redis_server_process server;
    struct process one;
    struct process two;
};

static void hear_standing(void *context)
{
    buf_add_str(&((struct process *)context)->said, "standing; ");
}

static void hear_lost(void *context)
{
    buf_add_str(&((struct process *)context)->said, "lost; ");
}

static void hear_change(void *context, const struct change *change)
{
    buf_addf(&((struct process *)context)->said, "%s %s %.*s; ", change_kind_name(change->kind),
             change_event_name(change->event), SLICE_ARGS(change->id));
}

static void stop(void *context)
{
    loop_stop(context);
}

static void run_ms(struct process *process, unsigned ms)
{
    struct loop_timer timer;
    assert_status(loop_timer_init(&timer, process->loop, stop, process->loop), STATUS_OK);
    assert_status(loop_timer_start(&timer, ms), STATUS_OK);
    loop_run(process->loop);
    loop_timer_done(&timer);
}

/* Until all of it, and nothing else, was said since the last time. */
static void expect(struct process *process, const char *text)
{
    for (int turn = 0; turn < PATIENCE_TURNS && process->said.len < strlen(text); turn++)
        run_ms(process, STEP_MS);
    assert_slice_equal(buf_slice(&process->said), slice_str(text));
    process->said = buf_fixed(process->memory, sizeof process->memory);
}

static void begin(struct process *process, const char *url)
{
    struct buf why = BUF_INIT;
    process->clock = clock_system(0);
    process->loop = loop_new(&process->clock, NULL);
    process->other = loop_new(&process->clock, NULL);
    process->said = buf_fixed(process->memory, sizeof process->memory);
    struct loop *loops[] = {process->loop, process->other};
    const struct change_feed_options options = {
        .redis_url = slice_str(url), .redis_password = SLICE_ABSENT, .loops = loops, .loop_count = 2};
    const struct change_listener listener = {process, hear_standing, hear_change, NULL, hear_lost};
    assert_status(change_feed_redis_new(&options, &why, &process->feed), STATUS_OK);
    change_feed_listen(process->feed, &listener);
    buf_done(&why);
}

static void end(struct process *process)
{
    change_feed_free(process->feed);
    loop_free(process->other);
    loop_free(process->loop);
}

static int setup(void **state)
{
    struct fixture *it = test_calloc(1, sizeof *it);
    redis_server_start(&it->server, NULL);
    begin(&it->one, it->server.url);
    begin(&it->two, it->server.url);
    expect(&it->one, "standing; ");
    expect(&it->two, "standing; ");
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;
    end(&it->one);
    end(&it->two);
    redis_server_done(&it->server);
    test_free(it);
    return 0;
}

static struct change_page page_of(struct change *change)
{
    return (struct change_page){.changes = change, .count = 1};
}

static void publish(struct process *process, const char *id)
{
    struct change change = {.kind = CHANGE_CLIENT, .event = CHANGE_ENDED, .id = slice_str(id)};
    const struct change_page page = page_of(&change);
    change_feed_publish(process->feed, process->loop, &page);
}

static void a_change_is_told_to_every_process(void **state)
{
    struct fixture *it = *state;
    publish(&it->one, "acme");
    expect(&it->one, "client ended acme; ");
    expect(&it->two, "client ended acme; ");
}

static void every_kind_and_event_arrives_as_it_was(void **state)
{
    struct fixture *it = *state;
    struct change changes[] = {
        {.kind = CHANGE_CLIENT, .event = CHANGE_EDITED, .id = SLICE("a b%\n\xc3\xa9")},
        {.kind = CHANGE_USER, .event = CHANGE_ENDED, .id = SLICE("42")},
        {.kind = CHANGE_TOKEN, .event = CHANGE_REVOKED, .id = SLICE("tok_x")},
        {.kind = CHANGE_RESOURCE_SERVER, .event = CHANGE_REVOKED, .id = SLICE("7")},
    };
    const struct change_page page = {.changes = changes, .count = COUNT_OF(changes)};
    change_feed_publish(it->one.feed, it->one.loop, &page);
    run_ms(&it->one, STEP_MS);
    expect(&it->two, "client edited a b%\n\xc3\xa9; user ended 42; token revoked tok_x; resource-server revoked 7; ");
}

static void a_long_list_takes_several_messages(void **state)
{
    struct fixture *it = *state;
    static struct change changes[5000];
    const struct change_page page = {.changes = changes, .count = COUNT_OF(changes)};
    size_t from = 0;
    size_t messages = 0;
    (void)it;
    for (size_t i = 0; i < COUNT_OF(changes); i++)
        changes[i] = (struct change){.kind = CHANGE_TOKEN, .event = CHANGE_REVOKED, .id = SLICE("tok_0123456789")};
    for (; from < page.count; messages++) {
        struct buf text = BUF_INIT;
        change_message_write(&page, &from, &text);
        assert_false(text.failed);
        assert_in_range(text.len, 1, 20000);
        buf_done(&text);
    }
    assert_in_range(messages, 2, 100);
}

static void other_loops_publish_too(void **state)
{
    struct fixture *it = *state;
    struct change change = {.kind = CHANGE_USER, .event = CHANGE_ENDED, .id = SLICE("7")};
    const struct change_page page = page_of(&change);
    change_feed_publish(it->one.feed, it->one.other, &page);
    expect(&it->one, "user ended 7; ");
    expect(&it->two, "user ended 7; ");
    change_feed_publish(it->one.feed, it->one.other, &page); /* and one that is still on its way at the end */
}

static void a_command_publishes_before_it_ends(void **state)
{
    struct fixture *it = *state;
    struct change change = {.kind = CHANGE_TOKEN, .event = CHANGE_REVOKED, .id = SLICE("tok_x")};
    const struct change_page page = page_of(&change);
    struct buf why = BUF_INIT;
    assert_status(change_feed_publish_blocking(slice_str(it->server.url), SLICE_ABSENT, &page, &why), STATUS_OK);
    expect(&it->one, "token revoked tok_x; ");
    redis_server_kill(&it->server);
    assert_status(change_feed_publish_blocking(slice_str(it->server.url), SLICE_ABSENT, &page, &why),
                  STATUS_STORE_DOWN);
    assert_non_null(strstr(buf_string(&why), "redis.sock"));
    assert_status(change_feed_publish_blocking(SLICE("memory:"), SLICE_ABSENT, &page, &why), STATUS_OK);
    buf_done(&why);
}

/* While the one that publishes goes on, too. */
static void expect_from(struct process *publisher, struct process *listener, const char *said)
{
    for (int turn = 0; turn < PATIENCE_TURNS && listener->said.len == 0; turn++) {
        run_ms(publisher, STEP_MS);
        run_ms(listener, STEP_MS);
    }
    expect(listener, said);
}

static void a_lost_connection_is_told_and_what_could_not_be_published_is_published_later(void **state)
{
    struct fixture *it = *state;
    redis_server_kill(&it->server);
    expect(&it->one, "lost; ");
    expect(&it->two, "lost; ");
    publish(&it->one, "acme");
    redis_server_start_again(&it->server);
    expect(&it->two, "standing; ");
    expect_from(&it->one, &it->two, "client ended acme; ");
}

static void publish_numbers(struct process *process, unsigned count)
{
    char id[16];
    for (unsigned i = 1; i <= count; i++) {
        (void)snprintf(id, sizeof id, "%u", i);
        publish(process, id);
    }
}

/* "client ended 3; client ended 4; " */
static void expect_numbers(struct process *process, unsigned from, unsigned to)
{
    char memory[SAID_BYTES];
    struct buf text = buf_fixed(memory, sizeof memory);
    for (unsigned i = from; i <= to; i++)
        buf_addf(&text, "client ended %u; ", i);
    expect(process, buf_string(&text));
}

static void of_what_cannot_be_published_the_oldest_is_dropped(void **state)
{
    struct fixture *it = *state;
    redis_server_kill(&it->server);
    expect(&it->one, "lost; ");
    expect(&it->two, "lost; ");
    publish_numbers(&it->one, UNSENT_MAX + 2);
    redis_server_start_again(&it->server);
    expect(&it->two, "standing; ");
    while (redis_server_number(&it->server, "PUBLISH countersign:changes \"\"") < 2)
        run_ms(&it->one, STEP_MS);
    run_ms(&it->one, STEP_MS);
    expect_numbers(&it->two, 3, UNSENT_MAX + 2);
}

/* The answers to come are those of what was sent. */
static void what_was_sent_already_is_not_dropped(void **state)
{
    struct fixture *it = *state;
    run_ms(&it->one, STEP_MS);
    publish_numbers(&it->one, UNSENT_MAX + 2);
    expect_numbers(&it->one, 1, UNSENT_MAX + 2);
    expect_numbers(&it->two, 1, UNSENT_MAX + 2);
    publish(&it->one, "acme");
    expect(&it->one, "client ended acme; ");
    expect(&it->two, "client ended acme; ");
}

static void what_was_sent_without_an_answer_is_published_again(void **state)
{
    struct fixture *it = *state;
    run_ms(&it->one, STEP_MS);
    redis_server_pause(&it->server);
    publish(&it->one, "acme");
    run_ms(&it->one, STEP_MS);
    redis_server_kill(&it->server);
    expect(&it->two, "lost; ");
    redis_server_start_again(&it->server);
    expect(&it->two, "standing; ");
    expect_from(&it->one, &it->two, "client ended acme; ");
}

static void a_server_that_stopped_answering_is_noticed_within_a_second(void **state)
{
    struct fixture *it = *state;
    redis_server_pause(&it->server);
    int64_t begin_ms = clock_steady_ms(&it->one.clock);
    expect(&it->one, "lost; ");
    assert_in_range(clock_steady_ms(&it->one.clock) - begin_ms, 0, 1500); /* 900, and what a busy machine takes */
    redis_server_go_on(&it->server);
    expect(&it->one, "standing; ");
}

static void a_message_that_we_do_not_understand_may_have_been_anything(void **state)
{
    struct fixture *it = *state;
    redis_server_must(&it->server, "PUBLISH countersign:changes \"2 everything changed\"", ":2");
    expect(&it->one, "lost; standing; ");
    redis_server_must(&it->server, "PUBLISH countersign:changes \"1 client ended %zz\\n1 client ended acme\"", ":2");
    expect(&it->one, "client ended acme; lost; standing; ");
}

/* ---- a Cluster ---- */

struct cluster_fixture {
    struct redis_cluster_servers cluster;
    struct process one;
    struct process two;
};

/* Both processes listen there: an empty message says to how many it went. */
static void wait_for_both(struct cluster_fixture *it, unsigned slot)
{
    const struct redis_server_process *server = redis_cluster_servers_of(&it->cluster, slot);
    for (int turn = 0; turn < PATIENCE_TURNS; turn++) {
        if (redis_server_number(server, "PUBLISH countersign:changes \"\"") == 2)
            return;
        run_ms(&it->one, STEP_MS);
        run_ms(&it->two, STEP_MS);
    }
    fail_msg("nobody listens at the primary of slot %u", slot);
}

static int setup_cluster(void **state)
{
    struct cluster_fixture *it = test_calloc(1, sizeof *it);
    redis_cluster_servers_start(&it->cluster);
    begin(&it->one, it->cluster.url);
    begin(&it->two, it->cluster.url);
    wait_for_both(it, 0);
    wait_for_both(it, REDIS_SLOTS - 1);
    expect(&it->one, "standing; ");
    expect(&it->two, "standing; ");
    *state = it;
    return 0;
}

static int teardown_cluster(void **state)
{
    struct cluster_fixture *it = *state;
    end(&it->one);
    end(&it->two);
    redis_cluster_servers_done(&it->cluster);
    test_free(it);
    return 0;
}

static void lose_one_of_two_nodes(struct cluster_fixture *it, unsigned first, unsigned second)
{
    struct change change = {.kind = CHANGE_USER, .event = CHANGE_ENDED, .id = SLICE("7")};
    const struct change_page page = page_of(&change);
    struct buf why = BUF_INIT;
    redis_server_kill(redis_cluster_servers_of(&it->cluster, first));
    run_ms(&it->one, STEP_MS); /* they notice */
    run_ms(&it->two, STEP_MS);
    publish(&it->one, "acme");
    expect(&it->one, "client ended acme; ");
    expect(&it->two, "client ended acme; ");
    assert_status(change_feed_publish_blocking(slice_str(it->cluster.url), SLICE_ABSENT, &page, &why), STATUS_OK);
    assert_int_equal(why.len, 0);
    expect(&it->two, "user ended 7; ");
    expect(&it->one, "user ended 7; ");
    redis_server_kill(redis_cluster_servers_of(&it->cluster, second));
    expect(&it->one, "lost; ");
    expect(&it->two, "lost; ");
    assert_status(change_feed_publish_blocking(slice_str(it->cluster.url), SLICE_ABSENT, &page, &why),
                  STATUS_STORE_DOWN);
    assert_true(why.len > 0);
    buf_done(&why);
}

static void nothing_is_missed_where_one_of_a_clusters_two_nodes_of_messages_is_lost(void **state)
{
    lose_one_of_two_nodes(*state, 0, REDIS_SLOTS - 1);
}

static void whichever_of_the_two_it_is(void **state)
{
    lose_one_of_two_nodes(*state, REDIS_SLOTS - 1, 0);
}

/* Its slots are the second server's from now on. As after `redis-cli --cluster del-node` it goes on, alone, and keeps
 * its connections. */
static void leave_cluster(struct redis_cluster_servers *cluster, unsigned leaving)
{
    static const char *const slots[CLUSTER_SERVERS] = {[0] = "0 5460", [2] = "10922 16383"};
    char id[256];
    char command[320];
    redis_server_tell(&cluster->servers[leaving], "EVAL \"return redis.status_reply(redis.call('CLUSTER','MYID'))\" 0",
                      id);
    redis_server_must(&cluster->servers[leaving], "CLUSTER RESET", "+OK");
    (void)snprintf(command, sizeof command, "CLUSTER FORGET %s", id + 1);
    for (unsigned i = 0; i < CLUSTER_SERVERS; i++)
        if (i != leaving)
            redis_server_must(&cluster->servers[i], command, "+OK");
    (void)snprintf(command, sizeof command, "CLUSTER ADDSLOTSRANGE %s", slots[leaving]);
    redis_server_must(&cluster->servers[1], command, "+OK");
}

static void leave_one_of_two_nodes_and_lose_the_other(struct cluster_fixture *it, unsigned leaving, unsigned lost)
{
    leave_cluster(&it->cluster, leaving);
    wait_for_both(it, REDIS_SLOTS / 2);
    redis_server_kill(&it->cluster.servers[lost]);
    run_ms(&it->one, STEP_MS);
    run_ms(&it->two, STEP_MS);
    publish(&it->one, "acme");
    expect(&it->one, "client ended acme; ");
    expect(&it->two, "client ended acme; ");
}

static void a_node_that_left_the_cluster_is_left_and_the_other_may_be_lost_then(void **state)
{
    leave_one_of_two_nodes_and_lose_the_other(*state, 0, 2);
}

static void whichever_of_the_two_has_left(void **state)
{
    leave_one_of_two_nodes_and_lose_the_other(*state, 2, 0);
}

/* The URL names two. */
static void where_no_node_of_the_url_answers_nobody_leaves_what_is_there(void **state)
{
    struct cluster_fixture *it = *state;
    redis_server_kill(&it->cluster.servers[0]);
    redis_server_kill(&it->cluster.servers[1]);
    run_ms(&it->one, FOLLOWED_MS);
    publish(&it->one, "acme");
    expect(&it->one, "client ended acme; ");
}

#define TEST(test)         cmocka_unit_test_setup_teardown(test, setup, teardown)
#define CLUSTER_TEST(test) cmocka_unit_test_setup_teardown(test, setup_cluster, teardown_cluster)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_is_told_to_every_process),
        TEST(every_kind_and_event_arrives_as_it_was),
        TEST(a_long_list_takes_several_messages),
        TEST(other_loops_publish_too),
        TEST(a_command_publishes_before_it_ends),
        TEST(a_lost_connection_is_told_and_what_could_not_be_published_is_published_later),
        TEST(of_what_cannot_be_published_the_oldest_is_dropped),
        TEST(what_was_sent_already_is_not_dropped),
        TEST(what_was_sent_without_an_answer_is_published_again),
        TEST(a_server_that_stopped_answering_is_noticed_within_a_second),
        TEST(a_message_that_we_do_not_understand_may_have_been_anything),
        CLUSTER_TEST(nothing_is_missed_where_one_of_a_clusters_two_nodes_of_messages_is_lost),
        CLUSTER_TEST(whichever_of_the_two_it_is),
        CLUSTER_TEST(a_node_that_left_the_cluster_is_left_and_the_other_may_be_lost_then),
        CLUSTER_TEST(whichever_of_the_two_has_left),
        CLUSTER_TEST(where_no_node_of_the_url_answers_nobody_leaves_what_is_there),
    };
    return cmocka_run_group_tests_name("change_feed_redis", tests, NULL, NULL);
}
