#include "mta/out/verify.h"

#include <stdlib.h>
#include <string.h>

#include "config/base/clock.h"
#include "config/base/counter.h"
#include "config/base/log.h"
#include "config/base/map.h"
#include "mta/out/delivery_private.h"

enum {
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    REFRESH_MS = 24 * HOUR_MS,
    PATIENCE_MS = 7 * 1000, /* of a client at RCPT, and of a relay that stops */
};

/* What is known, and how long it is. */
enum known { KNOWN_NOTHING, KNOWN_GOOD, KNOWN_BAD, KNOWN_UNASKABLE, KNOWN_TROUBLE };

static const struct {
    enum verify_answer answer; /* of KNOWN_NOTHING: none */
    int64_t keep_ms, refresh_ms;
    const char *name;
} rules[] = {
    [KNOWN_NOTHING] = {VERIFY_UNKNOWN, 0,                REFRESH_MS,  "nothing"         },
    [KNOWN_GOOD] = {VERIFY_ACCEPT,  7 * REFRESH_MS,   REFRESH_MS,  "accepted"        },
    [KNOWN_BAD] = {VERIFY_REFUSE,  2 * HOUR_MS,      2 * HOUR_MS, "refused"         },
    [KNOWN_UNASKABLE] = {VERIFY_ACCEPT,  HOUR_MS,          HOUR_MS,     "cannot be asked" },
    [KNOWN_TROUBLE] = {VERIFY_UNKNOWN, MINUTE_MS,        MINUTE_MS,   "no answer"       },
};

struct entry {
    char *key;         /* the address with its domain normalised */
    char *destination; /* routes_destination when it was asked: another is another question */
    struct verifier *v;
    enum known known;
    struct status *said; /* of what is known; NULL: nothing or good */
    int64_t known_ms;    /* monotonic */
    int64_t probed_ms;   /* monotonic: end of the last probe */
    struct list age;     /* among those of its kind, oldest use first */
    struct list line;    /* waiting for its probe's turn */
    struct list askers;
    bool probing;
    struct job job; /* the probe's */
    size_t rcpt;
    struct delivery *delivery; /* NULL: not out */
    struct timer patience;
    UT_hash_handle hh;
};

enum { GOOD, OTHER, KINDS };

struct verifier {
    struct worker_ctx *w;
    struct entry *by_key;
    struct list by_age[KINDS]; /* guesses must not crowd out what is good */
    size_t n[KINDS];
    struct list line;
    size_t probes;
    struct timer step;
};

static void run_line(struct timer *t);

/* ---- entries */

static int kind_of(const struct entry *e)
{
    return e->known == KNOWN_GOOD ? GOOD : OTHER;
}

static void unlist(struct entry *e)
{
    list_remove(&e->age);
    e->v->n[kind_of(e)]--;
}

static void enlist(struct entry *e)
{
    list_append(&e->v->by_age[kind_of(e)], &e->age);
    e->v->n[kind_of(e)]++;
}

static void entry_free(struct entry *e)
{
    HASH_DEL(e->v->by_key, e);
    unlist(e);
    list_remove(&e->line);
    loop_timer_clear(e->v->w->loop, &e->patience);
    free(e->said);
    free(e->destination);
    free(e->key);
    free(e);
}

/* Its probe is out, or somebody waits for it. A question that only stands in line after its asker has
 * gone may be forgotten: otherwise clients that come and go would grow the line without end. */
static bool is_needed(const struct entry *e)
{
    bool waits = !list_is_empty(&e->line);

    return e->probing && !(waits && list_is_empty(&e->askers));
}

/* The one used longest ago of the more numerous kind. Those that are needed are few. */
static void make_room(struct verifier *v)
{
    int kind = v->n[GOOD] > v->n[OTHER] ? GOOD : OTHER;

    if (v->n[GOOD] + v->n[OTHER] < LIMIT_VERIFIED)
        return;
    LIST_EACH(it, &v->by_age[kind])
    {
        struct entry *e = LIST_ENTRY(it, struct entry, age);
        if (is_needed(e))
            continue;
        entry_free(e);
        return;
    }
}

static void destination_of(const struct verifier *v, const char *domain, char key[ROUTE_KEY_MAX])
{
    (void)routes_destination(v->w->settings->config, slice_of(domain), clock_wall_ms(), key);
}

