/* XCLIENT's argument as Postfix has it. Pure, any thread. */
#include "mta/smtp/xclient.h"

#include "mta/smtp/address.h"
#include "mta/smtp/xtext.h"

static bool take_name(struct slice value, struct xclient *out)
{
    return hostname_normalise(value, out->name);
}

/* An IPv6 address has a tag before it, in any case. */
static bool take_ip(struct slice value, struct ip *out)
{
    struct slice tag = SLICE("IPV6:");
    bool v6 = slice_casestarts(value, tag);

    if (v6)
        value = slice_skip(value, tag.n);
    return (slice_find(value, ':') < value.n) == v6 && ip_parse(value, out);
}

static bool take_addr(struct slice value, struct xclient *out)
{
    return take_ip(value, &out->addr);
}

static bool take_destaddr(struct slice value, struct xclient *out)
{
    return take_ip(value, &out->destaddr);
}

static bool take_number(struct slice value, uint16_t *out)
{
    uint64_t n;

    if (!slice_to_u64(value, UINT16_MAX, &n))
        return false;
    *out = (uint16_t)n;
    return true;
}

static bool take_port(struct slice value, struct xclient *out)
{
    return take_number(value, &out->port);
}

static bool take_destport(struct slice value, struct xclient *out)
{
    return take_number(value, &out->destport);
}

static bool take_proto(struct slice value, struct xclient *out)
{
    out->esmtp = slice_caseeq(value, SLICE("ESMTP"));
    return out->esmtp || slice_caseeq(value, SLICE("SMTP"));
}

static bool take_helo(struct slice value, struct xclient *out)
{
    return address_helo_ok(value) && slice_copy(value, out->helo, sizeof(out->helo));
}

static bool take_login(struct slice value, struct xclient *out)
{
    return value.n && slice_copy(value, out->login, sizeof(out->login));
}

static const struct attribute {
    struct slice name;
    bool (*take)(struct slice value, struct xclient *out);
} table[XCLIENT_ATTRIBUTES] = {
    [XCLIENT_NAME] = {{"NAME", 4},     take_name    },
    [XCLIENT_ADDR] = {{"ADDR", 4},     take_addr    },
    [XCLIENT_PORT] = {{"PORT", 4},     take_port    },
    [XCLIENT_PROTO] = {{"PROTO", 5},    take_proto   },
    [XCLIENT_HELO] = {{"HELO", 4},     take_helo    },
    [XCLIENT_LOGIN] = {{"LOGIN", 5},    take_login   },
    [XCLIENT_DESTADDR] = {{"DESTADDR", 8}, take_destaddr},
    [XCLIENT_DESTPORT] = {{"DESTPORT", 8}, take_destport},
};

const char *xclient_attribute_name(enum xclient_attribute a)
{
    REQUIRE((unsigned)a < XCLIENT_ATTRIBUTES);
    return table[a].name.p;
}

static enum xclient_attribute find(struct slice name)
{
    size_t a = 0;

    while (a < XCLIENT_ATTRIBUTES && !slice_caseeq(table[a].name, name))
        a++;
    return (enum xclient_attribute)a;
}

static enum xclient_said judge(enum xclient_attribute a, struct slice value, struct xclient *out)
{
    if (slice_caseeq(value, SLICE("[UNAVAILABLE]")))
        return a == XCLIENT_PROTO ? XCLIENT_UNSAID : XCLIENT_UNAVAILABLE;
    if (slice_caseeq(value, SLICE("[TEMPUNAVAIL]")))
        return a == XCLIENT_NAME ? XCLIENT_TEMPUNAVAIL : XCLIENT_UNSAID;
    return table[a].take(value, out) ? XCLIENT_GIVEN : XCLIENT_UNSAID;
}

/* "attribute=value"; NULL, or what is wrong with it. */
static const char *take_word(struct slice word, struct xclient *out)
{
    size_t equals = slice_find(word, '=');
    enum xclient_attribute a = find(slice_head(word, equals));
    struct buf value;

    if (equals == word.n)
        return "Error: attribute=value is needed";
    if (a == XCLIENT_ATTRIBUTES)
        return "Error: unknown attribute";
    if (out->said[a] != XCLIENT_UNSAID)
        return "Error: duplicate attribute";
    buf_init(&value, LIMIT_COMMAND_LINE);
    if (xtext_decode(slice_skip(word, equals + 1), &value))
        out->said[a] = judge(a, buf_slice(&value), out);
    buf_free(&value);
    return out->said[a] == XCLIENT_UNSAID ? "Error: bad attribute value" : NULL;
}

struct status xclient_parse(struct slice argument, struct xclient *out)
{
    *out = (struct xclient){0};
    do {
        struct slice word = slice_head(argument, slice_find(argument, ' '));
        const char *wrong = take_word(word, out);
        if (wrong)
            return status_make(CAUSE_BAD_ARGUMENT, "%s", wrong);
        argument = slice_skip(argument, word.n + 1);
    } while (argument.n);
    return status_of(CAUSE_OK);
}
