#include "cache/cache_entry.h"

#include "support/test.h"
#include "support/watch.h"

#include <stdlib.h>

static const struct hash_key hash_key = {1, 2};

/* What texts point at: each of the members has its own memory, which is gone when the row is. */
struct memory {
    char *texts[32];
    size_t count;
};

static struct slice make_text(struct memory *memory, const char *text)
{
    assert_true(memory->count < COUNT_OF(memory->texts));
    char *copy = strdup(text);
    assert_non_null(copy);
    memory->texts[memory->count++] = copy;
    return slice_str(copy);
}

static void free_texts(struct memory *memory)
{
    for (size_t i = 0; i < memory->count; i++) {
        memset(memory->texts[i], '#', strlen(memory->texts[i]));
        free(memory->texts[i]);
    }
}

#define MAKE(member, ...)        row->member = make_text(memory, "the " #member);
#define ASSERT_KEPT(member, ...) assert_slice_equal(kept->member, SLICE("the " #member));
#define ASSERT_LEFT(member, ...) assert_int_equal(kept->member.len, 0);

static void make_client(struct memory *memory, struct client *row)
{
    *row = (struct client){.id = 3, .client_id = make_text(memory, "c"), .flags = CLIENT_TRUSTED};
    CLIENT_TEXTS(MAKE);
}

static void make_token(struct memory *memory, struct token *row)
{
    *row = (struct token){.client = 3, .client_id = make_text(memory, "c"), .oauth_token = make_text(memory, "t")};
    row->secret = make_text(memory, "the secret");
    TOKEN_TEXTS(MAKE);
}

static void a_client_is_kept_with_every_text_it_has(void **state)
{
    struct memory memory = {.count = 0};
    struct client row;
    const struct credential_key key = {CREDENTIAL_CLIENT, SLICE("c"), SLICE("")};
    (void)state;
    make_client(&memory, &row);
    struct cache_entry *entry = cache_entry_new(&hash_key, &key, &row, 1);
    assert_non_null(entry);
    free_texts(&memory);
    const struct client *kept = entry->object;
    CLIENT_TEXTS(ASSERT_KEPT);
    assert_slice_equal(kept->client_id, SLICE("c"));
    assert_int_equal(kept->flags, CLIENT_TRUSTED);
    cache_entry_release(entry);
}

static void a_pair_is_kept_with_the_texts_that_a_verification_needs(void **state)
{
    struct memory memory = {.count = 0};
    struct credential_pair row = {.client_found = true, .token_found = true};
    const struct credential_key key = {CREDENTIAL_PAIR, SLICE("c"), SLICE("t")};
    (void)state;
    make_client(&memory, &row.client);
    make_token(&memory, &row.token);
    struct cache_entry *entry = cache_entry_new(&hash_key, &key, &row, 1);
    assert_non_null(entry);
    free_texts(&memory);
    const struct credential_pair *pair = entry->object;
    {
        const struct client *kept = &pair->client;
        CLIENT_CHECK_TEXTS(ASSERT_KEPT);
        CLIENT_PAGE_TEXTS(ASSERT_LEFT);
    }
    const struct token *kept = &pair->token;
    TOKEN_TEXTS(ASSERT_KEPT);
    assert_slice_equal(kept->secret, SLICE("the secret"));
    assert_slice_equal(kept->oauth_token, SLICE("t"));
    assert_slice_equal(kept->client_id, SLICE("c"));
    cache_entry_release(entry);
}

static void a_resource_server_is_kept_with_every_text_it_has(void **state)
{
    struct memory texts = {.count = 0};
    struct memory *memory = &texts;
    struct resource_server server = {.id = 5};
    struct resource_server *row = &server;
    const struct credential_key key = {CREDENTIAL_RESOURCE_SERVER, SLICE("digest"), SLICE("")};
    (void)state;
    RESOURCE_SERVER_TEXTS(MAKE);
    row->key_digest = make_text(memory, "digest");
    struct cache_entry *entry = cache_entry_new(&hash_key, &key, row, 1);
    assert_non_null(entry);
    free_texts(memory);
    const struct resource_server *kept = entry->object;
    RESOURCE_SERVER_TEXTS(ASSERT_KEPT);
    assert_slice_equal(kept->key_digest, SLICE("digest"));
    cache_entry_release(entry);
}

/* ---- hashes ---- */

static uint64_t hash_of(enum credential_kind kind, const char *first, const char *second)
{
    const struct credential_key key = {kind, slice_str(first), slice_str(second)};
    return cache_key_hash(&hash_key, &key);
}