static char *key_of(const struct verify_request *r)
{
    const char *at = strrchr(r->address, '@');
    struct buf b;

    buf_init(&b, LIMIT_PATH + DNS_NAME_MAX);
    REQUIRE(at && buf_append(&b, slice_make(r->address, (size_t)(at + 1 - r->address))) &&
            buf_append(&b, slice_of(r->domain)));
    char *key = slice_dup(buf_slice(&b));
    buf_free(&b);
    return key;
}

static struct entry *entry_new(struct verifier *v, char *key, const char *destination)
{
    struct entry *e = base_alloc(sizeof(*e));

    make_room(v);
    e->v = v;
    e->key = key;
    e->destination = base_strdup(destination);
    list_init(&e->line);
    list_init(&e->askers);
    HASH_ADD_KEYPTR(hh, v->by_key, e->key, strlen(e->key), e);
    enlist(e);
    return e;
}

/* What was said by another destination is forgotten; a probe that is out ends as it began. */
static struct entry *find_entry(struct verifier *v, const struct verify_request *r)
{
    char *key = key_of(r), destination[ROUTE_KEY_MAX];
    struct entry *e;

    destination_of(v, r->domain, destination);
    HASH_FIND(hh, v->by_key, key, strlen(key), e);
    if (e && strcmp(e->destination, destination) != 0 && !e->probing) {
        entry_free(e);
        e = NULL;
    }
    if (!e)
        return entry_new(v, key, destination);
    free(key);
    unlist(e);
    enlist(e);
    return e;
}

/* ---- answers */

static void come_home(struct msg *m)
{
    struct verify_request *r = CONTAINER_OF(m, struct verify_request, msg);
    r->done(r);
}

static void send_home(struct verify_request *r, enum verify_answer answer, const struct status *said)
{
    r->answer = answer;
    r->status = *said;
    loop_post(r->home, &r->msg, come_home);
}

static void give(const struct entry *e, struct verify_request *r)
{
    struct status ok = status_of(CAUSE_OK);
    send_home(r, rules[e->known].answer, e->said ? e->said : &ok);
}

static void tell_all(struct entry *e)
{
    struct list *node;

    loop_timer_clear(e->v->w->loop, &e->patience);
    while ((node = list_take_first(&e->askers)))
        give(e, LIST_ENTRY(node, struct verify_request, node));
}

static void on_patience(struct timer *t)
{
    struct entry *e = CONTAINER_OF(t, struct entry, patience);
    struct status slow = status_make(CAUSE_REMOTE_TIMEOUT, "the next hop has not answered yet");
    struct list *node;

    while ((node = list_take_first(&e->askers)))
        send_home(LIST_ENTRY(node, struct verify_request, node), VERIFY_UNKNOWN, &slow);
}

static int64_t age_of(const struct entry *e)
{
    return loop_now_ms(e->v->w->loop) - e->known_ms;
}

static bool is_known(const struct entry *e)
{
    return e->known != KNOWN_NOTHING && age_of(e) < rules[e->known].keep_ms;
}

static void learn(struct entry *e, enum known known, const struct status *said)
{
    /* Trouble now does not undo what was good and is not yet over. */
    if (known == KNOWN_TROUBLE && e->known == KNOWN_GOOD && is_known(e))
        return;
    unlist(e);
    e->known = known;
    enlist(e);
    e->known_ms = loop_now_ms(e->v->w->loop);
    free(e->said);
    e->said = NULL;
    if (known == KNOWN_GOOD)
        return;
    e->said = base_alloc(sizeof(*e->said));
    *e->said = *said;
}

/* Only what was said about the recipient, by the next hop, is a refusal. A host that will not talk to
 * us at all has a temporary cause, whatever its code (mta/smtp/client_states.c). */
static enum known judge(const struct delivery *d)
{
    const struct target *t = &d->targets[0];

    if (t->final && status_ok(&t->status))
        return KNOWN_GOOD;
    if (t->status.cause == CAUSE_REMOTE_NO_SMTPUTF8)
        return KNOWN_BAD;
    if (t->status.cause != CAUSE_REMOTE_PERMFAIL || !t->status.from_peer)
        return KNOWN_TROUBLE;
    return d->tx.mail_refused ? KNOWN_UNASKABLE : KNOWN_BAD;
}

