#include "durable/clients.h"
#include "durable/reseal.h"
#include "durable/tokens.h"
#include "support/contract_parts.h"
#include "support/durable_bench.h"
#include "support/keys.h"
#include "support/test.h"

#include <stdio.h>

#define OTHER "other:" KEY_B
#define BENCH "test:" KEY_A

enum { MANY = 230 }; /* more than two batches */

/* The bench's database with other keys. */
static struct durable with_keys(struct durable_bench *bench, const char *text)
{
    struct durable db = bench->db;
    db.keys = keys_of(text);
    return db;
}

static void forget_keys(struct durable *db)
{
    keyring_free((struct keyring *)(uintptr_t)db->keys);
}

/* "other test", the keys in use. */
static const char *keys_in_use(struct durable *db, char line[128])
{
    struct sealing_key_page *page = NULL;
    struct buf text = buf_fixed(line, 127);
    assert_status(durable_sealing_keys_list_blocking(db, &page), STATUS_OK);
    for (size_t i = 0; i < page->count; i++)
        buf_addf(&text, "%s%.*s", i ? " " : "", SLICE_ARGS(page->keys[i].id));
    line[text.len] = '\0';
    sealing_key_page_free(page);
    return line;
}

static struct reseal reseal_all(struct durable *db)
{
    struct reseal reseal;
    struct sealing_key_page *used = NULL;
    assert_status(durable_reseal_begin_blocking(db, &reseal), STATUS_OK);
    while (!reseal.is_over)
        assert_status(durable_reseal_batch_blocking(db, &reseal), STATUS_OK);
    assert_status(durable_reseal_end_blocking(db, &reseal, &used), STATUS_OK);
    sealing_key_page_free(used);
    return reseal;
}

static void fill(struct durable_bench *bench, int clients)
{
    char name[32], jti[64];
    int64_t user = durable_bench_user(bench, "jane");
    for (int i = 0; i < clients; i++) {
        (void)snprintf(name, sizeof name, "client-%d", i);
        (void)durable_bench_client(bench, name);
    }
    durable_bench_token(bench, "client-0", user, "token-a", jti);
    durable_bench_token(bench, "client-0", user, "token-b", jti);
}

static void assert_opens(struct durable *db, const char *client_id)
{
    char memory[320];
    struct client *client = NULL;
    assert_status(durable_client_find_blocking(db, slice_str(client_id), &client), STATUS_OK);
    assert_slice_equal(client->secrets[0].text, durable_bench_secret(client_id, memory));
    client_free(client);
}

static void assert_token_opens(struct durable *db, const char *oauth_token)
{
    char memory[320];
    struct credential_pair *pair = NULL;
    assert_status(durable_pair_find_blocking(db, SLICE("client-0"), slice_str(oauth_token), &pair), STATUS_OK);
    assert_slice_equal(pair->token.secret, durable_bench_secret(oauth_token, memory));
    credential_pair_free(pair);
}

static void whoever_seals_writes_down_which_key_he_uses(void **state)
{
    struct durable_bench *bench = *state;
    char line[128], jti[64];
    assert_string_equal(keys_in_use(&bench->db, line), "");
    (void)durable_bench_client(bench, "client-0");
    assert_string_equal(keys_in_use(&bench->db, line), "test");
    struct durable rotated = with_keys(bench, OTHER "," BENCH);
    const struct keyring *before = bench->db.keys;
    int64_t user = durable_bench_user(bench, "jane");
    bench->db.keys = rotated.keys;
    durable_bench_token(bench, "client-0", user, "token-a", jti);
    bench->db.keys = before;
    assert_string_equal(keys_in_use(&bench->db, line), "other test");
    assert_token_opens(&rotated, "token-a");
    forget_keys(&rotated);
}

static void all_secrets_are_sealed_anew_and_the_key_before_leaves_the_table(void **state)
{
    struct durable_bench *bench = *state;
    char line[128];
    fill(bench, MANY);
    struct durable rotated = with_keys(bench, OTHER "," BENCH);
    struct durable after = with_keys(bench, OTHER);
    struct reseal reseal = reseal_all(&rotated);
    assert_int_equal(reseal.wanted, MANY + 2);
    assert_int_equal(reseal.rewritten, MANY + 2);
    assert_int_equal(reseal.loss.count, 0);
    assert_string_equal(keys_in_use(&after, line), "other");
    assert_opens(&after, "client-0");
    assert_opens(&after, "client-229");
    assert_token_opens(&after, "token-a");
    assert_token_opens(&after, "token-b");
    assert_int_equal(reseal_all(&rotated).rewritten, 0);
    forget_keys(&rotated);
    forget_keys(&after);
}

