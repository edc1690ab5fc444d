#include "config/config_rows.h"

#include "oauth/signature_method.h"
#include "store/store_url.h"

#include <assert.h>

enum { BOTH = CONFIG_AUTH | CONFIG_INTROSPECTION, AUTH = CONFIG_AUTH, INTROSPECTION = CONFIG_INTROSPECTION };

#define DAY  INT64_C(86400)
#define YEAR (INT64_C(366) * DAY)

/* The designated initializers that follow a row's first line are those that the kind needs. */
#define ROW(variable, flag_name, kind_name, who, member)                               \
    .name = "OAUTH1_" variable, .flag = flag_name, .kind = kind_name, .services = who, \
    .offset = offsetof(struct config, member)

#define COMMA_AND_NAME(name, ...) "," name

const struct config_row config_rows[] = {
    {ROW("PUBLIC_URL", "public-url", CONFIG_BASE_URL, BOTH, public_url), .placeholder = "URL",
     .initial_shown = "required; http://127.0.0.1:8080 in development",
     .help =
         "The URL under which clients reach auth-service, without query and fragment. It is part of every signature "
         "at initiate and token, whatever Host says."},
    {ROW("DEV", "dev", CONFIG_BOOL, BOTH, dev), .initial = "false", .placeholder = "BOOL",
     .help = "Development mode: plain http, everything on loopback, a sealing key in a file beside the database, a "
             "banner. Refuses a public URL that is not loopback."},
    {ROW("LISTEN", "listen", CONFIG_LISTEN, BOTH, listen), .initial = ":8080", .initial_introspection = ":8082",
     .placeholder = "ADDRESS",
     .help = "Where the public port listens: host:port, :port or unix:/path. In development on 127.0.0.1."},
    {ROW("ADMIN_LISTEN", "admin-listen", CONFIG_LISTEN, AUTH, admin_listen), .initial = "127.0.0.1:8081",
     .placeholder = "ADDRESS",
     .help = "Where the admin API listens, once there is a token for it. TLS as at the public port."},
    {ROW("OPS_LISTEN", "ops-listen", CONFIG_LISTEN, BOTH, ops_listen), .initial = ":9090",
     .initial_introspection = ":9091", .placeholder = "ADDRESS",
     .help = "Where /livez, /readyz, /startupz and /metrics are answered; never with TLS."},
    {ROW("DATABASE_URL", "database-url", CONFIG_DATABASE, BOTH, database_url), .initial = "sqlite:./oauth1.db",
     .placeholder = "URL", .help = "Clients, tokens, users: " DURABLE_KINDS(STORE_KIND_HELP) "."},
    {ROW("DATABASE_READ_URL", "database-read-url", CONFIG_DATABASE, BOTH, database_read_url), .placeholder = "URL",
     .help = "A replica of the database for reads that may lag."},
    {ROW("DATABASE_PASSWORD", "database-password", CONFIG_TEXT, BOTH, database_password), .secret = true,
     .placeholder = "SECRET", .help = "The database's password, apart from the URL."},
    {ROW("DATABASE_POOL", "database-pool", CONFIG_INT, BOTH, database_pool), .initial = "8", .min = 1, .max = 1024,
     .placeholder = "N", .help = "Connections to the database, each with a thread of its own."},
    {ROW("REDIS_URL", "redis-url", CONFIG_REDIS, BOTH, redis_url), .initial = "memory:", .placeholder = "URL",
     .help = "Nonces, temporary credentials, sessions: " EPHEMERAL_KINDS(STORE_KIND_HELP) "."},
    {ROW("REDIS_PASSWORD", "redis-password", CONFIG_TEXT, BOTH, redis_password), .secret = true,
     .placeholder = "SECRET", .help = "Redis's password, apart from the URL."},
    {ROW("WORKERS", "workers", CONFIG_INT, BOTH, workers), .min = 1, .max = 256, .placeholder = "N",
     .initial_shown = "one a core",
     .help = "Event loops, each with a thread of its own; auth-service hashes as many passwords at once, at most."},
    {ROW("CONNECTIONS", "connections", CONFIG_INT, BOTH, connections), .min = 16, .max = 65536, .placeholder = "N",
     .initial_shown = "from the descriptors",
     .help = "Connections of clients at the public port at once, over all loops; at most what the descriptors of the "
             "process allow (config check tells). Beyond that the longest idle one is closed, strangers' first."},
    {ROW("CONNECTIONS_PER_ADDRESS", "connections-per-address", CONFIG_INT, BOTH, connections_per_address),
     .initial = "0", .min = 0, .max = 65536, .placeholder = "N",
     .help = "How many of them one address (IPv6: /64) may have; 0: no bound. Peers in OAUTH1_TRUSTED_PROXIES have "
             "none."},
    {ROW("SECRETS_KEYS", "secrets-keys", CONFIG_SEALING_KEYS, BOTH, secrets_keys), .secret = true,
     .placeholder = "ID:BASE64,…", .initial_shown = "required; a file beside the database in development",
     .help = "Keys of 32 bytes that seal secrets in the database, id:base64[,id:base64…]: the first seals, all open. "
             "Make one with: openssl rand -base64 32"},
    {ROW("ADMIN_TOKEN", "admin-token", CONFIG_TOKENS, AUTH, admin_tokens), .secret = true,
     .placeholder = "NAME[:ROLE]:TOKEN,…", .initial_shown = "none: the admin API is off",
     .help =
         "Bearer tokens of the admin API, name:token or name:role:token, separated by commas, each of 32 characters "
         "or more. The name is the audit log's \"who\"; two at once make rotation possible. Role read sees all but "
         "secrets and changes nothing; manage, as without a role, may do everything."},
    {ROW("LOGIN_TOKEN", "login-token", CONFIG_TOKENS, AUTH, login_tokens), .secret = true,
     .placeholder = "NAME:TOKEN,…", .initial_shown = "none",
     .help = "Bearer tokens, as those, that open nothing but the calls of delegated login."},
    {ROW("LOGIN_URL", "login-url", CONFIG_LINK, AUTH, login_url), .placeholder = "URL",
     .initial_shown = "built-in login",
     .help = "Delegated login: the page of your site that logs its user in. The built-in form is off then."},
    {ROW("LOGIN_TRUSTED_HEADER", "login-trusted-header", CONFIG_HEADER, AUTH, login_trusted_header),
     .placeholder = "NAME", .initial_shown = "built-in login",
     .help =
         "A header in which a proxy names the user that it has logged in; taken from peers in OAUTH1_TRUSTED_PROXIES "
         "alone, none of them wider than /24 (IPv4) or /64 (IPv6)."},
    {ROW("BRAND_NAME", "brand-name", CONFIG_LINE, AUTH, brand_name), .max = 64, .placeholder = "TEXT",
     .initial_shown = "host of the public URL", .help = "The name of your site on its pages."},
    {ROW("BRAND_LOGO", "brand-logo", CONFIG_FILE, AUTH, brand_logo), .placeholder = "FILE", .initial_shown = "none",
     .help = "Its logo: a PNG of at most 32 KB and 512 pixels a side, served from here."},
    {ROW("BRAND_COLOR", "brand-color", CONFIG_COLOR, AUTH, brand_color), .placeholder = "#RRGGBB",
     .initial_shown = "a blue",
     .help =
         "Its colour, for buttons, links and marks; it is made darker or lighter where text would not be readable."},
    {ROW("TERMS_URL", "terms-url", CONFIG_LINK, AUTH, terms_url), .placeholder = "URL", .initial_shown = "none",
     .help = "Your terms of use, linked at the foot of each page."},
    {ROW("PRIVACY_URL", "privacy-url", CONFIG_LINK, AUTH, privacy_url), .placeholder = "URL", .initial_shown = "none",
     .help = "Your privacy policy, likewise."},
    {ROW("HELP_URL", "help-url", CONFIG_LINK, AUTH, help_url), .placeholder = "URL", .initial_shown = "none",
     .help = "Where people get help: linked there, and on pages that say that something did not work."},
    {ROW("FORGOTTEN_PASSWORD_URL", "forgotten-password-url", CONFIG_LINK, AUTH, forgotten_password_url),
     .placeholder = "URL", .initial_shown = "none", .help = "Where a new password is had, linked from the login page."},
    {ROW("PAGES_DIR", "pages-dir", CONFIG_FILE, AUTH, pages_dir), .placeholder = "FOLDER", .initial_shown = "none",
     .help = "Templates, the style sheet and catalogues that replace the built-in ones of the same name "
             "(docs/branding.md); read again on SIGHUP."},
    {ROW("LANGUAGES", "languages", CONFIG_LANGUAGES, AUTH, languages), .initial = "en,de,ja", .placeholder = "TAG,…",
     .help = "Languages that pages are offered in, the first for who wants none of them. Each needs a catalogue: "
             "built in, or in OAUTH1_PAGES_DIR."},
    {ROW("SCOPES_FILE", "scopes-file", CONFIG_FILE, AUTH, scopes_file), .placeholder = "FILE", .initial_shown = "none",
     .help = "What scopes mean in plain words (JSON, docs/branding.md); read again on SIGHUP."},
    {ROW("REGISTRATION", "registration", CONFIG_REGISTRATION, AUTH, registration), .initial = "off",
     .placeholder = "off|approval|open",
     .help = "Whether users register clients of their own at /developer/applications: off; approval: such a client "
             "works for its owner alone until client approve; open: for everybody at once."},
    {ROW("SIGNATURE_METHODS", "signature-methods", CONFIG_METHODS, BOTH, signature_methods),
     .initial = &(SIGNATURE_DIGEST_METHODS(COMMA_AND_NAME))[1], .placeholder = "NAME,…",
     .help = "Signature methods that are on; PLAINTEXT has to be asked for. A client may be narrowed further."},
    {ROW("TIMESTAMP_SKEW", "timestamp-skew", CONFIG_SECONDS, BOTH, timestamp_skew_s), .initial = "300", .min = 1,
     .max = DAY, .placeholder = "SECONDS", .help = "How old a timestamp may be."},
    {ROW("TIMESTAMP_LEAD", "timestamp-lead", CONFIG_SECONDS, BOTH, timestamp_lead_s), .initial = "60", .min = 1,
     .max = DAY, .placeholder = "SECONDS", .help = "How far ahead a timestamp may be."},
    {ROW("TEMP_TTL", "temp-ttl", CONFIG_SECONDS, AUTH, temp_ttl_s), .initial = "600", .min = 1, .max = DAY,
     .placeholder = "SECONDS", .help = "How long a temporary credential is good."},
    {ROW("TOKEN_TTL", "token-ttl", CONFIG_SECONDS, AUTH, token_ttl_s), .initial = "0", .min = 0, .max = 100 * YEAR,
     .placeholder = "SECONDS", .help = "How long a token is good; 0: until it is revoked."},
    {ROW("CLOCK_OFFSET", "clock-offset", CONFIG_SECONDS, BOTH, clock_offset_s), .initial = "0", .min = -YEAR,
     .max = YEAR, .placeholder = "SECONDS", .help = "Shifts this process's clock, for tests; only with OAUTH1_DEV."},
    {ROW("CACHE_TTL", "cache-ttl", CONFIG_SECONDS, BOTH, cache_ttl_s), .initial = "30", .min = 1, .max = 300,
     .placeholder = "SECONDS",
     .help = "How long a credential is cached: the longest that a revocation can lag if its message is lost."},
    {ROW("CACHE_ENTRIES", "cache-entries", CONFIG_INT, BOTH, cache_entries), .initial = "100000", .min = 1,
     .max = 100000000, .placeholder = "N", .help = "Credentials in the cache."},
    {ROW("INITIATE_PATH", "initiate-path", CONFIG_URL_PATH, AUTH, initiate_path), .initial = "/oauth/initiate",
     .placeholder = "PATH", .help = "Path of the temporary credential request."},
    {ROW("AUTHORIZE_PATH", "authorize-path", CONFIG_URL_PATH, AUTH, authorize_path), .initial = "/oauth/authorize",
     .placeholder = "PATH", .help = "Path of the resource owner authorization."},
    {ROW("TOKEN_PATH", "token-path", CONFIG_URL_PATH, AUTH, token_path), .initial = "/oauth/token",
     .placeholder = "PATH", .help = "Path of the token request."},
    {ROW("ORIGINS", "origins", CONFIG_ORIGINS, INTROSPECTION, origins), .placeholder = "ORIGIN,…",
     .initial_shown = "none: /verify answers nobody",
     .help = "Origins (https://host[:port]) that gateways may ask about. The one with the request's host and port "
             "gives the scheme."},
    {ROW("TRUSTED_PROXIES", "trusted-proxies", CONFIG_PROXIES, BOTH, trusted_proxies), .placeholder = "ADDRESS,…",
     .initial_shown = "none",
     .help = "Peers whose forwarded headers and traceparent count: addresses, CIDR blocks, unix for peers on a socket; "
             "no names."},
    {ROW("REALM", "realm", CONFIG_REALM, BOTH, realm), .placeholder = "TEXT", .initial_shown = "host of the public URL",
     .help = "The realm of WWW-Authenticate."},
    {ROW("INSECURE_TRANSPORT", "insecure-transport", CONFIG_BOOL, BOTH, insecure_transport), .initial = "false",
     .placeholder = "BOOL", .initial_shown = "false; true in development",
     .help = "Takes plain http where RFC 5849 needs TLS, for tests (also AUTHLIB_INSECURE_TRANSPORT)."},
    {ROW("TLS_CERT", "tls-cert", CONFIG_FILE, BOTH, tls_cert), .placeholder = "FILE", .initial_shown = "no TLS",
     .help = "Certificate chain (PEM) for the public and the admin port."},
    {ROW("TLS_KEY", "tls-key", CONFIG_FILE, BOTH, tls_key), .placeholder = "FILE", .initial_shown = "no TLS",
     .help = "The certificate's private key (PEM)."},
    {ROW("TLS_CLIENT_CA", "tls-client-ca", CONFIG_FILE, BOTH, tls_client_ca), .placeholder = "FILE",
     .initial_shown = "no client certificates",
     .help = "Certificates (PEM) that issue client certificates, for resource servers that use mutual TLS."},
    {ROW("RATE_LIMIT_CLIENT", "rate-limit-client", CONFIG_INT, AUTH, rate_limit_client), .initial = "6000", .min = 0,
     .max = 100000000, .placeholder = "N",
     .help = "Requests a minute of one client at initiate and token, counted where the signature held; 0: no limit."},
    {ROW("RATE_LIMIT_ADDRESS", "rate-limit-address", CONFIG_INT, BOTH, rate_limit_address), .initial = "6000", .min = 0,
     .max = 100000000, .placeholder = "N",
     .help = "Requests a minute of one address whose signature did not hold; 0: no limit."},
    {ROW("RATE_LIMIT_LOGIN_ACCOUNT", "rate-limit-login-account", CONFIG_INT, AUTH, rate_limit_login_account),
     .initial = "100", .min = 0, .max = 1000000, .placeholder = "N",
     .help = "Wrong passwords a minute for one account from all addresses together; 0: no limit. A browser that logged "
             "in before is not held by it."},
    {ROW("RATE_LIMIT_LOGIN_ADDRESS", "rate-limit-login-address", CONFIG_INT, AUTH, rate_limit_login_address),
     .initial = "30", .min = 0, .max = 1000000, .placeholder = "N",
     .help = "Wrong passwords a minute from one address; 0: no limit."},
    {ROW("RATE_LIMIT_LOGIN_PAIR", "rate-limit-login-pair", CONFIG_INT, AUTH, rate_limit_login_pair), .initial = "5",
     .min = 0, .max = 1000000, .placeholder = "N",
     .help = "Wrong passwords a minute for one account from one address, or from one browser that logged in before; "
             "0: no limit."},
    {ROW("LOG_LEVEL", "log-level", CONFIG_LOG_LEVEL, BOTH, log_level), .initial = "info",
     .placeholder = "debug|info|warn|error", .help = "debug, info, warn or error."},
    {ROW("LOG_FORMAT", "log-format", CONFIG_LOG_FORMAT, BOTH, log_format), .placeholder = "json|text",
     .initial_shown = "json; text on a terminal", .help = "json or text."},
    {ROW("DECISION_LOG", "decision-log", CONFIG_DECISION_LOG, BOTH, decision_log), .initial = "refused",
     .placeholder = "refused|all|off",
     .help = "Which decisions about signed requests get a line of their own, at most a thousand a second: refused (and "
             "one in a hundred of the others), all, off."},
    {ROW("AUDIT_RETENTION", "audit-retention", CONFIG_INT, AUTH, audit_retention_days), .initial = "400", .min = 1,
     .max = 36500, .placeholder = "DAYS", .help = "How many days the janitor leaves rows in the audit log."},
    {ROW("SHUTDOWN_DELAY", "shutdown-delay", CONFIG_MILLISECONDS, BOTH, shutdown_delay_ms), .initial = "5", .min = 0,
     .max = 3600000, .placeholder = "SECONDS", .initial_shown = "5; 0 in development",
     .help = "On SIGTERM: how long requests are still taken while /readyz fails already."},
    {ROW("SHUTDOWN_TIMEOUT", "shutdown-timeout", CONFIG_MILLISECONDS, BOTH, shutdown_timeout_ms), .initial = "20",
     .min = 0, .max = 3600000, .placeholder = "SECONDS",
     .help = "Then: how long requests in flight may take to finish. With less than 5, a change may be made whose "
             "answer nobody gets."},
};

