#include "config/config.h"

#include "oauth/signature_method.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEYS        "OAUTH1_SECRETS_KEYS=k1:" KEY
#define URL         "OAUTH1_PUBLIC_URL=https://auth.example.com"
#define DEV         "OAUTH1_DEV=true"
#define TOKEN       "0123456789abcdef0123456789abcdef"
#define ADMIN_TOKEN "OAUTH1_ADMIN_TOKEN=a:" TOKEN

enum { MAX_ENTRIES = 8 };

static struct config config;

/* Loads auth-service's configuration from environment entries; problems are left in `out`. */
static enum status load(const char *const *entries, enum config_service service, struct buf *out)
{
    char *environment[MAX_ENTRIES + 1] = {0};
    for (size_t i = 0; i < MAX_ENTRIES && entries[i]; i++)
        environment[i] = strdup(entries[i]);
    enum status status = config_load(NULL, 0, environment, service, NULL, NULL, &config, out);
    for (size_t i = 0; i < MAX_ENTRIES; i++)
        free(environment[i]);
    return status;
}

struct row {
    const char *entries[MAX_ENTRIES];
    const char *problem; /* the whole of the one line, or NULL: it loads */
};

static const struct row rows[] = {
    {{URL, KEYS}, NULL},
    {{DEV}, NULL},
    {{DEV, "OAUTH1_REGISTRATION=Approval"}, NULL},
    {{DEV, "OAUTH1_REGISTRATION=yes"},
     "OAUTH1_REGISTRATION: \"yes\" is none of its words; there are off, approval and open"},
    /* the public URL */
    {{KEYS},
     "OAUTH1_PUBLIC_URL: is required; write the URL under which clients reach auth-service, such as "
     "https://auth.example.com (or set OAUTH1_DEV=true to try it on this machine)"},
    {{KEYS, "OAUTH1_PUBLIC_URL="},
     "OAUTH1_PUBLIC_URL: is required; write the URL under which clients reach auth-service, such as "
     "https://auth.example.com (or set OAUTH1_DEV=true to try it on this machine)"},
    {{KEYS, "OAUTH1_PUBLIC_URL=auth.example.com"},
     "OAUTH1_PUBLIC_URL: \"auth.example.com\" is no URL; write https://host[:port]"},
    {{KEYS, "OAUTH1_PUBLIC_URL=https://"}, "OAUTH1_PUBLIC_URL: \"https://\" is no URL; write https://host[:port]"},
    {{KEYS, "OAUTH1_PUBLIC_URL=https://h:0"},
     "OAUTH1_PUBLIC_URL: \"https://h:0\" is no URL; write https://host[:port]"},
    {{KEYS, "OAUTH1_PUBLIC_URL=https://h:65536"},
     "OAUTH1_PUBLIC_URL: \"https://h:65536\" is no URL; write https://host[:port]"},
    {{KEYS, "OAUTH1_PUBLIC_URL=https://a b"},
     "OAUTH1_PUBLIC_URL: \"https://a b\" is no URL; write https://host[:port]"},
    {{KEYS, "OAUTH1_PUBLIC_URL=https://[::1"},
     "OAUTH1_PUBLIC_URL: \"https://[::1\" is no URL; write https://host[:port]"},
    {{KEYS, "OAUTH1_PUBLIC_URL=https://a/?q"},
     "OAUTH1_PUBLIC_URL: \"https://a/?q\" must have no query and no fragment"},
    {{KEYS, "OAUTH1_PUBLIC_URL=https://a#f"}, "OAUTH1_PUBLIC_URL: \"https://a#f\" must have no query and no fragment"},
    {{KEYS, "OAUTH1_PUBLIC_URL=https://u:p@a"}, "OAUTH1_PUBLIC_URL: \"https://u:***@a\" must have no user or password"},
    {{KEYS, "OAUTH1_PUBLIC_URL=http://a.example"},
     "OAUTH1_PUBLIC_URL: must begin with https:// (RFC 5849 needs TLS); for a test without it set "
     "OAUTH1_INSECURE_TRANSPORT=true"},
    {{KEYS, "OAUTH1_PUBLIC_URL=http://a.example", "OAUTH1_INSECURE_TRANSPORT=true"}, NULL},
    {{KEYS, "OAUTH1_PUBLIC_URL=http://a.example", "AUTHLIB_INSECURE_TRANSPORT=true"}, NULL},
    {{KEYS, "OAUTH1_PUBLIC_URL=http://a.example", "AUTHLIB_INSECURE_TRANSPORT=1"}, NULL},
    {{KEYS, "OAUTH1_PUBLIC_URL=http://a.example", "AUTHLIB_INSECURE_TRANSPORT=false"},
     "OAUTH1_PUBLIC_URL: must begin with https:// (RFC 5849 needs TLS); for a test without it set "
     "OAUTH1_INSECURE_TRANSPORT=true"},
    {{KEYS, "OAUTH1_PUBLIC_URL=http://127.0.0.1:8080"}, NULL},
    {{KEYS, "OAUTH1_PUBLIC_URL=http://localhost"}, NULL},
    {{KEYS, "OAUTH1_PUBLIC_URL=http://[::1]:80"}, NULL},
    {{KEYS, "OAUTH1_PUBLIC_URL=http://127.0.0.1.example.com"},
     "OAUTH1_PUBLIC_URL: must begin with https:// (RFC 5849 needs TLS); for a test without it set "
     "OAUTH1_INSECURE_TRANSPORT=true"},
    {{DEV, "OAUTH1_PUBLIC_URL=https://auth.example.com"},
     "OAUTH1_PUBLIC_URL: must be on 127.0.0.1, ::1 or localhost in development mode; unset OAUTH1_DEV to serve "
     "others"},
    /* words and numbers */
    {{URL, KEYS, "OAUTH1_DEV=maybe"}, "OAUTH1_DEV: \"maybe\" is neither true nor false"},
    {{DEV, "OAUTH1_DATABASE_POOL=0"}, "OAUTH1_DATABASE_POOL: \"0\" is not a whole number from 1 to 1024"},
    {{DEV, "OAUTH1_WORKERS=two"}, "OAUTH1_WORKERS: \"two\" is not a whole number from 1 to 256"},
    {{DEV, "OAUTH1_TIMESTAMP_SKEW=0"}, "OAUTH1_TIMESTAMP_SKEW: \"0\" is not a number of seconds from 1 to 86400"},
    {{DEV, "OAUTH1_TIMESTAMP_LEAD=0"}, "OAUTH1_TIMESTAMP_LEAD: \"0\" is not a number of seconds from 1 to 86400"},
    {{DEV, "OAUTH1_TIMESTAMP_SKEW=1", "OAUTH1_TIMESTAMP_LEAD=1s"}, NULL},
    {{DEV, "OAUTH1_TEMP_TTL=-1"}, "OAUTH1_TEMP_TTL: \"-1\" is not a number of seconds from 1 to 86400"},
    {{DEV, "OAUTH1_TEMP_TTL=99999999999999999999"},
     "OAUTH1_TEMP_TTL: \"99999999999999999999\" is not a number of seconds from 1 to 86400"},
    {{DEV, "OAUTH1_SHUTDOWN_DELAY=0.2505"},
     "OAUTH1_SHUTDOWN_DELAY: \"0.2505\" is not a number of seconds from 0 to 3600"},
    {{DEV, "OAUTH1_SHUTDOWN_DELAY=0.0505"},
     "OAUTH1_SHUTDOWN_DELAY: \"0.0505\" is not a number of seconds from 0 to 3600"},
    {{DEV, "OAUTH1_SHUTDOWN_DELAY=."}, "OAUTH1_SHUTDOWN_DELAY: \".\" is not a number of seconds from 0 to 3600"},
    {{DEV, "OAUTH1_CLOCK_OFFSET=-301"}, NULL},
    {{URL, KEYS, "OAUTH1_CLOCK_OFFSET=1"}, "OAUTH1_CLOCK_OFFSET: is for tests and needs OAUTH1_DEV=true"},
    {{DEV, "OAUTH1_LOG_LEVEL=loud"}, "OAUTH1_LOG_LEVEL: \"loud\" is no level; there are debug, info, warn and error"},
    {{DEV, "OAUTH1_DECISION_LOG=some"},
     "OAUTH1_DECISION_LOG: \"some\" is none of its words; there are refused, all and off"},
    {{DEV, "OAUTH1_DECISION_LOG=ALL"}, NULL},
    {{DEV, "OAUTH1_AUDIT_RETENTION=0"}, "OAUTH1_AUDIT_RETENTION: \"0\" is not a whole number from 1 to 36500"},
    {{DEV, "OAUTH1_LOG_FORMAT=xml"}, "OAUTH1_LOG_FORMAT: \"xml\" is no format; there are json and text"},
    {{DEV, "OAUTH1_REALM=a\"b"},
     "OAUTH1_REALM: \"a\"b\" is no realm; write printable ASCII without quotes and backslashes"},
    {{DEV, "OAUTH1_REALM=a\nb"}, "OAUTH1_REALM: has a line break or bytes that are not UTF-8"},
    {{DEV, "OAUTH1_REALM=\xFF"}, "OAUTH1_REALM: has a line break or bytes that are not UTF-8"},
    /* where to listen */
    {{DEV, "OAUTH1_LISTEN=8080"},
     "OAUTH1_LISTEN: \"8080\" is no address to listen on; write host:port, :port or unix:/path"},
    {{DEV, "OAUTH1_LISTEN=:0"},
     "OAUTH1_LISTEN: \":0\" is no address to listen on; write host:port, :port or unix:/path"},
    {{DEV, "OAUTH1_LISTEN=unix:x"},
     "OAUTH1_LISTEN: \"unix:x\" is no address to listen on; write host:port, :port or unix:/path"},
    {{DEV, "OAUTH1_LISTEN=example.com:80"},
     "OAUTH1_LISTEN: \"example.com:80\" names a host; write its address, or :port for every address"},
    {{DEV, "OAUTH1_LISTEN=::1:80"},
     "OAUTH1_LISTEN: \"::1:80\" is no address to listen on; write host:port, :port or unix:/path"},
    {{DEV, "OAUTH1_LISTEN=0.0.0.0:8080"},
     "OAUTH1_LISTEN: must be on 127.0.0.1 in development mode; unset OAUTH1_DEV to serve others"},
    {{DEV, "OAUTH1_OPS_LISTEN=[::]:9000"},
     "OAUTH1_OPS_LISTEN: must be on 127.0.0.1 in development mode; unset OAUTH1_DEV to serve others"},
    {{DEV, "OAUTH1_OPS_LISTEN=[::1]:9000", "OAUTH1_LISTEN=unix:/run/a", "OAUTH1_ADMIN_LISTEN=localhost:1"}, NULL},
    /* stores */
    {{DEV, "OAUTH1_DATABASE_URL=postgres://u:secret@h/d"},
     "OAUTH1_DATABASE_URL: \"postgres://u:***@h/d\" is no database; write sqlite:PATH or "
     "mysql://user:password@host:3306/db"},
    {{DEV, "OAUTH1_DATABASE_URL=sqlite:"},
     "OAUTH1_DATABASE_URL: \"sqlite:\" is no database; write sqlite:PATH or mysql://user:password@host:3306/db"},
    {{DEV, "OAUTH1_DATABASE_URL=mysql://u@h/d", "OAUTH1_DATABASE_PASSWORD=p"}, NULL},
    {{DEV, "OAUTH1_DATABASE_URL=mysql://u:p@h/d", "OAUTH1_DATABASE_PASSWORD=p"},
     "OAUTH1_DATABASE_PASSWORD: there is a password in OAUTH1_DATABASE_URL too; keep one of them"},
    {{DEV, "OAUTH1_DATABASE_READ_URL=mysql://u@h/d"},
     "OAUTH1_DATABASE_READ_URL: needs a MySQL OAUTH1_DATABASE_URL; SQLite has no replicas"},
    {{DEV, "OAUTH1_REDIS_URL=localhost:6379"},
     "OAUTH1_REDIS_URL: \"localhost:6379\" is no store of this version; write memory:, redis://host:6379, "
     "rediss://host:6379, redis+unix:///path, redis+sentinel://host:26379/NAME or "
     "redis+cluster://host:6379,host:6379"},
    {{DEV, "OAUTH1_REDIS_URL=redis+unix:///run/redis.sock?db=2"}, NULL},
    {{DEV, "OAUTH1_REDIS_URL=redis+sentinel://a,b/name"}, NULL},
    {{DEV, "OAUTH1_REDIS_URL=redis+cluster://a,b"}, NULL},
    {{DEV, "OAUTH1_REDIS_URL=redis+other://a,b"},
     "OAUTH1_REDIS_URL: \"redis+other://a,b\" is no store of this version; write memory:, redis://host:6379, "
     "rediss://host:6379, redis+unix:///path, redis+sentinel://host:26379/NAME or "
     "redis+cluster://host:6379,host:6379"},
    {{DEV, "OAUTH1_REDIS_URL=redis://:x@h", "OAUTH1_REDIS_PASSWORD=p"},
     "OAUTH1_REDIS_PASSWORD: there is a password in OAUTH1_REDIS_URL too; keep one of them"},
    /* secrets: never shown */
    {{URL}, "OAUTH1_SECRETS_KEYS: is required; write k1: and the output of: openssl rand -base64 32"},
    {{URL, "OAUTH1_SECRETS_KEYS=" KEY},
     "OAUTH1_SECRETS_KEYS: entry 1 has no id; write id:base64, the id of letters, digits, - and _"},
    {{URL, "OAUTH1_SECRETS_KEYS=k1:AAAA"},
     "OAUTH1_SECRETS_KEYS: entry 1 is no key of 32 bytes in base64; make one with: openssl rand -base64 32"},
    {{URL, "OAUTH1_SECRETS_KEYS=k1:" KEY ",k1:" KEY}, "OAUTH1_SECRETS_KEYS: entry 2 has the id of another one"},
    {{URL, "OAUTH1_SECRETS_KEYS=k2:" KEY ", k1:" KEY}, NULL},
    {{URL, "OAUTH1_SECRETS_KEYS=k1:" KEY ","}, "OAUTH1_SECRETS_KEYS: is an empty place in the list"},
    {{DEV, "OAUTH1_ADMIN_TOKEN=ops:" TOKEN ",ci:" TOKEN}, NULL},
    {{DEV, "OAUTH1_ADMIN_TOKEN=" TOKEN},
     "OAUTH1_ADMIN_TOKEN: entry 1 has no name; write name:token, the name of letters, digits, - and _"},
    {{DEV, "OAUTH1_ADMIN_TOKEN=ops:" TOKEN ",ci:short"},
     "OAUTH1_ADMIN_TOKEN: entry 2 is shorter than 32 characters; make one with: openssl rand -hex 32"},
    {{DEV, "OAUTH1_LOGIN_TOKEN=a:" TOKEN ",a:" TOKEN}, "OAUTH1_LOGIN_TOKEN: entry 2 has the name of another one"},
    {{DEV, "OAUTH1_LOGIN_TOKEN=a:" TOKEN " x"},
     "OAUTH1_LOGIN_TOKEN: entry 1 has a character that cannot stand in a header"},
    {{DEV, "OAUTH1_ADMIN_TOKEN=ops:manage:" TOKEN ",look:read:x" TOKEN}, NULL},
    {{DEV, "OAUTH1_ADMIN_TOKEN=ops:write:" TOKEN},
     "OAUTH1_ADMIN_TOKEN: entry 1 has a role that is none; write name:read:token, name:manage:token, or name:token, "
     "which is as manage (a token itself has no colon)"},
    {{DEV, "OAUTH1_ADMIN_TOKEN=ops:read:" TOKEN ":x"},
     "OAUTH1_ADMIN_TOKEN: entry 1 has a colon in its token; make one with: openssl rand -hex 32"},
    {{DEV, "OAUTH1_ADMIN_TOKEN=ops:read:short"},
     "OAUTH1_ADMIN_TOKEN: entry 1 is shorter than 32 characters; make one with: openssl rand -hex 32"},
    {{DEV, "OAUTH1_LOGIN_TOKEN=shop:read:" TOKEN},
     "OAUTH1_LOGIN_TOKEN: entry 1 has a colon behind its name; write name:token, such a token has no role"},
    /* lists */
    {{DEV, "OAUTH1_SIGNATURE_METHODS=HMAC-SHA1, PLAINTEXT"}, NULL},
    {{DEV, "OAUTH1_SIGNATURE_METHODS=hmac-sha1"},
     "OAUTH1_SIGNATURE_METHODS: \"hmac-sha1\" is no signature method; there are HMAC-SHA1, HMAC-SHA256, HMAC-SHA512, "
     "RSA-SHA1, RSA-SHA256, RSA-SHA512 and PLAINTEXT"},
    {{DEV, "OAUTH1_SIGNATURE_METHODS=HMAC-SHA1,HMAC-SHA1"},
     "OAUTH1_SIGNATURE_METHODS: \"HMAC-SHA1\" is in the list twice"},
    {{DEV, "OAUTH1_TRUSTED_PROXIES=10.0.0.0/8,2001:db8::/32,unix,192.0.2.1"}, NULL},
    {{DEV, "OAUTH1_TRUSTED_PROXIES=10.0.0.1/8"},
     "OAUTH1_TRUSTED_PROXIES: \"10.0.0.1/8\" is no address; write one (192.0.2.1), a block whose other bits are zero "
     "(10.0.0.0/8) or unix"},
    {{DEV, "OAUTH1_TRUSTED_PROXIES=proxy.internal"},
     "OAUTH1_TRUSTED_PROXIES: \"proxy.internal\" is no address; write one (192.0.2.1), a block whose other bits are "
     "zero (10.0.0.0/8) or unix"},
    /* paths, TLS, login */
    {{DEV, "OAUTH1_TOKEN_PATH=oauth/token"},
     "OAUTH1_TOKEN_PATH: \"oauth/token\" is no path; write one such as /oauth/token, without query and "
     "percent-encoding"},
    {{DEV, "OAUTH1_TOKEN_PATH=/oauth/initiate"},
     "OAUTH1_TOKEN_PATH: is the path of OAUTH1_INITIATE_PATH too; give each its own"},
    {{DEV, "OAUTH1_AUTHORIZE_PATH=/login"},
     "OAUTH1_AUTHORIZE_PATH: is the path of a page of auth-service; choose another"},
    {{DEV, "OAUTH1_TLS_CERT=/c"},
     "OAUTH1_TLS_KEY: is required with OAUTH1_TLS_CERT; name the file of the certificate's private key"},
    {{DEV, "OAUTH1_TLS_KEY=/k"}, "OAUTH1_TLS_CERT: is required with OAUTH1_TLS_KEY; name the file of the certificate"},
    {{DEV, "OAUTH1_TLS_CLIENT_CA=/ca"},
     "OAUTH1_TLS_CLIENT_CA: needs OAUTH1_TLS_CERT and OAUTH1_TLS_KEY; client certificates come with TLS"},
    {{DEV, "OAUTH1_LOGIN_TRUSTED_HEADER=X-User"},
     "OAUTH1_LOGIN_TRUSTED_HEADER: needs OAUTH1_TRUSTED_PROXIES; list the proxies that may set the header"},
    {{DEV, "OAUTH1_LOGIN_TRUSTED_HEADER=X-User", "OAUTH1_TRUSTED_PROXIES=unix"}, NULL},
    {{DEV, "OAUTH1_LOGIN_TRUSTED_HEADER=X-User", "OAUTH1_TRUSTED_PROXIES=10.0.0.0/8"},
     "OAUTH1_TRUSTED_PROXIES: block 1 is wider than /24 (IPv4) or /64 (IPv6), and with "
     "OAUTH1_LOGIN_TRUSTED_HEADER whoever sends from there can be any user; list the proxies alone"},
    {{DEV, "OAUTH1_LOGIN_TRUSTED_HEADER=X-User", "OAUTH1_TRUSTED_PROXIES=192.0.2.0/24,10.0.0.0/23"},
     "OAUTH1_TRUSTED_PROXIES: block 2 is wider than /24 (IPv4) or /64 (IPv6), and with "
     "OAUTH1_LOGIN_TRUSTED_HEADER whoever sends from there can be any user; list the proxies alone"},
    {{DEV, "OAUTH1_LOGIN_TRUSTED_HEADER=X-User", "OAUTH1_TRUSTED_PROXIES=2001:db8::/63"},
     "OAUTH1_TRUSTED_PROXIES: block 1 is wider than /24 (IPv4) or /64 (IPv6), and with "
     "OAUTH1_LOGIN_TRUSTED_HEADER whoever sends from there can be any user; list the proxies alone"},
    {{DEV, "OAUTH1_LOGIN_TRUSTED_HEADER=X-User", "OAUTH1_TRUSTED_PROXIES=::/64"},
     "OAUTH1_TRUSTED_PROXIES: block 1 is wider than /24 (IPv4) or /64 (IPv6), and with "
     "OAUTH1_LOGIN_TRUSTED_HEADER whoever sends from there can be any user; list the proxies alone"},
    {{DEV, "OAUTH1_LOGIN_TRUSTED_HEADER=X-User", "OAUTH1_TRUSTED_PROXIES=::/0"},
     "OAUTH1_TRUSTED_PROXIES: block 1 is wider than /24 (IPv4) or /64 (IPv6), and with "
     "OAUTH1_LOGIN_TRUSTED_HEADER whoever sends from there can be any user; list the proxies alone"},
    {{DEV, "OAUTH1_LOGIN_TRUSTED_HEADER=X-User", "OAUTH1_TRUSTED_PROXIES=10.0.0.0/24,192.0.2.1"}, NULL},
    {{DEV, "OAUTH1_LOGIN_TRUSTED_HEADER=X-User", "OAUTH1_TRUSTED_PROXIES=2001:db8::/64"}, NULL},
    {{DEV, "OAUTH1_TRUSTED_PROXIES=0.0.0.0/0"}, NULL},
    {{DEV, "OAUTH1_LOGIN_TRUSTED_HEADER=X User", "OAUTH1_TRUSTED_PROXIES=unix"},
     "OAUTH1_LOGIN_TRUSTED_HEADER: \"X User\" is no header; write its name, such as X-Remote-User"},
    {{DEV, "OAUTH1_LOGIN_TRUSTED_HEADER=cookie", "OAUTH1_TRUSTED_PROXIES=unix"},
     "OAUTH1_LOGIN_TRUSTED_HEADER: \"cookie\" is a header that browsers or clients send themselves"},
    {{DEV, "OAUTH1_LOGIN_URL=https://site/login?a=b", "OAUTH1_LOGIN_TOKEN=site:" TOKEN}, NULL},
    {{DEV, "OAUTH1_LOGIN_URL=https://site/login"},
     "OAUTH1_LOGIN_TOKEN: is required with OAUTH1_LOGIN_URL; write login: and the output of: openssl rand -hex 32"},
    {{DEV, "OAUTH1_LOGIN_URL=/login", "OAUTH1_LOGIN_TOKEN=site:" TOKEN},
     "OAUTH1_LOGIN_URL: \"/login\" is no URL; write https://host[:port]/path"},
    {{URL, KEYS, "OAUTH1_LOGIN_URL=http://site/", "OAUTH1_LOGIN_TOKEN=site:" TOKEN},
     "OAUTH1_LOGIN_URL: must begin with https://"},
    /* names */
    {{DEV, "OAUTH1_PUBLIC_ULR=x"}, "OAUTH1_PUBLIC_ULR: there is no such variable; did you mean OAUTH1_PUBLIC_URL?"},
    {{DEV, "OAUTH1_ADMIN_TOKN_FILE=x"},
     "OAUTH1_ADMIN_TOKN_FILE: there is no such variable; did you mean OAUTH1_ADMIN_TOKEN_FILE?"},
    {{DEV, "OAUTH1_REDIS=x"}, "OAUTH1_REDIS: there is no such variable; --help lists them"},
    {{DEV, "OAUTH1_\x1b[31m=x"}, "OAUTH1_?[31m: there is no such variable; --help lists them"},
    {{DEV, "OAUTH1X=1", "PATH=/bin", "odd"}, NULL},
    /* files */
    {{DEV, "OAUTH1_REALM=a", "OAUTH1_REALM_FILE=/b"},
     "OAUTH1_REALM: is set together with OAUTH1_REALM_FILE; keep one of them"},
    {{DEV, "OAUTH1_REALM_FILE=/nonexistent"},
     "OAUTH1_REALM_FILE: /nonexistent cannot be read: No such file or directory"},
    {{DEV, "OAUTH1_REALM_FILE=/dev/null"}, "OAUTH1_REALM_FILE: /dev/null is empty"},
    {{DEV, "OAUTH1_REALM_FILE=/dev/zero"}, "OAUTH1_REALM_FILE: /dev/zero cannot be read: File too large"},
};

