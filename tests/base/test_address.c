#include "base/address.h"

#include "support/test.h"

static struct address parse(const char *text)
{
    struct address address = {{0}};
    if (!address_parse(slice_str(text), &address))
        fail_msg("%s is refused", text);
    return address;
}

static void takes_addresses_and_no_names(void **state)
{
    (void)state;
    static const char *const good[] = {"192.0.2.1", "::1", "[::1]", "2001:DB8::1", "::ffff:192.0.2.1", "0.0.0.0"};
    static const char *const bad[] = {"",
                                      "localhost",
                                      "192.0.2",
                                      "192.0.2.256",
                                      "192.0.2.1 ",
                                      "[192.0.2.1",
                                      "::1%eth0",
                                      "1.2.3.4.5",
                                      "[]",
                                      "[192.0.2.1]",
                                      "00000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
    struct address address;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        (void)parse(good[i]);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (address_parse(slice_str(bad[i]), &address))
            fail_msg("%s is taken", bad[i]);
    assert_false(address_parse(SLICE("192.0.2.1\0x"), &address));
}

static void both_spellings_of_an_ipv4_address_are_one(void **state)
{
    (void)state;
    struct address v4 = parse("192.0.2.1"), mapped = parse("::ffff:192.0.2.1");
    assert_memory_equal(&v4, &mapped, sizeof v4);
}

static void knows_who_is_in_a_block(void **state)
{
    (void)state;
    static const struct {
        const char *block, *address;
        bool in;
    } rows[] = {
        {"10.0.0.0/8", "10.255.1.2", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
        {"192.0.2.0/25", "192.0.2.127", true},
        {"192.0.2.0/25", "192.0.2.128", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "203.0.113.9", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1", "::1", true},
        {"::1", "::2", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct address_block block;
        struct address address = parse(rows[i].address);
        assert_true(address_block_parse(slice_str(rows[i].block), &block));
        assert_int_equal(address_block_has(&block, &address), rows[i].in);
    }
}

static void refuses_blocks_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"10.0.0.1/8", "10.0.0.0/33",    "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8",
                                      "::/129",     "2001:db8::1/64", "/8",        "host/8",      "10.0.0.0/08x"};
    struct address_block block;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (address_block_parse(slice_str(bad[i]), &block))
            fail_msg("%s is taken", bad[i]);
}

static void knows_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool loopback;
    } rows[] = {
        {"127.0.0.1", true},          {"127.255.255.254", true}, {"::1", true},        {"[::1]", true},
        {"localhost", true},          {"LocalHost", true},       {"128.0.0.1", false}, {"::2", false},
        {"::ffff:127.0.0.1", true},   {"0.0.0.0", false},        {"", false},          {"localhost.example.com", false},
        {"127.0.0.1.example", false}, {"127.1", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(address_host_is_loopback(slice_str(rows[i].host)), rows[i].loopback);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_addresses_and_no_names),
        cmocka_unit_test(both_spellings_of_an_ipv4_address_are_one),
        cmocka_unit_test(knows_who_is_in_a_block),
        cmocka_unit_test(refuses_blocks_that_are_none),
        cmocka_unit_test(knows_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
