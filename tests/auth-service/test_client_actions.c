#include "developer/client_actions.h"

#include "developer/clients.h"
#include "durable/users.h"
#include "oauth/signature_method.h"
#include "site_bench.h"
#include "support/test.h"

#include <stdio.h>

#define JANES_COOKIE "__Host-countersign_session=janes"
#define JOES_COOKIE  "__Host-countersign_session=joes"
#define PAGE         "/developer/applications/printer"

/* A public key of 2048 bits, as a form has it. */
#define PUBLIC_KEY                                                                                         \
    "-----BEGIN%20PUBLIC%20KEY-----%0AMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAscB8hAI6wc8oBHsCYm%2Bg%" \
    "0A4PACHTpfn3zQ1HNHjpSX0W3cD%2BxkeATG9RLlEsQXnzVQgAnakcTSI0yq0Ea98flN%0AUFpBJsuyKyGQIO1MInCwVsQz9QoXw" \
    "Tj9QfRj6vzSGS2%2FE1yF3TmBXMIqJbrff7r1%0AK1MmjPRTx5bJ%2F2hFEms496NGOwCPV4wm3BLsqmxFHEYyec%2BrzxKZGW%2" \
    "BiG13UWJth%0AoUAH02n%2BblieSOzp9LfpI4MIDBDrfN121A5zLXXxtegetr0hgl4F51GOxTZuDKiF%0AuAZawc7JFRRheBxYZy" \
    "Igm7n0rAI%2B0JeSfPEWk%2FKORiqNzxQTWxhxFcZHC3yLKavA%0ALQIDAQAB%0A-----END%20PUBLIC%20KEY-----%0A"

/* "printer" is jane's; both are logged in. */
static struct site_bench *set_scene(void **state)
{
    struct site_bench *bench = *state;
    struct client *client = NULL;
    struct user *jane = NULL;
    bench->config.registration = REGISTRATION_APPROVAL;
    bench->app.rules.signature_methods = SIGNATURE_METHODS_ALL;
    site_bench_session(bench, "janes", bench->jane, "jane");
    site_bench_session(bench, "joes", bench->joe, "joe");
    assert_status(durable_user_find_blocking(&bench->durable.db, bench->jane, &jane), STATUS_OK);
    assert_status(durable_client_find_blocking(&bench->durable.db, SLICE("printer"), &client), STATUS_OK);
    client->owner = jane->subject;
    client->flags = CLIENT_VERIFIED;
    client->website = SLICE("https://printer.example/");
    assert_status(durable_client_update_blocking(&bench->durable.db, client), STATUS_OK);
    client_free(client);
    user_free(jane);
    return bench;
}

static int call(struct site_bench *bench, const struct step *steps, const char *body, const char *cookie)
{
    return site_bench_call(
        bench, &(struct site_call){.steps = steps, .path = PAGE, .id = "printer", .body = body, .cookie = cookie});
}

static int show_after(struct site_bench *bench, const char *query)
{
    return site_bench_call(
        bench, &(struct site_call){
                   .steps = client_show_own, .path = PAGE, .query = query, .id = "printer", .cookie = JANES_COOKIE});
}

static int jane_does(struct site_bench *bench, const char *what)
{
    char body[1024];
    (void)snprintf(body, sizeof body, "csrf_token=csrf+of+janes&do=%s", what);
    return call(bench, client_do, body, JANES_COOKIE);
}

static unsigned flags_now(struct site_bench *bench)
{
    struct client *client = NULL;
    assert_status(durable_client_find_blocking(&bench->durable.db, SLICE("printer"), &client), STATUS_OK);
    unsigned flags = client->flags;
    client_free(client);
    return flags;
}

static void shows_its_owner_what_is_known_of_a_client_and_nobody_else(void **state)
{
    struct site_bench *bench = set_scene(state);
    assert_int_equal(call(bench, client_show_own, NULL, JANES_COOKIE), 200);
    assert_true(site_bench_says(bench, "value=\"Photo &lt;printer&gt;\""));
    assert_true(site_bench_says(bench, "<code id=\"client_id\">printer</code>"));
    assert_true(site_bench_says(bench, "has verified who is behind"));
    assert_slice_equal(site_bench_header(bench, "Cache-Control", 0), SLICE("no-store"));
    assert_int_equal(call(bench, client_show_own, NULL, JOES_COOKIE), 404);
    assert_false(site_bench_says(bench, "Photo"));
}

