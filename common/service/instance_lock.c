#include "service/instance_lock.h"

#include "store/store_url.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static enum status take_lock(const char *path, const char *service, struct buf *why, int *ret_fd)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        buf_addf(why, "%s: %s (OAUTH1_DATABASE_URL says where the database is)", path, strerror(errno));
        return STATUS_BAD_INPUT;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *ret_fd = fd;
        return STATUS_OK;
    }
    buf_addf(why,
             "%s is locked: another %s serves this embedded database; stop it, or give each its own "
             "OAUTH1_DATABASE_URL",
             path, service);
    (void)close(fd);
    return STATUS_BAD_INPUT;
}

enum status instance_lock_take(struct slice database_url, const char *service, struct buf *why, int *ret_fd)
{
    struct slice file = durable_url_file(database_url);
    struct buf path = BUF_INIT;
    *ret_fd = -1;
    if (slice_is_absent(file))
        return STATUS_OK;
    buf_add(&path, file);
    buf_addf(&path, ".%s.lock", service);
    const char *text = buf_string(&path);
    enum status status = text ? take_lock(text, service, why, ret_fd) : STATUS_NO_MEMORY;
    buf_done(&path);
    return status;
}
