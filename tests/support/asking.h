/* asking: calls a `…_start` function from a test and waits for its answer, on a loop of its own.
 *
 *     asking_init(&asking, &clock);
 *     ephemeral_temp_find_start(view, token, client_id, asking_ticket(&asking));
 *     const struct temp_credential *temp = asking_answer(&asking, STATUS_OK);
 *
 * An answer lives until the next ticket. One thread, one asking. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_ASKING_H
#define COUNTERSIGN_TESTS_SUPPORT_ASKING_H

#include "base/clock.h"
#include "loop/flow.h"

struct asking {
    struct loop *loop;
    struct flow flow;
    struct ticket question;
    struct ticket hold;   /* keeps the flow, and with it the answer, until the next question */
    unsigned patience_ms; /* 0: 20 s */
    enum status status;
    void *result;
    bool is_open;
    bool is_answered;
};

void asking_init(struct asking *asking, const struct clock *clock);
void asking_done(struct asking *asking);

/* Ends the last question and begins another. */
struct ticket asking_ticket(struct asking *asking);
/* Runs the loop until the ticket is completed: with what status, and what result. */
enum status asking_wait(struct asking *asking, void **ret_result);
/* The same, where the test knows the status. */
#define asking_answer(asking, expected) asking_check((asking), (expected), __FILE__, __LINE__)
void *asking_check(struct asking *asking, enum status expected, const char *file, int line);

#endif
