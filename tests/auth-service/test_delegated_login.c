#include "login/delegated_login.h"

#include "authorize.h"
#include "crypto/random.h"
#include "durable/users.h"
#include "login/challenge.h"
#include "site_bench.h"
#include "support/test.h"

#include <stdio.h>

#define LOGIN_URL "https://site.example/login?lang=en"
#define SECRET    "0123456789abcdefghijABCDEFGHIJxy"

struct scene {
    struct site_bench *bench;
    char challenge[64];
    char cookie[128];
    char query[160];
};

static void pass_s(struct site_bench *bench, int64_t seconds)
{
    bench->durable.clock.wall_ms += seconds * 1000;
    bench->durable.clock.steady_ms += seconds * 1000;
}

static void copy_value(struct slice text, const char *before, char end, char *out, size_t size)
{
    size_t start = slice_find_slice(text, slice_str(before)) + strlen(before);
    struct slice value = slice_sub(text, start, text.len);
    value = slice_sub(value, 0, slice_find(value, end));
    assert_true(value.len > 0 && value.len < size);
    memcpy(out, value.ptr, value.len);
    out[value.len] = '\0';
}

/* The browser opens the authorize page and is sent to the site. */
static struct scene begin(void **state)
{
    struct scene scene = {.bench = *state};
    scene.bench->config.login_url = SLICE(LOGIN_URL);
    site_bench_temp(scene.bench, "temp", CALLBACK);
    const struct site_call call = {.steps = authorize_show, .query = "oauth_token=temp"};
    assert_int_equal(site_bench_call(scene.bench, &call), 302);
    copy_value(site_bench_header(scene.bench, "Location", 0), "login_challenge=", '&', scene.challenge,
               sizeof scene.challenge);
    copy_value(site_bench_header(scene.bench, "Set-Cookie", 0), "", ';', scene.cookie, sizeof scene.cookie);
    return scene;
}

