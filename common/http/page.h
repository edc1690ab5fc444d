/* page: HTML from templates that are compiled in (base/embedded.h).
 *
 *   {{name}}                the value, escaped for text and for quoted attributes
 *   {{url:name}}            the same for href and src: only http:, https: and paths of this site
 *                           ("/…", "?…", "#…"); anything else becomes "#"
 *   {{{name}}}              HTML that was rendered before (a page inside its frame)
 *   {{#name}}…{{/name}}     once for each row of a list, with the row's values in front; for a text:
 *                           once if it is not empty
 *   {{^name}}…{{/name}}     once if the list or text is empty or absent
 *
 * Invariants: a name that no scope has, a value inside <script> or <style> or outside quotes in a tag,
 * and a section that is not closed are bugs of the template: STATUS_INTERNAL, so that a test finds
 * them. There is no logic, no include, no loop but the list. */
#ifndef COUNTERSIGN_HTTP_PAGE_H
#define COUNTERSIGN_HTTP_PAGE_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/embedded.h"
#include "base/slice.h"
#include "base/status.h"
#include "http/request.h"

#include <stddef.h>

struct page_scope;

struct page_value {
    const char *name;
    struct slice text;
    const struct page_scope *rows; /* not NULL: a list, and text is not looked at */
    size_t row_count;
};

#define PAGE_TEXT(name_, text_)         ((struct page_value){.name = (name_), .text = text_})
#define PAGE_LIST(name_, rows_, count_) ((struct page_value){.name = (name_), .rows = (rows_), .row_count = (count_)})

/* Names are looked up here, then in the scope around. */
struct page_scope {
    const struct page_value *values;
    size_t count;
};

/* Appends the rendered template. */
MUST_USE enum status page_render(struct slice template, const struct page_scope *scope, struct buf *out);

/* Appends the text escaped: & < > " ' `. */
void page_escape(struct buf *out, struct slice text);

/* The template of this name in an embedded table; absent (a bug) without one. */
struct slice page_template(const struct embedded_file *files, const char *name);

/* Adds to a started reply what every page carries: a Content-Security-Policy without scripts, with
 * frame-ancestors 'none' and this form-action ("'self'", "'self' https://client.example"; Chromium
 * applies it to the redirect that answers the POST), X-Content-Type-Options, Referrer-Policy:
 * no-referrer, Cache-Control: no-store. */
void page_headers(struct request *request, struct slice form_action);

#endif
