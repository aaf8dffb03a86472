/* Sessions from standard input through the server machine, one line of outcome each. Driven by run.py.
 *
 * A record: a byte of settings (enum setting), a seed of 4 octets (0: every segment whole), a byte with
 * the number of segments, then each with a length of 4 octets, little endian. A segment is fed when
 * everything before it was read, in random pieces. The outcome: codes, " closed" if so, messages. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/smtp/talk.h"

enum setting { STARTTLS = 1, REQUIRE_TLS = 2, AUTH = 4, REQUIRE_AUTH = 8, XCLIENT = 16, CHUNKING = 32, MAILS = 64, REQUIRETLS = 128 };

enum { MAX_SIZE = 5000, MAX_RCPTS = 3, MAX_MAILS = 2, MAX_ERRORS = 8, MAX_NOISE = 10, SEGMENT_MAX = 1 << 20 };

static bool get(void *into, size_t n)
{
    return fread(into, 1, n, stdin) == n;
}

static void insist(bool ok)
{
    if (!ok)
        abort(); /* half a record */
}

static struct smtp_server_config config_of(unsigned char settings)
{
    return (struct smtp_server_config){
        .hostname = "relay.example",
        .max_message_size = MAX_SIZE,
        .offer_starttls = settings & STARTTLS,
        .require_tls = settings & REQUIRE_TLS,
        .auth = settings & AUTH ? "PLAIN LOGIN" : NULL,
        .require_auth = settings & REQUIRE_AUTH,
        .allow_xclient = settings & XCLIENT,
        .offer_chunking = settings & CHUNKING,
        .max_mails = settings & MAILS ? MAX_MAILS : 0,
        .max_rcpts = MAX_RCPTS,
        .max_errors = MAX_ERRORS,
        .max_noise = MAX_NOISE,
        .offer_requiretls = settings & REQUIRETLS,
    };
}

static void feed_segment(struct talk *t, struct slice segment, uint64_t *seed)
{
    while (segment.n && !t->closed) {
        size_t n = *seed ? 1 + talk_random(seed) % 40 : segment.n;
        struct slice piece = slice_head(segment, n);
        talk_feed(t, piece);
        segment = slice_skip(segment, piece.n);
    }
}

static void print_codes(struct slice out)
{
    while (out.n) {
        struct slice line = slice_head(out, slice_find(out, '\n') + 1);
        if (line.n > 3 && line.p[3] != '-')
            printf("%.3s ", line.p);
        out = slice_skip(out, line.n);
    }
}

static void run_record(unsigned char settings)
{
    struct smtp_server_config cfg = config_of(settings);
    unsigned char segments;
    uint32_t seed, n;
    struct talk t;

    insist(get(&seed, sizeof(seed)) && get(&segments, 1));
    uint64_t state = seed;
    talk_init(&t, &cfg);
    smtp_server_greet(&t.server, false);
    for (unsigned i = 0; i < segments; i++) {
        insist(get(&n, sizeof(n)) && n <= SEGMENT_MAX);
        char *octets = base_alloc(n + 1);
        insist(get(octets, n));
        feed_segment(&t, slice_make(octets, n), &state);
        free(octets);
    }
    print_codes(buf_slice(&t.out));
    printf("%s %zu\n", t.closed ? "closed" : "open", t.messages);
    talk_free(&t);
}

int main(void)
{
    unsigned char settings;

    while (get(&settings, 1))
        run_record(settings);
    return 0;
}
