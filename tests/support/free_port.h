/* free_port: a port of 127.0.0.1 where nobody listens at this moment. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_FREE_PORT_H
#define COUNTERSIGN_TESTS_SUPPORT_FREE_PORT_H

/* Fails the test if there is none. */
int free_port(void);

#endif