static void a_rewrite_that_was_cut_off_is_begun_again_and_does_the_rest(void **state)
{
    struct durable_bench *bench = *state;
    char line[128];
    struct reseal cut;
    fill(bench, MANY);
    struct durable rotated = with_keys(bench, OTHER "," BENCH);
    assert_status(durable_reseal_begin_blocking(&rotated, &cut), STATUS_OK);
    assert_status(durable_reseal_batch_blocking(&rotated, &cut), STATUS_OK);
    assert_true(cut.rewritten > 0 && !cut.is_over);
    assert_string_equal(keys_in_use(&rotated, line), "other test");
    assert_opens(&rotated, "client-0");
    assert_opens(&rotated, "client-229");
    assert_int_equal(reseal_all(&rotated).rewritten, MANY + 2 - cut.rewritten);
    assert_string_equal(keys_in_use(&rotated, line), "other");
    forget_keys(&rotated);
}

/* A process that has not been told of the new key seals by the old one while the rewrite is on its way. */
static void a_key_that_somebody_sealed_by_meanwhile_stays_in_the_table(void **state)
{
    struct durable_bench *bench = *state;
    char line[128], jti[64];
    struct reseal reseal;
    struct sealing_key_page *used = NULL;
    fill(bench, 1);
    int64_t user = durable_bench_user(bench, "joe");
    struct durable rotated = with_keys(bench, OTHER "," BENCH);
    assert_status(durable_reseal_begin_blocking(&rotated, &reseal), STATUS_OK);
    while (!reseal.is_over)
        assert_status(durable_reseal_batch_blocking(&rotated, &reseal), STATUS_OK);
    durable_bench_token(bench, "client-0", user, "token-late", jti);
    assert_status(durable_reseal_end_blocking(&rotated, &reseal, &used), STATUS_OK);
    sealing_key_page_free(used);
    assert_string_equal(keys_in_use(&rotated, line), "other test");
    assert_int_equal(reseal_all(&rotated).rewritten, 1);
    assert_string_equal(keys_in_use(&rotated, line), "other");
    assert_token_opens(&rotated, "token-late");
    forget_keys(&rotated);
}

static void run_sql(struct durable_bench *bench, const char *text)
{
    assert_status(sql_execute_blocking(bench->db.sql, text, NULL, 0, NULL, NULL), STATUS_OK);
}

static void a_damaged_secret_is_named_and_keeps_no_key(void **state)
{
    struct durable_bench *bench = *state;
    char line[128];
    fill(bench, 3);
    run_sql(bench,
            "UPDATE client_secrets SET sealed = (SELECT s.sealed FROM (SELECT sealed FROM client_secrets WHERE id"
            " = 1) s) WHERE id = 2"); /* another row's */
    struct durable rotated = with_keys(bench, OTHER "," BENCH);
    struct reseal reseal = reseal_all(&rotated);
    assert_int_equal(reseal.rewritten, 4);
    assert_int_equal(reseal.loss.count, 1);
    assert_slice_equal(slice_of(reseal.loss.names, reseal.loss.names_len), SLICE("client client-1"));
    assert_string_equal(keys_in_use(&rotated, line), "other");
    forget_keys(&rotated);
}

static void a_key_that_is_missing_stays_in_use_through_a_rewrite(void **state)
{
    struct durable_bench *bench = *state;
    char line[128];
    fill(bench, 1);
    struct durable without = with_keys(bench, OTHER);
    struct reseal reseal = reseal_all(&without);
    assert_int_equal(reseal.rewritten, 0);
    assert_int_equal(reseal.loss.count, 3);
    assert_string_equal(keys_in_use(&without, line), "other test");
    forget_keys(&without);
}

static enum status check_keys(struct durable *db, char text[1024])
{
    struct buf why = BUF_INIT;
    enum status status = durable_sealing_keys_check_blocking(db, &why);
    (void)snprintf(text, 1024, "%.*s", SLICE_ARGS(buf_slice(&why)));
    buf_done(&why);
    return status;
}

/* Somebody who seals by the right one may have begun since the rewrite held its own keys against the table. */
static void a_key_whose_name_another_one_bears_stays_in_use_through_a_rewrite(void **state)
{
    struct durable_bench *bench = *state;
    char line[128];
    fill(bench, 1);
    struct durable wrong = with_keys(bench, "other:" KEY_A ",test:" KEY_B);
    assert_int_equal(reseal_all(&wrong).loss.count, 3);
    assert_string_equal(keys_in_use(&wrong, line), "other test");
    assert_opens(&bench->db, "client-0");
    forget_keys(&wrong);
}

