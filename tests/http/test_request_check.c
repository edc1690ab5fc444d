/* What needs no connection; the rest of the checks is in test_transport_evhttp.c. */
#include "support/test.h"

#include "http/request_check.h"

static const struct {
    const char *traceparent;
    const char *id; /* NULL: the random one */
} traceparents[] = {
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "4bf92f3577b34da6a3ce929d0e0e4736"},
    {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"},
    {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", "4bf92f3577b34da6a3ce929d0e0e4736"},
    {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01later", NULL},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", NULL},
    {"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL},
    {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", NULL},
    {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", NULL},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", NULL},
    {"00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", NULL},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", NULL},
    {"00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01", NULL},
    {"zz-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL},
    {"", NULL},
};

static void only_a_valid_traceparent_names_the_request(void **state UNUSED)
{
    static const unsigned char random[16] = {0xab, 0xcd, [15] = 0x01};
    for (size_t i = 0; i < COUNT_OF(traceparents); i++) {
        struct header header = {SLICE("Traceparent"), slice_str(traceparents[i].traceparent)};
        struct request request = {.headers = &header, .header_count = 1};
        request_set_id(&request, random);
        assert_string_equal(request.id, traceparents[i].id ? traceparents[i].id : "abcd0000000000000000000000000001");
    }
}

static void two_traceparents_are_none(void **state UNUSED)
{
    static const unsigned char random[16] = {0};
    struct header header = {SLICE("traceparent"), SLICE("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")};
    struct header headers[] = {header, header};
    struct request request = {.headers = headers, .header_count = 2};
    request_set_id(&request, random);
    assert_string_equal(request.id, "00000000000000000000000000000000");
}

static const struct {
    const char *target;
    const char *path;
    const char *query; /* NULL: absent */
} targets[] = {
    {"/", "/", NULL},
    {"/?", "/", ""},
    {"/a?b?c", "/a", "b?c"},
    {"//a/b", "//a/b", NULL},
    {"http://h", "/", NULL},
    {"HTTPS://H?", "/", ""},
    {"http://h/a%2Fb?c", "/a%2Fb", "c"},
    {"/http://h/", "/http://h/", NULL},
};

static void targets_are_split_without_touching_a_byte(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        struct header host = {SLICE("Host"), SLICE("h")};
        struct request request = {
            .method = SLICE("GET"), .target = slice_str(targets[i].target), .headers = &host, .header_count = 1};
        struct request_facts facts = {.version_major = 1, .version_minor = 1, .head_bytes = 100};
        struct request_bounds bounds = {1000, 10};
        const char *detail;
        assert_int_equal(request_check(&request, &facts, &bounds, &detail), 0);
        assert_slice_equal(request.path, slice_str(targets[i].path));
        assert_int_equal(slice_is_absent(request.query), targets[i].query == NULL);
        assert_slice_equal(request.query, slice_str(targets[i].query));
        assert_slice_equal(request.host, SLICE("h"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_valid_traceparent_names_the_request),
        cmocka_unit_test(two_traceparents_are_none),
        cmocka_unit_test(targets_are_split_without_touching_a_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