static void no_two_keys_read_the_same(void **state)
{
    const uint64_t hashes[] = {
        hash_of(CREDENTIAL_PAIR, "ab", "c"),
        hash_of(CREDENTIAL_PAIR, "a", "bc"),
        hash_of(CREDENTIAL_PAIR, "abc", ""),
        hash_of(CREDENTIAL_PAIR, "", "abc"),
        hash_of(CREDENTIAL_PAIR, "ab", "d"),
        hash_of(CREDENTIAL_CLIENT, "abc", ""),
        hash_of(CREDENTIAL_RESOURCE_SERVER, "abc", ""),
        hash_of(CREDENTIAL_PAIR, "xb", "c"),
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hashes); i++)
        for (size_t k = 0; k < i; k++)
            assert_true(hashes[i] != hashes[k]);
    assert_true(hash_of(CREDENTIAL_PAIR, "ab", "c") == hashes[0]);
}

static void no_two_subjects_read_the_same(void **state)
{
    const uint64_t hashes[] = {
        cache_subject_hash(&hash_key, CHANGE_CLIENT, SLICE("7")),
        cache_subject_hash(&hash_key, CHANGE_USER, SLICE("7")),
        cache_subject_hash(&hash_key, CHANGE_TOKEN, SLICE("7")),
        cache_subject_hash(&hash_key, CHANGE_RESOURCE_SERVER, SLICE("7")),
        cache_subject_hash(&hash_key, CHANGE_CLIENT, SLICE("77")),
        cache_subject_hash(&hash_key, CHANGE_CLIENT, SLICE("8")),
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hashes); i++)
        for (size_t k = 0; k < i; k++)
            assert_true(hashes[i] != hashes[k]);
}

/* All of the longest identifier counts, and of what is longer than any a byte more. */
static void the_longest_identifiers_are_told_apart(void **state)
{
    char ids[2][IDENTIFIER_MAX_BYTES + 2];
    (void)state;
    memset(ids, 'i', sizeof ids);
    for (size_t len = IDENTIFIER_MAX_BYTES; len <= IDENTIFIER_MAX_BYTES + 1; len++) {
        ids[1][len - 1] = 'j';
        struct slice one = slice_of(ids[0], len);
        struct slice other = slice_of(ids[1], len);
        const struct credential_key keys[] = {
            {CREDENTIAL_PAIR, one, one}, {CREDENTIAL_PAIR, one, other}, {CREDENTIAL_PAIR, other, one}};
        assert_true(cache_key_hash(&hash_key, &keys[0]) != cache_key_hash(&hash_key, &keys[1]));
        assert_true(cache_key_hash(&hash_key, &keys[0]) != cache_key_hash(&hash_key, &keys[2]));
        assert_true(cache_subject_hash(&hash_key, CHANGE_CLIENT, one) !=
                    cache_subject_hash(&hash_key, CHANGE_CLIENT, other));
        ids[1][len - 1] = 'i';
    }
}

/* ---- rows, in memory that is gone when they are compared ---- */

static struct slice text(struct arena *arena, const char *text)
{
    struct slice copy = arena_copy(arena, slice_str(text));
    assert_false(slice_is_absent(copy));
    return copy;
}

static const struct client_secret *two_secrets(struct arena *arena, const char *first, const char *second)
{
    struct client_secret *secrets = arena_calloc(arena, 2, sizeof *secrets);
    assert_non_null(secrets);
    secrets[0] = (struct client_secret){text(arena, first), 11, 0, 0};
    secrets[1] = (struct client_secret){text(arena, second), 12, 13, 0};
    return secrets;
}

static struct client client_row(struct arena *arena)
{
    struct client_callback *callbacks = arena_calloc(arena, 2, sizeof *callbacks);
    assert_non_null(callbacks);
    callbacks[0] = (struct client_callback){text(arena, "https://a.example/cb"), false};
    callbacks[1] = (struct client_callback){text(arena, "https://b.example/"), true};
    return (struct client){
        .id = 1,
        .version = 2,
        .client_id = text(arena, "acme"),
        .name = text(arena, "name"),
        .website = text(arena, "website"),
        .description = text(arena, "description"),
        .logo = text(arena, "logo"),
        .owner = text(arena, "owner"),
        .default_callback = text(arena, "default"),
        .signature_methods = text(arena, "HMAC-SHA1"),
        .allowed_scopes = text(arena, "a b"),
        .default_scopes = text(arena, "a"),
        .flags = 3,
        .created_ms = 4,
        .updated_ms = 5,
        .generation = 6,
        .callbacks = callbacks,
        .callback_count = 2,
        .secrets = two_secrets(arena, "one & only", "former"),
        .secret_count = 2,
        .keys = two_secrets(arena, "PEM", "former PEM"),
        .key_count = 2,
    };
}

