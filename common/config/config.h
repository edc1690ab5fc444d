/* config: what an operator sets, from flags, environment, files and defaults.
 *
 * Invariants: one table of rows (config_rows) is the whole truth: the struct below, the help, what
 * `config print` shows and the table in the documentation come from it. Flags win over the
 * environment, the environment over defaults; a variable that is empty counts as not set. After a
 * config_load that went well every value is parsed, within its range and consistent with the
 * others; nothing is asked of the environment later. A config is immutable once loaded; slices
 * in it live until config_done, which wipes. Lists have a count, and may be empty. */
#ifndef COUNTERSIGN_CONFIG_CONFIG_H
#define COUNTERSIGN_CONFIG_CONFIG_H

#include "base/address.h"
#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The two binaries; also as a set, in the rows. */
enum config_service { CONFIG_AUTH = 1, CONFIG_INTROSPECTION = 2 };

/* http(s)://host[:port][/path], no userinfo, no query, no fragment. */
struct config_url {
    struct slice text;      /* as given, without a slash at the end */
    struct slice scheme;    /* "http" or "https" */
    struct slice authority; /* lower case, host[:port], without the scheme's own port */
    struct slice host;      /* lower case; an IPv6 address without brackets */
    uint16_t port;          /* given, or the scheme's */
    struct slice path;      /* "" or "/prefix", without a slash at the end */
};

/* Where to listen; host "" means every address of the machine. Absent (not listening) where both
 * texts are absent. */
struct config_listen {
    struct slice host;
    struct slice unix_path; /* absent unless unix:/path */
    uint16_t port;
};

struct config_strings {
    const struct slice *items;
    size_t count;
};

struct config_token {
    struct slice name;
    struct slice token; /* secret */
    bool may_only_read; /* name:read:token */
};

struct config_tokens {
    const struct config_token *items;
    size_t count;
};

/* Peers whose forwarded headers and traceparent count. */
struct config_proxies {
    const struct address_block *blocks;
    size_t count;
    bool unix_peers;
};

/* Where a value came from. */
/* CONFIG_DEFAULT_IN_DEV: the default of development mode, where that is another. */
enum config_source {
    CONFIG_DEFAULT,
    CONFIG_DEFAULT_IN_DEV,
    CONFIG_FROM_FLAG,
    CONFIG_FROM_FLAG_FILE,
    CONFIG_FROM_ENV,
    CONFIG_FROM_ENV_FILE
};

/* A value as it was set, before parsing; absent where there is none. */
struct config_value {
    struct slice text;
    enum config_source source;
    const char *file; /* of the two …_FILE sources */
};

enum { CONFIG_MAX_ROWS = 96 };

/* What a line is written about: refusals, and one in a hundred of the others; all; nothing. */
enum config_decision_log { DECISION_LOG_REFUSED, DECISION_LOG_ALL, DECISION_LOG_OFF };

/* Whether users register clients of their own. */
enum config_registration { REGISTRATION_OFF, REGISTRATION_APPROVAL, REGISTRATION_OPEN };

struct config {
    enum config_service service;
    bool dev;
    struct config_url public_url;
    struct config_listen listen, admin_listen, ops_listen;

    struct slice database_url, database_read_url, database_password; /* absent where not set */
    struct slice redis_url, redis_password;
    int64_t database_pool;
    int64_t connections;             /* 0: as many as there are descriptors */
    int64_t connections_per_address; /* 0: no bound */
    int64_t workers;                 /* at least 1: one a core where not set */

    struct slice secrets_keys; /* `id:base64,…`; absent only in development (config_secrets_keys_blocking) */
    struct config_tokens admin_tokens, login_tokens;

    struct config_strings signature_methods;
    int64_t timestamp_skew_s, timestamp_lead_s;
    int64_t temp_ttl_s;
    int64_t token_ttl_s; /* 0: never expires */
    int64_t clock_offset_s;
    int64_t cache_ttl_s, cache_entries;

    struct slice initiate_path, authorize_path, token_path;
    struct config_strings origins; /* scheme://host[:port], lower case, without the scheme's own port */
    struct config_proxies trusted_proxies;
    struct slice realm;
    bool insecure_transport;

    struct slice tls_cert, tls_key, tls_client_ca; /* paths; absent: no TLS */
    struct slice login_url, login_trusted_header;  /* absent: built-in login */

    /* of pages; absent: none */
    struct slice brand_name, brand_logo, brand_color;
    struct slice terms_url, privacy_url, help_url, forgotten_password_url;
    struct slice pages_dir, scopes_file;
    struct config_strings languages; /* offered, in order */
    enum config_registration registration;

