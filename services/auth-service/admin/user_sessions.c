#include "admin/user_sessions.h"

#include "admin/admin.h"
#include "durable/changes.h"
#include "durable/users.h"

/* request->state */
struct sessions_end {
    struct admin_call call; /* first */
    const struct user *user;
};

static enum step_result find_whose(struct flow *flow)
{
    struct request *request = request_of(flow);
    enum step_result begun = admin_begin(flow, ADMIN_FOR_SITES_TOO, sizeof(struct sessions_end));
    if (begun != STEP_NEXT)
        return begun;
    durable_user_find_by_subject_start(app_of(request)->durable, admin_path_value(request, 0),
                                       flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

/* A site's token does not tell which accounts were made here, nor does it end their sessions. */
static bool may_end(const struct admin_call *call, const struct user *user)
{
    return call->bearer.role != BEARER_LOGIN || user->source == USER_OF_SITE;
}

/* First for what is begun and not yet a session; the change that is written ends sessions everywhere, later. */
static enum step_result end_for_later(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct sessions_end *it = request->state;
    void *user = NULL;
    enum status status = flow_outcome(flow, &user);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && !may_end(&it->call, user)))
        return admin_refuse(request, 404, "there is no user with this sub");
    if (status != STATUS_OK)
        return admin_refuse_status(request, status);
    it->user = user;
    const struct audit_entry entry = {.who = it->call.bearer.name,
                                      .what = SLICE("user.end-sessions"),
                                      .subject = it->user->subject,
                                      .request = request_id(request)};
    durable_user_end_sessions_start(app_of(request)->durable, it->user->id, &entry, flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result end_now(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct buf id = buf_in(&request->arena);
    enum status status = flow_outcome(flow, NULL);
    if (status != STATUS_OK)
        return admin_refuse_status(request, status);
    buf_add_i64(&id, ((const struct sessions_end *)request->state)->user->id);
    ephemeral_end_start(app_loop_of(request)->ephemeral, EPHEMERAL_USER, buf_slice(&id),
                        flow_wait(flow, STORE_TIMEOUT_MS));
    return STEP_WAIT;
}

static enum step_result tell_ended(struct flow *flow)
{
    struct request *request = request_of(flow);
    enum status status = flow_outcome(flow, NULL);
    if (status != STATUS_OK)
        return admin_refuse_status(request, status);
    request_reply_start(request, 204);
    request_reply_send(request);
    return STEP_REPLY;
}

const struct step user_sessions_end[] = {
    {"user", find_whose},     /* waits: whose */
    {"later", end_for_later}, /* waits: that what was begun for the user goes on no more, and who ends it */
    {"now", end_now},         /* waits: the sessions' end */
    {"reply", tell_ended},    {NULL, NULL},
};
