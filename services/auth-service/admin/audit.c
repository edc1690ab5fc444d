#include "admin/audit.h"

#include "admin/deed.h"
#include "rules/moment.h"
#include "shapes/audit_shape.h"

static enum status judge_names(struct deed *deed, const char **ret_why)
{
    static const char *const names[] = {"client", "user", "actor"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct slice value = deed_query(deed, names[i]);
        if (!slice_is_absent(value) && !value.len)
            return deed_wrong(deed, ret_why, "%s: it must not be empty; leave it out for all", names[i]);
    }
    return STATUS_OK;
}

static enum status read_time(const struct deed *deed, struct durable *db, const char *name, struct deed_answer *answer,
                             int64_t *ret_ms)
{
    struct slice text = deed_query(deed, name);
    if (slice_is_absent(text) || moment_read(text, clock_wall_ms(db->clock), ret_ms))
        return STATUS_OK;
    return deed_refuse(answer, 400, "%s: it is no time; send 2026-11-28T14:02 (UTC), or how long ago: 15m, 2h, 7d",
                       name);
}

static enum status list_narrowed(const struct deed *deed, struct durable *db, const struct audit_filter *filter,
                                 struct deed_answer *answer)
{
    struct deed_list list = deed_list_begin(deed, answer, "audit");
    while (!list.is_over) {
        struct audit_page *rows = NULL;
        TRY(durable_audit_list_blocking(db, filter, list.page, &rows));
        for (size_t i = 0; i < rows->count; i++)
            if (deed_list_takes(&list, rows->entries[i].id, NULL, 0))
                audit_shape_write(&list.json, &rows->entries[i]);
        deed_list_took(&list, rows->count);
        audit_page_free(rows);
    }
    deed_list_end(&list);
    return STATUS_OK;
}

static enum status do_list_audit(const struct deed *deed, struct durable *db, struct deed_answer *answer)
{
    struct audit_filter filter = {
        .client = deed_query(deed, "client"), .user = deed_query(deed, "user"), .who = deed_query(deed, "actor")};
    TRY(read_time(deed, db, "since", answer, &filter.since_ms));
    TRY(read_time(deed, db, "until", answer, &filter.until_ms));
    return list_narrowed(deed, db, &filter, answer);
}

static const char *const audit_query[] = {"page_size", "page_token", "since", "until", "client", "user", "actor", NULL};
static const struct deed_kind audit_kind = {
    .noun = "row", .query = audit_query, .is_list = true, .judge = judge_names, .work = do_list_audit};

DEED_ENDPOINT(audit_deeds_list, audit_kind);
