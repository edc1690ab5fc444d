#include "crypto/random.h"
#include "durable/tokens.h"
#include "durable/users.h"
#include "support/contract_parts.h"
#include "support/durable_bench.h"
#include "support/test.h"

#include <stdio.h>

enum { HOUR_MS = 3600 * 1000 };

static struct client *find(struct durable_bench *bench, const char *client_id)
{
    struct client *client = NULL;
    assert_status(durable_client_find_blocking(&bench->db, slice_str(client_id), &client), STATUS_OK);
    return client;
}

/* ---- create and find ---- */

static const struct client_callback some_callbacks[] = {
    {SLICE_INIT("https://printer.example.com/ready"), false},
    {SLICE_INIT("https://printer.example.com/cb/"), true},
};

static const struct client_secret some_secrets[] = {
    {.text = SLICE_INIT("newer secret")},
    {.text = SLICE_INIT("older secret")},
};

static const struct client_secret some_keys[] = {{.text = SLICE_INIT("-----BEGIN PUBLIC KEY-----")}};

static struct client full_client(void)
{
    return (struct client){
        .client_id = SLICE("dpf43f3p2l4k3l03"),
        .name = SLICE("Dr\xc3\xbc"
                      "cker \xf0\x9f\x96\xa8"),
        .website = SLICE("https://printer.example.com/"),
        .description = SLICE("Prints 'photos'; \"well\" -- it tries"),
        .logo = SLICE("https://printer.example.com/logo.png"),
        .owner = SLICE("42"),
        .default_callback = SLICE("https://printer.example.com/ready"),
        .signature_methods = SLICE("HMAC-SHA256 RSA-SHA256"),
        .allowed_scopes = SLICE("photos:read photos:write"),
        .default_scopes = SLICE("photos:read"),
        .flags = CLIENT_TRUSTED | CLIENT_VERIFIED | CLIENT_HTTP_CALLBACK,
        .callbacks = some_callbacks,
        .callback_count = COUNT_OF(some_callbacks),
        .secrets = some_secrets,
        .secret_count = COUNT_OF(some_secrets),
        .keys = some_keys,
        .key_count = COUNT_OF(some_keys),
    };
}

static bool has_callback(const struct client *client, const struct client_callback *wanted)
{
    for (size_t i = 0; i < client->callback_count; i++)
        if (slice_eq(client->callbacks[i].uri, wanted->uri) && client->callbacks[i].is_prefix == wanted->is_prefix)
            return true;
    return false;
}

#define ASSERT_TEXT(member, ...) assert_slice_equal(actual->member, expected->member);

static void assert_texts_equal(const struct client *actual, const struct client *expected)
{
    assert_slice_equal(actual->client_id, expected->client_id);
    CLIENT_TEXTS(ASSERT_TEXT);
}

/* A text of so many bytes. */
static struct slice long_text(struct arena *arena, size_t len)
{
    char *bytes = arena_bytes(arena, len);
    assert_non_null(bytes);
    memset(bytes, 'x', len);
    return slice_of(bytes, len);
}

#define AS_LONG_AS_MAY_BE(member, option, FORM, max, ...) wanted.member = long_text(&arena, max);

static void a_client_whose_texts_are_as_long_as_may_be_is_kept_whole(void **state)
{
    struct durable_bench *bench = *state;
    struct arena arena;
    struct client wanted = full_client();
    int64_t id = 0;
    arena_init(&arena, 1 << 20);
    CLIENT_PLAIN_TEXTS(AS_LONG_AS_MAY_BE);
    wanted.client_id = long_text(&arena, IDENTIFIER_MAX_BYTES);
    wanted.name = long_text(&arena, CLIENT_NAME_MAX_BYTES);
    wanted.allowed_scopes = wanted.default_scopes = long_text(&arena, CLIENT_SCOPES_MAX_BYTES);
    const struct client_secret secret = {.text = long_text(&arena, SECRET_MAX_BYTES)};
    wanted.secrets = &secret;
    wanted.secret_count = 1;
    assert_status(durable_client_create_blocking(&bench->db, &wanted, &id), STATUS_OK);
    struct client *found = NULL;
    assert_status(durable_client_find_blocking(&bench->db, wanted.client_id, &found), STATUS_OK);
    assert_texts_equal(found, &wanted);
    assert_slice_equal(found->secrets[0].text, secret.text);
    client_free(found);
    arena_done(&arena);
}

