/* No trust anchor, no start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/process.h"
#include "tests/dns/leaks.h"

static const struct {
    const char *what, *content;
    bool good;
} rows[] = {
    {"DS",                                ". IN DS 20326 8 2 e06d44b8\n",                            true },
    {"DS without class, after a comment", "; the root\n\n. DS 20326 8 2 e06d44b8\n",                 true },
    {"DNSKEY with TTL",                   ".\t172800\tIN\tDNSKEY\t257 3 8 AwEAAaz/tAm8 ;;state=2\n", true },
    {"DNSKEY over several lines",         ". IN DNSKEY 257 3 8 (\n AwEAAaz )\n",                     true },
    {"CR LF",                             ". IN DS 20326 8 2 e06d44b8\r\n",                          true },
    {"no end of line",                    ". IN DS 20326 8 2 e06d44b8",                              true },
    {"empty",                             "",                                                        false},
    {"comments only",                     "; . IN DS 20326 8 2 e06d44b8\n",                          false},
    {"another type",                      ". IN NS a.example.\n",                                    false},
    {"cut short",                         ". IN DS 20326 8\n",                                       false},
    {"no numbers",                        ". IN DS a b c d\n",                                       false},
    {"the word alone",                    "DS\n",                                                    false},
};

static bool check(const char *path, struct buf *errors)
{
    struct config c = {
        .resolver = {.trust_anchor_file = path, .trust_anchor_where = {"danelaw.yaml", 14, 5}}
    };
    buf_init(errors, 2000);
    return dns_trust_anchor_check(&c, errors);
}

Test(anchor, files)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[] = "/tmp/danelaw-anchor-XXXXXX";
        int fd = mkstemp(path);
        struct buf errors;
        cr_assert_geq(fd, 0);
        cr_assert_eq(write(fd, rows[i].content, strlen(rows[i].content)),
                     (ssize_t)strlen(rows[i].content));
        (void)close(fd);
        cr_assert_eq(check(path, &errors), rows[i].good, "%s", rows[i].what);
        cr_assert_eq(errors.n == 0, rows[i].good, "%s", rows[i].what);
        (void)unlink(path);
        buf_free(&errors);
    }
    no_leaks();
}

Test(anchor, words_of_the_error)
{
    struct buf errors;

    cr_assert(!check("/nonexistent/root.key", &errors));
    cr_assert_str_eq(buf_cstr(&errors), "danelaw.yaml:14:5: trust anchor file "
                                        "\"/nonexistent/root.key\": No such file or directory\n");
    buf_free(&errors);
    cr_assert(!check("/", &errors), "a directory");
    buf_free(&errors);
    no_leaks();
}
