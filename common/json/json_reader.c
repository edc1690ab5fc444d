#include "json/json_reader.h"

#include "base/escape.h"
#include "json/json_flat.h"
#include "json/json_scan.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdlib.h>

/* The arena of the tree that this thread builds. It stands here because cJSON's hooks are global. No tree is ever
 * cJSON_Delete'd, and what cJSON frees while it builds stays in the arena. */
static _Thread_local struct arena *building;

static void *take_memory(size_t size)
{
    return building ? arena_alloc(building, size) : malloc(size);
}

static void leave_memory(void *memory)
{
    if (!building)
        free(memory);
}

static void install_hooks(void)
{
    cJSON_Hooks hooks = {take_memory, leave_memory};
    cJSON_InitHooks(&hooks);
}

static cJSON *build_tree(struct slice value, struct arena *arena)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, install_hooks);
    const char *end = NULL;
    building = arena;
    cJSON *tree = cJSON_ParseWithLengthOpts(value.ptr, value.len, &end, false);
    building = NULL;
    return tree && end == value.ptr + value.len ? tree : NULL;
}

static const char *tell_why(struct buf *text)
{
    const char *why = buf_string(text);
    return why ? why : status_text(STATUS_NO_MEMORY);
}

/* Appends a name that somebody sent, in quotes. */
static void add_name(struct buf *out, struct slice name)
{
    enum { SHOWN_BYTES = 64 };
    buf_add_byte(out, '"');
    escape_terminal(out, slice_cut_utf8(name, SHOWN_BYTES));
    buf_add_str(out, name.len > SHOWN_BYTES ? "…\"" : "\"");
}

/* Returns a member whose name another one has, too. All pairs are compared, which JSON_MAX_MEMBERS and
 * JSON_MAX_NAME_BYTES bound. */
static const cJSON *find_twin(const cJSON *object)
{
    for (const cJSON *member = object->child; member; member = member->next)
        for (const cJSON *other = object->child; other != member; other = other->next)
            if (strcmp(member->string, other->string) == 0)
                return member;
    return NULL;
}

/* Returns the first member, at any depth, whose name its object has twice. JSON_MAX_DEPTH bounds the recursion. */
static const cJSON *find_duplicate(const cJSON *value)
{
    const cJSON *twin = cJSON_IsObject(value) ? find_twin(value) : NULL;
    for (const cJSON *inner = value->child; inner && !twin; inner = inner->next)
        twin = find_duplicate(inner);
    return twin;
}

enum status json_read(struct slice text, struct arena *arena, const json_value **ret_value, const char **ret_why)
{
    struct slice value = SLICE_ABSENT;
    const char *fault = NULL;
    size_t at = 0;
    struct buf why = buf_in(arena);
    if (!json_scan(text, &value, &fault, &at)) {
        buf_addf(&why, "not acceptable JSON: %s, at byte %zu", fault, at);
        *ret_why = tell_why(&why);
        return STATUS_BAD_INPUT;
    }
    const cJSON *tree = build_tree(value, arena);
    if (!tree) {
        *ret_why = status_text(STATUS_NO_MEMORY);
        return STATUS_NO_MEMORY;
    }
    const cJSON *twin = find_duplicate(tree);
    if (twin) {
        buf_add_str(&why, "member ");
        add_name(&why, slice_str(twin->string));
        buf_add_str(&why, " is there twice");
        *ret_why = tell_why(&why);
        return STATUS_BAD_INPUT;
    }
    *ret_value = tree;
    return STATUS_OK;
}

enum json_kind json_kind_of(const json_value *value)
{
    switch (value->type & 0xFF) {
    case cJSON_False:
    case cJSON_True:
        return JSON_BOOL;
    case cJSON_Number:
        return JSON_INT;
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_Object:
        return JSON_OBJECT;
    default:
        return JSON_NULL;
    }
}

const json_value *json_member(const json_value *object, const char *name)
{
    assert(cJSON_IsObject(object));
    for (const cJSON *member = object->child; member; member = member->next)
        if (strcmp(member->string, name) == 0)
            return member;
    return NULL;
}

size_t json_count(const json_value *value)
{
    size_t count = 0;
    for (const cJSON *inner = value->child; inner; inner = inner->next)
        count++;
    return count;
}

const json_value *json_first(const json_value *value)
{
    return value->child;
}

const json_value *json_next(const json_value *value)
{
    return value->next;
}

struct slice json_name_of(const json_value *member)
{
    return slice_str(member->string);
}

struct slice json_string_of(const json_value *value)
{
    assert(cJSON_IsString(value));
    return slice_str(value->valuestring); /* no string holds a NUL, so this is all of it */
}

bool json_bool_of(const json_value *value)
{
    assert(cJSON_IsBool(value));
    return cJSON_IsTrue(value);
}

int64_t json_int_of(const json_value *value)
{
    assert(cJSON_IsNumber(value));
    return (int64_t)value->valuedouble; /* exact: the scan accepts only integers within ± JSON_MAX_INT */
}

/* What json_decode is working on. */
struct decode {
    const struct json_field *fields;
    enum json_null null_means;
    const char *where;
    struct arena *arena;
    char *out;
    uint64_t given;
    const char **ret_why;
};

/* Says "where.name is wrong". */
static enum status refuse_field(const struct decode *d, const struct json_field *field, const char *wrong)
{
    struct buf why = buf_in(d->arena);
    buf_addf(&why, "%s%s%s %s", d->where, *d->where ? "." : "", field->name, wrong);
    *d->ret_why = tell_why(&why);
    return STATUS_BAD_INPUT;
}

