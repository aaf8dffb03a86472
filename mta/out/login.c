#include "mta/out/login.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/base64.h"
#include "config/base/limits.h"

bool out_login_is_safe(const struct verdict *v, enum tls_level level, enum hop_kind kind)
{
    if (v->mode == VERDICT_DANE)
        return !v->half_dane;
    if (v->mode == VERDICT_PKIX)
        return level == TLS_LEVEL_SECURE || kind != HOP_MX || v->mx_secure;
    return v->mode == VERDICT_ENCRYPT && level == TLS_LEVEL_ENCRYPT;
}

void out_login_end(struct out_login *l)
{
    if (l->exchange)
        gsasl_finish(l->exchange);
    if (l->library)
        gsasl_done(l->library);
    *l = (struct out_login){.username = NULL};
}

static bool begin(struct out_login *l, enum client_mechanism mechanism)
{
    return gsasl_init(&l->library) == GSASL_OK &&
           gsasl_client_start(l->library, mechanism_name(mechanism), &l->exchange) == GSASL_OK &&
           gsasl_property_set(l->exchange, GSASL_AUTHID, l->username) == GSASL_OK &&
           gsasl_property_set(l->exchange, GSASL_PASSWORD, l->password) == GSASL_OK;
}

/* How many rounds of hashing a challenge of SCRAM asks for (RFC 5802 §5.1, "i="); 0 if it says
 * nothing of it. */
static uint64_t iterations_of(struct slice challenge)
{
    char text[LIMIT_REPLY_LINE];
    uint64_t figure = 0;
    size_t n;

    if (!base64_decode(challenge, text, sizeof(text), &n))
        return 0;
    for (struct slice rest = slice_make(text, n); rest.n;) {
        struct slice item = slice_head(rest, slice_find(rest, ','));
        rest = slice_skip(rest, item.n + 1);
        if (slice_starts(item, SLICE("i=")) &&
            !slice_to_u64(slice_skip(item, 2), UINT64_MAX, &figure))
            figure = UINT64_MAX;
    }
    return figure;
}

static void give(struct smtp_client *c, char *response, bool complete)
{
    struct slice s = slice_of(response);

    smtp_client_login(c, s, complete);
    if (response)
        explicit_bzero(response, s.n);
    gsasl_free(response);
}

/* A challenge that is no base64 is refused by the library like any other nonsense. */
bool out_login_answer(struct out_login *l, struct smtp_client *c, struct status *out_why)
{
    enum client_mechanism mechanism = smtp_client_mechanism(c);
    struct slice challenge = smtp_client_challenge(c);
    char *in, *response = NULL;
    int result;

    if (!l->exchange && !begin(l, mechanism)) {
        *out_why = status_make(CAUSE_LOCAL_ERROR, "the login could not be prepared");
        return false;
    }
    if (mechanism == MECHANISM_SCRAM_SHA_256 && iterations_of(challenge) > LIMIT_SCRAM_ITERATIONS) {
        *out_why =
            status_make(CAUSE_LOGIN_FAILED, "the next hop's login asks for too much hashing");
        return false;
    }
    in = challenge.n ? slice_dup(challenge) : NULL;
    result = gsasl_step64(l->exchange, in, &response);
    free(in);
    if (result != GSASL_OK && result != GSASL_NEEDS_MORE) {
        *out_why = status_make(CAUSE_LOGIN_FAILED, "the next hop's login makes no sense: %s",
                               gsasl_strerror(result));
        return false;
    }
    give(c, response, result == GSASL_OK);
    return true;
}