static void a_client_is_found_as_it_was_created(void **state)
{
    struct durable_bench *bench = *state;
    struct client wanted = full_client();
    int64_t id = 0;
    assert_status(durable_client_create_blocking(&bench->db, &wanted, &id), STATUS_OK);
    struct client *found = find(bench, "dpf43f3p2l4k3l03");
    assert_texts_equal(found, &wanted);
    assert_int_equal(found->id, id);
    assert_int_equal(found->flags, wanted.flags);
    assert_int_equal(found->created_ms, BENCH_NOW_MS);
    assert_int_equal(found->callback_count, 2);
    assert_true(has_callback(found, &some_callbacks[0]) && has_callback(found, &some_callbacks[1]));
    assert_int_equal(found->secret_count, 2);
    assert_slice_equal(found->secrets[0].text, SLICE("newer secret"));
    assert_slice_equal(found->secrets[1].text, SLICE("older secret"));
    assert_int_equal(found->key_count, 1);
    assert_slice_equal(found->keys[0].text, some_keys[0].text);
    client_free(found);
}

static void each_flag_is_kept_by_itself(void **state)
{
    struct durable_bench *bench = *state;
    static const unsigned flags[] = {CLIENT_TWO_LEGGED,         CLIENT_TRUSTED,       CLIENT_VERIFIED, CLIENT_DISABLED,
                                     CLIENT_BODY_HASH_REQUIRED, CLIENT_HTTP_CALLBACK, CLIENT_PENDING,  CLIENT_REJECTED};
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        char name[2] = {(char)('a' + i), '\0'};
        struct client client = {.client_id = slice_str(name), .flags = flags[i]};
        int64_t id = 0;
        assert_status(durable_client_create_blocking(&bench->db, &client, &id), STATUS_OK);
        struct client *found = find(bench, name);
        assert_int_equal(found->flags, flags[i]);
        assert_int_equal(found->secret_count + found->key_count + found->callback_count, 0);
        client_free(found);
    }
}

static void client_ids_compare_byte_for_byte(void **state)
{
    struct durable_bench *bench = *state;
    static const char *const ids[] = {"abc", "Abc", "abc ", " abc", "abc\xc3\xa9", "abce\xcc\x81", "%61bc", "abc\t"};
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        (void)durable_bench_client(bench, ids[i]);
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        char memory[320];
        struct client *client = find(bench, ids[i]);
        assert_slice_equal(client->client_id, slice_str(ids[i]));
        assert_int_equal(client->secret_count, 1);
        assert_slice_equal(client->secrets[0].text, durable_bench_secret(ids[i], memory));
        client_free(client);
    }
    struct client *none = NULL;
    assert_status(durable_client_find_blocking(&bench->db, SLICE("ABC"), &none), STATUS_NOT_FOUND);
    assert_status(durable_client_find_blocking(&bench->db, SLICE("abc  "), &none), STATUS_NOT_FOUND);
    assert_null(none);
}

static void client_ids_of_255_bytes_are_the_longest(void **state)
{
    struct durable_bench *bench = *state;
    char longest[257] = {0};
    int64_t id = 0;
    memset(longest, 'x', 255);
    (void)durable_bench_client(bench, longest);
    client_free(find(bench, longest));
    longest[255] = 'x';
    struct client too_long = {.client_id = slice_str(longest)};
    struct client empty = {.client_id = SLICE("")};
    assert_status(durable_client_create_blocking(&bench->db, &too_long, &id), STATUS_BAD_INPUT);
    assert_status(durable_client_create_blocking(&bench->db, &empty, &id), STATUS_BAD_INPUT);
}

static void a_client_id_is_taken_once(void **state)
{
    struct durable_bench *bench = *state;
    struct client again = full_client();
    int64_t id = 0;
    (void)durable_bench_client(bench, "dpf43f3p2l4k3l03");
    assert_status(durable_client_create_blocking(&bench->db, &again, &id), STATUS_CONFLICT);
    struct client *found = find(bench, "dpf43f3p2l4k3l03");
    assert_slice_equal(found->name, SLICE("Printer"));
    assert_int_equal(found->callback_count, 0);
    client_free(found);
}

static void a_client_that_cannot_be_sealed_leaves_nothing_behind(void **state)
{
    struct durable_bench *bench = *state;
    struct client client = full_client();
    int64_t id = 0;
    random_fail_next(1);
    assert_status(durable_client_create_blocking(&bench->db, &client, &id), STATUS_NO_RANDOMNESS);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM clients"), 0);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM client_callbacks"), 0);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM changes"), 0);
}

/* ---- list ---- */

