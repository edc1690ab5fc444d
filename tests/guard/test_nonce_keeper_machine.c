/* Whom a process is to others that keep the same row, and what it cannot begin without (docs/design/nonce-guard.md,
 * rule 8). */
#include "crypto/random.h"
#include "guard/keeper_bench.h"
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whether there is no thread to be had. */
static bool has_no_threads;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context)
{
    return has_no_threads ? EAGAIN : __real_pthread_create(thread, attributes, run, context);
}

/* Where the boot's id is said to be, and whether a kernel knows no namespaces of clocks. */
static const char *boot_id_path;

static bool has_no_spaces;

ssize_t __real_readlink(const char *path, char *text, size_t size);
ssize_t __wrap_readlink(const char *path, char *text, size_t size);

ssize_t __wrap_readlink(const char *path, char *text, size_t size)
{
    if (!has_no_spaces)
        return __real_readlink(path, text, size);
    memset(text, 'x', size);
    return -1;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
    bool is_of_boot = strcmp(path, "/proc/sys/kernel/random/boot_id") == 0;
    return __real_open(is_of_boot && boot_id_path ? boot_id_path : path, flags);
}

static int teardown(void **state)
{
    boot_id_path = NULL;
    return keeper_teardown(state);
}
#define MACHINE_TEST(test) cmocka_unit_test_setup_teardown(test, keeper_setup, teardown)

static void a_machine_is_named_by_its_boot_and_the_namespace_of_its_clock(void **state)
{
    struct keeper_bench *it = *state;
    char boot[64] = "";
    char space[64] = "";
    char expected[160];
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    assert_non_null(file);
    assert_non_null(fgets(boot, sizeof boot, file));
    (void)fclose(file);
    boot[strcspn(boot, "\n")] = '\0';
    (void)!readlink("/proc/self/ns/time", space, sizeof space - 1);
    (void)snprintf(expected, sizeof expected, "%s %s", boot, space);
    keeper_open(it, true);
    assert_string_equal(nonce_keeper_machine(it->keeper), expected);
}

static void a_kernel_without_namespaces_of_clocks_has_its_boot_alone(void **state)
{
    struct keeper_bench *it = *state;
    char machine[NONCE_MACHINE_BYTES];
    keeper_open(it, true);
    (void)snprintf(machine, sizeof machine, "%s", nonce_keeper_machine(it->keeper));
    nonce_keeper_free(it->keeper);
    has_no_spaces = true;
    keeper_open(it, true);
    has_no_spaces = false;
    machine[strcspn(machine, " ") + 1] = '\0';
    assert_string_equal(nonce_keeper_machine(it->keeper), machine);
}

static void without_randomness_there_is_no_keeper(void **state)
{
    struct keeper_bench *it = *state;
    const struct nonce_keeper_options options = {
        .ledger = &it->script.ledger, .name = SLICE("redis"), .clock = &it->clock.clock};
    random_fail_next(1);
    assert_status(nonce_keeper_new(&options, &it->keeper), STATUS_NO_RANDOMNESS);
    assert_null(it->keeper);
}

static void without_a_thread_there_is_no_keeper(void **state)
{
    struct keeper_bench *it = *state;
    const struct nonce_keeper_options options = {
        .ledger = &it->script.ledger, .name = SLICE("redis"), .clock = &it->clock.clock};
    sigset_t mine;
    has_no_threads = true;
    enum status status = nonce_keeper_new(&options, &it->keeper);
    has_no_threads = false;
    assert_status(status, STATUS_NO_MEMORY);
    assert_null(it->keeper);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &mine);
    assert_false(sigismember(&mine, SIGTERM));
}

/* The next attempt that writes the user's row: one that began before the clock was told has none. */
static struct asked wait_for_user(struct keeper_bench *it, int begun)
{
    struct asked asked = {0};
    while (!asked.has_user)
        asked = keeper_wait_for(it, &it->script.begun, ++begun);
    return asked;
}

/* Rule 8 compares steady clocks of one machine: those of two that have no name must never be taken for one's. */
static void a_machine_that_cannot_be_named_is_like_no_other(void **state)
{
    struct keeper_bench *it = *state;
    char first[NONCE_MACHINE_BYTES];
    boot_id_path = "/nowhere";
    for (int i = 0; i < 2; i++) {
        keeper_open(it, true);
        nonce_keeper_tell_clock(it->keeper, NOW_MS);
        keeper_enter(it, "e", 1);
        int begun = keeper_number_of(it, &it->script.begun);
        nonce_keeper_want(it->keeper, i + 1);
        struct asked asked = wait_for_user(it, begun);
        assert_memory_equal(asked.user.machine, asked.user.id, NONCE_EPOCH_ID_BYTES - 1);
        assert_int_equal(asked.user.machine[NONCE_EPOCH_ID_BYTES - 1], ' ');
        if (i == 0)
            (void)snprintf(first, sizeof first, "%s", asked.user.machine);
        else
            assert_string_not_equal(asked.user.machine, first);
        nonce_keeper_free(it->keeper);
        it->keeper = NULL;
    }
    boot_id_path = "/dev/null"; /* there, and empty */
    keeper_open(it, true);
    assert_memory_not_equal(nonce_keeper_machine(it->keeper), first, NONCE_EPOCH_ID_BYTES - 1);
    assert_int_equal(nonce_keeper_machine(it->keeper)[NONCE_EPOCH_ID_BYTES - 1], ' ');
}

static void naming_a_machine_leaves_no_descriptor_open(void **state)
{
    struct keeper_bench *it = *state;
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(before >= 0);
    (void)close(before);
    keeper_open(it, true);
    int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)close(after);
    assert_int_equal(after, before); /* the lowest that is free */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MACHINE_TEST(a_machine_is_named_by_its_boot_and_the_namespace_of_its_clock),
        MACHINE_TEST(a_machine_that_cannot_be_named_is_like_no_other),
        MACHINE_TEST(a_kernel_without_namespaces_of_clocks_has_its_boot_alone),
        MACHINE_TEST(without_randomness_there_is_no_keeper),
        MACHINE_TEST(without_a_thread_there_is_no_keeper),
        MACHINE_TEST(naming_a_machine_leaves_no_descriptor_open),
    };
    return cmocka_run_group_tests_name("nonce_keeper_machine", tests, NULL, NULL);
}
