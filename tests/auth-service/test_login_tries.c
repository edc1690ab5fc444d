#include "crypto/password.h"
#include "crypto/random.h"
#include "durable/users.h"
#include "login/login.h"
#include "login/login_tries.h"
#include "site_bench.h"
#include "support/test.h"

#include <stdio.h>

#define SECRET               "0123456789abcdefghijABCDEFGHIJxy"
#define LOGIN_COOKIE         "__Host-countersign_login=" SECRET
#define FORM(user, password) "csrf_token=" SECRET "&return_to=%2F&username=" user "&password=" password
#define JANES_FORM           FORM("jane", "correct+horse")

static struct slice header(const struct site_bench *bench, const char *name)
{
    return site_bench_header(bench, name, 0);
}

static bool contains(struct slice text, const char *part)
{
    return slice_find_slice(text, slice_str(part)) < text.len;
}

static int submit(struct site_bench *bench, const char *body, const char *cookie)
{
    return site_bench_call(bench, &(struct site_call){.steps = login_submit, .body = body, .cookie = cookie});
}

/* One try, from this address; the cookie is NULL for a browser that was never here. */
static int try_from(struct site_bench *bench, const char *peer, const char *form, const char *cookie)
{
    char cookies[1024];
    (void)snprintf(cookies, sizeof cookies, LOGIN_COOKIE "%s%s", cookie ? "; __Host-countersign_device=" : "",
                   cookie ? cookie : "");
    return site_bench_call(bench,
                           &(struct site_call){.steps = login_submit, .body = form, .cookie = cookies, .peer = peer});
}

/* Logs in and keeps the cookie that makes the browser a device. */
static void become_device(struct site_bench *bench, const char *form, char ret_cookie[512])
{
    static const struct slice name = SLICE_INIT("__Host-countersign_device=");
    assert_int_equal(try_from(bench, "192.0.2.1", form, NULL), 302);
    for (size_t n = 0; n < 4; n++) {
        struct slice set = site_bench_header(bench, "Set-Cookie", n);
        if (!slice_starts_with(set, name))
            continue;
        assert_true(contains(set, "; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=15552000"));
        (void)snprintf(ret_cookie, 512, "%.*s", (int)(slice_find(set, ';') - name.len), set.ptr + name.len);
        return;
    }
    fail_msg("no cookie");
}

static void slows_down_who_guesses_at_one_account_from_one_address(void **state)
{
    struct site_bench *bench = *state;
    bench->config.rate_limit_login_pair = 3;
    for (int i = 0; i < 3; i++)
        assert_int_equal(submit(bench, FORM("jane", "wrong"), LOGIN_COOKIE), 403);
    assert_int_equal(submit(bench, JANES_FORM, LOGIN_COOKIE), 429); /* right, but too late */
    assert_slice_equal(header(bench, "Retry-After"), SLICE("60"));
    assert_true(site_bench_says(bench, "Too many tries"));
    assert_int_equal(submit(bench, FORM("nobody", "wrong"), LOGIN_COOKIE), 403);      /* another account */
    assert_int_equal(try_from(bench, "192.0.2.8", FORM("jane", "wrong"), NULL), 403); /* another address */
    fake_clock_advance(&bench->durable.clock, 20 * 1000);
    submit(bench, JANES_FORM, LOGIN_COOKIE);
    assert_slice_equal(header(bench, "Retry-After"), SLICE("40"));
    fake_clock_advance(&bench->durable.clock, 41 * 1000);
    assert_int_equal(submit(bench, JANES_FORM, LOGIN_COOKIE), 302);
}

static void slows_down_who_guesses_at_one_account_from_many_addresses(void **state)
{
    struct site_bench *bench = *state;
    char peer[32];
    bench->config.rate_limit_login_account = 3;
    for (int i = 0; i < 5; i++) {
        (void)snprintf(peer, sizeof peer, "198.51.100.%d", i + 1);
        assert_int_equal(try_from(bench, peer, FORM("jane", "wrong"), NULL), i < 3 ? 403 : 429);
    }
    assert_int_equal(try_from(bench, "192.0.2.9", JANES_FORM, NULL), 429); /* right, but from nowhere known */
    assert_int_equal(try_from(bench, "192.0.2.9", FORM("joe", "correct+horse"), NULL), 302);
}