static void clients_are_listed_in_pages(void **state)
{
    struct durable_bench *bench = *state;
    static const char *const ids[] = {"c", "a", "e", "b", "d"};
    struct page_request page = {.limit = 2};
    size_t seen = 0;
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        (void)durable_bench_client(bench, ids[i]);
    for (size_t count = 2; count == 2;) {
        struct client_page *found = NULL;
        assert_status(durable_client_list_blocking(&bench->db, SLICE_ABSENT, page, &found), STATUS_OK);
        for (count = 0; count < found->count; count++)
            assert_slice_equal(found->clients[count].client_id, slice_str(ids[seen++]));
        page.after_id = count ? found->clients[count - 1].id : page.after_id;
        client_page_free(found);
    }
    assert_int_equal(seen, COUNT_OF(ids));
}

static void an_owner_sees_his_own_clients(void **state)
{
    struct durable_bench *bench = *state;
    struct client owned = full_client();
    struct client_page *found = NULL;
    struct page_request page = {0};
    int64_t id = 0;
    (void)durable_bench_client(bench, "the operator's");
    assert_status(durable_client_create_blocking(&bench->db, &owned, &id), STATUS_OK);
    assert_status(durable_client_list_blocking(&bench->db, SLICE("42"), page, &found), STATUS_OK);
    assert_int_equal(found->count, 1);
    assert_texts_equal(&found->clients[0], &owned);
    client_page_free(found);
    assert_status(durable_client_list_blocking(&bench->db, SLICE(""), page, &found), STATUS_OK);
    assert_int_equal(found->count, 1);
    assert_slice_equal(found->clients[0].client_id, SLICE("the operator's"));
    client_page_free(found);
}

/* ---- those that users register ---- */

static struct client pending_client(const char *client_id, const char *owner)
{
    return (struct client){.client_id = slice_str(client_id), .owner = slice_str(owner), .flags = CLIENT_PENDING};
}

static unsigned flags_of(struct durable_bench *bench, const char *client_id)
{
    struct client *client = find(bench, client_id);
    unsigned flags = client->flags;
    client_free(client);
    return flags;
}

static void a_pending_client_is_listed_until_it_is_judged(void **state)
{
    struct durable_bench *bench = *state;
    static const char *const ids[] = {"first", "second"};
    struct client_page *found = NULL;
    int64_t before = 0;
    char line[1024];
    int64_t id = 0;
    (void)durable_bench_client(bench, "the operator's");
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct client client = pending_client(ids[i], "42");
        assert_status(durable_client_create_blocking(&bench->db, &client, &id), STATUS_OK);
    }
    assert_status(durable_client_list_pending_blocking(&bench->db, (struct page_request){0}, &found), STATUS_OK);
    assert_int_equal(found->count, 2);
    assert_slice_equal(found->clients[1].client_id, SLICE("second"));
    client_page_free(found);
    before = durable_bench_latest_change(bench);
    assert_status(durable_client_approve_blocking(&bench->db, SLICE("first"), 0), STATUS_OK);
    assert_status(durable_client_reject_blocking(&bench->db, SLICE("second"), 0), STATUS_OK);
    assert_string_equal(durable_bench_changes(bench, before, line), "client edited first, client edited second");
    assert_int_equal(flags_of(bench, "first"), 0);
    assert_int_equal(flags_of(bench, "second"), CLIENT_REJECTED);
    /* so that an edit of what was seen before does not write over the judgement */
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM clients WHERE owner = '42' AND version = 2"), 2);
    assert_status(durable_client_list_pending_blocking(&bench->db, (struct page_request){0}, &found), STATUS_OK);
    assert_int_equal(found->count, 0);
    client_page_free(found);
    before = durable_bench_latest_change(bench);
    assert_status(durable_client_approve_blocking(&bench->db, SLICE("second"), 1), STATUS_CONFLICT);
    assert_int_equal(flags_of(bench, "second"), CLIENT_REJECTED);
    assert_string_equal(durable_bench_changes(bench, before, line), "");
    assert_status(durable_client_approve_blocking(&bench->db, SLICE("second"), 2), STATUS_OK);
    assert_status(durable_client_reject_blocking(&bench->db, SLICE("second"), 2), STATUS_CONFLICT);
    assert_int_equal(flags_of(bench, "second"), 0);
    before = durable_bench_latest_change(bench);
    assert_status(durable_client_approve_blocking(&bench->db, SLICE("second"), 3), STATUS_OK); /* it is already */
    assert_status(durable_client_approve_blocking(&bench->db, SLICE("second"), 2), STATUS_CONFLICT);
    assert_string_equal(durable_bench_changes(bench, before, line), "");
    assert_int_equal(durable_bench_number(bench, "SELECT version FROM clients WHERE client_id = 'second'"), 3);
}

