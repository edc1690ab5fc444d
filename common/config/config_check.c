#include "config/config_check.h"

#include "store/store_url.h"

#include <string.h>

struct check {
    const struct config *config;
    const bool *broken;
    struct buf *problems;
};

/* Whether the value of the member at this offset could be parsed. */
static bool is_known(const struct check *c, size_t offset)
{
    for (size_t i = 0; i < config_row_count; i++)
        if (config_rows[i].offset == offset)
            return !c->broken[i];
    return false;
}

#define KNOWN(c, member) is_known((c), offsetof(struct config, member))

static void add_problem(const struct check *c, const char *line)
{
    buf_add_str(c->problems, line);
    buf_add_byte(c->problems, '\n');
}

static void check_public_url(const struct check *c)
{
    const struct config_url *url = &c->config->public_url;
    if (!KNOWN(c, public_url) || !KNOWN(c, dev) || !KNOWN(c, insecure_transport))
        return;
    if (slice_is_absent(url->text)) {
        add_problem(c, "OAUTH1_PUBLIC_URL: is required; write the URL under which clients reach auth-service, such as "
                       "https://auth.example.com (or set OAUTH1_DEV=true to try it on this machine)");
        return;
    }
    bool loopback = address_host_is_loopback(url->host);
    if (c->config->dev && !loopback)
        add_problem(
            c, "OAUTH1_PUBLIC_URL: must be on 127.0.0.1, ::1 or localhost in development mode; unset OAUTH1_DEV to "
               "serve others");
    else if (!loopback && slice_eq(url->scheme, SLICE("http")) && !c->config->insecure_transport)
        add_problem(c, "OAUTH1_PUBLIC_URL: must begin with https:// (RFC 5849 needs TLS); for a test without it set "
                       "OAUTH1_INSECURE_TRANSPORT=true");
}

static bool has_address(const struct config_listen *listen)
{
    return !slice_is_absent(listen->host) || !slice_is_absent(listen->unix_path);
}

static bool listens_on_loopback(const struct config_listen *listen)
{
    return !has_address(listen) || !slice_is_absent(listen->unix_path) || address_host_is_loopback(listen->host);
}

/* The three listening addresses that a service has. */
static size_t find_listeners(const struct check *c, const struct config_listen **ret_listens, const char **ret_names)
{
    size_t count = 0;
    for (size_t i = 0; i < config_row_count; i++) {
        const struct config_row *row = &config_rows[i];
        if (row->kind != CONFIG_LISTEN || !(row->services & c->config->service) || c->broken[i])
            continue;
        ret_names[count] = row->name;
        ret_listens[count++] = (const struct config_listen *)((const char *)c->config + row->offset);
    }
    return count;
}

static void check_listeners(const struct check *c)
{
    const struct config_listen *listen[3];
    const char *name[3];
    size_t count = find_listeners(c, listen, name);
    for (size_t i = 0; i < count; i++) {
        if (c->config->dev && !listens_on_loopback(listen[i]))
            buf_addf(c->problems, "%s: must be on 127.0.0.1 in development mode; unset OAUTH1_DEV to serve others\n",
                     name[i]);
    }
}

static void check_tls(const struct check *c)
{
    const struct config *config = c->config;
    if (slice_is_absent(config->tls_cert) != slice_is_absent(config->tls_key))
        add_problem(
            c, slice_is_absent(config->tls_key)
                   ? "OAUTH1_TLS_KEY: is required with OAUTH1_TLS_CERT; name the file of the certificate's private key"
                   : "OAUTH1_TLS_CERT: is required with OAUTH1_TLS_KEY; name the file of the certificate");
    else if (!slice_is_absent(config->tls_client_ca) && slice_is_absent(config->tls_cert))
        add_problem(
            c, "OAUTH1_TLS_CLIENT_CA: needs OAUTH1_TLS_CERT and OAUTH1_TLS_KEY; client certificates come with TLS");
}

