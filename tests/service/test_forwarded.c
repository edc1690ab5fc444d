#include "service/forwarded.h"

#include "support/test.h"

#include <stdio.h>

static struct address_block blocks[2];
static const struct config_proxies proxies = {blocks, 2, true};
static const struct config_proxies nobody = {NULL, 0, false};

static int start(void **state)
{
    (void)state;
    assert_true(address_block_parse(SLICE("10.0.0.0/8"), &blocks[0]));
    assert_true(address_block_parse(SLICE("2001:db8::/32"), &blocks[1]));
    return 0;
}

static struct peer peer_of(const char *text)
{
    struct peer peer = {.is_unix = strcmp(text, "unix") == 0};
    if (!peer.is_unix)
        assert_true(address_parse(slice_str(text), &peer.address));
    (void)snprintf(peer.text, sizeof peer.text, "%s", text);
    return peer;
}

/* A request from a peer with up to two headers of one name. */
static void make_request(struct request *request, struct header headers[2], const char *peer, const char *name,
                         const char *first, const char *second)
{
    *request = (struct request){.peer = peer_of(peer), .headers = headers};
    const char *const values[] = {first, second};
    for (size_t i = 0; i < 2 && values[i]; i++)
        headers[request->header_count++] = (struct header){slice_str(name), slice_str(values[i])};
}

static void believes_the_scheme_of_trusted_peers_alone(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *first, *second;
        bool secure;
    } rows[] = {
        {"10.1.2.3", "https", NULL, true},
        {"10.1.2.3", "HTTPS", NULL, true},
        {"::ffff:10.1.2.3", "https", NULL, true},
        {"2001:db8::9", "https", NULL, true},
        {"unix", "https", NULL, true},
        {"10.1.2.3", NULL, NULL, false},
        {"10.1.2.3", "http", NULL, false},
        {"10.1.2.3", "https", "https", false},
        {"10.1.2.3", "https", "http", false},
        {"10.1.2.3", "https,http", NULL, false},
        {"10.1.2.3", "", NULL, false},
        {"11.1.2.3", "https", NULL, false},
        {"127.0.0.1", "https", NULL, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct request request;
        struct header headers[2];
        make_request(&request, headers, rows[i].peer, "X-Forwarded-Proto", rows[i].first, rows[i].second);
        assert_int_equal(forwarded_is_secure(&request, &proxies), rows[i].secure);
        assert_false(forwarded_is_secure(&request, &nobody));
        request.is_tls = true; /* TLS that ended here needs nobody's word */
        assert_true(forwarded_is_secure(&request, &nobody));
    }
}

static void takes_the_rightmost_address_that_is_no_proxy(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *first, *second, *address;
    } rows[] = {
        {"10.1.2.3", "203.0.113.9", NULL, "203.0.113.9"},
        {"10.1.2.3", "198.51.100.1, 203.0.113.9", NULL, "203.0.113.9"}, /* the left one is the client's own word */
        {"10.1.2.3", "203.0.113.9, 10.9.9.9", NULL, "203.0.113.9"},
        {"10.1.2.3", "10.9.9.9", NULL, "10.9.9.9"},
        {"10.1.2.3", "rubbish", NULL, "10.1.2.3"},
        {"10.1.2.3", "203.0.113.9, rubbish, 10.9.9.9", NULL, "10.9.9.9"},
        {"10.1.2.3", "", NULL, "10.1.2.3"},
        {"10.1.2.3", NULL, NULL, "10.1.2.3"},
        {"192.0.2.1", "203.0.113.9", NULL, "192.0.2.1"}, /* not a proxy of ours */
        {"unix", "203.0.113.9", NULL, "203.0.113.9"},
        /* two lines are one list (RFC 9110 §5.3); HAProxy adds its own behind the client's */
        {"10.1.2.3", "203.0.113.9", "198.51.100.1", "198.51.100.1"},
        {"10.1.2.3", "203.0.113.9", "10.9.9.9", "203.0.113.9"},
        {"10.1.2.3", "rubbish", "10.9.9.9", "10.9.9.9"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct request request;
        struct header headers[2];
        make_request(&request, headers, rows[i].peer, "X-Forwarded-For", rows[i].first, rows[i].second);
        assert_slice_equal(forwarded_client_address(&request, &proxies), slice_str(rows[i].address));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(believes_the_scheme_of_trusted_peers_alone),
        cmocka_unit_test(takes_the_rightmost_address_that_is_no_proxy),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