static void a_client_without_an_owner_is_not_rejected(void **state)
{
    struct durable_bench *bench = *state;
    char line[1024];
    (void)durable_bench_client(bench, "the operator's");
    int64_t before = durable_bench_latest_change(bench);
    for (int64_t version = 0; version < 3; version++)
        assert_status(durable_client_reject_blocking(&bench->db, SLICE("the operator's"), version), STATUS_FORBIDDEN);
    assert_int_equal(flags_of(bench, "the operator's"), 0);
    assert_string_equal(durable_bench_changes(bench, before, line), "");
}

static void a_user_registers_ten_clients_and_no_more(void **state)
{
    struct durable_bench *bench = *state;
    struct user *jane = NULL;
    char name[32];
    assert_status(durable_user_find_blocking(&bench->db, durable_bench_user(bench, "jane"), &jane), STATUS_OK);
    for (int i = 0; i <= CLIENTS_OF_OWNER_MAX; i++) {
        (void)snprintf(name, sizeof name, "client %d", i);
        struct client client = full_client();
        client.client_id = slice_str(name);
        client.owner = jane->subject;
        assert_status(durable_client_register_blocking(&bench->db, &client),
                      i < CLIENTS_OF_OWNER_MAX ? STATUS_OK : STATUS_FORBIDDEN);
    }
    struct client *found = find(bench, "client 9");
    assert_int_equal(found->secret_count, 2);
    assert_int_equal(found->callback_count, 2);
    client_free(found);
    struct client again = pending_client("again", "nobody");
    assert_status(durable_client_register_blocking(&bench->db, &again), STATUS_NOT_FOUND);
    assert_status(durable_client_delete_blocking(&bench->db, SLICE("client 3")), STATUS_OK);
    again.owner = jane->subject;
    assert_status(durable_client_register_blocking(&bench->db, &again), STATUS_OK);
    user_free(jane);
}

/* ---- update ---- */

static void an_update_replaces_all_but_secrets_and_keys(void **state)
{
    struct durable_bench *bench = *state;
    struct client client = full_client();
    int64_t id = 0;
    char line[1024];
    assert_status(durable_client_create_blocking(&bench->db, &client, &id), STATUS_OK);
    int64_t before = durable_bench_latest_change(bench);
    client.name = SLICE("Renamed");
    client.flags = CLIENT_TWO_LEGGED;
    client.callbacks = &some_callbacks[1];
    client.callback_count = 1;
    client.secret_count = client.key_count = 0;
    assert_status(durable_client_update_blocking(&bench->db, &client), STATUS_OK);
    struct client *found = find(bench, "dpf43f3p2l4k3l03");
    assert_texts_equal(found, &client);
    assert_int_equal(found->flags, CLIENT_TWO_LEGGED);
    assert_int_equal(found->callback_count, 1);
    assert_true(has_callback(found, &some_callbacks[1]));
    assert_int_equal(found->secret_count, 2);
    assert_int_equal(found->key_count, 1);
    assert_string_equal(durable_bench_changes(bench, before, line), "client edited dpf43f3p2l4k3l03");
    client_free(found);
}

static void an_update_of_an_older_version_is_a_conflict(void **state)
{
    struct durable_bench *bench = *state;
    (void)durable_bench_client(bench, "acme");
    struct client *mine = find(bench, "acme");
    struct client *theirs = find(bench, "acme");
    theirs->name = SLICE("theirs");
    assert_status(durable_client_update_blocking(&bench->db, theirs), STATUS_OK);
    mine->name = SLICE("mine");
    assert_status(durable_client_update_blocking(&bench->db, mine), STATUS_CONFLICT);
    struct client *found = find(bench, "acme");
    assert_slice_equal(found->name, SLICE("theirs"));
    assert_true(found->version > mine->version);
    client_free(found);
    client_free(mine);
    client_free(theirs);
}

