/* listen: opens listening sockets, so that a mistake is told before anything runs. */
#ifndef COUNTERSIGN_HTTP_LISTEN_H
#define COUNTERSIGN_HTTP_LISTEN_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/status.h"
#include "http/http_server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The sockets of one address, non-blocking and close-on-exec: one a loop, or for a socket file one that
 * all loops share. */
struct listener {
    int *fds;
    size_t fd_count;
    uint16_t port;     /* 0: a socket file */
    char *unix_path;   /* NULL: TCP */
    dev_t unix_device; /* with unix_inode: the file that we made */
    ino_t unix_inode;
};

/* Whether this machine has the address, or a socket file can be made where it names one. No file is made, and whether
 * somebody listens there already is not asked. BAD_INPUT: `why` gets a sentence with the address. */
MUST_USE enum status listener_check_blocking(const struct http_listen *address, struct buf *why);
/* Whether one process cannot listen on both, each of which listener_check_blocking finds good: by what the kernel says
 * of them at another port, and by the directory that a socket file is in. */
MUST_USE bool listeners_meet_blocking(const struct http_listen *a, const struct http_listen *b);
/* `count` sockets for TCP, one for a socket file. `why` gets a sentence with the address. */
MUST_USE enum status listener_open(struct listener *listener, const struct http_listen *address, size_t count,
                                   struct buf *why);
/* Removes the socket file, if it is still ours, and lets nobody connect any more. The descriptor stays open:
 * a loop that shares it may not have told the kernel yet that it let go. Nothing for TCP. */
void listener_stop_unix(struct listener *listener);
/* Before closing the TCP sockets, which stay open: whoever begins to connect from now on is refused, and whoever has
 * begun gets through. Closing alone would cut off whom the kernel has taken meanwhile. It ties them to an interface
 * that there is not, which a socket that is tied to none may do without privileges (Linux 5.7); nothing happens on an
 * older one. Any thread may call it, before the loops close theirs. */
void listener_turn_away(struct listener *listener);
/* Closes one loop's TCP socket. */
void listener_close_one(struct listener *listener, size_t index);
/* Closes what is open; the port is remembered. Fine for a zeroed one. */
void listener_close(struct listener *listener);

#endif
