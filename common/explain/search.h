/* explain_search: the search for the one change that makes a signature match; what the files of tries share. */
#ifndef COUNTERSIGN_EXPLAIN_SEARCH_H
#define COUNTERSIGN_EXPLAIN_SEARCH_H

#include "explain/explain.h"

struct search {
    const struct message *message;
    const struct explain_options *options;
    struct slice base_string; /* what our side signed */
    struct signer *signer;
    struct arena *scratch; /* reset before every try */
    struct buf *hint;      /* the sentence, once found */
    const char *what;      /* the try that is under way */
    struct buf tried;      /* for the reader, when nothing matched */
    unsigned tries;        /* verified */
    bool found;
    enum status status;
};

/* Whether another try is due; the budget bounds what one request can cost. */
MUST_USE bool search_may_try(struct search *search, const char *what);

/* One signature verified by one variation: what all tries end in. `hint` is the answer if it matches. */
void search_try_signature(struct search *search, const struct signature_method *method, const struct buf *shared_key,
                          struct slice base_string, struct slice signature, const char *hint);
/* The key of the given secrets. */
struct buf search_right_key(const struct search *search);
/* The request's own signature over another base string; `built` tells whether there is one. A variation that changes
 * nothing is no try. */
void search_try_base_string(struct search *search, enum status built, struct slice base_string, const char *hint);
/* The same over another request's. */
void search_try_message(struct search *search, const struct message *variant, const char *hint);

/* What libraries and clients that somebody wrote by hand get wrong, beyond what the interface promises: with the tries
 * that are left. */
void search_habits(struct search *search);

#endif
