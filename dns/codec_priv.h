/* Values that more than one frame between dns and mta holds. A reader that meets a bad one is failed.
 * Private to dns. Pure. */
#ifndef DANELAW_DNS_CODEC_PRIV_H
#define DANELAW_DNS_CODEC_PRIV_H

#include "config/base/frame.h"
#include "config/base/ip.h"
#include "dns/name.h"

MUST_USE bool codec_put_ip(struct buf *b, const struct ip *ip);

struct ip codec_get_ip(struct frame_reader *r);
unsigned codec_get_below(struct frame_reader *r, unsigned end); /* one octet: an enum, a flag */
/* A normalised name; false, and out is "", if it is none. */
bool codec_get_name(struct frame_reader *r, char out[DNS_NAME_MAX]);
/* Printable ASCII, at most max octets. Borrows from the body. */
struct slice codec_get_words(struct frame_reader *r, size_t max);

#endif
