/* What stands in a command line, each by its own pure parser; the first octet says which:
 * verb, argument of EHLO, path, parameters of MAIL, of RCPT, argument of BDAT, of XCLIENT.
 *
 * What was understood is written down again from its value alone and read once more: it must be the
 * same value. So nothing is cut, guessed or hidden. */
#include <stdio.h>
#include <string.h>

#include "config/base/dsn.h"
#include "mta/smtp/chunk.h"
#include "mta/smtp/verbs.h"
#include "mta/smtp/xtext.h"
#include "tests/fuzz/bytes.h"

enum { ROOM = 8192 };

static void put(struct buf *b, const char *name, struct slice value)
{
    REQUIRE(buf_printf(b, " %s", name) && xtext_encode(value, b));
}

/* ---- verbs and names ---- */

static void check_verb(struct slice word, unsigned how)
{
    const struct verb *v = verb_find(word);

    if (v)
        REQUIRE(slice_caseeq(v->name, word) && v->check && v->act && !(v->phases >> PHASE_COUNT));
}

static void check_helo(struct slice name, unsigned how)
{
    if (!address_helo_ok(name))
        return;
    REQUIRE(name.n && name.n <= LIMIT_DOMAIN && !has_control(name));
    REQUIRE(slice_find(name, ' ') == name.n);
}

/* ---- paths ---- */

static bool has_eight_bit(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] >= 0x80)
            return true;
    return false;
}

/* Whether they were written with 8-bit octets is not asked: those of a source route are gone. */
static bool same_address(const struct address *a, const struct address *b)
{
    return a->kind == b->kind && a->local_len == b->local_len && strcmp(a->text, b->text) == 0 &&
           strcmp(a->domain, b->domain) == 0;
}

static void check_mailbox(const struct address *a)
{
    struct slice text = slice_of(a->text);
    char again[DNS_NAME_MAX];

    REQUIRE(a->local_len && a->local_len <= LIMIT_LOCAL_PART && a->text[a->local_len] == '@');
    REQUIRE(!has_control(text) && text.n + 2 <= LIMIT_PATH);
    if (a->kind == ADDRESS_LITERAL)
        REQUIRE(slice_eq(slice_skip(text, a->local_len + 1), slice_of(a->domain)));
    else
        REQUIRE(hostname_normalise(slice_of(a->domain), again) && strcmp(again, a->domain) == 0);
}

static void check_path_again(const struct address *a, enum address_use use)
{
    char path[LIMIT_PATH + 3];
    struct address again;
    struct slice in;

    (void)snprintf(path, sizeof(path), "<%s>", a->text);
    in = slice_of(path);
    REQUIRE(address_parse_path(&in, use, true, &again) == CAUSE_OK && in.n == 0);
    REQUIRE(same_address(a, &again));
}

static void check_path(struct slice text, unsigned how)
{
    enum address_use use = how & 1 ? ADDRESS_SENDER : ADDRESS_RECIPIENT;
    bool utf8 = how & 2;
    struct slice left = text;
    struct address a;
    enum cause cause = address_parse_path(&left, use, utf8, &a);

    if (cause != CAUSE_OK) {
        REQUIRE(left.p == text.p && left.n == text.n && (!utf8 || cause != CAUSE_NEEDS_SMTPUTF8));
        return;
    }
    size_t n = text.n - left.n;
    REQUIRE(n >= 2 && n <= LIMIT_PATH && text.p[0] == '<' && text.p[n - 1] == '>');
    REQUIRE(a.utf8 == has_eight_bit(slice_head(text, n)) && (!a.utf8 || utf8));
    REQUIRE(a.kind != (use == ADDRESS_SENDER ? ADDRESS_POSTMASTER : ADDRESS_NULL));
    if (a.kind == ADDRESS_DOMAIN || a.kind == ADDRESS_LITERAL)
        check_mailbox(&a);
    check_path_again(&a, use);
}

/* ---- parameters ---- */

static void write_mail(const struct mail_params *p, struct buf *out)
{
    static const char *const ret[] = {"", " RET=FULL", " RET=HDRS"};

    if (p->has_size)
        REQUIRE(buf_printf(out, " SIZE=%llu", (unsigned long long)p->size));
    REQUIRE(buf_printf(out, "%s%s%s%s%s", p->eight_bit ? " BODY=8BITMIME" : "",
                       p->smtputf8 ? " SMTPUTF8" : "", p->requiretls ? " REQUIRETLS" : "",
                       p->auth ? " AUTH=<>" : "", ret[p->ret]));
    if (p->envid[0])
        put(out, "ENVID=", slice_of(p->envid));
}

static void check_mail(struct slice rest, unsigned how)
{
    struct mail_params p, again;
    struct buf text;

    if (params_parse_mail(rest, &p).cause != CAUSE_OK)
        return;
    REQUIRE(!has_control(slice_of(p.envid)));
    buf_init(&text, ROOM);
    write_mail(&p, &text);
    REQUIRE(params_parse_mail(buf_slice(&text), &again).cause == CAUSE_OK);
    REQUIRE(p.has_size == again.has_size && p.size == again.size && p.eight_bit == again.eight_bit &&
            p.smtputf8 == again.smtputf8 && p.requiretls == again.requiretls &&
            p.auth == again.auth && p.ret == again.ret && strcmp(p.envid, again.envid) == 0);
    buf_free(&text);
}

