#include "explain/explain_bench.h"

#include "base/percent.h"
#include "oauth/base_string.h"

static struct slice own_key(const char *key)
{
    if (key)
        return slice_str(key);
    struct buf out = buf_in(oauth_arena());
    signature_write_shared_key(SLICE(CLIENT_SECRET), SLICE(TOKEN_SECRET), &out);
    return buf_slice(&out);
}

struct slice explain_bench_signature(const struct signed_otherwise *row)
{
    struct described_request request = oauth_request(
        row->signed_method ? row->signed_method : row->method, row->signed_url ? row->signed_url : row->url,
        row->signed_header ? row->signed_header : row->header, row->signed_type ? row->signed_type : row->content_type,
        row->signed_body ? row->signed_body : row->body);
    struct message message = {0};
    struct problem problem = {0};
    struct slice base_string = slice_str(row->signed_base_string);
    struct buf signature = buf_in(oauth_arena());
    assert_status(message_parse(&request, oauth_arena(), &message, &problem), STATUS_OK);
    if (slice_is_absent(base_string))
        assert_status(base_string_build(&message, oauth_arena(), &base_string), STATUS_OK);
    const struct signature_method *method =
        row->signed_by ? signature_method_find(slice_str(row->signed_by)) : message.signature_method;
    assert_status(
        signature_make(oauth_signer(), method, own_key(row->signed_key), SLICE_ABSENT, base_string, &signature),
        STATUS_OK);
    return buf_slice(&signature);
}

struct explain_options explain_bench_options(void)
{
    static const struct slice origins[] = {SLICE_INIT("https://api.example.com"), SLICE_INIT("not an origin"),
                                           SLICE_INIT("https://www.example.com"), SLICE_INIT("http://localhost:3000")};
    static const struct slice prefixes[] = {SLICE_INIT("/"), SLICE_INIT("/v1/"), SLICE_INIT("/api")};
    static const struct slice former[] = {SLICE_INIT("fs-older"), SLICE_INIT(FORMER_SECRET)};
    struct explain_options options = oauth_options(CLIENT_SECRET, TOKEN_SECRET);
    options.origins = (struct slice_list){origins, COUNT_OF(origins)};
    options.path_prefixes = (struct slice_list){prefixes, COUNT_OF(prefixes)};
    options.former_secrets = (struct slice_list){former, COUNT_OF(former)};
    return options;
}

struct described_request explain_bench_request(const struct signed_otherwise *row)
{
    struct described_request request = oauth_request(row->method, row->url, row->header, row->content_type, row->body);
    request.authorization =
        oauth_with_parameter(request.authorization, "oauth_signature", explain_bench_signature(row));
    return request;
}

static void assert_not_in(struct slice text, struct slice secret)
{
    struct buf encoded = buf_in(oauth_arena());
    percent_encode(&encoded, secret);
    assert_true(slice_find_slice(text, secret) == text.len);
    assert_true(slice_find_slice(text, buf_slice(&encoded)) == text.len);
}

void assert_discreet(const struct explanation *explanation)
{
    struct buf expected = buf_in(oauth_arena());
    assert_status(signature_make(oauth_signer(), explanation->message.signature_method, own_key(NULL), SLICE_ABSENT,
                                 explanation->base_string, &expected),
                  STATUS_OK);
    for (size_t i = 0; i < explanation->hint_count; i++) {
        assert_not_in(explanation->hints[i], SLICE(CLIENT_SECRET));
        assert_not_in(explanation->hints[i], SLICE(TOKEN_SECRET));
        assert_not_in(explanation->hints[i], SLICE(FORMER_SECRET));
        assert_not_in(explanation->hints[i], buf_slice(&expected));
    }
}
