/* params: the parameters of a signed request, collected in one pass from the Authorization header,
 * the query and a form body (RFC 5849 §3.4.1.3.1), each in the canonical percent-encoding that is
 * sorted and signed (§3.4.1.3.2). */
#ifndef COUNTERSIGN_OAUTH_PARAMS_H
#define COUNTERSIGN_OAUTH_PARAMS_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/percent.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

enum param_source { PARAM_FROM_HEADER, PARAM_FROM_QUERY, PARAM_FROM_BODY };

struct oauth_param {
    struct slice name;  /* canonically encoded; borrows from the request if it was sent like that */
    struct slice value; /* likewise; empty for "c2" and "c2=" */
    uint64_t order;     /* the first 8 bytes of the name: most comparisons need no more */
    enum param_source source;
    bool is_plain;  /* neither name nor value holds an escape */
    bool is_oauth;  /* the decoded name begins with "oauth_" */
    bool is_signed; /* false for oauth_signature alone (RFC 5849 §3.4.1.3.1) */
};

enum { OAUTH_PARAMS_MAX = 256 };

struct oauth_params {
    struct oauth_param *rows; /* in the order sent */
    size_t count;
    size_t capacity;
};

/* Makes room for `capacity` parameters to begin with, at most OAUTH_PARAMS_MAX. STATUS_NO_MEMORY. */
MUST_USE enum status params_init(struct oauth_params *params, struct arena *arena, size_t capacity);

/* Adds one parameter as it was sent. STATUS_MALFORMED: a percent-encoding is broken. STATUS_TOO_LARGE: there are
 * OAUTH_PARAMS_MAX parameters already. STATUS_NO_MEMORY. */
MUST_USE enum status params_add(struct oauth_params *params, struct arena *arena, struct slice name, struct slice value,
                                enum plus plus, enum param_source source);

/* The same for a name and a value of unreserved characters alone (RFC 5849 §3.6), which are their own
 * encoding. */
MUST_USE enum status params_add_plain(struct oauth_params *params, struct arena *arena, struct slice name,
                                      struct slice value, enum param_source source);

/* Adds all parameters of a query or of a form's body. '&' separates them, '+' is a space, "a" means "a=", and nothing
 * between two '&' is no parameter. Errors as params_add. */
MUST_USE enum status params_add_form(struct oauth_params *params, struct arena *arena, struct slice form,
                                     enum param_source source);

/* Returns pointers to the signed parameters, sorted by the bytes of the name and then of the value (RFC 5849
 * §3.4.1.3.2); NULL if there is no memory. */
MUST_USE const struct oauth_param **params_sorted(const struct oauth_params *params, struct arena *arena,
                                                  size_t *ret_count);

/* Decodes a canonically encoded text. The result borrows from it if nothing was encoded, and is absent if there is no
 * memory. */
MUST_USE struct slice params_decoded(struct slice canonical, struct arena *arena);

#endif