static void check_secrets(const struct check *c)
{
    const struct config *config = c->config;
    if (KNOWN(c, secrets_keys) && KNOWN(c, dev) && slice_is_absent(config->secrets_keys) && !config->dev)
        add_problem(c, "OAUTH1_SECRETS_KEYS: is required; write k1: and the output of: openssl rand -base64 32");
    if (KNOWN(c, clock_offset_s) && KNOWN(c, dev) && config->clock_offset_s != 0 && !config->dev)
        add_problem(c, "OAUTH1_CLOCK_OFFSET: is for tests and needs OAUTH1_DEV=true");
}

/* "//user:password@". */
static bool has_password(struct slice url)
{
    size_t start = slice_find_slice(url, SLICE("://"));
    struct slice rest = slice_sub(url, start + 3, url.len);
    size_t at = slice_find(rest, '@');
    return at < rest.len && slice_find(rest, ':') < at;
}

static void check_passwords(const struct check *c)
{
    const struct config *config = c->config;
    if (!slice_is_absent(config->database_password) && has_password(config->database_url))
        add_problem(c, "OAUTH1_DATABASE_PASSWORD: there is a password in OAUTH1_DATABASE_URL too; keep one of them");
    if (!slice_is_absent(config->redis_password) && has_password(config->redis_url))
        add_problem(c, "OAUTH1_REDIS_PASSWORD: there is a password in OAUTH1_REDIS_URL too; keep one of them");
    if (!slice_is_absent(config->database_read_url) && !durable_kind_of(config->database_url)->has_replicas)
        add_problem(c, "OAUTH1_DATABASE_READ_URL: needs a MySQL OAUTH1_DATABASE_URL; SQLite has no replicas");
}

/* What people see; these paths are not configurable. */
static bool is_page(struct slice path)
{
    static const struct slice pages[] = {
        SLICE_INIT("/login"),     SLICE_INIT("/login/continue"), SLICE_INIT("/logout"),   SLICE_INIT("/style.css"),
        SLICE_INIT("/brand.css"), SLICE_INIT("/logo.png"),       SLICE_INIT("/language"), SLICE_INIT("/problems")};
    for (size_t i = 0; i < COUNT_OF(pages); i++)
        if (slice_eq(path, pages[i]))
            return true;
    return slice_starts_with(path, SLICE("/client-logo/")) || slice_starts_with(path, SLICE("/account/")) ||
           slice_starts_with(path, SLICE("/developer/"));
}

static void check_paths(const struct check *c)
{
    const struct config *config = c->config;
    const struct {
        const char *name;
        struct slice path;
    } paths[] = {
        {"OAUTH1_INITIATE_PATH", config->initiate_path},
        {"OAUTH1_AUTHORIZE_PATH", config->authorize_path},
        {"OAUTH1_TOKEN_PATH", config->token_path},
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (is_page(paths[i].path))
            buf_addf(c->problems, "%s: is the path of a page of auth-service; choose another\n", paths[i].name);
        for (size_t j = 0; j < i; j++)
            if (paths[i].path.len > 0 && slice_eq(paths[i].path, paths[j].path))
                buf_addf(c->problems, "%s: is the path of %s too; give each its own\n", paths[i].name, paths[j].name);
    }
}

/* Whoever can send from one of them can be anybody. IPv4 is ::ffff:0:0/96, and lies in every block that has it. */
static bool is_wide(const struct address_block *block)
{
    static const struct address ipv4 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};
    bool holds_ipv4 =
        block->prefix_bits >= 96 ? memcmp(block->base.bytes, ipv4.bytes, 12) == 0 : address_block_has(block, &ipv4);
    return block->prefix_bits < (holds_ipv4 ? 96 + 24 : 64);
}

static void check_width_of_proxies(const struct check *c)
{
    const struct config_proxies *proxies = &c->config->trusted_proxies;
    for (size_t i = 0; i < proxies->count; i++)
        if (is_wide(&proxies->blocks[i]))
            buf_addf(c->problems,
                     "OAUTH1_TRUSTED_PROXIES: block %u is wider than /24 (IPv4) or /64 (IPv6), and with "
                     "OAUTH1_LOGIN_TRUSTED_HEADER whoever sends from there can be any user; list the proxies alone\n",
                     (unsigned)i + 1);
}