static void counts_the_addresses_of_one_ipv6_network_as_one(void **state)
{
    struct site_bench *bench = *state;
    bench->config.rate_limit_login_pair = 2;
    assert_int_equal(try_from(bench, "2001:db8::1", FORM("jane", "wrong"), NULL), 403);
    assert_int_equal(try_from(bench, "2001:db8::2", FORM("jane", "wrong"), NULL), 403);
    assert_int_equal(try_from(bench, "2001:db8::3", JANES_FORM, NULL), 429);
    assert_int_equal(try_from(bench, "2001:db8:0:1::3", JANES_FORM, NULL), 302);
}

/* A stranger who guesses keeps nobody out who was here before: not at his own address, not at the stranger's. */
static void lets_a_device_in_while_strangers_guess(void **state)
{
    struct site_bench *bench = *state;
    char device[512];
    become_device(bench, JANES_FORM, device);
    bench->config.rate_limit_login_account = 2;
    bench->config.rate_limit_login_address = 2;
    bench->config.rate_limit_login_pair = 1;
    for (int i = 0; i < 3; i++) {
        (void)try_from(bench, "198.51.100.1", FORM("jane", "wrong"), NULL);
        (void)try_from(bench, "198.51.100.2", FORM("jane", "wrong"), NULL);
    }
    assert_int_equal(try_from(bench, "192.0.2.1", JANES_FORM, NULL), 429);
    assert_int_equal(try_from(bench, "192.0.2.1", JANES_FORM, device), 302);
    assert_int_equal(try_from(bench, "198.51.100.1", JANES_FORM, device), 302);
}

static void slows_a_device_down_that_guesses_itself(void **state)
{
    struct site_bench *bench = *state;
    char device[512];
    become_device(bench, JANES_FORM, device);
    bench->config.rate_limit_login_pair = 2;
    for (int i = 0; i < 5; i++) /* a right one is no guess */
        assert_int_equal(try_from(bench, "192.0.2.1", JANES_FORM, device), 302);
    assert_int_equal(try_from(bench, "192.0.2.2", FORM("jane", "wrong"), device), 403);
    assert_int_equal(try_from(bench, "192.0.2.3", FORM("jane", "wrong"), device), 403);
    assert_int_equal(try_from(bench, "192.0.2.4", JANES_FORM, device), 429);
}

static void counts_each_device_for_itself(void **state)
{
    struct site_bench *bench = *state;
    char phone[512], laptop[512];
    become_device(bench, JANES_FORM, phone);
    become_device(bench, JANES_FORM, laptop);
    bench->config.rate_limit_login_pair = 1;
    assert_int_equal(try_from(bench, "192.0.2.1", FORM("jane", "wrong"), phone), 403);
    assert_int_equal(try_from(bench, "192.0.2.1", JANES_FORM, phone), 429);
    assert_int_equal(try_from(bench, "192.0.2.1", JANES_FORM, laptop), 302);
    become_device(bench, FORM("joe", "correct+horse"), laptop);
    assert_int_equal(try_from(bench, "192.0.2.1", FORM("joe", "correct+horse"), laptop), 302);
}

static void answers_503_without_randomness(void **state)
{
    struct site_bench *bench = *state;
    for (unsigned nth = 0; nth < 4; nth++) { /* the device's number, the session's, its secret, the cookie */
        random_fail_after(nth, 1);
        submit(bench, JANES_FORM, LOGIN_COOKIE);
        assert_refused(bench, 503, "temporarily_unavailable");
    }
}

