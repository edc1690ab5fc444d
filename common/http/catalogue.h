/* catalogue: the sentences of pages in one language, by key. A catalogue is a JSON object of objects of texts:
 *
 *   {"login": {"title": "Log in", "who": "{client_name} asks for access."}}
 *
 * gives the keys "login.title" and "login.who". {name} stands for a value of the page (http/page.h).
 *
 * Invariants: keys are sorted and stand once; a text is not empty, its braces enclose names and nothing else. A
 * catalogue is immutable, and lives in the arena that it was read into. */
#ifndef COUNTERSIGN_HTTP_CATALOGUE_H
#define COUNTERSIGN_HTTP_CATALOGUE_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

struct catalogue_text {
    struct slice key;
    struct slice text;
};

struct catalogue {
    const struct catalogue_text *texts;
    size_t count;
};

/* STATUS_BAD_INPUT: *ret_why says what is wrong, and with which key; STATUS_NO_MEMORY. */
MUST_USE enum status catalogue_read(struct slice json, struct arena *arena, struct catalogue *ret_catalogue,
                                    const char **ret_why);

/* Absent where there is no such key. */
struct slice catalogue_find(const struct catalogue *catalogue, struct slice key);

/* Compares with the model, which the pages were written for. Each key that is missing or unknown, and each text whose
 * placeholders are others than the model's, adds a line to `problems` that names `file` and the key. */
void catalogue_check(const struct catalogue *catalogue, const struct catalogue *model, const char *file,
                     struct buf *problems);

/* Whether it may be a placeholder's name, or half a key: a-z, 0-9 and _. */
MUST_USE bool catalogue_is_name(struct slice text);

/* A piece of a text: words, or the name of a placeholder. False at the end of *rest. */
struct catalogue_piece {
    struct slice text;
    bool is_name;
};
bool catalogue_next_piece(struct slice *rest, struct catalogue_piece *ret_piece);

#endif
