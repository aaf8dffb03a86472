/* One end of the framed link between dns and mta: a non-blocking stream socket with bounded buffers
 * on a loop. Both ends read each other as hostile. Private to dns. On the loop's thread. */
#ifndef DANELAW_DNS_CHANNEL_H
#define DANELAW_DNS_CHANNEL_H

#include "config/base/frame.h"
#include "config/base/loop.h"

struct channel;

struct channel_calls {
    /* False: the frame makes no sense, which closes the channel. Must not free the channel. */
    bool (*on_frame)(void *arg, const struct frame *frame);
    /* The peer is gone or broke the protocol. May free the channel; nothing follows. */
    void (*on_closed)(void *arg, const char *why);
};

struct channel_limits {
    size_t frame; /* octets of the largest body taken */
    size_t out;   /* octets waiting for the peer */
};

/* Takes fd. */
struct channel *channel_new(struct loop *loop, int fd, const struct channel_limits *limits,
                            const struct channel_calls *calls, void *arg);
void channel_free(struct channel **c); /* closes the socket; NULL is fine */
/* Never calls back. False: the peer does not read, nothing was queued. */
MUST_USE bool channel_send(struct channel *c, uint8_t kind, struct slice body);
/* While paused no frame is handed out and nothing is read. Never calls back. */
void channel_pause(struct channel *c, bool paused);

#endif