static void keys_are_refused_if_one_that_is_in_use_is_missing_or_another(void **state)
{
    struct durable_bench *bench = *state;
    char why[1024];
    struct durable without = with_keys(bench, OTHER);
    struct durable both = with_keys(bench, OTHER "," BENCH);
    struct durable other = with_keys(bench, OTHER ",test:" KEY_B);
    assert_status(check_keys(&without, why), STATUS_OK); /* nothing is sealed yet */
    fill(bench, 2);
    /* the newest secret has the new key, and an older one needs the key before */
    assert_status(durable_client_rotate_secret_blocking(&both, SLICE("client-1"), SLICE("new"), 0), STATUS_OK);
    assert_status(check_keys(&both, why), STATUS_OK);
    assert_status(check_keys(&without, why), STATUS_STORE_CORRUPT);
    assert_non_null(strstr(why, "the key test is missing"));
    assert_non_null(strstr(why, "auth-service seal rewrite"));
    assert_status(check_keys(&other, why), STATUS_STORE_CORRUPT);
    assert_non_null(strstr(why, "the key test is not the one"));
    assert_status(durable_sealing_key_forget_blocking(&without, SLICE("test")), STATUS_OK);
    assert_status(durable_sealing_key_forget_blocking(&without, SLICE("test")), STATUS_NOT_FOUND);
    assert_status(check_keys(&without, why), STATUS_OK);
    forget_keys(&without);
    forget_keys(&both);
    forget_keys(&other);
}

/* ---- what does not open any more ---- */

static struct client *read_client_of(struct durable *db, const char *client_id)
{
    struct client *client = NULL;
    assert_status(durable_client_read_blocking(db, slice_str(client_id), &client), STATUS_OK);
    return client;
}

static void assert_says(struct slice text, const char *part)
{
    assert_true(slice_find_slice(text, slice_str(part)) < text.len);
}

static void a_client_whose_key_is_lost_is_read_and_mended_by_a_rotation(void **state)
{
    struct durable_bench *bench = *state;
    struct client *found = NULL;
    fill(bench, 2);
    struct durable without = with_keys(bench, OTHER);
    struct client *client = read_client_of(&without, "client-0");
    assert_int_equal(client->secret_count, 0);
    assert_true(client_has_secret(client));
    assert_says(client->damage, "client client-0: its secret does not open");
    assert_says(client->damage, "the key test that sealed it");
    assert_says(client->damage, "`auth-service client rotate-secret client-0`");
    assert_status(durable_client_find_blocking(&without, SLICE("client-0"), &found), STATUS_STORE_CORRUPT);
    assert_slice_equal(slice_str(durable_last_error(&without)), client->damage);
    assert_status(durable_client_update_blocking(&without, client), STATUS_OK);
    client_free(client);
    assert_status(durable_client_rotate_secret_blocking(&without, SLICE("client-0"), SLICE("new"), 60000), STATUS_OK);
    client = read_client_of(&without, "client-0");
    assert_int_equal(client->damage.len, 0); /* at once, and not behind the overlap */
    assert_int_equal(client->secret_count, 1);
    assert_slice_equal(client->secrets[0].text, SLICE("new"));
    client_free(client);
    assert_status(durable_client_find_blocking(&without, SLICE("client-0"), &found), STATUS_OK);
    client_free(found);
    assert_status(durable_client_find_blocking(&without, SLICE("client-1"), &found), STATUS_STORE_CORRUPT);
    forget_keys(&without);
}

static void the_overlap_is_the_newest_secrets_that_opens(void **state)
{
    struct durable_bench *bench = *state;
    fill(bench, 1);
    struct durable *db = &bench->db;
    assert_status(durable_client_rotate_secret_blocking(db, SLICE("client-0"), SLICE("second"), 60000), STATUS_OK);
    run_sql(bench, "UPDATE client_secrets SET sealed = substr(sealed, 1, LENGTH(sealed) - 1) WHERE id = 2");
    struct client *client = read_client_of(db, "client-0");
    assert_int_equal(client->secret_count, 1);
    assert_says(client->damage, "by the key of OAUTH1_SECRETS_KEYS");
    client_free(client);
    assert_status(durable_client_rotate_secret_blocking(db, SLICE("client-0"), SLICE("third"), 60000), STATUS_OK);
    client = read_client_of(db, "client-0");
    assert_int_equal(client->damage.len, 0);
    assert_int_equal(client->secret_count, 2);
    assert_slice_equal(client->secrets[0].text, SLICE("third"));
    assert_true(client_secret_is_live(&client->secrets[1], clock_wall_ms(db->clock)));
    client_free(client);
}

