#include "cli/explain_line.h"

#include "base/base64.h"
#include "explain/explain.h"
#include "json/json_reader.h"
#include "json/json_writer.h"

/* The members of a line; all but method and url optional, null as absent. */
struct line {
    struct slice method, url, authorization, content_type, body, body_base64;
    struct slice client_secret, token_secret, rsa_public_key, client_base_string;
    struct json_strings signature_methods, former_client_secrets, origins, path_prefixes;
    bool require_https;
};

static const struct json_field fields[] = {
    JSON_FIELD(struct line, method, JSON_STRING, true),
    JSON_FIELD(struct line, url, JSON_STRING, true),
    JSON_FIELD(struct line, authorization, JSON_STRING, false),
    JSON_FIELD(struct line, content_type, JSON_STRING, false),
    JSON_FIELD(struct line, body, JSON_STRING, false),
    JSON_FIELD(struct line, body_base64, JSON_STRING, false),
    JSON_FIELD(struct line, client_secret, JSON_STRING, false),
    JSON_FIELD(struct line, token_secret, JSON_STRING, false),
    JSON_FIELD(struct line, former_client_secrets, JSON_STRINGS, false),
    JSON_FIELD(struct line, rsa_public_key, JSON_STRING, false),
    JSON_FIELD(struct line, signature_methods, JSON_STRINGS, false),
    JSON_FIELD(struct line, require_https, JSON_BOOL, false),
    JSON_FIELD(struct line, client_base_string, JSON_STRING, false),
    JSON_FIELD(struct line, origins, JSON_STRINGS, false),
    JSON_FIELD(struct line, path_prefixes, JSON_STRINGS, false),
    JSON_FIELDS_END,
};

static enum status decode_body(struct line *line, struct arena *arena, const char **ret_why)
{
    if (slice_is_absent(line->body_base64))
        return STATUS_OK;
    *ret_why = "body and body_base64 must not both be given";
    if (!slice_is_absent(line->body))
        return STATUS_BAD_INPUT;
    size_t len = 0;
    char *bytes = arena_bytes(arena, line->body_base64.len);
    if (!bytes)
        return STATUS_NO_MEMORY;
    *ret_why = "body_base64 is not base64 with padding";
    if (!base64_decode(line->body_base64, bytes, &len))
        return STATUS_BAD_INPUT;
    line->body = slice_of(bytes, len);
    return STATUS_OK;
}

static enum status parse_methods(const struct line *line, unsigned *ret_mask, const char **ret_why)
{
    unsigned mask = 0;
    struct slice unknown = {0};
    *ret_mask = SIGNATURE_METHODS_ALL;
    if (!line->signature_methods.items)
        return STATUS_OK;
    for (size_t i = 0; i < line->signature_methods.count; i++) {
        unsigned one = 0;
        *ret_why = "signature_methods names a method that does not exist";
        if (!signature_methods_parse(line->signature_methods.items[i], &one, &unknown))
            return STATUS_BAD_INPUT;
        mask |= one;
    }
    *ret_mask = mask;
    return STATUS_OK;
}

static enum status read_explain_line(struct slice text, struct arena *arena, struct line *ret_line,
                                     const char **ret_why)
{
    const json_value *value = NULL;
    TRY(json_read(text, arena, &value, ret_why));
    TRY(json_decode(value, fields, JSON_NULL_IS_ABSENT, "", arena, ret_line, NULL, ret_why));
    return decode_body(ret_line, arena, ret_why);
}

static void write_verdict(enum status status, const char *description, struct json_writer *w)
{
    json_member_bool(w, "valid", status == STATUS_OK);
    json_member_int(w, "status", status_http(status));
    if (status == STATUS_OK)
        return;
    json_member_text(w, "problem", status_problem(status));
    json_member_text(w, "description", description);
}

static void write_explanation(const struct explanation *explanation, struct json_writer *w)
{
    write_verdict(explanation->status, problem_text(&explanation->problem), w);
    json_member_if(w, "signature_base_string", explanation->base_string);
    json_member_if(w, "normalized_parameters", explanation->normalized_parameters);
    json_member_if(w, "base_string_uri", explanation->base_string_uri);
    json_member_array(w, "hints");
    for (size_t i = 0; i < explanation->hint_count; i++)
        json_string(w, explanation->hints[i]);
    json_end_array(w);
}

static struct slice_list list_of(struct json_strings strings)
{
    return (struct slice_list){strings.items, strings.count};
}

static enum status judge_line(struct slice text, struct signer *signer, struct arena *arena, struct arena *scratch,
                              struct explanation *ret_explanation, const char **ret_why)
{
    struct line line = {0};
    unsigned methods = 0;
    TRY(read_explain_line(text, arena, &line, ret_why));
    TRY(parse_methods(&line, &methods, ret_why));
    const struct described_request request = {line.method, line.url, line.authorization, line.content_type, line.body};
    const struct explain_options options = {
        .client_secret = line.client_secret,
        .token_secret = line.token_secret,
        .rsa_public_key = line.rsa_public_key,
        .allowed_methods = methods,
        .require_https = line.require_https,
        .client_base_string = line.client_base_string,
        .origins = list_of(line.origins),
        .path_prefixes = list_of(line.path_prefixes),
        .former_secrets = list_of(line.former_client_secrets),
    };
    return explain(&request, &options, signer, arena, scratch, ret_explanation);
}

static enum status write_unread(int64_t number, const char *why, struct arena *arena, struct json_writer *w)
{
    struct buf text = buf_in(arena);
    buf_addf(&text, "line %lld: %s", (long long)number, why ? why : "");
    const char *description = buf_string(&text);
    if (!description)
        return STATUS_NO_MEMORY;
    write_verdict(STATUS_MALFORMED, description, w);
    json_member_array(w, "hints");
    json_end_array(w);
    return STATUS_OK;
}

enum status explain_line(int64_t number, struct slice line, struct signer *signer, struct arena *arena,
                         struct arena *scratch, struct buf *out)
{
    struct explanation explanation = {0};
    const char *why = NULL;
    enum status status = judge_line(line, signer, arena, scratch, &explanation, &why);
    if (status != STATUS_OK && status != STATUS_BAD_INPUT)
        return status;
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    if (status == STATUS_OK)
        write_explanation(&explanation, &w);
    else
        TRY(write_unread(number, why, arena, &w));
    json_end_object(&w);
    buf_add_byte(out, '\n');
    return out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}
