/* visitor: the logged-in user of a page, whichever way he logged in: password, the site's login, the proxy's header.
 *
 * A page for logged-in users has request->state that begins with a struct visitor, and a table that begins so:
 *
 *     {"body", request_take_body}, // POST alone: waits where it did not come with the head
 *     {"visitor", begin_page},     // calls visitor_begin; waits: the session
 *     {"user", visitor_load},      // waits: the user
 *     {"enter", visitor_enter},    // to the login where nobody is logged in; POST: the form is this session's
 *     {"recent", visitor_prove},   // where secrets are shown, or given another owner: logged in a moment ago
 *
 * Whoever gets beyond them is there, enabled, and may do to what is his own what the page is for: that it is his own is
 * the page's to check. Each form of the page has the field `csrf_token` with visitor->session->csrf. site_page makes
 * the answer one that is never kept and never framed. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_VISITOR_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_VISITOR_H

#include "app/app.h"
#include "base/attributes.h"
#include "durable/changes.h"
#include "durable/users.h"
#include "ephemeral/ephemeral.h"
#include "http/form.h"

/* How long a login counts as recent: by password, and by the site, whose sessions end after ten minutes anyhow. */
enum { VISITOR_RECENT_MS = 600 * 1000, VISITOR_RECENT_AT_SITE_MS = 300 * 1000 };

struct visitor {
    const struct session *session;
    const struct user *user;
    struct form form;         /* POST */
    struct slice page;        /* where a login comes back to */
    const struct user *named; /* whom the trusted header names; NULL: there is no such header here */
};

/* Makes request->state of so many bytes and asks for the session: waits, or refuses. `page` is the path that a login
 * comes back to, as its route has it ("/account/security"), raw where there is a value in it; a GET's query is added.
 */
enum step_result visitor_begin(struct flow *flow, size_t state_size, struct slice page);

/* The steps, in this order. */
enum step_result visitor_load(struct flow *flow);
enum step_result visitor_enter(struct flow *flow);
/* Sends to log in once more whoever did so too long ago; he comes back to the page, and repeats what he was about to
 * do. Under the trusted header nobody can be asked again: the proxy vouches for each request. */
enum step_result visitor_prove(struct flow *flow);

/* The row of the audit log for what he does, as "user:" and his subject, to what (site_audit_sign). */
struct audit_entry visitor_entry(struct flow *flow, const char *what, struct slice subject);
/* Writes that row before he does what no transaction of the database holds: waits. */
enum step_result visitor_audit(struct flow *flow, const char *what, struct slice subject);

/* Whether the user of a session may go on by it: not one who is disabled, who logged in by a way that is closed now (a
 * site's user while passwords are taken, or the reverse), who is another than the proxy names, or of whom something was
 * changed since somebody vouched for him: a password, or that he logged out everywhere. */
MUST_USE bool visitor_may_come(const struct request *request, const struct session *session, const struct user *user);

#endif