static void a_device_that_guesses_leaves_the_quotas_of_strangers_alone(void **state)
{
    struct site_bench *bench = *state;
    char device[512];
    become_device(bench, JANES_FORM, device);
    bench->config.rate_limit_login_address = 1;
    for (int i = 0; i < 3; i++)
        assert_int_equal(try_from(bench, "192.0.2.1", FORM("jane", "wrong"), device), 403);
    bench->config.rate_limit_login_pair = 1;
    bench->config.rate_limit_login_account = 1;
    assert_int_equal(try_from(bench, "192.0.2.1", JANES_FORM, NULL), 302);
}

static void a_device_is_none_for_a_name_that_nobody_has(void **state)
{
    struct site_bench *bench = *state;
    char device[512];
    become_device(bench, JANES_FORM, device);
    assert_int_equal(try_from(bench, "192.0.2.1", FORM("nobody", "wrong"), device), 403);
}

/* The cookie names its user: with another's name it is worth nothing. */
static void takes_a_device_for_its_own_user_alone(void **state)
{
    struct site_bench *bench = *state;
    char joes[512];
    become_device(bench, FORM("joe", "correct+horse"), joes);
    bench->config.rate_limit_login_account = 1;
    assert_int_equal(try_from(bench, "198.51.100.1", FORM("jane", "wrong"), joes), 403);
    assert_int_equal(try_from(bench, "198.51.100.2", JANES_FORM, joes), 429);
}

static void counts_an_account_and_an_address_together_for_devices_of_others(void **state)
{
    struct site_bench *bench = *state;
    char janes[512], joes[512];
    become_device(bench, JANES_FORM, janes);
    become_device(bench, FORM("joe", "correct+horse"), joes);
    bench->config.rate_limit_login_pair = 1;
    assert_int_equal(try_from(bench, "198.51.100.1", FORM("jane", "wrong"), joes), 403);
    assert_int_equal(try_from(bench, "198.51.100.1", FORM("joe", "wrong"), janes),
                     403); /* the first of another account */
    assert_int_equal(try_from(bench, "198.51.100.1", JANES_FORM, joes), 429);
}

/* Devices are free for whoever has an account: with many of them nobody uses up another's quota from one address. */
static void counts_an_account_for_devices_of_others_only_while_their_address_has_quota(void **state)
{
    struct site_bench *bench = *state;
    char joes[4][512];
    for (size_t i = 0; i < COUNT_OF(joes); i++)
        become_device(bench, FORM("joe", "correct+horse"), joes[i]);
    bench->config.rate_limit_login_address = 2;
    bench->config.rate_limit_login_account = 4;
    for (size_t i = 0; i < COUNT_OF(joes); i++)
        for (int n = 0; n < 2; n++)
            (void)try_from(bench, "198.51.100.1", FORM("jane", "wrong"), joes[i]);
    assert_int_equal(try_from(bench, "192.0.2.9", FORM("jane", "wrong"), NULL), 403);
    bench->config.rate_limit_login_address = 1000;
    bench->config.rate_limit_login_pair = 1;
    for (size_t i = 0; i < COUNT_OF(joes); i++)
        (void)try_from(bench, "198.51.100.2", FORM("jane", "wrong"), joes[i]);
    assert_int_equal(try_from(bench, "192.0.2.10", JANES_FORM, NULL), 302);
}

/* However an address is written it is one account's. */
static void counts_every_spelling_as_one(void **state)
{
    struct site_bench *bench = *state;
    static const char *const spellings[] = {FORM("Ann%40example.com", "wrong"), FORM("ANN%40example.com", "wrong"),
                                            FORM("ann%40EXAMPLE.com", "wrong")};
    bench->config.rate_limit_login_pair = 2;
    for (size_t i = 0; i < COUNT_OF(spellings); i++)
        assert_int_equal(try_from(bench, "192.0.2.1", spellings[i], NULL), i < 2 ? 403 : 429);
    bench->config.rate_limit_login_pair = 1000;
    bench->config.rate_limit_login_account = 3;
    assert_int_equal(try_from(bench, "192.0.2.2", spellings[0], NULL), 403);
    assert_int_equal(try_from(bench, "192.0.2.3", spellings[1], NULL), 429);
}

