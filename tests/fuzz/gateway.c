/* What gateways send: whatever the headers are, what is taken lies on a listed origin, and headers that the path's
 * dialect does not have change nothing. The first byte chooses the dialect, the second whether Envoy's path has a
 * query; then come lines "Name: value". */
#include "gateway_dialect.h"
#include "oauth/url.h"

#include "support/fuzz.h"

enum { HEADERS_MAX = 16, SPOOFED = 6 };

static const struct slice listed[] = {SLICE_INIT("https://api.example"), SLICE_INIT("http://both.example"),
                                      SLICE_INIT("https://both.example"), SLICE_INIT("https://p.example:8443")};
static const struct config_strings origins = {listed, COUNT_OF(listed)};

/* What a client can add to any request. */
static const struct header spoofed[SPOOFED] = {
    {SLICE_INIT("X-Original-URL"), SLICE_INIT("https://both.example/evil")},
    {SLICE_INIT("X-Original-Method"), SLICE_INIT("EVIL")},
    {SLICE_INIT("X-Forwarded-Method"), SLICE_INIT("EVIL")},
    {SLICE_INIT("X-Forwarded-Uri"), SLICE_INIT("/evil")},
    {SLICE_INIT("X-Forwarded-Host"), SLICE_INIT("both.example")},
    {SLICE_INIT("X-Forwarded-Proto"), SLICE_INIT("http")},
};

static bool is_own(enum dialect dialect, struct slice name)
{
    bool is_proto = slice_eq(name, SLICE("X-Forwarded-Proto"));
    bool is_forwarded = slice_starts_with(name, SLICE("X-Forwarded-"));
    if (dialect == DIALECT_EXT_AUTHZ)
        return is_proto;
    return is_forwarded == (dialect == DIALECT_VERIFY);
}

static size_t read_headers(struct slice text, struct header *headers)
{
    size_t count = 0;
    for (bool more = true; more && count < HEADERS_MAX; count++) {
        struct slice line = slice_cut(&text, '\n', &more);
        bool has_colon;
        headers[count].name = slice_cut(&line, ':', &has_colon);
        headers[count].value = slice_trim(line);
        if (slice_is_absent(headers[count].value))
            headers[count].value = SLICE("");
    }
    return count;
}

static bool is_on(const struct oauth_url *url, struct slice origin)
{
    struct oauth_url parsed = {0};
    struct problem ignored = {0};
    require(oauth_url_parse(origin, &parsed, &ignored) == STATUS_OK);
    return url->https == parsed.https && slice_eq(url->host, parsed.host) &&
           oauth_url_port(url) == oauth_url_port(&parsed);
}

static void check_taken(const struct call *call)
{
    struct oauth_url url = {0};
    struct problem ignored = {0};
    size_t on = 0;
    if (oauth_url_parse(call->request.url, &url, &ignored) != STATUS_OK)
        return; /* is refused by the next step: a '#' in it, for one */
    for (size_t i = 0; i < COUNT_OF(listed); i++)
        on += is_on(&url, listed[i]);
    require(on == 1 && call->request.method.len > 0);
    require(slice_find(call->request.method, ',') == call->request.method.len);
}

static void check_spoofed(enum dialect dialect, const struct request *request, enum status status,
                          const struct call *call, struct arena *arena)
{
    struct header headers[HEADERS_MAX + SPOOFED];
    struct request more = *request;
    struct call again = {0};
    struct problem problem = {0};
    memcpy(headers, request->headers, request->header_count * sizeof *headers);
    for (size_t i = 0; i < SPOOFED; i++)
        if (!is_own(dialect, spoofed[i].name))
            headers[more.header_count++] = spoofed[i];
    more.headers = headers;
    require(gateway_dialect_read(dialect, &more, &origins, arena, &again, &problem) == status);
    require(slice_eq(again.request.url, call->request.url) && slice_eq(again.request.method, call->request.method));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dialect dialects[] = {DIALECT_VERIFY, DIALECT_AUTH_REQUEST, DIALECT_EXT_AUTHZ};
    if (size < 2)
        return 0;
    enum dialect dialect = dialects[data[0] % COUNT_OF(dialects)];
    struct header headers[HEADERS_MAX];
    struct request request = {
        .method = SLICE("GET"),
        .path = SLICE(GATEWAY_EXT_AUTHZ_PATH "//a/%2F"),
        .query = data[1] & 1 ? SLICE("q=1") : SLICE_ABSENT,
        .headers = headers,
        .header_count = read_headers(slice_of(data + 2, size - 2), headers),
        .body = SLICE(""),
    };
    struct call call = {0};
    struct problem problem = {0};
    struct arena arena;
    arena_init(&arena, 1 << 20);
    enum status status = gateway_dialect_read(dialect, &request, &origins, &arena, &call, &problem);
    require(status == STATUS_OK || (status == STATUS_MALFORMED && problem.status == status && problem.detail));
    if (status == STATUS_OK)
        check_taken(&call);
    check_spoofed(dialect, &request, status, &call, &arena);
    arena_done(&arena);
    return 0;
}
