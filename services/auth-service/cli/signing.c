#include "cli/signing.h"

#include "base/base64.h"
#include "base/percent.h"
#include "crypto/random.h"
#include "oauth/base_string.h"
#include "oauth/body_hash.h"
#include "oauth/signature.h"

#include <stdio.h>

const char signing_breakings[] = "scheme|host|port|path|query|method|body|secret|token-secret|timestamp|signature";

static bool breaks(const struct signing *signing, const char *what)
{
    return slice_eq(signing->breaking, slice_str(what));
}

static bool is_known_breaking(struct slice breaking)
{
    struct slice rest = slice_str(signing_breakings);
    for (bool more = true; more;)
        if (slice_eq(slice_cut(&rest, '|', &more), breaking))
            return true;
    return slice_is_absent(breaking);
}

/* ---- the header ---- */

static void add_parameter(struct buf *header, const char *name, struct slice value)
{
    if (slice_is_absent(value))
        return;
    buf_add_str(header, header->len > sizeof "OAuth" ? ", " : "");
    percent_encode(header, slice_str(name));
    buf_add_str(header, "=\"");
    percent_encode(header, value);
    buf_add_byte(header, '"');
}

static void add_realm(struct buf *header, struct slice realm)
{
    if (slice_is_absent(realm))
        return;
    buf_add_str(header, "realm=\"");
    for (size_t i = 0; i < realm.len; i++) {
        if (realm.ptr[i] == '"' || realm.ptr[i] == '\\')
            buf_add_byte(header, '\\');
        buf_add_byte(header, realm.ptr[i]);
    }
    buf_add_byte(header, '"');
}

static enum status add_body_hash(const struct signing *signing, const struct signature_method *method,
                                 struct buf *header)
{
    char memory[BASE64_LEN(DIGEST_MAX_BYTES)];
    struct buf hash = buf_fixed(memory, sizeof memory);
    if (!signing->body_hash)
        return STATUS_OK;
    TRY(body_hash_make(method, signing->body, &hash));
    add_parameter(header, "oauth_body_hash", buf_slice(&hash));
    return STATUS_OK;
}

/* Everything but the signature. */
static enum status write_parameters(const struct signing *signing, const struct signature_method *method, int64_t now_s,
                                    struct buf *header)
{
    char nonce[24];
    char timestamp[24];
    int64_t timestamp_s = signing->timestamp_s ? signing->timestamp_s : now_s;
    if (breaks(signing, "timestamp"))
        timestamp_s -= 3600;
    (void)snprintf(timestamp, sizeof timestamp, "%lld", (long long)timestamp_s);
    TRY(random_text(nonce, sizeof nonce));
    buf_add_str(header, "OAuth ");
    add_realm(header, signing->realm);
    add_parameter(header, "oauth_consumer_key", signing->client_id);
    add_parameter(header, "oauth_token", signing->token);
    add_parameter(header, "oauth_signature_method", method->name);
    add_parameter(header, "oauth_timestamp", slice_str(timestamp));
    add_parameter(header, "oauth_nonce",
                  slice_is_absent(signing->nonce) ? slice_of(nonce, sizeof nonce) : signing->nonce);
    add_parameter(header, "oauth_version", SLICE("1.0"));
    for (size_t i = 0; i < signing->more_count; i++) {
        struct buf name = buf_in(header->arena);
        buf_add(&name, signing->more[i].name);
        const char *text = buf_string(&name);
        if (!text)
            return STATUS_NO_MEMORY;
        add_parameter(header, text, signing->more[i].value);
    }
    return add_body_hash(signing, method, header);
}

/* ---- signing wrongly on purpose ---- */

