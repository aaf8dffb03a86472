/* From a verdict to an SSL object: the call order of OpenSSL's DANE interface. RFC 7672 §3, §8. */
#include "tls/dane.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "config/base/ip.h"

/* What OpenSSL would misread: an address as a name adds a second condition, a name that starts with
 * a dot stands for all subdomains. Names come from DNS, so refuse rather than trust. */
static bool is_host_name(const char *name)
{
    struct ip ip;
    return name && name[0] && name[0] != '.' && strlen(name) < DNS_NAME_MAX &&
           !ip_parse(slice_of(name), &ip);
}

static SSL *fail(SSL *ssl, struct verdict *v, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    v->mode = VERDICT_SKIP;
    v->skip = status_make(CAUSE_TLS_LOCAL, "our TLS engine failed: %s%s%s", what,
                          reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    SSL_free(ssl);
    return NULL;
}

/* TLS without authentication. SNI is the TLSA base domain where there is one (RFC 7672 §8.1). */
static SSL *unauthenticated(const struct tls_clients *clients, struct verdict *v, const char *host)
{
    SSL *ssl = SSL_new(clients->opportunistic);
    const char *sni = v->base && v->base[0] ? v->base : host;

    if (!ssl)
        return fail(ssl, v, "SSL_new");
    SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
    if (is_host_name(sni) && SSL_set_tlsext_host_name(ssl, sni) != 1)
        return fail(ssl, v, "SNI");
    return ssl;
}

/* SSL_dane_enable sets SNI and makes the base domain the only expected name; so it comes first and
 * the other reference identifiers are added to it. */
static bool dane_enable(SSL *ssl, const struct verdict *v)
{
    if (!is_host_name(v->base) || SSL_dane_enable(ssl, v->base) != 1)
        return false;
    for (size_t i = 1; i < v->n_names; i++)
        if (!is_host_name(v->names[i]) || SSL_add1_host(ssl, v->names[i]) != 1)
            return false;
    /* RFC 7672 §3.1.1: usage 3 binds the key to the host by itself, no name check. */
    SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    /* RFC 7672 §3.2.3: a wildcard is a whole label. The CN counts if there is no DNS name. */
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return true;
}

/* Usages 0 and 1 never get here: the verdict has not marked them usable, but OpenSSL would take
 * them. False: the library failed; that must not be read as "no records". */
static bool add_records(SSL *ssl, struct verdict *v)
{
    for (size_t i = 0; i < v->n_records; i++) {
        const struct tlsa_record *r = &v->records[i];
        const uint64_t bit = UINT64_C(1) << i;
        if (!(v->usable & bit))
            continue;
        int added = SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->mtype, r->data, r->len);
        if (added < 0)
            return false;
        if (added == 0)
            v->usable &= ~bit;
    }
    ERR_clear_error(); /* refused records leave errors that the next I/O would be blamed for */
    return true;
}

/* The certificates in the records did not decode after all. */
static SSL *none_usable(const struct tls_clients *clients, struct verdict *v, enum tls_level level,
                        const char *host)
{
    v->half_dane = false;
    v->n_names = 0;
    if (level == TLS_LEVEL_DANE_ONLY) {
        v->mode = VERDICT_SKIP;
        v->skip =
            status_make(CAUSE_DANE_UNAVAILABLE,
                        "%s: DANE is required, but none of the TLSA records is usable", v->base);
        return NULL;
    }
    v->mode = VERDICT_ENCRYPT;
    v->sole_unusable = true;
    (void)slice_copy(
        SLICE("TLSA records exist, but none is usable: TLS is required, unauthenticated "
              "(RFC 7672 section 2.2)"),
        v->why, sizeof(v->why));
    return unauthenticated(clients, v, host);
}

static SSL *dane(const struct tls_clients *clients, struct verdict *v, enum tls_level level,
                 const char *host)
{
    SSL *ssl = SSL_new(clients->authenticated);

    if (!ssl || !dane_enable(ssl, v))
        return fail(ssl, v, "DANE names");
    if (!add_records(ssl, v))
        return fail(ssl, v, "TLSA records");
    if (!v->usable) {
        SSL_free(ssl);
        return none_usable(clients, v, level, host);
    }
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    return ssl;
}

/* A literal next hop is known by its address, everything else by its names. */
static bool pkix_names(SSL *ssl, const struct verdict *v, const char *host)
{
    if (v->n_names == 0)
        return host && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    if (!is_host_name(v->names[0]) || SSL_set1_host(ssl, v->names[0]) != 1)
        return false;
    for (size_t i = 1; i < v->n_names; i++)
        if (!is_host_name(v->names[i]) || SSL_add1_host(ssl, v->names[i]) != 1)
            return false;
    return true;
}

static SSL *pkix(const struct tls_clients *clients, struct verdict *v, const char *host)
{
    SSL *ssl = SSL_new(clients->pkix);

    if (!ssl || !pkix_names(ssl, v, host))
        return fail(ssl, v, "reference names");
    if (is_host_name(host) && SSL_set_tlsext_host_name(ssl, host) != 1)
        return fail(ssl, v, "SNI");
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    return ssl;
}

static SSL *client_for(const struct tls_clients *clients, struct verdict *v, enum tls_level level,
                       const char *host)
{
    ERR_clear_error();
    if (v->mode == VERDICT_DANE)
        return dane(clients, v, level, host);
    if (v->mode == VERDICT_PKIX)
        return pkix(clients, v, host);
    if (v->mode == VERDICT_OPPORTUNISTIC || v->mode == VERDICT_ENCRYPT)
        return unauthenticated(clients, v, host);
    return NULL;
}

SSL *tls_dane_client(const struct tls_clients *clients, struct verdict *v, enum tls_level level,
                     const char *host)
{
    SSL *ssl = client_for(clients, v, level, host);
#ifdef SABOTAGE_SKIP_TLSA
    if (ssl)
        SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
#endif
    return ssl;
}
