#include "cache/cache_entry.h"

#include "support/test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_kept_with_every_text_it_has),
        cmocka_unit_test(a_pair_is_kept_with_the_texts_that_a_verification_needs),
        cmocka_unit_test(a_resource_server_is_kept_with_every_text_it_has),
    };
    return cmocka_run_group_tests_name("cache_entry", tests, NULL, NULL);
}
