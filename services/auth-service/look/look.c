#include "look/look.h"

#include "crypto/digest.h"
#include "look/language.h"
#include "look/look_names.h"
#include "look/picture.h"
#include "look/shades.h"
#include "service/command.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOK_MAX_BYTES = 8 << 20, CHECK_MAX_BYTES = 4 << 20 };

struct reading {
    const struct config *config;
    struct look *look;
    struct catalogue model; /* English, as it is built in */
    struct buf *problems;
};

/* ---- files ---- */

static bool has_folder(const struct reading *it)
{
    return !slice_is_absent(it->config->pages_dir);
}

/* NULL: no memory. */
static const char *folder_path(const struct reading *it, const char *inside, const char *name)
{
    struct buf path = buf_in(&it->look->arena);
    buf_add(&path, it->config->pages_dir);
    buf_addf(&path, "/%s%s", inside, name);
    return buf_string(&path);
}

/* The whole file; absent: it cannot be read, which is a problem of `variable`. */
static struct slice read_whole_file(const struct reading *it, const char *variable, struct slice path)
{
    const char *why = NULL;
    struct buf text = buf_in(&it->look->arena);
    if (command_read_file(path, &text, &why) == STATUS_OK)
        return buf_slice(&text);
    buf_addf(it->problems, "%s: %.*s: cannot be read (%s)\n", variable, SLICE_ARGS(path), why);
    return SLICE_ABSENT;
}

/* The operator's file where there is one, or the built-in one; absent: there is neither, or it cannot be read. */
static struct slice choose_file(const struct reading *it, const char *inside, const struct embedded_file *built_in,
                                const char *name)
{
    const char *path = has_folder(it) ? folder_path(it, inside, name) : NULL;
    if (!path || access(path, F_OK) != 0)
        return page_template(built_in, name);
    return read_whole_file(it, "OAUTH1_PAGES_DIR", slice_str(path));
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name);
    size_t tail = strlen(end);
    return len >= tail && strcmp(name + len - tail, end) == 0;
}

/* A page that no program shows is a slip of the pen. */
static void check_folder_names(const struct reading *it)
{
    const char *path = folder_path(it, "", "");
    DIR *folder = path ? opendir(path) : NULL;
    if (!folder) {
        buf_addf(it->problems, "OAUTH1_PAGES_DIR: %.*s: is no folder that can be read\n",
                 SLICE_ARGS(it->config->pages_dir));
        return;
    }
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        bool is_page = ends_with(entry->d_name, ".html") || ends_with(entry->d_name, ".css");
        if (is_page && slice_is_absent(page_template(auth_pages, entry->d_name)))
            buf_addf(it->problems,
                     "OAUTH1_PAGES_DIR: %s: is the name of no page; auth-service pages export DIR writes those that "
                     "there are\n",
                     entry->d_name);
    }
    (void)closedir(folder);
}

static enum status hash_file(struct look_file *file)
{
    unsigned char bytes[DIGEST_MAX_BYTES];
    struct buf hash = buf_fixed(file->hash, sizeof file->hash);
    TRY(digest_bytes(DIGEST_SHA256, file->bytes, bytes));
    buf_add_hex(&hash, slice_of(bytes, 8));
    return buf_string(&hash) ? STATUS_OK : STATUS_INTERNAL;
}

/* ---- catalogues ---- */

static enum status read_catalogue(const struct reading *it, const char *name, struct slice json,
                                  struct catalogue *ret_texts)
{
    const char *why = NULL;
    enum status status = catalogue_read(json, &it->look->arena, ret_texts, &why);
    if (status == STATUS_BAD_INPUT)
        buf_addf(it->problems, "OAUTH1_PAGES_DIR: catalogues/%s: %s\n", name, why);
    return status;
}

static void check_catalogue(const struct reading *it, const char *name, const struct catalogue *texts)
{
    struct buf file = buf_in(&it->look->arena);
    buf_addf(&file, "OAUTH1_PAGES_DIR: catalogues/%s", name);
    const char *shown = buf_string(&file);
    if (shown)
        catalogue_check(texts, &it->model, shown, it->problems);
}

