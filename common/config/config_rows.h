/* config_rows: the table that everything in config/ comes from. Only config/ includes this. */
#ifndef COUNTERSIGN_CONFIG_CONFIG_ROWS_H
#define COUNTERSIGN_CONFIG_CONFIG_ROWS_H

#include "config/config.h"

/* What a value is, and so how it is parsed and where to (the member's type). */
enum config_kind {
    CONFIG_TEXT,         /* struct slice */
    CONFIG_BOOL,         /* bool */
    CONFIG_INT,          /* int64_t within min..max */
    CONFIG_SECONDS,      /* int64_t within min..max; "30" or "30s" */
    CONFIG_MILLISECONDS, /* int64_t milliseconds, written in seconds: "5", "0.25"; min..max in milliseconds */
    CONFIG_BASE_URL,     /* struct config_url */
    CONFIG_LINK,         /* struct slice: an http(s) URL of any form */
    CONFIG_LISTEN,       /* struct config_listen */
    CONFIG_FILE,         /* struct slice: a path */
    CONFIG_URL_PATH,     /* struct slice: "/oauth/token" */
    CONFIG_DATABASE,     /* struct slice: sqlite: or mysql: */
    CONFIG_REDIS,        /* struct slice: memory:, redis: and its kin */
    CONFIG_SEALING_KEYS, /* struct slice */
    CONFIG_TOKENS,       /* struct config_tokens */
    CONFIG_METHODS,      /* struct config_strings */
    CONFIG_ORIGINS,      /* struct config_strings */
    CONFIG_PROXIES,      /* struct config_proxies */
    CONFIG_REALM,        /* struct slice */
    CONFIG_HEADER,       /* struct slice: a field name */
    CONFIG_LINE,         /* struct slice: UTF-8 on one line, at most `max` bytes */
    CONFIG_COLOR,        /* struct slice: #rrggbb */
    CONFIG_LANGUAGES,    /* struct config_strings */
    CONFIG_REGISTRATION, /* enum config_registration */
    CONFIG_LOG_LEVEL,    /* enum log_level */
    CONFIG_LOG_FORMAT,   /* enum log_format */
    CONFIG_DECISION_LOG, /* enum config_decision_log */
    CONFIG_KIND_COUNT
};

struct config_row {
    const char *name; /* the environment's */
    const char *flag; /* without the dashes */
    enum config_kind kind;
    unsigned services; /* who uses it */
    size_t offset;     /* in struct config */
    const char *initial;
    const char *initial_introspection; /* where it differs */
    const char *initial_shown;         /* in help, where no fixed text can be the default; may be NULL */
    int64_t min, max;
    bool secret;
    const char *placeholder;
    const char *help;
};

extern const struct config_row config_rows[];
extern const size_t config_row_count;

/* The default text of a service, NULL if there is none. */
const char *config_row_initial(const struct config_row *row, enum config_service service);

/* A copy of a URL with *** for its password (also of one that is not well-formed). */
struct slice config_mask_url(struct slice url, struct arena *arena);

/* What may be shown of a value: secrets as ***, URLs without their password. */
struct slice config_shown(const struct config_row *row, struct slice text, struct arena *arena);

#endif