static void what_does_not_exist_cannot_be_changed(void **state)
{
    struct durable_bench *bench = *state;
    struct client nobody = {.client_id = SLICE("nobody")};
    struct durable *db = &bench->db;
    struct slice id = SLICE("nobody");
    assert_status(durable_client_update_blocking(db, &nobody), STATUS_NOT_FOUND);
    assert_status(durable_client_delete_blocking(db, id), STATUS_NOT_FOUND);
    assert_status(durable_client_disable_blocking(db, id), STATUS_NOT_FOUND);
    assert_status(durable_client_enable_blocking(db, id), STATUS_NOT_FOUND);
    assert_status(durable_client_approve_blocking(db, id, 0), STATUS_NOT_FOUND);
    assert_status(durable_client_reject_blocking(db, id, 0), STATUS_NOT_FOUND);
    assert_status(durable_client_rotate_secret_blocking(db, id, SLICE("s"), 0), STATUS_NOT_FOUND);
    assert_status(durable_client_rotate_key_blocking(db, id, SLICE("k"), 0), STATUS_NOT_FOUND);
    assert_int_equal(durable_bench_latest_change(bench), 0);
}

static void a_client_has_one_picture_that_ends_with_it(void **state)
{
    struct durable_bench *bench = *state;
    static const char png[] = "\x89PNG\r\n\x1a\n\0'\xff";
    struct client_logo *logo = NULL;
    int64_t numbers[2];
    (void)durable_bench_client(bench, "acme");
    for (size_t i = 0; i < 2; i++) {
        struct client *client = find(bench, "acme");
        client->name = i ? SLICE("Second") : SLICE("First");
        assert_status(durable_client_set_logo_blocking(&bench->db, client, slice_of(png, sizeof png)), STATUS_OK);
        assert_status(durable_client_set_logo_blocking(&bench->db, client, SLICE("late")), STATUS_CONFLICT);
        client_free(client);
        client = find(bench, "acme");
        numbers[i] = client->logo_number;
        client_free(client);
        assert_status(durable_logo_find_blocking(&bench->db, numbers[i], &logo), STATUS_OK);
        assert_slice_equal(logo->png, slice_of(png, sizeof png));
        client_logo_free(logo);
    }
    assert_true(numbers[0] > 0 && numbers[0] != numbers[1]);
    assert_status(durable_logo_find_blocking(&bench->db, numbers[0], &logo), STATUS_NOT_FOUND);
    struct client *client = find(bench, "acme");
    assert_slice_equal(client->name, SLICE("Second"));
    assert_status(durable_client_update_blocking(&bench->db, client), STATUS_OK); /* which leaves it */
    assert_status(durable_logo_find_blocking(&bench->db, numbers[1], &logo), STATUS_OK);
    client_logo_free(logo);
    client->version = 0;
    assert_status(durable_client_set_logo_blocking(&bench->db, client, SLICE("")), STATUS_OK);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM client_logos"), 0);
    assert_status(durable_client_set_logo_blocking(&bench->db, client, SLICE("png")), STATUS_OK);
    client_free(client);
    assert_status(durable_client_delete_blocking(&bench->db, SLICE("acme")), STATUS_OK);
    assert_int_equal(durable_bench_number(bench, "SELECT COUNT(*) FROM client_logos"), 0);
}

/* ---- rotation ---- */

static void a_rotated_secret_lives_on_for_the_overlap(void **state)
{
    struct durable_bench *bench = *state;
    char line[1024];
    (void)durable_bench_client(bench, "acme");
    int64_t before = durable_bench_latest_change(bench);
    assert_status(durable_client_rotate_secret_blocking(&bench->db, SLICE("acme"), SLICE("second"), HOUR_MS),
                  STATUS_OK);
    struct client *found = find(bench, "acme");
    assert_int_equal(found->secret_count, 2);
    assert_slice_equal(found->secrets[0].text, SLICE("second"));
    assert_int_equal(found->secrets[0].expires_ms, 0);
    assert_slice_equal(found->secrets[1].text, SLICE("secret of acme"));
    assert_int_equal(found->secrets[1].expires_ms, BENCH_NOW_MS + HOUR_MS);
    assert_true(client_secret_is_live(&found->secrets[1], BENCH_NOW_MS + HOUR_MS - 1));
    assert_false(client_secret_is_live(&found->secrets[1], BENCH_NOW_MS + HOUR_MS));
    assert_string_equal(durable_bench_changes(bench, before, line), "client edited acme");
    client_free(found);
}

