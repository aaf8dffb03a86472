/* Parameters of MAIL and RCPT (RFC 5321 §4.1.1.11, §4.1.2): one table row per parameter, one loop
 * over what the client sent. Pure, any thread. */
#include "mta/smtp/params.h"

#include "config/base/dsn.h"
#include "config/base/utf8.h"
#include "mta/smtp/xtext.h"

/* Where values go; MAIL's rows know only mail, RCPT's only rcpt. */
struct target {
    struct mail_params *mail;
    struct rcpt_params *rcpt;
    bool smtputf8;
};

struct param {
    struct slice name;
    bool bare; /* takes no value; all others must have one */
    bool (*take)(struct slice value, const struct target *t); /* false: bad value */
};

/* --- Of MAIL --- */

/* RFC 1870 §3: size-value = 1*20DIGIT. */
static bool take_size(struct slice value, const struct target *t)
{
    enum { SIZE_DIGITS = 20 };

    t->mail->has_size = true;
    return value.n <= SIZE_DIGITS && slice_to_u64(value, UINT64_MAX, &t->mail->size);
}

/* RFC 6152 §3; BINARYMIME of RFC 3030 is not offered. */
static bool take_body(struct slice value, const struct target *t)
{
    t->mail->eight_bit = slice_caseeq(value, SLICE("8BITMIME"));
    return t->mail->eight_bit || slice_caseeq(value, SLICE("7BIT"));
}

static bool take_smtputf8(struct slice value, const struct target *t)
{
    t->mail->smtputf8 = true;
    return true;
}

static bool take_requiretls(struct slice value, const struct target *t)
{
    t->mail->requiretls = true;
    return true;
}

static bool take_ret(struct slice value, const struct target *t)
{
    if (slice_caseeq(value, SLICE("FULL")))
        t->mail->ret = DSN_RET_FULL;
    if (slice_caseeq(value, SLICE("HDRS")))
        t->mail->ret = DSN_RET_HDRS;
    return t->mail->ret != DSN_RET_UNSAID;
}

/* Decoded text as a string; xtext_decode lets no NUL through. */
static bool decode(bool (*how)(struct slice in, struct buf *out), struct slice value, char *out,
                   size_t size)
{
    struct buf b;

    buf_init(&b, size - 1);
    bool ok = how(value, &b) && slice_copy(buf_slice(&b), out, size);
    buf_free(&b);
    return ok;
}

static bool take_envid(struct slice value, const struct target *t)
{
    return value.n <= LIMIT_ENVID &&
           decode(xtext_decode, value, t->mail->envid, sizeof(t->mail->envid));
}

/* RFC 4954 §5: "<>", or a mailbox in xtext. */
static bool take_auth(struct slice value, const struct target *t)
{
    char mailbox[LIMIT_ORCPT + 1];

    t->mail->auth = true;
    return slice_eq(value, SLICE("<>")) || decode(xtext_decode, value, mailbox, sizeof(mailbox));
}

static const struct param mail_table[] = {
    {{"SIZE", 4},        false, take_size      },
    {{"BODY", 4},        false, take_body      },
    {{"SMTPUTF8", 8},    true,  take_smtputf8  },
    {{"RET", 3},         false, take_ret       },
    {{"ENVID", 5},       false, take_envid     },
    {{"AUTH", 4},        false, take_auth      },
    {{"REQUIRETLS", 10}, true,  take_requiretls},
};

/* --- Of RCPT --- */

static unsigned notify_word(struct slice word)
{
    static const struct {
        struct slice name;
        unsigned flag;
    } words[] = {
        {{"NEVER", 5},   NOTIFY_NEVER  },
        {{"SUCCESS", 7}, NOTIFY_SUCCESS},
        {{"FAILURE", 7}, NOTIFY_FAILURE},
        {{"DELAY", 5},   NOTIFY_DELAY  },
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_caseeq(words[i].name, word))
            return words[i].flag;
    return 0;
}

/* RFC 3461 §4.1: NEVER alone, or a list of the others. */
static bool take_notify(struct slice value, const struct target *t)
{
    unsigned all = 0;

    for (bool more = true; more;) {
        struct slice word = slice_head(value, slice_find(value, ','));
        unsigned flag = notify_word(word);
        if (flag == 0 || (all & flag))
            return false;
        all |= flag;
        more = word.n < value.n;
        value = slice_skip(value, word.n + 1);
    }
    t->rcpt->notify = all;
    return !(all & NOTIFY_NEVER) || all == NOTIFY_NEVER;
}

static bool is_atom(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-')
            return false;
    return s.n > 0;
}

static bool begin_orcpt(struct slice type, struct buf *out)
{
    buf_clear(out);
    return buf_append(out, type) && buf_append_byte(out, ';');
}

