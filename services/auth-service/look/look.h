/* look: what pages are made of: templates, catalogues, the brand, the words of scopes. Built in, or the operator's
 * (OAUTH1_PAGES_DIR, OAUTH1_BRAND_*, OAUTH1_SCOPES_FILE).
 *
 * Invariants: a look is whole and checked: every template renders with every catalogue, whatever a page's values are.
 * It is immutable; who has taken one keeps it until he gives it back, also while another takes its place (SIGHUP). */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOOK_LOOK_H
#define COUNTERSIGN_AUTH_SERVICE_LOOK_LOOK_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/embedded.h"
#include "config/config.h"
#include "http/page.h"
#include "look/scope_texts.h"

struct look_language {
    struct slice tag;
    struct slice name; /* in itself: "Deutsch" */
    struct catalogue texts;
};

/* A file that is served as it is, and what its address is made with, so that browsers may keep it for ever. */
struct look_file {
    struct slice bytes;
    char hash[17];
};

struct look {
    struct arena arena;
    unsigned taken;                        /* of the holder, which is one that took it */
    const struct embedded_file *templates; /* as the built-in ones; ends with a row without a name */
    const struct look_language *languages; /* offered, in order; at least one */
    size_t language_count;
    struct scope_texts scopes;
    struct slice brand;                                                    /* the name of the site */
    struct slice terms_url, privacy_url, help_url, forgotten_password_url; /* empty: none */
    struct look_file style, brand_style, logo;                             /* no bytes: no logo */
};

/* Reads and checks. STATUS_BAD_INPUT: a line for each problem was appended, with the variable, the file, and the line
 * or the key. STATUS_NO_MEMORY. */
MUST_USE enum status look_read_blocking(const struct config *config, struct buf *problems, struct look **ret_look);
void look_free(struct look *look);

/* The one that is in use. */
struct look_holder;
/* Takes the look over. NULL: no memory. */
MUST_USE struct look_holder *look_holder_new(struct look *look);
/* After all who took from it gave back. NULL is fine. */
void look_holder_free(struct look_holder *holder);
/* Another look takes its place. */
void look_holder_replace(struct look_holder *holder, struct look *look);
/* From any thread. Each look that was taken is given back. */
struct look *look_take(struct look_holder *holder);
void look_give_back(struct look_holder *holder, struct look *look);

/* The built-in ones, which `pages export` writes: pages and style sheet, and a catalogue each language. */
extern const struct embedded_file auth_pages[];
extern const struct embedded_file auth_catalogues[];

#endif
