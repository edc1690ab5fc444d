#include "http/wait_list.h"

#include "support/test.h"

static void the_first_to_come_is_the_first_whose_time_is_over(void **state UNUSED)
{
    struct wait_list list = {0};
    struct waiter a = {0}, b = {0};
    assert_null(wait_list_first_before(&list, INT64_MAX));
    wait_list_add(&list, &a, 100);
    wait_list_add(&list, &b, 200);
    assert_int_equal(list.count, 2);
    assert_null(wait_list_first_before(&list, 100));
    assert_ptr_equal(wait_list_first_before(&list, 101), &a);
    assert_ptr_equal(wait_list_first_before(&list, 300), &a);
    waiter_leave(&a);
    assert_null(wait_list_first_before(&list, 200));
    assert_ptr_equal(wait_list_first_before(&list, 201), &b);
}

static void who_waits_anew_goes_behind_the_others(void **state UNUSED)
{
    struct wait_list list = {0}, other = {0};
    struct waiter a = {0}, b = {0}, c = {0};
    wait_list_add(&list, &a, 1);
    wait_list_add(&list, &b, 2);
    wait_list_add(&list, &c, 3);
    wait_list_add(&list, &a, 4);
    assert_int_equal(list.count, 3);
    assert_ptr_equal(list.first, &b);
    wait_list_add(&other, &b, 5); /* from one list to another */
    assert_int_equal(other.count, 1);
    assert_int_equal(list.count, 2);
    assert_ptr_equal(list.first, &c);
    assert_ptr_equal(list.last, &a);
}

static void each_may_leave_from_any_place(void **state UNUSED)
{
    for (int gone = 0; gone < 3; gone++) {
        struct wait_list list = {0};
        struct waiter all[3] = {0};
        for (int i = 0; i < 3; i++)
            wait_list_add(&list, &all[i], i);
        waiter_leave(&all[gone]);
        waiter_leave(&all[gone]); /* a second time changes nothing */
        assert_int_equal(list.count, 2);
        for (int i = 0; i < 3; i++) {
            if (i == gone)
                continue;
            assert_ptr_equal(list.first, &all[i]);
            waiter_leave(list.first);
        }
        assert_null(list.first);
        assert_null(list.last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_to_come_is_the_first_whose_time_is_over),
        cmocka_unit_test(who_waits_anew_goes_behind_the_others),
        cmocka_unit_test(each_may_leave_from_any_place),
    };
    return cmocka_run_group_tests_name("wait_list", tests, NULL, NULL);
}