/* The address: of RFC 3461 §4.2 in xtext, of type utf-8 as RFC 6533 §3 has it. Postfix says of
 * every recipient above ASCII that it is rfc822, the octets of its UTF-8 in xtext; it is kept as
 * utf-8. */
static bool decode_orcpt(struct slice type, struct slice address, bool unitext, struct buf *out)
{
    struct slice utf8 = SLICE("utf-8");

    if (slice_caseeq(type, utf8))
        return begin_orcpt(type, out) && xtext_decode_utf8(address, unitext, out);
    if (begin_orcpt(type, out) && xtext_decode(address, out))
        return true;
    return slice_caseeq(type, SLICE("rfc822")) && begin_orcpt(utf8, out) &&
           xtext_decode_octets_of_utf8(address, out);
}

/* addr-type ";" and the address */
static bool take_orcpt(struct slice value, const struct target *t)
{
    size_t semicolon = slice_find(value, ';');
    struct slice type = slice_head(value, semicolon), address = slice_skip(value, semicolon + 1);
    struct buf b;

    if (value.n > LIMIT_ORCPT || !is_atom(type) || address.n == 0)
        return false;
    buf_init(&b, LIMIT_ORCPT);
    bool ok = decode_orcpt(type, address, t->smtputf8, &b) &&
              slice_copy(buf_slice(&b), t->rcpt->orcpt, sizeof(t->rcpt->orcpt));
    buf_free(&b);
    return ok;
}

static const struct param rcpt_table[] = {
    {{"NOTIFY", 6}, false, take_notify},
    {{"ORCPT", 5},  false, take_orcpt },
};

/* --- The loop --- */

/* esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-") */
static bool is_keyword(struct slice s)
{
    if (s.n == 0 || s.p[0] == '-')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-')
            return false;
    return true;
}

/* esmtp-value = 1*(%d33-60 / %d62-126), with SMTPUTF8 also UTF8-non-ascii (RFC 6531 §3.3). An empty
 * one is left to the table, so that the reply can say what is wrong. */
static bool is_value(struct slice s, bool smtputf8)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 33 || c == '=' || c == 127 || (c > 127 && !smtputf8))
            return false;
    }
    return utf8_ok(s);
}

struct word {
    struct slice name, value;
    bool has_value;
};

/* Cuts " keyword[=value]" off the front. False: not of that form. */
static bool cut_word(struct slice *rest, bool smtputf8, struct word *out)
{
    if (rest->p[0] != ' ')
        return false;
    struct slice word = slice_skip(*rest, 1);
    word = slice_head(word, slice_find(word, ' '));
    size_t equals = slice_find(word, '=');
    out->name = slice_head(word, equals);
    out->value = slice_skip(word, equals + 1);
    out->has_value = equals < word.n;
    *rest = slice_skip(*rest, 1 + word.n);
    return is_keyword(out->name) && is_value(out->value, smtputf8);
}

static const struct param *find_param(const struct param *table, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_caseeq(table[i].name, name))
            return &table[i];
    return NULL;
}

static bool take_word(const struct param *row, const struct word *w, const struct target *t)
{
    if (row->bare ? w->has_value : w->value.n == 0)
        return false;
    return row->take(w->value, t);
}

static struct status parse(struct slice rest, const struct param *table, size_t n,
                           const struct target *t)
{
    unsigned seen = 0; /* one bit per row */
    struct word w;

    while (rest.n) {
        if (!cut_word(&rest, t->smtputf8, &w))
            return status_make(CAUSE_BAD_ARGUMENT, "Error: bad parameter syntax");
        const struct param *row = find_param(table, n, w.name);
        if (!row)
            return status_of(CAUSE_BAD_PARAMETER);
        unsigned bit = 1u << (row - table);
        if (seen & bit)
            return status_make(CAUSE_PARAMETER_VALUE, "Error: duplicate parameter");
        seen |= bit;
        if (!take_word(row, &w, t))
            return status_of(CAUSE_PARAMETER_VALUE);
    }
    return status_of(CAUSE_OK);
}

struct status params_parse_mail(struct slice rest, struct mail_params *out)
{
    struct target t = {.mail = out};

    *out = (struct mail_params){0};
    return parse(rest, mail_table, ARRAY_LEN(mail_table), &t);
}

struct status params_parse_rcpt(struct slice rest, bool smtputf8, struct rcpt_params *out)
{
    struct target t = {.rcpt = out, .smtputf8 = smtputf8};

    *out = (struct rcpt_params){0};
    return parse(rest, rcpt_table, ARRAY_LEN(rcpt_table), &t);
}
