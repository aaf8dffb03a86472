/* What a certificate says, as plain data; and that a peer's text cannot do harm in it. */
#include "tls/certificate.h"

#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "tests/tls/certs.h"
#include "tests/tls/leaks.h"

TestSuite(certificate);

static struct certificate read_out(const struct cert_wish *wish)
{
    struct cert c = cert_make(wish);
    struct certificate out = tls_certificate(c.x509);
    cert_free(&c);
    return out;
}

Test(certificate, fields)
{
    struct cert ca = cert_make(&(struct cert_wish){.cn = "Some CA", .ca = true});
    struct cert leaf = cert_make(&(struct cert_wish){
        .cn = "mx", .san = "DNS:mx.d.example,email:x@d.example,DNS:d.example", .issuer = &ca});
    struct certificate c = tls_certificate(leaf.x509);
    const int64_t now = time(NULL);

    cr_expect_str_eq(c.subject, "CN=mx");
    cr_expect_str_eq(c.issuer, "CN=Some CA");
    cr_expect_str_eq(c.names, "mx.d.example, d.example");
    cr_expect(!c.names_are_cn && !c.self_issued && !c.is_ca);
    cr_expect_str_eq(c.key, "ECDSA P-256");
    cr_expect_str_eq(c.signature, "ecdsa-with-SHA256");
    cr_expect_leq(llabs(now - 10 * 86400 - c.not_before_s), 60);
    cr_expect_leq(llabs(now + 10 * 86400 - c.not_after_s), 60);
    c = tls_certificate(ca.x509);
    cr_expect(c.self_issued && c.is_ca && c.names_are_cn);
    cr_expect_str_eq(c.names, "Some CA");
    cert_free(&leaf);
    cert_free(&ca);
    NO_LEAKS();
}

Test(certificate, digests_are_those_of_records)
{
    struct cert cert = cert_make(&(struct cert_wish){.cn = "mx"});
    struct certificate c = tls_certificate(cert.x509);
    uint8_t data[RECORD_MAX];
    char hex[CERTIFICATE_HEX];

    for (uint8_t selector = 0; selector < 2; selector++)
        for (uint8_t mtype = 1; mtype < 3; mtype++) {
            struct tlsa_record r = cert_record(&cert, 3, selector, mtype, false, data);
            cr_expect_eq(memcmp(c.digest[selector][mtype - 1], data, r.len), 0);
            cr_expect_eq(strlen(tls_certificate_hex(&c, selector, mtype, hex)), 2u * r.len);
        }
    cert_free(&cert);
    NO_LEAKS();
}

Test(certificate, keys)
{
    cr_expect_str_eq(read_out(&(struct cert_wish){.cn = "a", .key = CERT_RSA_1024}).key,
                     "RSA 1024");
    cr_expect_str_eq(read_out(&(struct cert_wish){.cn = "a", .key = CERT_RSA_1024}).signature,
                     "sha256WithRSAEncryption");
    cr_expect_str_eq(read_out(&(struct cert_wish){.cn = "a", .key = CERT_ED25519}).key, "Ed25519");
    NO_LEAKS();
}

Test(certificate, hostile_text_is_escaped)
{
    struct certificate c = read_out(&(struct cert_wish){.cn = "a\n\x1b[2J\x7f,\"é"});

    for (const char *p = c.subject; *p; p++)
        cr_expect(*p >= ' ' && *p < 0x7f, "%s", c.subject);
    for (const char *p = c.names; *p; p++)
        cr_expect(*p >= ' ' && *p < 0x7f, "%s", c.names);
    NO_LEAKS();
}

/* More names than there is room for: whole ones, as many as fit. */
Test(certificate, long_lists_are_cut)
{
    char san[4000] = "";
    for (int i = 0; i < 100; i++)
        (void)snprintf(san + strlen(san), sizeof(san) - strlen(san), "%sDNS:host%02d.d.example",
                       i ? "," : "", i);
    struct certificate c = read_out(&(struct cert_wish){.cn = "a", .san = san});

    cr_expect_leq(strlen(c.names), CERTIFICATE_NAMES - 1);
    cr_expect_geq(strlen(c.names), CERTIFICATE_NAMES - 30);
    cr_expect_str_eq(c.names + strlen(c.names) - 10, ".d.example");
    NO_LEAKS();
}

Test(certificate, empty_and_absent)
{
    X509 *nothing = X509_new();
    struct certificate c = tls_certificate(nothing);

    cr_expect_str_eq(c.names, "");
    cr_expect_str_eq(c.key, "unknown");
    cr_expect_eq(c.not_after_s, 0);
    cr_expect_eq(tls_certificates(NULL, &c, 1), 0);
    X509_free(nothing);
    NO_LEAKS();
}