static void a_token_whose_key_is_lost_is_read_and_refused_to_those_who_verify(void **state)
{
    struct durable_bench *bench = *state;
    struct credential_pair *pair = NULL;
    struct credential_pair *found = NULL;
    fill(bench, 1);
    struct durable without = with_keys(bench, OTHER);
    assert_status(durable_client_rotate_secret_blocking(&without, SLICE("client-0"), SLICE("new"), 0), STATUS_OK);
    assert_status(durable_pair_read_blocking(&without, SLICE("client-0"), SLICE("token-a"), &pair), STATUS_OK);
    assert_int_equal(pair->client.damage.len, 0);
    assert_int_equal(pair->token.secret.len, 0);
    assert_says(pair->token.damage, "`auth-service token revoke tok_");
    assert_status(durable_pair_find_blocking(&without, SLICE("client-0"), SLICE("token-a"), &found),
                  STATUS_STORE_CORRUPT);
    assert_slice_equal(slice_str(durable_last_error(&without)), pair->token.damage);
    credential_pair_free(pair);
    forget_keys(&without);
}

static void a_key_is_not_ended_whose_client_has_a_lost_secret_besides(void **state)
{
    struct durable_bench *bench = *state;
    fill(bench, 1);
    assert_status(durable_client_rotate_key_blocking(&bench->db, SLICE("client-0"), SLICE("PEM"), 0), STATUS_OK);
    struct durable without = with_keys(bench, OTHER);
    struct client *client = read_client_of(&without, "client-0");
    int64_t key = client->keys[0].id;
    client_free(client);
    assert_status(durable_client_end_key_blocking(&without, SLICE("client-0"), key), STATUS_CONFLICT);
    assert_status(durable_client_end_key_blocking(&bench->db, SLICE("client-0"), key), STATUS_OK);
    forget_keys(&without);
}

/* As a migration left it. */
static void a_key_from_before_there_were_proofs_is_known_by_what_it_sealed(void **state)
{
    struct durable_bench *bench = *state;
    char why[1024];
    struct durable other = with_keys(bench, OTHER ",test:" KEY_B);
    fill(bench, 3);
    run_sql(bench, "UPDATE sealing_keys SET proof = NULL");
    run_sql(bench,
            "UPDATE client_secrets SET sealed = (SELECT s.sealed FROM (SELECT sealed FROM client_secrets WHERE id"
            " = 1) s) WHERE id = 3"); /* the newest is damaged, which is its client's trouble alone */
    assert_status(check_keys(&other, why), STATUS_STORE_CORRUPT);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM sealing_keys WHERE proof IS NOT NULL"), 0);
    assert_status(check_keys(&bench->db, why), STATUS_OK);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM sealing_keys WHERE proof IS NOT NULL"), 1);
    assert_status(check_keys(&other, why), STATUS_STORE_CORRUPT);
    /* nothing that it sealed is left: there is nothing that another key of its name could not open */
    run_sql(bench, "DELETE FROM client_secrets");
    run_sql(bench, "DELETE FROM tokens");
    run_sql(bench, "UPDATE sealing_keys SET proof = NULL");
    assert_status(check_keys(&other, why), STATUS_OK);
    forget_keys(&other);
}

int contract_sealing_run(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(whoever_seals_writes_down_which_key_he_uses),
        BENCH_TEST(all_secrets_are_sealed_anew_and_the_key_before_leaves_the_table),
        BENCH_TEST(a_rewrite_that_was_cut_off_is_begun_again_and_does_the_rest),
        BENCH_TEST(a_key_that_somebody_sealed_by_meanwhile_stays_in_the_table),
        BENCH_TEST(a_damaged_secret_is_named_and_keeps_no_key),
        BENCH_TEST(a_key_that_is_missing_stays_in_use_through_a_rewrite),
        BENCH_TEST(a_key_whose_name_another_one_bears_stays_in_use_through_a_rewrite),
        BENCH_TEST(keys_are_refused_if_one_that_is_in_use_is_missing_or_another),
        BENCH_TEST(a_client_whose_key_is_lost_is_read_and_mended_by_a_rotation),
        BENCH_TEST(the_overlap_is_the_newest_secrets_that_opens),
        BENCH_TEST(a_token_whose_key_is_lost_is_read_and_refused_to_those_who_verify),
        BENCH_TEST(a_key_is_not_ended_whose_client_has_a_lost_secret_besides),
        BENCH_TEST(a_key_from_before_there_were_proofs_is_known_by_what_it_sealed),
    };
    return cmocka_run_group_tests_name("durable: sealing keys", tests, NULL, NULL);
}