static void forgets_a_device_when_the_password_changes(void **state)
{
    struct site_bench *bench = *state;
    char device[512], another[512];
    char hash[PASSWORD_HASH_BYTES];
    become_device(bench, JANES_FORM, device);
    become_device(bench, JANES_FORM, another);
    assert_status(password_hash_blocking(SLICE("another horse"), hash), STATUS_OK);
    assert_status(durable_user_set_password_blocking(&bench->durable.db, bench->jane, slice_str(hash)), STATUS_OK);
    bench->config.rate_limit_login_account = 2;
    assert_int_equal(try_from(bench, "192.0.2.1", FORM("jane", "wrong"), device), 403);
    assert_int_equal(try_from(bench, "192.0.2.2", FORM("jane", "wrong"), device), 403);
    assert_int_equal(try_from(bench, "192.0.2.3", FORM("jane", "another+horse"), device), 429); /* the account's */
    bench->config.rate_limit_login_account = 1000;
    bench->config.rate_limit_login_pair = 1; /* another device has its own quota left */
    assert_int_equal(try_from(bench, "192.0.2.1", FORM("jane", "another+horse"), another), 429); /* the pair's */
    bench->config.rate_limit_login_pair = 1000;
    bench->config.rate_limit_login_address = 1;
    assert_int_equal(try_from(bench, "192.0.2.1", FORM("jane", "another+horse"), device), 429); /* the address's */
    bench->config.rate_limit_login_address = 1000;
    assert_int_equal(try_from(bench, "192.0.2.1", FORM("jane", "another+horse"), device), 302);
}

static void a_right_password_is_no_guess(void **state)
{
    struct site_bench *bench = *state;
    bench->config.rate_limit_login_account = 2;
    bench->config.rate_limit_login_pair = 2;
    bench->config.rate_limit_login_address = 2;
    assert_int_equal(submit(bench, FORM("jane", "wrong"), LOGIN_COOKIE), 403);
    for (int i = 0; i < 5; i++)
        assert_int_equal(submit(bench, JANES_FORM, LOGIN_COOKIE), 302);
    assert_int_equal(submit(bench, FORM("jane", "wrong"), LOGIN_COOKIE), 403);
    assert_int_equal(submit(bench, JANES_FORM, LOGIN_COOKIE), 429); /* nor does it take a wrong one back */
}

static void slows_down_who_guesses_at_accounts_that_do_not_exist_too(void **state)
{
    struct site_bench *bench = *state;
    bench->config.rate_limit_login_pair = 1;
    bench->config.rate_limit_login_account = 2;
    assert_int_equal(submit(bench, FORM("nobody", "wrong"), LOGIN_COOKIE), 403);
    assert_int_equal(submit(bench, FORM("nobody", "wrong"), LOGIN_COOKIE), 429);
    assert_int_equal(try_from(bench, "192.0.2.8", FORM("nobody", "wrong"), NULL), 403);
    assert_int_equal(try_from(bench, "192.0.2.9", FORM("nobody", "wrong"), NULL), 429);
}

static void slows_down_an_address_whatever_the_accounts(void **state)
{
    struct site_bench *bench = *state;
    bench->config.rate_limit_login_address = 2;
    assert_int_equal(submit(bench, FORM("a", "wrong"), LOGIN_COOKIE), 403);
    assert_int_equal(submit(bench, FORM("b", "wrong"), LOGIN_COOKIE), 403);
    assert_int_equal(submit(bench, FORM("c", "wrong"), LOGIN_COOKIE), 429);
    /* said by nobody whom we trust */
    const struct site_call forwarded = {.steps = login_submit,
                                        .body = JANES_FORM,
                                        .cookie = LOGIN_COOKIE,
                                        .header = "X-Forwarded-For",
                                        .value = "198.51.100.1"};
    assert_int_equal(site_bench_call(bench, &forwarded), 429);
}

