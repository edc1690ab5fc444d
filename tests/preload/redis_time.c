/* Loaded into a redis-server that a test starts: its wall clock is what the test wrote into a file that both have
 * mapped (support/redis_server.h), in microseconds; 0: the machine's. Its steady clocks go on. */
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

static const volatile int64_t *shared_us;
/* The C library's, which asks the kernel only where it must: a benchmark counts the server's time. */
static int (*machine_clock)(clockid_t id, struct timespec *now);

__attribute__((constructor)) static void map_clock(void)
{
    void *found = dlsym(RTLD_NEXT, "clock_gettime");
    memcpy(&machine_clock, &found, sizeof found); /* C has no conversion to a function */
    const char *path = getenv("REDIS_TIME_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof *shared_us, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED)
        shared_us = mapped;
    (void)close(fd);
}

/* Others' constructors may ask before ours ran. */
static int ask_machine(clockid_t id, struct timespec *now)
{
    return machine_clock ? machine_clock(id, now) : (int)syscall(SYS_clock_gettime, id, now);
}

static int64_t now_us(void)
{
    int64_t us = shared_us ? *shared_us : 0;
    struct timespec real = {0};
    if (us == 0) {
        (void)ask_machine(CLOCK_REALTIME, &real);
        us = (int64_t)real.tv_sec * 1000000 + real.tv_nsec / 1000;
    }
    return us;
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
