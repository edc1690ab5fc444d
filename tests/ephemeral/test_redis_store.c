/* The contract of the ephemeral store, on Redis; and what only Redis can do to it. */
#include "base/buf.h"
#include "crypto/sealed.h"
#include "ephemeral/ephemeral.h"
#include "ephemeral/redis_view.h"
#include "support/contract_ephemeral.h"
#include "support/redis_server.h"
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static struct redis_server_process server;

static struct ephemeral_store *open_redis(const struct ephemeral_options *options)
{
    redis_server_must(&server, "FLUSHALL", "+OK");
    return ephemeral_bench_open(slice_str(server.url), options);
}

static void move_clock(const struct fake_clock *clock)
{
    redis_server_move_time(&server, clock->wall_ms);
}

static const struct tested_ephemeral redis = {"redis", open_redis, move_clock};

static int setup(void **state)
{
    struct ephemeral_bench *bench = test_malloc(sizeof *bench);
    ephemeral_bench_init(bench, &redis);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    ephemeral_bench_done(*state);
    test_free(*state);
    return 0;
}

static void make_everything(struct ephemeral_bench *bench)
{
    static const struct temp_new temp = {
        .token = SLICE_INIT("CANARY token"),
        .secret = SLICE_INIT("CANARY secret"),
        .client_id = SLICE_INIT("CANARY client"),
        .callback = SLICE_INIT("https://CANARY/callback"),
        .scopes = SLICE_INIT("CANARY:scope"),
    };
    const struct temp_grant grant = {7, 0, SLICE("CANARY user"), SLICE("CANARY:scope"), SLICE("CANARY verifier")};
    const struct session session = {.user = 7, .username = SLICE("CANARY user"), .csrf = SLICE("CANARY csrf")};
    const struct nonce nonce = {temp.client_id, temp.token, bench->clock.wall_ms / 1000, SLICE("CANARY nonce")};
    ephemeral_temp_create_start(bench->view, &temp, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    ephemeral_temp_grant_start(bench->view, &(struct temp_credential){.token = temp.token}, &grant,
                               asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    ephemeral_session_create_start(bench->view, SLICE("CANARY cookie"), &session, 60000, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    ephemeral_blob_put_start(bench->view, SLICE("CANARY id"), SLICE("CANARY blob"), 60000,
                             asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    ephemeral_count_start(bench->view, QUOTA_LOGIN_ACCOUNT, SLICE("CANARY count"), 60000,
                          asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    ephemeral_end_start(bench->view, EPHEMERAL_CLIENT, SLICE("CANARY other"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    ephemeral_nonce_spend_start(bench->view, &nonce, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

static void a_dump_shows_no_secret_and_no_text_of_anybodys(void **state)
{
    redis_server_must(&server, "CONFIG SET rdbcompression no", "+OK");
    make_everything(*state);
    redis_server_must(&server, "SET beside \"a witness\"", "+OK");
    redis_server_must(&server, "SAVE", "+OK");
    assert_true(temp_dir_contains(server.directory, SLICE("a witness")));
    assert_false(temp_dir_contains(server.directory, SLICE("CANARY")));
}

static void a_value_that_was_copied_to_another_key_does_not_open(void **state)
{
    struct ephemeral_bench *bench = *state;
    const struct session session = {.user = 7, .username = SLICE("jane"), .csrf = SLICE("csrf")};
    ephemeral_session_create_start(bench->view, SLICE("mine"), &session, 60000, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    ephemeral_session_create_start(bench->view, SLICE("yours"), &session, 60000, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    redis_server_must(&server,
                      "EVAL \"local k = redis.call('KEYS', 's:*') redis.call('SET', k[1], redis.call('GET', k[2])) "
                      "return #k\" 0",
                      ":2");
    unsigned opened = 0;
    static const struct slice ids[] = {SLICE_INIT("mine"), SLICE_INIT("yours")};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        ephemeral_session_find_start(bench->view, ids[i], asking_ticket(&bench->asking));
        enum status status = asking_wait(&bench->asking, NULL);
        assert_true(status == STATUS_OK || status == STATUS_STORE_CORRUPT);
        opened += status == STATUS_OK;
    }
    assert_int_equal(opened, 1);
}

static void keys_that_are_exchanged_open_what_was_sealed_before(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct keyring *both = NULL;
    struct keyring *other = NULL;
    const char *why = NULL;
    const struct session session = {.user = 7, .username = SLICE("jane"), .csrf = SLICE("csrf")};
    assert_status(keyring_parse(SLICE("n:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4=,"
                                      "k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
                                &both, &why),
                  STATUS_OK);
    assert_status(keyring_parse(SLICE("x:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHgA="), &other, &why), STATUS_OK);
    ephemeral_session_create_start(bench->view, SLICE("id"), &session, 60000, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    ephemeral_set_keys(bench->store, both);
    keyring_free(both);
    ephemeral_session_find_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    ephemeral_set_keys(bench->store, other);
    keyring_free(other);
    /* its key was taken out: whoever had this session logs in once more */
    ephemeral_session_find_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_NOT_FOUND);
}

static void create_temp(struct ephemeral_bench *bench, struct slice token)
{
    const struct temp_new temp = {.token = token,
                                  .secret = SLICE("secret"),
                                  .client_id = SLICE("acme"),
                                  .callback = SLICE("oob"),
                                  .scopes = SLICE("read")};
    ephemeral_temp_create_start(bench->view, &temp, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

static enum status find_temp(struct ephemeral_bench *bench, struct slice token)
{
    ephemeral_temp_find_start(bench->view, token, SLICE(""), asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

/* A client that is on its way to the exchange is told to come back, until the key is. */
static void a_temporary_credential_waits_for_the_key_that_sealed_it(void **state)
{
    static const char *const rings[] = {"n:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4=",
                                        "x:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHgA="};
    struct ephemeral_bench *bench = *state;
    struct keyring *keys[COUNT_OF(rings)] = {NULL};
    const char *why = NULL;
    for (size_t i = 0; i < COUNT_OF(rings); i++)
        assert_status(keyring_parse(slice_str(rings[i]), &keys[i], &why), STATUS_OK);
    ephemeral_set_keys(bench->store, keys[0]);
    create_temp(bench, SLICE("temp"));
    ephemeral_set_keys(bench->store, keys[1]);
    assert_status(find_temp(bench, SLICE("temp")), STATUS_STORE_CORRUPT);
    ephemeral_set_keys(bench->store, keys[0]);
    assert_status(find_temp(bench, SLICE("temp")), STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(rings); i++)
        keyring_free(keys[i]);
}

/* ---- values that Redis should not have ---- */

static void a_key_of_another_type_is_an_error_and_no_verdict(void **state)
{
    struct ephemeral_bench *bench = *state;
    const struct nonce nonce = {SLICE("acme"), SLICE("token"), bench->clock.wall_ms / 1000, SLICE("n")};
    ephemeral_nonce_spend_start(bench->view, &nonce, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    redis_server_must(&server, "EVAL \"local k = redis.call('KEYS', 'n:*') redis.call('SET', k[1], 'x') return #k\" 0",
                      ":1");
    ephemeral_nonce_spend_start(bench->view, &nonce, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_STORE_DOWN);
}

static void a_store_that_is_full_refuses_nonces(void **state)
{
    struct ephemeral_bench *bench = *state;
    const struct nonce nonce = {SLICE("acme"), SLICE("token"), bench->clock.wall_ms / 1000, SLICE("n")};
    ephemeral_ping_start(bench->view, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    redis_server_must(&server, "CONFIG SET maxmemory 1", "+OK");
    ephemeral_nonce_spend_start(bench->view, &nonce, asking_ticket(&bench->asking));
    enum status status = asking_wait(&bench->asking, NULL);
    redis_server_must(&server, "CONFIG SET maxmemory 0", "+OK");
    assert_status(status, STATUS_STORE_DOWN);
    ephemeral_nonce_spend_start(bench->view, &nonce, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

static void a_store_that_is_full_takes_no_decision(void **state)
{
    struct ephemeral_bench *bench = *state;
    const struct temp_grant grant = {7, 0, SLICE("jane"), SLICE("read"), SLICE("verifier")};
    create_temp(bench, SLICE("temp"));
    redis_server_must(&server, "CONFIG SET maxmemory 1", "+OK");
    ephemeral_temp_grant_start(bench->view, &(struct temp_credential){.token = SLICE("temp")}, &grant,
                               asking_ticket(&bench->asking));
    enum status status = asking_wait(&bench->asking, NULL);
    redis_server_must(&server, "CONFIG SET maxmemory 0", "+OK");
    assert_status(status, STATUS_STORE_DOWN);
    ephemeral_temp_try_start(bench->view, &(struct temp_credential){.token = SLICE("temp")}, SLICE("verifier"),
                             asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_PERMISSION_UNKNOWN);
}

static void a_temporary_credential_opens_in_its_own_place_only(void **state)
{
    struct ephemeral_bench *bench = *state;
    create_temp(bench, SLICE("mine"));
    create_temp(bench, SLICE("yours"));
    redis_server_must(&server,
                      "EVAL \"local k = redis.call('KEYS', 't:*') redis.call('SET', k[1], redis.call('GET', k[2])) "
                      "return #k\" 0",
                      ":2");
    enum status mine = find_temp(bench, SLICE("mine"));
    enum status yours = find_temp(bench, SLICE("yours"));
    assert_true((mine == STATUS_OK && yours == STATUS_STORE_CORRUPT) ||
                (mine == STATUS_STORE_CORRUPT && yours == STATUS_OK));
    redis_server_must(
        &server, "EVAL \"for _, k in ipairs(redis.call('KEYS', 't:*')) do redis.call('SET', k, '') end\" 0", "$-1");
    assert_status(find_temp(bench, SLICE("mine")), STATUS_STORE_CORRUPT);
}

/* Whether it is expired is not known then: no rule was asked, and nothing is told of it. Where the time happens to be
 * read meanwhile, it is tried again. */
static void while_the_time_is_not_known_no_temporary_credential_is_judged(void **state)
{
    struct ephemeral_bench *bench = *state;
    const struct temp_grant grant = {7, 0, SLICE("jane"), SLICE("read"), SLICE("right")};
    enum { UNKNOWN_AFTER_MS = 30001, CALLS = 4 };
    create_temp(bench, SLICE("temp"));
    ephemeral_temp_find_start(bench->view, SLICE("temp"), SLICE("acme"), asking_ticket(&bench->asking));
    const struct temp_credential *found = asking_answer(&bench->asking, STATUS_OK);
    char kept[1024];
    struct temp_credential temp = {.token = SLICE("temp"), .client_id = SLICE("acme")};
    assert_true(found->kept.len > 0 && found->kept.len <= sizeof kept);
    memcpy(kept, found->kept.ptr, found->kept.len);
    struct temp_credential read = temp;
    read.kept = slice_of(kept, found->kept.len);
    for (int call = 0; call < CALLS; call++) {
        enum status status = STATUS_OK;
        for (int i = 0; i < 5 && status != STATUS_STORE_DOWN; i++) {
            struct ticket ticket = asking_ticket(&bench->asking);
            fake_clock_advance(&bench->clock, UNKNOWN_AFTER_MS);
            if (call == 0)
                ephemeral_temp_grant_start(bench->view, &temp, &grant, ticket);
            else if (call == 1)
                ephemeral_temp_try_start(bench->view, &read, SLICE("wrong"), ticket);
            else if (call == 2)
                ephemeral_temp_find_start(bench->view, temp.token, temp.client_id, ticket);
            else
                ephemeral_temp_create_start(
                    bench->view, &(struct temp_new){.token = SLICE("new"), .client_id = SLICE("acme")}, ticket);
            status = asking_wait(&bench->asking, NULL);
        }
        assert_status(status, STATUS_STORE_DOWN);
    }
    assert_int_equal(redis_server_number(&server, "EVAL \"return #redis.call('KEYS', 't:*')\" 0"), 1);
}

/* ---- what comes in between a record's being read and written ---- */

struct between {
    struct ephemeral_bench *bench;
    struct asking asking;
    struct ephemeral *view;
    int times; /* that it still happens */
    int happened;
    bool deletes; /* instead of changing it */
    bool ends;
    enum ephemeral_party party;
    struct slice id;
};

static struct between *between;

void __real_redis_turn_send(struct redis_call *call, const struct slice *args, size_t count, redis_done_fn done);
void __wrap_redis_turn_send(struct redis_call *call, const struct slice *args, size_t count, redis_done_fn done);

static void between_init(struct ephemeral_bench *bench, struct between *it)
{
    *it = (struct between){.bench = bench};
    asking_init(&it->asking, &bench->clock.clock);
    assert_status(ephemeral_view_new(bench->store, it->asking.loop, &it->view), STATUS_OK);
    between = it;
}

static void between_done(struct between *it)
{
    between = NULL;
    ephemeral_view_free(it->view);
    asking_done(&it->asking);
}

static void grant_anew(struct ephemeral *view, struct asking *asking, const char *verifier)
{
    const struct temp_grant grant = {7, 0, SLICE("jane"), SLICE("read"), slice_str(verifier)};
    ephemeral_temp_grant_start(view, &(struct temp_credential){.token = SLICE("temp")}, &grant, asking_ticket(asking));
    assert_status(asking_wait(asking, NULL), STATUS_OK);
}

/* Another process changes the record, so that it has to be read again, and its owner is ended. */
static void happen(struct between *it)
{
    char verifier[24];
    char line[256];
    it->times--;
    if (it->deletes) {
        redis_server_tell(&server, "EVAL \"return redis.call('DEL', unpack(redis.call('KEYS', 't:*')))\" 0", line);
        return;
    }
    between = NULL;
    (void)snprintf(verifier, sizeof verifier, "right %d", it->happened++);
    grant_anew(it->view, &it->asking, verifier);
    if (it->ends) {
        ephemeral_end_start(it->view, it->party, it->id, asking_ticket(&it->asking));
        assert_status(asking_wait(&it->asking, NULL), STATUS_OK);
    }
    between = it;
}

void __wrap_redis_turn_send(struct redis_call *call, const struct slice *args, size_t count, redis_done_fn done)
{
    if (between && between->times > 0 && slice_eq(args[0], SLICE("EVAL")))
        happen(between);
    __real_redis_turn_send(call, args, count, done);
}

static enum status try_between(struct between *it, const char *verifier)
{
    const struct temp_credential temp = {.token = SLICE("temp"), .client_id = SLICE("acme"), .user = 7};
    ephemeral_temp_try_start(it->bench->view, &temp, slice_str(verifier), asking_ticket(&it->bench->asking));
    return asking_wait(&it->bench->asking, NULL);
}

static void what_is_read_again_is_judged_by_what_became_of_its_owners_meanwhile(void **state)
{
    struct between it;
    create_temp(*state, SLICE("temp"));
    between_init(*state, &it);
    grant_anew(it.view, &it.asking, "right");
    it.times = 1;
    assert_status(try_between(&it, "right"), STATUS_VERIFIER_INVALID); /* it has another one by now */
    assert_status(try_between(&it, "right 0"), STATUS_OK);
    it.times = 1;
    it.ends = true;
    it.party = EPHEMERAL_USER;
    it.id = SLICE("7");
    assert_status(try_between(&it, "right 1"), STATUS_TOKEN_REJECTED);
    between_done(&it);
}

static void what_is_read_again_is_dead_if_its_client_was_ended_meanwhile(void **state)
{
    struct between it;
    create_temp(*state, SLICE("temp"));
    between_init(*state, &it);
    grant_anew(it.view, &it.asking, "right");
    it.times = 1;
    it.ends = true;
    it.party = EPHEMERAL_CLIENT;
    it.id = SLICE("acme");
    assert_status(try_between(&it, "right 0"), STATUS_TOKEN_REJECTED);
    between_done(&it);
}

/* Its client was ended once, so that it is made in two steps: what is gone before the second was not made. */
static void what_is_gone_before_it_is_corrected_was_not_made(void **state)
{
    struct ephemeral_bench *bench = *state;
    const struct temp_new temp = {.token = SLICE("temp"), .secret = SLICE("secret"), .client_id = SLICE("acme")};
    struct between it;
    between_init(bench, &it);
    ephemeral_end_start(bench->view, EPHEMERAL_CLIENT, SLICE("acme"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    it.times = 1;
    it.deletes = true;
    ephemeral_temp_create_start(bench->view, &temp, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_STORE_DOWN);
    between_done(&it);
    create_temp(bench, SLICE("temp"));
    assert_status(find_temp(bench, SLICE("temp")), STATUS_OK);
}

/* It was sealed for another key, or by somebody else. */
static void what_was_handed_in_and_does_not_open_is_no_verdict(void **state)
{
    struct ephemeral_bench *bench = *state;
    create_temp(bench, SLICE("temp"));
    create_temp(bench, SLICE("other"));
    ephemeral_temp_find_start(bench->view, SLICE("other"), SLICE("acme"), asking_ticket(&bench->asking));
    const struct temp_credential *found = asking_answer(&bench->asking, STATUS_OK);
    char kept[1024];
    size_t len = found->kept.len;
    assert_true(len > 0 && len <= sizeof kept);
    memcpy(kept, found->kept.ptr, len);
    const struct temp_credential read = {
        .token = SLICE("temp"), .client_id = SLICE("acme"), .kept = slice_of(kept, len)};
    ephemeral_temp_try_start(bench->view, &read, SLICE("verifier"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_STORE_CORRUPT);
}

/* It does not go on for ever. */
static void a_record_that_always_changes_is_no_verdict(void **state)
{
    struct between it;
    create_temp(*state, SLICE("temp"));
    between_init(*state, &it);
    grant_anew(it.view, &it.asking, "right");
    it.times = 100;
    assert_status(try_between(&it, "wrong"), STATUS_STORE_DOWN);
    assert_in_range(it.happened, 10, 50);
    it.times = 0;
    assert_status(try_between(&it, "wrong"), STATUS_VERIFIER_INVALID);
    between_done(&it);
}

/* Somebody who tries a verifier, in a thread and a view of their own. */
struct trier {
    pthread_t thread;
    struct asking asking;
    struct ephemeral *view;
    struct slice token;
    struct slice verifier;
    enum status status;
    atomic_bool is_done;
};

static void trier_init(struct ephemeral_bench *bench, struct trier *it, const char *verifier)
{
    *it = (struct trier){.verifier = slice_str(verifier)};
    asking_init(&it->asking, &bench->clock.clock);
    assert_status(ephemeral_view_new(bench->store, it->asking.loop, &it->view), STATUS_OK);
}

static void trier_done(struct trier *it)
{
    ephemeral_view_free(it->view);
    asking_done(&it->asking);
}

static void *try(void *context)
{
    struct trier *it = context;
    ephemeral_temp_try_start(it->view, &(struct temp_credential){.token = it->token}, it->verifier,
                             asking_ticket(&it->asking));
    it->status = asking_wait(&it->asking, NULL);
    atomic_store(&it->is_done, true);
    return NULL;
}

/* Begins, and waits until so many have read what there is and wait to write, or this one has its answer. */
static void begin_to_try(struct trier *it, struct slice token, int64_t waiting)
{
    it->token = token;
    atomic_store(&it->is_done, false);
    assert_int_equal(pthread_create(&it->thread, NULL, try, it), 0);
    for (int i = 0; i < 20000 && !atomic_load(&it->is_done); i++) {
        if (redis_server_number(&server, "EVAL_RO \"return tonumber(string.match(redis.call('INFO', 'clients'), "
                                         "'blocked_clients:(%d+)'))\" 0") >= waiting)
            return;
        (void)usleep(1000);
    }
}

/* The last wrong verifier and the right one: both have read the credential before either writes. */
static void race(struct ephemeral_bench *bench, struct slice token, struct trier *first, struct trier *second)
{
    const struct temp_grant grant = {7, 0, SLICE("jane"), SLICE("read"), SLICE("right")};
    create_temp(bench, token);
    ephemeral_temp_grant_start(bench->view, &(struct temp_credential){.token = token}, &grant,
                               asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    for (int i = 1; i < TEMP_MAX_WRONG; i++) {
        ephemeral_temp_try_start(bench->view, &(struct temp_credential){.token = token}, SLICE("wrong"),
                                 asking_ticket(&bench->asking));
        assert_status(asking_wait(&bench->asking, NULL), STATUS_VERIFIER_INVALID);
    }
    redis_server_must(&server, "CLIENT PAUSE 60000 WRITE", "+OK");
    begin_to_try(first, token, 1);
    begin_to_try(second, token, 2);
    redis_server_must(&server, "CLIENT UNPAUSE", "+OK");
    (void)pthread_join(first->thread, NULL);
    (void)pthread_join(second->thread, NULL);
}

/* Or the guesses that race with it would be one too many. Redis takes the one that waits longer first, or the other: it
 * may do either each time. */
static void a_right_verifier_counts_only_if_no_wrong_one_came_in_between(void **state)
{
    enum { ROUNDS_MAX = 60 };
    struct ephemeral_bench *bench = *state;
    struct trier wrong;
    struct trier right;
    trier_init(bench, &wrong, "wrong");
    trier_init(bench, &right, "right");
    right.status = STATUS_OK;
    for (int round = 0; round < ROUNDS_MAX && right.status == STATUS_OK; round++) {
        char token[24];
        (void)snprintf(token, sizeof token, "temp %d", round);
        race(bench, slice_str(token), round % 2 ? &right : &wrong, round % 2 ? &wrong : &right);
        assert_status(wrong.status, STATUS_VERIFIER_INVALID);
    }
    assert_status(right.status, STATUS_TOKEN_REJECTED);
    trier_done(&right);
    trier_done(&wrong);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_dump_shows_no_secret_and_no_text_of_anybodys),
        TEST(a_value_that_was_copied_to_another_key_does_not_open),
        TEST(keys_that_are_exchanged_open_what_was_sealed_before),
        TEST(a_temporary_credential_waits_for_the_key_that_sealed_it),
        TEST(a_key_of_another_type_is_an_error_and_no_verdict),
        TEST(a_store_that_is_full_refuses_nonces),
        TEST(a_store_that_is_full_takes_no_decision),
        TEST(a_temporary_credential_opens_in_its_own_place_only),
        TEST(while_the_time_is_not_known_no_temporary_credential_is_judged),
        TEST(what_is_read_again_is_judged_by_what_became_of_its_owners_meanwhile),
        TEST(what_is_read_again_is_dead_if_its_client_was_ended_meanwhile),
        TEST(what_is_gone_before_it_is_corrected_was_not_made),
        TEST(what_was_handed_in_and_does_not_open_is_no_verdict),
        TEST(a_record_that_always_changes_is_no_verdict),
        TEST(a_right_verifier_counts_only_if_no_wrong_one_came_in_between),
    };
    redis_server_start(&server, NULL);
    int failed = cmocka_run_group_tests_name("on Redis alone", tests, NULL, NULL);
    failed += contract_ephemeral_run(&redis);
    redis_server_done(&server);
    return failed;
}