static struct token token_row(struct arena *arena)
{
    return (struct token){
        .id = 21,
        .jti = text(arena, "tok_1"),
        .oauth_token = text(arena, "t"),
        .secret = text(arena, "secret of t"),
        .client = 1,
        .client_id = text(arena, "acme"),
        .user = 7,
        .subject = text(arena, "subject"),
        .username = text(arena, "jane"),
        .user_disabled = true,
        .scopes = text(arena, "a"),
        .created_ms = 22,
        .last_used_ms = 23,
        .expires_ms = 24,
        .revoked_ms = 25,
    };
}

static struct cache_entry *entry_of(struct arena *arena, enum credential_kind kind, const char *first,
                                    const char *second, const void *row)
{
    const struct credential_key key = {kind, text(arena, first), text(arena, second)};
    struct cache_entry *entry = cache_entry_new(&hash_key, &key, row, 99);
    assert_non_null(entry);
    assert_int_equal(entry->asked_ms, 99);
    assert_int_equal(entry->hash, cache_key_hash(&hash_key, &key));
    assert_int_equal(entry->holders, 1);
    arena_done(arena);
    assert_slice_equal(entry->key.first, slice_str(first));
    assert_slice_equal(entry->key.second, slice_str(second));
    return entry;
}

static void assert_secrets(const struct client_secret *secrets, const char *first, const char *second)
{
    assert_slice_equal(secrets[0].text, slice_str(first));
    assert_int_equal(secrets[0].created_ms, 11);
    assert_int_equal(secrets[0].expires_ms, 0);
    assert_slice_equal(secrets[1].text, slice_str(second));
    assert_int_equal(secrets[1].created_ms, 12);
    assert_int_equal(secrets[1].expires_ms, 13);
}

static void assert_client(const struct client *client)
{
    assert_int_equal(client->id, 1);
    assert_int_equal(client->version, 2);
    assert_int_equal(client->flags, 3);
    assert_int_equal(client->generation, 6);
    assert_slice_equal(client->client_id, SLICE("acme"));
    assert_slice_equal(client->signature_methods, SLICE("HMAC-SHA1"));
    assert_slice_equal(client->allowed_scopes, SLICE("a b"));
    assert_slice_equal(client->default_scopes, SLICE("a"));
    assert_int_equal(client->secret_count, 2);
    assert_secrets(client->secrets, "one & only", "former");
    assert_int_equal(client->key_count, 2);
    assert_secrets(client->keys, "PEM", "former PEM");
}

static void a_pair_is_copied_as_a_verification_needs_it(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    const struct credential_pair row = {
        .client_found = true, .token_found = true, .client = client_row(&arena), .token = token_row(&arena)};
    struct cache_entry *entry = entry_of(&arena, CREDENTIAL_PAIR, "acme", "t", &row);
    const struct credential_pair *pair = entry->object;
    assert_true(pair->client_found && pair->token_found && !entry->is_unknown);
    assert_client(&pair->client);
    assert_int_equal(pair->client.callback_count, 0);
    assert_null(pair->client.callbacks);
    assert_slice_equal(pair->client.owner, SLICE("owner")); /* for whom it works before it is approved */
    const struct slice left_out[] = {pair->client.name, pair->client.website, pair->client.description,
                                     pair->client.logo, pair->client.default_callback};
    for (size_t i = 0; i < COUNT_OF(left_out); i++)
        assert_slice_equal(left_out[i], SLICE(""));
    const struct token *token = &pair->token;
    assert_int_equal(token->id, 21);
    assert_int_equal(token->client, 1);
    assert_int_equal(token->user, 7);
    assert_int_equal(token->revoked_ms, 25);
    assert_true(token->user_disabled);
    assert_slice_equal(token->jti, SLICE("tok_1"));
    assert_slice_equal(token->oauth_token, SLICE("t"));
    assert_slice_equal(token->secret, SLICE("secret of t"));
    assert_slice_equal(token->client_id, SLICE("acme"));
    assert_slice_equal(token->subject, SLICE("subject"));
    assert_slice_equal(token->username, SLICE("jane"));
    assert_slice_equal(token->scopes, SLICE("a"));
    assert_slice_equal(entry->shared_keys[0], SLICE("one%20%26%20only&secret%20of%20t"));
    assert_slice_equal(entry->shared_keys[1], SLICE("former&secret%20of%20t"));
    cache_entry_release(entry);
}

