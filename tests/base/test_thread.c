#include "base/thread.h"

#include "support/test.h"

#include <signal.h>
#include <string.h>

struct seen {
    bool blocks_signals;
    char name[16];
};

static void *look_about(void *context)
{
    struct seen *seen = context;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    seen->blocks_signals = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGHUP) == 1;
    return NULL;
}

static void gets_no_signal_and_leaves_those_of_who_starts_it(void **state)
{
    (void)state;
    struct seen seen = {0};
    pthread_t thread;
    sigset_t before;
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_true(thread_start(&thread, NULL, look_about, &seen));
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_true(seen.blocks_signals);
    assert_false(sigismember(&after, SIGTERM));
    assert_int_equal(sigismember(&after, SIGHUP), sigismember(&before, SIGHUP));
}

static pthread_barrier_t named;

static void *wait_for_name(void *context)
{
    struct seen *seen = context;
    pthread_barrier_wait(&named);
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    return NULL;
}

static void has_the_name_that_it_was_given(void **state)
{
    (void)state;
    struct seen seen = {0};
    pthread_t thread;
    pthread_barrier_init(&named, NULL, 2);
    assert_true(thread_start(&thread, "writer", wait_for_name, &seen));
    pthread_barrier_wait(&named);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&named);
    assert_string_equal(seen.name, "writer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gets_no_signal_and_leaves_those_of_who_starts_it),
        cmocka_unit_test(has_the_name_that_it_was_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
