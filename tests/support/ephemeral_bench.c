#include "support/ephemeral_bench.h"

#include "crypto/sealed.h"
#include "support/test.h"
#include "support/threads.h"

static const struct tested_ephemeral *used_kind;

void ephemeral_bench_use(const struct tested_ephemeral *kind)
{
    used_kind = kind;
}

struct ephemeral_store *ephemeral_bench_open(struct slice url, const struct ephemeral_options *options)
{
    struct ephemeral_store *store = NULL;
    struct buf why = BUF_INIT;
    if (ephemeral_open_blocking(url, options, &why, &store) != STATUS_OK)
        fail_msg("%s", buf_string(&why));
    buf_done(&why);
    return store;
}

void ephemeral_bench_init(struct ephemeral_bench *bench, const struct tested_ephemeral *kind)
{
    const char *why = NULL;
    fake_clock_init(&bench->clock, BENCH_BEGIN_MS);
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

int ephemeral_bench_setup(void **state)
{
    struct ephemeral_bench *bench = test_malloc(sizeof *bench);
    ephemeral_bench_init(bench, used_kind);
    *state = bench;
    return 0;
}

int ephemeral_bench_teardown(void **state)
{
    ephemeral_bench_done(*state);
    test_free(*state);
    return 0;
}

void ephemeral_bench_ping(struct ephemeral_bench *bench)
{
    ephemeral_ping_start(bench->view, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

void ephemeral_bench_pass_s(struct ephemeral_bench *bench, int64_t seconds)
{
    fake_clock_advance(&bench->clock, seconds * 1000);
    if (!used_kind->move_clock)
        return;
    used_kind->move_clock(&bench->clock);
    ephemeral_bench_ping(bench);
}

void ephemeral_bench_compete(struct ephemeral_bench *bench, struct bench_rival *rivals, void *(*run)(void *rival))
{
    pthread_t threads[BENCH_RIVALS];
    for (int i = 0; i < BENCH_RIVALS; i++) {
        rivals[i] = (struct bench_rival){0};
        asking_init(&rivals[i].asking, &bench->clock.clock);
        assert_status(ephemeral_view_new(bench->store, rivals[i].asking.loop, &rivals[i].view), STATUS_OK);
    }
    threads_start(threads, BENCH_RIVALS, run, rivals, sizeof *rivals);
    threads_join(threads, BENCH_RIVALS);
    for (int i = 0; i < BENCH_RIVALS; i++) {
        ephemeral_view_free(rivals[i].view);
        asking_done(&rivals[i].asking);
    }
}

/* ---- temporary credentials ---- */

const struct temp_new bench_temp = {
    .token = SLICE_INIT("temp"),
    .secret = SLICE_INIT("temp secret"),
    .client_id = SLICE_INIT("acme"),
    .callback = SLICE_INIT("https://printer.example.com/ready"),
    .scopes = SLICE_INIT("photos:read photos:write"),
    .client_generation = 3,
};

enum status ephemeral_bench_create_temp(struct ephemeral_bench *bench, const struct temp_new *temp)
{
    ephemeral_temp_create_start(bench->view, temp, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

const struct temp_credential *ephemeral_bench_find_temp(struct ephemeral_bench *bench)
{
    ephemeral_temp_find_start(bench->view, bench_temp.token, SLICE(""), asking_ticket(&bench->asking));
    return asking_answer(&bench->asking, STATUS_OK);
}

enum status ephemeral_bench_grant(struct ephemeral_bench *bench, int64_t user, const char *verifier)
{
    struct temp_grant with = {user, 5, SLICE("jane"), SLICE("photos:read"), slice_str(verifier)};
    ephemeral_temp_grant_start(bench->view, &(struct temp_credential){.token = bench_temp.token}, &with,
                               asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

enum status ephemeral_bench_deny(struct ephemeral_bench *bench, int64_t user)
{
    ephemeral_temp_deny_start(bench->view, &(struct temp_credential){.token = bench_temp.token}, user,
                              asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

enum status ephemeral_bench_try_verifier(struct ephemeral_bench *bench, const char *verifier)
{
    ephemeral_temp_try_start(bench->view, &(struct temp_credential){.token = bench_temp.token}, slice_str(verifier),
                             asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

enum status ephemeral_bench_mark_exchanged(struct ephemeral_bench *bench)
{
    ephemeral_temp_exchanged_start(bench->view, &(struct temp_credential){.token = bench_temp.token},
                                   asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

/* ---- sessions, blobs, counters ---- */

enum status ephemeral_bench_log_in(struct ephemeral_bench *bench, const char *id, int64_t user)
{
    struct session session = {.user = user, .username = SLICE("jane"), .csrf = SLICE("csrf secret")};
    ephemeral_session_create_start(bench->view, slice_str(id), &session, 60000, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

enum status ephemeral_bench_look_up(struct ephemeral_bench *bench, const char *id)
{
    ephemeral_session_find_start(bench->view, slice_str(id), asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

enum status ephemeral_bench_put_blob(struct ephemeral_bench *bench, const char *id, struct slice bytes)
{
    ephemeral_blob_put_start(bench->view, slice_str(id), bytes, 60000, asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL);
}

const struct ephemeral_count *ephemeral_bench_count(struct ephemeral_bench *bench, const char *name)
{
    ephemeral_count_start(bench->view, QUOTA_LOGIN_ACCOUNT, slice_str(name), 60000, asking_ticket(&bench->asking));
    return asking_answer(&bench->asking, STATUS_OK);
}

/* ---- the end of a client or user ---- */

void ephemeral_bench_end(struct ephemeral_bench *bench, enum ephemeral_party party, const char *id)
{
    ephemeral_end_start(bench->view, party, slice_str(id), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}
