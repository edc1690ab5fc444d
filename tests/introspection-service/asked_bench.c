#include "asked_bench.h"
#include "decision/decision_log.h"

#include "crypto/digest.h"
#include "durable/clients.h"
#include "durable/pool.h"
#include "durable/resource_servers.h"
#include "gateway.h"
#include "gateway_dialect.h"
#include "http/http_server.h"
#include "service_metrics.h"
#include "support/oauth.h"
#include "usage.h"
#include "json/json_writer.h"

#include <stdio.h>

#define TARGET "/photos"
#define URL    "https://api.example" TARGET

/* ---- the source ---- */

static void find_start(struct credential_source *base, const struct credential_key *key, bool fresh,
                       struct ticket ticket)
{
    struct faulty_source *source = (struct faulty_source *)base;
    unsigned call = ++source->calls;
    if (call == source->fail_at)
        ticket_complete(ticket, STATUS_STORE_DOWN, NULL, NULL);
    else if (call == source->hang_at)
        source->hung = ticket;
    else
        source->inner.source.find_start(&source->inner.source, key, fresh, ticket);
}

/* ---- setup ---- */

static void open_stores(struct asked_bench *bench)
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
        .temp_ttl_ms = 600 * 1000,
        .ledger = &bench->ledger.ledger,
        .ledger_name = SLICE("memory:"),
    };
    assert_status(durable_pool_new_blocking(&pool, &why, &bench->pool), STATUS_OK);
    assert_status(ephemeral_open_blocking(SLICE("memory:"), &ephemeral, &why, &bench->store), STATUS_OK);
    assert_status(ephemeral_view_new(bench->store, bench->asking.loop, &bench->view), STATUS_OK);
    buf_done(&why);
    faulty_ephemeral_init(&bench->faulty, bench->view);
    bench->source.source.find_start = find_start;
    credential_store_init(&bench->source.inner, bench->pool, false);
    const struct credential_cache_options cache = {&bench->source.source, 30000, 100, &bench->asking.loop, 1};
    assert_status(credential_cache_new(&cache, &bench->cache), STATUS_OK); /* without a feed it keeps nothing */
}

static void add_people(struct asked_bench *bench)
{
    static const char *const ids[] = {"a", "b", "c"};
    unsigned char digest[RESOURCE_SERVER_KEY_DIGEST_BYTES];
    int64_t id = 0;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        const struct client marked = {
            .client_id = slice_str(ids[i]), .name = SLICE("Printer"), .flags = CLIENT_TWO_LEGGED};
        (void)durable_bench_client(&bench->durable, ids[i]);
        assert_status(durable_client_update_blocking(&bench->durable.db, &marked), STATUS_OK);
    }
    assert_status(digest_bytes(DIGEST_SHA256, SLICE("key"), digest), STATUS_OK);
    const struct resource_server server = {
        .name = SLICE("photos"), .key_digest = slice_of(digest, sizeof digest), .allow_explain = true};
    assert_status(durable_resource_server_create_blocking(&bench->durable.db, &server, &id), STATUS_OK);
}

static void fill_app(struct asked_bench *bench)
{
    assert_true(address_block_parse(SLICE("192.0.2.7"), &bench->proxy));
    bench->origin = SLICE("https://api.example");
    bench->config = (struct config){
        .public_url = {.text = SLICE("https://auth.example")},
        .realm = SLICE("auth.example"),
        .origins = {&bench->origin, 1},
        .trusted_proxies = {&bench->proxy, 1, false},
        .rate_limit_address = 1000,
    };
    bench->loops[0].ephemeral = &bench->faulty.view;
    bench->loops[0].credentials = credential_cache_view(bench->cache, 0);
    assert_status(signer_init(&bench->loops[0].signer, 4), STATUS_OK);
    bench->usage = usage_new(bench->asking.loop, bench->pool);
    assert_non_null(bench->usage);
    bench->app = (struct app){
        .config = &bench->config,
        .rules = {.signature_methods = SIGNATURE_METHODS_ALL, .skew_s = 300, .lead_s = 60},
        .durable = bench->pool,
        .loops = bench->loops,
        .usage = &bench->usage,
    };
    assert_status(service_metrics_register(), STATUS_OK);
    assert_status(decision_log_register(), STATUS_OK);
}

int asked_bench_setup(void **state)
{
    struct asked_bench *bench = test_calloc(1, sizeof *bench);
    durable_bench_init(&bench->durable, &durable_sqlite);
    asking_init(&bench->asking, &bench->durable.clock.clock);
    open_stores(bench);
    add_people(bench);
    fill_app(bench);
    arena_init(&bench->request.arena, 1 << 20);
    *state = bench;
    return 0;
}