static void loads_or_names_the_problem_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf problems = BUF_INIT;
        enum status status = load(rows[i].entries, CONFIG_AUTH, &problems);
        struct slice line = slice_sub(buf_slice(&problems), 0, problems.len ? problems.len - 1 : 0);
        assert_slice_equal(line, slice_str(rows[i].problem ? rows[i].problem : ""));
        assert_status(status, rows[i].problem ? STATUS_BAD_INPUT : STATUS_OK);
        if (status == STATUS_OK)
            config_done(&config);
        buf_done(&problems);
    }
}

static void load_ok(const char *const *entries, enum config_service service)
{
    struct buf problems = BUF_INIT;
    if (load(entries, service, &problems) != STATUS_OK)
        fail_msg("%s", buf_string(&problems));
    buf_done(&problems);
}

static void reports_all_problems_at_once(void **state)
{
    (void)state;
    const char *const entries[MAX_ENTRIES] = {"OAUTH1_WORKERS=x", "OAUTH1_LISTEN=y", "OAUTH1_NOPE=1",
                                              "OAUTH1_TLS_CERT=/c"};
    struct buf problems = BUF_INIT;
    assert_status(load(entries, CONFIG_AUTH, &problems), STATUS_BAD_INPUT);
    const char *text = buf_string(&problems);
    const char *const expected[] = {"OAUTH1_WORKERS:",    "OAUTH1_LISTEN:",  "OAUTH1_NOPE:",
                                    "OAUTH1_PUBLIC_URL:", "OAUTH1_TLS_KEY:", "OAUTH1_SECRETS_KEYS:"};
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        if (!strstr(text, expected[i]))
            fail_msg("%s is missing in:\n%s", expected[i], text);
    buf_done(&problems);
}

