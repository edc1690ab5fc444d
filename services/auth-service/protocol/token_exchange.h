/* token_exchange: POST token. */
#ifndef COUNTERSIGN_AUTH_SERVICE_PROTOCOL_TOKEN_EXCHANGE_H
#define COUNTERSIGN_AUTH_SERVICE_PROTOCOL_TOKEN_EXCHANGE_H

#include "loop/flow.h"

extern const struct step token_exchange[];

#endif
