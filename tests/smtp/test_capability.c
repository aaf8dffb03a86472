/* What is read from a reply to EHLO, catalogue row M11. */
#include <criterion/criterion.h>

#include "mta/smtp/capability.h"

#define G "mx.example\n"

Test(capability, keywords_and_their_values)
{
    enum { ALL = MECHANISM_SCRAM_SHA_256 | MECHANISM_PLAIN | MECHANISM_LOGIN };
    // clang-format off
    static const struct {
        const char *text;
        struct capabilities want; /* mask, mechanisms, size, mail, rcpt, domains */
    } rows[] = {
        {"SIZE 1", {0}},
        {G, {0}},
        {G "size 10\nDsn\n8BITMIME", {CAP_SIZE | CAP_DSN | CAP_8BITMIME, 0, 10, 0, 0, 0}},
        {G "SIZE\nSIZE 18446744073709551616", {CAP_SIZE, 0, 0, 0, 0, 0}},
        {G "SIZE -1", {CAP_SIZE, 0, 0, 0, 0, 0}},
        {G "DSNX\nXDSN\nDSN=1\n CHUNKINGS", {0}},
        {G "AUTH PLAIN login SCRAM-SHA-256 X", {CAP_AUTH, ALL, 0, 0, 0, 0}},
        {G "AUTH=PLAIN LOGIN\nAUTH PLAINX SCRAM-SHA-256-PLUS", {CAP_AUTH, 0, 0, 0, 0, 0}},
        {G "AUTH PLAIN\nAUTH LOGIN", {CAP_AUTH, MECHANISM_PLAIN | MECHANISM_LOGIN, 0, 0, 0, 0}},
        {G "LIMITS RCPTMAX=20 mailmax=3 RCPTDOMAINMAX=1", {CAP_LIMITS, 0, 0, 3, 20, 1}},
        {G "LIMITS RCPTMAX=999999", {CAP_LIMITS, 0, 0, 0, 999999, 0}},
        {G "LIMITS RCPTMAX=0", {CAP_LIMITS, 0, 0, 0, 0, 0}},
        {G "LIMITS RCPTMAX=1234567", {CAP_LIMITS, 0, 0, 0, 0, 0}},
        {G "LIMITS RCPTMAX=07 RCPTMAX= RCPTMAX RCPTMAX=-1 RCPTMAX=1x XRCPTMAX=5 RCPTMAXX=5",
         {CAP_LIMITS, 0, 0, 0, 0, 0}},
        {G "LIMITSRCPTMAX=5", {0}},
    };
    // clang-format on

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct capabilities got = capabilities_parse(slice_of(rows[i].text)), want = rows[i].want;
        cr_expect(got.mask == want.mask && got.mechanisms == want.mechanisms &&
                      got.max_size == want.max_size && got.mail_max == want.mail_max &&
                      got.rcpt_max == want.rcpt_max && got.rcpt_domain_max == want.rcpt_domain_max,
                  "%s", rows[i].text);
    }
}
