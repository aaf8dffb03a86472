/* A users file: it is taken whole or refused whole. A mistake is told with its line and column and
 * without any credential; who is in it is found, and may send as it says. */
#include <stdlib.h>
#include <string.h>

#include "mta/auth/users.h"
#include "tests/fuzz/mistakes.h"

enum { ERRORS_ROOM = 256 * 1024 };
static const char file[] = "users";
static const char secret[] = "hunter2"; /* may be told where a name or a sender is what holds it */

static bool holds(struct slice s, const char *what)
{
    return s.n && memmem(s.p, s.n, what, strlen(what));
}

static bool is_told(struct slice text)
{
    struct slice line, field;

    while (users_next_line(&text, &line)) {
        bool first = true;
        for (; users_next_field(&line, &field); first = false)
            if ((first || slice_starts(field, SLICE("from="))) && holds(field, secret))
                return true;
    }
    return false;
}

static void check_errors(struct slice said, struct slice text)
{
    size_t lines = 0;
    struct slice left = text, line;

    while (users_next_line(&left, &line))
        lines++;
    if (!is_told(text))
        REQUIRE(!holds(said, secret));
    check_mistakes(said, file, lines);
}

static void check_sender(const struct user *u, const struct user_sender *s)
{
    struct address a = {.kind = s->domain[0] == '[' ? ADDRESS_LITERAL : ADDRESS_DOMAIN};

    (void)slice_copy(slice_of(s->domain), a.domain, sizeof(a.domain));
    (void)slice_copy(slice_of(s->local ? s->local : "anybody"), a.text, sizeof(a.text));
    a.local_len = strlen(a.text);
    REQUIRE(user_may_send(u, &a));
}

static void check_user(const struct users *all, const struct user *u)
{
    REQUIRE(users_find(all, slice_of(u->name)) == u && !users_name_problem(slice_of(u->name)));
    REQUIRE(u->hash || u->verifier);
    REQUIRE(!u->hash || !password_hash_problem(slice_of(u->hash)));
    REQUIRE(!u->restricted || u->n_senders > 0);
    for (size_t i = 0; i < u->n_senders; i++)
        check_sender(u, &u->senders[i]);
}

static void check_users(const struct users *u)
{
    const struct user *lacks = NULL;

    for (size_t i = 0; i < u->n; i++) {
        REQUIRE(i == 0 || strcmp(u->v[i - 1].name, u->v[i].name) < 0);
        check_user(u, &u->v[i]);
        lacks = u->v[i].verifier ? lacks : &u->v[i];
    }
    REQUIRE(!lacks == !u->without_verifier);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct users *u = NULL;
    struct buf errors;

    buf_init(&errors, ERRORS_ROOM);
    bool ok = users_parse(text, file, &errors, &u);
    REQUIRE(ok == (u != NULL) && ok == (errors.n == 0));
    if (ok)
        check_users(u);
    else
        check_errors(buf_slice(&errors), text);
    users_free(&u);
    buf_free(&errors);
    return 0;
}
