#include "identity_headers.h"

#include "support/test.h"

struct row {
    const char *value; /* NULL: absent */
    const char *written;
};

static void check(void (*write)(struct slice, struct buf *), const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buf out = BUF_INIT;
        write(slice_str(rows[i].value), &out);
        assert_slice_equal(buf_slice(&out), slice_str(rows[i].written));
        buf_done(&out);
    }
}

static void encodes_what_could_be_taken_for_something_else(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, "-"},
        {"", "-"},
        {"-", "%2D"},
        {"--", "--"},
        {"jane", "jane"},
        {"AZaz09-._~", "AZaz09-._~"},
        {"jane doe", "jane%20doe"},
        {"a,b;c=\"d\"", "a%2Cb%3Bc%3D%22d%22"},
        {"x\r\nX-OAuth-Scope: all", "x%0D%0AX-OAuth-Scope%3A%20all"},
        {"J\xC3\xBCrgen", "J%C3%BCrgen"},
        {"100%", "100%25"},
        {"%2D", "%252D"},
    };
    check(identity_write, rows, COUNT_OF(rows));
}

static void keeps_the_spaces_between_scopes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, "-"},          {"", "-"},
        {"-", "%2D"},         {"photos:read photos:write", "photos%3Aread photos%3Awrite"},
        {"a", "a"},           {"https://x/y z", "https%3A%2F%2Fx%2Fy z"},
        {"a,b c", "a%2Cb c"}, {" ", "-"},
        {"  ", "-"},          {" a  b ", "a b"},
        {" - ", "%2D"},       {"- -", "- -"},
    };
    check(identity_write_scope, rows, COUNT_OF(rows));
}

/* ---- the headers of a reply ---- */

enum { ARENA_BYTES = 4096 };

struct scene {
    struct client client;
    struct token token;
    struct check check;
    struct request request;
};

/* A three-legged request. */
static void begin(struct scene *s, size_t arena_bytes)
{
    *s = (struct scene){
        .client = {.client_id = SLICE("printer"), .allowed_scopes = SLICE("all of it")},
        .token = {.subject = SLICE("42"), .username = SLICE("jane doe"), .scopes = SLICE("a b"), .jti = SLICE("tok_1")},
    };
    s->check = (struct check){.client = &s->client, .token = &s->token, .legs = 3, .body_hash = BODY_HASH_VERIFIED};
    arena_init(&s->request.arena, arena_bytes);
    request_reply_start(&s->request, 200);
}

static void assert_headers(struct scene *s, const char *const expected[7][2])
{
    identity_headers_add(&s->request, &s->check);
    assert_false(s->request.reply.is_broken);
    assert_int_equal(s->request.reply.header_count, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_slice_equal(s->request.reply.headers[i].name, slice_str(expected[i][0]));
        assert_slice_equal(s->request.reply.headers[i].value, slice_str(expected[i][1]));
    }
    arena_done(&s->request.arena);
}

static void names_client_user_and_token(void **state)
{
    (void)state;
    static const char *const expected[7][2] = {{"X-OAuth-Client-Id", "printer"},   {"X-OAuth-Subject", "42"},
                                               {"X-OAuth-Username", "jane%20doe"}, {"X-OAuth-Scope", "a b"},
                                               {"X-OAuth-Token-Id", "tok_1"},      {"X-OAuth-Legs", "3"},
                                               {"X-OAuth-Body-Hash", "verified"}};
    struct scene s;
    begin(&s, ARENA_BYTES);
    assert_headers(&s, expected);
}

/* Whatever a client sent under these names is overwritten: a header is never left out. */
static void says_that_there_is_no_user_and_no_token(void **state)
{
    (void)state;
    static const char *const expected[7][2] = {{"X-OAuth-Client-Id", "printer"}, {"X-OAuth-Subject", "-"},
                                               {"X-OAuth-Username", "-"},        {"X-OAuth-Scope", "all of it"},
                                               {"X-OAuth-Token-Id", "-"},        {"X-OAuth-Legs", "2"},
                                               {"X-OAuth-Body-Hash", "-"}};
    struct scene s;
    begin(&s, ARENA_BYTES);
    s.check.legs = 2;
    s.check.token = NULL;
    s.check.body_hash = BODY_HASH_NONE;
    assert_headers(&s, expected);
}

/* A name that is cut short may be another's. */
static void breaks_the_reply_where_there_is_no_memory_for_a_value(void **state)
{
    (void)state;
    char username[300];
    struct scene s;
    size_t bytes = 0;
    memset(username, 'j', sizeof username);
    for (bool is_broken = true; is_broken; bytes += 8) {
        assert_true(bytes < ARENA_BYTES);
        begin(&s, bytes);
        s.token.username = slice_of(username, sizeof username);
        identity_headers_add(&s.request, &s.check);
        is_broken = s.request.reply.is_broken;
        if (!is_broken)
            assert_slice_equal(s.request.reply.headers[2].value, slice_of(username, sizeof username));
        arena_done(&s.request.arena);
    }
    assert_true(bytes > sizeof username);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_what_could_be_taken_for_something_else),
        cmocka_unit_test(keeps_the_spaces_between_scopes),
        cmocka_unit_test(names_client_user_and_token),
        cmocka_unit_test(says_that_there_is_no_user_and_no_token),
        cmocka_unit_test(breaks_the_reply_where_there_is_no_memory_for_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