static void a_client_is_copied_whole(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    const struct client row = client_row(&arena);
    struct cache_entry *entry = entry_of(&arena, CREDENTIAL_CLIENT, "acme", "", &row);
    const struct client *client = entry->object;
    assert_false(entry->is_unknown);
    assert_client(client);
    assert_slice_equal(client->name, SLICE("name"));
    assert_slice_equal(client->website, SLICE("website"));
    assert_slice_equal(client->description, SLICE("description"));
    assert_slice_equal(client->logo, SLICE("logo"));
    assert_slice_equal(client->owner, SLICE("owner"));
    assert_slice_equal(client->default_callback, SLICE("default"));
    assert_int_equal(client->callback_count, 2);
    assert_slice_equal(client->callbacks[0].uri, SLICE("https://a.example/cb"));
    assert_false(client->callbacks[0].is_prefix);
    assert_slice_equal(client->callbacks[1].uri, SLICE("https://b.example/"));
    assert_true(client->callbacks[1].is_prefix);
    assert_slice_equal(entry->shared_keys[0], SLICE("one%20%26%20only&"));
    assert_slice_equal(entry->shared_keys[1], SLICE("former&"));
    cache_entry_release(entry);
}

/* Whatever its bytes would say of one. */
static void a_client_has_no_token(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    struct client *row = test_calloc(1, sizeof *row);
    *row = client_row(&arena);
    row->id = 0x0101010101010101;
    struct cache_entry *entry = entry_of(&arena, CREDENTIAL_CLIENT, "acme", "", row);
    test_free(row);
    assert_slice_equal(entry->shared_keys[1], SLICE("former&"));
    assert_int_equal(entry->subject_count, 1);
    cache_entry_release(entry);
}

static void a_resource_server_is_copied_whole(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    const struct resource_server row = {
        .id = 5,
        .name = text(&arena, "photos"),
        .key_digest = text(&arena, "digest"),
        .origins = text(&arena, "https://api.example"),
        .tls_sans = text(&arena, "DNS:api"),
        .allow_explain = true,
        .revoked_ms = 6,
    };
    struct cache_entry *entry = entry_of(&arena, CREDENTIAL_RESOURCE_SERVER, "digest", "DNS:api", &row);
    const struct resource_server *server = entry->object;
    assert_false(entry->is_unknown);
    assert_int_equal(server->id, 5);
    assert_int_equal(server->revoked_ms, 6);
    assert_true(server->allow_explain);
    assert_slice_equal(server->name, SLICE("photos"));
    assert_slice_equal(server->key_digest, SLICE("digest"));
    assert_slice_equal(server->origins, SLICE("https://api.example"));
    assert_slice_equal(server->tls_sans, SLICE("DNS:api"));
    cache_entry_release(entry);
}

/* The key says which client asks; the token may be another's, and then says so. */
static void a_token_of_another_client_names_that_one(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    struct credential_pair row = {
        .client_found = true, .token_found = true, .client = client_row(&arena), .token = token_row(&arena)};
    row.token.client = 2;
    row.token.client_id = text(&arena, "other");
    struct cache_entry *entry = entry_of(&arena, CREDENTIAL_PAIR, "acme", "t", &row);
    assert_slice_equal(((const struct credential_pair *)entry->object)->token.client_id, SLICE("other"));
    assert_true(entry->is_unknown);
    cache_entry_release(entry);
}

