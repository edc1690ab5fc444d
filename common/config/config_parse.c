#include "config/config_parse.h"

#include "base/base64.h"
#include "base/escape.h"
#include "base/wipe.h"
#include "oauth/signature_method.h"
#include "store/store_url.h"

#include <assert.h>

enum { MAX_LIST_ITEMS = 256, MIN_TOKEN_BYTES = 32, SEALING_KEY_BYTES = 32 };

struct parse {
    const struct config_row *row;
    struct config *config;
    void *place;
    const char **ret_why;
};

typedef enum status (*parse_fn)(const struct parse *p, struct slice text);

static enum status out_of_memory(const struct parse *p)
{
    *p->ret_why = status_text(STATUS_NO_MEMORY);
    return STATUS_NO_MEMORY;
}

static enum status tell_why(const struct parse *p, struct buf *why)
{
    const char *text = buf_string(why);
    if (!text)
        return out_of_memory(p);
    *p->ret_why = text;
    return STATUS_BAD_INPUT;
}

/* `"what" hint`, or the hint alone for a secret. */
static enum status refuse_value(const struct parse *p, struct slice what, const char *hint)
{
    struct buf why = buf_in(&p->config->arena);
    if (!p->row->secret) {
        buf_add_byte(&why, '"');
        escape_terminal(&why, slice_cut_utf8(config_mask_url(what, &p->config->arena), 128));
        buf_add_str(&why, "\" ");
    }
    buf_add_str(&why, hint);
    return tell_why(p, &why);
}

static bool is_printable_ascii(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    return true;
}

static enum status parse_text(const struct parse *p, struct slice text)
{
    *(struct slice *)p->place = text;
    return STATUS_OK;
}

static enum status parse_bool(const struct parse *p, struct slice text)
{
    static const struct {
        struct slice word;
        bool value;
    } words[] = {
        {SLICE_INIT("true"), true},   {SLICE_INIT("1"), true},  {SLICE_INIT("yes"), true}, {SLICE_INIT("on"), true},
        {SLICE_INIT("false"), false}, {SLICE_INIT("0"), false}, {SLICE_INIT("no"), false}, {SLICE_INIT("off"), false},
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (!slice_eq_nocase(text, words[i].word))
            continue;
        *(bool *)p->place = words[i].value;
        return STATUS_OK;
    }
    return refuse_value(p, text, "is neither true nor false");
}

static enum status refuse_range(const struct parse *p, struct slice text, int64_t unit, const char *what)
{
    struct buf why = buf_in(&p->config->arena);
    buf_addf(&why, "\"%.*s\" is not %s from %lld to %lld", SLICE_ARGS(slice_cut_utf8(text, 64)), what,
             (long long)(p->row->min / unit), (long long)(p->row->max / unit));
    return tell_why(p, &why);
}

static enum status parse_number(const struct parse *p, struct slice text, const char *what)
{
    uint64_t size = 0;
    bool negative = text.len > 0 && text.ptr[0] == '-';
    bool digits = slice_to_u64(slice_sub(text, negative ? 1 : 0, text.len), INT64_MAX, &size);
    int64_t value = negative ? -(int64_t)size : (int64_t)size;
    if (!digits || value < p->row->min || value > p->row->max)
        return refuse_range(p, text, 1, what);
    *(int64_t *)p->place = value;
    return STATUS_OK;
}

static enum status parse_int(const struct parse *p, struct slice text)
{
    return parse_number(p, text, "a whole number");
}

static struct slice without_unit(struct slice text)
{
    bool unit = text.len > 1 && text.ptr[text.len - 1] == 's';
    return slice_sub(text, 0, text.len - (unit ? 1 : 0));
}

static enum status parse_seconds(const struct parse *p, struct slice text)
{
    return parse_number(p, without_unit(text), "a number of seconds");
}

/* Seconds with at most three decimals. */
static enum status parse_milliseconds(const struct parse *p, struct slice text)
{
    struct slice decimals = without_unit(text);
    bool point = false;
    struct slice whole = slice_cut(&decimals, '.', &point);
    uint64_t seconds = 0, fraction = 0;
    bool good = slice_to_u64(whole, INT64_MAX / 1000 - 1, &seconds) &&
                (!point || (decimals.len <= 3 && slice_to_u64(decimals, 999, &fraction)));
    for (size_t digits = decimals.len; point && digits < 3; digits++)
        fraction *= 10;
    int64_t value = (int64_t)(seconds * 1000 + fraction);
    if (!good || value < p->row->min || value > p->row->max)
        return refuse_range(p, text, 1000, "a number of seconds");
    *(int64_t *)p->place = value;
    return STATUS_OK;
}

