/* Envelopes in memory, and queue ids. One owner at a time; ids from any thread. */
#include "queue/message.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "config/base/clock.h"

/* In ASCII order, so that ids sort by the time they were made. */
static const char digits62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

enum { ID_TIME = 7, ID_COUNTER = 3, ID_RANDOM = 4, ID_MIN = 10 };

static char *put62(char *at, int width, uint64_t value)
{
    for (int i = width - 1; i >= 0; i--, value /= 62)
        at[i] = digits62[value % 62];
    return at + width;
}

/* The counter keeps ids of one process apart, the random digits those of two that shared a
 * millisecond (a restart, a clock set back). */
void message_make_id(char out_id[QUEUE_ID_MAX])
{
    static _Atomic uint64_t counter;
    uint64_t random = 0;

    REQUIRE(getrandom(&random, sizeof(random), 0) == (ssize_t)sizeof(random));
    char *at = put62(out_id, ID_TIME, (uint64_t)clock_wall_ms());
    at = put62(at, ID_COUNTER, atomic_fetch_add(&counter, 1));
    at = put62(at, ID_RANDOM, random);
    *at = '\0';
}

bool message_id_ok(struct slice id)
{
    if (id.n < ID_MIN || id.n >= QUEUE_ID_MAX)
        return false;
    for (size_t i = 0; i < id.n; i++)
        if (!ascii_is_alnum(id.p[i]))
            return false;
    return true;
}

struct message *message_new(void)
{
    struct message *m = base_alloc(sizeof(*m));
    m->sender = base_strdup("");
    m->client = base_strdup("");
    m->user = base_strdup("");
    return m;
}

static void free_members(struct recipient *r)
{
    free(r->address);
    free(r->domain);
    free(r->last);
    free(r->remote);
    free(r->orcpt);
}

void message_free(struct message **mp)
{
    struct message *m = *mp;

    if (!m)
        return;
    for (size_t i = 0; i < m->n_rcpts; i++)
        free_members(&m->rcpts[i]);
    free(m->rcpts);
    free(m->sender);
    free(m->client);
    free(m->user);
    free(m->envid);
    free(m->held_for);
    body_unref(&m->body);
    free(m);
    *mp = NULL;
}

size_t message_add_rcpt(struct message *m, struct slice address, struct slice domain)
{
    /* The array grows at every power of two, so that its capacity need not be kept. */
    if ((m->n_rcpts & (m->n_rcpts - 1)) == 0)
        m->rcpts = base_realloc(m->rcpts, (m->n_rcpts ? m->n_rcpts * 2 : 1) * sizeof(*m->rcpts));
    m->rcpts[m->n_rcpts] =
        (struct recipient){.address = slice_dup(address), .domain = slice_dup(domain)};
    return m->n_rcpts++;
}

/* The array grows again at the same powers of two: it may be larger than it has to be, never smaller. */
void message_remove_rcpt(struct message *m, size_t i)
{
    REQUIRE(i < m->n_rcpts);
    free_members(&m->rcpts[i]);
    m->n_rcpts--;
    memmove(m->rcpts + i, m->rcpts + i + 1, (m->n_rcpts - i) * sizeof(*m->rcpts));
}

/* A quoted local part may hold '@' (RFC 5321 §4.1.2); a domain or literal never does, so the last
 * one divides. */
bool message_domain_of(struct slice address, char out_domain[HOSTNAME_MAX])
{
    const char *at = address.n ? memrchr(address.p, '@', address.n) : NULL;

    if (!at)
        return false;
    struct slice domain = slice_skip(address, (size_t)(at - address.p) + 1);
    if (domain.n > 2 && domain.p[0] == '[' && domain.p[domain.n - 1] == ']')
        return domain.n < HOSTNAME_MAX && slice_copy(domain, out_domain, HOSTNAME_MAX);
    /* Of a mailbox under SMTPUTF8 the domain may be written in U-labels (RFC 6531 §3.2). */
    return hostname_normalise(domain, out_domain) || hostname_from_person(domain, out_domain);
}