static void no_more_than_two_secrets_live_at_once(void **state)
{
    struct durable_bench *bench = *state;
    static const struct slice next[] = {SLICE_INIT("2"), SLICE_INIT("3"), SLICE_INIT("4")};
    (void)durable_bench_client(bench, "acme");
    for (size_t i = 0; i < COUNT_OF(next); i++) {
        fake_clock_advance(&bench->clock, 1000);
        assert_status(durable_client_rotate_secret_blocking(&bench->db, SLICE("acme"), next[i], HOUR_MS), STATUS_OK);
    }
    struct client *found = find(bench, "acme");
    int64_t now_ms = clock_wall_ms(bench->db.clock);
    assert_int_equal(found->secret_count, 4); /* the others for the hint "this is the old secret" */
    assert_slice_equal(found->secrets[0].text, SLICE("4"));
    assert_slice_equal(found->secrets[1].text, SLICE("3"));
    assert_true(client_secret_is_live(&found->secrets[0], now_ms) && client_secret_is_live(&found->secrets[1], now_ms));
    assert_false(client_secret_is_live(&found->secrets[2], now_ms));
    assert_false(client_secret_is_live(&found->secrets[3], now_ms));
    client_free(found);
}

static void keys_rotate_like_secrets(void **state)
{
    struct durable_bench *bench = *state;
    struct client client = full_client();
    int64_t id = 0;
    assert_status(durable_client_create_blocking(&bench->db, &client, &id), STATUS_OK);
    assert_status(durable_client_rotate_key_blocking(&bench->db, client.client_id, SLICE("new PEM"), 0), STATUS_OK);
    struct client *found = find(bench, "dpf43f3p2l4k3l03");
    assert_int_equal(found->key_count, 2);
    assert_slice_equal(found->keys[0].text, SLICE("new PEM"));
    assert_true(client_secret_is_live(&found->keys[0], BENCH_NOW_MS));
    assert_false(client_secret_is_live(&found->keys[1], BENCH_NOW_MS));
    assert_int_equal(found->secret_count, 2);
    client_free(found);
}

static void a_key_ends_but_not_the_last_credential(void **state)
{
    struct durable_bench *bench = *state;
    struct client client = full_client();
    int64_t id = 0;
    client.secret_count = 0;
    assert_status(durable_client_create_blocking(&bench->db, &client, &id), STATUS_OK);
    assert_status(durable_client_rotate_key_blocking(&bench->db, client.client_id, SLICE("new"), HOUR_MS), STATUS_OK);
    struct client *found = find(bench, "dpf43f3p2l4k3l03");
    assert_true(found->keys[0].id > found->keys[1].id);
    (void)durable_bench_client(bench, "other");
    assert_status(durable_client_end_key_blocking(&bench->db, SLICE("other"), found->keys[0].id), STATUS_NOT_FOUND);
    assert_status(durable_client_end_key_blocking(&bench->db, client.client_id, found->keys[1].id), STATUS_OK);
    assert_status(durable_client_end_key_blocking(&bench->db, client.client_id, found->keys[1].id), STATUS_NOT_FOUND);
    assert_status(durable_client_end_key_blocking(&bench->db, client.client_id, found->keys[0].id), STATUS_CONFLICT);
    client_free(found);
    found = find(bench, "dpf43f3p2l4k3l03");
    assert_true(client_secret_is_live(&found->keys[0], BENCH_NOW_MS));
    assert_false(client_secret_is_live(&found->keys[1], BENCH_NOW_MS));
    client_free(found);
}

/* ---- the end of a client ---- */

static void assert_token_is_revoked(struct durable_bench *bench, const char *client_id, const char *token, bool revoked)
{
    struct credential_pair *pair = NULL;
    assert_status(durable_pair_find_blocking(&bench->db, slice_str(client_id), slice_str(token), &pair), STATUS_OK);
    assert_true(pair->token_found);
    assert_int_equal(pair->token.revoked_ms != 0, revoked);
    credential_pair_free(pair);
}

static void an_owner_does_not_enable_what_an_operator_disabled(void **state)
{
    struct durable_bench *bench = *state;
    char jti[64];
    struct durable *db = &bench->db;
    struct slice id = SLICE("acme");
    (void)durable_bench_client(bench, "acme");
    durable_bench_token(bench, "acme", durable_bench_user(bench, "jane"), "token", jti);
    assert_status(durable_client_switch_off_blocking(db, id), STATUS_OK);
    assert_status(durable_client_switch_off_blocking(db, id), STATUS_CONFLICT);
    assert_int_equal(flags_of(bench, "acme"), CLIENT_DISABLED | CLIENT_SWITCHED_OFF);
    assert_token_is_revoked(bench, "acme", "token", true);
    assert_status(durable_client_switch_on_blocking(db, id), STATUS_OK);
    assert_status(durable_client_switch_on_blocking(db, id), STATUS_CONFLICT);
    assert_int_equal(flags_of(bench, "acme"), 0);
    assert_status(durable_client_switch_off_blocking(db, id), STATUS_OK);
    assert_status(durable_client_disable_blocking(db, id), STATUS_OK);
    assert_int_equal(flags_of(bench, "acme"), CLIENT_DISABLED);
    assert_status(durable_client_switch_on_blocking(db, id), STATUS_CONFLICT);
    assert_status(durable_client_switch_off_blocking(db, id), STATUS_CONFLICT);
    assert_int_equal(flags_of(bench, "acme"), CLIENT_DISABLED);
    assert_status(durable_client_enable_blocking(db, id), STATUS_OK);
    assert_int_equal(flags_of(bench, "acme"), 0);
    struct client *found = find(bench, "acme");
    assert_int_equal(found->generation, 2); /* disabled twice */
    client_free(found);
    assert_status(durable_client_switch_off_blocking(db, SLICE("nobody")), STATUS_NOT_FOUND);
}

