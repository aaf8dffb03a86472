#include "tests/mail/dsn_sample.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dsn dsn_sample(const struct dsn_rcpt *r, size_t n)
{
    return (struct dsn){.kind = DSN_FAILED,
                        .hostname = "relay.example",
                        .id = "4dK2fQ7xPz1R",
                        .dsn_id = "5eL3gR8yQa2S",
                        .sender = "from@sender.example",
                        .arrival_ms = 1795578699000,
                        .now_ms = 1795578999000,
                        .expires_ms = 1796010699000,
                        .rcpts = r,
                        .n_rcpts = n,
                        .original_headers = SLICE("Subject: hello\r\nX: 1\r\n cut her")};
}

static FILE *open_sample(const char *name, const char *ending)
{
    const char *dir = getenv("DSN_SAMPLE_DIR");
    char path[512];
    FILE *f;

    if (!dir)
        return NULL;
    (void)snprintf(path, sizeof(path), "%s/%s.%s", dir, name, ending);
    f = fopen(path, "wb");
    cr_assert(f);
    return f;
}

static void save(const char *name, struct slice s)
{
    FILE *f = open_sample(name, "eml");

    if (!f)
        return;
    cr_assert_eq(fwrite(s.p, 1, s.n, f), s.n);
    (void)fclose(f);
}

static void check_line(const char *name, struct slice line)
{
    cr_assert_lt(line.n, 998, "%s: a line of %zu", name, line.n);
    for (size_t i = 0; i < line.n; i++)
        cr_assert(line.p[i] == '\t' || ((unsigned char)line.p[i] >= ' ' && line.p[i] != 0x7f),
                  "%s: a control character", name);
}

static void check_lines(const char *name, struct slice s)
{
    while (s.n) {
        size_t end = slice_find(s, '\n');
        cr_assert(end < s.n && end > 0 && s.p[end - 1] == '\r', "%s: a bare line end", name);
        check_line(name, slice_head(s, end - 1));
        s = slice_skip(s, end + 1);
    }
}

void dsn_make(const char *name, const struct dsn *d, struct buf *out, bool *out_eight_bit)
{
    bool high = false;

    buf_init(out, 1 << 20);
    cr_assert(dsn_write(d, out, out_eight_bit), "%s", name);
    check_lines(name, buf_slice(out));
    for (size_t i = 0; i < out->n; i++)
        high |= (unsigned char)buf_slice(out).p[i] >= 0x80;
    cr_assert_eq(high, *out_eight_bit, "%s: declared %d", name, *out_eight_bit);
    save(name, buf_slice(out));
}

static void put_hex(FILE *f, const char *s)
{
    (void)fprintf(f, " %s", s ? "x" : "-");
    for (; s && *s; s++)
        (void)fprintf(f, "%02x", (unsigned char)*s);
}

void dsn_save_wanted(const char *name, const struct dsn *d)
{
    static const char *const kinds[] = {
        [DSN_FAILED] = "failed", [DSN_DELAYED] = "delayed", [DSN_SUCCESS] = "relayed"};
    FILE *f = open_sample(name, "want");

    if (!f)
        return;
    (void)fprintf(f, "envid");
    put_hex(f, d->envid);
    for (size_t i = 0; i < d->n_rcpts; i++) {
        const struct dsn_rcpt *r = &d->rcpts[i];
        (void)fprintf(f, "\n%s", r->delivered ? "delivered" : kinds[d->kind]);
        put_hex(f, r->address);
        put_hex(f, r->orcpt);
    }
    (void)fprintf(f, "\n");
    (void)fclose(f);
}
