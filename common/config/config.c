#include "config/config.h"

#include "base/escape.h"
#include "base/nearest.h"
#include "base/wipe.h"
#include "config/config_check.h"
#include "config/config_parse.h"
#include "config/config_rows.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

enum { ARENA_LIMIT_BYTES = 4 << 20, MAX_FILE_BYTES = 64 << 10 };

static const char prefix[] = "OAUTH1_";

/* Where a row's value could come from. */
struct source {
    const char *flag, *flag_file, *env, *env_file;
};

struct load {
    struct config *config;
    struct buf *problems;
    struct source sources[CONFIG_MAX_ROWS];
    bool broken[CONFIG_MAX_ROWS];
    bool failed;
    config_check_fn check; /* NULL: none */
    const void *check_context;
};

PRINTF_LIKE(2, 3) static void problem(struct load *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_addv(l->problems, format, args);
    va_end(args);
    buf_add_byte(l->problems, '\n');
    l->failed = true;
}

static size_t row_index(const struct config_row *row)
{
    return (size_t)(row - config_rows);
}

static bool cut_suffix(struct slice *name, struct slice suffix)
{
    if (name->len <= suffix.len || !slice_eq(slice_sub(*name, name->len - suffix.len, name->len), suffix))
        return false;
    name->len -= suffix.len;
    return true;
}

/* --- flags --- */

const struct config_row *config_find_flag(struct slice name, bool *ret_is_file, bool *ret_optional)
{
    struct slice stem = name;
    bool is_file = cut_suffix(&stem, SLICE("-file"));
    for (size_t i = 0; i < config_row_count; i++) {
        struct slice flag = slice_str(config_rows[i].flag);
        if (!slice_eq(flag, name) && !(is_file && slice_eq(flag, stem)))
            continue;
        *ret_is_file = !slice_eq(flag, name);
        *ret_optional = config_rows[i].kind == CONFIG_BOOL && !*ret_is_file;
        return &config_rows[i];
    }
    return NULL;
}

const char *config_closest_flag(struct slice name)
{
    struct nearest nearest = {.wanted = name};
    (void)cut_suffix(&nearest.wanted, SLICE("-file"));
    for (size_t i = 0; i < config_row_count; i++)
        nearest_consider(&nearest, config_rows[i].flag);
    return nearest.name;
}

static void collect_flags(struct load *l, const struct config_flag *flags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct source *source = &l->sources[row_index(flags[i].row)];
        const char **place = flags[i].is_file ? &source->flag_file : &source->flag;
        if (*place)
            problem(l, "--%s%s: is given twice", flags[i].row->flag, flags[i].is_file ? "-file" : "");
        *place = flags[i].value ? flags[i].value : "true";
    }
}

/* --- environment --- */

static const struct config_row *find_variable(struct slice name)
{
    for (size_t i = 0; i < config_row_count; i++)
        if (slice_eq(slice_str(config_rows[i].name), name))
            return &config_rows[i];
    return NULL;
}

static void refuse_unknown(struct load *l, struct slice name)
{
    struct slice stem = name;
    bool is_file = cut_suffix(&stem, SLICE("_FILE"));
    struct nearest nearest = {.wanted = slice_sub(stem, sizeof prefix - 1, stem.len)};
    for (size_t i = 0; i < config_row_count; i++)
        nearest_consider(&nearest, config_rows[i].name + sizeof prefix - 1);
    struct buf shown = buf_in(&l->config->arena);
    escape_terminal(&shown, slice_cut_utf8(name, 128));
    struct slice text = buf_slice(&shown);
    if (nearest.name)
        problem(l, "%.*s: there is no such variable; did you mean %s%s%s?", SLICE_ARGS(text), prefix, nearest.name,
                is_file ? "_FILE" : "");
    else
        problem(l, "%.*s: there is no such variable; --help lists them", SLICE_ARGS(text));
}

