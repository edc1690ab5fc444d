/* oauth_reply: what initiate and token share at both ends of HTTP: how a request is described to
 * the check, and how its verdict goes out. */
#ifndef COUNTERSIGN_AUTH_SERVICE_PROTOCOL_OAUTH_REPLY_H
#define COUNTERSIGN_AUTH_SERVICE_PROTOCOL_OAUTH_REPLY_H

#include "base/attributes.h"
#include "base/buf.h"
#include "http/request.h"
#include "oauth/problem.h"
#include "verify/check.h"

/* Fills purpose, rules, arena, request and secure. The URL is scheme and authority of
 * OAUTH1_PUBLIC_URL with the target as received, its path prefix put back where a proxy stripped it;
 * whatever Host says. STATUS_NO_MEMORY. */
MUST_USE enum status oauth_describe(struct request *request, enum check_purpose purpose, struct check *ret_check);

/* The refusal as a form body with both vocabularies, `no-store`, one WWW-Authenticate with a 401, and
 * Retry-After with a 503. The step answers with its result. */
enum step_result oauth_refuse(struct request *request, const struct problem *problem);
/* 429: after `wait_s` more requests are let in. */
enum step_result oauth_slow_down(struct request *request, int64_t wait_s);
/* The same as oauth_refuse for a status without details. */
enum step_result oauth_refuse_status(struct request *request, enum status status);

/* 200 with this form body, `no-store`. `jti` names the token that it brings; absent: none. */
enum step_result oauth_reply_form(struct request *request, const struct buf *form, struct slice jti);

#endif
