/* language_choice: a reader chooses the language of the pages (look/language.h has the rule). */
#ifndef COUNTERSIGN_AUTH_SERVICE_SITE_LANGUAGE_CHOICE_H
#define COUNTERSIGN_AUTH_SERVICE_SITE_LANGUAGE_CHOICE_H

#include "loop/flow.h"

/* POST /language: keeps the choice in a cookie, and goes back to the page where it was made. */
extern const struct step language_submit[];

#endif