static void collect_variable(struct load *l, const char *entry)
{
    struct slice value = slice_str(entry);
    bool equals = false;
    struct slice name = slice_cut(&value, '=', &equals);
    if (!equals || !slice_starts_with(name, slice_str(prefix)))
        return;
    const struct config_row *row = find_variable(name);
    struct slice stem = name;
    bool is_file = !row && cut_suffix(&stem, SLICE("_FILE"));
    if (is_file)
        row = find_variable(stem);
    if (!row) {
        refuse_unknown(l, name);
        return;
    }
    if (value.len == 0) /* `NAME=` is how a compose file leaves a variable out */
        return;
    struct source *source = &l->sources[row_index(row)];
    *(is_file ? &source->env_file : &source->env) = value.ptr;
}

/* Authlib's name of OAUTH1_INSECURE_TRANSPORT, which wins where both are set. */
static void collect_authlib(struct load *l, const char *entry)
{
    static const struct slice name = SLICE_INIT("AUTHLIB_INSECURE_TRANSPORT=");
    if (!slice_starts_with(slice_str(entry), name) || entry[name.len] == '\0')
        return;
    struct source *source = &l->sources[row_index(find_variable(SLICE("OAUTH1_INSECURE_TRANSPORT")))];
    if (!source->env && !source->env_file)
        source->env = entry + name.len;
}

static void collect_environment(struct load *l, char *const *environment)
{
    for (size_t i = 0; environment && environment[i]; i++)
        collect_variable(l, environment[i]);
    for (size_t i = 0; environment && environment[i]; i++)
        collect_authlib(l, environment[i]);
}

/* --- values --- */

/* The whole file, at most MAX_FILE_BYTES; errno tells why not. */
static bool read_file(const char *path, char *out, size_t *ret_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO without a writer must not hang the start */
    if (fd < 0)
        return false;
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len <= MAX_FILE_BYTES) {
        got = read(fd, out + len, MAX_FILE_BYTES + 1 - len);
        len += got > 0 ? (size_t)got : 0;
    }
    int error = got < 0 ? errno : len > MAX_FILE_BYTES ? EFBIG : 0;
    (void)close(fd);
    errno = error;
    *ret_len = len;
    return error == 0;
}

