/* mysql_client: connects by MariaDB's Connector/C or MySQL's libmysqlclient, whichever it was built with. All that
 * differs between the two is here. Only the files of MySQL include it.
 *
 * Invariants: options are set by us alone, files and the environment are not read. A server may not ask for local
 * files, nor for the password in the clear. Encryption and verification are always set explicitly; what the URL asks
 * for is looked at again on the connection that was made. */
#ifndef COUNTERSIGN_SQL_MYSQL_CLIENT_H
#define COUNTERSIGN_SQL_MYSQL_CLIENT_H

#include "base/attributes.h"
#include "sql/mysql_url.h"

#include <mysql.h>
#include <stdbool.h>

#ifdef MARIADB_BASE_VERSION
typedef my_bool mysql_flag;
#define MYSQL_CLIENT_NAME "MariaDB Connector/C"
#else
typedef bool mysql_flag;
#define MYSQL_CLIENT_NAME "libmysqlclient"
#endif

struct mysql_limits {
    unsigned connect_s; /* all of them at least 1 */
    unsigned answer_s;  /* for one answer */
    unsigned lock_s;    /* for a lock that another holds */
    bool read_only;
};

/* What went wrong, where there is no connection that could be asked. */
struct mysql_fault {
    unsigned number; /* the server's or the client's error */
    char text[256];  /* theirs; no password is in it */
};

/* Connects and sets the session up. NULL: *ret_fault. */
MUST_USE MYSQL *mysql_client_connect_blocking(const struct mysql_url *url, const struct mysql_limits *limits,
                                              struct mysql_fault *ret_fault);
/* Whether the server closed a connection that is idle, or sent what nobody asked for. */
bool mysql_client_is_gone(MYSQL *handle);
/* Every thread calls this before it uses a connection. */
void mysql_client_enter(void);
/* A failure as the library tells it. */
void mysql_client_describe(unsigned number, const char *text, struct mysql_fault *ret_fault);
/* The last failure of a connection. */
void mysql_client_fault(MYSQL *handle, struct mysql_fault *ret_fault);

#endif
