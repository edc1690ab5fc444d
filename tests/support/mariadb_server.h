/* mariadb_server: a MariaDB of a test's own, in a temporary folder, on a Unix socket and a free port of loopback.
 *
 * It starts in about a second, keeps what was committed when it is killed, not when the machine is (no fsync), dies
 * with the test that started it, and its folder goes when the program ends. The account is root, without a password. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_MARIADB_SERVER_H
#define COUNTERSIGN_TESTS_SUPPORT_MARIADB_SERVER_H

#include "support/contract_durable.h"
#include "support/temp_dir.h"

#include <sys/types.h>

struct mariadb_server {
    char directory[TEMP_PATH_BYTES];
    char socket[TEMP_PATH_BYTES];
    unsigned port;
    pid_t pid; /* 0: does not run */
};

/* Makes the folder and runs the server; `more` (may be NULL) are further options, ended by NULL. Fails the test if it
 * cannot. */
void mariadb_server_start(struct mariadb_server *server, const char *const *more);
/* Ends it as a crash would, and removes the folder. */
void mariadb_server_stop(struct mariadb_server *server);

/* As a crash would; the data stays. */
void mariadb_server_kill(struct mariadb_server *server);
/* Stops all its threads until it goes on: it keeps its connections, takes new ones, and says nothing. */
void mariadb_server_pause(struct mariadb_server *server);
void mariadb_server_go_on(struct mariadb_server *server);
/* Runs it on the data that is there, on the same socket and port, and waits until it answers. */
void mariadb_server_run(struct mariadb_server *server, const char *const *more);

/* The URL of one of its databases, by the socket. */
void mariadb_server_url(const struct mariadb_server *server, const char *database, char url[DURABLE_URL_BYTES]);

/* The one that a program's tests share; it is stopped when the program ends. */
struct mariadb_server *mariadb_server_shared(void);

#endif
