#include "site_bench.h"
#include "decision/decision_log.h"

#include "app/service_metrics.h"
#include "durable/users.h"
#include "look/look.h"
#include "loop/worker_pool.h"
#include "support/test.h"

#include <stdio.h>
#include <unistd.h>

enum { TEMP_TTL_MS = 600 * 1000 };

/* Of PASSWORD, at the least cost that yescrypt has: most tests log nobody in. */
#define PASSWORD_HASH "$y$j/.$abcdefghijklmnopqrstu.$u7saU0HsN7kwxUWhPU8ZHSh6KYk7SIOhgw/.d7/xuS1"

/* ---- setup ---- */

static void open_stores(struct site_bench *bench)
{
    struct buf why = BUF_INIT;
    const struct durable_pool_options pool = {
        .url = slice_str(bench->durable.url),
        .connections = 1,
        .keys = bench->durable.keys,
        .clock = &bench->durable.clock.clock,
    };
    volatile_ledger_init(&bench->ledger);
    int64_t now_s = bench->durable.clock.wall_ms / 1000;
    volatile_ledger_cover(&bench->ledger, now_s - 300, now_s + 60);
    const struct ephemeral_options ephemeral = {
        .clock = &bench->durable.clock.clock,
        .skew_ms = 300 * 1000,
        .lead_ms = 60 * 1000,
        .temp_ttl_ms = TEMP_TTL_MS,
        .ledger = &bench->ledger.ledger,
        .ledger_name = SLICE("memory:"),
    };
    assert_status(durable_pool_new_blocking(&pool, &why, &bench->pool), STATUS_OK);
    assert_status(ephemeral_open_blocking(SLICE("memory:"), &ephemeral, &why, &bench->store), STATUS_OK);
    buf_done(&why);
    assert_status(ephemeral_view_new(bench->store, bench->asking.loop, &bench->view), STATUS_OK);
    faulty_ephemeral_init(&bench->faulty, bench->view);
}

static int64_t add_user(struct site_bench *bench, const char *username, const char *hash)
{
    const struct user user = {.username = slice_str(username), .password_hash = slice_str(hash)};
    int64_t id = 0;
    assert_status(durable_user_create_blocking(&bench->durable.db, &user, &id), STATUS_OK);
    return id;
}

static void add_people(struct site_bench *bench)
{
    bench->jane = add_user(bench, "jane", PASSWORD_HASH);
    bench->joe = add_user(bench, "joe", PASSWORD_HASH);
    (void)durable_bench_client(&bench->durable, "printer");
    site_bench_client(bench, 0, NULL, NULL);
}

static const struct slice languages[] = {SLICE_INIT("en"), SLICE_INIT("de"), SLICE_INIT("ja")};

static void fill_app(struct site_bench *bench)
{
    const struct worker_pool_config passwords = {.name = "passwords", .thread_count = 1, .queue_max = 8};
    bench->config = (struct config){
        .public_url = {.text = SLICE("https://auth.example"),
                       .scheme = SLICE("https"),
                       .authority = SLICE("auth.example"),
                       .host = SLICE("auth.example"),
                       .port = 443,
                       .path = SLICE("")},
        .initiate_path = SLICE("/oauth/initiate"),
        .authorize_path = SLICE("/oauth/authorize"),
        .token_path = SLICE("/oauth/token"),
        .languages = {languages, COUNT_OF(languages)},
        .rate_limit_login_account = 1000,
        .rate_limit_login_address = 1000,
        .rate_limit_login_pair = 1000,
    };
    bench->loops[0].ephemeral = &bench->faulty.view;
    shared_keys_init(&bench->keys, bench->durable.keys);
    bench->app =
        (struct app){.config = &bench->config, .durable = bench->pool, .loops = bench->loops, .keys = &bench->keys};
    bench->app.passwords = worker_pool_new(&passwords);
    assert_non_null(bench->app.passwords);
    site_bench_look(bench);
    assert_status(service_metrics_register(), STATUS_OK);
    assert_status(decision_log_register(), STATUS_OK);
}

