#include "site/not_found.h"

#include "http/problem_reply.h"
#include "site/site.h"

/* Browsers name it for every page; programs that take anything do not. */
static bool wants_page(const struct request *request)
{
    struct slice accept = request_header(request, "Accept", NULL);
    return slice_find_slice(accept, SLICE("text/html")) < accept.len;
}

static enum step_result tell_nowhere(struct flow *flow)
{
    static const struct problem_detail problem = {
        .detail = SLICE_INIT("this port has no such path: check the path, and the port")};
    static const struct page_scope scope = {0};
    struct request *request = request_of(flow);
    if (wants_page(request))
        return site_page(request, 404, "not_found.title", "not_found.html", &scope, SLICE_ABSENT);
    problem_reply(request, 404, &problem);
    return STEP_REPLY;
}

const struct step not_found[] = {{"reply", tell_nowhere}, {NULL, NULL}};
