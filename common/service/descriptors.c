#include "service/descriptors.h"

#include <sys/resource.h>

enum {
    CONNECTIONS_MAX = 65536,
    CONNECTIONS_LEAST = 16,
    FOR_FILES = 64,          /* the log, certificates, the database's files, what libraries open */
    FOR_EACH_LOOP = 16,      /* its epoll, mailbox and listeners, and what it has open to Redis */
    FOR_EACH_OF_THE_POOL = 2 /* a connection that is replaced */
};

static struct descriptors divide_descriptors(const struct config *config, rlim_t limit)
{
    struct descriptors all = {
        .limit = limit > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)limit,
        .kept = FOR_FILES + OPS_CONNECTIONS + ADMIN_CONNECTIONS + FOR_EACH_LOOP * (size_t)config->workers +
                FOR_EACH_OF_THE_POOL * (size_t)config->database_pool,
    };
    all.connections = all.limit > all.kept + CONNECTIONS_LEAST ? all.limit - all.kept : CONNECTIONS_LEAST;
    if (all.connections > CONNECTIONS_MAX)
        all.connections = CONNECTIONS_MAX;
    if (config->connections && all.connections > (size_t)config->connections)
        all.connections = (size_t)config->connections;
    return all;
}

struct descriptors descriptors_of(const struct config *config)
{
    struct rlimit limit = {0};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return divide_descriptors(config, limit.rlim_max);
}

void descriptors_raise(const struct config *config, struct descriptors *ret_descriptors)
{
    struct rlimit limit = {0};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    const struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    bool is_raised = setrlimit(RLIMIT_NOFILE, &raised) == 0;
    *ret_descriptors = divide_descriptors(config, is_raised ? limit.rlim_max : limit.rlim_cur);
}

void descriptors_warn(const struct descriptors *all, const struct config *config, struct buf *out)
{
    if (all->limit < all->kept + CONNECTIONS_LEAST)
        buf_addf(out,
                 "descriptors: the process may have %zu open, and needs %zu for itself: raise the hard limit "
                 "(LimitNOFILE, ulimit -Hn), or lower OAUTH1_WORKERS and OAUTH1_DATABASE_POOL\n",
                 all->limit, all->kept);
    else if ((size_t)config->connections > all->connections)
        buf_addf(out,
                 "OAUTH1_CONNECTIONS: %zu connections are taken, not %lld: the process may have %zu descriptors open "
                 "and keeps %zu for itself (raise the hard limit: LimitNOFILE, ulimit -Hn)\n",
                 all->connections, (long long)config->connections, all->limit, all->kept);
}