void site_bench_look(struct site_bench *bench)
{
    struct buf problems = BUF_INIT;
    struct look *look = NULL;
    enum status status = look_read_blocking(&bench->config, &problems, &look);
    if (status != STATUS_OK)
        print_error("%.*s", SLICE_ARGS(buf_slice(&problems)));
    assert_status(status, STATUS_OK);
    buf_done(&problems);
    if (bench->app.look)
        look_holder_replace(bench->app.look, look);
    else
        bench->app.look = look_holder_new(look);
    assert_non_null(bench->app.look);
}

int site_bench_setup(void **state)
{
    struct site_bench *bench = test_calloc(1, sizeof *bench);
    durable_bench_init(&bench->durable, &durable_sqlite);
    asking_init(&bench->asking, &bench->durable.clock.clock);
    open_stores(bench);
    add_people(bench);
    fill_app(bench);
    arena_init(&bench->request.arena, 1 << 20);
    *state = bench;
    return 0;
}

int site_bench_teardown(void **state)
{
    struct site_bench *bench = *state;
    arena_done(&bench->request.arena);
    worker_pool_free_blocking(bench->app.passwords, WORKER_POOL_DRAIN);
    look_holder_free(bench->app.look);
    durable_pool_free(bench->pool);
    shared_keys_done(&bench->keys);
    ephemeral_view_free(bench->view);
    asking_done(&bench->asking);
    ephemeral_store_free(bench->store);
    durable_bench_done(&bench->durable);
    test_free(bench);
    return 0;
}

/* ---- calls ---- */

static void replied(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct site_bench *bench = (struct site_bench *)((char *)request - offsetof(struct site_bench, request));
    assert_true(request->reply.is_sent && (bench->may_break || !request->reply.is_broken));
    bench->is_replied = true;
    /* the body may lie in a result that ends with the flow */
    request->arena.limit_bytes += request->reply.body.len;
    struct slice body = arena_copy(&request->arena, request->reply.body);
    request->reply.body = body;
    loop_stop(bench->asking.loop);
}

int site_bench_call(struct site_bench *bench, const struct site_call *call)
{
    struct request *request = &bench->request;
    struct arena arena = request->arena;
    struct header headers[4];
    size_t count = 0;
    if (call->body)
        headers[count++] = (struct header){SLICE("Content-Type"), SLICE("application/x-www-form-urlencoded")};
    if (call->cookie)
        headers[count++] = (struct header){SLICE("Cookie"), slice_str(call->cookie)};
    for (int i = 0; call->header && i < 1 + call->is_twice; i++)
        headers[count++] = (struct header){slice_str(call->header), slice_str(call->value)};
    arena_reset(&arena);
    *request = (struct request){
        .arena = arena,
        .loop = bench->asking.loop,
        .app = &bench->app,
        .method = call->body ? SLICE("POST") : SLICE("GET"),
        .path = slice_str(call->path ? call->path : "/"),
        .path_values = {slice_str(call->id)},
        .query = slice_str(call->query),
        .body = slice_str(call->body),
        .headers = headers,
        .header_count = count,
        .is_tls = !call->is_plain,
        .id = "0123456789abcdef0123456789abcdef",
    };
    (void)snprintf(request->peer.text, sizeof request->peer.text, "%s", call->peer ? call->peer : "192.0.2.7");
    assert_true(address_parse(slice_str(request->peer.text), &request->peer.address));
    bench->is_replied = false;
    flow_start(&request->flow, request->loop, "test", call->steps, request, replied);
    while (!bench->is_replied)
        loop_run(bench->asking.loop);
    request->headers = NULL;
    return request->reply.http_status;
}

int site_bench_call_within(struct site_bench *bench, const struct site_call *call, size_t arena_bytes)
{
    bench->may_break = true;
    arena_done(&bench->request.arena);
    arena_init(&bench->request.arena, arena_bytes);
    int status = site_bench_call(bench, call);
    return bench->request.reply.is_broken ? 500 : status;
}

struct slice site_bench_header(const struct site_bench *bench, const char *name, size_t n)
{
    const struct reply *reply = &bench->request.reply;
    for (size_t i = 0; i < reply->header_count; i++)
        if (slice_eq_nocase(reply->headers[i].name, slice_str(name)) && n-- == 0)
            return reply->headers[i].value;
    return SLICE_ABSENT;
}

