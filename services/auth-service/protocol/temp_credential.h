/* temp_credential: POST initiate. */
#ifndef COUNTERSIGN_AUTH_SERVICE_PROTOCOL_TEMP_CREDENTIAL_H
#define COUNTERSIGN_AUTH_SERVICE_PROTOCOL_TEMP_CREDENTIAL_H

#include "loop/flow.h"

extern const struct step temp_credential_issue[];

#endif
