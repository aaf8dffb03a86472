/* Whether a message fits what a next hop offers, and in what form (RFC 6152 §3, RFC 6531 §3.2). Its
 * content is looked at only where something is missing: nearly every server offers 8BITMIME. */
#include <stdlib.h>
#include <string.h>

#include "mta/out/delivery_private.h"

static unsigned offers_of(const struct delivery *d)
{
    return smtp_client_offers(out_session_client(d->session))->mask;
}

static bool lacks(const struct delivery *d, unsigned flag, unsigned capability)
{
    return (d->job->message->flags & flag) && !(offers_of(d) & capability);
}

/* ---- looking ---- */

bool content_must_be_known(const struct delivery *d)
{
    return !d->look.done && d->job->message->body && /* a probe has none */
           (lacks(d, MESSAGE_8BIT, CAP_8BITMIME) || lacks(d, MESSAGE_SMTPUTF8, CAP_SMTPUTF8));
}

/* True: at the end, or it cannot be read. */
static bool look_at_some(struct content_look *look, struct body *body)
{
    char *chunk = base_alloc(LIMIT_BODY_CHUNK);
    uint64_t end = look->offset + LIMIT_SURVEY_STEP;
    long n = 1;

    while (n > 0 && look->offset < end) {
        n = body_read(body, look->offset, chunk, LIMIT_BODY_CHUNK);
        survey_feed(look->survey, slice_make(chunk, n > 0 ? (size_t)n : 0));
        look->offset += n > 0 ? (uint64_t)n : 0;
    }
    free(chunk);
    look->lost = n < 0;
    return n <= 0;
}

static void on_look(struct timer *t)
{
    content_look(CONTAINER_OF(t, struct delivery, look.turn));
}

void content_look(struct delivery *d)
{
    struct content_look *look = &d->look;

    if (!look->survey)
        look->survey = survey_new();
    if (!look_at_some(look, d->job->message->body)) {
        loop_timer_set(d->w->loop, &look->turn, 0, on_look);
        return;
    }
    survey_end(look->survey);
    look->done = true;
    transfer_send(d);
}

void content_pause(struct delivery *d)
{
    loop_timer_clear(d->w->loop, &d->look.turn);
}

void content_forget(struct delivery *d)
{
    content_pause(d);
    survey_free(&d->look.survey);
}

/* ---- addresses ---- */

static bool is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* The part before the '@' that ends it. */
static struct slice local_part(const char *address)
{
    const char *at = strrchr(address, '@');

    return at ? slice_make(address, (size_t)(at - address)) : slice_of(address);
}

/* RFC 6531 §3.2: a domain in A-labels asks for nothing; a local part in UTF-8 does. */
const char *content_address(struct delivery *d, const char *address)
{
    char domain[HOSTNAME_MAX];
    struct slice local = local_part(address);

    if (offers_of(d) & CAP_SMTPUTF8 || is_ascii(slice_of(address)))
        return address;
    if (!message_domain_of(slice_of(address), domain))
        return address;
    if (!d->names)
        d->names = arena_new();
    return arena_printf(d->names, "%.*s@%s", (int)local.n, local.p, domain);
}

/* ---- what fits ---- */

static bool needs_smtputf8(const struct delivery *d, const char *rcpt)
{
    return !is_ascii(local_part(d->job->message->sender)) || !is_ascii(local_part(rcpt)) ||
           (d->look.survey && d->look.survey->header_eight_bit);
}

bool content_fits(const struct delivery *d, const char *rcpt, struct status *out_why)
{
    const struct survey *s = d->look.survey;
    bool narrow = s && s->eight_bit && lacks(d, MESSAGE_8BIT, CAP_8BITMIME);

    if (d->look.lost)
        *out_why = status_of(CAUSE_BODY_LOST);
    else if (lacks(d, MESSAGE_SMTPUTF8, CAP_SMTPUTF8) && needs_smtputf8(d, rcpt))
        *out_why = status_of(CAUSE_REMOTE_NO_SMTPUTF8);
    else if (narrow && s->why)
        *out_why =
            status_make(CAUSE_REMOTE_NO_8BITMIME, "%s, and this message has no 7-bit form: %s",
                        cause_info(CAUSE_REMOTE_NO_8BITMIME)->words, s->why);
    else
        return true;
    return false;
}

const struct survey *content_conversion(const struct delivery *d)
{
    const struct survey *s = d->look.survey;

    return s && s->eight_bit && lacks(d, MESSAGE_8BIT, CAP_8BITMIME) ? s : NULL;
}