static void disabling_a_client_ends_its_tokens_and_nobody_elses(void **state)
{
    struct durable_bench *bench = *state;
    char jti[64];
    char line[1024];
    (void)durable_bench_client(bench, "bad");
    (void)durable_bench_client(bench, "good");
    int64_t jane = durable_bench_user(bench, "jane");
    durable_bench_token(bench, "bad", jane, "token 1", jti);
    durable_bench_token(bench, "good", jane, "token 2", jti);
    int64_t before = durable_bench_latest_change(bench);
    assert_status(durable_client_disable_blocking(&bench->db, SLICE("bad")), STATUS_OK);
    assert_string_equal(durable_bench_changes(bench, before, line), "client ended bad");
    assert_token_is_revoked(bench, "bad", "token 1", true);
    assert_token_is_revoked(bench, "good", "token 2", false);
    struct client *found = find(bench, "bad");
    assert_true(found->flags & CLIENT_DISABLED);
    client_free(found);
    assert_status(durable_client_disable_blocking(&bench->db, SLICE("bad")), STATUS_OK);
}

static void enabling_a_client_again_brings_no_token_back(void **state)
{
    struct durable_bench *bench = *state;
    char jti[64];
    (void)durable_bench_client(bench, "acme");
    durable_bench_token(bench, "acme", durable_bench_user(bench, "jane"), "token", jti);
    assert_status(durable_client_disable_blocking(&bench->db, SLICE("acme")), STATUS_OK);
    assert_status(durable_client_enable_blocking(&bench->db, SLICE("acme")), STATUS_OK);
    struct client *found = find(bench, "acme");
    assert_false(found->flags & CLIENT_DISABLED);
    client_free(found);
    assert_token_is_revoked(bench, "acme", "token", true);
}

static void deleting_a_client_takes_all_that_is_its(void **state)
{
    struct durable_bench *bench = *state;
    static const char *const tables[] = {
        "SELECT COUNT(*) FROM clients",        "SELECT COUNT(*) FROM client_callbacks",
        "SELECT COUNT(*) FROM client_secrets", "SELECT COUNT(*) FROM client_keys",
        "SELECT COUNT(*) FROM tokens",
    };
    struct client client = full_client();
    char jti[64];
    char line[1024];
    int64_t id = 0;
    assert_status(durable_client_create_blocking(&bench->db, &client, &id), STATUS_OK);
    durable_bench_token(bench, "dpf43f3p2l4k3l03", durable_bench_user(bench, "jane"), "token", jti);
    int64_t before = durable_bench_latest_change(bench);
    assert_status(durable_client_delete_blocking(&bench->db, client.client_id), STATUS_OK);
    assert_string_equal(durable_bench_changes(bench, before, line), "client ended dpf43f3p2l4k3l03");
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        assert_int_equal(durable_bench_number(bench, tables[i]), 0);
}

static void a_deleted_clients_number_is_not_given_again(void **state)
{
    struct durable_bench *bench = *state;
    int64_t first = durable_bench_client(bench, "acme");
    assert_status(durable_client_delete_blocking(&bench->db, SLICE("acme")), STATUS_OK);
    assert_true(durable_bench_client(bench, "acme") > first);
}

/* ---- secrets at rest ---- */

static void secrets_are_nowhere_in_the_clear(void **state)
{
    struct durable_bench *bench = *state;
    char jti[64];
    (void)durable_bench_client(bench, "acme");
    durable_bench_token(bench, "acme", durable_bench_user(bench, "jane"), "the token", jti);
    assert_status(durable_client_rotate_secret_blocking(&bench->db, SLICE("acme"), SLICE("canary of rotation"), 0),
                  STATUS_OK);
    assert_true(bench->kind->contains(bench->database, SLICE("the token"))); /* so the search does find things */
    assert_false(bench->kind->contains(bench->database, SLICE("secret of acme")));
    assert_false(bench->kind->contains(bench->database, SLICE("secret of the token")));
    assert_false(bench->kind->contains(bench->database, SLICE("canary of rotation")));
}

