/* Who fails to authenticate waits. The first failures of a client cost nothing, they are typing errors;
 * from the third on its attempts are judged one after the other, 1, 2, 4, 8 and then 16 seconds
 * apart, right or wrong, so that hanging up early tells nothing. One failure a minute is
 * forgotten. A client is an IPv4 address or an IPv6 /64. Pure; one owner. */
#ifndef DANELAW_AUTH_THROTTLE_H
#define DANELAW_AUTH_THROTTLE_H

#include "config/base/ip.h"
#include "config/base/limits.h"

struct throttle;
struct throttle *throttle_new(void);
void throttle_free(struct throttle **t);
/* An attempt at now_ms: how long it has to wait, 0 to LIMIT_AUTH_WAIT_MS; its place is taken. -1: too many
 * wait already, no place is taken. */
int64_t throttle_wait(struct throttle *t, const struct ip *client, int64_t now_ms);
void throttle_failed(struct throttle *t, const struct ip *client, int64_t now_ms);
size_t throttle_clients(const struct throttle *t); /* remembered; at most LIMIT_AUTH_CLIENTS */

#endif
