/* free_port: a port of 127.0.0.1 where nobody listens. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_FREE_PORT_H
#define COUNTERSIGN_TESTS_SUPPORT_FREE_PORT_H

/* Another one each time, which nobody gets meanwhile: neither a connection nor another test. Fails the test if there is
 * none. */
int free_port(void);

#endif
