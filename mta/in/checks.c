/* Each check is a small plan of lookups: a list is A, then TXT if it is a listing; a name is PTR, then
 * A or AAAA of each name; a HELO name is A and AAAA side by side. An inquiry is one lookup with what to do
 * when it is home. */
#include "mta/in/checks.h"

#include <stdlib.h>
#include <string.h>

#include "config/base/log.h"
#include "mta/in/dnsbl.h"
#include "mta/in/session_private.h"

enum { PATIENCE_MS = 8000 }; /* of all lookups of a check together: a client at RCPT waits for them */

enum finding { FINDING_NONE, FINDING_OPEN, FINDING_PASS, FINDING_FAIL, FINDING_TROUBLE };

struct listing {
    enum finding finding; /* FAIL: listed */
    char text[LIMIT_TXT + 1];
};

struct checks {
    struct in_session *session; /* NULL: gone */
    struct worker_ctx *worker;
    const struct checks_config *config; /* of the session's settings; not used without session */
    struct ip ip;
    int64_t deadline_ms, helo_deadline_ms;
    size_t out; /* lookups */
    void (*done)(struct in_session *s);

    struct listing *lists; /* parallel to config->dnsbl */
    enum finding name;
    char names[LIMIT_PTR_NAMES][DNS_NAME_MAX];
    enum finding confirmed[LIMIT_PTR_NAMES];
    size_t n_names;
    char client_name[DNS_NAME_MAX]; /* the one that held */
    enum finding helo, helo_families[2]; /* A, AAAA */
    char helo_name[LIMIT_DOMAIN + 1];
    unsigned helo_round; /* an answer about an earlier HELO is nobody's */
};

struct inquiry {
    struct dns_query query;
    struct checks *checks;
    void (*then)(struct checks *c, struct inquiry *i);
    size_t index;
    unsigned round;
};

/* ---- lookups */

static void free_if_idle(struct checks *c)
{
    if (c->session || c->out)
        return;
    free(c->lists);
    free(c);
}

static void tell(struct checks *c)
{
    void (*done)(struct in_session *) = c->done;
    struct status why;

    if (!done || checks_ask(c->session, &why, done) == CHECKS_PENDING)
        return;
    c->done = NULL;
    done(c->session);
}

static void on_home(struct dns_query *q)
{
    struct inquiry *i = CONTAINER_OF(q, struct inquiry, query);
    struct checks *c = i->checks;

    c->out--;
    if (c->session)
        i->then(c, i);
    free(i);
    if (c->session)
        tell(c);
    else
        free_if_idle(c);
}

static void look_up(struct checks *c, uint16_t type, const char *name, int64_t deadline_ms,
                    void (*then)(struct checks *, struct inquiry *), size_t index)
{
    struct inquiry *i = base_alloc(sizeof(*i));
    int64_t left = deadline_ms - loop_now_ms(c->worker->loop);

    i->checks = c;
    i->then = then;
    i->index = index;
    i->round = c->helo_round;
    i->query = (struct dns_query){.home = c->worker->loop, .done = on_home, .type = type};
    i->query.timeout_ms = left > 0 ? left : 0;
    (void)slice_copy(slice_of(name), i->query.name, sizeof(i->query.name));
    c->out++;
    dns_link_query(c->worker->dns, &i->query);
}

/* ---- lists */

static void on_text(struct checks *c, struct inquiry *i)
{
    struct listing *l = &c->lists[i->index];

    if (i->query.records.lookup == DNS_DATA)
        (void)slice_copy(slice_of(i->query.records.text), l->text, sizeof(l->text));
    l->finding = FINDING_FAIL;
}

static void on_listed(struct checks *c, struct inquiry *i)
{
    const struct dnsbl_config *list = &c->config->dnsbl[i->index];

    if (dnsbl_is_listed(list, &i->query.records))
        look_up(c, DNS_TXT, i->query.name, c->deadline_ms, on_text, i->index);
    else
        c->lists[i->index].finding = FINDING_PASS;
}

static void begin_lists(struct checks *c)
{
    char name[DNS_NAME_MAX];

    c->lists = base_alloc_array(c->config->n_dnsbl + 1, sizeof(*c->lists));
    for (size_t i = 0; i < c->config->n_dnsbl; i++) {
        c->lists[i].finding = FINDING_PASS;
        if (!dnsbl_name(&c->ip, c->config->dnsbl[i].zone, name))
            continue;
        c->lists[i].finding = FINDING_OPEN;
        look_up(c, DNS_A, name, c->deadline_ms, on_listed, i);
    }
}

/* ---- the client's name */

static void note_failure(const struct checks *c, const char *check, const char *what)
{
    LOG(SMTPD_CHECK, NULL, F_STR("client", c->session->client), F_STR("helo", c->session->server.helo),
        F_STR("check", check), F_STR("found", what));
}

