/* scope_list: scopes as pages show them: in plain words where the operator's file has them, in groups. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SITE_SCOPE_LIST_H
#define COUNTERSIGN_AUTH_SERVICE_SITE_SCOPE_LIST_H

#include "site/frame.h"

#include <stdbool.h>

struct scope_list {
    struct page_value groups; /* "groups(group scopes(scope text dangerous))" */
    size_t count;             /* of scopes */
    bool has_dangerous;
};

/* All scopes of the list: what is not shown is not consented to. Those of no group come first, or they would seem to be
 * of one; groups in the order of their first scope. The words live as long as the view. */
MUST_USE enum status scope_list_describe(struct arena *arena, const struct frame_view *view, struct slice scopes,
                                         struct scope_list *ret_list);

#endif