static void check_login(const struct check *c)
{
    const struct config *config = c->config;
    bool proxies = config->trusted_proxies.count > 0 || config->trusted_proxies.unix_peers;
    bool header = !slice_is_absent(config->login_trusted_header);
    bool url = !slice_is_absent(config->login_url);
    if (header && !proxies && KNOWN(c, trusted_proxies))
        add_problem(
            c, "OAUTH1_LOGIN_TRUSTED_HEADER: needs OAUTH1_TRUSTED_PROXIES; list the proxies that may set the header");
    if (header && KNOWN(c, trusted_proxies))
        check_width_of_proxies(c);
    if (header && url)
        add_problem(c, "OAUTH1_LOGIN_URL: is set together with OAUTH1_LOGIN_TRUSTED_HEADER; choose one way to log in");
    bool nobody = config->login_tokens.count == 0 && config->admin_tokens.count == 0;
    if (url && nobody && KNOWN(c, login_tokens) && KNOWN(c, admin_tokens))
        add_problem(c, "OAUTH1_LOGIN_TOKEN: is required with OAUTH1_LOGIN_URL; write login: and the output of: "
                       "openssl rand -hex 32");
    bool plain = url && slice_eq_nocase(slice_sub(config->login_url, 0, 5), SLICE("http:"));
    if (plain && KNOWN(c, insecure_transport) && !config->insecure_transport)
        add_problem(c, "OAUTH1_LOGIN_URL: must begin with https://");
}

bool config_check(const struct config *config, const bool *broken, struct buf *problems)
{
    struct check c = {config, broken, problems};
    size_t before = problems->len;
    check_public_url(&c);
    check_listeners(&c);
    check_tls(&c);
    check_secrets(&c);
    check_passwords(&c);
    check_paths(&c);
    check_login(&c);
    return problems->len == before && !problems->failed;
}

static void warn_storage(const struct config *config, struct buf *out)
{
    struct slice file = durable_url_file(config->database_url);
    bool alone = !ephemeral_kind_of(config->redis_url)->is_shared;
    if (alone && !slice_is_absent(file))
        buf_addf(out,
                 "embedded: everything is kept in %.*s and in this process; right for trying it and for one machine "
                 "with one process of each service (otherwise set OAUTH1_DATABASE_URL and OAUTH1_REDIS_URL)\n",
                 SLICE_ARGS(file));
    else if (alone)
        buf_add_str(out, "OAUTH1_REDIS_URL is not set: nonces are kept in this process alone, so only one process of "
                         "each service may run\n");
}

void config_warnings(const struct config *config, struct buf *out)
{
    if (config->dev)
        buf_add_str(out,
                    "development mode (OAUTH1_DEV): plain http on loopback, and a sealing key that lies beside the "
                    "database; never for production\n");
    if (config->insecure_transport && !config->dev)
        buf_add_str(out, "OAUTH1_INSECURE_TRANSPORT is on: secrets may travel without TLS (RFC 5849 section 4)\n");
    bool unreachable = config->service == CONFIG_AUTH && slice_eq(config->public_url.scheme, SLICE("https")) &&
                       !config->dev && !config->insecure_transport && !config_has_tls(config);
    if (unreachable && config->trusted_proxies.count == 0 && !config->trusted_proxies.unix_peers)
        buf_add_str(out, "OAUTH1_PUBLIC_URL begins with https://, and there is neither OAUTH1_TLS_CERT nor a proxy in "
                         "OAUTH1_TRUSTED_PROXIES: every request is refused as insecure_transport (set one of them)\n");
    bool admin = config->service == CONFIG_AUTH && has_address(&config->admin_listen) &&
                 config->admin_tokens.count + config->login_tokens.count > 0;
    if (admin && !config_has_tls(config) && !listens_on_loopback(&config->admin_listen))
        buf_add_str(out, "OAUTH1_ADMIN_LISTEN is beyond loopback and without TLS: its tokens, and client secrets, "
                         "travel in the clear (set OAUTH1_TLS_CERT and OAUTH1_TLS_KEY, or listen on 127.0.0.1)\n");
    warn_storage(config, out);
}
