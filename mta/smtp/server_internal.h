/* What the verbs' acts may do to the server machine. Private to mta/smtp. */
#ifndef DANELAW_SMTP_SERVER_INTERNAL_H
#define DANELAW_SMTP_SERVER_INTERNAL_H

#include "mta/smtp/server.h"

/* Room that must be in out before a command is read: the longest reply, which is EHLO's. */
enum { SMTP_SERVER_REPLY_ROOM = 1536 };

/* Writes a reply; next() made sure that there is room for one. */
void smtp_server_reply(struct smtp_server *s, const struct status *st);
/* The words of a positive reply with a code of its own, e.g. 252 2.5.2. */
void smtp_server_say(struct smtp_server *s, uint16_t code, struct esc esc, const char *words);
/* The multi-line reply to EHLO. */
void smtp_server_reply_ehlo(struct smtp_server *s);
/* Hands an event to the session, filled from the command that runs; the machine waits if it needs an
 * answer. */
void smtp_server_raise(struct smtp_server *s, enum smtp_server_event_kind kind);
/* Forgets the transaction, if there is one, and tells the session so. */
void smtp_server_reset(struct smtp_server *s);
/* No command is read any more; SERVER_CLOSE follows. */
void smtp_server_close(struct smtp_server *s);
/* Keeps a refusal of the machine's own for the log; told with the next event. */
void smtp_server_note_refusal(struct smtp_server *s, const struct status *st);
/* Counts a command that leads nowhere; true when there were too many. */
bool smtp_server_too_noisy(struct smtp_server *s);
/* Refuses with a reply, counts it, keeps it for the log; closes when the budget is used up. */
void smtp_server_refuse(struct smtp_server *s, const struct status *st);
void smtp_server_refuse_and_close(struct smtp_server *s, const struct status *st);
/* The reply and the budget alone, for refusals that are the session's. */
void smtp_server_write_refusal(struct smtp_server *s, const struct status *st);
/* Counts a refusal; true when the client has used up its budget. */
bool smtp_server_over_budget(struct smtp_server *s, const struct status *st);
/* DATA was refused: closes if its body is coming anyway. */
void smtp_server_after_refused_data(struct smtp_server *s);
/* One step of input each. False: more input is needed. */
bool smtp_server_step_chunk(struct smtp_server *s, struct buf *in);
bool smtp_server_step_auth(struct smtp_server *s, struct buf *in);
/* Begins to drop a line that is too long; its one reply comes with its end, or when it does not end. */
bool smtp_server_discard_line(struct smtp_server *s, struct buf *in);
/* BDAT in two steps, as its octets must be consumed whatever the table says: how many follow (false:
 * nobody knows, or it is not offered; refused and closing), then by the table's judgement. */
MUST_USE bool smtp_server_read_bdat(struct smtp_server *s);
void smtp_server_take_bdat(struct smtp_server *s, const struct status *judged);
/* The session has answered the DATA event of a BDAT. */
void smtp_server_chunk_accepted(struct smtp_server *s);
void smtp_server_chunk_refused(struct smtp_server *s, const struct status *st);
/* The AUTH exchange is over by the machine's own judgement: reply, count, SERVER_AUTH_GONE. */
void smtp_server_auth_failed(struct smtp_server *s, enum cause cause);
/* Decodes base64 into s->secret. */
MUST_USE bool smtp_server_take_secret(struct smtp_server *s, struct slice text);
void smtp_server_forget_secret(struct smtp_server *s);
/* Octets are waiting behind the command that is being executed. */
bool smtp_server_has_more(const struct smtp_server *s);

#endif
