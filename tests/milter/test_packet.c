/* Packets: what is written, octet by octet, and what is cut out of a filter's stream at every split. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "config/base/limits.h"
#include "mta/milter/packet.h"
#include "tests/smtp/talk.h"

static void expect(struct buf *out, bool ok, struct slice want, const char *name)
{
    cr_expect(ok, "%s", name);
    cr_expect(slice_eq(buf_slice(out), want), "%s", name);
    buf_clear(out);
}

Test(packet, written)
{
    static const struct milter_macro macros[] = {{"i", "4dK2"}, {"{mail_addr}", "a@b"}};
    struct ip_port client = {.port = 0x1234};
    struct buf out;

    buf_init(&out, 1000);
    expect(&out, milter_put_options(&out, 0x1ff, 0x80000001),
           SLICE("\0\0\0\015O\0\0\0\6\0\0\1\377\200\0\0\1"), "options");
    expect(&out, milter_put_macros(&out, MILTER_MAIL, macros, 2),
           SLICE("\0\0\0\031DMi\0"
                 "4dK2\0{mail_addr}\0a@b\0"),
           "macros");
    expect(&out, milter_put_macros(&out, MILTER_EOH, NULL, 0), SLICE("\0\0\0\2DN"), "no macros");
    cr_assert(ip_parse(SLICE("192.0.2.1"), &client.ip));
    expect(&out, milter_put_connect(&out, "[192.0.2.1]", &client),
           SLICE("\0\0\0\032C[192.0.2.1]\0"
                 "4\x12\x34"
                 "192.0.2.1\0"),
           "connect");
    cr_assert(ip_parse(SLICE("2001:db8::1"), &client.ip));
    expect(&out, milter_put_connect(&out, "h", &client),
           SLICE("\0\0\0\022Ch\0"
                 "6\x12\x34"
                 "2001:db8::1\0"),
           "connect by IPv6");
    expect(&out, milter_put_text(&out, MILTER_HELO, SLICE("c.example")),
           SLICE("\0\0\0\013Hc.example\0"), "helo");
    expect(&out, milter_put_path(&out, MILTER_MAIL, "", SLICE("")), SLICE("\0\0\0\4M<>\0"), "null");
    expect(&out, milter_put_path(&out, MILTER_MAIL, "a@b", SLICE(" SIZE=10  BODY=8BITMIME")),
           SLICE("\0\0\0\035M<a@b>\0SIZE=10\0BODY=8BITMIME\0"), "mail with parameters");
    expect(&out, milter_put_path(&out, MILTER_RCPT, "a@b", SLICE("")), SLICE("\0\0\0\7R<a@b>\0"),
           "rcpt");
    expect(&out, milter_put_header(&out, SLICE("Subject"), SLICE("x")),
           SLICE("\0\0\0\013LSubject\0x\0"), "header");
    expect(&out, milter_put_data(&out, MILTER_BODY, SLICE("a\0b")), SLICE("\0\0\0\4Ba\0b"), "body");
    expect(&out, milter_put_data(&out, MILTER_END, SLICE("")), SLICE("\0\0\0\1E"), "end");
    buf_free(&out);
}

Test(packet, all_or_nothing)
{
    struct buf out;

    for (size_t room = 0; room < 17; room++) {
        buf_init(&out, room);
        cr_expect_not(milter_put_options(&out, 1, 2), "%zu", room);
        cr_expect_eq(out.n, 0);
        buf_free(&out);
    }
}

Test(packet, read_at_every_split)
{
    static const char stream[] = "\0\0\0\1c\0\0\0\3qx\0\0\0\0\6\377\0\0\0\0\0";
    static const struct {
        char kind;
        struct slice data;
    } want[] = {{'c', {"", 0}}, {'q', {"x", 2}}, {'\377', {"\0\0\0\0\0", 5}}};
    struct slice input = {stream, sizeof(stream) - 1};

    for (size_t way = 0; way < talk_cuts(input.n); way++) {
        struct buf in;
        size_t n = 0;
        buf_init(&in, 100);
        for (size_t done = 0; done < input.n;) {
            struct slice piece = talk_piece(input, way, done);
            struct milter_packet p;
            cr_assert(buf_append(&in, piece));
            done += piece.n;
            while (milter_packet_next(buf_slice(&in), &p) == MILTER_PACKET) {
                cr_assert(n < ARRAY_LEN(want) && p.kind == want[n].kind);
                cr_expect(slice_eq(p.data, want[n].data), "way %zu packet %zu", way, n);
                buf_consume(&in, p.octets);
                n++;
            }
        }
        cr_expect_eq(n, ARRAY_LEN(want));
        cr_expect_eq(in.n, 0);
        buf_free(&in);
    }
    CHECK_LEAKS();
}

Test(packet, wrong_lengths_are_told_at_once)
{
    struct milter_packet p;

    cr_expect_eq(milter_packet_next(SLICE("\0\0\0\0"), &p), MILTER_MALFORMED, "no octet");
    cr_expect_eq(milter_packet_next(SLICE("\0\0\0"), &p), MILTER_MORE);
    cr_expect_eq(milter_packet_next(SLICE("\0\2\0\0"), &p), MILTER_MORE, "the largest");
    cr_expect_eq(milter_packet_next(SLICE("\0\2\0\1"), &p), MILTER_MALFORMED, "one more");
    cr_expect_eq(milter_packet_next(SLICE("\377\377\377\377c"), &p), MILTER_MALFORMED);
    cr_expect_eq(milter_packet_next(SLICE("220 "), &p), MILTER_MALFORMED, "another protocol");
    cr_expect_eq(LIMIT_MILTER_PACKET, 0x20000);
}
