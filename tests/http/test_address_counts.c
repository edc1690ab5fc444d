#include "http/address_counts.h"

#include "support/test.h"

static struct address address_of(const char *text)
{
    struct address address;
    assert_true(address_parse(slice_str(text), &address));
    return address;
}

static void an_address_has_as_many_as_it_may(void **state UNUSED)
{
    struct address_counts *counts = address_counts_new(2, 4);
    const struct address a = address_of("192.0.2.1"), b = address_of("192.0.2.2");
    assert_non_null(counts);
    assert_true(address_counts_add(counts, &a));
    assert_true(address_counts_add(counts, &a));
    assert_false(address_counts_add(counts, &a));
    assert_true(address_counts_add(counts, &b)); /* another one's */
    address_counts_remove(counts, &a);
    assert_true(address_counts_add(counts, &a)); /* what was refused was not counted */
    assert_false(address_counts_add(counts, &a));
    address_counts_free(counts);
}

static void a_network_of_ipv6_counts_as_one(void **state UNUSED)
{
    struct address_counts *counts = address_counts_new(1, 4);
    const struct address a = address_of("2001:db8::1"), same = address_of("2001:db8::ffff:1"),
                         other = address_of("2001:db8:0:1::1");
    assert_true(address_counts_add(counts, &a));
    assert_false(address_counts_add(counts, &same));
    assert_true(address_counts_add(counts, &other));
    address_counts_remove(counts, &same);
    assert_true(address_counts_add(counts, &a));
    address_counts_free(counts);
}

static void many_addresses_are_told_apart(void **state UNUSED)
{
    struct address_counts *counts = address_counts_new(1, 16); /* many more than were expected */
    for (int round = 0; round < 2; round++) {
        struct address address = address_of("10.0.0.0");
        for (int i = 0; i < 1000; i++) {
            address.bytes[14] = (unsigned char)(i / 256);
            address.bytes[15] = (unsigned char)(i % 256);
            assert_true(address_counts_add(counts, &address));
            assert_false(address_counts_add(counts, &address));
        }
        for (int i = 999; i >= 0; i--) {
            address.bytes[14] = (unsigned char)(i / 256);
            address.bytes[15] = (unsigned char)(i % 256);
            address_counts_remove(counts, &address);
        }
    }
    address_counts_free(counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_as_many_as_it_may),
        cmocka_unit_test(a_network_of_ipv6_counts_as_one),
        cmocka_unit_test(many_addresses_are_told_apart),
    };
    return cmocka_run_group_tests_name("address_counts", tests, NULL, NULL);
}
