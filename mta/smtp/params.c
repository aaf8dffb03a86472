/* Parameters of MAIL and RCPT (RFC 5321 §4.1.1.11, §4.1.2): one table row per parameter, one loop
 * over what the client sent. Pure, any thread. */
#include "mta/smtp/params.h"

#include "config/base/limits.h"

struct param {
    struct slice name;
    bool (*take)(struct slice value, struct mail_params *out); /* false: bad value */
};

/* RFC 1870 §3: size-value = 1*20DIGIT. */
static bool take_size(struct slice value, struct mail_params *out)
{
    enum { SIZE_DIGITS = 20 };

    out->has_size = true;
    return value.n <= SIZE_DIGITS && slice_to_u64(value, UINT64_MAX, &out->size);
}

/* RFC 6152 §3; BINARYMIME of RFC 3030 is not offered. */
static bool take_body(struct slice value, struct mail_params *out)
{
    out->eight_bit = slice_caseeq(value, SLICE("8BITMIME"));
    return out->eight_bit || slice_caseeq(value, SLICE("7BIT"));
}

static const struct param mail_table[] = {
    {{"SIZE", 4}, take_size},
    {{"BODY", 4}, take_body},
};

enum { MAIL_PARAMS = ARRAY_LEN(mail_table) };

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

/* esmtp-value = 1*(%d33-60 / %d62-126) */
static bool is_value(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 33 || s.p[i] > 126 || s.p[i] == '=')
            return false;
    return s.n > 0;
}

/* Cuts " keyword[=value]" off the front. False: not of that form. Without "=" the value is empty,
 * which no parameter of the tables takes. */
static bool cut_param(struct slice *rest, struct slice *out_name, struct slice *out_value)
{
    if (rest->p[0] != ' ')
        return false;
    struct slice word = slice_skip(*rest, 1);
    word = slice_head(word, slice_find(word, ' '));
    size_t equals = slice_find(word, '=');
    *out_name = slice_head(word, equals);
    *out_value = slice_skip(word, equals + 1);
    *rest = slice_skip(*rest, 1 + word.n);
    return is_keyword(*out_name) && (equals >= word.n || out_value->n == 0 || is_value(*out_value));
}

static const struct param *find_param(const struct param *table, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_caseeq(table[i].name, name))
            return &table[i];
    return NULL;
}

static struct status parse(struct slice rest, const struct param *table, size_t n,
                           struct mail_params *out)
{
    unsigned seen = 0; /* one bit per row */
    struct slice name, value;

    while (rest.n) {
        if (!cut_param(&rest, &name, &value))
            return status_make(CAUSE_BAD_ARGUMENT, "Error: bad parameter syntax");
        const struct param *row = find_param(table, n, name);
        if (!row)
            return status_of(CAUSE_BAD_PARAMETER);
        unsigned bit = 1u << (row - table);
        if (seen & bit)
            return status_make(CAUSE_PARAMETER_VALUE, "Error: duplicate parameter");
        seen |= bit;
        if (!row->take(value, out))
            return status_of(CAUSE_PARAMETER_VALUE);
    }
    return status_of(CAUSE_OK);
}

struct status params_parse_mail(struct slice rest, struct mail_params *out)
{
    *out = (struct mail_params){0};
    return parse(rest, mail_table, MAIL_PARAMS, out);
}

struct status params_parse_rcpt(struct slice rest)
{
    struct mail_params none;
    return parse(rest, NULL, 0, &none);
}
