#include "signed_bench.h"

#include "support/oauth.h"

#include <stdio.h>

/* ---- the source ---- */

static void find_start(struct credential_source *base, const struct credential_key *key, bool current,
                       struct ticket ticket)
{
    struct counting_source *source = (struct counting_source *)base;
    source->asked++;
    if (source->is_down)
        ticket_complete(ticket, STATUS_STORE_DOWN, NULL, NULL);
    else
        source->inner.source.find_start(&source->inner.source, key, current, ticket);
}

/* ---- setup ---- */

static void open_cache(struct signed_bench *bench)
{
    static const struct change_feed_ops no_ops = {0};
    struct site_bench *site = bench->site;
    bench->source.source.find_start = find_start;
    credential_store_init(&bench->source.inner, site->pool, false);
    const struct credential_cache_options options = {&bench->source.source, 30000, 100, &site->asking.loop, 1};
    assert_status(credential_cache_new(&options, &bench->cache), STATUS_OK);
    bench->feed.ops = &no_ops;
    credential_cache_listen(bench->cache, &bench->feed);
    change_feed_standing(&bench->feed);
}

int signed_bench_setup(void **state)
{
    void *site = NULL;
    struct signed_bench *bench = test_calloc(1, sizeof *bench);
    assert_int_equal(site_bench_setup(&site), 0);
    bench->site = site;
    open_cache(bench);
    bench->site->loops[0].credentials = credential_cache_view(bench->cache, 0);
    assert_status(signer_init(&bench->site->loops[0].signer, 0), STATUS_OK);
    bench->site->app.rules =
        (struct check_rules){.signature_methods = SIGNATURE_METHODS_ALL, .skew_s = 300, .lead_s = 60};
    bench->site->config.realm = SLICE("auth.example");
    *state = bench;
    return 0;
}

int signed_bench_teardown(void **state)
{
    struct signed_bench *bench = *state;
    void *site = bench->site;
    signer_done(&bench->site->loops[0].signer);
    flow_cut_all(bench->site->asking.loop);
    (void)loop_settle(bench->site->asking.loop);
    credential_cache_free(bench->cache);
    assert_int_equal(site_bench_teardown(&site), 0);
    test_free(bench);
    return 0;
}

/* ---- calls ---- */

static struct slice header_for(struct signed_bench *bench, const struct signed_call *call)
{
    struct buf header = buf_in(oauth_arena());
    if (!call->again)
        (void)snprintf(bench->nonce, sizeof bench->nonce, "nonce-%u", ++bench->nonces);
    buf_addf(&header,
             "OAuth oauth_consumer_key=\"%s\", oauth_signature_method=\"HMAC-SHA256\", oauth_timestamp=\"%lld\", "
             "oauth_nonce=\"%s\"%s%s",
             call->client_id ? call->client_id : "printer",
             (long long)(clock_wall_ms(&bench->site->durable.clock.clock) / 1000), bench->nonce,
             call->parameters ? ", " : "", call->parameters ? call->parameters : "");
    assert_false(header.failed);
    return buf_slice(&header);
}

int signed_bench_call(struct signed_bench *bench, const struct signed_call *call)
{
    const char *body = call->body ? call->body : "";
    const struct explain_options options =
        oauth_options(call->secret ? call->secret : "secret of printer", call->token_secret);
    const struct described_request request = {
        .method = SLICE("POST"),
        .url = SLICE(ENDPOINT),
        .authorization = header_for(bench, call),
        .content_type = SLICE("application/x-www-form-urlencoded"),
        .body = slice_str(body),
    };
    struct slice authorization = oauth_sign(&request, &options, SLICE_ABSENT).authorization;
    const struct site_call as_sent = {
        .steps = call->steps,
        .path = "/oauth",
        .body = body,
        .header = "Authorization",
        .value = arena_string(oauth_arena(), authorization),
    };
    return call->arena_bytes ? site_bench_call_within(bench->site, &as_sent, call->arena_bytes)
                             : site_bench_call(bench->site, &as_sent);
}

struct slice signed_bench_field(const struct signed_bench *bench, const char *name)
{
    struct slice rest = site_bench_body(bench->site);
    for (bool more = rest.len > 0; more;) {
        bool has_value = false;
        struct slice value = slice_cut(&rest, '&', &more);
        struct slice found = slice_cut(&value, '=', &has_value);
        if (has_value && slice_eq(found, slice_str(name)))
            return value;
    }
    return SLICE_ABSENT;
}

void check_no_token(const struct signed_bench *bench, int http_status, const char *problem, const char *file, int line)
{
    bool is_named = slice_eq(signed_bench_field(bench, "oauth_problem"), slice_str(problem)) ||
                    slice_eq(signed_bench_field(bench, "error"), slice_str(problem));
    bool has_token = !slice_is_absent(signed_bench_field(bench, "oauth_token"));
    if (bench->site->request.reply.http_status == http_status && is_named && !has_token)
        return;
    print_error("%d: %.*s\n", bench->site->request.reply.http_status, SLICE_ARGS(site_bench_body(bench->site)));
    _fail(file, line);
}