static void has_the_documented_defaults(void **state)
{
    (void)state;
    const char *const entries[MAX_ENTRIES] = {URL "/base/", KEYS};
    load_ok(entries, CONFIG_AUTH);
    assert_false(config.dev);
    assert_slice_equal(config.public_url.text, SLICE("https://auth.example.com/base"));
    assert_slice_equal(config.public_url.path, SLICE("/base"));
    assert_slice_equal(config.public_url.authority, SLICE("auth.example.com"));
    assert_int_equal(config.public_url.port, 443);
    assert_slice_equal(config.listen.host, SLICE(""));
    assert_int_equal(config.listen.port, 8080);
    assert_slice_equal(config.admin_listen.host, SLICE("127.0.0.1"));
    assert_int_equal(config.admin_listen.port, 8081);
    assert_int_equal(config.ops_listen.port, 9090);
    assert_slice_equal(config.database_url, SLICE("sqlite:./oauth1.db"));
    assert_true(config_database_is_default(&config) && config_database_is_embedded(&config));
    assert_slice_equal(config.redis_url, SLICE("memory:"));
    assert_int_equal(config.database_pool, 8);
    assert_in_range(config.workers, 1, 256);
    assert_int_equal(config.signature_methods.count, SIGNATURE_METHOD_COUNT - 1); /* all but PLAINTEXT */
    assert_int_equal(config.timestamp_skew_s, 300);
    assert_int_equal(config.timestamp_lead_s, 60);
    assert_int_equal(config.temp_ttl_s, 600);
    assert_int_equal(config.token_ttl_s, 0);
    assert_int_equal(config.cache_ttl_s, 30);
    assert_int_equal(config.cache_entries, 100000);
    assert_slice_equal(config.token_path, SLICE("/oauth/token"));
    assert_slice_equal(config.realm, SLICE("auth.example.com"));
    assert_int_equal(config.log_level, LOG_INFO);
    assert_int_equal(config.log_format, LOG_FORMAT_AUTO);
    assert_int_equal(config.shutdown_delay_ms, 5000);
    assert_int_equal(config.shutdown_timeout_ms, 20000);
    assert_true(slice_is_absent(config.login_url));
    assert_int_equal(config.admin_tokens.count, 0);
    config_done(&config);
    load_ok(entries, CONFIG_INTROSPECTION);
    assert_int_equal(config.listen.port, 8082);
    assert_int_equal(config.ops_listen.port, 9091);
    assert_true(slice_is_absent(config.admin_listen.host));
    config_done(&config);
}