static void write_orcpt(const char *orcpt, bool smtputf8, struct buf *out)
{
    struct slice all = slice_of(orcpt), type = slice_head(all, slice_find(all, ';'));
    struct slice address = slice_skip(all, type.n + 1);

    REQUIRE(type.n && address.n && buf_printf(out, " ORCPT=%.*s;", (int)type.n, type.p));
    if (slice_caseeq(type, SLICE("utf-8")))
        REQUIRE(xtext_encode_utf8(address, smtputf8, out));
    else
        REQUIRE(xtext_encode(address, out));
}

static void write_notify(unsigned notify, struct buf *out)
{
    static const char *const words[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};
    const char *before = " NOTIFY=";

    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        if (!(notify & (1u << i)))
            continue;
        REQUIRE(buf_printf(out, "%s%s", before, words[i]));
        before = ",";
    }
}

static void check_rcpt(struct slice rest, unsigned how)
{
    struct rcpt_params p, again;
    bool smtputf8 = how & 1;
    struct buf text;

    if (params_parse_rcpt(rest, smtputf8, &p).cause != CAUSE_OK)
        return;
    REQUIRE(!has_control(slice_of(p.orcpt)) && !(p.notify & NOTIFY_NEVER && p.notify != NOTIFY_NEVER));
    buf_init(&text, ROOM);
    write_notify(p.notify, &text);
    if (p.orcpt[0])
        write_orcpt(p.orcpt, smtputf8, &text);
    REQUIRE(params_parse_rcpt(buf_slice(&text), smtputf8, &again).cause == CAUSE_OK);
    REQUIRE(p.notify == again.notify && strcmp(p.orcpt, again.orcpt) == 0);
    buf_free(&text);
}

/* ---- BDAT and XCLIENT ---- */

static void check_chunk(struct slice argument, unsigned how)
{
    uint64_t size, size_again;
    bool last, last_again;
    char text[64];

    if (!chunk_parse(argument, &size, &last))
        return;
    (void)snprintf(text, sizeof(text), "%llu%s", (unsigned long long)size, last ? " LAST" : "");
    REQUIRE(chunk_parse(slice_of(text), &size_again, &last_again));
    REQUIRE(size == size_again && last == last_again);
}

static void write_ip(const char *name, const struct ip *ip, struct buf *out)
{
    char text[IP_TEXT_MAX];

    (void)ip_text(ip, text);
    REQUIRE(buf_printf(out, " %s=%s%s", name, ip->v6 ? "IPV6:" : "", text));
}

static void write_given(const struct xclient *x, enum xclient_attribute a, struct buf *out)
{
    static const char *const text_names[] = {
        [XCLIENT_NAME] = "NAME=", [XCLIENT_HELO] = "HELO=", [XCLIENT_LOGIN] = "LOGIN="};
    const char *const texts[] = {
        [XCLIENT_NAME] = x->name, [XCLIENT_HELO] = x->helo, [XCLIENT_LOGIN] = x->login};
    const char *name = xclient_attribute_name(a);

    if (a == XCLIENT_ADDR || a == XCLIENT_DESTADDR)
        write_ip(name, a == XCLIENT_ADDR ? &x->addr : &x->destaddr, out);
    else if (a == XCLIENT_PORT || a == XCLIENT_DESTPORT)
        REQUIRE(buf_printf(out, " %s=%u", name, a == XCLIENT_PORT ? x->port : x->destport));
    else if (a == XCLIENT_PROTO)
        REQUIRE(buf_printf(out, " PROTO=%s", x->esmtp ? "ESMTP" : "SMTP"));
    else
        put(out, text_names[a], slice_of(texts[a]));
}

static void write_xclient(const struct xclient *x, struct buf *out)
{
    for (unsigned a = 0; a < XCLIENT_ATTRIBUTES; a++) {
        const char *name = xclient_attribute_name(a);
        if (x->said[a] == XCLIENT_GIVEN)
            write_given(x, a, out);
        else if (x->said[a] != XCLIENT_UNSAID)
            REQUIRE(buf_printf(out, " %s=%s", name, x->said[a] == XCLIENT_UNAVAILABLE
                                                        ? "[UNAVAILABLE]" : "[TEMPUNAVAIL]"));
    }
}

static bool same_xclient(const struct xclient *a, const struct xclient *b)
{
    return memcmp(a->said, b->said, sizeof(a->said)) == 0 && strcmp(a->name, b->name) == 0 &&
           ip_eq(&a->addr, &b->addr) && ip_eq(&a->destaddr, &b->destaddr) && a->port == b->port &&
           a->destport == b->destport && a->esmtp == b->esmtp && strcmp(a->helo, b->helo) == 0 &&
           strcmp(a->login, b->login) == 0;
}

static void check_xclient(struct slice argument, unsigned how)
{
    struct xclient x, again;
    struct buf text;

    if (xclient_parse(argument, &x).cause != CAUSE_OK)
        return;
    REQUIRE(!has_control(slice_of(x.login)) && (!x.helo[0] || address_helo_ok(slice_of(x.helo))));
    buf_init(&text, ROOM);
    write_xclient(&x, &text);
    REQUIRE(text.n && xclient_parse(slice_skip(buf_slice(&text), 1), &again).cause == CAUSE_OK);
    REQUIRE(same_xclient(&x, &again));
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[])(struct slice s, unsigned how) = {
        check_verb, check_helo, check_path, check_mail, check_rcpt, check_chunk, check_xclient};
    struct slice in = slice_make((const char *)data, size);
    unsigned which = take_u8(&in);

    checks[which % 8 % ARRAY_LEN(checks)](slice_head(in, LIMIT_COMMAND_LINE), which / 8);
    return 0;
}
