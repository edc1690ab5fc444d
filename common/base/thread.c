#include "base/thread.h"

#include <signal.h>

bool thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *context), void *context)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread takes it over */
    bool started = pthread_create(ret_thread, NULL, run, context) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started && name)
        (void)pthread_setname_np(*ret_thread, name);
    return started;
}