int asked_bench_teardown(void **state)
{
    struct asked_bench *bench = *state;
    arena_done(&bench->request.arena);
    usage_free(bench->usage);
    signer_done(&bench->loops[0].signer);
    flow_cut_all(bench->asking.loop);
    (void)loop_settle(bench->asking.loop);
    credential_cache_free(bench->cache);
    durable_pool_free(bench->pool);
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
    struct asked_bench *bench = (struct asked_bench *)((char *)request - offsetof(struct asked_bench, request));
    assert_true(request->reply.is_sent && (bench->may_break || !request->reply.is_broken));
    bench->is_replied = true;
    loop_stop(bench->asking.loop);
}

static int run(struct asked_bench *bench, const struct route *route, const struct asked_call *call, struct slice body)
{
    struct request *request = &bench->request;
    struct arena arena = request->arena;
    arena_reset(&arena);
    *request = (struct request){
        .arena = arena,
        .loop = bench->asking.loop,
        .app = &bench->app,
        .route = route,
        .method = SLICE("POST"),
        .path = slice_str(route->path),
        .body = body,
        .headers = call->headers,
        .header_count = call->header_count,
        .head_fault = call->head_fault,
        .peer = {.text = "192.0.2.7", .address = bench->proxy.base},
    };
    if (call->is_strangers)
        request->peer.address.bytes[15] ^= 1;
    bench->is_replied = false;
    flow_start(&request->flow, request->loop, route->name, route->steps, request, replied);
    while (!bench->is_replied)
        loop_run(bench->asking.loop);
    return request->reply.http_status;
}

int asked_bench_post(struct asked_bench *bench, const struct step *steps, struct slice json)
{
    const struct route route = {.name = "test", .path = "/v1/introspect", .steps = steps};
    const struct header headers[] = {
        {SLICE("Authorization"), SLICE("Bearer key")},
        {SLICE("Content-Type"), SLICE("application/json")},
    };
    const struct asked_call call = {.headers = headers, .header_count = COUNT_OF(headers)};
    return run(bench, &route, &call, json);
}

int asked_bench_call(struct asked_bench *bench, const struct step *steps, const struct asked_call *call)
{
    const struct route route = {.name = "test", .path = call->path, .steps = steps};
    return run(bench, &route, call, SLICE(""));
}

int asked_bench_ask(struct asked_bench *bench, const struct asked_call *call)
{
    return asked_bench_call(bench, gateway, call);
}

int asked_bench_verify(struct asked_bench *bench, struct slice authorization)
{
    const struct header headers[] = {
        {SLICE("X-Forwarded-Method"), SLICE("GET")},       {SLICE("X-Forwarded-Proto"), SLICE("https")},
        {SLICE("X-Forwarded-Host"), SLICE("api.example")}, {SLICE("X-Forwarded-Uri"), SLICE(TARGET)},
        {SLICE("Authorization"), authorization},
    };
    const struct asked_call call = {.path = GATEWAY_VERIFY_PATH,
                                    .headers = headers,
                                    .header_count = COUNT_OF(headers) - slice_is_absent(authorization)};
    return asked_bench_ask(bench, &call);
}

/* ---- what is asked about ---- */

struct slice asked_bench_sign(struct asked_bench *bench, const char *client_id, const char *nonce)
{
    char header[256];
    char memory[320];
    (void)snprintf(header, sizeof header,
                   "OAuth oauth_consumer_key=\"%s\", oauth_signature_method=\"HMAC-SHA256\", oauth_timestamp=\"%lld\", "
                   "oauth_nonce=\"%s\"",
                   client_id, (long long)(clock_wall_ms(&bench->durable.clock.clock) / 1000), nonce);
    const struct explain_options options = {.client_secret = durable_bench_secret(client_id, memory)};
    const struct described_request request = {
        .method = SLICE("GET"), .url = SLICE(URL), .authorization = slice_str(header)};
    return oauth_sign(&request, &options, SLICE_ABSENT).authorization;
}

struct slice asked_bench_described(struct slice authorization)
{
    struct buf json = buf_in(oauth_arena());
    struct json_writer w = json_writer(&json);
    json_begin_object(&w);
    json_member_text(&w, "method", "GET");
    json_member_text(&w, "url", URL);
    json_member_if(&w, "authorization", authorization);
    json_end_object(&w);
    assert_false(json.failed);
    return buf_slice(&json);
}

bool asked_bench_says(const struct asked_bench *bench, const char *text)
{
    struct slice body = bench->request.reply.body;
    return slice_find_slice(body, slice_str(text)) < body.len;
}

struct slice asked_bench_header(const struct asked_bench *bench, const char *name)
{
    const struct reply *reply = &bench->request.reply;
    for (size_t i = 0; i < reply->header_count; i++)
        if (slice_eq_nocase(reply->headers[i].name, slice_str(name)))
            return reply->headers[i].value;
    return SLICE_ABSENT;
}