static void tells_a_developer_where_his_client_goes_and_that_what_he_changed_is_saved(void **state)
{
    struct site_bench *bench = set_scene(state);
    assert_int_equal(call(bench, client_show_own, NULL, JANES_COOKIE), 200);
    assert_true(site_bench_says(bench, "POST https://auth.example/oauth/initiate<"));
    assert_true(site_bench_says(bench, "GET https://auth.example/oauth/authorize?oauth_token="));
    assert_true(site_bench_says(bench, "POST https://auth.example/oauth/token<"));
    assert_false(site_bench_says(bench, "role=\"status\""));
    assert_int_equal(show_after(bench, "done=saved"), 200);
    assert_true(site_bench_says(bench, "role=\"status\">Saved."));
    assert_int_equal(show_after(bench, "done=x"), 200);
    assert_false(site_bench_says(bench, "role=\"status\""));
}

static void asks_for_a_recent_login_before_secrets_keys_and_tokens(void **state)
{
    static const char *const recent[] = {"rotate", "token", "add-key&rsa_public_key=x"};
    static const char *const any_time[] = {"disable", "enable"};
    struct site_bench *bench = set_scene(state);
    fake_clock_advance(&bench->durable.clock, 601 * 1000);
    for (size_t i = 0; i < COUNT_OF(recent); i++) {
        assert_int_equal(jane_does(bench, recent[i]), 302);
        assert_true(slice_starts_with(site_bench_header(bench, "Location", 0), SLICE("/login?return_to=")));
    }
    for (size_t i = 0; i < COUNT_OF(any_time); i++) {
        assert_int_equal(jane_does(bench, any_time[i]), 302);
        assert_slice_equal(site_bench_header(bench, "Location", 0), SLICE(PAGE "?done=saved"));
    }
    assert_int_equal(site_bench_call(bench, &(struct site_call){.steps = client_new_show,
                                                                .path = "/developer/applications/new",
                                                                .cookie = JANES_COOKIE}),
                     302);
    assert_int_equal(durable_bench_number(&bench->durable, "SELECT COUNT(*) FROM tokens"), 0);
}

static void a_deed_that_is_none_changes_nothing(void **state)
{
    static const char *const deeds[] = {"", "grant", "edit", "end-key&key=x", "rotate&overlap=31", "delete&confirm=no"};
    struct site_bench *bench = set_scene(state);
    int64_t before = durable_bench_latest_change(&bench->durable);
    for (size_t i = 0; i < COUNT_OF(deeds); i++)
        if (jane_does(bench, deeds[i]) != 400)
            fail_msg("%s: %.*s", deeds[i], SLICE_ARGS(site_bench_body(bench)));
    assert_int_equal(durable_bench_latest_change(&bench->durable), before);
    assert_int_equal(flags_now(bench), CLIENT_VERIFIED);
}

static void what_users_see_is_approved_anew_when_it_changes(void **state)
{
    static const char same[] = "edit&name=Photo+%3Cprinter%3E&website=https%3A%2F%2Fprinter.example%2F&description=New"
                               "&callbacks=https%3A%2F%2Fapp.example%2Fcb%3Fx%3D1";
    char changed[512];
    struct site_bench *bench = set_scene(state);
    if (jane_does(bench, same) != 302)
        fail_msg("%.*s", SLICE_ARGS(site_bench_body(bench)));
    assert_int_equal(flags_now(bench), CLIENT_VERIFIED);
    (void)snprintf(changed, sizeof changed, "%s%%0d%%0ahttps%%3A%%2F%%2Fother.example%%2F", same);
    assert_int_equal(jane_does(bench, changed), 302);
    assert_int_equal(flags_now(bench), CLIENT_PENDING);
}