/* One newline at the end is the editor's, not the value's. */
static struct slice without_newline(struct slice text)
{
    if (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    if (text.len > 0 && text.ptr[text.len - 1] == '\r')
        text.len--;
    return text;
}

static void no_memory(struct load *l, const struct config_row *row)
{
    problem(l, "%s: %s", row->name, status_text(STATUS_NO_MEMORY));
}

static void check_contents(struct load *l, const struct config_row *row, const char *path, struct slice text)
{
    if (text.len == 0)
        problem(l, "%s_FILE: %s is empty", row->name, path);
    else if (slice_find(text, '\0') < text.len)
        problem(l, "%s_FILE: %s has a NUL in it", row->name, path);
}

static void take_file(struct load *l, size_t i, const char *path, enum config_source source)
{
    size_t len = 0;
    struct arena *arena = &l->config->arena;
    const struct config_row *row = &config_rows[i];
    const char *file = arena_string(arena, slice_str(path));
    char *contents = arena_bytes(arena, MAX_FILE_BYTES + 1);
    if (!file || !contents) {
        no_memory(l, row);
    } else if (!read_file(path, contents, &len)) {
        problem(l, "%s_FILE: %s cannot be read: %s", row->name, path, strerror(errno));
    } else {
        arena_trim(arena, contents, MAX_FILE_BYTES + 1, len);
        l->config->values[i] = (struct config_value){without_newline(slice_of(contents, len)), source, file};
        check_contents(l, row, path, l->config->values[i].text);
    }
}

/* A copy, so that later changes of the environment do not matter. */
static void take_text(struct load *l, size_t i, const char *text, enum config_source source)
{
    struct slice copy = arena_copy(&l->config->arena, slice_str(text));
    if (slice_is_absent(copy))
        no_memory(l, &config_rows[i]);
    l->config->values[i] = (struct config_value){copy, source, NULL};
}

static void find_value(struct load *l, size_t i)
{
    const struct config_row *row = &config_rows[i];
    const struct source *source = &l->sources[i];
    size_t problems_before = l->problems->len;
    if (source->flag && source->flag_file)
        problem(l, "--%s: is given together with --%s-file; keep one of them", row->flag, row->flag);
    else if (source->flag)
        take_text(l, i, source->flag, CONFIG_FROM_FLAG);
    else if (source->flag_file)
        take_file(l, i, source->flag_file, CONFIG_FROM_FLAG_FILE);
    else if (source->env && source->env_file)
        problem(l, "%s: is set together with %s_FILE; keep one of them", row->name, row->name);
    else if (source->env)
        take_text(l, i, source->env, CONFIG_FROM_ENV);
    else if (source->env_file)
        take_file(l, i, source->env_file, CONFIG_FROM_ENV_FILE);
    else
        l->config->values[i].text = slice_str(config_row_initial(row, l->config->service));
    l->broken[i] = l->problems->len != problems_before;
}

static bool is_used(const struct load *l, size_t i)
{
    return config_rows[i].services & l->config->service;
}

static void parse_value(struct load *l, size_t i)
{
    const struct config_row *row = &config_rows[i];
    const struct config_value *value = &l->config->values[i];
    const char *why = NULL;
    if (l->broken[i] || slice_is_absent(value->text) || !is_used(l, i))
        return;
    struct slice text = value->text;
    if (!slice_is_utf8(text) || slice_find(text, '\n') < text.len)
        why = "has a line break or bytes that are not UTF-8";
    else if (config_parse(row, text, l->config, &why) == STATUS_OK)
        return;
    l->broken[i] = true;
    if (value->source == CONFIG_FROM_FLAG)
        problem(l, "%s (--%s): %s", row->name, row->flag, why);
    else if (value->file)
        problem(l, "%s (from %s): %s", row->name, value->file, why);
    else
        problem(l, "%s: %s", row->name, why);
}

/* --- defaults that depend on other values --- */

static size_t index_of_member(size_t offset)
{
    size_t i = 0;
    while (config_rows[i].offset != offset)
        i++;
    return i;
}

/* Sets a value that nobody set. */
static void suggest_value(struct load *l, size_t offset, struct slice text, enum config_source source)
{
    size_t i = index_of_member(offset);
    struct config_value *value = &l->config->values[i];
    if (value->source != CONFIG_DEFAULT || l->broken[i])
        return;
    value->text = text;
    value->source = source;
    parse_value(l, i);
}

static void suggest_number(struct load *l, size_t offset, long number)
{
    struct buf text = buf_in(&l->config->arena);
    buf_add_i64(&text, number);
    suggest_value(l, offset, buf_slice(&text), CONFIG_DEFAULT);
}

static void suggest_for_dev(struct load *l, size_t offset, const char *text)
{
    suggest_value(l, offset, slice_str(text), CONFIG_DEFAULT_IN_DEV);
}

/* In development `:8080` means 127.0.0.1:8080. */
static void keep_on_loopback(struct load *l)
{
    for (size_t i = 0; i < config_row_count; i++) {
        const struct config_row *row = &config_rows[i];
        struct config_listen *listen = (struct config_listen *)((char *)l->config + row->offset);
        if (row->kind != CONFIG_LISTEN || l->broken[i] || !is_used(l, i))
            continue;
        if (listen->host.len > 0 || !slice_is_absent(listen->unix_path))
            continue;
        struct buf text = buf_in(&l->config->arena);
        buf_addf(&text, "127.0.0.1:%u", (unsigned)listen->port);
        listen->host = SLICE("127.0.0.1");
        struct config_value *value = &l->config->values[i];
        value->text = buf_slice(&text);
        if (value->source == CONFIG_DEFAULT)
            value->source = CONFIG_DEFAULT_IN_DEV;
    }
}

static long count_cores(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : count > 256 ? 256 : count;
}

static void settle_defaults(struct load *l)
{
    suggest_number(l, offsetof(struct config, workers), count_cores());
    if (l->config->dev) {
        suggest_for_dev(l, offsetof(struct config, public_url), "http://127.0.0.1:8080");
        suggest_for_dev(l, offsetof(struct config, shutdown_delay_ms), "0");
        suggest_for_dev(l, offsetof(struct config, insecure_transport), "true"); /* everything is on loopback */
        keep_on_loopback(l);
    }
    if (!slice_is_absent(l->config->public_url.host))
        suggest_value(l, offsetof(struct config, realm), l->config->public_url.host, CONFIG_DEFAULT);
}

/* --- */

/* Whether a line of `problems` is about what `line` is about: what stands in front of its colon. */
static bool is_told(struct slice problems, struct slice line)
{
    struct slice about = slice_sub(line, 0, slice_find(line, ':') + 1);
    for (bool more = true; more;)
        if (slice_starts_with(slice_cut(&problems, '\n', &more), about))
            return true;
    return false;
}

/* Adds what the caller's check finds, but for what is told already. */
static bool ask_check(struct load *l)
{
    struct buf found = BUF_INIT;
    l->check(l->config, l->check_context, &found);
    struct slice rest = buf_slice(&found);
    size_t told = l->problems->len;
    for (bool more = true; more;) {
        struct slice line = slice_cut(&rest, '\n', &more);
        if (line.len == 0 || is_told(slice_sub(buf_slice(l->problems), 0, told), line))
            continue;
        buf_add(l->problems, line);
        buf_add_byte(l->problems, '\n');
    }
    bool good = found.len == 0 && !found.failed;
    buf_done(&found);
    return good;
}

/* From sources to a checked configuration. */
static enum status settle_config(struct load *l, struct config *ret_config)
{
    for (size_t i = 0; i < config_row_count; i++)
        find_value(l, i);
    for (size_t i = 0; i < config_row_count; i++)
        parse_value(l, i);
    settle_defaults(l);
    bool good = config_check(l->config, l->broken, l->problems) && !l->failed;
    if (l->check && !ask_check(l))
        good = false;
    if (good)
        *ret_config = *l->config;
    else
        config_done(l->config);
    return good ? STATUS_OK : l->problems->failed ? STATUS_NO_MEMORY : STATUS_BAD_INPUT;
}

enum status config_load(const struct config_flag *flags, size_t flag_count, char *const *environment,
                        enum config_service service, config_check_fn check, const void *context,
                        struct config *ret_config, struct buf *problems)
{
    struct config config = {.service = service};
    struct load *l = calloc(1, sizeof *l);
    if (!l)
        return STATUS_NO_MEMORY;
    arena_init(&config.arena, ARENA_LIMIT_BYTES);
    l->config = &config;
    l->problems = problems;
    l->check = check;
    l->check_context = context;
    collect_flags(l, flags, flag_count);
    collect_environment(l, environment);
    enum status status = settle_config(l, ret_config);
    free(l);
    return status;
}

/* Each value as the source that it came from. */
static void collect_values(struct load *l, const struct config *old)
{
    for (size_t i = 0; i < config_row_count; i++) {
        const struct config_value *value = &old->values[i];
        struct source *source = &l->sources[i];
        bool is_text = value->source == CONFIG_FROM_FLAG || value->source == CONFIG_FROM_ENV;
        const char *text = is_text ? arena_string(&l->config->arena, value->text) : value->file;
        bool is_default = value->source == CONFIG_DEFAULT || value->source == CONFIG_DEFAULT_IN_DEV;
        if (!is_default && !text)
            problem(l, "%s: %s", config_rows[i].name, status_text(STATUS_NO_MEMORY));
        switch (value->source) {
        case CONFIG_FROM_FLAG:
            source->flag = text;
            break;
        case CONFIG_FROM_FLAG_FILE:
            source->flag_file = text;
            break;
        case CONFIG_FROM_ENV:
            source->env = text;
            break;
        case CONFIG_FROM_ENV_FILE:
            source->env_file = text;
            break;
        case CONFIG_DEFAULT:
        case CONFIG_DEFAULT_IN_DEV:
            break;
        }
    }
}

enum status config_reload(const struct config *config, struct config *ret_config, struct buf *problems)
{
    struct config fresh = {.service = config->service};
    struct load *l = calloc(1, sizeof *l);
    if (!l)
        return STATUS_NO_MEMORY;
    arena_init(&fresh.arena, ARENA_LIMIT_BYTES);
    l->config = &fresh;
    l->problems = problems;
    collect_values(l, config);
    enum status status = settle_config(l, ret_config);
    free(l);
    return status;
}

void config_done(struct config *config)
{
    arena_done(&config->arena);
    wipe_bytes(config, sizeof *config);
}
