/* search: the search for the one change that makes a signature match. All files that try changes share it. */
#ifndef COUNTERSIGN_EXPLAIN_SEARCH_H
#define COUNTERSIGN_EXPLAIN_SEARCH_H

#include "explain/explain.h"

struct search {
    const struct message *message;
    const struct explain_options *options;
    struct slice base_string; /* the one that the request gives */
    struct signer *signer;
    struct arena *scratch; /* reset before every try */
    struct buf *hint;      /* the sentence, once found */
    const char *what;      /* the try that is under way */
    struct buf tried;      /* names of all tries, for the reader if nothing matches */
    unsigned tries;        /* how many signatures were verified */
    bool found;
    enum status status;
};

/* Whether there may be another try. The number of tries is bounded, and with it what one request can cost. */
MUST_USE bool search_may_try(struct search *search, const char *what);

/* Verifies the signature in one variation. All tries end here. `hint` is the answer if the signature matches. */
void search_try_signature(struct search *search, const struct signature_method *method, const struct buf *shared_key,
                          struct slice base_string, struct slice signature, const char *hint);
/* Returns the shared key of the given secrets. */
struct buf search_right_key(const struct search *search);
/* Tries the signature that was sent over another base string. `built` is the status of whoever built that string. A
 * base string that does not differ is no try. */
void search_try_base_string(struct search *search, enum status built, struct slice base_string, const char *hint);
/* Tries the signature that was sent over the base string of another request. */
void search_try_message(struct search *search, const struct message *variant, const char *hint);

/* Tries, with what is left of the budget, what libraries and hand-written clients get wrong beyond what the interface
 * promises. */
void search_habits(struct search *search);

#endif
