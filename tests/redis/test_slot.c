#include "redis/slot.h"

#include "support/test.h"

static void crc16_is_that_of_redis(void **state)
{
    (void)state;
    assert_int_equal(redis_crc16(SLICE("")), 0);
    assert_int_equal(redis_crc16(SLICE("123456789")), 0x31c3);
    assert_int_equal(redis_crc16(slice_of("\xff\x00\x80", 3)), 0x5eeb);
}

/* As CLUSTER KEYSLOT of Redis 7.0 answers. */
static void a_key_is_in_the_slot_of_its_tag(void **state)
{
    static const struct {
        const char *key;
        unsigned slot;
    } rows[] = {
        {"", 0},
        {"foo", 12182},
        {"somekey", 11058},
        {"foo{hash_tag}", 2515},
        {"{hash_tag}bar", 2515},
        {"{user1000}.following", 3443},
        {"foo{}{bar}", 8363},
        {"foo{{bar}}zap", 4015},
        {"foo{bar}{zap}", 5061},
        {"bar", 5061},
        {"n:{63}3:tlpwu8", 10499},
        {"e:{63}", 10499},
        {"foo{bar", 15278},
        {"}{", 12793},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(redis_slot_of(slice_str(rows[i].key)), rows[i].slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc16_is_that_of_redis),
        cmocka_unit_test(a_key_is_in_the_slot_of_its_tag),
    };
    return cmocka_run_group_tests_name("slot", tests, NULL, NULL);
}
