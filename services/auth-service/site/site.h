/* site: what the resource owner's pages share: templates, refusals, forms, the audit log; and by their own headers
 * paths and cookies. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SITE_SITE_H
#define COUNTERSIGN_AUTH_SERVICE_SITE_SITE_H

#include "app/app.h"
#include "durable/changes.h"
#include "durable/users.h"
#include "http/form.h"
#include "http/page.h"
#include "site/cookies.h"
#include "site/paths.h"

/* Replies with a page of pages/, inside the layout and in the reader's language. `title` is a key of the catalogues,
 * whose placeholders are values of the page; the values are those that look_names.c has for the file. `form_action`
 * lists, beside 'self', where its forms may lead; absent: nowhere else. */
enum step_result site_page(struct request *request, int http_status, const char *title, const char *file,
                           const struct page_scope *scope, struct slice form_action);

/* A page that names the problem: 400 for a refusal that has no page status of its own, 503 with
 * Retry-After for a store that is down. Never a redirect. `key` is the catalogues'; NULL: the status's own sentence. */
enum step_result site_refuse(struct request *request, enum status status, const char *key);

/* What a refusal is called: the code of its page, of oauth_problem or error. */
const char *site_problem(enum status status);

/* The catalogues' text of this key in the reader's language, in the request's arena; absent: no memory. The second
 * fills in the values. */
struct slice site_text(struct request *request, const char *key);
struct slice site_text_with(struct request *request, const char *key, const struct page_scope *scope);

/* Whether pages can be had in this language. */
MUST_USE bool site_offers_language(const struct request *request, struct slice tag);

/* 302, never cached. The target is the caller's responsibility. */
enum step_result site_redirect(struct request *request, struct slice target);

/* The form of a POST by this site's own page: the media type is a form's (of files too: http/multipart.h), an Origin
 * that the browser sent is ours (or "null", which our own Referrer-Policy makes of it), and so is a Sec-Fetch-Site. All
 * of that is defence in depth: the form's csrf_token is the caller's to check. STATUS_FORBIDDEN,
 * STATUS_UNSUPPORTED_TYPE, STATUS_MALFORMED, STATUS_NO_MEMORY. */
MUST_USE enum status site_form(struct request *request, struct form *ret_form);

/* Fills in who does it and by which request: "user:" and his subject, or "site" where there is no user. `who` is absent
 * where there is no memory for it, which the durable store answers with NO_MEMORY. */
void site_audit_sign(struct request *request, const struct user *user, struct audit_entry *entry);
/* Writes that row by itself. Completes with the status. */
void site_audit_start(struct request *request, const struct user *user, struct audit_entry *entry,
                      struct ticket ticket);
#endif
