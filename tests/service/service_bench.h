/* service_bench: a service of a test's own, served by a child process; what tests tell and see of it is shared memory.
 */
#ifndef COUNTERSIGN_TESTS_SERVICE_SERVICE_BENCH_H
#define COUNTERSIGN_TESTS_SERVICE_SERVICE_BENCH_H

#include "base/clock.h"
#include "support/test.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct shared {
    _Atomic int database;     /* enum status that the ready check answers */
    _Atomic bool has_rest;    /* something is answered without the database */
    _Atomic bool is_torn;     /* the ready check says so, whatever it answers */
    _Atomic int checks;       /* how often it was asked */
    _Atomic int open_with;    /* enum status that `open` answers */
    _Atomic int in_slow;      /* requests that wait in /slow */
    _Atomic bool let_slow_go; /* ends their wait */
    _Atomic int blocked;      /* loops that stand still in /block */
    _Atomic bool let_loops_go;
    _Atomic int in_held; /* requests whose ticket a store keeps */
    _Atomic int went_on; /* of those: they took another step */
    _Atomic bool is_closing;
    _Atomic bool closes_slowly; /* when let_slow_go is set */
    _Atomic int closed;         /* 0: not yet, 1: clean, 2: not clean */
    _Atomic int reloaded_tokens;
    _Atomic int reload_with;
    _Atomic int reloads;
    _Atomic bool hold_reload;
};

extern struct shared *shared;

/* The child, and what it said last. */
struct service_bench {
    pid_t child;
    int log_end; /* what it writes to stderr */
    uint16_t port;
    uint16_t admin_port;
    uint16_t ops_port;
    char folder[64];
    struct rlimit child_limit; /* of descriptors; 0: as ours */
    char log_text[4 << 20];
    char answer[262144];
};

extern struct service_bench bench;

/* For cmocka: of the group, and of each test. */
int service_bench_share(void **state);
int service_bench_set_up(void **state);
int service_bench_tear_down(void **state);
#define SERVICE_TEST(test) cmocka_unit_test_setup_teardown(test, service_bench_set_up, service_bench_tear_down)

void service_bench_sleep_ms(long ms);
/* Starts a command of the program, or `serve`, with more arguments (NULL: none). */
void service_bench_start_command(const char *command, char *const *extra);
void service_bench_start(char *const *extra);
/* The exit code, or minus the signal; the log is left in bench.log_text. */
int service_bench_wait(void);
void service_bench_wait_until_ready(void);

/* -1: nobody listens. */
int service_bench_connect(uint16_t to);
void service_bench_send(int fd, const char *path);
/* One reply, into bench.answer; returns its status, 0 if the connection ended before it. */
int service_bench_read_reply(int fd);
/* All of it: GET on a connection of its own. */
int service_bench_ask(uint16_t to, const char *path);

size_t service_bench_count_of(const char *text, const char *part);

#endif
