#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "mta/auth/exchange_private.h"

/* What libgsasl asks for when it has read the client's first message. */
static int give_verifier(struct auth_exchange *x, Gsasl_property property)
{
    char iterations[16];

    (void)snprintf(iterations, sizeof(iterations), "%u", x->verifier.iterations);
    const char *value = property == GSASL_SCRAM_ITER        ? iterations
                        : property == GSASL_SCRAM_SALT      ? x->verifier.salt
                        : property == GSASL_SCRAM_STOREDKEY ? x->verifier.stored_key
                                                            : x->verifier.server_key;
    return gsasl_property_set(x->scram, property, value);
}

/* Before the first question libgsasl has set the name. Whether such a user exists makes no difference
 * to the client. */
static bool claim(struct auth_exchange *x)
{
    const char *name = gsasl_property_fast(x->scram, GSASL_AUTHID);

    if (*x->name)
        return true;
    if (!name || !auth_claim(x, slice_of(name)))
        return false;
    if (x->user && x->user->verifier)
        x->verifier = *x->user->verifier;
    else
        stand_in_verifier(x->engine, x->users, x->name, &x->verifier);
    return true;
}

int scram_callback(Gsasl *sasl, Gsasl_session *session, Gsasl_property property)
{
    struct auth_exchange *x = gsasl_session_hook_get(session);

    switch ((int)property) {
    case GSASL_SCRAM_ITER:
    case GSASL_SCRAM_SALT:
    case GSASL_SCRAM_STOREDKEY:
    case GSASL_SCRAM_SERVERKEY:
        return claim(x) ? give_verifier(x, property) : GSASL_NO_CALLBACK;
    case GSASL_CB_TLS_EXPORTER:
        if (*x->binding)
            return gsasl_property_set(session, property, x->binding);
        return GSASL_NO_CALLBACK;
    default:
        return GSASL_NO_CALLBACK;
    }
}

bool scram_begin(struct auth_exchange *x)
{
    if (gsasl_server_start(x->engine->sasl, x->mechanism->name, &x->scram) != GSASL_OK)
        return false;
    gsasl_session_hook_set(x->scram, x);
    return true;
}

/* RFC 5802 §5.1: "p" binds the channel, and that is -PLUS; libgsasl would take it under either name. */
static bool flag_fits(const struct auth_exchange *x, struct slice first)
{
    return first.n > 0 && (first.p[0] == 'p') == x->mechanism->plus;
}

/* RFC 5802 §5.1: in a name '=' stands only before 2C and 3D; libgsasl lets others pass. */
static bool is_escaped(struct slice name)
{
    for (size_t i = slice_find(name, '='); i < name.n; i += 3) {
        struct slice code = slice_head(slice_skip(name, i + 1), 2);
        if (!slice_eq(code, SLICE("2C")) && !slice_eq(code, SLICE("3D")))
            return false;
        i += slice_find(slice_skip(name, i + 3), '=');
    }
    return true;
}

/* The values of a= and n=, which end in a comma: "n,a=NAME,n=NAME,r=NONCE". */
static bool names_are_escaped(struct slice first)
{
    for (int i = 0; i < 3; i++) {
        struct slice part = slice_head(first, slice_find(first, ','));
        if (i > 0 && part.n > 2 && !is_escaped(slice_skip(part, 2)))
            return false;
        first = slice_skip(first, part.n + 1);
    }
    return true;
}

static enum auth_step take(struct auth_exchange *x, struct slice response, int *out_result)
{
    char *text = NULL;
    size_t n = 0;

    if (slice_find(response, '\0') != response.n)
        return auth_fail(x, AUTH_MALFORMED, "not a SCRAM message");
    *out_result = gsasl_step(x->scram, response.p, response.n, &text, &n);
    bool fits = auth_set_challenge(x, slice_make(text, n));
    gsasl_free(text);
    if (!fits || *out_result == GSASL_MECHANISM_PARSE_ERROR || *out_result == GSASL_BASE64_ERROR)
        return auth_fail(x, AUTH_MALFORMED, "not a SCRAM message");
    return AUTH_CHALLENGE;
}

static enum auth_step on_first(struct auth_exchange *x, struct slice response)
{
    int result;

    if (!flag_fits(x, response))
        return auth_fail(x, AUTH_MALFORMED, "the mechanism and its channel binding do not fit");
    if (!names_are_escaped(response))
        return auth_fail(x, AUTH_MALFORMED, "not a SCRAM message");
    enum auth_step step = take(x, response, &result);
    if (step != AUTH_CHALLENGE)
        return step;
    if (result != GSASL_NEEDS_MORE || !*x->name)
        return auth_fail(x, AUTH_FAILED, "channel binding or name");
    const char *as = gsasl_property_fast(x->scram, GSASL_AUTHZID);
    if (as && *as && strcmp(as, x->name) != 0)
        return auth_fail(x, AUTH_FAILED, "wants to act as another");
    return AUTH_CHALLENGE;
}

/* The proof is compared here, without a hash's cost; the desk says when that is told. */
static enum auth_step on_proof(struct auth_exchange *x, struct slice response)
{
    int result;
    enum auth_step step = take(x, response, &result);

    if (step != AUTH_CHALLENGE)
        return step;
    x->proved = result == GSASL_OK && x->user && x->user->verifier;
    return AUTH_JUDGE;
}

enum auth_step scram_respond(struct auth_exchange *x, struct slice response)
{
    switch (x->turn) {
    case 0:
        return on_first(x, response);
    case 1:
        return on_proof(x, response);
    default: /* RFC 4954 §4: the server's proof went out as a challenge, whose answer is empty */
        if (response.n == 0)
            return AUTH_DONE;
        return auth_fail(x, AUTH_MALFORMED, "not a SCRAM message");
    }
}
