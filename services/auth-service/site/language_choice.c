#include "site/language_choice.h"

#include "site/return_to.h"
#include "site/site.h"

static enum step_result submit_language(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct form form = {0};
    struct slice tag = {0};
    enum status status = site_form(request, &form);
    if (status == STATUS_OK)
        status = form_get_single(&form, "language", &tag);
    if (status == STATUS_OK && !site_offers_language(request, tag))
        status = STATUS_BAD_INPUT;
    if (status != STATUS_OK)
        return site_refuse(request, status, NULL);
    request_reply_start(request, 302);
    site_set_cookie(request, COOKIE_LANGUAGE, tag);
    return site_redirect(request, return_to_page(request, form_get(&form, "return_to", NULL)));
}

const struct step language_submit[] = {
    {"body", request_take_body}, /* waits where it did not come with the head */
    {"submit", submit_language},
    {NULL, NULL},
};
