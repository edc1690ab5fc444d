/* redis_server: a redis-server of a test's own, on a socket in a temporary directory; it ends with the test, however
 * that ends. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_REDIS_SERVER_H
#define COUNTERSIGN_TESTS_SUPPORT_REDIS_SERVER_H

#include "base/slice.h"
#include "support/temp_dir.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { REDIS_SERVER_URL_BYTES = TEMP_PATH_BYTES + 32, REDIS_SERVER_ARGS_MAX = 20 };

struct redis_server_process {
    char directory[TEMP_PATH_BYTES];
    char socket[TEMP_PATH_BYTES];
    char url[REDIS_SERVER_URL_BYTES];
    const char *args[REDIS_SERVER_ARGS_MAX + 1]; /* further ones, "--appendonly", "yes"; kept for a restart */
    bool is_sentinel;                            /* and sentinel.conf says the rest */
    pid_t pid;                                   /* 0: it does not run */
    volatile int64_t *time_us;
};

/* Starts it and waits until it answers; fails the test if it cannot. `args` end with NULL; NULL: none. */
void redis_server_start(struct redis_server_process *server, const char *const *args);
/* A Sentinel instead, with these lines in its configuration besides what is said of its socket. */
void redis_server_start_sentinel(struct redis_server_process *server, const char *lines);
/* Ends it and removes its directory. Fine for a zeroed one. */
void redis_server_done(struct redis_server_process *server);

/* SIGKILL, and a start in the same directory. */
void redis_server_kill(struct redis_server_process *server);
void redis_server_start_again(struct redis_server_process *server);
/* SIGSTOP, SIGCONT. */
void redis_server_pause(const struct redis_server_process *server);
void redis_server_go_on(const struct redis_server_process *server);

/* Its wall clock from now on stands at this time (ms UTC); 0: the machine's. */
void redis_server_set_time(struct redis_server_process *server, int64_t now_ms);
/* The same as time that passes: the record of the nonces' epoch does not end by it, as if others had watched in
 * between. */
void redis_server_move_time(struct redis_server_process *server, int64_t now_ms);

/* Runs a command on a connection of its own and writes the first line of the raw answer ("+OK", ":1", "$5" …) without
 * its end; fails the test if there is none. Words are separated by single spaces. */
void redis_server_tell(const struct redis_server_process *server, const char *command, char line[256]);
/* The same, and checks what it begins with. */
void redis_server_must(const struct redis_server_process *server, const char *command, const char *begins_with);
/* The number that the command answers. */
int64_t redis_server_number(const struct redis_server_process *server, const char *command);

#endif