static void end_name(struct checks *c, enum finding finding, const char *what)
{
    c->name = finding;
    if (finding != FINDING_PASS && c->config->client_name == CHECK_LOG)
        note_failure(c, "client_name", what);
}

static enum finding has_address(const struct dns_records *r, const struct ip *ip)
{
    if (r->lookup == DNS_ERROR)
        return FINDING_TROUBLE;
    for (size_t i = 0; i < r->n_addresses; i++)
        if (ip_eq(&r->addresses[i], ip))
            return FINDING_PASS;
    return FINDING_FAIL;
}

/* The first of the names that holds is the client's. */
static void conclude_name(struct checks *c)
{
    bool trouble = false;

    for (size_t i = 0; i < c->n_names; i++) {
        if (c->confirmed[i] == FINDING_OPEN)
            return;
        if (c->confirmed[i] == FINDING_PASS) {
            memcpy(c->client_name, c->names[i], sizeof(c->client_name));
            end_name(c, FINDING_PASS, "");
            return;
        }
        trouble |= c->confirmed[i] == FINDING_TROUBLE;
    }
    end_name(c, trouble ? FINDING_TROUBLE : FINDING_FAIL,
             trouble ? "the addresses of its name could not be looked up" : "no name of it leads back to it");
}

static void on_forward(struct checks *c, struct inquiry *i)
{
    c->confirmed[i->index] = has_address(&i->query.records, &c->ip);
    if (c->name == FINDING_OPEN)
        conclude_name(c);
}

/* The trace takes only what RFC 5321 §4.1.2 calls a Domain, and there is no '_' in one. */
static void take_names(struct checks *c, const struct dns_records *r)
{
    for (size_t i = 0; i < r->n_names; i++)
        if (address_helo_ok(slice_of(r->names[i])) && !strchr(r->names[i], '_'))
            memcpy(c->names[c->n_names++], r->names[i], DNS_NAME_MAX);
}

static void on_name(struct checks *c, struct inquiry *i)
{
    take_names(c, &i->query.records);
    if (i->query.records.lookup == DNS_ERROR) {
        end_name(c, FINDING_TROUBLE, "its name could not be looked up");
        return;
    }
    for (size_t k = 0; k < c->n_names; k++) {
        c->confirmed[k] = FINDING_OPEN;
        look_up(c, c->ip.v6 ? DNS_AAAA : DNS_A, c->names[k], c->deadline_ms, on_forward, k);
    }
    if (c->n_names == 0)
        end_name(c, FINDING_FAIL, "it has no name");
}

static void begin_name(struct checks *c)
{
    char name[DNS_NAME_MAX];

    if (c->config->client_name == CHECK_OFF || !dnsbl_name(&c->ip, dnsbl_reverse_zone(&c->ip), name))
        return;
    c->name = FINDING_OPEN;
    look_up(c, DNS_PTR, name, c->deadline_ms, on_name, 0);
}

/* ---- HELO */

static void end_helo(struct checks *c, enum finding finding, const char *what)
{
    c->helo = finding;
    if (finding != FINDING_PASS && c->config->helo == CHECK_LOG)
        note_failure(c, "helo", what);
}

static void on_helo_address(struct checks *c, struct inquiry *i)
{
    const struct dns_records *r = &i->query.records;
    const enum finding *f = c->helo_families;

    if (i->round != c->helo_round || c->helo != FINDING_OPEN)
        return;
    c->helo_families[i->index] = r->n_addresses              ? FINDING_PASS
                                 : r->lookup == DNS_ERROR ? FINDING_TROUBLE
                                                          : FINDING_FAIL;
    if (f[i->index] == FINDING_PASS)
        end_helo(c, FINDING_PASS, "");
    else if (f[0] == FINDING_OPEN || f[1] == FINDING_OPEN)
        return;
    else if (f[0] == FINDING_TROUBLE || f[1] == FINDING_TROUBLE)
        end_helo(c, FINDING_TROUBLE, "the name could not be looked up");
    else
        end_helo(c, FINDING_FAIL, "the name has no address");
}

/* RFC 5321 §4.1.3. */
static bool is_literal_of(struct slice s, const struct ip *client)
{
    struct ip ip;

    s = slice_make(s.p + 1, s.n - 2);
    if (slice_casestarts(s, SLICE("IPv6:")))
        s = slice_skip(s, 5);
    return ip_parse(s, &ip) && ip_eq(&ip, client);
}

static void begin_helo(struct checks *c, const char *helo)
{
    char name[DNS_NAME_MAX];

    (void)slice_copy(slice_of(helo), c->helo_name, sizeof(c->helo_name));
    c->helo_round++;
    c->helo_deadline_ms = loop_now_ms(c->worker->loop) + PATIENCE_MS;
    if (helo[0] == '[') {
        bool good = is_literal_of(slice_of(helo), &c->ip);
        end_helo(c, good ? FINDING_PASS : FINDING_FAIL, "it is not the client's address");
        return;
    }
    if (!dns_name_normalise(slice_of(helo), name)) {
        end_helo(c, FINDING_FAIL, "it is not a domain name");
        return;
    }
    c->helo = c->helo_families[0] = c->helo_families[1] = FINDING_OPEN;
    look_up(c, DNS_A, name, c->helo_deadline_ms, on_helo_address, 0);
    look_up(c, DNS_AAAA, name, c->helo_deadline_ms, on_helo_address, 1);
}