    /* per minute; 0: no limit */
    int64_t rate_limit_client, rate_limit_address, rate_limit_login_account, rate_limit_login_address,
        rate_limit_login_pair;

    enum log_level log_level;
    enum log_format log_format;
    enum config_decision_log decision_log;
    int64_t audit_retention_days;
    int64_t shutdown_delay_ms, shutdown_timeout_ms;

    struct config_value values[CONFIG_MAX_ROWS]; /* by row */
    struct arena arena;
};

/* A row of the table. */
struct config_row;

/* A flag of the command line. `--database-url` belongs to the row of OAUTH1_DATABASE_URL, and
 * `--database-url-file` names a file to read the value from. */
struct config_flag {
    const struct config_row *row;
    bool is_file;
    const char *value; /* NULL for one that needs none and got none: "true" */
};

/* What may be shown of a flag's value: a secret as ***, a URL without its password. */
struct slice config_flag_shown(const struct config_flag *flag, struct arena *arena);

/* The row of a flag's name (without the dashes), or NULL. A flag that takes no value unless it is
 * joined by '=' (`--dev`) sets *ret_optional. */
const struct config_row *config_find_flag(struct slice name, bool *ret_is_file, bool *ret_optional);
/* The closest flag, for "did you mean"; NULL if none is close. */
const char *config_closest_flag(struct slice name);

/* What else is asked of a configuration, also of one with problems, in which what could not be parsed is absent. A line
 * for each further problem is appended. */
typedef void (*config_check_fn)(const struct config *config, const void *context, struct buf *problems);
/* Loads, and asks `check` (NULL: nothing else is asked). `environment` is environ's kind of list. Every problem is
 * appended to `problems`, a line each, that names the variable, what is wrong and what to do; no secret is in it. Of a
 * variable that has a problem already `check` adds none. STATUS_BAD_INPUT if there was one (then *config needs no
 * config_done); STATUS_NO_MEMORY. */
MUST_USE enum status config_load(const struct config_flag *flags, size_t flag_count, char *const *environment,
                                 enum config_service service, config_check_fn check, const void *context,
                                 struct config *ret_config, struct buf *problems);
void config_done(struct config *config);

/* What config_load would give now: the same flags and environment, with the files that they name read
 * again (a rotation needs no restart). The old one stays as it is. Errors as config_load's. */
MUST_USE enum status config_reload(const struct config *config, struct config *ret_config, struct buf *problems);

/* Whether the database is the one of the default, which a command makes only if it is for that. */
bool config_database_is_default(const struct config *config);
/* Whether it is a file of this machine, in which one process writes at a time. */
bool config_database_is_embedded(const struct config *config);

/* What an operator should know at every start, a line each: development mode, insecure transport,
 * an admin port in the open, embedded storage. */
void config_warnings(const struct config *config, struct buf *out);

/* With OAUTH1_DEV and no OAUTH1_SECRETS_KEYS: the keys from a file beside the database, which is
 * made with mode 0600 and a random key if it is not there (two processes that start at once agree
 * on one). Otherwise config->secrets_keys. STATUS_BAD_INPUT: a text that says what to do is appended to `why`. */
MUST_USE enum status config_secrets_keys_blocking(struct config *config, struct buf *why, struct slice *ret_keys);
/* Whether config_secrets_keys_blocking could use that file. One that is not there yet is fine, and is not made. */
MUST_USE enum status config_dev_key_check_blocking(const struct config *config, struct buf *why);
/* Where that file is: beside the database's; where there is none, in the working directory. */
void config_dev_key_write_path(const struct config *config, struct buf *out);

/* Whether an https client can reach the public port without a proxy. */
static inline bool config_has_tls(const struct config *config)
{
    return !slice_is_absent(config->tls_cert);
}

/* The same lines as `config print`: every row with its value and where it came from; secrets, and
 * passwords in URLs, as ***. */
enum config_print { CONFIG_PRINT_TABLE, CONFIG_PRINT_JSON, CONFIG_PRINT_ENV };
void config_write(const struct config *config, enum config_print how, struct buf *out);
/* A flag as people read of it. */
struct config_flag_text {
    const char *flag; /* without the dashes */
    const char *variable;
    const char *placeholder; /* "URL" */
    const char *help;
    const char *initial; /* NULL: there is no default */
};
/* The next row of one service, from *row on, which begins at 0 and is moved on; false: there are no more. */
bool config_next_flag(enum config_service service, size_t *row, struct config_flag_text *ret_text);
/* The section "Configuration" of --help: the rows of one service. */
void config_write_help(enum config_service service, struct buf *out);
/* The table of the documentation, in Markdown, of all rows. */
void config_write_markdown(struct buf *out);

#endif