const size_t config_row_count = COUNT_OF(config_rows);
static_assert(COUNT_OF(config_rows) <= CONFIG_MAX_ROWS, "struct config has a value for each row");

const char *config_row_initial(const struct config_row *row, enum config_service service)
{
    return service == CONFIG_INTROSPECTION && row->initial_introspection ? row->initial_introspection : row->initial;
}

/* What is written for `url` without its last bytes, from `from` on. */
static struct slice mask_end(struct slice url, size_t from, struct arena *arena)
{
    struct buf masked = buf_in(arena);
    buf_add(&masked, slice_sub(url, 0, from));
    buf_add(&masked, SLICE("***"));
    return masked.failed ? SLICE("***") : buf_slice(&masked);
}

/* The password is what stands between the first ':' behind "://" and the last '@': also where it
 * holds '/' or '@' unencoded, so that a mistake does not show it. Likewise one in the query (sentinel_password=) ends
 * where the URL does. */
struct slice config_mask_url(struct slice url, struct arena *arena)
{
    size_t option = slice_find_slice(url, SLICE("password="));
    if (option < url.len)
        url = mask_end(url, option + SLICE("password=").len, arena);
    size_t scheme = slice_find_slice(url, SLICE("://"));
    size_t from = scheme == url.len ? url.len : scheme + 3;
    size_t at = url.len;
    for (size_t i = from; i < url.len; i++)
        if (url.ptr[i] == '@')
            at = i;
    size_t colon = from + slice_find(slice_sub(url, from, at), ':');
    if (at == url.len || colon >= at)
        return url;
    struct buf masked = buf_in(arena);
    buf_add(&masked, slice_sub(url, 0, colon + 1));
    buf_add(&masked, SLICE("***"));
    buf_add(&masked, slice_sub(url, at, url.len));
    return masked.failed ? SLICE("***") : buf_slice(&masked);
}

struct slice config_shown(const struct config_row *row, struct slice text, struct arena *arena)
{
    if (slice_is_absent(text))
        return text;
    return row->secret ? SLICE("***") : config_mask_url(text, arena);
}

struct slice config_flag_shown(const struct config_flag *flag, struct arena *arena)
{
    struct slice text = slice_str(flag->value);
    return flag->is_file ? text : config_shown(flag->row, text, arena);
}
