/* mysql_fault: what an error number of MySQL or MariaDB means: the status, a text for the operator, and what became
 * of the connection and its transaction. Only the files of MySQL include it. */
#ifndef COUNTERSIGN_SQL_MYSQL_FAULT_H
#define COUNTERSIGN_SQL_MYSQL_FAULT_H

#include "base/status.h"

#include <stdbool.h>

enum mysql_effect {
    MYSQL_GOES_ON,         /* the statement did nothing, the transaction goes on */
    MYSQL_ROLLED_BACK,     /* the server rolled the transaction back: a deadlock */
    MYSQL_WAITED_FOR_LOCK, /* longer than the time-out: the statement did nothing */
    MYSQL_MOVED,           /* the statement did nothing; the URL may lead to another server by now */
    MYSQL_LOST,            /* the connection is of no use any more */
};

/* The client's: the connection broke while the statement was written, so the server has not got it. */
enum { MYSQL_ERROR_UNSENT = 2006 };

struct mysql_meaning {
    unsigned number;
    enum status status;
    enum mysql_effect effect;
    const char *text; /* what it is and what to do */
};

/* Whether the client library numbers its own errors so, not the server. */
bool mysql_fault_is_clients(unsigned number);
/* Never NULL. */
const struct mysql_meaning *mysql_fault_meaning(unsigned number);

#endif
