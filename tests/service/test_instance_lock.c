#include "service/instance_lock.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void is_held_by_one_process_of_each_service(void **state)
{
    (void)state;
    char folder[] = "/tmp/countersign-lock-XXXXXX";
    char url[96], path[128];
    struct buf why = BUF_INIT;
    int first = -1, second = -1, other = -1;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(url, sizeof url, "sqlite:%s/a.db", folder);
    assert_status(instance_lock_take(slice_str(url), "auth-service", &why, &first), STATUS_OK);
    assert_true(first >= 0);
    /* a lock of the same file through another description is as another process's */
    assert_status(instance_lock_take(slice_str(url), "auth-service", &why, &second), STATUS_BAD_INPUT);
    assert_int_equal(second, -1);
    assert_non_null(strstr(buf_string(&why), "a.db.auth-service.lock is locked: another auth-service serves"));
    assert_status(instance_lock_take(slice_str(url), "introspection-service", &why, &other), STATUS_OK);
    (void)close(first);
    assert_status(instance_lock_take(slice_str(url), "auth-service", &why, &second), STATUS_OK);
    (void)close(second), (void)close(other);
    (void)snprintf(path, sizeof path, "%s/a.db.auth-service.lock", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/a.db.introspection-service.lock", folder);
    (void)unlink(path);
    (void)rmdir(folder);
    buf_done(&why);
}

static void needs_none_where_nothing_is_embedded(void **state)
{
    (void)state;
    struct buf why = BUF_INIT;
    int fd = 7;
    assert_status(instance_lock_take(SLICE("mysql://u@h/d"), "auth-service", &why, &fd), STATUS_OK);
    assert_int_equal(fd, -1);
    assert_status(instance_lock_take(SLICE("sqlite::memory:"), "auth-service", &why, &fd), STATUS_OK);
    assert_int_equal(fd, -1);
    buf_done(&why);
}

static void names_the_folder_that_is_not_there(void **state)
{
    (void)state;
    struct buf why = BUF_INIT;
    int fd = -1;
    assert_status(instance_lock_take(SLICE("sqlite:/nonexistent/a.db"), "auth-service", &why, &fd), STATUS_BAD_INPUT);
    assert_non_null(strstr(buf_string(&why), "/nonexistent/a.db.auth-service.lock: No such file or directory"));
    assert_non_null(strstr(buf_string(&why), "OAUTH1_DATABASE_URL"));
    buf_done(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_held_by_one_process_of_each_service),
        cmocka_unit_test(needs_none_where_nothing_is_embedded),
        cmocka_unit_test(names_the_folder_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