/* Nobody runs up an account's counter from an address, or a pair of both, that is beyond its own quota. */
static void counts_an_account_only_while_the_address_and_the_pair_have_quota(void **state)
{
    struct site_bench *bench = *state;
    bench->config.rate_limit_login_account = 4;
    bench->config.rate_limit_login_address = 2;
    for (int i = 0; i < 6; i++)
        assert_int_equal(submit(bench, FORM("jane", "wrong"), LOGIN_COOKIE), i < 2 ? 403 : 429);
    assert_slice_equal(header(bench, "Retry-After"), SLICE("60"));
    bench->config.rate_limit_login_address = 1000;
    bench->config.rate_limit_login_pair = 1;
    for (int i = 0; i < 6; i++)
        assert_int_equal(try_from(bench, "192.0.2.8", FORM("jane", "wrong"), NULL), i < 1 ? 403 : 429);
    assert_int_equal(try_from(bench, "192.0.2.9", FORM("jane", "wrong"), NULL), 403);
    assert_int_equal(try_from(bench, "192.0.2.10", FORM("jane", "wrong"), NULL), 429);
}

/* A name that was cut short would be another's counter. */
static void counts_under_whole_names_or_none_where_memory_does_not_suffice(void **state)
{
    enum { STEP_BYTES = 16, ENOUGH_BYTES = 2 << 10 };
    struct site_bench *bench = *state;
    struct request *request = &bench->request;
    static const char *const names[] = {
        "jane", "a-name-of-a-hundred-bytes-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-01234567"};
    assert_int_equal(submit(bench, JANES_FORM, LOGIN_COOKIE), 302);
    request->header_count = 0;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        unsigned whole = 0;
        for (size_t bytes = 0; bytes <= ENOUGH_BYTES; bytes += STEP_BYTES) {
            struct login_tries tries;
            arena_done(&request->arena);
            arena_init(&request->arena, bytes);
            enum status status = login_tries_init(request, slice_str(names[i]), &tries);
            assert_true(status == STATUS_OK || status == STATUS_NO_MEMORY);
            if (status != STATUS_OK)
                continue;
            assert_slice_equal(tries.names[QUOTA_LOGIN_ACCOUNT], slice_str(names[i]));
            struct slice pair = tries.names[QUOTA_LOGIN_PAIR];
            size_t space = slice_find(pair, ' ');
            assert_int_equal(space, 32);
            assert_slice_equal(slice_sub(pair, space + 1, pair.len), slice_str(names[i]));
            assert_int_equal(tries.names[QUOTA_LOGIN_DEVICE].len, 2 * sizeof tries.device.id);
            whole++;
        }
        assert_in_range(whole, 1, ENOUGH_BYTES / STEP_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(slows_down_who_guesses_at_one_account_from_one_address),
        SITE_TEST(slows_down_who_guesses_at_one_account_from_many_addresses),
        SITE_TEST(counts_the_addresses_of_one_ipv6_network_as_one),
        SITE_TEST(lets_a_device_in_while_strangers_guess),
        SITE_TEST(slows_a_device_down_that_guesses_itself),
        SITE_TEST(counts_each_device_for_itself),
        SITE_TEST(answers_503_without_randomness),
        SITE_TEST(a_device_that_guesses_leaves_the_quotas_of_strangers_alone),
        SITE_TEST(a_device_is_none_for_a_name_that_nobody_has),
        SITE_TEST(takes_a_device_for_its_own_user_alone),
        SITE_TEST(counts_an_account_and_an_address_together_for_devices_of_others),
        SITE_TEST(counts_an_account_for_devices_of_others_only_while_their_address_has_quota),
        SITE_TEST(counts_every_spelling_as_one),
        SITE_TEST(forgets_a_device_when_the_password_changes),
        SITE_TEST(a_right_password_is_no_guess),
        SITE_TEST(slows_down_who_guesses_at_accounts_that_do_not_exist_too),
        SITE_TEST(slows_down_an_address_whatever_the_accounts),
        SITE_TEST(counts_an_account_only_while_the_address_and_the_pair_have_quota),
        SITE_TEST(counts_under_whole_names_or_none_where_memory_does_not_suffice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