static struct slice broken_url(const struct signing *signing, const struct oauth_url *url, struct arena *arena)
{
    struct buf text = buf_in(arena);
    bool https = url->https != breaks(signing, "scheme");
    buf_add_str(&text, https ? "https://" : "http://");
    buf_add(&text, breaks(signing, "host") ? SLICE("another.host.example") : url->host);
    if (breaks(signing, "port"))
        buf_add_str(&text, ":8443");
    else if (url->port)
        buf_addf(&text, ":%u", (unsigned)url->port);
    buf_add(&text, url->path);
    if (breaks(signing, "path"))
        buf_add_byte(&text, '/');
    if (url->query.len && !breaks(signing, "query")) {
        buf_add_byte(&text, '?');
        buf_add(&text, url->query);
    }
    return text.failed ? SLICE_ABSENT : buf_slice(&text);
}

/* The request as it is signed, which is the real one unless something is to be broken. */
static enum status describe(const struct signing *signing, struct slice authorization, struct arena *arena,
                            struct described_request *ret_request, struct problem *problem)
{
    struct oauth_url url = {0};
    TRY(oauth_url_parse(signing->url, &url, problem));
    *ret_request = (struct described_request){signing->method, signing->url, authorization, signing->content_type,
                                              slice_is_absent(signing->body) ? SLICE("") : signing->body};
    if (slice_is_absent(signing->breaking))
        return STATUS_OK;
    ret_request->url = broken_url(signing, &url, arena);
    if (breaks(signing, "method"))
        ret_request->method = slice_eq_nocase(signing->method, SLICE("GET")) ? SLICE("POST") : SLICE("GET");
    if (breaks(signing, "body"))
        ret_request->body = SLICE("");
    return slice_is_absent(ret_request->url) ? STATUS_NO_MEMORY : STATUS_OK;
}

/* ---- the signature ---- */

static enum status make_signature(const struct signing *signing, const struct signature_method *method,
                                  struct slice base_string, struct arena *arena, struct buf *out,
                                  struct problem *problem)
{
    struct signer signer;
    struct buf key = buf_in(arena);
    struct slice secret = breaks(signing, "secret") ? SLICE("not the client's secret") : signing->client_secret;
    signature_write_shared_key(secret, breaks(signing, "token-secret") ? SLICE("") : signing->token_secret, &key);
    if (key.failed)
        return STATUS_NO_MEMORY;
    TRY(signer_init(&signer, 0));
    enum status status = signature_make(&signer, method, buf_slice(&key), signing->rsa_private_key, base_string, out);
    signer_done(&signer);
    if (status == STATUS_BAD_INPUT)
        return problem_set(problem, status, "the RSA key is not a private key in PEM without a passphrase");
    if (status == STATUS_OK && breaks(signing, "signature"))
        out->ptr[0] = out->ptr[0] == 'A' ? 'B' : 'A';
    return status;
}

enum status signing_sign(const struct signing *signing, int64_t now_s, struct arena *arena,
                         struct signed_headers *ret_signed, struct problem *problem)
{
    const struct signature_method *method = signature_method_find(signing->signature_method);
    struct buf header = buf_in(arena);
    struct described_request request;
    struct message message;
    struct slice base_string = {0};
    struct buf signature = buf_in(arena);
    *problem = (struct problem){0};
    if (!method)
        return problem_set(problem, STATUS_METHOD_REJECTED, "there is no such signature method");
    if (!is_known_breaking(signing->breaking))
        return problem_set(problem, STATUS_BAD_INPUT, "there is no such thing to break");
    TRY(write_parameters(signing, method, now_s, &header));
    TRY(describe(signing, buf_slice(&header), arena, &request, problem));
    TRY(message_parse(&request, arena, &message, problem));
    TRY(base_string_build(&message, arena, &base_string));
    TRY(make_signature(signing, method, base_string, arena, &signature, problem));
    add_parameter(&header, "oauth_signature", buf_slice(&signature));
    if (header.failed || signature.failed)
        return STATUS_NO_MEMORY;
    *ret_signed = (struct signed_headers){buf_slice(&header), base_string};
    return STATUS_OK;
}
