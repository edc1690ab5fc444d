#include "support/contract_ephemeral.h"

#include "crypto/sealed.h"
#include "support/test.h"
#include "support/threads.h"

#include <stdio.h>

#define NOW_MS 1790000000000
#define NOW_S  (NOW_MS / 1000)

enum { RIVALS = 4, NONCES = 400 };

static const struct ephemeral_kind *used_kind;

void ephemeral_bench_init(struct ephemeral_bench *bench, const struct ephemeral_kind *kind)
{
    const char *why = NULL;
    fake_clock_init(&bench->clock, NOW_MS);
    if (kind->move_clock)
        kind->move_clock(&bench->clock);
    assert_status(keyring_parse(SLICE("k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), &bench->keys, &why),
                  STATUS_OK);
    bench->options = (struct ephemeral_options){
        .clock = &bench->clock.clock,
        .skew_ms = BENCH_SKEW_MS,
        .lead_ms = BENCH_LEAD_MS,
        .temp_ttl_ms = BENCH_TEMP_TTL_MS,
        .ledger = &bench->ledger.ledger,
        .ledger_name = SLICE("memory:contract"),
        .keys = bench->keys,
    };
    volatile_ledger_init(&bench->ledger);
    bench->store = kind->open(&bench->options);
    asking_init(&bench->asking, &bench->clock.clock);
    assert_status(ephemeral_view_new(bench->store, bench->asking.loop, &bench->view), STATUS_OK);
}

void ephemeral_bench_done(struct ephemeral_bench *bench)
{
    ephemeral_view_free(bench->view);
    asking_done(&bench->asking);
    ephemeral_store_free(bench->store);
    keyring_free(bench->keys);
}

static int setup(void **state)
{
    struct ephemeral_bench *bench = test_malloc(sizeof *bench);
    ephemeral_bench_init(bench, used_kind);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    ephemeral_bench_done(*state);
    test_free(*state);
    return 0;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void ping(struct ephemeral_bench *bench)
{
    ephemeral_ping_start(bench->view, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

/* A store with a clock of its own notices by being asked. */
static void pass_s(struct ephemeral_bench *bench, int64_t seconds)
{
    fake_clock_advance(&bench->clock, seconds * 1000);
    if (!used_kind->move_clock)
        return;
    used_kind->move_clock(&bench->clock);
    ping(bench);
}

/* ---- the clock ---- */

static void time_goes_on_and_never_back(void **state)
{
    struct ephemeral_bench *bench = *state;
    int64_t first = 0;
    int64_t second = 0;
    int64_t third = 0;
    ping(bench);
    assert_status(ephemeral_now(bench->view, &first), STATUS_OK);
    pass_s(bench, 10);
    assert_status(ephemeral_now(bench->view, &second), STATUS_OK);
    assert_int_equal(second - first, 10000);
    bench->clock.wall_ms -= 1000; /* somebody sets the machine's clock back; by more it would be a loss */
    bench->clock.steady_ms += 500;
    assert_status(ephemeral_now(bench->view, &third), STATUS_OK);
    assert_true(third >= second);
}

/* ---- nonces ---- */

static enum status spend(struct ephemeral_bench *bench, const char *client_id, const char *token, int64_t timestamp_s,
                         const char *text)
{
    struct nonce nonce = {slice_str(client_id), slice_str(token), timestamp_s, slice_str(text)};
    ephemeral_nonce_spend_start(bench->view, &nonce, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static void a_nonce_is_good_once(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(spend(bench, "acme", "token", NOW_S, "n"), STATUS_OK);
    assert_status(spend(bench, "acme", "token", NOW_S, "n"), STATUS_NONCE_USED);
    assert_status(spend(bench, "acme", "token", NOW_S, "n"), STATUS_NONCE_USED);
}

static void a_nonce_is_unique_per_client_token_and_timestamp(void **state)
{
    struct ephemeral_bench *bench = *state;
    static const struct {
        const char *client_id;
        const char *token;
        int64_t timestamp_s;
        const char *text;
    } all_different[] = {
        {"acme", "token", NOW_S, "n"},        {"Acme", "token", NOW_S, "n"},
        {"acme", "Token", NOW_S, "n"},        {"acme", "", NOW_S, "n"},
        {"acme", "token", NOW_S + 1, "n"},    {"acme", "token", NOW_S, "N"},
        {"acme", "token", NOW_S, "n "},       {"acme", "token", NOW_S, ""},
        {"acmet", "oken", NOW_S, "n"},        {"acme", "tokenn", NOW_S, ""},
        {"acm", "etoken", NOW_S, "n"},        {"acme", "token", NOW_S, "1:n"},
        {"acme", "token", NOW_S, "\xc3\xa9"}, {"acme", "token", NOW_S, "e\xcc\x81"},
    };
    for (size_t i = 0; i < COUNT_OF(all_different); i++)
        assert_status(spend(bench, all_different[i].client_id, all_different[i].token, all_different[i].timestamp_s,
                            all_different[i].text),
                      STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(all_different); i++)
        assert_status(spend(bench, all_different[i].client_id, all_different[i].token, all_different[i].timestamp_s,
                            all_different[i].text),
                      STATUS_NONCE_USED);
}

static void long_nonces_are_compared_in_full(void **state)
{
    struct ephemeral_bench *bench = *state;
    static char text[5001];
    memset(text, 'n', 5000);
    assert_status(spend(bench, "acme", "token", NOW_S, text), STATUS_OK);
    assert_status(spend(bench, "acme", "token", NOW_S, text), STATUS_NONCE_USED);
    text[4999] = 'N';
    assert_status(spend(bench, "acme", "token", NOW_S, text), STATUS_OK);
}

/* A replay within the window must find the nonce, from the first moment a timestamp is good to the last. */
static void a_nonce_is_remembered_for_the_whole_window(void **state)
{
    struct ephemeral_bench *bench = *state;
    int64_t ahead_s = NOW_S + BENCH_LEAD_MS / 1000;
    assert_status(spend(bench, "acme", "token", ahead_s, "n"), STATUS_OK);
    for (int64_t second = 0; second < (BENCH_LEAD_MS + BENCH_SKEW_MS) / 1000; second++) {
        pass_s(bench, 1);
        assert_status(spend(bench, "acme", "token", ahead_s, "n"), STATUS_NONCE_USED);
        assert_status(spend(bench, "acme", "token", NOW_S + second, "other"), STATUS_OK); /* makes it sweep */
    }
}

static void an_old_timestamp_is_never_taken_for_a_new_one(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(spend(bench, "acme", "token", NOW_S, "n"), STATUS_OK);
    pass_s(bench, 2 * BENCH_SKEW_MS / 1000 - 1);
    assert_status(spend(bench, "acme", "token", NOW_S, "n"), STATUS_NONCE_USED);
    pass_s(bench, 2); /* forgotten now */
    assert_status(spend(bench, "acme", "token", NOW_S, "n"), STATUS_TIMESTAMP_REFUSED);
}

static void timestamps_that_no_window_holds_are_refused(void **state)
{
    struct ephemeral_bench *bench = *state;
    static const int64_t timestamps[] = {0,  1,        NOW_S - 601, NOW_S + 61, NOW_MS, INT64_MAX, INT64_MAX - 1,
                                         -1, INT64_MIN};
    for (size_t i = 0; i < COUNT_OF(timestamps); i++)
        assert_status(spend(bench, "acme", "token", timestamps[i], "n"), STATUS_TIMESTAMP_REFUSED);
    assert_status(spend(bench, "acme", "token", NOW_S + 60, "n"), STATUS_OK);
    assert_status(spend(bench, "acme", "token", NOW_S - 300, "n"), STATUS_OK);
}

/* ---- nonces, all at once ---- */

/* One of several who ask at once, each on a loop of its own. */
struct rival {
    struct asking asking;
    struct ephemeral *view;
    unsigned good; /* answers of the kind of which there are only so many */
    unsigned refused;
    unsigned odd;
};

static void compete(struct ephemeral_bench *bench, struct rival *rivals, void *(*run)(void *rival))
{
    pthread_t threads[RIVALS];
    for (int i = 0; i < RIVALS; i++) {
        rivals[i] = (struct rival){0};
        asking_init(&rivals[i].asking, &bench->clock.clock);
        assert_status(ephemeral_view_new(bench->store, rivals[i].asking.loop, &rivals[i].view), STATUS_OK);
    }
    threads_start(threads, RIVALS, run, rivals, sizeof *rivals);
    threads_join(threads, RIVALS);
    for (int i = 0; i < RIVALS; i++) {
        ephemeral_view_free(rivals[i].view);
        asking_done(&rivals[i].asking);
    }
}

static void *spend_all(void *context)
{
    struct rival *rival = context;
    for (int i = 0; i < NONCES; i++) {
        char text[16];
        int len = snprintf(text, sizeof text, "%d", i);
        struct nonce nonce = {SLICE("acme"), SLICE("token"), NOW_S + i % 3, slice_of(text, (size_t)len)};
        ephemeral_nonce_spend_start(rival->view, &nonce, asking_ticket(&rival->asking));
        enum status status = asking_wait(&rival->asking, NULL);
        rival->good += status == STATUS_OK ? 1 : 0;
        rival->refused += status == STATUS_NONCE_USED ? 1 : 0;
        rival->odd += status != STATUS_OK && status != STATUS_NONCE_USED ? 1 : 0;
    }
    return NULL;
}

static void of_racing_loops_exactly_one_spends_each_nonce(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct rival rivals[RIVALS];
    unsigned accepted = 0;
    compete(bench, rivals, spend_all);
    for (int i = 0; i < RIVALS; i++) {
        accepted += rivals[i].good;
        assert_int_equal(rivals[i].odd, 0);
    }
    assert_int_equal(accepted, NONCES);
}

/* ---- temporary credentials ---- */

static const struct temp_new new_temp = {
    .token = SLICE_INIT("temp"),
    .secret = SLICE_INIT("temp secret"),
    .client_id = SLICE_INIT("acme"),
    .callback = SLICE_INIT("https://printer.example.com/ready"),
    .scopes = SLICE_INIT("photos:read photos:write"),
    .client_generation = 3,
};

static enum status create(struct ephemeral_bench *bench, const struct temp_new *temp)
{
    ephemeral_temp_create_start(bench->view, temp, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static const struct temp_credential *find(struct ephemeral_bench *bench)
{
    ephemeral_temp_find_start(bench->view, new_temp.token, SLICE(""), asking_ticket(&bench->asking));
    return asking_answer(&bench->asking, STATUS_OK);
}

static enum status grant(struct ephemeral_bench *bench, int64_t user, const char *verifier)
{
    struct temp_grant with = {user, 5, SLICE("jane"), SLICE("photos:read"), slice_str(verifier)};
    ephemeral_temp_grant_start(bench->view, &(struct temp_credential){.token = new_temp.token}, &with,
                               asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static enum status deny(struct ephemeral_bench *bench, int64_t user)
{
    ephemeral_temp_deny_start(bench->view, &(struct temp_credential){.token = new_temp.token}, user,
                              asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static enum status try_verifier(struct ephemeral_bench *bench, const char *verifier)
{
    ephemeral_temp_try_start(bench->view, &(struct temp_credential){.token = new_temp.token}, slice_str(verifier),
                             asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static enum status mark_exchanged(struct ephemeral_bench *bench)
{
    ephemeral_temp_exchanged_start(bench->view, &(struct temp_credential){.token = new_temp.token},
                                   asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static void a_temporary_credential_is_found_as_it_was_made(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(create(bench, &new_temp), STATUS_OK);
    const struct temp_credential *temp = find(bench);
    assert_slice_equal(temp->token, new_temp.token);
    assert_slice_equal(temp->secret, new_temp.secret);
    assert_slice_equal(temp->client_id, new_temp.client_id);
    assert_slice_equal(temp->callback, new_temp.callback);
    assert_slice_equal(temp->scopes, new_temp.scopes);
    assert_int_equal(temp->state, TEMP_PENDING);
    assert_int_equal(temp->created_ms, NOW_MS);
    assert_false(temp->expired);
    assert_int_equal(temp->user, 0);
    assert_int_equal(temp->client_generation, 3);
}

static void a_token_is_made_once_and_compares_byte_for_byte(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct temp_new other = new_temp;
    other.token = SLICE("Temp");
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(create(bench, &new_temp), STATUS_CONFLICT);
    ephemeral_temp_find_start(bench->view, other.token, SLICE(""), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_TOKEN_REJECTED);
    ephemeral_temp_find_start(bench->view, SLICE("temp "), SLICE(""), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_TOKEN_REJECTED);
    assert_status(create(bench, &other), STATUS_OK);
}

static void the_legs_in_order(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(try_verifier(bench, ""), STATUS_PERMISSION_UNKNOWN);
    assert_status(mark_exchanged(bench), STATUS_PERMISSION_UNKNOWN);
    assert_status(grant(bench, 7, "verifier"), STATUS_OK);
    const struct temp_credential *temp = find(bench);
    assert_int_equal(temp->state, TEMP_GRANTED);
    assert_int_equal(temp->user, 7);
    assert_slice_equal(temp->username, SLICE("jane"));
    assert_slice_equal(temp->verifier, SLICE("verifier"));
    assert_slice_equal(temp->scopes, SLICE("photos:read"));
    assert_slice_equal(temp->secret, new_temp.secret);
    assert_int_equal(temp->client_generation, 3);
    assert_int_equal(temp->user_generation, 5);
    assert_status(try_verifier(bench, "verifier"), STATUS_OK);
    assert_status(try_verifier(bench, "verifier"), STATUS_OK); /* a retry after a lost answer */
    assert_status(mark_exchanged(bench), STATUS_OK);
    assert_status(mark_exchanged(bench), STATUS_OK);
    assert_int_equal(find(bench)->state, TEMP_EXCHANGED);
    assert_status(try_verifier(bench, "verifier"), STATUS_TOKEN_USED);
    assert_status(grant(bench, 7, "again"), STATUS_TOKEN_USED);
    assert_status(deny(bench, 7), STATUS_TOKEN_USED);
}

static void the_first_decision_ties_it_to_its_user(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(grant(bench, 7, "first"), STATUS_OK);
    assert_status(grant(bench, 8, "second"), STATUS_FORBIDDEN);
    assert_status(deny(bench, 8), STATUS_FORBIDDEN);
    assert_status(grant(bench, 7, "third"), STATUS_OK);
    assert_status(try_verifier(bench, "first"), STATUS_VERIFIER_INVALID);
    assert_status(try_verifier(bench, "second"), STATUS_VERIFIER_INVALID);
    assert_status(try_verifier(bench, "third"), STATUS_OK);
}

static void a_refusal_is_final(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(grant(bench, 7, "verifier"), STATUS_OK);
    assert_status(deny(bench, 7), STATUS_OK);
    assert_status(deny(bench, 7), STATUS_OK);
    assert_status(deny(bench, 8), STATUS_FORBIDDEN);
    assert_int_equal(find(bench)->state, TEMP_DENIED);
    assert_status(grant(bench, 7, "again"), STATUS_PERMISSION_DENIED);
    assert_status(try_verifier(bench, "verifier"), STATUS_PERMISSION_DENIED);
    assert_status(mark_exchanged(bench), STATUS_PERMISSION_DENIED);
}

static void five_wrong_verifiers_kill_it(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(grant(bench, 7, "right"), STATUS_OK);
    for (unsigned i = 1; i < TEMP_MAX_WRONG; i++) {
        assert_status(try_verifier(bench, "wrong"), STATUS_VERIFIER_INVALID);
        assert_status(try_verifier(bench, "right"), STATUS_OK); /* counts as no try */
        assert_int_equal(find(bench)->wrong, i);
    }
    assert_status(try_verifier(bench, "righ"), STATUS_VERIFIER_INVALID);
    assert_int_equal(find(bench)->state, TEMP_KILLED);
    assert_status(try_verifier(bench, "right"), STATUS_TOKEN_REJECTED);
    assert_status(grant(bench, 7, "another"), STATUS_TOKEN_REJECTED);
    assert_status(deny(bench, 7), STATUS_TOKEN_REJECTED);
}

static void a_new_grant_does_not_give_new_tries(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(create(bench, &new_temp), STATUS_OK);
    for (unsigned i = 0; i < TEMP_MAX_WRONG; i++) {
        assert_status(grant(bench, 7, "right"), STATUS_OK);
        assert_status(try_verifier(bench, "wrong"), STATUS_VERIFIER_INVALID);
    }
    assert_status(try_verifier(bench, "right"), STATUS_TOKEN_REJECTED);
}

static void expired_and_unknown_are_told_apart(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(grant(bench, 7, "verifier"), STATUS_OK);
    pass_s(bench, BENCH_TEMP_TTL_MS / 1000 - 1);
    assert_status(try_verifier(bench, "verifier"), STATUS_OK);
    pass_s(bench, 1);
    const struct temp_credential *temp = find(bench);
    assert_true(temp->expired);
    assert_slice_equal(temp->secret, new_temp.secret);
    assert_status(try_verifier(bench, "verifier"), STATUS_TOKEN_EXPIRED);
    assert_status(grant(bench, 7, "again"), STATUS_TOKEN_EXPIRED);
    assert_status(deny(bench, 7), STATUS_TOKEN_EXPIRED);
    assert_status(mark_exchanged(bench), STATUS_OK); /* its token was committed just in time */
    assert_status(try_verifier(bench, "verifier"), STATUS_TOKEN_USED);
    pass_s(bench, BENCH_TEMP_TTL_MS / 1000);
    ephemeral_temp_find_start(bench->view, new_temp.token, SLICE(""), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_TOKEN_REJECTED);
}

static void no_change_prolongs_its_life(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(create(bench, &new_temp), STATUS_OK);
    for (int i = 0; i < 9; i++) {
        pass_s(bench, BENCH_TEMP_TTL_MS / 10000);
        assert_status(grant(bench, 7, "verifier"), STATUS_OK);
    }
    pass_s(bench, BENCH_TEMP_TTL_MS / 10000);
    assert_status(grant(bench, 7, "verifier"), STATUS_TOKEN_EXPIRED);
}

static void nothing_can_be_changed_that_is_not_there(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(grant(bench, 7, "verifier"), STATUS_TOKEN_REJECTED);
    assert_status(deny(bench, 7), STATUS_TOKEN_REJECTED);
    assert_status(try_verifier(bench, ""), STATUS_TOKEN_REJECTED);
    assert_status(mark_exchanged(bench), STATUS_TOKEN_REJECTED);
    assert_status(create(bench, &new_temp), STATUS_OK); /* and nothing was left behind */
    assert_int_equal(find(bench)->state, TEMP_PENDING);
}

enum { GUESSES = 20 };

static void *guess(void *context)
{
    struct rival *rival = context;
    for (int i = 0; i < GUESSES; i++) {
        ephemeral_temp_try_start(rival->view, &(struct temp_credential){.token = new_temp.token}, SLICE("wrong"),
                                 asking_ticket(&rival->asking));
        enum status status = asking_wait(&rival->asking, NULL);
        rival->good += status == STATUS_VERIFIER_INVALID ? 1 : 0;
        rival->odd += status == STATUS_OK ? 1 : 0;
        rival->refused += status == STATUS_TOKEN_REJECTED ? 1 : 0;
    }
    return NULL;
}

static void racing_guesses_get_five_tries_in_all(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct rival rivals[RIVALS];
    unsigned wrong = 0;
    unsigned refused = 0;
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(grant(bench, 7, "right"), STATUS_OK);
    compete(bench, rivals, guess);
    for (int i = 0; i < RIVALS; i++) {
        wrong += rivals[i].good;
        refused += rivals[i].refused;
        assert_int_equal(rivals[i].odd, 0);
    }
    assert_int_equal(wrong, TEMP_MAX_WRONG);
    assert_int_equal(wrong + refused, RIVALS * GUESSES); /* who lost a race was judged anew */
}

/* ---- sessions ---- */

static enum status log_in(struct ephemeral_bench *bench, const char *id, int64_t user)
{
    struct session session = {.user = user, .username = SLICE("jane"), .csrf = SLICE("csrf secret")};
    ephemeral_session_create_start(bench->view, slice_str(id), &session, 60000, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static enum status look_up(struct ephemeral_bench *bench, const char *id)
{
    ephemeral_session_find_start(bench->view, slice_str(id), asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static void a_session_lasts_for_its_time(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(log_in(bench, "id", 7), STATUS_OK);
    assert_status(log_in(bench, "id", 8), STATUS_CONFLICT);
    ephemeral_session_find_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
    const struct session *session = asking_answer(&bench->asking, STATUS_OK);
    assert_int_equal(session->user, 7);
    assert_slice_equal(session->username, SLICE("jane"));
    assert_slice_equal(session->csrf, SLICE("csrf secret"));
    assert_int_equal(session->created_ms, NOW_MS);
    pass_s(bench, 59);
    assert_status(look_up(bench, "id"), STATUS_OK);
    pass_s(bench, 1);
    assert_status(look_up(bench, "id"), STATUS_NOT_FOUND);
    assert_status(log_in(bench, "id", 8), STATUS_OK);
}

/* By a site, for one temporary credential; the texts are the caller's, and may go. */
static void a_session_keeps_what_a_site_said(void **state)
{
    struct ephemeral_bench *bench = *state;
    char token[] = "temporary";
    char scopes[] = "photos:read";
    struct session session = {.user = 7,
                              .username = SLICE("jane"),
                              .csrf = SLICE("csrf"),
                              .bound_to = slice_str(token),
                              .scopes = slice_str(scopes),
                              .is_granted = true,
                              .user_version = 4711};
    ephemeral_session_create_start(bench->view, SLICE("bound"), &session, 60000, asking_ticket(&bench->asking));
    memset(token, 'x', sizeof token - 1);
    memset(scopes, 'x', sizeof scopes - 1);
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    assert_status(log_in(bench, "free", 7), STATUS_OK);
    ephemeral_session_find_start(bench->view, SLICE("bound"), asking_ticket(&bench->asking));
    const struct session *bound = asking_answer(&bench->asking, STATUS_OK);
    assert_int_equal(bound->user, 7);
    assert_slice_equal(bound->bound_to, SLICE("temporary"));
    assert_slice_equal(bound->scopes, SLICE("photos:read"));
    assert_true(bound->is_granted);
    assert_int_equal(bound->user_version, 4711);
    ephemeral_session_find_start(bench->view, SLICE("free"), asking_ticket(&bench->asking));
    const struct session *unbound = asking_answer(&bench->asking, STATUS_OK);
    assert_int_equal(unbound->bound_to.len, 0);
    assert_false(unbound->is_granted);
    assert_int_equal(unbound->user_version, 0);
}

static void a_session_that_was_deleted_is_gone(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(log_in(bench, "id", 7), STATUS_OK);
    assert_status(look_up(bench, "ID"), STATUS_NOT_FOUND);
    for (int i = 0; i < 2; i++) {
        ephemeral_session_delete_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
        assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    }
    assert_status(look_up(bench, "id"), STATUS_NOT_FOUND);
}

/* ---- blobs ---- */

static enum status put(struct ephemeral_bench *bench, const char *id, struct slice bytes)
{
    ephemeral_blob_put_start(bench->view, slice_str(id), bytes, 60000, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static enum status replace(struct ephemeral_bench *bench, const char *id, struct slice from, struct slice to)
{
    ephemeral_blob_replace_start(bench->view, slice_str(id), from, to, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static void a_blob_is_taken_once(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(put(bench, "id", SLICE("by\0tes")), STATUS_OK);
    assert_status(put(bench, "id", SLICE("others")), STATUS_CONFLICT);
    ephemeral_blob_find_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
    const struct ephemeral_blob *blob = asking_answer(&bench->asking, STATUS_OK);
    assert_slice_equal(blob->bytes, SLICE("by\0tes"));
    ephemeral_blob_take_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
    blob = asking_answer(&bench->asking, STATUS_OK);
    assert_slice_equal(blob->bytes, SLICE("by\0tes"));
    ephemeral_blob_take_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_NOT_FOUND);
    ephemeral_blob_find_start(bench->view, SLICE("id"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_NOT_FOUND);
}

static void a_blob_is_replaced_only_by_who_knows_it_and_keeps_its_time(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(replace(bench, "id", SLICE(""), SLICE("b")), STATUS_NOT_FOUND);
    assert_status(put(bench, "id", SLICE("a")), STATUS_OK);
    pass_s(bench, 30);
    assert_status(replace(bench, "id", SLICE("a"), SLICE("b")), STATUS_OK);
    assert_status(replace(bench, "id", SLICE("a"), SLICE("c")), STATUS_CONFLICT);
    pass_s(bench, 30);
    assert_status(replace(bench, "id", SLICE("b"), SLICE("c")), STATUS_NOT_FOUND);
}

static void *take_all(void *context)
{
    struct rival *rival = context;
    for (int i = 0; i < 50; i++) {
        char id[16];
        int len = snprintf(id, sizeof id, "%d", i);
        ephemeral_blob_take_start(rival->view, slice_of(id, (size_t)len), asking_ticket(&rival->asking));
        rival->good += asking_wait(&rival->asking, NULL) == STATUS_OK ? 1 : 0;
    }
    return NULL;
}

static void of_racing_takers_exactly_one_gets_each_blob(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct rival rivals[RIVALS];
    unsigned taken = 0;
    for (int i = 0; i < 50; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%d", i);
        assert_status(put(bench, id, SLICE("x")), STATUS_OK);
    }
    compete(bench, rivals, take_all);
    for (int i = 0; i < RIVALS; i++)
        taken += rivals[i].good;
    assert_int_equal(taken, 50);
}

/* ---- counters ---- */

static const struct ephemeral_count *count(struct ephemeral_bench *bench, const char *name)
{
    ephemeral_count_start(bench->view, QUOTA_LOGIN_ACCOUNT, slice_str(name), 60000, asking_ticket(&bench->asking));
    return asking_answer(&bench->asking, STATUS_OK);
}

static void a_counter_starts_anew_after_its_window(void **state)
{
    struct ephemeral_bench *bench = *state;
    const struct ephemeral_count *counted = count(bench, "login jane");
    assert_int_equal(counted->count, 1);
    assert_int_equal(counted->reset_s, 60);
    pass_s(bench, 20);
    counted = count(bench, "login jane");
    assert_int_equal(counted->count, 2);
    assert_int_equal(counted->reset_s, 40);
    assert_int_equal(count(bench, "login joe")->count, 1);
    pass_s(bench, 40);
    counted = count(bench, "login jane");
    assert_int_equal(counted->count, 1);
    assert_int_equal(counted->reset_s, 60);
}

static void take_back(struct ephemeral_bench *bench, const char *name)
{
    ephemeral_count_back_start(bench->view, QUOTA_LOGIN_ACCOUNT, slice_str(name), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

static void what_was_counted_can_be_taken_back(void **state)
{
    struct ephemeral_bench *bench = *state;
    take_back(bench, "login jane"); /* never below nothing */
    assert_int_equal(count(bench, "login jane")->count, 1);
    assert_int_equal(count(bench, "login jane")->count, 2);
    pass_s(bench, 20);
    take_back(bench, "login jane");
    const struct ephemeral_count *counted = count(bench, "login jane");
    assert_int_equal(counted->count, 2);
    assert_int_equal(counted->reset_s, 40); /* the window goes on */
    pass_s(bench, 40);
    take_back(bench, "login jane");
    assert_int_equal(count(bench, "login jane")->count, 1);
    take_back(bench, "login jane");
    take_back(bench, "login jane");
    assert_int_equal(count(bench, "login jane")->count, 1);
}

/* ---- the end of a client or user ---- */

static void end(struct ephemeral_bench *bench, enum ephemeral_party party, const char *id)
{
    ephemeral_end_start(bench->view, party, slice_str(id), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

static void the_end_of_a_client_ends_its_temporary_credentials(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(log_in(bench, "id", 7), STATUS_OK);
    end(bench, EPHEMERAL_CLIENT, "Acme");
    assert_int_equal(find(bench)->state, TEMP_PENDING);
    end(bench, EPHEMERAL_CLIENT, "acme");
    assert_status(grant(bench, 7, "verifier"), STATUS_TOKEN_REJECTED);
    assert_status(look_up(bench, "id"), STATUS_OK);
}

static void the_end_of_a_user_ends_sessions_and_what_the_user_decided(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct temp_new undecided = new_temp;
    undecided.token = SLICE("undecided");
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(create(bench, &undecided), STATUS_OK);
    assert_status(grant(bench, 7, "verifier"), STATUS_OK);
    assert_status(log_in(bench, "7 here", 7), STATUS_OK);
    assert_status(log_in(bench, "7 there", 7), STATUS_OK);
    assert_status(log_in(bench, "8", 8), STATUS_OK);
    end(bench, EPHEMERAL_USER, "7");
    assert_status(look_up(bench, "7 here"), STATUS_NOT_FOUND);
    assert_status(look_up(bench, "7 there"), STATUS_NOT_FOUND);
    assert_status(look_up(bench, "8"), STATUS_OK);
    assert_status(try_verifier(bench, "verifier"), STATUS_TOKEN_REJECTED);
    ephemeral_temp_find_start(bench->view, undecided.token, SLICE(""), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

/* ---- a user's sessions ---- */

static void begin_at(struct ephemeral_bench *bench, const char *id, int64_t user, const char *place, int64_t ttl_ms)
{
    struct session session = {
        .user = user, .username = SLICE("jane"), .user_version = 3, .came_from = slice_str(place)};
    ephemeral_session_create_start(bench->view, slice_str(id), &session, ttl_ms, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

static const struct session_list *list_of(struct ephemeral_bench *bench, int64_t user)
{
    ephemeral_session_list_start(bench->view, user, asking_ticket(&bench->asking));
    return asking_answer(&bench->asking, STATUS_OK);
}

static enum status end_one(struct ephemeral_bench *bench, int64_t user, const char *id)
{
    char handle[SESSION_HANDLE_BYTES];
    assert_status(session_handle(slice_str(id), handle), STATUS_OK);
    ephemeral_session_end_start(bench->view, user, slice_of(handle, sizeof handle), asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static void a_user_is_told_of_his_own_live_sessions(void **state)
{
    struct ephemeral_bench *bench = *state;
    char handle[SESSION_HANDLE_BYTES];
    assert_int_equal(list_of(bench, 7)->count, 0);
    begin_at(bench, "short", 7, "the office", 10000);
    pass_s(bench, 1);
    begin_at(bench, "long", 7, "home", 60000);
    begin_at(bench, "other", 8, "elsewhere", 60000);
    const struct session_list *list = list_of(bench, 7);
    assert_int_equal(list->count, 2);
    assert_slice_equal(list->sessions[0].came_from, SLICE("the office")); /* oldest first */
    assert_int_equal(list->sessions[0].created_ms, NOW_MS);
    assert_slice_equal(list->sessions[1].came_from, SLICE("home"));
    assert_int_equal(list->sessions[1].created_ms, NOW_MS + 1000);
    assert_int_equal(list->sessions[1].user_version, 3);
    assert_status(session_handle(SLICE("long"), handle), STATUS_OK);
    assert_memory_equal(list->sessions[1].handle, handle, sizeof handle);
    pass_s(bench, 9); /* the first is over */
    list = list_of(bench, 7);
    assert_int_equal(list->count, 1);
    assert_slice_equal(list->sessions[0].came_from, SLICE("home"));
    ephemeral_session_delete_start(bench->view, SLICE("long"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    assert_int_equal(list_of(bench, 7)->count, 0);
    end(bench, EPHEMERAL_USER, "8");
    assert_int_equal(list_of(bench, 8)->count, 0);
    begin_at(bench, "anew", 8, "", 60000);
    assert_int_equal(list_of(bench, 8)->count, 1);
    ephemeral_session_delete_start(bench->view, SLICE("anew"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    begin_at(bench, "anew", 8, "", 60000);
    assert_int_equal(list_of(bench, 8)->count, 1);
    begin_at(bench, "sevens", 7, "", 60000);
    assert_status(log_in(bench, "sevens", 9), STATUS_CONFLICT);
    assert_int_equal(list_of(bench, 9)->count, 0); /* it is another's */
}

static void a_session_is_ended_by_its_user_alone(void **state)
{
    struct ephemeral_bench *bench = *state;
    static const char *const handles[] = {"", "0123", "zz23456789abcdef0123456789abcdef",
                                          "0123456789abcdef0123456789abcdef", "0123456789ABCDEF0123456789ABCDEF"};
    begin_at(bench, "mine", 7, "", 60000);
    begin_at(bench, "his", 8, "", 60000);
    assert_status(end_one(bench, 7, "his"), STATUS_NOT_FOUND);
    assert_status(look_up(bench, "his"), STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(handles); i++) {
        ephemeral_session_end_start(bench->view, 7, slice_str(handles[i]), asking_ticket(&bench->asking));
        assert_status(asking_wait(&bench->asking, NULL), STATUS_NOT_FOUND);
    }
    assert_status(end_one(bench, 7, "mine"), STATUS_OK);
    assert_status(look_up(bench, "mine"), STATUS_NOT_FOUND);
    assert_status(end_one(bench, 7, "mine"), STATUS_NOT_FOUND);
    assert_int_equal(list_of(bench, 7)->count, 0);
}

static void of_a_users_sessions_the_oldest_ends_where_there_are_too_many(void **state)
{
    struct ephemeral_bench *bench = *state;
    char id[16];
    begin_at(bench, "joes", 8, "", 60000);
    for (int i = 0; i < SESSIONS_OF_A_USER + 2; i++) {
        (void)snprintf(id, sizeof id, "id%d", i);
        begin_at(bench, id, 7, id, 60000);
    }
    const struct session_list *list = list_of(bench, 7);
    assert_int_equal(list->count, SESSIONS_OF_A_USER);
    assert_slice_equal(list->sessions[0].came_from, SLICE("id2"));
    assert_status(look_up(bench, "id0"), STATUS_NOT_FOUND);
    assert_status(look_up(bench, "id1"), STATUS_NOT_FOUND);
    assert_status(look_up(bench, "id2"), STATUS_OK);
    assert_status(look_up(bench, id), STATUS_OK);
    assert_status(look_up(bench, "joes"), STATUS_OK);
}

/* What was made after the end is good: a user who was enabled again logs in, and decides, as before. */
static void what_is_made_after_an_end_is_not_ended(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(log_in(bench, "before", 7), STATUS_OK);
    end(bench, EPHEMERAL_USER, "7");
    end(bench, EPHEMERAL_USER, "7");
    end(bench, EPHEMERAL_CLIENT, "acme");
    pass_s(bench, 1);
    assert_status(log_in(bench, "after", 7), STATUS_OK);
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(grant(bench, 7, "verifier"), STATUS_OK);
    assert_status(try_verifier(bench, "verifier"), STATUS_OK);
    assert_status(look_up(bench, "after"), STATUS_OK);
    assert_status(look_up(bench, "before"), STATUS_NOT_FOUND);
}

static void a_refusal_by_who_was_ended_before_stands(void **state)
{
    struct ephemeral_bench *bench = *state;
    end(bench, EPHEMERAL_USER, "7");
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(deny(bench, 7), STATUS_OK);
    assert_int_equal(find(bench)->state, TEMP_DENIED);
    assert_status(deny(bench, 7), STATUS_OK);
}

static void the_first_of_all_users_can_be_ended_too(void **state)
{
    struct ephemeral_bench *bench = *state;
    end(bench, EPHEMERAL_USER, "1");
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(grant(bench, 1, "verifier"), STATUS_OK);
    assert_status(try_verifier(bench, "verifier"), STATUS_OK);
    end(bench, EPHEMERAL_USER, "1");
    assert_status(try_verifier(bench, "verifier"), STATUS_TOKEN_REJECTED);
}

/* ---- changes that are handed what was read before ---- */

/* What another view has read; it lives on while others change what the store holds. */
struct seen {
    struct asking asking;
    struct ephemeral *view;
    const struct temp_credential *temp;
};

static void see(struct ephemeral_bench *bench, struct seen *seen)
{
    *seen = (struct seen){0};
    asking_init(&seen->asking, &bench->clock.clock);
    assert_status(ephemeral_view_new(bench->store, seen->asking.loop, &seen->view), STATUS_OK);
    ephemeral_temp_find_start(seen->view, new_temp.token, new_temp.client_id, asking_ticket(&seen->asking));
    seen->temp = asking_answer(&seen->asking, STATUS_OK);
}

static void seen_done(struct seen *seen)
{
    ephemeral_view_free(seen->view);
    asking_done(&seen->asking);
}

static enum status try_seen(struct ephemeral_bench *bench, const struct seen *seen, const char *verifier)
{
    ephemeral_temp_try_start(bench->view, seen->temp, slice_str(verifier), asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static enum status mark_seen(struct ephemeral_bench *bench, const struct seen *seen)
{
    ephemeral_temp_exchanged_start(bench->view, seen->temp, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

static void what_was_read_when_nobody_had_decided_does_not_hide_the_decision(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct seen undecided;
    assert_status(create(bench, &new_temp), STATUS_OK);
    see(bench, &undecided);
    assert_status(try_seen(bench, &undecided, "verifier"), STATUS_PERMISSION_UNKNOWN);
    assert_status(mark_seen(bench, &undecided), STATUS_PERMISSION_UNKNOWN);
    assert_status(grant(bench, 7, "verifier"), STATUS_OK);
    assert_status(try_seen(bench, &undecided, "wrong"), STATUS_VERIFIER_INVALID);
    ephemeral_temp_try_start(bench->view, undecided.temp, SLICE("verifier"), asking_ticket(&bench->asking));
    const struct temp_credential *temp = asking_answer(&bench->asking, STATUS_OK);
    assert_int_equal(temp->state, TEMP_GRANTED);
    assert_int_equal(temp->user, 7);
    assert_int_equal(temp->wrong, 1);
    assert_status(mark_seen(bench, &undecided), STATUS_OK);
    assert_int_equal(find(bench)->state, TEMP_EXCHANGED);
    seen_done(&undecided);
}

static void a_verifier_that_was_read_is_not_good_once_another_replaced_it(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct seen granted;
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(grant(bench, 7, "first"), STATUS_OK);
    see(bench, &granted);
    assert_status(try_seen(bench, &granted, "first"), STATUS_OK);
    assert_status(grant(bench, 7, "second"), STATUS_OK);
    assert_status(try_seen(bench, &granted, "first"), STATUS_VERIFIER_INVALID);
    assert_status(try_seen(bench, &granted, "second"), STATUS_OK);
    assert_status(deny(bench, 7), STATUS_OK);
    assert_status(try_seen(bench, &granted, "second"), STATUS_PERMISSION_DENIED);
    assert_status(mark_seen(bench, &granted), STATUS_PERMISSION_DENIED);
    seen_done(&granted);
}

static void guesses_count_also_when_each_has_read_none_of_the_others(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct seen granted;
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(grant(bench, 7, "right"), STATUS_OK);
    see(bench, &granted);
    for (int i = 0; i < TEMP_MAX_WRONG; i++)
        assert_status(try_seen(bench, &granted, "wrong"), STATUS_VERIFIER_INVALID);
    assert_status(try_seen(bench, &granted, "right"), STATUS_TOKEN_REJECTED);
    assert_int_equal(find(bench)->state, TEMP_KILLED);
    seen_done(&granted);
}

static void what_was_read_before_its_exchange_is_not_exchanged_again(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct seen granted;
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(grant(bench, 7, "verifier"), STATUS_OK);
    see(bench, &granted);
    assert_status(mark_seen(bench, &granted), STATUS_OK);
    assert_status(try_seen(bench, &granted, "verifier"), STATUS_TOKEN_USED);
    assert_status(mark_seen(bench, &granted), STATUS_OK);
    assert_int_equal(find(bench)->state, TEMP_EXCHANGED);
    seen_done(&granted);
}

static void what_was_read_before_it_ended_is_dead(void **state)
{
    static const struct {
        enum ephemeral_party party;
        const char *id;
    } ends[] = {{EPHEMERAL_CLIENT, "acme"}, {EPHEMERAL_USER, "7"}};
    struct ephemeral_bench *bench = *state;
    struct seen granted;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        assert_status(create(bench, &new_temp), STATUS_OK);
        assert_status(grant(bench, 7, "verifier"), STATUS_OK);
        see(bench, &granted);
        end(bench, ends[i].party, ends[i].id);
        assert_status(try_seen(bench, &granted, "verifier"), STATUS_TOKEN_REJECTED);
        assert_status(mark_seen(bench, &granted), STATUS_TOKEN_REJECTED);
        assert_status(try_verifier(bench, "verifier"), STATUS_TOKEN_REJECTED);
        seen_done(&granted);
        pass_s(bench, 2 * BENCH_TEMP_TTL_MS / 1000); /* its name is free again */
    }
}

static void what_was_read_in_time_may_be_too_late(void **state)
{
    struct ephemeral_bench *bench = *state;
    struct seen granted;
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(grant(bench, 7, "verifier"), STATUS_OK);
    see(bench, &granted);
    pass_s(bench, BENCH_TEMP_TTL_MS / 1000);
    assert_status(try_seen(bench, &granted, "verifier"), STATUS_TOKEN_EXPIRED);
    pass_s(bench, BENCH_TEMP_TTL_MS / 1000);
    assert_status(try_seen(bench, &granted, "verifier"), STATUS_TOKEN_REJECTED);
    assert_status(mark_seen(bench, &granted), STATUS_TOKEN_REJECTED);
    seen_done(&granted);
}

/* The caller was wrong about whose it is: its own client's end counts, and no other's. */
static void a_temporary_credential_is_found_whosever_it_is_taken_for(void **state)
{
    struct ephemeral_bench *bench = *state;
    end(bench, EPHEMERAL_CLIENT, "other");
    assert_status(create(bench, &new_temp), STATUS_OK);
    ephemeral_temp_find_start(bench->view, new_temp.token, SLICE("other"), asking_ticket(&bench->asking));
    const struct temp_credential *temp = asking_answer(&bench->asking, STATUS_OK);
    assert_slice_equal(temp->client_id, new_temp.client_id);
    end(bench, EPHEMERAL_CLIENT, "acme");
    ephemeral_temp_find_start(bench->view, new_temp.token, SLICE("other"), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_TOKEN_REJECTED);
    ephemeral_temp_find_start(bench->view, new_temp.token, new_temp.client_id, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_TOKEN_REJECTED);
}

static void the_end_of_a_user_takes_a_refusal_along(void **state)
{
    struct ephemeral_bench *bench = *state;
    assert_status(create(bench, &new_temp), STATUS_OK);
    assert_status(deny(bench, 7), STATUS_OK);
    end(bench, EPHEMERAL_USER, "7");
    assert_status(try_verifier(bench, "verifier"), STATUS_TOKEN_REJECTED);
}

/* Names in all kinds of values are apart, and values hold any byte. */
static void kinds_share_no_names_and_values_hold_any_byte(void **state)
{
    struct ephemeral_bench *bench = *state;
    static char long_bytes[20000];
    struct temp_new odd = new_temp;
    odd.callback = SLICE("a:b;c\0d\r\n*1\r\n");
    odd.scopes = SLICE("");
    memset(long_bytes, 0xff, sizeof long_bytes);
    assert_status(create(bench, &odd), STATUS_OK);
    assert_status(put(bench, "temp", slice_of(long_bytes, sizeof long_bytes)), STATUS_OK);
    assert_status(log_in(bench, "temp", 7), STATUS_OK);
    assert_int_equal(count(bench, "temp")->count, 1);
    assert_slice_equal(find(bench)->callback, odd.callback);
    assert_slice_equal(find(bench)->scopes, SLICE(""));
    ephemeral_blob_find_start(bench->view, SLICE("temp"), asking_ticket(&bench->asking));
    const struct ephemeral_blob *blob = asking_answer(&bench->asking, STATUS_OK);
    assert_slice_equal(blob->bytes, slice_of(long_bytes, sizeof long_bytes));
}

static void it_answers_when_it_is_asked_whether_it_is_there(void **state)
{
    struct ephemeral_bench *bench = *state;
    ping(bench);
    assert_int_equal(ephemeral_guard_s(bench->view), 0);
}

int contract_ephemeral_run(const struct ephemeral_kind *kind)
{
    used_kind = kind;
    const struct CMUnitTest tests[] = {
        TEST(time_goes_on_and_never_back),
        TEST(a_nonce_is_good_once),
        TEST(a_nonce_is_unique_per_client_token_and_timestamp),
        TEST(long_nonces_are_compared_in_full),
        TEST(a_nonce_is_remembered_for_the_whole_window),
        TEST(an_old_timestamp_is_never_taken_for_a_new_one),
        TEST(timestamps_that_no_window_holds_are_refused),
        TEST(of_racing_loops_exactly_one_spends_each_nonce),
        TEST(a_temporary_credential_is_found_as_it_was_made),
        TEST(a_token_is_made_once_and_compares_byte_for_byte),
        TEST(the_legs_in_order),
        TEST(what_was_read_when_nobody_had_decided_does_not_hide_the_decision),
        TEST(a_verifier_that_was_read_is_not_good_once_another_replaced_it),
        TEST(guesses_count_also_when_each_has_read_none_of_the_others),
        TEST(what_was_read_before_its_exchange_is_not_exchanged_again),
        TEST(what_was_read_before_it_ended_is_dead),
        TEST(what_was_read_in_time_may_be_too_late),
        TEST(a_temporary_credential_is_found_whosever_it_is_taken_for),
        TEST(the_first_decision_ties_it_to_its_user),
        TEST(a_refusal_is_final),
        TEST(five_wrong_verifiers_kill_it),
        TEST(a_new_grant_does_not_give_new_tries),
        TEST(expired_and_unknown_are_told_apart),
        TEST(no_change_prolongs_its_life),
        TEST(nothing_can_be_changed_that_is_not_there),
        TEST(racing_guesses_get_five_tries_in_all),
        TEST(a_session_lasts_for_its_time),
        TEST(a_session_keeps_what_a_site_said),
        TEST(a_session_that_was_deleted_is_gone),
        TEST(a_user_is_told_of_his_own_live_sessions),
        TEST(a_session_is_ended_by_its_user_alone),
        TEST(of_a_users_sessions_the_oldest_ends_where_there_are_too_many),
        TEST(a_blob_is_taken_once),
        TEST(a_blob_is_replaced_only_by_who_knows_it_and_keeps_its_time),
        TEST(of_racing_takers_exactly_one_gets_each_blob),
        TEST(a_counter_starts_anew_after_its_window),
        TEST(what_was_counted_can_be_taken_back),
        TEST(the_end_of_a_client_ends_its_temporary_credentials),
        TEST(the_end_of_a_user_ends_sessions_and_what_the_user_decided),
        TEST(what_is_made_after_an_end_is_not_ended),
        TEST(a_refusal_by_who_was_ended_before_stands),
        TEST(the_first_of_all_users_can_be_ended_too),
        TEST(the_end_of_a_user_takes_a_refusal_along),
        TEST(kinds_share_no_names_and_values_hold_any_byte),
        TEST(it_answers_when_it_is_asked_whether_it_is_there),
    };
    return cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
}
