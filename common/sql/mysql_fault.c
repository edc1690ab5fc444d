#include "sql/mysql_fault.h"

enum { CLIENT_FIRST = 2000, CLIENT_LAST = 2999, MARIADB_FIRST = 5000, MARIADB_LAST = 5999 };

#define SCHEMA                                                                                                      \
    "the schema is not the expected one: run auth-service migrate status; where all is applied, a migration lacks " \
    "what this "                                                                                                    \
    "version asks for, or the database was changed by hand: restore it"
#define NOT_PRIMARY "the server is read-only: name the primary in OAUTH1_DATABASE_URL"
#define ENDED       "the server ended the connection"

/* By number, so that each is found here as the manuals list it. */
static const struct mysql_meaning meanings[] = {
    {1005, STATUS_STORE_CORRUPT, MYSQL_GOES_ON, "a table cannot be created: something of that name is in the way"},
    {1021, STATUS_STORE_DOWN, MYSQL_GOES_ON, "the server's disk is full: free some space"},
    {1037, STATUS_STORE_DOWN, MYSQL_GOES_ON, "the server is out of memory"},
    {1040, STATUS_STORE_DOWN, MYSQL_GOES_ON,
     "the server takes no more connections: raise max_connections, or lower OAUTH1_DATABASE_POOL"},
    {1044, STATUS_STORE_DOWN, MYSQL_GOES_ON, "the user may not use this database: GRANT it to the user"},
    {1045, STATUS_STORE_DOWN, MYSQL_GOES_ON,
     "the server refuses the user or the password: look at the URL, at OAUTH1_DATABASE_PASSWORD and at the server's "
     "accounts"},
    {1047, STATUS_STORE_DOWN, MYSQL_MOVED, "the server is not ready: a node that has lost the others of its cluster?"},
    {1048, STATUS_INTERNAL, MYSQL_GOES_ON, "a value is missing"},
    {1049, STATUS_STORE_DOWN, MYSQL_GOES_ON,
     "there is no such database: CREATE DATABASE it, then run auth-service "
     "migrate up"},
    {1050, STATUS_STORE_CORRUPT, MYSQL_GOES_ON, "a table of that name is in the way"},
    {1053, STATUS_STORE_DOWN, MYSQL_LOST, "the server is stopping"},
    {1054, STATUS_STORE_CORRUPT, MYSQL_GOES_ON, SCHEMA},
    {1062, STATUS_CONFLICT, MYSQL_GOES_ON, "a value is taken"},
    {1064, STATUS_STORE_CORRUPT, MYSQL_GOES_ON,
     "the server does not understand a statement: it must be MySQL 8 or later, or MariaDB 10.6 or later"},
    {1114, STATUS_STORE_DOWN, MYSQL_GOES_ON, "a table is full: free some space on the server's disk"},
    {1130, STATUS_STORE_DOWN, MYSQL_GOES_ON, "the server takes no connections from this host: look at its accounts"},
    {1142, STATUS_STORE_DOWN, MYSQL_GOES_ON,
     "the user lacks a privilege: services need SELECT, INSERT, UPDATE and DELETE, migrate up also CREATE, ALTER, "
     "INDEX, "
     "DROP and REFERENCES"},
    {1143, STATUS_STORE_DOWN, MYSQL_GOES_ON, "the user lacks a privilege: GRANT SELECT, INSERT, UPDATE and DELETE"},
    {1146, STATUS_STORE_CORRUPT, MYSQL_GOES_ON, SCHEMA},
    {1153, STATUS_STORE_DOWN, MYSQL_LOST, "a statement is larger than the server takes: raise max_allowed_packet"},
    {1158, STATUS_STORE_DOWN, MYSQL_LOST, ENDED},
    {1159, STATUS_STORE_DOWN, MYSQL_LOST, ENDED},
    {1160, STATUS_STORE_DOWN, MYSQL_LOST, ENDED},
    {1161, STATUS_STORE_DOWN, MYSQL_LOST, ENDED},
    {1180, STATUS_STORE_DOWN, MYSQL_MOVED,
     "the server could not commit: a node that has lost the others of its cluster, or a full disk?"},
    {1194, STATUS_STORE_CORRUPT, MYSQL_GOES_ON, "a table is damaged: restore a backup"},
    {1203, STATUS_STORE_DOWN, MYSQL_GOES_ON,
     "the user has no more connections: raise max_user_connections, or lower "
     "OAUTH1_DATABASE_POOL"},
    {1205, STATUS_STORE_DOWN, MYSQL_WAITED_FOR_LOCK,
     "another connection kept a row locked for too long: look for a long-running transaction"},
    {1213, STATUS_STORE_DOWN, MYSQL_ROLLED_BACK,
     "a deadlock, or another node of the cluster wrote the same rows, again and again"},
    {1290, STATUS_STORE_DOWN, MYSQL_MOVED, NOT_PRIMARY},
    {1317, STATUS_STORE_DOWN, MYSQL_GOES_ON, "the statement was interrupted on the server"},
    {1406, STATUS_TOO_LARGE, MYSQL_GOES_ON, "a value is longer than its column"},
    {1451, STATUS_CONFLICT, MYSQL_GOES_ON, "another row refers to this one"},
    {1452, STATUS_CONFLICT, MYSQL_GOES_ON, "there is no row to refer to"},
    {1461, STATUS_STORE_DOWN, MYSQL_GOES_ON, "too many prepared statements: raise max_prepared_stmt_count"},
    {1467, STATUS_STORE_DOWN, MYSQL_ROLLED_BACK, /* how MariaDB tells a deadlock about the next number of a table */
     "a deadlock, again and again, or the numbers of a table are used up"},
    {1586, STATUS_CONFLICT, MYSQL_GOES_ON, "a value is taken"},
    {1615, STATUS_STORE_DOWN, MYSQL_GOES_ON, "the schema changed while a statement was run"},
    {1792, STATUS_STORE_DOWN, MYSQL_MOVED, "the connection, or the server, is for reads alone"},
    {1836, STATUS_STORE_DOWN, MYSQL_MOVED, NOT_PRIMARY},
    {1927, STATUS_STORE_DOWN, MYSQL_LOST, ENDED},
    {2002, STATUS_STORE_DOWN, MYSQL_LOST, "it cannot be reached: is the server running, and is the URL right?"},
    {2003, STATUS_STORE_DOWN, MYSQL_LOST, "it cannot be reached: is the server running, and is the URL right?"},
    {2005, STATUS_STORE_DOWN, MYSQL_LOST, "the host's name is not known: look at the URL, and at the resolver"},
    {2006, STATUS_STORE_DOWN, MYSQL_LOST, "the connection was lost"},
    {2008, STATUS_NO_MEMORY, MYSQL_LOST, "out of memory"},
    {2012, STATUS_STORE_DOWN, MYSQL_LOST, "what answers there does not speak MySQL's protocol: look at the URL"},
    {2013, STATUS_STORE_DOWN, MYSQL_LOST, "the connection was lost, or the server did not answer in time"},
    {2020, STATUS_STORE_CORRUPT, MYSQL_LOST, "an answer is larger than 16 MB"},
    {2026, STATUS_STORE_DOWN, MYSQL_LOST,
     "no TLS connection as the URL wants it: look at tls and ca in it, and at the server's certificate"},
    {2027, STATUS_STORE_CORRUPT, MYSQL_LOST, "what answers there does not speak MySQL's protocol: look at the URL"},
    {2054, STATUS_STORE_DOWN, MYSQL_LOST, "what answers there does not speak MySQL's protocol: look at the URL"},
    {2059, STATUS_STORE_DOWN, MYSQL_LOST,
     "the server wants a way of authentication that this client does not have, or does not use without TLS"},
    {2061, STATUS_STORE_DOWN, MYSQL_LOST,
     "authentication failed: for caching_sha2_password the connection needs TLS, a Unix socket or the server's RSA "
     "key"},
    {3024, STATUS_STORE_DOWN, MYSQL_GOES_ON, "the statement took too long"},
    {3032, STATUS_STORE_DOWN, MYSQL_MOVED, "the server is offline for all but its administrators"},
    {3100, STATUS_STORE_DOWN, MYSQL_MOVED, "the server refused COMMIT: a node that has lost the others of its group?"},
    {3101, STATUS_STORE_DOWN, MYSQL_ROLLED_BACK, "another node of the group wrote the same rows, again and again"},
    {3168, STATUS_STORE_DOWN, MYSQL_MOVED, "the server is not available"},
    {3169, STATUS_STORE_DOWN, MYSQL_LOST, ENDED},
    {4031, STATUS_STORE_DOWN, MYSQL_LOST, ENDED},
    {5010, STATUS_STORE_DOWN, MYSQL_LOST, "the server wants a way of authentication that is not allowed here"},
};

bool mysql_fault_is_clients(unsigned number)
{
    return (number >= CLIENT_FIRST && number <= CLIENT_LAST) || (number >= MARIADB_FIRST && number <= MARIADB_LAST);
}

const struct mysql_meaning *mysql_fault_meaning(unsigned number)
{
    static const struct mysql_meaning impossible = {0, STATUS_STORE_CORRUPT, MYSQL_LOST,
                                                    "it answered something impossible"};
    static const struct mysql_meaning client = {0, STATUS_STORE_DOWN, MYSQL_LOST, "the connection failed"};
    static const struct mysql_meaning server = {0, STATUS_STORE_DOWN, MYSQL_GOES_ON, "a statement failed"};
    for (size_t i = 0; i < COUNT_OF(meanings); i++)
        if (meanings[i].number == number)
            return &meanings[i];
    if (number == 0)
        return &impossible;
    return mysql_fault_is_clients(number) ? &client : &server;
}
