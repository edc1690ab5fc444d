#include "ephemeral/nonce_waits.h"

#include "support/test.h"
#include "support/watch.h"

#include <stdio.h>
#include <string.h>

enum { WAITING_MAX = 10000 };

/* A loop's tickets, as a test sees them (tests/CMakeLists.txt): by their slot. */
static bool is_dead[WAITING_MAX + 2];
static unsigned completed[WAITING_MAX + 2];
static enum status last_status;

void __wrap_ticket_complete(struct ticket ticket, enum status status, void *result, void (*free_result)(void *result));
bool __wrap_ticket_is_live(struct ticket ticket);

void __wrap_ticket_complete(struct ticket ticket, enum status status, void *result, void (*free_result)(void *result))
{
    assert_true(!result && !free_result);
    completed[ticket.slot]++;
    last_status = status;
}

bool __wrap_ticket_is_live(struct ticket ticket)
{
    return !is_dead[ticket.slot];
}

/* ---- what is tried again ---- */

struct tried {
    struct nonce_waits *adds_to; /* NULL: nobody */
    uint32_t slots[8];
    size_t count;
    int64_t second;
    char text[64];
};

static void retry(void *context, const struct nonce *nonce, struct ticket ticket)
{
    struct tried *tried = context;
    if (tried->count < COUNT_OF(tried->slots))
        tried->slots[tried->count] = ticket.slot;
    tried->count++;
    tried->second = nonce->timestamp_s;
    (void)snprintf(tried->text, sizeof tried->text, "%.*s|%.*s|%.*s", SLICE_ARGS(nonce->client_id),
                   SLICE_ARGS(nonce->token), SLICE_ARGS(nonce->nonce));
    if (tried->adds_to)
        nonce_waits_add(tried->adds_to, nonce, ticket);
}

static void add(struct nonce_waits *waits, uint32_t slot)
{
    char client[] = "acme";
    char token[] = "token";
    char text[] = "one";
    const struct nonce nonce = {slice_str(client), slice_str(token), 1790000000 + slot, slice_str(text)};
    nonce_waits_add(waits, &nonce, (struct ticket){.slot = slot});
    client[0] = token[0] = text[0] = '?'; /* the caller's own goes */
}

static int setup(void **state)
{
    (void)state;
    memset(is_dead, 0, sizeof is_dead);
    memset(completed, 0, sizeof completed);
    return 0;
}

static void what_waits_is_tried_again_in_its_order(void **state)
{
    struct nonce_waits waits = {0};
    struct tried tried = {0};
    (void)state;
    for (uint32_t slot = 1; slot <= 3; slot++)
        add(&waits, slot);
    assert_int_equal(waits.count, 3);
    nonce_waits_retry(&waits, retry, &tried);
    assert_int_equal(tried.count, 3);
    for (uint32_t slot = 1; slot <= 3; slot++) {
        assert_int_equal(tried.slots[slot - 1], slot);
        assert_int_equal(completed[slot], 0);
    }
    assert_int_equal(tried.second, 1790000003);
    assert_string_equal(tried.text, "acme|token|one");
    assert_int_equal(waits.count, 0);
    nonce_waits_retry(&waits, retry, &tried);
    assert_int_equal(tried.count, 3);
}

static void a_request_without_a_token_waits_like_others(void **state)
{
    struct nonce_waits waits = {0};
    struct tried tried = {0};
    const struct nonce nonce = {SLICE("acme"), SLICE_ABSENT, 1790000000, SLICE("one")};
    (void)state;
    nonce_waits_add(&waits, &nonce, (struct ticket){.slot = 1});
    nonce_waits_retry(&waits, retry, &tried);
    assert_string_equal(tried.text, "acme||one");
}

/* Each is tried once, or this would never end. */
static void what_still_has_to_wait_is_kept_for_the_next_time(void **state)
{
    struct nonce_waits waits = {0};
    struct tried tried = {.adds_to = &waits};
    (void)state;
    add(&waits, 1);
    add(&waits, 2);
    nonce_waits_retry(&waits, retry, &tried);
    assert_int_equal(tried.count, 2);
    assert_int_equal(waits.count, 2);
    tried.adds_to = NULL;
    nonce_waits_retry(&waits, retry, &tried);
    assert_int_equal(tried.count, 4);
    assert_int_equal(tried.slots[2], 1);
    assert_int_equal(tried.slots[3], 2);
}

static void what_nobody_waits_for_any_more_is_not_tried(void **state)
{
    struct nonce_waits waits = {0};
    struct tried tried = {0};
    (void)state;
    for (uint32_t slot = 1; slot <= 3; slot++)
        add(&waits, slot);
    is_dead[2] = true;
    nonce_waits_retry(&waits, retry, &tried);
    assert_int_equal(tried.count, 2);
    assert_int_equal(tried.slots[1], 3);
}

static void at_the_end_all_are_refused(void **state)
{
    struct nonce_waits waits = {0};
    (void)state;
    add(&waits, 1);
    add(&waits, 2);
    last_status = STATUS_OK;
    nonce_waits_done(&waits);
    assert_status(last_status, STATUS_STORE_DOWN);
    assert_true(completed[1] == 1 && completed[2] == 1);
    assert_int_equal(waits.count, 0);
    nonce_waits_done(&waits);
    assert_true(completed[1] == 1 && completed[2] == 1);
}

static void no_more_wait_than_there_is_room_for(void **state)
{
    struct nonce_waits waits = {0};
    (void)state;
    for (uint32_t slot = 0; slot < WAITING_MAX; slot++)
        add(&waits, slot);
    assert_int_equal(waits.count, WAITING_MAX);
    assert_int_equal(completed[WAITING_MAX - 1], 0);
    add(&waits, WAITING_MAX);
    assert_int_equal(completed[WAITING_MAX], 1);
    assert_status(last_status, STATUS_STORE_DOWN);
    assert_int_equal(waits.count, WAITING_MAX);
    nonce_waits_done(&waits);
}

/* Whom a request was from, and what made it unique. */
static void what_waited_is_wiped(void **state)
{
    struct nonce_waits waits = {0};
    struct tried tried = {0};
    (void)state;
    add(&waits, 1);
    watch_begin();
    nonce_waits_retry(&waits, retry, &tried);
    assert_int_equal(watch_wipes(SLICE("acmetokenone")), 1);
    add(&waits, 2);
    watch_begin();
    nonce_waits_done(&waits);
    assert_int_equal(watch_wipes(SLICE("acmetokenone")), 1);
    watch_end();
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_waits_is_tried_again_in_its_order),
        TEST(a_request_without_a_token_waits_like_others),
        TEST(what_still_has_to_wait_is_kept_for_the_next_time),
        TEST(what_nobody_waits_for_any_more_is_not_tried),
        TEST(at_the_end_all_are_refused),
        TEST(what_waited_is_wiped),
        TEST(no_more_wait_than_there_is_room_for),
    };
    return cmocka_run_group_tests_name("nonce_waits", tests, NULL, NULL);
}
