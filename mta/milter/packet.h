/* Packets of the milter protocol: ours are written, the filter's are cut out of the stream. Pure.
 *
 * Writers append one packet, or nothing and false where it does not fit. */
#ifndef DANELAW_MILTER_PACKET_H
#define DANELAW_MILTER_PACKET_H

#include "config/base/buf.h"
#include "config/base/ip.h"
#include "mta/milter/milter.h"

struct milter_macro {
    const char *name; /* "i", "{mail_addr}" */
    const char *value;
};

MUST_USE bool milter_put_options(struct buf *out, uint32_t actions, uint32_t steps);
MUST_USE bool milter_put_macros(struct buf *out, enum milter_command of,
                                const struct milter_macro *macros, size_t n);
/* name: the client's, or its address in brackets. */
MUST_USE bool milter_put_connect(struct buf *out, const char *name, const struct ip_port *client);
/* HELO. */
MUST_USE bool milter_put_text(struct buf *out, enum milter_command command, struct slice text);
/* MAIL and RCPT. path: without brackets. params: as the client wrote them, separated by blanks. */
MUST_USE bool milter_put_path(struct buf *out, enum milter_command command, const char *path,
                              struct slice params);
MUST_USE bool milter_put_header(struct buf *out, struct slice name, struct slice value);
/* BODY, at most LIMIT_MILTER_CHUNK octets; nothing for DATA, EOH, END, ABORT, QUIT. */
MUST_USE bool milter_put_data(struct buf *out, enum milter_command command, struct slice data);

enum milter_found { MILTER_PACKET, MILTER_MORE, MILTER_MALFORMED };

struct milter_packet {
    char kind;         /* enum milter_answer, if it is one */
    struct slice data; /* borrows from the input */
    size_t octets;     /* of the whole packet: to be consumed by the caller when it is done with it */
};

/* Looks at the start of in. MALFORMED: no or too much content (LIMIT_MILTER_PACKET); told as soon as
 * the length is there. */
enum milter_found milter_packet_next(struct slice in, struct milter_packet *out);

#endif