static enum status read_language(const struct reading *it, struct slice tag, struct look_language *ret_language)
{
    struct buf file = buf_in(&it->look->arena);
    buf_addf(&file, "%.*s.json", SLICE_ARGS(tag));
    const char *name = buf_string(&file);
    if (!name)
        return STATUS_NO_MEMORY;
    struct slice json = choose_file(it, "catalogues/", auth_catalogues, name);
    if (slice_is_absent(json)) {
        buf_addf(it->problems,
                 "OAUTH1_LANGUAGES: %.*s: there is no catalogue for it; write catalogues/%s in OAUTH1_PAGES_DIR, or "
                 "leave it out\n",
                 SLICE_ARGS(tag), name);
        return STATUS_BAD_INPUT;
    }
    TRY(read_catalogue(it, name, json, &ret_language->texts));
    check_catalogue(it, name, &ret_language->texts);
    ret_language->tag = arena_copy(&it->look->arena, tag);
    ret_language->name = catalogue_find(&ret_language->texts, SLICE("layout.language"));
    return slice_is_absent(ret_language->tag) ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status read_languages(struct reading *it)
{
    static const struct slice fallback = SLICE_INIT("en");
    const struct config_strings *wanted = &it->config->languages;
    const struct slice *tags = wanted->count ? wanted->items : &fallback;
    size_t count = wanted->count ? wanted->count : 1;
    struct look_language *languages = arena_calloc(&it->look->arena, count, sizeof *languages);
    TRY(read_catalogue(it, "en.json", page_template(auth_catalogues, "en.json"), &it->model));
    if (!languages)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        enum status status = read_language(it, tags[i], &languages[i]);
        if (status != STATUS_OK && status != STATUS_BAD_INPUT)
            return status;
    }
    it->look->languages = languages;
    it->look->language_count = count;
    return STATUS_OK;
}

/* ---- templates ---- */

static enum status check_template(const struct reading *it, const struct embedded_file *file)
{
    struct arena arena;
    struct page_scope scope = {0};
    struct page_fault fault = {0};
    arena_init(&arena, CHECK_MAX_BYTES);
    enum status status = look_names_scope(file->name, &arena, &scope);
    if (status == STATUS_OK)
        status = page_check(file->contents, &it->model, &scope, &arena, &fault);
    if (status == STATUS_BAD_INPUT)
        buf_addf(it->problems, "OAUTH1_PAGES_DIR: %s: line %zu: \"%.*s\" is %s\n", file->name, fault.line,
                 SLICE_ARGS(fault.name), fault.why);
    arena_done(&arena);
    return status == STATUS_BAD_INPUT ? STATUS_OK : status;
}

static size_t count_templates(void)
{
    size_t count = 0;
    while (auth_pages[count].name)
        count++;
    return count;
}

static enum status read_templates(const struct reading *it)
{
    struct embedded_file *files = arena_calloc(&it->look->arena, count_templates() + 1, sizeof *files);
    if (!files)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; auth_pages[i].name; i++) {
        files[i] = (struct embedded_file){auth_pages[i].name, choose_file(it, "", auth_pages, auth_pages[i].name)};
        if (!slice_is_absent(files[i].contents) && ends_with(files[i].name, ".html"))
            TRY(check_template(it, &files[i]));
    }
    it->look->templates = files;
    it->look->style.bytes = page_template(files, "style.css");
    return hash_file(&it->look->style);
}

/* ---- the brand, and scopes ---- */

static enum status read_logo(const struct reading *it)
{
    const char *why = NULL;
    if (slice_is_absent(it->config->brand_logo))
        return STATUS_OK;
    struct slice bytes = read_whole_file(it, "OAUTH1_BRAND_LOGO", it->config->brand_logo);
    if (slice_is_absent(bytes))
        return STATUS_OK;
    if (!picture_check(bytes, &why))
        buf_addf(it->problems, "OAUTH1_BRAND_LOGO: %.*s: %s\n", SLICE_ARGS(it->config->brand_logo), why);
    it->look->logo.bytes = bytes;
    return hash_file(&it->look->logo);
}

static enum status write_brand_style(const struct reading *it)
{
    struct rgb color = {0};
    struct buf css = buf_in(&it->look->arena);
    struct slice wanted = slice_is_absent(it->config->brand_color) ? SLICE("#2456b8") : it->config->brand_color;
    if (!shades_parse(wanted, &color)) /* config_load takes nothing else */
        return STATUS_INTERNAL;
    struct shades shades = shades_of(color);
    shades_write_css(&shades, &css);
    it->look->brand_style.bytes = buf_slice(&css);
    return css.failed ? STATUS_NO_MEMORY : hash_file(&it->look->brand_style);
}

