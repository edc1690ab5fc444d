#include "login/delegated_login.h"

#include "app/service_metrics.h"
#include "crypto/random.h"
#include "durable/users.h"
#include "login/challenge.h"
#include "protocol/authorize.h"
#include "protocol/login_continue.h"
#include "site_bench.h"
#include "sql/sql.h"
#include "support/test.h"
#include "support/watch.h"

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

/* Of the reply that sends the browser to the site. */
static void read_sending(struct scene *scene)
{
    copy_value(site_bench_header(scene->bench, "Location", 0), "login_challenge=", '&', scene->challenge,
               sizeof scene->challenge);
    copy_value(site_bench_header(scene->bench, "Set-Cookie", 0), "", ';', scene->cookie, sizeof scene->cookie);
}

/* The browser opens a page and is sent to the site. */
static struct scene begin_at(void **state, const struct step *page, const char *query)
{
    struct scene scene = {.bench = *state};
    scene.bench->config.login_url = SLICE(LOGIN_URL);
    const struct site_call call = {.steps = page, .query = query};
    assert_int_equal(site_bench_call(scene.bench, &call), 302);
    read_sending(&scene);
    return scene;
}

static struct scene begin(void **state)
{
    site_bench_temp(*state, "temp", CALLBACK);
    return begin_at(state, authorize_show, "oauth_token=temp");
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
    assert_slice_equal(challenge.state, SLICE(CHALLENGE_PENDING));
    assert_slice_equal(challenge.kind,
                       challenge.return_to.len ? SLICE(CHALLENGE_ACCOUNT) : SLICE(CHALLENGE_AUTHORIZATION));
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
    const struct site_call call = {.steps = login_continue, .query = scene->query, .cookie = cookie};
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

static void assert_let_nobody_in(const struct scene *scene)
{
    assert_true(site_bench_says(scene->bench, "This login was not begun in this browser"));
    assert_true(slice_is_absent(site_bench_header(scene->bench, "Set-Cookie", 0)));
}

static void change_tables(struct site_bench *bench, const char *statement)
{
    assert_status(sql_execute_blocking(bench->durable.db.sql, statement, NULL, 0, NULL, NULL), STATUS_OK);
}

/* Nobody comes in unseen, and nobody of whom it is not known whether he was disabled since. */
static void a_database_that_is_down_lets_nobody_in(void **state)
{
    static const struct {
        const char *lose, *restore;
    } rows[] = {{"ALTER TABLE audit RENAME TO lost", "ALTER TABLE lost RENAME TO audit"},
                {"ALTER TABLE users RENAME TO lost", "ALTER TABLE lost RENAME TO users"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scene scene = begin_at(state, delegated_login_show, NULL);
        decide(&scene, CHALLENGE_ACCEPTED, false);
        change_tables(scene.bench, rows[i].lose);
        assert_int_equal(come_back(&scene, scene.cookie), 503);
        assert_true(slice_is_absent(site_bench_header(scene.bench, "Set-Cookie", 0)));
        change_tables(scene.bench, rows[i].restore);
        assert_int_equal(come_back(&scene, scene.cookie), 403); /* the challenge was used */
        assert_let_nobody_in(&scene);
    }
}

/* ---- what a session is good for ---- */

/* A session of the site's user "42", or of an account made here, for what it was begun for. */
static void start_session(struct site_bench *bench, const char *id, int64_t local_user, const char *bound_to)
{
    struct user *user = NULL;
    enum status status = local_user
                             ? durable_user_find_blocking(&bench->durable.db, local_user, &user)
                             : durable_user_ensure_blocking(&bench->durable.db, SLICE("42"), SLICE("jane"), &user);
    assert_status(status, STATUS_OK);
    const struct session session = {.user = user->id,
                                    .user_version = user->version,
                                    .username = user->username,
                                    .csrf = SLICE("csrf"),
                                    .bound_to = slice_str(bound_to),
                                    .scopes = SLICE(SCOPES)};
    ephemeral_session_create_start(bench->view, slice_str(id), &session, 60000, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
    user_free(user);
}

static void a_session_decides_on_what_the_site_was_asked_about_alone(void **state)
{
    struct scene scene = begin(state);
    static const struct {
        const char *id, *bound_to;
        bool is_local;
        int status;
    } rows[] = {{"this", "temp", false, 200},
                {"other", "other", false, 302},
                {"page", "", false, 302},
                {"here", "temp", true, 302}}; /* an account that no site vouches for */
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        start_session(scene.bench, rows[i].id, rows[i].is_local ? scene.bench->jane : 0, rows[i].bound_to);
        assert_int_equal(authorize_with(&scene, rows[i].id), rows[i].status);
        struct slice location = site_bench_header(scene.bench, "Location", 0);
        assert_true(rows[i].status == 200 || slice_starts_with(location, SLICE(LOGIN_URL)));
    }
    scene.bench->config.login_url = SLICE_ABSENT; /* by password now */
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(authorize_with(&scene, rows[i].id), 302);
}

static void a_site_that_asked_its_user_itself_has_the_grant(void **state)
{
    struct scene scene = begin(state);
    char session[64];
    decide(&scene, CHALLENGE_ACCEPTED, true);
    assert_int_equal(come_back(&scene, scene.cookie), 302);
    assert_slice_equal(site_bench_header(scene.bench, "Location", 0), SLICE("/oauth/authorize?oauth_token=temp"));
    copy_value(site_bench_header(scene.bench, "Set-Cookie", 0), "countersign_session=", ';', session, sizeof session);
    random_fail_next(1); /* for the verifier */
    assert_int_equal(authorize_with(&scene, session), 503);
    assert_int_equal(site_bench_find_temp(scene.bench, "temp")->state, TEMP_PENDING);
    assert_int_equal(authorize_with(&scene, session), 302);
    assert_true(slice_starts_with(site_bench_header(scene.bench, "Location", 0),
                                  SLICE(CALLBACK "&oauth_token=temp&oauth_verifier=")));
    const struct temp_credential *temp = site_bench_find_temp(scene.bench, "temp");
    assert_int_equal(temp->state, TEMP_GRANTED);
    assert_slice_equal(temp->username, SLICE("jane"));
    assert_slice_equal(temp->scopes, SLICE("photos:read"));
}

/* ---- who comes back ---- */

/* And uses nothing up. */
static void who_lacks_one_of_the_secrets_is_refused(void **state)
{
    struct scene scene = begin(state);
    char right[sizeof scene.query];
    decide(&scene, CHALLENGE_ACCEPTED, false);
    memcpy(right, scene.query, sizeof right);
    assert_int_equal(come_back(&scene, NULL), 403);
    assert_let_nobody_in(&scene);
    assert_int_equal(come_back(&scene, "__Host-countersign_challenge=" SECRET), 403);
    assert_let_nobody_in(&scene);
    static const char *const secrets[] = {"", "other", "0123456789abcdefghijABCDEFGHIJxz"};
    for (size_t i = 0; i < COUNT_OF(secrets); i++) {
        (void)snprintf(scene.query, sizeof scene.query, "login_challenge=%s&login_secret=%s", scene.challenge,
                       secrets[i]);
        faulty_ephemeral_fail(&scene.bench->faulty, 0);
        assert_int_equal(come_back(&scene, scene.cookie), 403);
        assert_let_nobody_in(&scene);
        assert_int_equal(scene.bench->faulty.calls, strlen(secrets[i]) == strlen(SECRET)); /* the store is spared */
    }
    memcpy(scene.query, right, sizeof right);
    scene.query[16] = '!'; /* of the challenge */
    faulty_ephemeral_fail(&scene.bench->faulty, 0);
    assert_int_equal(come_back(&scene, scene.cookie), 403);
    assert_int_equal(scene.bench->faulty.calls, 0);
    scene.query[16] = right[16] == 'x' ? 'y' : 'x';
    assert_int_equal(come_back(&scene, scene.cookie), 403);
    assert_let_nobody_in(&scene);
    memcpy(scene.query, right, sizeof right);
    assert_int_equal(come_back(&scene, scene.cookie), 302);
    assert_int_equal(come_back(&scene, scene.cookie), 403); /* once */
    assert_let_nobody_in(&scene);
}

static void what_is_no_return_at_all_is_told(void **state)
{
    struct scene scene = begin(state);
    static const struct {
        const char *query, *problem;
    } rows[] = {{"", "parameter_absent"},
                {"login_challenge=" SECRET, "parameter_absent"},
                {"login_secret=" SECRET, "parameter_absent"},
                {"login_challenge=%zz", "parameter_rejected"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        (void)snprintf(scene.query, sizeof scene.query, "%s", rows[i].query);
        come_back(&scene, scene.cookie);
        assert_refused(scene.bench, 400, rows[i].problem);
    }
    decide(&scene, CHALLENGE_ACCEPTED, false);
    site_bench_call(
        scene.bench,
        &(struct site_call){.steps = login_continue, .query = scene.query, .cookie = scene.cookie, .is_plain = true});
    assert_refused(scene.bench, 400, "transport_insecure");
}

static void a_challenge_that_the_site_has_not_decided_opens_nothing(void **state)
{
    struct scene scene = begin(state);
    (void)snprintf(scene.query, sizeof scene.query, "login_challenge=%s&login_secret=" SECRET, scene.challenge);
    assert_int_equal(come_back(&scene, scene.cookie), 403);
    assert_let_nobody_in(&scene);
    decide(&scene, CHALLENGE_ACCEPTED, false); /* it is there still */
    assert_int_equal(come_back(&scene, scene.cookie), 302);
}

/* Whom the site accepted, as the store has him. */
static int64_t sites_user(struct site_bench *bench)
{
    return durable_bench_number(&bench->durable, "SELECT id FROM users WHERE subject = '42'");
}

static void who_was_disabled_or_logged_out_since_is_refused(void **state)
{
    enum { DISABLED, LOGGED_OUT, DELETED, CASES };
    for (int i = 0; i < CASES; i++) {
        struct scene scene = begin(state);
        decide(&scene, CHALLENGE_ACCEPTED, false);
        struct durable *db = &scene.bench->durable.db;
        int64_t user = sites_user(scene.bench);
        enum status status = i == DISABLED     ? durable_user_disable_blocking(db, user)
                             : i == LOGGED_OUT ? durable_user_end_sessions_blocking(db, user)
                                               : durable_user_delete_blocking(db, user);
        assert_status(status, STATUS_OK);
        assert_int_equal(come_back(&scene, scene.cookie), 403);
        assert_let_nobody_in(&scene);
        if (i == DISABLED)
            assert_status(durable_user_enable_blocking(db, user), STATUS_OK);
        pass_s(scene.bench, 1300); /* the temporary credential of this round is forgotten */
    }
}

static void whom_the_site_accepted_though_he_was_disabled_is_refused(void **state)
{
    struct scene scene = begin(state);
    decide(&scene, CHALLENGE_ACCEPTED, false);
    assert_status(durable_user_disable_blocking(&scene.bench->durable.db, sites_user(scene.bench)), STATUS_OK);
    scene = begin_at(state, delegated_login_show, NULL);
    decide(&scene, CHALLENGE_ACCEPTED, false);
    assert_int_equal(come_back(&scene, scene.cookie), 403);
    assert_let_nobody_in(&scene);
}

static struct ephemeral_blob *taken; /* NULL: it is gone */

static void take_other(struct ephemeral *view, struct slice id, struct ticket ticket)
{
    (void)view, (void)id;
    ticket_complete(ticket, taken ? STATUS_OK : STATUS_NOT_FOUND, taken, NULL);
}

/* Between the look at it and its end. */
static void a_challenge_that_somebody_used_or_decided_anew_meanwhile_opens_nothing(void **state)
{
    static struct ephemeral_blob other = {.bytes = SLICE_INIT("other")};
    for (int i = 0; i < 2; i++) {
        struct scene scene = begin_at(state, delegated_login_show, NULL);
        const struct ephemeral_ops *ops = scene.bench->faulty.view.ops;
        struct ephemeral_ops racing = *ops;
        decide(&scene, CHALLENGE_ACCEPTED, false);
        racing.blob_take_start = take_other;
        scene.bench->faulty.view.ops = &racing;
        taken = i ? &other : NULL;
        assert_int_equal(come_back(&scene, scene.cookie), 403);
        scene.bench->faulty.view.ops = ops;
        assert_let_nobody_in(&scene);
    }
}

static void compares_the_sites_secret_in_constant_time(void **state)
{
    struct scene scene = begin(state);
    decide(&scene, CHALLENGE_ACCEPTED, false);
    watch_begin();
    assert_int_equal(come_back(&scene, scene.cookie), 302);
    assert_int_equal(watch_comparisons(SLICE(SECRET)), 1);
    watch_end();
}

/* A session that was there before, which somebody may have planted, is over. */
static void who_comes_back_has_a_session_of_his_own(void **state)
{
    struct scene scene = begin(state);
    char cookies[256];
    char session[64];
    decide(&scene, CHALLENGE_ACCEPTED, false);
    start_session(scene.bench, "planted", 0, "temp");
    (void)snprintf(cookies, sizeof cookies, "%s; __Host-countersign_session=planted", scene.cookie);
    assert_int_equal(come_back(&scene, cookies), 302);
    copy_value(site_bench_header(scene.bench, "Set-Cookie", 0), "countersign_session=", ';', session, sizeof session);
    assert_true(site_bench_has_session(scene.bench, session));
    assert_false(site_bench_has_session(scene.bench, "planted"));
    assert_true(slice_starts_with(site_bench_header(scene.bench, "Set-Cookie", 1),
                                  SLICE("__Host-countersign_challenge=;"))); /* it is used */
}

/* ---- the site refuses ---- */

static uint64_t denials(void)
{
    return metric_value(&authorizations, AUTHORIZATION_DENIED);
}

static void a_refusal_of_the_sites_goes_back_to_the_client(void **state)
{
    struct scene scene = begin(state);
    uint64_t before = denials();
    decide(&scene, CHALLENGE_REJECTED, false);
    assert_int_equal(come_back(&scene, scene.cookie), 302);
    assert_true(slice_starts_with(site_bench_header(scene.bench, "Location", 0),
                                  SLICE(CALLBACK "&oauth_token=temp&error=access_denied")));
    assert_int_equal(site_bench_find_temp(scene.bench, "temp")->state, TEMP_DENIED);
    assert_int_equal(denials(), before + 1);
    assert_int_equal(come_back(&scene, scene.cookie), 403); /* once */
}

static void a_refusal_changes_nothing_that_a_user_decided(void **state)
{
    struct scene scene = begin(state);
    decide(&scene, CHALLENGE_REJECTED, false);
    const struct temp_grant grant = {
        .user = scene.bench->jane, .username = SLICE("jane"), .scopes = SLICE(SCOPES), .verifier = SLICE("verifier")};
    ephemeral_temp_grant_start(scene.bench->view, &(struct temp_credential){.token = SLICE("temp")}, &grant,
                               asking_ticket(&scene.bench->asking));
    assert_status(asking_wait(&scene.bench->asking, NULL), STATUS_OK);
    come_back(&scene, scene.cookie);
    assert_refused(scene.bench, 403, "forbidden");
    assert_int_equal(site_bench_find_temp(scene.bench, "temp")->state, TEMP_GRANTED);
}

static void a_refusal_of_what_cannot_be_asked_any_more_calls_nobody_back(void **state)
{
    struct scene scene = begin(state);
    decide(&scene, CHALLENGE_REJECTED, false);
    site_bench_client(scene.bench, 0, "https://app.example/other", NULL);
    come_back(&scene, scene.cookie);
    assert_refused(scene.bench, 400, "parameter_rejected");
    site_bench_client(scene.bench, 0, NULL, NULL);
    scene = begin_at(state, authorize_show, "oauth_token=temp");
    decide(&scene, CHALLENGE_REJECTED, false);
    assert_status(durable_client_delete_blocking(&scene.bench->durable.db, SLICE("printer")), STATUS_OK);
    come_back(&scene, scene.cookie);
    assert_refused(scene.bench, 400, "consumer_key_unknown");
    assert_int_equal(site_bench_find_temp(scene.bench, "temp")->state, TEMP_PENDING);
    scene = begin_at(state, authorize_show, "oauth_token=temp");
    decide(&scene, CHALLENGE_REJECTED, false);
    ephemeral_end_start(scene.bench->view, EPHEMERAL_CLIENT, SLICE("printer"), asking_ticket(&scene.bench->asking));
    assert_status(asking_wait(&scene.bench->asking, NULL), STATUS_OK);
    come_back(&scene, scene.cookie);
    assert_refused(scene.bench, 400, "token_rejected"); /* it is gone */
}

static void a_store_that_is_down_says_so_where_the_site_refused(void **state)
{
    for (unsigned call = 1; call <= 5; call++) { /* find, take, the request, the session, the denial */
        struct scene scene = begin(state);
        decide(&scene, CHALLENGE_REJECTED, false);
        faulty_ephemeral_fail(&scene.bench->faulty, call);
        assert_int_equal(come_back(&scene, scene.cookie), 503);
        faulty_ephemeral_fail(&scene.bench->faulty, 0);
        assert_int_equal(site_bench_find_temp(scene.bench, "temp")->state, TEMP_PENDING);
        pass_s(scene.bench, 1300); /* the temporary credential of this round is forgotten */
    }
}

/* ---- for a page ---- */

static void a_login_for_a_page_leads_back_to_it(void **state)
{
    static const struct {
        const char *query, *location;
    } rows[] = {{NULL, "/"},
                {"return_to=https://evil.example", "/"},
                {"return_to=%2Foauth%2Fauthorize%3Foauth_token%3Dtemp", "/oauth/authorize?oauth_token=temp"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scene scene = begin_at(state, delegated_login_show, rows[i].query);
        decide(&scene, CHALLENGE_ACCEPTED, false);
        assert_int_equal(come_back(&scene, scene.cookie), 302);
        assert_slice_equal(site_bench_header(scene.bench, "Location", 0), slice_str(rows[i].location));
        pass_s(scene.bench, 1300);
    }
    struct scene scene = begin_at(state, delegated_login_show, NULL);
    decide(&scene, CHALLENGE_REJECTED, false);
    assert_int_equal(come_back(&scene, scene.cookie), 403);
    assert_true(site_bench_says(scene.bench, "You were not logged in."));
    site_bench_call(scene.bench, &(struct site_call){.steps = delegated_login_show, .query = "return_to=%zz"});
    assert_refused(scene.bench, 400, "parameter_rejected");
    site_bench_call(scene.bench, &(struct site_call){.steps = delegated_login_show, .is_plain = true});
    assert_refused(scene.bench, 400, "transport_insecure");
}

static void an_address_gets_only_so_many_challenges(void **state)
{
    struct site_bench *bench = *state;
    const struct site_call call = {.steps = delegated_login_show};
    const struct site_call other = {.steps = delegated_login_show, .peer = "192.0.2.8"};
    bench->config.login_url = SLICE(LOGIN_URL);
    bench->config.rate_limit_address = 3;
    for (int i = 0; i < 3; i++)
        assert_int_equal(site_bench_call(bench, &call), 302);
    assert_int_equal(site_bench_call(bench, &call), 429);
    assert_true(slice_is_absent(site_bench_header(bench, "Set-Cookie", 0)));
    assert_int_equal(site_bench_call(bench, &other), 302);
}

static void a_store_that_is_down_sends_nobody_anywhere(void **state)
{
    struct site_bench *bench = *state;
    const struct site_call call = {.steps = delegated_login_show};
    bench->config.login_url = SLICE(LOGIN_URL);
    bench->config.rate_limit_address = 3;
    faulty_ephemeral_fail(&bench->faulty, 2); /* the challenge */
    assert_int_equal(site_bench_call(bench, &call), 503);
    assert_true(slice_is_absent(site_bench_header(bench, "Set-Cookie", 0)));
}

/* ---- memory ---- */

enum { MEMORY_STEP_BYTES = 64, MEMORY_ENOUGH_BYTES = 16 << 10, MEMORY_PLENTY_BYTES = 1 << 20 };

static char far_page[1600]; /* a page with a long name, and the query that asks for it */
static char far_query[1600];
static char far_login[800]; /* a login page with a long address */

static void name_far_pages(void)
{
    char name[1501] = "";
    memset(name, 'x', sizeof name - 1);
    (void)snprintf(far_login, sizeof far_login, LOGIN_URL "&x=%.700s", name);
    (void)snprintf(far_page, sizeof far_page, "/account/%s", name);
    (void)snprintf(far_query, sizeof far_query, "return_to=%%2Faccount%%2F%s", name);
}

static void send_within(struct scene *scene, const char *login_url, const char *query, const char *page)
{
    unsigned sent = 0;
    scene->bench->config.login_url = slice_str(login_url);
    const struct site_call call = {.steps = delegated_login_show, .query = query};
    for (size_t bytes = 0; bytes <= MEMORY_ENOUGH_BYTES; bytes += MEMORY_STEP_BYTES) {
        if (site_bench_call_within(scene->bench, &call, bytes) != 302)
            continue;
        assert_true(slice_starts_with(site_bench_header(scene->bench, "Location", 0), slice_str(login_url)));
        read_sending(scene);
        decide(scene, CHALLENGE_ACCEPTED, false);
        const struct site_call back = {.steps = login_continue, .query = scene->query, .cookie = scene->cookie};
        assert_int_equal(site_bench_call_within(scene->bench, &back, MEMORY_PLENTY_BYTES), 302);
        assert_slice_equal(site_bench_header(scene->bench, "Location", 0), slice_str(page));
        sent++;
    }
    assert_in_range(sent, 1, MEMORY_ENOUGH_BYTES / MEMORY_STEP_BYTES);
}

/* Whichever is the longest: what the store keeps, or the address. */
static void sends_to_the_site_with_all_that_it_needs_or_not_where_memory_does_not_suffice(void **state)
{
    struct scene scene = {.bench = *state};
    name_far_pages();
    send_within(&scene, far_login, NULL, "/");
    send_within(&scene, LOGIN_URL, far_query, far_page);
}

static void a_client_sends_to_the_site_or_not_where_memory_does_not_suffice(void **state)
{
    enum { STEP_BYTES = 16, ENOUGH_BYTES = 3 << 10 };
    struct site_bench *bench = *state;
    unsigned sent = 0;
    site_bench_temp(bench, "temp", CALLBACK);
    bench->config.login_url = SLICE(LOGIN_URL);
    const struct site_call call = {.steps = authorize_show, .query = "oauth_token=temp"};
    for (size_t bytes = 0; bytes <= ENOUGH_BYTES; bytes += STEP_BYTES) {
        int status = site_bench_call_within(bench, &call, bytes);
        assert_true(status == 302 || status == 500);
        sent += status == 302;
    }
    assert_in_range(sent, 1, ENOUGH_BYTES / STEP_BYTES);
}

static void leads_back_to_the_whole_page_or_nowhere_where_memory_does_not_suffice(void **state)
{
    struct site_bench *bench = *state;
    unsigned sent = 0;
    name_far_pages();
    for (size_t bytes = 0; bytes <= MEMORY_ENOUGH_BYTES; bytes += MEMORY_STEP_BYTES) {
        arena_done(&bench->request.arena);
        arena_init(&bench->request.arena, MEMORY_PLENTY_BYTES);
        struct scene scene = begin_at(state, delegated_login_show, far_query);
        decide(&scene, CHALLENGE_ACCEPTED, false);
        const struct site_call back = {.steps = login_continue, .query = scene.query, .cookie = scene.cookie};
        if (site_bench_call_within(bench, &back, bytes) != 302)
            continue;
        assert_slice_equal(site_bench_header(bench, "Location", 0), slice_str(far_page));
        assert_true(
            slice_starts_with(site_bench_header(bench, "Set-Cookie", 1), SLICE("__Host-countersign_challenge=;")));
        sent++;
    }
    assert_in_range(sent, 1, MEMORY_ENOUGH_BYTES / MEMORY_STEP_BYTES);
}

#define OTHER_LOGINS                                                                                      \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccccccccccccccccccc." \
    "dddddddddddddddddddddddddddddddd"

/* With a query that takes so many bytes more, beside four other logins of that browser. */
static bool lead_back_within(void **state, int more, size_t bytes)
{
    struct site_bench *bench = *state;
    char cookie[512];
    char query[10 << 10];
    arena_done(&bench->request.arena);
    arena_init(&bench->request.arena, MEMORY_PLENTY_BYTES);
    struct scene scene = begin_at(state, delegated_login_show, NULL);
    decide(&scene, CHALLENGE_ACCEPTED, false);
    (void)snprintf(cookie, sizeof cookie, "%s." OTHER_LOGINS, scene.cookie);
    (void)snprintf(query, sizeof query, "%s&x=%0*d", scene.query, more, 0);
    const struct site_call back = {.steps = login_continue, .query = query, .cookie = cookie};
    if (site_bench_call_within(bench, &back, bytes) != 302)
        return false;
    assert_true(slice_starts_with(site_bench_header(bench, "Set-Cookie", 1),
                                  SLICE("__Host-countersign_challenge=" OTHER_LOGINS ";")));
    return true;
}

/* The headers find room in what is left of the first block, which the query fills, and in what the limit leaves behind
 * it, where neither has room for the secrets of the other logins. */
static void keeps_the_other_logins_or_leads_nowhere_where_memory_does_not_suffice(void **state)
{
    enum { BLOCK_BYTES = 8 << 10, REST_BYTES = 250, FILL_BYTES = 16 };
    unsigned led = 0;
    for (int more = BLOCK_BYTES / 4; more < BLOCK_BYTES; more += FILL_BYTES)
        led += lead_back_within(state, more, BLOCK_BYTES + REST_BYTES);
    assert_in_range(led, 1, BLOCK_BYTES / FILL_BYTES / 2);
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
        SITE_TEST(a_database_that_is_down_lets_nobody_in),
        SITE_TEST(a_session_decides_on_what_the_site_was_asked_about_alone),
        SITE_TEST(a_site_that_asked_its_user_itself_has_the_grant),
        SITE_TEST(who_lacks_one_of_the_secrets_is_refused),
        SITE_TEST(what_is_no_return_at_all_is_told),
        SITE_TEST(a_challenge_that_the_site_has_not_decided_opens_nothing),
        SITE_TEST(who_was_disabled_or_logged_out_since_is_refused),
        SITE_TEST(whom_the_site_accepted_though_he_was_disabled_is_refused),
        SITE_TEST(a_challenge_that_somebody_used_or_decided_anew_meanwhile_opens_nothing),
        SITE_TEST(compares_the_sites_secret_in_constant_time),
        SITE_TEST(who_comes_back_has_a_session_of_his_own),
        SITE_TEST(a_refusal_of_the_sites_goes_back_to_the_client),
        SITE_TEST(a_refusal_changes_nothing_that_a_user_decided),
        SITE_TEST(a_refusal_of_what_cannot_be_asked_any_more_calls_nobody_back),
        SITE_TEST(a_store_that_is_down_says_so_where_the_site_refused),
        SITE_TEST(a_login_for_a_page_leads_back_to_it),
        SITE_TEST(an_address_gets_only_so_many_challenges),
        SITE_TEST(a_store_that_is_down_sends_nobody_anywhere),
        SITE_TEST(sends_to_the_site_with_all_that_it_needs_or_not_where_memory_does_not_suffice),
        SITE_TEST(a_client_sends_to_the_site_or_not_where_memory_does_not_suffice),
        SITE_TEST(leads_back_to_the_whole_page_or_nowhere_where_memory_does_not_suffice),
        SITE_TEST(keeps_the_other_logins_or_leads_nowhere_where_memory_does_not_suffice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
