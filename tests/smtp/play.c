#include "tests/smtp/play.h"

#include <criterion/criterion.h>

void play_open(struct talk *t, unsigned flags)
{
    struct smtp_server_config cfg = {"relay.example", flags & NO_SIZE ? 0 : 1000, flags & STARTTLS,
                                     flags & REQUIRE_TLS, flags & CONVERT};

    cfg.max_errors = TALK_ERRORS;
    cfg.max_noise = TALK_NOISE;
    cfg.offer_chunking = flags & CHUNKS;
    cfg.offer_requiretls = flags & TLS_FOR_ALL;
    cfg.auth = flags & AUTH ? "PLAIN SCRAM-SHA-256" : NULL;
    cfg.require_auth = flags & MUST_AUTH;
    cfg.allow_xclient = flags & XCLIENT;
    talk_init(t, &cfg);
    t->refuse_data = flags & REFUSE_DATA;
    t->refuse_chunk = flags & REFUSE_CHUNK;
    if (flags & IN_TLS)
        smtp_server_tls_done(&t->server);
    smtp_server_greet(&t->server, flags & EARLY);
    talk_pump(t);
}

static void play(const struct play *d, size_t way)
{
    struct talk t;

    play_open(&t, d->flags);
    for (size_t done = 0; done < d->in.n;) {
        struct slice piece = talk_piece(d->in, way, done);
        talk_feed(&t, piece);
        done += piece.n;
    }
    cr_expect_str_eq(buf_cstr(&t.out), d->out, "%s, way %zu: %s", d->name, way, buf_cstr(&t.out));
    cr_expect_str_eq(buf_cstr(&t.events), d->events, "%s, way %zu: %s", d->name, way,
                     buf_cstr(&t.events));
    cr_expect(slice_eq(buf_slice(&t.content), slice_of(d->content)), "%s, way %zu: %s", d->name,
              way, buf_cstr(&t.content));
    cr_expect_null(t.server.cmd, "%s: an idle session holds no command", d->name);
    cr_expect_null(t.server.secret, "%s: nor a secret", d->name);
    talk_free(&t);
}

void play_all(const struct play *plays, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t ways = plays[i].flags & WHOLE_ONLY ? 1 : talk_cuts(plays[i].in.n);
        for (size_t way = 0; way < ways; way++)
            play(&plays[i], way);
    }
}