static enum status copy_brand_text(struct look *look, struct slice text, struct slice fallback, struct slice *ret_text)
{
    *ret_text = arena_copy(&look->arena, slice_is_absent(text) ? fallback : text);
    return slice_is_absent(*ret_text) ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status read_brand(const struct reading *it)
{
    const struct config *config = it->config;
    struct look *look = it->look;
    TRY(copy_brand_text(look, config->brand_name, config->public_url.host, &look->brand));
    TRY(copy_brand_text(look, config->terms_url, SLICE(""), &look->terms_url));
    TRY(copy_brand_text(look, config->privacy_url, SLICE(""), &look->privacy_url));
    TRY(copy_brand_text(look, config->help_url, SLICE(""), &look->help_url));
    TRY(copy_brand_text(look, config->forgotten_password_url, SLICE(""), &look->forgotten_password_url));
    TRY(read_logo(it));
    return write_brand_style(it);
}

static enum status read_scopes(const struct reading *it)
{
    const char *why = NULL;
    if (slice_is_absent(it->config->scopes_file))
        return STATUS_OK;
    struct slice json = read_whole_file(it, "OAUTH1_SCOPES_FILE", it->config->scopes_file);
    if (slice_is_absent(json))
        return STATUS_OK;
    enum status status = scope_texts_read(json, &it->look->arena, &it->look->scopes, &why);
    if (status == STATUS_BAD_INPUT)
        buf_addf(it->problems, "OAUTH1_SCOPES_FILE: %.*s: %s\n", SLICE_ARGS(it->config->scopes_file), why);
    return status == STATUS_BAD_INPUT ? STATUS_OK : status;
}

static enum status read_look(struct reading *it)
{
    size_t before = it->problems->len;
    if (has_folder(it))
        check_folder_names(it);
    TRY(read_languages(it));
    TRY(read_templates(it));
    TRY(read_brand(it));
    TRY(read_scopes(it));
    return it->problems->len > before ? STATUS_BAD_INPUT : STATUS_OK;
}

enum status look_read_blocking(const struct config *config, struct buf *problems, struct look **ret_look)
{
    struct look *look = calloc(1, sizeof *look);
    if (!look)
        return STATUS_NO_MEMORY;
    arena_init(&look->arena, LOOK_MAX_BYTES);
    struct reading it = {.config = config, .look = look, .problems = problems};
    enum status status = read_look(&it);
    if (status == STATUS_OK)
        *ret_look = look;
    else
        look_free(look);
    return status;
}

void look_free(struct look *look)
{
    if (!look)
        return;
    arena_done(&look->arena);
    free(look);
}

/* ---- the one in use ---- */

struct look_holder {
    pthread_mutex_t lock;
    struct look *look;
};

struct look_holder *look_holder_new(struct look *look)
{
    struct look_holder *holder = calloc(1, sizeof *holder);
    if (!holder)
        return NULL;
    pthread_mutex_init(&holder->lock, NULL);
    holder->look = look;
    look->taken = 1;
    return holder;
}

struct look *look_take(struct look_holder *holder)
{
    pthread_mutex_lock(&holder->lock);
    struct look *look = holder->look;
    look->taken++;
    pthread_mutex_unlock(&holder->lock);
    return look;
}

void look_give_back(struct look_holder *holder, struct look *look)
{
    pthread_mutex_lock(&holder->lock);
    bool is_last = --look->taken == 0;
    pthread_mutex_unlock(&holder->lock);
    if (is_last)
        look_free(look);
}

void look_holder_replace(struct look_holder *holder, struct look *look)
{
    look->taken = 1;
    pthread_mutex_lock(&holder->lock);
    struct look *old = holder->look;
    holder->look = look;
    pthread_mutex_unlock(&holder->lock);
    look_give_back(holder, old);
}

void look_holder_free(struct look_holder *holder)
{
    if (!holder)
        return;
    look_give_back(holder, holder->look);
    pthread_mutex_destroy(&holder->lock);
    free(holder);
}
