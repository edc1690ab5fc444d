/* Replies are read by hiredis's own reader, as they come over the wire. */
#include "redis/topology.h"

#include "redis/reply.h"
#include "support/test.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

static const struct redis_place asked = {"10.0.0.9", 7009};

static enum status read_bytes(const char *bytes, size_t len, struct redis_topology *topology)
{
    void *reply = NULL;
    redisReader *reader = redisReaderCreate();
    assert_int_equal(redisReaderFeed(reader, bytes, len), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    enum status status = redis_topology_read(reply, &asked, topology);
    freeReplyObject(reply);
    redisReaderFree(reader);
    return status;
}

static enum status read_text(const char *text, struct redis_topology *topology)
{
    return read_bytes(text, strlen(text), topology);
}

static void assert_place(const struct redis_place *place, const char *host, unsigned port)
{
    assert_non_null(place);
    assert_string_equal(place->host, host);
    assert_int_equal(place->port, port);
}

/* With the replica and the metadata that a real one adds; the second primary has two ranges. */
static void slots_name_the_primaries_that_serve_them(void **state)
{
    struct redis_topology topology;
    unsigned first = 0;
    (void)state;
    assert_status(read_text("*3\r\n"
                            "*4\r\n:0\r\n:5000\r\n*4\r\n$9\r\n127.0.0.1\r\n:7001\r\n$2\r\nid\r\n*0\r\n"
                            "*4\r\n$9\r\n127.0.0.1\r\n:7004\r\n$2\r\nid\r\n*0\r\n"
                            "*3\r\n:5001\r\n:5001\r\n*3\r\n$3\r\n::1\r\n:7002\r\n$2\r\nid\r\n"
                            "*3\r\n:6000\r\n:16383\r\n*3\r\n$3\r\n::1\r\n:7002\r\n$2\r\nid\r\n",
                            &topology),
                  STATUS_OK);
    assert_int_equal(topology.count, 2);
    assert_place(redis_topology_primary(&topology, 0), "127.0.0.1", 7001);
    assert_place(redis_topology_primary(&topology, 5000), "127.0.0.1", 7001);
    assert_place(redis_topology_primary(&topology, 5001), "::1", 7002);
    assert_null(redis_topology_primary(&topology, 5002));
    assert_null(redis_topology_primary(&topology, 5999));
    assert_place(redis_topology_primary(&topology, 16383), "::1", 7002);
    assert_int_equal(redis_topology_count_unserved(&topology, &first), 998);
    assert_int_equal(first, 5002);
}

static void a_node_that_does_not_know_its_address_is_where_it_was_asked(void **state)
{
    struct redis_topology topology;
    (void)state;
    assert_status(read_text("*2\r\n*3\r\n:0\r\n:1\r\n*3\r\n$0\r\n\r\n:7001\r\n$2\r\nid\r\n"
                            "*3\r\n:2\r\n:3\r\n*3\r\n$-1\r\n:7002\r\n$2\r\nid\r\n",
                            &topology),
                  STATUS_OK);
    assert_place(redis_topology_primary(&topology, 0), "10.0.0.9", 7001);
    assert_place(redis_topology_primary(&topology, 2), "10.0.0.9", 7002);
    assert_status(read_text("*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\n?\r\n:7001\r\n", &topology), STATUS_OK);
    assert_place(redis_topology_primary(&topology, 0), "10.0.0.9", 7001);
}

/* Of a primary whose host has so many letters; NUL: instead of the last. */
static enum status read_host(char letter, int letters, struct redis_topology *topology)
{
    char text[512];
    int len = snprintf(text, sizeof text, "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$%d\r\n", letters);
    memset(text + len, 'h', (size_t)letters);
    text[len + letters - 1] = letter;
    int end = snprintf(text + len + letters, sizeof text - (size_t)(len + letters), "\r\n:7001\r\n");
    return read_bytes(text, (size_t)(len + letters + end), topology);
}

static void a_host_has_255_bytes_at_most_and_none_of_them_is_nul(void **state)
{
    struct redis_topology topology;
    (void)state;
    assert_status(read_host('h', REDIS_HOST_BYTES - 1, &topology), STATUS_OK);
    assert_int_equal(strlen(redis_topology_primary(&topology, 0)->host), REDIS_HOST_BYTES - 1);
    assert_status(read_host('h', REDIS_HOST_BYTES, &topology), STATUS_STORE_CORRUPT);
    assert_status(read_host('\0', 9, &topology), STATUS_STORE_CORRUPT);
}

static void what_is_no_topology_is_none(void **state)
{
    static const struct {
        const char *text;
        enum status status;
    } rows[] = {
        {"-ERR This instance has cluster support disabled\r\n", STATUS_STORE_DOWN},
        {"+OK\r\n", STATUS_STORE_CORRUPT},
        {"*1\r\n:1\r\n", STATUS_STORE_CORRUPT},
        {"*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\nh\r\n:1\r\n", STATUS_STORE_CORRUPT},
        {"*1\r\n*3\r\n:2\r\n:1\r\n*2\r\n$1\r\nh\r\n:1\r\n", STATUS_STORE_CORRUPT},
        {"*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\nh\r\n:1\r\n", STATUS_STORE_CORRUPT},
        {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\nh\r\n:0\r\n", STATUS_STORE_CORRUPT},
        {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\nh\r\n:65536\r\n", STATUS_STORE_CORRUPT},
        {"*1\r\n*2\r\n:0\r\n:1\r\n", STATUS_STORE_CORRUPT},
    };
    struct redis_topology topology;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_status(read_text(rows[i].text, &topology), rows[i].status);
}

static void more_primaries_than_there_is_room_for_are_nobody(void **state)
{
    char text[16384];
    size_t len = (size_t)snprintf(text, sizeof text, "*70\r\n");
    struct redis_topology topology;
    (void)state;
    for (int i = 0; i < 70; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "*3\r\n:%d\r\n:%d\r\n*2\r\n$1\r\nh\r\n:%d\r\n", i, i,
                                i + 1);
    assert_status(read_text(text, &topology), STATUS_OK);
    assert_int_equal(topology.count, REDIS_PRIMARIES_MAX);
    assert_place(redis_topology_primary(&topology, 63), "h", 64);
    assert_null(redis_topology_primary(&topology, 64));
}

static void moved_and_ask_say_where_a_key_is(void **state)
{
    static const struct {
        const char *error;
        enum redis_redirection way;
        unsigned slot;
        const char *host;
        unsigned port;
    } rows[] = {
        {"MOVED 3999 127.0.0.1:6381", REDIS_MOVED, 3999, "127.0.0.1", 6381},
        {"ASK 0 host.example:1", REDIS_ASK, 0, "host.example", 1},
        {"MOVED 16383 ::1:6381", REDIS_MOVED, 16383, "::1", 6381},
        {"MOVED 1 [::1]:6381", REDIS_MOVED, 1, "::1", 6381},
        {"MOVED 1 :6381", REDIS_MOVED, 1, "10.0.0.9", 6381},
        {"MOVED 16384 h:1", REDIS_STAYS, 0, "", 0},
        {"MOVED x h:1", REDIS_STAYS, 0, "", 0},
        {"MOVED 1 h", REDIS_STAYS, 0, "", 0},
        {"MOVED 1 h:0", REDIS_STAYS, 0, "", 0},
        {"MOVED 1", REDIS_STAYS, 0, "", 0},
        {"MOVED", REDIS_STAYS, 0, "", 0},
        {"ASKING 1 h:1", REDIS_STAYS, 0, "", 0},
        {"CLUSTERDOWN The cluster is down", REDIS_STAYS, 0, "", 0},
        {"", REDIS_STAYS, 0, "", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned slot = 0;
        struct redis_place place = {0};
        assert_int_equal(redis_redirection_read(slice_str(rows[i].error), &asked, &slot, &place), rows[i].way);
        assert_int_equal(slot, rows[i].slot);
        assert_place(&place, rows[i].host, rows[i].port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_name_the_primaries_that_serve_them),
        cmocka_unit_test(a_node_that_does_not_know_its_address_is_where_it_was_asked),
        cmocka_unit_test(a_host_has_255_bytes_at_most_and_none_of_them_is_nul),
        cmocka_unit_test(what_is_no_topology_is_none),
        cmocka_unit_test(more_primaries_than_there_is_room_for_are_nobody),
        cmocka_unit_test(moved_and_ask_say_where_a_key_is),
    };
    return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
