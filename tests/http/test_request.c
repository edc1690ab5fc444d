#include "support/test.h"

#include "http/request.h"

static struct header headers[] = {
    {SLICE_INIT("Cookie"), SLICE_INIT("a=1; session=abc=; b")},
    {SLICE_INIT("X-Twice"), SLICE_INIT("first")},
    {SLICE_INIT("x-twice"), SLICE_INIT("second")},
    {SLICE_INIT("cookie"), SLICE_INIT("session=other;c=3")},
    {SLICE_INIT("Content-Type"), SLICE_INIT("Application/JSON ; charset=utf-8")},
};

static struct request request;

static int set_up(void **state UNUSED)
{
    request = (struct request){.headers = headers, .header_count = COUNT_OF(headers)};
    arena_init(&request.arena, 100000);
    return 0;
}

static int tear_down(void **state UNUSED)
{
    arena_done(&request.arena);
    return 0;
}

static void headers_are_found_in_any_case_and_counted(void **state UNUSED)
{
    size_t count;
    assert_slice_equal(request_header(&request, "X-TWICE", &count), SLICE("first"));
    assert_int_equal(count, 2);
    assert_true(slice_is_absent(request_header(&request, "X-None", &count)));
    assert_int_equal(count, 0);
}

static void cookies_are_found_by_their_whole_name(void **state UNUSED)
{
    assert_slice_equal(request_cookie(&request, "session"), SLICE("abc="));
    assert_slice_equal(request_cookie(&request, "c"), SLICE("3"));
    assert_true(slice_is_absent(request_cookie(&request, "b")));
    assert_true(slice_is_absent(request_cookie(&request, "sess")));
    assert_true(slice_is_absent(request_cookie(&request, "Session")));
}

static void media_types_ignore_case_and_parameters(void **state UNUSED)
{
    assert_true(request_has_media_type(&request, "application/json"));
    assert_false(request_has_media_type(&request, "application/jsonx"));
    request.header_count = 4;
    assert_false(request_has_media_type(&request, "application/json"));
}

static void values_with_control_characters_break_the_reply(void **state UNUSED)
{
    static const struct slice bad[] = {SLICE_INIT("a\rb"), SLICE_INIT("a\nb"), SLICE_INIT("a\0b"), SLICE_INIT("\x7f"),
                                       SLICE_INIT("\x1b")};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        request_reply_start(&request, 200);
        request_reply_header(&request, "X-Name", bad[i]);
        assert_true(request.reply.is_broken);
    }
    request_reply_start(&request, 200);
    request_reply_header(&request, "X-Name", SLICE("a\tb \xc3\xa9"));
    assert_false(request.reply.is_broken);
}

/* A cookie without its attributes, or a redirect to nowhere, never leaves. */
static void values_that_there_was_no_memory_for_break_the_reply(void **state UNUSED)
{
    char room[4];
    struct buf text = buf_fixed(room, sizeof room);
    buf_add_str(&text, "abc");
    request_reply_start(&request, 200);
    request_reply_header(&request, "X-Name", SLICE(""));
    request_reply_header_from(&request, "X-Name", &text);
    assert_false(request.reply.is_broken);
    assert_slice_equal(request.reply.headers[1].value, SLICE("abc"));
    buf_add_str(&text, "de");
    request_reply_header_from(&request, "X-Name", &text);
    assert_true(request.reply.is_broken);
    request_reply_start(&request, 200);
    request_reply_header(&request, "X-Name", SLICE_ABSENT);
    assert_true(request.reply.is_broken);
}

static void too_many_headers_break_the_reply(void **state UNUSED)
{
    request_reply_start(&request, 200);
    for (int i = 0; i < REPLY_HEADERS_MAX; i++)
        request_reply_header(&request, "X-Name", SLICE("v"));
    assert_false(request.reply.is_broken);
    request_reply_header(&request, "X-Name", SLICE("v"));
    assert_true(request.reply.is_broken);
}

static void a_reply_begun_anew_forgets_the_first_but_not_that_it_is_the_last(void **state UNUSED)
{
    request_reply_start(&request, 200);
    request_reply_header(&request, "X-Name", SLICE("v"));
    request_reply_close(&request);
    request_reply_start(&request, 503);
    assert_int_equal(request.reply.header_count, 0);
    assert_true(request.reply.is_last);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(headers_are_found_in_any_case_and_counted),
        TEST(cookies_are_found_by_their_whole_name),
        TEST(media_types_ignore_case_and_parameters),
        TEST(values_with_control_characters_break_the_reply),
        TEST(values_that_there_was_no_memory_for_break_the_reply),
        TEST(too_many_headers_break_the_reply),
        TEST(a_reply_begun_anew_forgets_the_first_but_not_that_it_is_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
