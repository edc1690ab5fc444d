#include "support/free_port.h"

#include "support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* Below those that connections get from the kernel, and a hundred for each of the processes that run beside one
 * another. */
enum { PORTS_BEGIN = 4000, PORTS = 8000, PORTS_OF_A_PROCESS = 100 };

static bool is_free(int port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_bound = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    (void)close(fd);
    return is_bound;
}

int free_port(void)
{
    static unsigned tried;
    for (unsigned end = tried + PORTS; tried != end;) {
        unsigned place = (unsigned)getpid() * PORTS_OF_A_PROCESS + tried++;
        int port = PORTS_BEGIN + (int)(place % PORTS);
        if (is_free(port))
            return port;
    }
    fail_msg("no port is free");
    return 0;
}