static void a_secret_moved_to_another_client_does_not_open(void **state)
{
    struct durable_bench *bench = *state;
    struct client *found = NULL;
    int64_t first = durable_bench_client(bench, "first");
    int64_t second = durable_bench_client(bench, "second");
    struct sql_value swap[] = {sql_int(first), sql_int(second)};
    struct sql_value drop[] = {sql_int(first)};
    assert_status(
        sql_execute_blocking(bench->db.sql, "DELETE FROM client_secrets WHERE client = ?", drop, 1, NULL, NULL),
        STATUS_OK);
    assert_status(sql_execute_blocking(bench->db.sql, "UPDATE client_secrets SET client = ? WHERE client = ?", swap, 2,
                                       NULL, NULL),
                  STATUS_OK);
    assert_status(durable_client_find_blocking(&bench->db, SLICE("first"), &found), STATUS_STORE_CORRUPT);
    assert_non_null(strstr(durable_last_error(&bench->db), "OAUTH1_SECRETS_KEYS"));
}

static void a_secret_needs_the_key_that_sealed_it_while_it_lives(void **state)
{
    struct durable_bench *bench = *state;
    struct keyring *other = NULL;
    const char *why = NULL;
    struct client *found = NULL;
    (void)durable_bench_client(bench, "acme");
    assert_status(keyring_parse(SLICE("new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="), &other, &why), STATUS_OK);
    struct durable db = bench->db;
    db.keys = other;
    assert_status(durable_client_find_blocking(&db, SLICE("acme"), &found), STATUS_STORE_CORRUPT);
    assert_status(durable_client_rotate_secret_blocking(&db, SLICE("acme"), SLICE("new"), 0), STATUS_OK);
    assert_status(durable_client_find_blocking(&db, SLICE("acme"), &found), STATUS_OK);
    assert_int_equal(found->secret_count, 1);
    assert_slice_equal(found->secrets[0].text, SLICE("new"));
    client_free(found);
    keyring_free(other);
}

int contract_clients_run(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_client_is_found_as_it_was_created),
        BENCH_TEST(a_client_whose_texts_are_as_long_as_may_be_is_kept_whole),
        BENCH_TEST(each_flag_is_kept_by_itself),
        BENCH_TEST(client_ids_compare_byte_for_byte),
        BENCH_TEST(client_ids_of_255_bytes_are_the_longest),
        BENCH_TEST(a_client_id_is_taken_once),
        BENCH_TEST(a_client_that_cannot_be_sealed_leaves_nothing_behind),
        BENCH_TEST(clients_are_listed_in_pages),
        BENCH_TEST(an_owner_sees_his_own_clients),
        BENCH_TEST(a_pending_client_is_listed_until_it_is_judged),
        BENCH_TEST(a_client_without_an_owner_is_not_rejected),
        BENCH_TEST(a_user_registers_ten_clients_and_no_more),
        BENCH_TEST(an_update_replaces_all_but_secrets_and_keys),
        BENCH_TEST(an_update_of_an_older_version_is_a_conflict),
        BENCH_TEST(what_does_not_exist_cannot_be_changed),
        BENCH_TEST(a_client_has_one_picture_that_ends_with_it),
        BENCH_TEST(a_rotated_secret_lives_on_for_the_overlap),
        BENCH_TEST(no_more_than_two_secrets_live_at_once),
        BENCH_TEST(keys_rotate_like_secrets),
        BENCH_TEST(a_key_ends_but_not_the_last_credential),
        BENCH_TEST(an_owner_does_not_enable_what_an_operator_disabled),
        BENCH_TEST(disabling_a_client_ends_its_tokens_and_nobody_elses),
        BENCH_TEST(enabling_a_client_again_brings_no_token_back),
        BENCH_TEST(deleting_a_client_takes_all_that_is_its),
        BENCH_TEST(a_deleted_clients_number_is_not_given_again),
        BENCH_TEST(secrets_are_nowhere_in_the_clear),
        BENCH_TEST(a_secret_moved_to_another_client_does_not_open),
        BENCH_TEST(a_secret_needs_the_key_that_sealed_it_while_it_lives),
    };
    return cmocka_run_group_tests_name("clients", tests, NULL, NULL);
}
