/* page: HTML from templates.
 *
 *   {{name}}                the value, escaped for text and for quoted attributes
 *   {{url:name}}            the same for href and src: only http:, https: and paths of this site
 *                           ("/…", "?…", "#…"); anything else becomes "#"
 *   {{t:key}}               the catalogue's text of this key (http/catalogue.h), escaped; its {name} is the value,
 *                           isolated by <bdi> where text stands, so that nothing in it turns the sentence around
 *   {{{name}}}              HTML that was rendered before (a page inside its frame)
 *   {{#name}}…{{/name}}     once for each row of a list, with the row's values in front; for a text:
 *                           once if it is not empty
 *   {{^name}}…{{/name}}     once if the list or text is empty or absent
 *
 * Invariants: a name that no scope has, a key that the catalogue does not have, a value inside <script> or <style> or
 * outside quotes in a tag, and a section that is not closed are bugs of the template: STATUS_INTERNAL, which page_check
 * finds beforehand. There is no logic, no include, no loop but the list. */
#ifndef COUNTERSIGN_HTTP_PAGE_H
#define COUNTERSIGN_HTTP_PAGE_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/embedded.h"
#include "base/slice.h"
#include "base/status.h"
#include "http/catalogue.h"
#include "http/request.h"

#include <stddef.h>

struct page_scope;

struct page_value {
    const char *name;
    struct slice text;
    const struct page_scope *rows; /* not NULL: a list, and text is not looked at */
    size_t row_count;
    bool is_html; /* text is HTML that was rendered before; only then {{{name}}} may be written */
};

#define PAGE_TEXT(name_, text_)         ((struct page_value){.name = (name_), .text = text_})
#define PAGE_HTML(name_, text_)         ((struct page_value){.name = (name_), .text = text_, .is_html = true})
#define PAGE_FLAG(name_, is_so_)        PAGE_TEXT(name_, (is_so_) ? SLICE("yes") : SLICE("")) /* for {{#name}} */
#define PAGE_LIST(name_, rows_, count_) ((struct page_value){.name = (name_), .rows = (rows_), .row_count = (count_)})

/* Names are looked up here, then in the scope around. */
struct page_scope {
    const struct page_value *values;
    size_t count;
};

/* Appends the rendered template. `texts` NULL: there is no catalogue. */
MUST_USE enum status page_render(struct slice template, const struct catalogue *texts, const struct page_scope *scope,
                                 struct buf *out);

/* What is wrong with a template, and where. */
struct page_fault {
    const char *why;   /* a literal */
    struct slice name; /* of the tag or text at fault; may be empty */
    size_t line;       /* from 1 */
};

/* Goes through every section of the template, whatever the values are. STATUS_BAD_INPUT: *ret_fault is the first
 * fault. A list of `scope` needs a row, whose values are those that its section may use. STATUS_NO_MEMORY. */
MUST_USE enum status page_check(struct slice template, const struct catalogue *texts, const struct page_scope *scope,
                                struct arena *arena, struct page_fault *ret_fault);

/* Appends the text of a key as plain text: nothing is escaped, and values stand in it as they are. STATUS_INTERNAL:
 * there is no such key, or no such value. */
MUST_USE enum status page_phrase(const struct catalogue *texts, struct slice key, const struct page_scope *scope,
                                 struct buf *out);

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
