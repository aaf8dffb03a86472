#include "tls/names.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/limits.h"

/* A wildcard needs two labels behind it: nobody owns all of a top level domain. */
static bool normalise_presented(struct slice s, char out[HOSTNAME_MAX])
{
    char rest[HOSTNAME_MAX];

    if (!slice_starts(s, SLICE("*.")))
        return hostname_normalise(s, out);
    if (!hostname_normalise(slice_skip(s, 2), rest) || !strchr(rest, '.') ||
        strlen(rest) + 2 >= HOSTNAME_MAX)
        return false;
    memcpy(out, "*.", 2);
    memcpy(out + 2, rest, strlen(rest) + 1);
    return true;
}

static bool add(struct tls_names *names, const ASN1_STRING *text)
{
    const char *p = (const char *)ASN1_STRING_get0_data(text);
    char name[HOSTNAME_MAX];

    if (!normalise_presented(slice_make(p, (size_t)ASN1_STRING_length(text)), name))
        return true;
    if (names->n >= LIMIT_SNI_NAMES)
        return false;
    names->v = base_realloc(names->v, (names->n + 1) * sizeof(*names->v));
    names->v[names->n++] = base_strdup(name);
    return true;
}

static bool add_common_name(struct tls_names *names, X509 *cert)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

    return at < 0 || add(names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

bool tls_names_add(struct tls_names *names, X509 *cert)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    bool any = false, ok = true;

    for (int i = 0; i < sk_GENERAL_NAME_num(all) && ok; i++) {
        const GENERAL_NAME *each = sk_GENERAL_NAME_value(all, i);
        if (each->type != GEN_DNS)
            continue;
        any = true;
        ok = add(names, each->d.dNSName);
    }
    GENERAL_NAMES_free(all);
    return any ? ok : add_common_name(names, cert);
}

void tls_names_free(struct tls_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->v[i]);
    free(names->v);
    *names = (struct tls_names){0};
}

enum tls_name_match tls_name_match(const char *presented, const char *name)
{
    const char *dot = strchr(name, '.');

    if (strcmp(presented, name) == 0)
        return NAME_EXACT;
    if (presented[0] == '*' && dot && dot > name && strcmp(presented + 1, dot) == 0)
        return NAME_BY_WILDCARD;
    return NAME_DIFFERS;
}

enum tls_name_match tls_names_match(const struct tls_names *names, const char *name)
{
    enum tls_name_match best = NAME_DIFFERS;

    for (size_t i = 0; i < names->n && best != NAME_EXACT; i++) {
        enum tls_name_match match = tls_name_match(names->v[i], name);
        best = match > best ? match : best;
    }
    return best;
}