struct slice site_bench_body(const struct site_bench *bench)
{
    return bench->request.reply.body;
}

bool site_bench_says(const struct site_bench *bench, const char *text)
{
    struct slice body = site_bench_body(bench);
    return slice_find_slice(body, slice_str(text)) < body.len;
}

void check_refused(const struct site_bench *bench, int http_status, const char *problem, const char *file, int line)
{
    char named[128];
    (void)snprintf(named, sizeof named, "id=\"problem\">%s<", problem);
    bool redirects = !slice_is_absent(site_bench_header(bench, "Location", 0));
    if (bench->request.reply.http_status == http_status && !redirects && site_bench_says(bench, named))
        return;
    print_error("%d, %s: %.*s\n", bench->request.reply.http_status, redirects ? "a redirect" : "no redirect",
                SLICE_ARGS(site_bench_body(bench)));
    _fail(file, line);
}

/* ---- what a test begins with ---- */

void site_bench_temp(struct site_bench *bench, const char *token, const char *callback)
{
    const struct temp_new temp = {
        .token = slice_str(token),
        .secret = SLICE("secret"),
        .client_id = SLICE("printer"),
        .callback = slice_str(callback),
        .scopes = SLICE(SCOPES),
    };
    ephemeral_temp_create_start(bench->view, &temp, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

const struct temp_credential *site_bench_find_temp(struct site_bench *bench, const char *token)
{
    void *temp = NULL;
    ephemeral_temp_find_start(bench->view, slice_str(token), SLICE(""), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, &temp), STATUS_OK);
    return temp;
}

void site_bench_session(struct site_bench *bench, const char *id, int64_t user, const char *username)
{
    char csrf[64];
    (void)snprintf(csrf, sizeof csrf, "csrf of %s", id);
    struct user *now = NULL;
    assert_status(durable_user_find_blocking(&bench->durable.db, user, &now), STATUS_OK);
    const struct session session = {
        .user = user, .user_version = now->version, .username = slice_str(username), .csrf = slice_str(csrf)};
    user_free(now);
    ephemeral_session_create_start(bench->view, slice_str(id), &session, 3600 * 1000, asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

void site_bench_end_session(struct site_bench *bench, const char *id)
{
    ephemeral_session_delete_start(bench->view, slice_str(id), asking_ticket(&bench->asking));
    assert_status(asking_wait(&bench->asking, NULL), STATUS_OK);
}

bool site_bench_has_session(struct site_bench *bench, const char *id)
{
    ephemeral_session_find_start(bench->view, slice_str(id), asking_ticket(&bench->asking));
    return asking_wait(&bench->asking, NULL) == STATUS_OK;
}

static enum status take_long(struct durable *db UNUSED, void *arguments UNUSED, void **ret_result UNUSED)
{
    (void)usleep(2000 * STORE_TIMEOUT_MS);
    return STATUS_OK;
}

void site_bench_slow_write(struct site_bench *bench)
{
    const struct durable_job slow = {DURABLE_WRITE, take_long, bench, NULL, NULL};
    durable_pool_start(bench->pool, &slow, (struct ticket){.loop = bench->asking.loop}); /* nobody waits for it */
}

void site_bench_client(struct site_bench *bench, unsigned flags, const char *callback, const char *default_callback)
{
    const struct client_callback registered = {slice_str(callback ? callback : CALLBACK), false};
    const struct client client = {
        .client_id = SLICE("printer"),
        .name = SLICE("Photo <printer>"),
        .description = SLICE("Prints \"photos\""),
        .website = SLICE("javascript:alert(1)"),
        .logo = SLICE("https://app.example/logo.png"),
        .default_callback = slice_str(default_callback ? default_callback : ""),
        .allowed_scopes = SLICE(SCOPES),
        .flags = flags,
        .callbacks = &registered,
        .callback_count = 1,
    };
    assert_status(durable_client_update_blocking(&bench->durable.db, &client), STATUS_OK);
}