static void knows_what_is_unknown(void **state)
{
    static const struct {
        enum credential_kind kind;
        const char *second;
        bool client_found, token_found, has_row, is_unknown;
    } rows[] = {
        {CREDENTIAL_PAIR, "t", true, true, true, false},
        {CREDENTIAL_PAIR, "t", true, false, true, true},
        {CREDENTIAL_PAIR, "t", false, true, true, true},
        {CREDENTIAL_PAIR, "", true, false, true, false},
        {CREDENTIAL_PAIR, "", false, false, true, true},
        {CREDENTIAL_CLIENT, "", true, false, false, true},
        {CREDENTIAL_RESOURCE_SERVER, "", true, false, false, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        arena_init(&arena, 1 << 16);
        const struct credential_pair row = {.client_found = rows[i].client_found,
                                            .token_found = rows[i].token_found,
                                            .client = client_row(&arena),
                                            .token = token_row(&arena)};
        struct cache_entry *entry =
            entry_of(&arena, rows[i].kind, "acme", rows[i].second, rows[i].has_row ? &row : NULL);
        assert_int_equal(entry->is_unknown, rows[i].is_unknown);
        assert_int_equal(entry->object != NULL, rows[i].has_row);
        cache_entry_release(entry);
    }
}

/* ---- whom it is about ---- */

static void assert_about(const struct cache_entry *entry, const uint64_t *hashes, size_t count)
{
    assert_int_equal(entry->subject_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(entry->subjects[i].hash, hashes[i]);
        assert_ptr_equal(entry->subjects[i].entry, entry);
    }
}

static void is_about_client_user_and_token_or_the_server(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    const uint64_t of_pair[] = {
        cache_subject_hash(&hash_key, CHANGE_CLIENT, SLICE("acme")),
        cache_subject_hash(&hash_key, CHANGE_USER, SLICE("7")),
        cache_subject_hash(&hash_key, CHANGE_TOKEN, SLICE("tok_1")),
    };
    const uint64_t of_server[] = {cache_subject_hash(&hash_key, CHANGE_RESOURCE_SERVER, SLICE("5"))};
    const struct credential_pair pair = {
        .client_found = true, .token_found = true, .client = client_row(&arena), .token = token_row(&arena)};
    struct cache_entry *entry = entry_of(&arena, CREDENTIAL_PAIR, "acme", "t", &pair);
    assert_about(entry, of_pair, 3);
    cache_entry_release(entry);
    entry = entry_of(&arena, CREDENTIAL_CLIENT, "acme", "", NULL); /* it may be made one day */
    assert_about(entry, of_pair, 1);
    cache_entry_release(entry);
    const struct resource_server server = {.id = 5};
    entry = entry_of(&arena, CREDENTIAL_RESOURCE_SERVER, "digest", "", &server);
    assert_about(entry, of_server, 1);
    cache_entry_release(entry);
    entry = entry_of(&arena, CREDENTIAL_RESOURCE_SERVER, "digest", "", NULL);
    assert_about(entry, NULL, 0);
    cache_entry_release(entry);
}

static void goes_with_its_last_holder(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    struct cache_entry *entry = entry_of(&arena, CREDENTIAL_CLIENT, "acme", "", NULL);
    assert_ptr_equal(cache_entry_hold(entry), entry);
    cache_entry_release(entry);
    assert_slice_equal(entry->key.first, SLICE("acme"));
    cache_entry_release(entry);
}

static void is_wiped_whole_by_its_last_holder(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    const struct client row = client_row(&arena);
    struct cache_entry *entry = cache_entry_hold(entry_of(&arena, CREDENTIAL_CLIENT, "acme", "", &row));
    watch_begin();
    cache_entry_release(entry);
    assert_int_equal(watch_wipes(SLICE("")), 0);
    cache_entry_release(entry);
    assert_int_equal(watch_wipes(SLICE("one & only")), 1);
    assert_int_equal(watch_wipes(SLICE("one%20%26%20only&")), 1);
    watch_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_kept_with_every_text_it_has),
        cmocka_unit_test(a_pair_is_kept_with_the_texts_that_a_verification_needs),
        cmocka_unit_test(a_resource_server_is_kept_with_every_text_it_has),
        cmocka_unit_test(no_two_keys_read_the_same),
        cmocka_unit_test(no_two_subjects_read_the_same),
        cmocka_unit_test(the_longest_identifiers_are_told_apart),
        cmocka_unit_test(a_pair_is_copied_as_a_verification_needs_it),
        cmocka_unit_test(a_client_is_copied_whole),
        cmocka_unit_test(a_client_has_no_token),
        cmocka_unit_test(a_resource_server_is_copied_whole),
        cmocka_unit_test(a_token_of_another_client_names_that_one),
        cmocka_unit_test(knows_what_is_unknown),
        cmocka_unit_test(is_about_client_user_and_token_or_the_server),
        cmocka_unit_test(goes_with_its_last_holder),
        cmocka_unit_test(is_wiped_whole_by_its_last_holder),
    };
    return cmocka_run_group_tests_name("cache_entry", tests, NULL, NULL);
}
