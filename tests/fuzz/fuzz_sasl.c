/* The server's side of a SASL exchange with a client that says anything. It ends within the
 * mechanism's own number of turns, without a proof nobody is let in by SCRAM, and from the questions it
 * cannot be told whether the user exists: the same words go to two files, one with the user and one
 * with another in that place.
 *
 *   octet: bits 0–2 mechanism, 3 channel binding, 4 initial response, 5 what the desk says;
 *   then messages: two octets of length, the octets */
#include <stdlib.h>
#include <string.h>

#include "mta/auth/exchange.h"
#include "tests/fuzz/bytes.h"

enum { TURNS = 4 };

#define CREDENTIALS                                                                            \
    " $y$j9T$Qk0tNOgtKqCDZsWyvTJfi.$Q/ijuwteVQE59.8xW6DRuc7NqhSofuHZwLR.smb3eT0"              \
    " SCRAM-SHA-256$4096:QUJDREVGR0g=$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="          \
    ":AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

static struct auth_engine *engine;
static struct users *with_user, *without_user;

static struct users *parse(const char *text)
{
    struct users *u = NULL;
    struct buf errors;

    buf_init(&errors, 4096);
    REQUIRE(users_parse(slice_of(text), "users", &errors, &u));
    buf_free(&errors);
    return u;
}

static void free_all(void)
{
    users_free(&with_user);
    users_free(&without_user);
    auth_engine_free(&engine);
}

static void prepare(void)
{
    if (engine)
        return;
    engine = auth_engine_new();
    with_user = parse("user" CREDENTIALS);
    without_user = parse("nobody" CREDENTIALS);
    (void)atexit(free_all);
}

struct client {
    struct slice mechanism, left;
    const char *binding;
    bool initial, matches;
};

/* What the client sees of one exchange: steps, and how long the questions were. */
struct seen {
    unsigned n;
    enum auth_step steps[2 * TURNS];
    size_t lengths[2 * TURNS];
};

static struct slice next_message(struct client *c)
{
    size_t n = take_u16(&c->left);
    return take(&c->left, n);
}

static void check_step(const struct auth_exchange *x, enum auth_step step)
{
    struct slice name = slice_of(auth_name(x));

    REQUIRE(name.n <= LIMIT_LOGIN && !has_control(name));
    REQUIRE(auth_challenge(x).n < LIMIT_AUTH_CHALLENGE);
    REQUIRE((step == AUTH_FAILED || step == AUTH_MALFORMED) == (*auth_reason(x) != '\0'));
    REQUIRE(step != AUTH_DONE || auth_user(x));
}

static bool is_scram(const struct client *c)
{
    return slice_starts(c->mechanism, SLICE("SCRAM"));
}

/* Whoever has no password cannot have made a proof; by PLAIN and LOGIN the desk hashes, here the input
 * says what comes of it. A user who does not exist is never the right one. */
static bool judge(const struct client *c, const struct auth_exchange *x)
{
    if (is_scram(c))
        REQUIRE(!auth_judge(x));
    return !is_scram(c) && c->matches && auth_user(x);
}

static void note(struct seen *s, enum auth_step step, size_t length)
{
    REQUIRE(s->n < ARRAY_LEN(s->steps));
    s->steps[s->n] = step;
    s->lengths[s->n++] = step == AUTH_CHALLENGE ? length : 0;
}

static void talk(struct client c, const struct users *users, struct seen *out)
{
    struct auth_exchange *x = auth_exchange_new(engine, users, c.mechanism, c.binding);
    enum auth_step step;
    struct slice first = c.initial ? next_message(&c) : SLICE("");

    REQUIRE((x != NULL) == (c.binding || !slice_caseeq(c.mechanism, SLICE("SCRAM-SHA-256-PLUS"))));
    if (!x)
        return;
    step = auth_begin(x, c.initial ? &first : NULL);
    for (;;) {
        check_step(x, step);
        note(out, step, auth_challenge(x).n);
        if (step == AUTH_CHALLENGE)
            step = auth_next(x, next_message(&c));
        else if (step == AUTH_JUDGE)
            step = auth_judged(x, judge(&c, x));
        else
            break;
    }
    auth_exchange_free(&x);
}

static void check_alike(const struct seen *a, const struct seen *b)
{
    REQUIRE(a->n == b->n);
    for (unsigned i = 0; i < a->n; i++)
        REQUIRE(a->steps[i] == b->steps[i] && a->lengths[i] == b->lengths[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct slice mechanisms[] = {
        {"PLAIN", 5}, {"LOGIN", 5}, {"SCRAM-SHA-256", 13}, {"SCRAM-SHA-256-PLUS", 18}};
    static const char binding[AUTH_BINDING + 1] = "0123456789abcdef0123456789abcdef";
    struct slice in = slice_make((const char *)data, size);
    unsigned how = take_u8(&in);
    struct client c = {.mechanism = mechanisms[how % 8 % ARRAY_LEN(mechanisms)],
                       .left = in,
                       .binding = how & 8 ? binding : NULL,
                       .initial = how & 16,
                       .matches = how & 32};
    struct seen known = {0}, unknown = {0};

    prepare();
    talk(c, with_user, &known);
    c.matches = false;
    talk(c, without_user, &unknown);
    if (!(how & 32))
        check_alike(&known, &unknown);
    return 0;
}
