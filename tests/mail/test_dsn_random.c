/* Notifications about anything: random addresses, envelope words, replies and headers. What the
 * sender may have said comes back as it was; what nobody may say breaks nothing. check_dsn.py reads
 * them with another parser. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "config/base/utf8.h"
#include "tests/mail/dsn_sample.h"
#include "tests/mail/leaks.h"

TestSuite(dsn_random, .fini = no_leaks);

enum { ROUNDS = 400, RCPTS = 4, TEXT = 1024 };

static uint64_t seed;

static unsigned pick(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % n;
}

enum alphabet { ASCII, UTF8, OCTETS };

static void put_random(struct buf *b, enum alphabet a)
{
    static const char likely[] = ";=+\\\"<>@:{}%. -_";
    static const char bad[] = "\r\n\t \0\x1b-=\xff\x80";
    unsigned kind = pick(4);

    if (kind == 0)
        (void)!buf_append_byte(b, likely[pick(sizeof(likely) - 1)]);
    else if (kind == 1 && a == UTF8)
        (void)!utf8_append(0xa1 + pick(0x2ff), b);
    else if (kind == 1 && a == OCTETS)
        (void)!buf_append_byte(b, bad[pick(sizeof(bad) - 1)]);
    else if (kind == 2 && a == OCTETS)
        (void)!buf_append_byte(b, (char)pick(256));
    else
        (void)!buf_append_byte(b, (char)('!' + pick('~' - '!' + 1)));
}

/* Text as the door lets it in: no white space at its ends, where a field's parser may trim. */
static const char *random_text(char text[TEXT], size_t max, enum alphabet a, const char *lead)
{
    struct buf b;

    buf_init(&b, max);
    (void)!buf_append(&b, slice_of(lead));
    for (unsigned n = pick((unsigned)max - 8); n; n--)
        put_random(&b, a);
    (void)!buf_append_byte(&b, 'z');
    (void)slice_copy(buf_slice(&b), text, TEXT);
    buf_free(&b);
    return text;
}

struct random_dsn {
    struct dsn d;
    struct dsn_rcpt rcpts[RCPTS];
    char address[RCPTS][TEXT], orcpt[RCPTS][TEXT], remote[RCPTS][TEXT], envid[TEXT], sender[TEXT];
    char header[4 * TEXT];
};

static void random_status(struct dsn_rcpt *r)
{
    r->status = status_of((enum cause)pick(CAUSE_COUNT));
    r->status.from_peer = pick(2);
    for (size_t i = 0, n = pick(STATUS_TEXT_MAX); i < n; i++)
        r->status.text[i] = (char)(1 + pick(255));
}

static void random_rcpt(struct random_dsn *x, size_t i, bool clean, enum alphabet a)
{
    struct dsn_rcpt *r = &x->rcpts[i];

    r->address = random_text(x->address[i], 100, a, "a");
    if (pick(2))
        r->orcpt = random_text(x->orcpt[i], 120, a, !clean ? "" : a == UTF8 ? "utf-8;b" : "rfc822;b");
    r->remote = random_text(x->remote[i], 100, clean ? ASCII : OCTETS, "mx");
    r->delivered = x->d.kind == DSN_SUCCESS && pick(2);
    random_status(r);
}

static void random_original(struct random_dsn *x)
{
    size_t n = pick(sizeof(x->header));

    for (size_t i = 0; i < n; i++)
        x->header[i] = pick(20) == 0 ? '\n' : (char)pick(256);
    x->d.original_headers = slice_make(x->header, n);
}

/* All of a message, with or without an end of its last line. */
static void random_whole(struct random_dsn *x)
{
    size_t n = 1 + pick(sizeof(x->header) - 1);

    for (size_t i = 0; i < n; i++) {
        bool line = pick(20) == 0 && i + 1 < n;
        x->header[i] = line ? '\r' : (char)(' ' + pick('~' - ' '));
        if (line)
            x->header[++i] = '\n';
        else if (pick(50) == 0)
            x->header[i] = (char)(0x80 + pick(0x80));
    }
    x->d.original = slice_make(x->header, n);
    x->d.original_headers = slice_head(x->d.original, pick((unsigned)n));
    cr_assert(dsn_may_return(x->d.original));
}

static void make_random(struct random_dsn *x, bool clean)
{
    enum alphabet a = clean ? (enum alphabet)pick(2) : OCTETS;

    *x = (struct random_dsn){0};
    x->d = dsn_sample(x->rcpts, 1 + pick(RCPTS));
    x->d.kind = (enum dsn_kind)pick(3);
    x->d.utf8 = a == UTF8 || (!clean && pick(2));
    x->d.smtputf8 = x->d.utf8 && pick(2);
    x->d.sender = random_text(x->sender, 100, x->d.smtputf8 ? a : ASCII, "s");
    if (pick(2))
        x->d.envid = random_text(x->envid, 100, clean ? ASCII : OCTETS, "e");
    for (size_t i = 0; i < x->d.n_rcpts; i++)
        random_rcpt(x, i, clean, a);
    if (pick(2))
        random_original(x);
    else
        random_whole(x);
}

static void run(const char *kind, bool clean)
{
    static struct random_dsn x;
    char name[32];

    seed = 0x9e3779b97f4a7c15u + clean;
    for (int i = 0; i < ROUNDS; i++) {
        struct buf out;
        bool eight_bit;

        make_random(&x, clean);
        (void)snprintf(name, sizeof(name), "%s-%d", kind, i);
        dsn_make(name, &x.d, &out, &eight_bit);
        if (clean)
            dsn_save_wanted(name, &x.d);
        buf_free(&out);
    }
}

Test(dsn_random, what_may_be_said)
{
    run("clean", true);
}

Test(dsn_random, what_may_not)
{
    run("hostile", false);
}