static enum status parse_base_url(const struct parse *p, struct slice text)
{
    const char *why = NULL;
    if (config_parse_base_url(text, &p->config->arena, p->place, &why))
        return STATUS_OK;
    return refuse_value(p, text, why);
}

static enum status parse_link(const struct parse *p, struct slice text)
{
    struct slice front = slice_sub(text, 0, slice_find(text, '?'));
    struct config_url ignored;
    const char *why = NULL;
    if (!is_printable_ascii(text) || slice_find(text, ' ') < text.len ||
        !config_parse_base_url(front, &p->config->arena, &ignored, &why))
        return refuse_value(p, text, "is no URL; write https://host[:port]/path");
    return parse_text(p, text);
}

/* host:port, :port, [v6]:port or unix:/path. */
static enum status parse_listen(const struct parse *p, struct slice text)
{
    static const char hint[] = "is no address to listen on; write host:port, :port or unix:/path";
    struct config_listen listen = {.host = SLICE("")};
    if (slice_starts_with(text, SLICE("unix:"))) {
        listen.unix_path = slice_sub(text, 5, text.len);
        if (listen.unix_path.len == 0 || listen.unix_path.ptr[0] != '/')
            return refuse_value(p, text, hint);
        if (listen.unix_path.len >= 108) /* sun_path */
            return refuse_value(p, text, "is a path too long for a socket (107 bytes at most)");
        *(struct config_listen *)p->place = listen;
        return STATUS_OK;
    }
    size_t colon = text.len;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == ':')
            colon = i;
    uint64_t port = 0;
    if (!slice_to_u64(slice_sub(text, colon + 1, text.len), 65535, &port) || port == 0)
        return refuse_value(p, text, hint);
    struct slice host = slice_sub(text, 0, colon);
    struct address address;
    bool bracketed = host.len > 2 && host.ptr[0] == '[';
    if (host.len > 0 && !slice_eq_nocase(host, SLICE("localhost")) && !address_parse(host, &address))
        return refuse_value(p, text, "names a host; write its address, or :port for every address");
    if (slice_find(host, ':') < host.len && !bracketed)
        return refuse_value(p, text, hint);
    listen.host = bracketed ? slice_sub(host, 1, host.len - 1) : host;
    listen.port = (uint16_t)port;
    *(struct config_listen *)p->place = listen;
    return STATUS_OK;
}

static enum status parse_url_path(const struct parse *p, struct slice text)
{
    bool good = is_printable_ascii(text) && text.len > 1 && text.ptr[0] == '/';
    for (size_t i = 0; i < text.len; i++)
        good = good && !strchr(" ?#\\%{}", text.ptr[i]);
    if (!good || slice_find_slice(text, SLICE("//")) < text.len)
        return refuse_value(p, text, "is no path; write one such as /oauth/token, without query and percent-encoding");
    return parse_text(p, text);
}

/* `"text" what` and those that there are. */
static enum status refuse_all_but(const struct parse *p, struct slice text, const char *what,
                                  void (*write_those)(struct buf *out))
{
    struct buf hint = buf_in(&p->config->arena);
    buf_add_str(&hint, what);
    write_those(&hint);
    const char *string = buf_string(&hint);
    return string ? refuse_value(p, text, string) : out_of_memory(p);
}

static enum status parse_database(const struct parse *p, struct slice text)
{
    if (!durable_url_is_whole(text))
        return refuse_all_but(p, text, "is no database; write ", durable_urls_write);
    return parse_text(p, text);
}

static enum status parse_redis(const struct parse *p, struct slice text)
{
    if (!ephemeral_url_is_whole(text))
        return refuse_all_but(p, text, "is no store of this version; write ", ephemeral_urls_write);
    return parse_text(p, text);
}

/* Calls `take` for each item between commas, trimmed; nothing between two commas is an error. */
static enum status each_item(const struct parse *p, struct slice text, size_t *ret_count,
                             enum status (*take)(const struct parse *, struct slice item, size_t index, void *context),
                             void *context)
{
    size_t count = 0;
    for (bool more = true; more; count++) {
        struct slice item = slice_trim(slice_cut(&text, ',', &more));
        if (item.len == 0)
            return refuse_value(p, item, "is an empty place in the list");
        if (count == MAX_LIST_ITEMS)
            return refuse_value(p, item, "is one too many in the list (256 at most)");
        TRY(take(p, item, count, context));
    }
    *ret_count = count;
    return STATUS_OK;
}

