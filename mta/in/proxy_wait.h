/* Connections of proxies on their way in: each must say its PROXY header before anybody is counted,
 * greeted or shakes hands, so that admission counts the clients and not the proxy. Main loop.
 *
 * A header that is malformed, late or never comes ends the connection without a word, and an event
 * tells of it. Nothing behind the header is taken from the socket. */
#ifndef DANELAW_IN_PROXY_WAIT_H
#define DANELAW_IN_PROXY_WAIT_H

#include "config/base/ip.h"
#include "config/base/loop.h"

struct proxy_waits;

/* The header is there: fd is the receiver's now; client: whom the proxy speaks for, or the proxy itself. */
typedef void proxy_wait_done(void *door, int fd, const struct ip_port *client);

struct proxy_waits *proxy_waits_new(struct loop *loop, proxy_wait_done *done);
/* Takes fd (accepted, non-blocking). door: for done; it stays as long as the set. listener: for the log. */
void proxy_wait(struct proxy_waits *w, int fd, const struct ip_port *peer, const char *listener,
                void *door);
void proxy_waits_drop(struct proxy_waits *w);  /* closes all that wait */
void proxy_waits_free(struct proxy_waits **w); /* the same, and NULLs the pointer; NULL is fine */

#endif