/* ---- the session's calls */

static bool has_checks(const struct checks_config *config)
{
    return config->n_dnsbl || config->client_name != CHECK_OFF || config->helo != CHECK_OFF;
}

static bool is_exempt(const struct in_session *s)
{
    return s->key_listed || s->login ||
           ip_nets_have(s->listener->clients, s->listener->n_clients, &s->peer.ip);
}

static void begin_client(struct in_session *s)
{
    struct checks *c = base_alloc(sizeof(*c));

    c->session = s;
    c->worker = s->worker;
    c->config = &s->listener->checks;
    c->ip = s->peer.ip;
    c->deadline_ms = loop_now_ms(s->worker->loop) + PATIENCE_MS;
    s->checks = c;
    begin_lists(c);
    begin_name(c);
}

void checks_begin(struct in_session *s)
{
    const struct checks_config *config = &s->listener->checks;

    if (!has_checks(config) || is_exempt(s)) {
        checks_end(s);
        return;
    }
    if (s->checks && !ip_eq(&s->checks->ip, &s->peer.ip)) /* a proxy has told of another client */
        checks_end(s);
    if (!s->checks)
        begin_client(s);
    if (config->helo != CHECK_OFF && s->server.helo[0] &&
        strcmp(s->checks->helo_name, s->server.helo) != 0)
        begin_helo(s->checks, s->server.helo);
}

void checks_end(struct in_session *s)
{
    struct checks *c = s->checks;

    s->checks = NULL;
    if (!c)
        return;
    c->session = NULL;
    free_if_idle(c);
}

static struct status why_listed(const struct checks *c, size_t i)
{
    const char *text = c->lists[i].text;

    return status_make(CAUSE_CLIENT_LISTED, "Client [%s] is listed by %s%s%s", c->session->client,
                       c->config->dnsbl[i].zone, *text ? ": " : "", text);
}

/* A listing ends the wait for all others. */
static enum checks_answer ask_lists(const struct checks *c, struct status *out_why)
{
    enum checks_answer answer = CHECKS_PASS;

    for (size_t i = 0; i < c->config->n_dnsbl; i++) {
        if (c->lists[i].finding == FINDING_FAIL) {
            *out_why = why_listed(c, i);
            return CHECKS_REFUSE;
        }
        if (c->lists[i].finding == FINDING_OPEN)
            answer = CHECKS_PENDING;
    }
    return answer;
}

static enum checks_answer ask_name(const struct checks *c, struct status *out_why)
{
    const char *client = c->session->client;

    if (c->name == FINDING_OPEN)
        return CHECKS_PENDING;
    if (c->config->client_name != CHECK_REQUIRE || c->name == FINDING_PASS)
        return CHECKS_PASS;
    *out_why = c->name == FINDING_TROUBLE
                   ? status_make(CAUSE_CLIENT_NAME_LOOKUP, "Name of [%s] cannot be looked up now", client)
                   : status_make(CAUSE_CLIENT_NAME, "[%s] has no name that leads back to it", client);
    return CHECKS_REFUSE;
}

static enum checks_answer ask_helo(const struct checks *c, struct status *out_why)
{
    if (c->helo == FINDING_OPEN)
        return CHECKS_PENDING;
    if (c->config->helo != CHECK_REQUIRE || c->helo == FINDING_PASS)
        return CHECKS_PASS;
    *out_why = c->helo == FINDING_TROUBLE
                   ? status_make(CAUSE_HELO_LOOKUP, "HELO name %s cannot be looked up now", c->helo_name)
                   : status_make(CAUSE_HELO_NAME, "HELO name %s has no address", c->helo_name);
    return CHECKS_REFUSE;
}

enum checks_answer checks_ask(struct in_session *s, struct status *out_why,
                              void (*done)(struct in_session *))
{
    static enum checks_answer (*const asks[])(const struct checks *, struct status *) = {
        ask_lists, ask_name, ask_helo};
    enum checks_answer answer = CHECKS_PASS;

    for (size_t i = 0; s->checks && i < ARRAY_LEN(asks); i++) {
        enum checks_answer one = asks[i](s->checks, out_why);
        if (one == CHECKS_REFUSE)
            return one;
        if (one == CHECKS_PENDING)
            answer = one;
    }
    if (answer == CHECKS_PENDING)
        s->checks->done = done;
    return answer;
}

void checks_forget(struct in_session *s)
{
    if (s->checks)
        s->checks->done = NULL;
}

const char *checks_client_name(const struct in_session *s)
{
    return s->checks ? s->checks->client_name : "";
}