static void development_stays_on_loopback(void **state)
{
    (void)state;
    const char *const entries[MAX_ENTRIES] = {DEV, "OAUTH1_ADMIN_LISTEN=:18081"};
    load_ok(entries, CONFIG_AUTH);
    assert_slice_equal(config.public_url.text, SLICE("http://127.0.0.1:8080"));
    assert_slice_equal(config.listen.host, SLICE("127.0.0.1"));
    assert_slice_equal(config.admin_listen.host, SLICE("127.0.0.1"));
    assert_int_equal(config.admin_listen.port, 18081);
    assert_slice_equal(config.ops_listen.host, SLICE("127.0.0.1"));
    assert_slice_equal(config.realm, SLICE("127.0.0.1"));
    assert_int_equal(config.shutdown_delay_ms, 0);
    assert_true(slice_is_absent(config.secrets_keys));
    config_done(&config);
}

static void parses_what_is_set(void **state)
{
    (void)state;
    const char *const entries[MAX_ENTRIES] = {
        "OAUTH1_PUBLIC_URL=HTTPS://Auth.Example.com:443//",
        KEYS,
        "OAUTH1_ADMIN_TOKEN=ops:" TOKEN ",ci:read:x" TOKEN,
        "OAUTH1_SIGNATURE_METHODS=HMAC-SHA256 , PLAINTEXT",
        "OAUTH1_TRUSTED_PROXIES=10.0.0.0/8,unix",
        "OAUTH1_SHUTDOWN_DELAY=0.25",
        "OAUTH1_LISTEN=unix:/run/auth.sock",
        "OAUTH1_DATABASE_URL=mysql://u@h/d",
    };
    load_ok(entries, CONFIG_AUTH);
    assert_true(!config_database_is_default(&config) && !config_database_is_embedded(&config));
    assert_slice_equal(config.public_url.scheme, SLICE("https"));
    assert_slice_equal(config.public_url.authority, SLICE("auth.example.com"));
    assert_slice_equal(config.public_url.path, SLICE(""));
    assert_slice_equal(config.public_url.text, SLICE("HTTPS://Auth.Example.com:443"));
    assert_int_equal(config.admin_tokens.count, 2);
    assert_slice_equal(config.admin_tokens.items[1].name, SLICE("ci"));
    assert_slice_equal(config.admin_tokens.items[1].token, SLICE("x" TOKEN));
    assert_false(config.admin_tokens.items[0].may_only_read);
    assert_true(config.admin_tokens.items[1].may_only_read);
    assert_int_equal(config.signature_methods.count, 2);
    assert_slice_equal(config.signature_methods.items[1], SLICE("PLAINTEXT"));
    assert_int_equal(config.trusted_proxies.count, 1);
    assert_true(config.trusted_proxies.unix_peers);
    assert_int_equal(config.shutdown_delay_ms, 250);
    assert_slice_equal(config.listen.unix_path, SLICE("/run/auth.sock"));
    config_done(&config);
}