static enum status refuse_unknown(const struct decode *d, const json_value *member)
{
    struct buf why = buf_in(d->arena);
    buf_add_str(&why, "unknown member ");
    add_name(&why, json_name_of(member));
    if (*d->where)
        buf_addf(&why, " in %s", d->where);
    *d->ret_why = tell_why(&why);
    return STATUS_BAD_INPUT;
}

static const char *kind_wanted(enum json_kind kind)
{
    static const char *const texts[] = {
        [JSON_STRING] = "must be a string",  [JSON_BOOL] = "must be true or false",
        [JSON_INT] = "must be an integer",   [JSON_STRINGS] = "must be an array of strings",
        [JSON_OBJECT] = "must be an object", [JSON_ARRAY] = "must be an array",
    };
    return texts[kind]; /* NOLINT(clang-analyzer-core.uninitialized.UndefReturn): a field's kind is one of these */
}

static enum status decode_strings(const struct decode *d, const struct json_field *field, const json_value *array,
                                  struct json_strings *ret_strings)
{
    size_t count = json_count(array);
    struct slice *items = arena_calloc(d->arena, count, sizeof *items);
    if (!items) {
        *d->ret_why = status_text(STATUS_NO_MEMORY);
        return STATUS_NO_MEMORY;
    }
    size_t i = 0;
    for (const json_value *item = json_first(array); item; item = json_next(item)) {
        if (json_kind_of(item) != JSON_STRING)
            return refuse_field(d, field, kind_wanted(JSON_STRINGS));
        items[i++] = json_string_of(item);
    }
    *ret_strings = (struct json_strings){items, count};
    return STATUS_OK;
}

static size_t kind_size(enum json_kind kind)
{
    switch (kind) {
    case JSON_STRING:
        return sizeof(struct slice);
    case JSON_BOOL:
        return sizeof(bool);
    case JSON_INT:
        return sizeof(int64_t);
    case JSON_STRINGS:
        return sizeof(struct json_strings);
    default:
        return sizeof(const json_value *);
    }
}

/* The empty value of every kind is zero bytes. */
static void clear_field(const struct decode *d, const struct json_field *field)
{
    memset(d->out + field->offset, 0, kind_size(field->kind));
}

static enum status decode_value(const struct decode *d, const struct json_field *field, const json_value *value)
{
    void *place = d->out + field->offset;
    enum json_kind expected = field->kind == JSON_STRINGS ? JSON_ARRAY : field->kind;
    if (json_kind_of(value) != expected)
        return refuse_field(d, field, kind_wanted(field->kind));
    switch (field->kind) {
    case JSON_STRING:
        *(struct slice *)place = json_string_of(value);
        return STATUS_OK;
    case JSON_BOOL:
        *(bool *)place = json_bool_of(value);
        return STATUS_OK;
    case JSON_INT:
        *(int64_t *)place = json_int_of(value);
        return STATUS_OK;
    case JSON_STRINGS:
        return decode_strings(d, field, value, place);
    default:
        *(const json_value **)place = value;
        return STATUS_OK;
    }
}

static enum status decode_member(struct decode *d, const json_value *member)
{
    size_t row = 0;
    while (d->fields[row].name && strcmp(d->fields[row].name, member->string) != 0)
        row++;
    const struct json_field *field = &d->fields[row];
    if (!field->name)
        return refuse_unknown(d, member);
    bool null = json_kind_of(member) == JSON_NULL;
    if (null && d->null_means == JSON_NULL_IS_ABSENT)
        return STATUS_OK;
    if (null && d->null_means == JSON_NULL_CLEARS)
        clear_field(d, field);
    else
        TRY(decode_value(d, field, member));
    d->given |= UINT64_C(1) << row;
    return STATUS_OK;
}

static enum status check_required(const struct decode *d)
{
    for (size_t row = 0; d->fields[row].name; row++) {
        assert(row < JSON_MAX_MEMBERS);
        if (d->fields[row].required && !(d->given >> row & 1))
            return refuse_field(d, &d->fields[row], "is required");
    }
    return STATUS_OK;
}

enum status json_decode(const json_value *object, const struct json_field *fields, enum json_null null_means,
                        const char *where, struct arena *arena, void *out, uint64_t *ret_given, const char **ret_why)
{
    struct decode d = {fields, null_means, where, arena, out, 0, ret_why};
    if (json_kind_of(object) != JSON_OBJECT) {
        struct buf why = buf_in(arena);
        buf_addf(&why, "%s must be an object", *where ? where : "the JSON text");
        *ret_why = tell_why(&why);
        return STATUS_BAD_INPUT;
    }
    for (const json_value *member = json_first(object); member; member = json_next(member))
        TRY(decode_member(&d, member));
    TRY(check_required(&d));
    if (ret_given)
        *ret_given = d.given;
    return STATUS_OK;
}

enum status json_read_fields(struct slice text, const struct json_field *fields, enum json_null null_means,
                             struct arena *arena, void *out, uint64_t *ret_given, const char **ret_why)
{
    const json_value *value = NULL;
    uint64_t given = 0;
    if (json_flat(text, fields, arena, out, &given)) {
        if (ret_given)
            *ret_given = given;
        return STATUS_OK;
    }
    TRY(json_read(text, arena, &value, ret_why));
    return json_decode(value, fields, null_means, "", arena, out, ret_given, ret_why);
}