static void log_probe(const struct entry *e, const struct target *t, enum known known)
{
    char esc[16];

    LOG(SMTP_VERIFY, NULL, F_ADDR("to", e->key),
        F_STR("relay", t->trail.remote[0] ? t->trail.remote : "none"), F_STR("tls", t->trail.tls),
        F_STR("result", rules[known].name), F_STR("dsn", esc_text(t->status.esc, esc)),
        F_STR("text", t->status.text));
}

/* ---- probes */

static void on_probed(struct delivery *d)
{
    struct entry *e = d->owner;
    struct verifier *v = e->v;
    enum known known = judge(d);

    log_probe(e, &d->targets[0], known);
    e->delivery = NULL;
    v->probes--;
    message_free(&e->job.message);
    e->probed_ms = loop_now_ms(v->w->loop);
    learn(e, known, &d->targets[0].status);
    tell_all(e);
    e->probing = false;
    if (!list_is_empty(&v->line))
        loop_timer_set(v->w->loop, &v->step, 0, run_line);
}

static void begin_probe(struct entry *e)
{
    struct message *m = message_new();
    const char *at = strrchr(e->key, '@');
    struct delivery *d;

    if (!m->sender)
        m->sender = base_strdup("");
    (void)message_add_rcpt(m, slice_of(e->key), slice_of(at + 1));
    for (const char *c = e->key; *c; c++)
        if ((unsigned char)*c >= 0x80)
            m->flags |= MESSAGE_SMTPUTF8;
    e->rcpt = 0;
    e->job = (struct job){.message = m,
                          .destination = e->destination,
                          .domain = m->rcpts[0].domain,
                          .rcpts = &e->rcpt,
                          .n_rcpts = 1,
                          .taken_ms = loop_now_ms(e->v->w->loop)};
    e->v->probes++;
    COUNT(smtp_probes);
    d = delivery_begin(e->v->w, &e->job, on_probed, e);
    e->delivery = e->job.message ? d : NULL;
}

static void run_line(struct timer *t)
{
    struct verifier *v = CONTAINER_OF(t, struct verifier, step);
    struct list *node;

    while (v->probes < LIMIT_PROBES && (node = list_take_first(&v->line)))
        begin_probe(LIST_ENTRY(node, struct entry, line));
}

static void want_probe(struct entry *e)
{
    if (e->probing)
        return;
    e->probing = true;
    list_append(&e->v->line, &e->line);
    loop_timer_set(e->v->w->loop, &e->v->step, 0, run_line);
}

/* ---- asking */

/* In the background, and not at every message while the next hop is away. */
static void refresh(struct entry *e)
{
    bool rests = loop_now_ms(e->v->w->loop) - e->probed_ms < MINUTE_MS;

    if (age_of(e) >= rules[e->known].refresh_ms && !rests)
        want_probe(e);
}

static void on_ask(struct msg *m)
{
    struct verify_request *r = CONTAINER_OF(m, struct verify_request, msg);
    struct entry *e = find_entry(r->verifier, r);

    if (is_known(e)) {
        refresh(e);
        give(e, r);
        return;
    }
    want_probe(e);
    if (list_is_empty(&e->askers))
        loop_timer_set(e->v->w->loop, &e->patience, PATIENCE_MS, on_patience);
    list_append(&e->askers, &r->node);
}

void verifier_ask(struct verifier *v, struct verify_request *r)
{
    r->verifier = v;
    loop_post(v->w->loop, &r->msg, on_ask);
}

/* ---- the verifier */

struct verifier *verifier_new(struct worker_ctx *w)
{
    struct verifier *v = base_alloc(sizeof(*v));

    v->w = w;
    list_init(&v->line);
    for (int i = 0; i < KINDS; i++)
        list_init(&v->by_age[i]);
    return v;
}

void verifier_stop(struct verifier *v)
{
    struct delivery *out[LIMIT_PROBES];
    size_t n = 0;

    for (struct entry *e = v->by_key; e; e = e->hh.next)
        if (e->delivery)
            out[n++] = e->delivery;
    for (size_t i = 0; i < n; i++)
        delivery_cut(out[i]);
}

/* A probe that still waits for dns holds its entry until the process ends. */
void verifier_free(struct verifier **vp)
{
    struct verifier *v = *vp;
    struct entry *e, *next;

    *vp = NULL;
    if (!v)
        return;
    loop_timer_clear(v->w->loop, &v->step);
    HASH_ITER(hh, v->by_key, e, next)
    if (!e->delivery)
        entry_free(e);
    free(v);
}