static size_t count_items(struct slice text)
{
    size_t commas = 0;
    for (size_t i = 0; i < text.len; i++)
        commas += text.ptr[i] == ',';
    return commas < MAX_LIST_ITEMS ? commas + 1 : MAX_LIST_ITEMS;
}

static bool is_identifier(struct slice text, size_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return text.len > 0 && text.len <= max;
}

/* The id may be shown; what is behind the colon may not. */
static enum status refuse_secret_item(const struct parse *p, size_t index, const char *wrong)
{
    struct buf why = buf_in(&p->config->arena);
    buf_addf(&why, "entry %zu %s", index + 1, wrong);
    return tell_why(p, &why);
}

static bool key_is_good(struct slice base64)
{
    unsigned char key[(BASE64_LEN(SEALING_KEY_BYTES) / 4) * 3];
    size_t len = 0;
    bool good =
        base64.len == BASE64_LEN(SEALING_KEY_BYTES) && base64_decode(base64, key, &len) && len == SEALING_KEY_BYTES;
    wipe_bytes(key, sizeof key);
    return good;
}

static enum status take_sealing_key(const struct parse *p, struct slice item, size_t index, void *context)
{
    struct slice *ids = context;
    bool colon = false;
    ids[index] = slice_cut(&item, ':', &colon);
    if (!colon || !is_identifier(ids[index], 32))
        return refuse_secret_item(p, index, "has no id; write id:base64, the id of letters, digits, - and _");
    for (size_t i = 0; i < index; i++)
        if (slice_eq(ids[i], ids[index]))
            return refuse_secret_item(p, index, "has the id of another one");
    if (!key_is_good(item))
        return refuse_secret_item(p, index, "is no key of 32 bytes in base64; make one with: openssl rand -base64 32");
    return STATUS_OK;
}

static enum status parse_sealing_keys(const struct parse *p, struct slice text)
{
    size_t count = 0;
    struct slice *ids = arena_calloc(&p->config->arena, count_items(text), sizeof *ids);
    if (!ids)
        return out_of_memory(p);
    TRY(each_item(p, text, &count, take_sealing_key, ids));
    return parse_text(p, text);
}

/* What stands between name and token; a token has no colon itself, so that a role is never taken for a part of one. */
static enum status take_role(const struct parse *p, struct slice *item, size_t index, bool *ret_may_only_read)
{
    struct slice token = *item;
    bool colon = false;
    struct slice role = slice_cut(&token, ':', &colon);
    if (!colon)
        return STATUS_OK;
    if (p->place == &p->config->login_tokens)
        return refuse_secret_item(p, index, "has a colon behind its name; write name:token, such a token has no role");
    *ret_may_only_read = slice_eq(role, SLICE("read"));
    if (!*ret_may_only_read && !slice_eq(role, SLICE("manage")))
        return refuse_secret_item(p, index,
                                  "has a role that is none; write name:read:token, name:manage:token, or name:token, "
                                  "which is as manage (a token itself has no colon)");
    if (slice_find(token, ':') < token.len)
        return refuse_secret_item(p, index, "has a colon in its token; make one with: openssl rand -hex 32");
    *item = token;
    return STATUS_OK;
}

static enum status take_token(const struct parse *p, struct slice item, size_t index, void *context)
{
    struct config_token *tokens = context;
    bool colon = false;
    bool may_only_read = false;
    struct slice name = slice_cut(&item, ':', &colon);
    if (!colon || !is_identifier(name, 64))
        return refuse_secret_item(p, index, "has no name; write name:token, the name of letters, digits, - and _");
    TRY(take_role(p, &item, index, &may_only_read));
    if (item.len < MIN_TOKEN_BYTES)
        return refuse_secret_item(p, index, "is shorter than 32 characters; make one with: openssl rand -hex 32");
    if (!is_printable_ascii(item) || slice_find(item, ' ') < item.len)
        return refuse_secret_item(p, index, "has a character that cannot stand in a header");
    for (size_t i = 0; i < index; i++)
        if (slice_eq(tokens[i].name, name))
            return refuse_secret_item(p, index, "has the name of another one");
    tokens[index] = (struct config_token){name, item, may_only_read};
    return STATUS_OK;
}

static enum status parse_tokens(const struct parse *p, struct slice text)
{
    size_t count = 0;
    struct config_token *tokens = arena_calloc(&p->config->arena, count_items(text), sizeof *tokens);
    if (!tokens)
        return out_of_memory(p);
    TRY(each_item(p, text, &count, take_token, tokens));
    *(struct config_tokens *)p->place = (struct config_tokens){tokens, count};
    return STATUS_OK;
}

