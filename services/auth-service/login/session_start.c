#include "login/session_start.h"

#include "crypto/random.h"
#include "login/where_from.h"
#include "site/site.h"

enum { CSRF_BYTES = 32 };
enum { STARTED_NEW, ENDED_OLD, STARTED_COUNT };

enum step_result session_start(struct flow *flow, const struct session *session, int64_t ttl_ms, size_t more,
                               struct ticket *ret_more, char id[SESSION_ID_BYTES])
{
    struct request *request = request_of(flow);
    struct ephemeral *ephemeral = app_loop_of(request)->ephemeral;
    struct session fresh = *session;
    char csrf[CSRF_BYTES];
    struct ticket tickets[STARTED_COUNT + SESSION_MORE_MAX];
    enum status status = random_text(id, SESSION_ID_BYTES);
    if (status == STATUS_OK)
        status = random_text(csrf, sizeof csrf);
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    fresh.csrf = slice_of(csrf, sizeof csrf);
    fresh.came_from = where_from(request);
    flow_wait_group(flow, STARTED_COUNT + more, STORE_TIMEOUT_MS, tickets);
    ephemeral_session_create_start(ephemeral, slice_of(id, SESSION_ID_BYTES), &fresh, ttl_ms, tickets[STARTED_NEW]);
    ephemeral_session_delete_start(ephemeral, site_cookie(request, COOKIE_SESSION), tickets[ENDED_OLD]);
    for (size_t i = 0; i < more; i++)
        ret_more[i] = tickets[STARTED_COUNT + i];
    return STEP_WAIT;
}

enum status session_started(struct flow *flow, size_t more)
{
    for (size_t i = 0; i < STARTED_COUNT + more; i++)
        TRY(flow_outcome_at(flow, i, NULL));
    return STATUS_OK;
}

void session_audit_start(struct request *request, const char *what, const struct user *user, struct slice client,
                         struct ticket ticket)
{
    struct audit_entry entry = {.what = slice_str(what), .subject = user->subject, .client = client};
    site_audit_start(request, user, &entry, ticket);
}
