#include "support/test.h"

#include "loop/loop_group.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LOOPS = 3 };

static struct clock clock_of_tests;

struct visit {
    struct loop_message message;
    struct loop_group *group;
    struct loop *loop;
    pthread_t thread;
    atomic_uint *visited;
};

static void visit(struct loop_message *message)
{
    struct visit *self = (struct visit *)message;
    assert_true(loop_is_current(self->loop));
    self->thread = pthread_self();
    if (atomic_fetch_add(self->visited, 1) + 1 == LOOPS)
        loop_group_stop(self->group);
}

static void each_loop_runs_on_a_thread_of_its_own_the_first_on_the_callers(void **state UNUSED)
{
    clock_of_tests = clock_system(0);
    struct loop_group *group = loop_group_new(LOOPS, &clock_of_tests, NULL);
    assert_non_null(group);
    atomic_uint visited = 0;
    struct visit visits[LOOPS];
    for (size_t i = 0; i < LOOPS; i++) {
        visits[i] = (struct visit){
            .message = {NULL, visit}, .group = group, .loop = loop_group_at(group, i), .visited = &visited};
        loop_post(visits[i].loop, &visits[i].message);
    }
    assert_status(loop_group_run_blocking(group), STATUS_OK);
    assert_true(pthread_equal(visits[0].thread, pthread_self()));
    for (size_t i = 1; i < LOOPS; i++)
        assert_false(pthread_equal(visits[i].thread, pthread_self()));
    loop_group_free(group);
}

static void a_group_that_was_stopped_before_returns_at_once(void **state UNUSED)
{
    clock_of_tests = clock_system(0);
    struct loop_group *group = loop_group_new(2, &clock_of_tests, NULL);
    assert_non_null(group);
    loop_group_stop(group);
    assert_status(loop_group_run_blocking(group), STATUS_OK);
    loop_group_free(group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_loop_runs_on_a_thread_of_its_own_the_first_on_the_callers),
        cmocka_unit_test(a_group_that_was_stopped_before_returns_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
