#include "store/store_url.h"

#include "support/test.h"

static void a_url_tells_its_durable_store(void **state)
{
    static const struct {
        const char *url;
        enum durable_id id;
        bool is_whole;
        const char *file;
    } rows[] = {
        {"sqlite:./oauth1.db", DURABLE_SQLITE, true, "./oauth1.db"},
        {"sqlite:x", DURABLE_SQLITE, true, "x"},
        {"sqlite:", DURABLE_SQLITE, false, ""},
        {"sqlite::memory:", DURABLE_SQLITE, true, NULL},
        {"mysql://u:p@h/d", DURABLE_MYSQL, true, NULL},
        {"mysql://", DURABLE_MYSQL, false, NULL},
        {"mysql:h", DURABLE_MYSQL, false, NULL},
        {"postgres://h/d", DURABLE_UNKNOWN, false, NULL},
        {"sqlite", DURABLE_UNKNOWN, false, NULL},
        {"", DURABLE_UNKNOWN, false, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice url = slice_str(rows[i].url);
        struct slice file = durable_url_file(url);
        assert_int_equal(durable_kind_of(url)->id, rows[i].id);
        assert_int_equal(durable_url_is_whole(url), rows[i].is_whole);
        assert_int_equal(slice_is_absent(file), rows[i].file == NULL);
        if (rows[i].file)
            assert_slice_equal(file, slice_str(rows[i].file));
    }
}

static void a_url_tells_its_ephemeral_store(void **state)
{
    static const struct {
        const char *url;
        enum ephemeral_id id;
        bool is_whole;
    } rows[] = {
        {"memory:", EPHEMERAL_MEMORY, true},
        {"memory:x", EPHEMERAL_MEMORY, false},
        {"redis://h", EPHEMERAL_REDIS, true},
        {"redis://", EPHEMERAL_REDIS, false},
        {"redis:h", EPHEMERAL_REDIS, false},
        {"rediss://h", EPHEMERAL_REDIS, true},
        {"redis+unix:///s", EPHEMERAL_REDIS, true},
        {"redis+unix://s", EPHEMERAL_REDIS, false},
        {"redis+sentinel://h/n", EPHEMERAL_REDIS, true},
        {"rediss+sentinel://h/n", EPHEMERAL_REDIS, true},
        {"redis+cluster://h", EPHEMERAL_CLUSTER, true},
        {"redis+cluster:h", EPHEMERAL_CLUSTER, false},
        {"rediss+cluster://h", EPHEMERAL_CLUSTER, true},
        {"redis+other://h", EPHEMERAL_UNKNOWN, false},
        {"", EPHEMERAL_UNKNOWN, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice url = slice_str(rows[i].url);
        assert_int_equal(ephemeral_kind_of(url)->id, rows[i].id);
        assert_int_equal(ephemeral_url_is_whole(url), rows[i].is_whole);
    }
}

static void the_urls_that_there_are_can_be_listed(void **state)
{
    struct buf durable = BUF_INIT;
    struct buf ephemeral = BUF_INIT;
    (void)state;
    durable_urls_write(&durable);
    ephemeral_urls_write(&ephemeral);
    assert_slice_equal(buf_slice(&durable), SLICE("sqlite:PATH or mysql://user:password@host:3306/db"));
    assert_slice_equal(buf_slice(&ephemeral),
                       SLICE("memory:, redis://host:6379, rediss://host:6379, redis+unix:///path, "
                             "redis+sentinel://host:26379/NAME or redis+cluster://host:6379,host:6379"));
    buf_done(&durable);
    buf_done(&ephemeral);
}

static void an_unknown_store_can_do_nothing(void **state)
{
    const struct durable_kind *durable = durable_kind_of(SLICE("postgres://h"));
    const struct ephemeral_kind *ephemeral = ephemeral_kind_of(SLICE_ABSENT);
    (void)state;
    assert_false(durable->is_embedded || durable->has_replicas || durable->commits_in_order);
    assert_false(ephemeral->is_shared || ephemeral->carries_messages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_tells_its_durable_store),
        cmocka_unit_test(a_url_tells_its_ephemeral_store),
        cmocka_unit_test(the_urls_that_there_are_can_be_listed),
        cmocka_unit_test(an_unknown_store_can_do_nothing),
    };
    return cmocka_run_group_tests_name("store_url", tests, NULL, NULL);
}