/* As the admin port does it. */
static void decide(struct scene *scene, const char *decision, bool is_granted)
{
    struct site_bench *bench = scene->bench;
    struct arena arena;
    struct challenge challenge = {0};
    arena_init(&arena, 1 << 16);
    ephemeral_blob_find_start(bench->view, slice_str(scene->challenge), asking_ticket(&bench->asking));
    const struct ephemeral_blob *blob = asking_answer(&bench->asking, STATUS_OK);
    struct slice found = arena_copy(&arena, blob->bytes);
    struct buf record = buf_in(&arena);
    struct user *user = NULL;
    assert_status(challenge_read(found, &arena, &challenge), STATUS_OK);
    assert_status(durable_user_ensure_blocking(&bench->durable.db, SLICE("42"), SLICE("jane"), &user), STATUS_OK);
    challenge.state = slice_str(decision);
    challenge.secret = SLICE(SECRET);
    challenge.user = user->id;
    challenge.user_version = user->version;
    challenge.username = SLICE("jane");
    challenge.scopes = SLICE("photos:read");
    challenge.is_granted = is_granted;
    challenge_write(&challenge, &record);
    ephemeral_blob_replace_start(bench->view, slice_str(scene->challenge), found, buf_slice(&record),
                                 asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    (void)snprintf(scene->query, sizeof scene->query, "login_challenge=%s&login_secret=" SECRET, scene->challenge);
    user_free(user);
    arena_done(&arena);
}

static int come_back(struct scene *scene, const char *cookie)
{
    const struct site_call call = {.steps = delegated_login_continue, .query = scene->query, .cookie = cookie};
    return site_bench_call(scene->bench, &call);
}

static int authorize_with(struct scene *scene, const char *session)
{
    char cookie[160];
    (void)snprintf(cookie, sizeof cookie, "__Host-countersign_session=%s", session);
    const struct site_call call = {.steps = authorize_show, .query = "oauth_token=temp", .cookie = cookie};
    return site_bench_call(scene->bench, &call);
}

static void sends_the_browser_to_the_site_behind_the_query_that_is_there(void **state)
{
    struct scene scene = begin(state);
    struct slice location = site_bench_header(scene.bench, "Location", 0);
    assert_true(slice_starts_with(location, SLICE(LOGIN_URL "&login_challenge=")));
    assert_true(challenge_is_text(slice_str(scene.challenge)));
    struct slice cookie = site_bench_header(scene.bench, "Set-Cookie", 0);
    assert_true(slice_starts_with(cookie, SLICE("__Host-countersign_challenge=")));
    assert_true(slice_find_slice(cookie, SLICE("; HttpOnly; SameSite=Lax; Secure")) < cookie.len);
    assert_true(slice_find_slice(location, slice_of(cookie.ptr + 29, 32)) == location.len);
}

static void a_challenge_is_good_for_600_seconds(void **state)
{
    struct scene scene = begin(state);
    decide(&scene, CHALLENGE_ACCEPTED, false);
    pass_s(scene.bench, 599);
    assert_int_equal(come_back(&scene, scene.cookie), 302);
    pass_s(scene.bench, 1300); /* the temporary credential is forgotten */
    scene = begin(state);
    decide(&scene, CHALLENGE_ACCEPTED, false);
    pass_s(scene.bench, 600);
    assert_int_equal(come_back(&scene, scene.cookie), 403);
}

static void a_session_lasts_ten_minutes(void **state)
{
    struct scene scene = begin(state);
    char session[64];
    decide(&scene, CHALLENGE_ACCEPTED, false);
    assert_int_equal(come_back(&scene, scene.cookie), 302);
    copy_value(site_bench_header(scene.bench, "Set-Cookie", 0), "countersign_session=", ';', session, sizeof session);
    assert_true(site_bench_has_session(scene.bench, session));
    assert_int_equal(authorize_with(&scene, session), 200);
    pass_s(scene.bench, 599);
    assert_true(site_bench_has_session(scene.bench, session));
    pass_s(scene.bench, 1);
    assert_false(site_bench_has_session(scene.bench, session));
}

static void the_page_shows_what_the_site_left_and_lets_its_forms_lead_to_the_site(void **state)
{
    struct scene scene = begin(state);
    char session[64];
    decide(&scene, CHALLENGE_ACCEPTED, false);
    assert_int_equal(come_back(&scene, scene.cookie), 302);
    copy_value(site_bench_header(scene.bench, "Set-Cookie", 0), "countersign_session=", ';', session, sizeof session);
    assert_int_equal(authorize_with(&scene, session), 200);
    assert_true(site_bench_says(scene.bench, "photos:read"));
    assert_false(site_bench_says(scene.bench, "photos:write"));
    struct slice policy = site_bench_header(scene.bench, "Content-Security-Policy", 0);
    assert_true(slice_find_slice(policy, SLICE("form-action 'self' https://app.example https://site.example")) <
                policy.len);
}

static void without_randomness_nobody_is_sent_anywhere(void **state)
{
    struct scene scene = {.bench = *state};
    scene.bench->config.login_url = SLICE(LOGIN_URL);
    site_bench_temp(scene.bench, "temp", CALLBACK);
    const struct site_call call = {.steps = authorize_show, .query = "oauth_token=temp"};
    random_fail_next(1);
    assert_int_equal(site_bench_call(scene.bench, &call), 503);
    pass_s(scene.bench, 1300);
    scene = begin(state);
    decide(&scene, CHALLENGE_ACCEPTED, false);
    random_fail_next(1);
    assert_int_equal(come_back(&scene, scene.cookie), 503);
    assert_true(slice_is_absent(site_bench_header(scene.bench, "Set-Cookie", 0)));
}

static void a_store_that_is_down_lets_nobody_in(void **state)
{
    for (unsigned call = 1; call <= 4; call++) { /* find, take, the new session, the old one's end */
        struct scene scene = begin(state);
        decide(&scene, CHALLENGE_ACCEPTED, false);
        faulty_ephemeral_fail(&scene.bench->faulty, call);
        assert_int_equal(come_back(&scene, scene.cookie), 503);
        assert_true(slice_is_absent(site_bench_header(scene.bench, "Set-Cookie", 0)));
        faulty_ephemeral_fail(&scene.bench->faulty, 0);
        pass_s(scene.bench, 1300); /* the temporary credential of this round is forgotten */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(sends_the_browser_to_the_site_behind_the_query_that_is_there),
        SITE_TEST(a_challenge_is_good_for_600_seconds),
        SITE_TEST(a_session_lasts_ten_minutes),
        SITE_TEST(the_page_shows_what_the_site_left_and_lets_its_forms_lead_to_the_site),
        SITE_TEST(without_randomness_nobody_is_sent_anywhere),
        SITE_TEST(a_store_that_is_down_lets_nobody_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