static void normalises_origins(void **state)
{
    (void)state;
    const char *const entries[MAX_ENTRIES] = {
        DEV, "OAUTH1_ORIGINS=HTTPS://API.example.com:443/,http://api.example.com:443,http://[::1]:80"};
    load_ok(entries, CONFIG_INTROSPECTION);
    assert_int_equal(config.origins.count, 3);
    assert_slice_equal(config.origins.items[0], SLICE("https://api.example.com"));
    assert_slice_equal(config.origins.items[1], SLICE("http://api.example.com:443"));
    assert_slice_equal(config.origins.items[2], SLICE("http://[::1]"));
    config_done(&config);
}

static void ignores_what_belongs_to_the_other_service(void **state)
{
    (void)state;
    const char *const entries[MAX_ENTRIES] = {DEV, "OAUTH1_ORIGINS=nonsense"};
    load_ok(entries, CONFIG_AUTH);
    config_done(&config);
    const char *const others[MAX_ENTRIES] = {DEV, "OAUTH1_TEMP_TTL=nonsense", "OAUTH1_ADMIN_LISTEN=0.0.0.0:8082"};
    load_ok(others, CONFIG_INTROSPECTION);
    config_done(&config);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void reads_values_from_files(void **state)
{
    (void)state;
    char path[] = "/tmp/countersign-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    char entry[64];
    (void)snprintf(entry, sizeof entry, "OAUTH1_REALM_FILE=%s", path);
    const char *const entries[MAX_ENTRIES] = {DEV, entry};
    write_file(path, "Photos\n");
    load_ok(entries, CONFIG_AUTH);
    assert_slice_equal(config.realm, SLICE("Photos"));
    config_done(&config);
    write_file(path, "Photos\r\n");
    load_ok(entries, CONFIG_AUTH);
    assert_slice_equal(config.realm, SLICE("Photos"));
    config_done(&config);
    struct buf problems = BUF_INIT;
    write_file(path, "Photos\n\n"); /* one newline is stripped, not two */
    assert_status(load(entries, CONFIG_AUTH, &problems), STATUS_BAD_INPUT);
    assert_non_null(strstr(buf_string(&problems), "has a line break"));
    buf_done(&problems);
    (void)snprintf(entry, sizeof entry, "OAUTH1_INSECURE_TRANSPORT_FILE=%s", path);
    const char *const both[MAX_ENTRIES] = {URL, KEYS, entry, "AUTHLIB_INSECURE_TRANSPORT=true"};
    write_file(path, "false\n"); /* wins over Authlib's variable */
    load_ok(both, CONFIG_AUTH);
    assert_false(config.insecure_transport);
    config_done(&config);
    (void)unlink(path);
}

static struct config_flag flag(const char *name, const char *value)
{
    bool optional = false;
    struct config_flag found = {.value = value};
    found.row = config_find_flag(slice_str(name), &found.is_file, &optional);
    assert_non_null(found.row);
    return found;
}

static void flags_win_over_the_environment(void **state)
{
    (void)state;
    char dev[] = "OAUTH1_DEV=false", realm[] = "OAUTH1_REALM_FILE=/nonexistent", workers[] = "OAUTH1_WORKERS=3";
    char *environment[] = {dev, realm, workers, NULL};
    struct config_flag flags[] = {flag("dev", NULL), flag("realm", "Flagged")};
    struct buf problems = BUF_INIT;
    assert_status(config_load(flags, COUNT_OF(flags), environment, CONFIG_AUTH, NULL, NULL, &config, &problems),
                  STATUS_OK);
    assert_true(config.dev);
    assert_slice_equal(config.realm, SLICE("Flagged"));
    assert_int_equal(config.workers, 3);
    config_done(&config);
    buf_done(&problems);
}

static void reload_reads_files_again_and_keeps_the_rest(void **state)
{
    (void)state;
    char path[] = "/tmp/countersign-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    char entry[64];
    (void)snprintf(entry, sizeof entry, "OAUTH1_ADMIN_TOKEN_FILE=%s", path);
    char workers[] = "OAUTH1_WORKERS=3";
    char *environment[] = {entry, workers, NULL};
    struct config_flag flags[] = {flag("dev", NULL), flag("realm", "Flagged")};
    struct buf problems = BUF_INIT;
    struct config fresh;
    write_file(path, "a:" TOKEN "\n");
    assert_status(config_load(flags, COUNT_OF(flags), environment, CONFIG_AUTH, NULL, NULL, &config, &problems),
                  STATUS_OK);
    memset(entry, 'x', sizeof entry - 1); /* nothing is borrowed from the environment */
    write_file(path, "a:" TOKEN ",b:" TOKEN "\n");
    assert_status(config_reload(&config, &fresh, &problems), STATUS_OK);
    assert_int_equal(config.admin_tokens.count, 1);
    assert_int_equal(fresh.admin_tokens.count, 2);
    assert_int_equal(fresh.workers, 3);
    assert_true(fresh.dev);
    assert_slice_equal(fresh.realm, SLICE("Flagged"));
    config_done(&config);
    write_file(path, "broken\n");
    assert_status(config_reload(&fresh, &config, &problems), STATUS_BAD_INPUT);
    assert_non_null(strstr(buf_string(&problems), "OAUTH1_ADMIN_TOKEN (from /tmp/countersign-config-"));
    config_done(&fresh);
    buf_done(&problems);
    (void)unlink(path);
}

static void refuses_flags_that_contradict_each_other(void **state)
{
    (void)state;
    struct config_flag flags[] = {flag("dev", "true"), flag("dev", "true"), flag("realm", "a"),
                                  flag("realm-file", "/b"), flag("workers", "none")};
    struct buf problems = BUF_INIT;
    assert_status(config_load(flags, COUNT_OF(flags), NULL, CONFIG_AUTH, NULL, NULL, &config, &problems),
                  STATUS_BAD_INPUT);
    assert_slice_equal(buf_slice(&problems),
                       SLICE("--dev: is given twice\n"
                             "--realm: is given together with --realm-file; keep one of them\n"
                             "OAUTH1_WORKERS (--workers): \"none\" is not a whole number from 1 to 256\n"));
    buf_done(&problems);
}

static void finds_flags_by_name(void **state)
{
    (void)state;
    bool is_file = true, optional = false;
    assert_non_null(config_find_flag(SLICE("dev"), &is_file, &optional));
    assert_true(optional);
    assert_false(is_file);
    assert_non_null(config_find_flag(SLICE("database-url-file"), &is_file, &optional));
    assert_true(is_file);
    assert_false(optional);
    assert_null(config_find_flag(SLICE("database"), &is_file, &optional));
    assert_null(config_find_flag(SLICE("-file"), &is_file, &optional));
    assert_string_equal(config_closest_flag(SLICE("databse-url")), "database-url");
    assert_null(config_closest_flag(SLICE("nothing-like-it")));
}

static void warns_at_every_start(void **state)
{
    (void)state;
    const char *const loud[MAX_ENTRIES] = {URL, KEYS, "OAUTH1_ADMIN_LISTEN=:8081", ADMIN_TOKEN,
                                           "OAUTH1_INSECURE_TRANSPORT=true"};
    struct buf out = BUF_INIT;
    load_ok(loud, CONFIG_AUTH);
    config_warnings(&config, &out);
    assert_non_null(strstr(buf_string(&out), "OAUTH1_INSECURE_TRANSPORT is on"));
    assert_non_null(strstr(buf_string(&out), "OAUTH1_ADMIN_LISTEN is beyond loopback"));
    config_done(&config);
    const char *const login[MAX_ENTRIES] = {URL, KEYS, "OAUTH1_ADMIN_LISTEN=:8081", ("OAUTH1_LOGIN_TOKEN=a:" TOKEN)};
    buf_reset(&out);
    load_ok(login, CONFIG_AUTH);
    config_warnings(&config, &out);
    assert_non_null(strstr(buf_string(&out), "OAUTH1_ADMIN_LISTEN is beyond loopback"));
    assert_non_null(strstr(buf_string(&out), "embedded: everything is kept in ./oauth1.db"));
    assert_null(strstr(buf_string(&out), "development"));
    config_done(&config);
    buf_reset(&out);
    const char *const unreachable[MAX_ENTRIES] = {URL, KEYS, "OAUTH1_DATABASE_URL=mysql://u@h/d",
                                                  "OAUTH1_REDIS_URL=redis://h"};
    load_ok(unreachable, CONFIG_AUTH);
    config_warnings(&config, &out);
    assert_non_null(strstr(buf_string(&out), "every request is refused as insecure_transport"));
    config_done(&config);
    buf_reset(&out);
    const char *const quiet[MAX_ENTRIES] = {URL, KEYS, "OAUTH1_DATABASE_URL=mysql://u@h/d",
                                            "OAUTH1_REDIS_URL=redis://h", "OAUTH1_TRUSTED_PROXIES=10.0.0.1"};
    load_ok(quiet, CONFIG_AUTH);
    config_warnings(&config, &out);
    assert_slice_equal(buf_slice(&out), SLICE(""));
    config_done(&config);
    const char *const dev[MAX_ENTRIES] = {DEV};
    load_ok(dev, CONFIG_AUTH);
    config_warnings(&config, &out);
    assert_non_null(strstr(buf_string(&out), "development mode"));
    config_done(&config);
    buf_done(&out);
}

static void prints_no_secret(void **state)
{
    (void)state;
    const char *const entries[MAX_ENTRIES] = {
        URL,
        KEYS,
        "OAUTH1_DATABASE_URL=mysql://user:CANARY/1@2@host:3306/db?tls=verify-full",
        "OAUTH1_REDIS_URL=redis+sentinel://:CANARY@host/name?sentinel_password=CAN&CANARY@x:CANARY",
        "OAUTH1_ADMIN_TOKEN=ops:CANARY" TOKEN,
        "OAUTH1_LOGIN_TOKEN=ops:CANARY" TOKEN,
    };
    struct buf out = BUF_INIT;
    load_ok(entries, CONFIG_AUTH);
    for (int how = CONFIG_PRINT_TABLE; how <= CONFIG_PRINT_ENV; how++) {
        config_write(&config, (enum config_print)how, &out);
        assert_null(strstr(buf_string(&out), "CANARY"));
        assert_null(strstr(buf_string(&out), TOKEN));
        assert_null(strstr(buf_string(&out), KEY));
        assert_non_null(strstr(buf_string(&out), "mysql://user:***@host:3306/db?tls=verify-full"));
        assert_non_null(strstr(buf_string(&out), "redis+sentinel://:***@host/name?sentinel_password=***"));
        buf_reset(&out);
    }
    config_done(&config);
    buf_done(&out);
}

static void help_and_documentation_name_every_variable(void **state)
{
    (void)state;
    struct buf help = BUF_INIT, markdown = BUF_INIT;
    config_write_help(CONFIG_AUTH, &help);
    config_write_help(CONFIG_INTROSPECTION, &help);
    config_write_markdown(&markdown);
    static const char *const names[] = {
        "OAUTH1_PUBLIC_URL",
        "OAUTH1_DEV",
        "OAUTH1_LISTEN",
        "OAUTH1_ADMIN_LISTEN",
        "OAUTH1_OPS_LISTEN",
        "OAUTH1_DATABASE_URL",
        "OAUTH1_DATABASE_READ_URL",
        "OAUTH1_DATABASE_PASSWORD",
        "OAUTH1_REDIS_URL",
        "OAUTH1_REDIS_PASSWORD",
        "OAUTH1_CLOCK_OFFSET",
        "OAUTH1_WORKERS",
        "OAUTH1_DATABASE_POOL",
        "OAUTH1_CONNECTIONS",
        "OAUTH1_CONNECTIONS_PER_ADDRESS",
        "OAUTH1_SECRETS_KEYS",
        "OAUTH1_ADMIN_TOKEN",
        "OAUTH1_LOGIN_TOKEN",
        "OAUTH1_REGISTRATION",
        "OAUTH1_SIGNATURE_METHODS",
        "OAUTH1_TIMESTAMP_SKEW",
        "OAUTH1_TIMESTAMP_LEAD",
        "OAUTH1_TEMP_TTL",
        "OAUTH1_TOKEN_TTL",
        "OAUTH1_CACHE_TTL",
        "OAUTH1_CACHE_ENTRIES",
        "OAUTH1_INITIATE_PATH",
        "OAUTH1_AUTHORIZE_PATH",
        "OAUTH1_TOKEN_PATH",
        "OAUTH1_ORIGINS",
        "OAUTH1_TRUSTED_PROXIES",
        "OAUTH1_REALM",
        "OAUTH1_INSECURE_TRANSPORT",
        "OAUTH1_TLS_CERT",
        "OAUTH1_TLS_KEY",
        "OAUTH1_TLS_CLIENT_CA",
        "OAUTH1_LOGIN_URL",
        "OAUTH1_LOGIN_TRUSTED_HEADER",
        "OAUTH1_RATE_LIMIT_CLIENT",
        "OAUTH1_LOG_LEVEL",
        "OAUTH1_LOG_FORMAT",
        "OAUTH1_DECISION_LOG",
        "OAUTH1_AUDIT_RETENTION",
        "OAUTH1_SHUTDOWN_DELAY",
        "OAUTH1_SHUTDOWN_TIMEOUT",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_non_null(strstr(buf_string(&help), names[i]));
        assert_non_null(strstr(buf_string(&markdown), names[i]));
    }
    assert_non_null(strstr(buf_string(&markdown), "| `--cache-ttl SECONDS` | `30` |")); /* with its unit */
    assert_non_null(strstr(buf_string(&markdown), "| `--log-format json\\|text` |"));
    buf_done(&help);
    buf_done(&markdown);
}

/* `./dev docs` writes it. */
static void the_documentation_is_what_the_rows_say(void **state)
{
    (void)state;
    struct buf markdown = BUF_INIT;
    static char page[1 << 16];
    FILE *file = fopen(TESTS_DIR "/../docs/configuration.md", "r");
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = 0;
    assert_int_equal(fclose(file), 0);
    config_write_markdown(&markdown);
    const char *table = strstr(page, "| variable |");
    assert_non_null(table);
    if (strcmp(table, buf_string(&markdown)) != 0)
        fail_msg("docs/configuration.md is not what the rows say: run ./dev docs");
    buf_done(&markdown);
}

static void help_is_wrapped_at_100_columns(void **state)
{
    (void)state;
    struct buf help = BUF_INIT;
    config_write_help(CONFIG_AUTH, &help);
    config_write_help(CONFIG_INTROSPECTION, &help);
    struct slice rest = buf_slice(&help);
    for (bool more = true; more;) {
        struct slice line = slice_cut(&rest, '\n', &more);
        struct slice text = slice_trim(line);
        if (line.len > 100 || slice_find_slice(text, SLICE("  ")) < text.len)
            fail_msg("%.*s", SLICE_ARGS(line));
    }
    buf_done(&help);
}

static void assert_printed(const char *line)
{
    struct buf out = BUF_INIT;
    config_write(&config, CONFIG_PRINT_TABLE, &out);
    if (!strstr(buf_string(&out), line))
        fail_msg("%s", buf_string(&out));
    buf_done(&out);
}

static void takes_plain_http_in_development_unless_told_otherwise(void **state)
{
    (void)state;
    const char *const silent[MAX_ENTRIES] = {DEV};
    const char *const strict[MAX_ENTRIES] = {DEV, "OAUTH1_INSECURE_TRANSPORT=false"};
    load_ok(silent, CONFIG_AUTH);
    assert_true(config.insecure_transport);
    assert_printed("OAUTH1_INSECURE_TRANSPORT        true  [default in development]\n");
    assert_printed("OAUTH1_LISTEN                    127.0.0.1:8080  [default in development]\n");
    config_done(&config);
    load_ok(strict, CONFIG_AUTH);
    assert_false(config.insecure_transport);
    assert_printed("OAUTH1_INSECURE_TRANSPORT        false  [environment]\n");
    config_done(&config);
}

static void keeps_a_development_key_beside_the_database(void **state)
{
    (void)state;
    char folder[] = "/tmp/countersign-keys-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char entry[96], path[96];
    (void)snprintf(entry, sizeof entry, "OAUTH1_DATABASE_URL=sqlite:%s/a.db", folder);
    (void)snprintf(path, sizeof path, "%s/a.db.dev-key", folder);
    const char *const entries[MAX_ENTRIES] = {DEV, entry};
    struct slice keys, again;
    struct buf why = BUF_INIT;
    load_ok(entries, CONFIG_AUTH);
    assert_status(config_dev_key_check_blocking(&config, &why), STATUS_OK);
    assert_int_not_equal(access(path, F_OK), 0); /* not before the first use */
    assert_status(config_secrets_keys_blocking(&config, &why, &keys), STATUS_OK);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_true(slice_starts_with(keys, SLICE("dev:")));
    assert_int_equal(keys.len, 48);
    assert_status(config_secrets_keys_blocking(&config, &why, &again), STATUS_OK);
    assert_slice_equal(again, keys);
    static const mode_t for_others[] = {0640, 0604}; /* its group alone, and all but its group */
    for (size_t i = 0; i < COUNT_OF(for_others); i++) {
        buf_reset(&why);
        assert_int_equal(chmod(path, for_others[i]), 0);
        assert_status(config_secrets_keys_blocking(&config, &why, &again), STATUS_BAD_INPUT);
        assert_non_null(strstr(buf_string(&why), "chmod 600"));
    }
    assert_status(config_dev_key_check_blocking(&config, &why), STATUS_BAD_INPUT);
    (void)chmod(path, 0600);
    assert_status(config_dev_key_check_blocking(&config, &why), STATUS_OK);
    write_file(path, "dev:");
    assert_status(config_secrets_keys_blocking(&config, &why, &again), STATUS_BAD_INPUT);
    (void)unlink(path);
    (void)rmdir(folder);
    assert_status(config_secrets_keys_blocking(&config, &why, &again), STATUS_BAD_INPUT);
    assert_non_null(strstr(buf_string(&why), "cannot be made"));
    buf_done(&why);
    config_done(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_or_names_the_problem_as_the_table_says),
        cmocka_unit_test(reports_all_problems_at_once),
        cmocka_unit_test(has_the_documented_defaults),
        cmocka_unit_test(development_stays_on_loopback),
        cmocka_unit_test(parses_what_is_set),
        cmocka_unit_test(normalises_origins),
        cmocka_unit_test(ignores_what_belongs_to_the_other_service),
        cmocka_unit_test(reads_values_from_files),
        cmocka_unit_test(flags_win_over_the_environment),
        cmocka_unit_test(reload_reads_files_again_and_keeps_the_rest),
        cmocka_unit_test(refuses_flags_that_contradict_each_other),
        cmocka_unit_test(finds_flags_by_name),
        cmocka_unit_test(warns_at_every_start),
        cmocka_unit_test(prints_no_secret),
        cmocka_unit_test(help_and_documentation_name_every_variable),
        cmocka_unit_test(the_documentation_is_what_the_rows_say),
        cmocka_unit_test(help_is_wrapped_at_100_columns),
        cmocka_unit_test(takes_plain_http_in_development_unless_told_otherwise),
        cmocka_unit_test(keeps_a_development_key_beside_the_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
