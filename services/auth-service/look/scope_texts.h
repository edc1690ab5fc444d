/* scope_texts: what scopes mean in plain words, from the operator's file (OAUTH1_SCOPES_FILE):
 *
 *   {"photos:read": {"text": "See your photos", "group": "Photos", "dangerous": false, "self_service": true,
 *                    "languages": {"de": {"text": "Ihre Fotos ansehen", "group": "Fotos"}}}}
 *
 * Only `text` is required. Immutable; lives in the arena that it was read into. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOOK_SCOPE_TEXTS_H
#define COUNTERSIGN_AUTH_SERVICE_LOOK_SCOPE_TEXTS_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* In one language; `language` is absent for the text that all others fall back on. */
struct scope_words {
    struct slice language;
    struct slice text;
    struct slice group; /* absent: no group */
};

struct scope_text {
    struct slice name;
    const struct scope_words *words; /* the fallback first */
    size_t word_count;
    bool dangerous;
    bool self_service; /* whoever registers his own client may ask for it */
};

struct scope_texts {
    const struct scope_text *scopes;
    size_t count;
};

/* STATUS_BAD_INPUT: *ret_why says what is wrong, and with which scope; STATUS_NO_MEMORY. */
MUST_USE enum status scope_texts_read(struct slice json, struct arena *arena, struct scope_texts *ret_texts,
                                      const char **ret_why);

/* NULL: the file does not have it. */
const struct scope_text *scope_texts_find(const struct scope_texts *texts, struct slice name);

/* The words in this language, or the fallback. Their group is the fallback's where the language names none. */
struct scope_words scope_words_in(const struct scope_text *scope, struct slice language);

#endif
