#include "store/store_url.h"

#include <assert.h>

static const struct durable_kind durable_kinds[] = {
    {.id = DURABLE_UNKNOWN},
    {.id = DURABLE_SQLITE,
     .is_embedded = true,
     .commits_in_order = true, /* there is one writer */
     .forms = {{"sqlite:", "", "sqlite:PATH"}}},
    {.id = DURABLE_MYSQL, .has_replicas = true, .forms = {{"mysql:", "//", "mysql://user:password@host:3306/db"}}},
};
static_assert(COUNT_OF(durable_kinds) == DURABLE_ID_COUNT, "every durable store has its row");

static const struct ephemeral_kind ephemeral_kinds[] = {
    {.id = EPHEMERAL_UNKNOWN},
    {.id = EPHEMERAL_MEMORY, .forms = {{"memory:", NULL, "memory:"}}},
    {.id = EPHEMERAL_REDIS,
     .is_shared = true,
     .carries_messages = true,
     .forms = {{"redis:", "//", "redis://host:6379"},
               {"rediss:", "//", "rediss://host:6379"},
               {"redis+unix:", "///", "redis+unix:///path"},
               {"redis+sentinel:", "//", "redis+sentinel://host:26379/NAME"},
               {"rediss+sentinel:", "//", NULL}}},
    {.id = EPHEMERAL_CLUSTER,
     .is_shared = true,
     .carries_messages = true,
     .forms = {{"redis+cluster:", "//", "redis+cluster://host:6379,host:6379"}, {"rediss+cluster:", "//", NULL}}},
};
static_assert(COUNT_OF(ephemeral_kinds) == EPHEMERAL_ID_COUNT, "every ephemeral store has its row");

struct slice store_url_rest(struct slice url)
{
    return slice_sub(url, slice_find(url, ':') + 1, url.len);
}

static const struct url_form *find_form(const struct url_form *forms, struct slice url)
{
    for (size_t i = 0; i < URL_FORMS_MAX && forms[i].scheme; i++)
        if (slice_starts_with(url, slice_str(forms[i].scheme)))
            return &forms[i];
    return NULL;
}

const struct durable_kind *durable_kind_of(struct slice url)
{
    for (size_t i = 0; i < COUNT_OF(durable_kinds); i++)
        if (find_form(durable_kinds[i].forms, url))
            return &durable_kinds[i];
    return &durable_kinds[DURABLE_UNKNOWN];
}

const struct ephemeral_kind *ephemeral_kind_of(struct slice url)
{
    for (size_t i = 0; i < COUNT_OF(ephemeral_kinds); i++)
        if (find_form(ephemeral_kinds[i].forms, url))
            return &ephemeral_kinds[i];
    return &ephemeral_kinds[EPHEMERAL_UNKNOWN];
}

static bool is_whole(const struct url_form *form, struct slice url)
{
    struct slice rest = store_url_rest(url);
    if (!form || !form->lead)
        return form && rest.len == 0;
    struct slice lead = slice_str(form->lead);
    return slice_starts_with(rest, lead) && rest.len > lead.len;
}

bool durable_url_is_whole(struct slice url)
{
    return is_whole(find_form(durable_kind_of(url)->forms, url), url);
}

bool ephemeral_url_is_whole(struct slice url)
{
    return is_whole(find_form(ephemeral_kind_of(url)->forms, url), url);
}

/* ---- "a, b or c" ---- */

struct examples {
    const char *texts[2 * URL_FORMS_MAX * DURABLE_ID_COUNT + 2 * URL_FORMS_MAX * EPHEMERAL_ID_COUNT];
    size_t count;
};

static void collect_examples(const struct url_form *forms, struct examples *examples)
{
    for (size_t i = 0; i < URL_FORMS_MAX; i++)
        if (forms[i].example)
            examples->texts[examples->count++] = forms[i].example;
}

static void write_examples(const struct examples *examples, struct buf *out)
{
    for (size_t i = 0; i < examples->count; i++) {
        if (i > 0)
            buf_add_str(out, i + 1 == examples->count ? " or " : ", ");
        buf_add_str(out, examples->texts[i]);
    }
}

void durable_urls_write(struct buf *out)
{
    struct examples examples = {.count = 0};
    for (size_t i = 0; i < COUNT_OF(durable_kinds); i++)
        collect_examples(durable_kinds[i].forms, &examples);
    write_examples(&examples, out);
}

void ephemeral_urls_write(struct buf *out)
{
    struct examples examples = {.count = 0};
    for (size_t i = 0; i < COUNT_OF(ephemeral_kinds); i++)
        collect_examples(ephemeral_kinds[i].forms, &examples);
    write_examples(&examples, out);
}

struct slice durable_url_file(struct slice url)
{
    struct slice path = store_url_rest(url);
    return durable_kind_of(url)->is_embedded && !slice_eq(path, SLICE(":memory:")) ? path : SLICE_ABSENT;
}

enum status ephemeral_url_refuse(struct buf *why)
{
    buf_add_str(why, "OAUTH1_REDIS_URL: this kind of store is not in this version; write ");
    ephemeral_urls_write(why);
    return STATUS_BAD_INPUT;
}