static void write_methods(struct buf *out)
{
    for (size_t i = 0; i < SIGNATURE_METHOD_COUNT; i++) {
        if (i > 0)
            buf_add_str(out, i + 1 == SIGNATURE_METHOD_COUNT ? " and " : ", ");
        buf_add(out, signature_methods[i].name);
    }
}

static enum status take_method(const struct parse *p, struct slice item, size_t index, void *context)
{
    struct slice *methods = context;
    for (size_t i = 0; i < index; i++)
        if (slice_eq(methods[i], item))
            return refuse_value(p, item, "is in the list twice");
    if (!signature_method_find(item))
        return refuse_all_but(p, item, "is no signature method; there are ", write_methods);
    methods[index] = item;
    return STATUS_OK;
}

static enum status take_origin(const struct parse *p, struct slice item, size_t index, void *context)
{
    struct slice *origins = context;
    struct config_url url;
    const char *why = NULL;
    if (!config_parse_base_url(item, &p->config->arena, &url, &why) || url.path.len > 0)
        return refuse_value(p, item, "is no origin; write https://host[:port], without a path");
    struct buf origin = buf_in(&p->config->arena);
    buf_addf(&origin, "%.*s://%.*s", SLICE_ARGS(url.scheme), SLICE_ARGS(url.authority));
    if (origin.failed)
        return out_of_memory(p);
    origins[index] = buf_slice(&origin);
    return STATUS_OK;
}

static enum status parse_strings(const struct parse *p, struct slice text,
                                 enum status (*take)(const struct parse *, struct slice, size_t, void *))
{
    size_t count = 0;
    struct slice *items = arena_calloc(&p->config->arena, count_items(text), sizeof *items);
    if (!items)
        return out_of_memory(p);
    TRY(each_item(p, text, &count, take, items));
    *(struct config_strings *)p->place = (struct config_strings){items, count};
    return STATUS_OK;
}

static enum status parse_methods(const struct parse *p, struct slice text)
{
    return parse_strings(p, text, take_method);
}

static enum status parse_origins(const struct parse *p, struct slice text)
{
    return parse_strings(p, text, take_origin);
}

static enum status take_proxy(const struct parse *p, struct slice item, size_t index, void *context)
{
    struct config_proxies *proxies = p->place;
    struct address_block *blocks = context;
    (void)index;
    if (slice_eq(item, SLICE("unix"))) {
        proxies->unix_peers = true;
        return STATUS_OK;
    }
    if (!address_block_parse(item, &blocks[proxies->count]))
        return refuse_value(p, item,
                            "is no address; write one (192.0.2.1), a block whose other bits are zero (10.0.0.0/8) "
                            "or unix");
    proxies->count++;
    return STATUS_OK;
}

static enum status parse_proxies(const struct parse *p, struct slice text)
{
    size_t count = 0;
    struct config_proxies *proxies = p->place;
    struct address_block *blocks = arena_calloc(&p->config->arena, count_items(text), sizeof *blocks);
    if (!blocks)
        return out_of_memory(p);
    *proxies = (struct config_proxies){.blocks = blocks};
    return each_item(p, text, &count, take_proxy, blocks);
}

/* What may stand between the quotes of realm="…" without a backslash. */
static enum status parse_realm(const struct parse *p, struct slice text)
{
    if (!is_printable_ascii(text) || slice_find(text, '"') < text.len || slice_find(text, '\\') < text.len)
        return refuse_value(p, text, "is no realm; write printable ASCII without quotes and backslashes");
    return parse_text(p, text);
}

static enum status parse_header(const struct parse *p, struct slice text)
{
    if (!is_identifier(text, 64))
        return refuse_value(p, text, "is no header; write its name, such as X-Remote-User");
    if (slice_eq_nocase(text, SLICE("Authorization")) || slice_eq_nocase(text, SLICE("Cookie")) ||
        slice_eq_nocase(text, SLICE("Host")))
        return refuse_value(p, text, "is a header that browsers or clients send themselves");
    return parse_text(p, text);
}

static enum status parse_line(const struct parse *p, struct slice text)
{
    if (!slice_is_printable(text) || text.len > (size_t)p->row->max)
        return refuse_value(p, text, "is no name; write one line of at most 64 bytes");
    return parse_text(p, text);
}

static enum status parse_color(const struct parse *p, struct slice text)
{
    bool good = text.len == 7 && text.ptr[0] == '#';
    for (size_t i = 1; good && i < text.len; i++)
        good = strchr("0123456789abcdefABCDEF", text.ptr[i]) != NULL;
    return good ? parse_text(p, text) : refuse_value(p, text, "is no colour; write #rrggbb, such as #2456b8");
}

