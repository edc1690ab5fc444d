/* Loaded into a server that a test starts (redis-server or one of ours): its wall clock is what the test wrote into a
 * file that both have mapped. Its steady clocks go on, as they do on a machine whose time is set. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* In microseconds. */
struct wall_clock {
    int64_t stands_at; /* 0: it goes */
    int64_t ahead;     /* of the machine's, while it goes; negative: behind */
};

static const volatile struct wall_clock *shared;
/* The C library's, which asks the kernel only where it must: a benchmark counts the server's time. */
static int (*machine_clock)(clockid_t id, struct timespec *now);

__attribute__((constructor)) static void map_clock(void)
{
    void *found = dlsym(RTLD_NEXT, "clock_gettime");
    memcpy(&machine_clock, &found, sizeof found); /* C has no conversion to a function */
    const char *path = getenv("WALL_CLOCK_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof *shared, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED)
        shared = mapped;
    (void)close(fd);
}

/* Others' constructors may ask before ours ran. */
static int ask_machine(clockid_t id, struct timespec *now)
{
    return machine_clock ? machine_clock(id, now) : (int)syscall(SYS_clock_gettime, id, now);
}

static int64_t now_us(void)
{
    struct timespec real = {0};
    if (shared && shared->stands_at != 0)
        return shared->stands_at;
    (void)ask_machine(CLOCK_REALTIME, &real);
    return (int64_t)real.tv_sec * 1000000 + real.tv_nsec / 1000 + (shared ? shared->ahead : 0);
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int64_t us = now_us();
    (void)zone;
    now->tv_sec = us / 1000000;
    now->tv_usec = us % 1000000;
    return 0;
}

time_t time(time_t *ret_now)
{
    time_t now = now_us() / 1000000;
    if (ret_now)
        *ret_now = now;
    return now;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)
        return ask_machine(id, now);
    int64_t us = now_us();
    now->tv_sec = us / 1000000;
    now->tv_nsec = us % 1000000 * 1000;
    return 0;
}
