/* Loaded into a mariadbd that a test starts: as long as the file $SLOW_LOG_FILE is there, each write to InnoDB's log
 * takes half a second, as on a disk that is busy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { DELAY_US = 500000 };

static int is_log(int fd)
{
    char link[64];
    char path[4096];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    return strstr(path, "/ib_logfile") != NULL;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
    const char *path = getenv("SLOW_LOG_FILE");
    if (path && access(path, F_OK) == 0 && is_log(fd))
        (void)usleep(DELAY_US);
    return syscall(SYS_pwrite64, fd, bytes, len, offset);
}