static void credentials_of_one_client_are_made_ten_times_a_minute_at_most(void **state)
{
    static const char *const deeds[] = {"rotate", "token", "add-key&rsa_public_key=x"};
    static const char rows[] = "SELECT (SELECT COUNT(*) FROM client_secrets) + (SELECT COUNT(*) FROM client_keys) + "
                               "(SELECT COUNT(*) FROM tokens)";
    struct site_bench *bench = set_scene(state);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(jane_does(bench, deeds[i % 2]), 200);
    int64_t before = durable_bench_number(&bench->durable, rows);
    for (size_t i = 0; i < COUNT_OF(deeds); i++) {
        assert_int_equal(jane_does(bench, deeds[i]), 429);
        assert_slice_equal(site_bench_header(bench, "Retry-After", 0), SLICE("60"));
    }
    assert_int_equal(durable_bench_number(&bench->durable, rows), before);
    assert_int_equal(jane_does(bench, "disable"), 302); /* what makes no credential is not counted */
    assert_int_equal(jane_does(bench, "enable"), 302);
    fake_clock_advance(&bench->durable.clock, 61 * 1000);
    assert_int_equal(jane_does(bench, "rotate"), 200);
}

static void a_second_rotation_does_not_end_the_secret_that_is_in_use(void **state)
{
    struct site_bench *bench = set_scene(state);
    assert_int_equal(jane_does(bench, "rotate&overlap=7"), 200);
    int64_t before = durable_bench_latest_change(&bench->durable);
    assert_int_equal(jane_does(bench, "rotate&overlap=7"), 409); /* two clicks on one button */
    assert_true(site_bench_says(bench, "still good for some days"));
    assert_int_equal(durable_bench_latest_change(&bench->durable), before);
    assert_int_equal(jane_does(bench, "rotate&overlap=0"), 200); /* it has leaked: all but the new one end */
    assert_int_equal(jane_does(bench, "rotate&overlap=7"), 200);
}

/* Nobody could tell how they ended, and what they show is shown once. */
static void changes_that_make_a_credential_are_waited_for_longer_than_others(void **state)
{
    struct site_bench *bench = set_scene(state);
    struct site_call registration = {
        .steps = client_new_submit,
        .path = "/developer/applications/new",
        .body = "csrf_token=csrf+of+janes&name=Mine&website=https%3A%2F%2Fmine.example%2F"
                "&callbacks=https%3A%2F%2Fmine.example%2Fcb",
        .cookie = JANES_COOKIE,
    };
    site_bench_slow_write(bench);
    assert_int_equal(jane_does(bench, "rotate"), 200);
    assert_true(site_bench_says(bench, "id=\"client_secret\""));
    site_bench_slow_write(bench);
    assert_int_equal(jane_does(bench, "token"), 200);
    assert_true(site_bench_says(bench, "id=\"oauth_token_secret\""));
    site_bench_slow_write(bench);
    assert_int_equal(jane_does(bench, "add-key&rsa_public_key=" PUBLIC_KEY), 302);
    site_bench_slow_write(bench);
    jane_does(bench, "disable"); /* which may be sent again */
    assert_refused(bench, 503, "temporarily_unavailable");
    site_bench_slow_write(bench);
    (void)site_bench_call(bench, &registration); /* likewise, and nobody counts how many an owner sends */
    assert_refused(bench, 503, "temporarily_unavailable");
}

static void has_a_page_for_a_store_that_is_down(void **state)
{
    struct site_bench *bench = set_scene(state);
    faulty_ephemeral_fail(&bench->faulty, 1);
    jane_does(bench, "rotate");
    assert_refused(bench, 503, "temporarily_unavailable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(shows_its_owner_what_is_known_of_a_client_and_nobody_else),
        SITE_TEST(tells_a_developer_where_his_client_goes_and_that_what_he_changed_is_saved),
        SITE_TEST(asks_for_a_recent_login_before_secrets_keys_and_tokens),
        SITE_TEST(a_deed_that_is_none_changes_nothing),
        SITE_TEST(a_second_rotation_does_not_end_the_secret_that_is_in_use),
        SITE_TEST(what_users_see_is_approved_anew_when_it_changes),
        SITE_TEST(credentials_of_one_client_are_made_ten_times_a_minute_at_most),
        SITE_TEST(changes_that_make_a_credential_are_waited_for_longer_than_others),
        SITE_TEST(has_a_page_for_a_store_that_is_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
