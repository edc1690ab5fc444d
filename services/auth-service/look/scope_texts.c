#include "look/scope_texts.h"

#include "base/buf.h"
#include "look/language.h"
#include "oauth/scope.h"
#include "json/json_reader.h"

enum { WORDS_MAX_BYTES = 500 };

struct scope_row {
    struct slice text;
    struct slice group;
    bool dangerous;
    bool self_service;
    const json_value *languages;
};

static const struct json_field scope_fields[] = {
    JSON_FIELD(struct scope_row, text, JSON_STRING, true),
    JSON_FIELD(struct scope_row, group, JSON_STRING, false),
    JSON_FIELD(struct scope_row, dangerous, JSON_BOOL, false),
    JSON_FIELD(struct scope_row, self_service, JSON_BOOL, false),
    JSON_FIELD(struct scope_row, languages, JSON_OBJECT, false),
    JSON_FIELDS_END,
};

static const struct json_field words_fields[] = {
    JSON_FIELD(struct scope_words, text, JSON_STRING, true),
    JSON_FIELD(struct scope_words, group, JSON_STRING, false),
    JSON_FIELDS_END,
};

static enum status refuse_scope(struct arena *arena, struct slice name, const char *what, const char **ret_why)
{
    struct buf why = buf_in(arena);
    buf_addf(&why, "%.*s: %s", SLICE_ARGS(name), what);
    const char *text = buf_string(&why);
    *ret_why = text ? text : status_text(STATUS_NO_MEMORY);
    return text ? STATUS_BAD_INPUT : STATUS_NO_MEMORY;
}

static bool are_good_words(const struct scope_words *words)
{
    bool is_short = words->text.len <= WORDS_MAX_BYTES && words->group.len <= WORDS_MAX_BYTES;
    bool is_line = slice_is_printable(words->text) && slice_is_printable(words->group);
    return is_short && is_line && words->text.len > 0 && (slice_is_absent(words->group) || words->group.len > 0);
}

static enum status take_words(struct arena *arena, const char *where, const json_value *value,
                              struct scope_words *ret_words, const char **ret_why)
{
    TRY(json_decode(value, words_fields, JSON_NULL_REFUSED, where, arena, ret_words, NULL, ret_why));
    if (!language_is_tag(json_name_of(value)))
        return refuse_scope(arena, slice_str(where), "languages: has a name that is no language tag, such as de",
                            ret_why);
    ret_words->language = json_name_of(value);
    if (!are_good_words(ret_words))
        return refuse_scope(arena, slice_str(where),
                            "languages: text and group must be one line, not empty, of 500 bytes at most", ret_why);
    return STATUS_OK;
}

static enum status take_scope(struct arena *arena, const json_value *value, struct scope_text *ret_scope,
                              const char **ret_why)
{
    struct scope_row row = {0};
    struct slice name = json_name_of(value);
    const char *where = arena_string(arena, name);
    *ret_why = status_text(STATUS_NO_MEMORY);
    if (!where)
        return STATUS_NO_MEMORY;
    if (!scope_is_valid(name) || slice_find(name, ' ') < name.len || name.len == 0)
        return refuse_scope(arena, name, "is no name of a scope", ret_why);
    TRY(json_decode(value, scope_fields, JSON_NULL_REFUSED, where, arena, &row, NULL, ret_why));
    size_t count = 1 + (row.languages ? json_count(row.languages) : 0);
    struct scope_words *words = arena_calloc(arena, count, sizeof *words);
    if (!words)
        return refuse_scope(arena, name, status_text(STATUS_NO_MEMORY), ret_why);
    words[0] = (struct scope_words){SLICE_ABSENT, row.text, row.group};
    if (!are_good_words(&words[0]))
        return refuse_scope(arena, name, "text and group must be one line, not empty, of 500 bytes at most", ret_why);
    const json_value *language = row.languages ? json_first(row.languages) : NULL;
    for (size_t i = 1; i < count; i++, language = json_next(language))
        TRY(take_words(arena, where, language, &words[i], ret_why));
    *ret_scope = (struct scope_text){name, words, count, row.dangerous, row.self_service};
    return STATUS_OK;
}

enum status scope_texts_read(struct slice json, struct arena *arena, struct scope_texts *ret_texts,
                             const char **ret_why)
{
    const json_value *root = NULL;
    TRY(json_read(json, arena, &root, ret_why));
    if (json_kind_of(root) != JSON_OBJECT) {
        *ret_why = "must be an object: the name of a scope, and an object with its text";
        return STATUS_BAD_INPUT;
    }
    size_t count = json_count(root);
    struct scope_text *scopes = arena_calloc(arena, count + 1, sizeof *scopes);
    *ret_why = status_text(STATUS_NO_MEMORY);
    if (!scopes)
        return STATUS_NO_MEMORY;
    const json_value *value = json_first(root);
    for (size_t i = 0; i < count; i++, value = json_next(value))
        TRY(take_scope(arena, value, &scopes[i], ret_why));
    *ret_texts = (struct scope_texts){scopes, count};
    return STATUS_OK;
}

const struct scope_text *scope_texts_find(const struct scope_texts *texts, struct slice name)
{
    for (size_t i = 0; i < texts->count; i++)
        if (slice_eq(texts->scopes[i].name, name))
            return &texts->scopes[i];
    return NULL;
}

struct scope_words scope_words_in(const struct scope_text *scope, struct slice language)
{
    struct scope_words words = scope->words[0];
    for (size_t i = 1; i < scope->word_count; i++)
        if (slice_eq_nocase(scope->words[i].language, language))
            words = scope->words[i];
    if (slice_is_absent(words.group))
        words.group = scope->words[0].group;
    return words;
}