static enum status take_language(const struct parse *p, struct slice item, size_t index, void *context)
{
    struct slice *languages = context;
    bool good = is_identifier(item, 35) && slice_find(item, '_') == item.len && item.ptr[0] != '-';
    if (!good)
        return refuse_value(p, item, "is no language tag; write such as de or pt-BR");
    for (size_t i = 0; i < index; i++)
        if (slice_eq_nocase(languages[i], item))
            return refuse_value(p, item, "is in the list twice");
    languages[index] = item;
    return STATUS_OK;
}

static enum status parse_languages(const struct parse *p, struct slice text)
{
    return parse_strings(p, text, take_language);
}

/* The place of one of a few words. */
static bool find_word(struct slice text, const struct slice *words, size_t count, size_t *ret_index)
{
    for (size_t i = 0; i < count; i++)
        if (slice_eq_nocase(text, words[i])) {
            *ret_index = i;
            return true;
        }
    return false;
}

static enum status parse_registration(const struct parse *p, struct slice text)
{
    static const struct slice words[] = {[REGISTRATION_OFF] = SLICE_INIT("off"),
                                         [REGISTRATION_APPROVAL] = SLICE_INIT("approval"),
                                         [REGISTRATION_OPEN] = SLICE_INIT("open")};
    size_t index = 0;
    if (!find_word(text, words, COUNT_OF(words), &index))
        return refuse_value(p, text, "is none of its words; there are off, approval and open");
    *(enum config_registration *)p->place = (enum config_registration)index;
    return STATUS_OK;
}

static enum status parse_decision_log(const struct parse *p, struct slice text)
{
    static const struct slice words[] = {[DECISION_LOG_REFUSED] = SLICE_INIT("refused"),
                                         [DECISION_LOG_ALL] = SLICE_INIT("all"),
                                         [DECISION_LOG_OFF] = SLICE_INIT("off")};
    size_t index = 0;
    if (!find_word(text, words, COUNT_OF(words), &index))
        return refuse_value(p, text, "is none of its words; there are refused, all and off");
    *(enum config_decision_log *)p->place = (enum config_decision_log)index;
    return STATUS_OK;
}

static enum status parse_log_level(const struct parse *p, struct slice text)
{
    for (enum log_level level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        if (!slice_eq_nocase(text, slice_str(log_level_name(level))))
            continue;
        *(enum log_level *)p->place = level;
        return STATUS_OK;
    }
    return refuse_value(p, text, "is no level; there are debug, info, warn and error");
}

static enum status parse_log_format(const struct parse *p, struct slice text)
{
    bool json = slice_eq_nocase(text, SLICE("json"));
    if (!json && !slice_eq_nocase(text, SLICE("text")))
        return refuse_value(p, text, "is no format; there are json and text");
    *(enum log_format *)p->place = json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    return STATUS_OK;
}

static const parse_fn parsers[] = {
    [CONFIG_TEXT] = parse_text,
    [CONFIG_BOOL] = parse_bool,
    [CONFIG_INT] = parse_int,
    [CONFIG_SECONDS] = parse_seconds,
    [CONFIG_MILLISECONDS] = parse_milliseconds,
    [CONFIG_BASE_URL] = parse_base_url,
    [CONFIG_LINK] = parse_link,
    [CONFIG_LISTEN] = parse_listen,
    [CONFIG_FILE] = parse_text,
    [CONFIG_URL_PATH] = parse_url_path,
    [CONFIG_DATABASE] = parse_database,
    [CONFIG_REDIS] = parse_redis,
    [CONFIG_SEALING_KEYS] = parse_sealing_keys,
    [CONFIG_TOKENS] = parse_tokens,
    [CONFIG_METHODS] = parse_methods,
    [CONFIG_ORIGINS] = parse_origins,
    [CONFIG_PROXIES] = parse_proxies,
    [CONFIG_REALM] = parse_realm,
    [CONFIG_HEADER] = parse_header,
    [CONFIG_LINE] = parse_line,
    [CONFIG_COLOR] = parse_color,
    [CONFIG_LANGUAGES] = parse_languages,
    [CONFIG_REGISTRATION] = parse_registration,
    [CONFIG_LOG_LEVEL] = parse_log_level,
    [CONFIG_LOG_FORMAT] = parse_log_format,
    [CONFIG_DECISION_LOG] = parse_decision_log,
};
static_assert(COUNT_OF(parsers) == CONFIG_KIND_COUNT, "every kind has its parser");

enum status config_parse(const struct config_row *row, struct slice text, struct config *config, const char **ret_why)
{
    struct parse p = {row, config, (char *)config + row->offset, ret_why};
    return parsers[row->kind](&p, text);
}
