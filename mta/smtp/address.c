/* Paths and mailboxes: a recursive-descent reading of RFC 5321 §4.1.2 with the additions of RFC
 * 6531 §3.3. Every function moves the cursor over what it recognised, or says no. Pure, any thread.
 */
#include "mta/smtp/address.h"

#include <string.h>

#include "config/base/hostname.h"
#include "config/base/ip.h"
#include "config/base/utf8.h"

/* The cursor and what was noticed on the way. */
struct scan {
    struct slice left;
    bool allow_utf8, utf8;
};

static bool is_eight_bit(char c)
{
    return (unsigned char)c >= 0x80;
}

static bool at(const struct scan *s, char c)
{
    return s->left.n && s->left.p[0] == c;
}

static bool skip_one(struct scan *s, char c)
{
    if (!at(s, c))
        return false;
    s->left = slice_skip(s->left, 1);
    return true;
}

/* RFC 5322 §3.2.3 atext. */
static bool is_atext(char c)
{
    return ascii_is_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c)) || is_eight_bit(c);
}

static bool is_domain_octet(char c)
{
    return ascii_is_alnum(c) || c == '-' || c == '.' || is_eight_bit(c);
}

static struct slice take_while(struct scan *s, bool (*belongs)(char c))
{
    size_t n = 0;

    while (n < s->left.n && belongs(s->left.p[n])) {
        s->utf8 = s->utf8 || is_eight_bit(s->left.p[n]);
        n++;
    }
    struct slice taken = slice_head(s->left, n);
    s->left = slice_skip(s->left, n);
    return taken;
}

/* Dot-string = Atom *("." Atom) */
static bool scan_dot_string(struct scan *s)
{
    do {
        if (take_while(s, is_atext).n == 0)
            return false;
    } while (skip_one(s, '.'));
    return true;
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE */
static bool scan_quoted_string(struct scan *s)
{
    bool escaped = false;

    for (size_t i = 1; i < s->left.n; i++) {
        char c = s->left.p[i];
        if (c == '"' && !escaped) {
            s->left = slice_skip(s->left, i + 1);
            return true;
        }
        /* quoted-pairSMTP is ASCII only, also in RFC 6531 §3.3. */
        if ((unsigned char)c < ' ' || c == 0x7f || (escaped && is_eight_bit(c)))
            return false;
        s->utf8 = s->utf8 || is_eight_bit(c);
        escaped = c == '\\' && !escaped;
    }
    return false;
}

/* sub-domain = Let-dig [Ldh-str]: no hyphen at the edge of a label, no underscore. Lengths and
 * empty labels are hostname_normalise's. */
static bool has_ldh_edges(struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        bool edge = i == 0 || i + 1 == name.n || name.p[i - 1] == '.' || name.p[i + 1] == '.';
        if (name.p[i] == '-' && edge)
            return false;
    }
    return true;
}

/* A name ending in a dot is no Domain of RFC 5321: `v@example.org.` is refused, not repaired.
 * U-labels become A-labels, by which mail is routed and judged (RFC 6531 §3.2). What is 8-bit and no
 * name leaves out empty, so that the caller can tell whether SMTPUTF8 was missing. */
static bool scan_domain(struct scan *s, char out[DNS_NAME_MAX])
{
    bool utf8_before = s->utf8;

    s->utf8 = false;
    struct slice name = take_while(s, is_domain_octet);
    bool utf8_here = s->utf8;
    s->utf8 = utf8_here || utf8_before;
    if (name.n == 0 || name.p[name.n - 1] == '.' || !has_ldh_edges(name))
        return false;
    if (!utf8_here)
        return hostname_normalise(name, out);
    if (!s->allow_utf8 || name.n > LIMIT_DOMAIN || !utf8_ok(name) ||
        !hostname_from_person(name, out))
        out[0] = '\0';
    return true;
}

/* §4.1.3. The tag of any other literal would have to be registered; none is but IPv6. */
static bool literal_ok(struct slice inner)
{
    struct slice tag = SLICE("IPv6:");
    struct ip ip;

    if (slice_casestarts(inner, tag)) {
        inner = slice_skip(inner, tag.n);
        return slice_find(inner, ':') < inner.n && ip_parse(inner, &ip);
    }
    return slice_find(inner, ':') == inner.n && ip_parse(inner, &ip);
}

static bool scan_literal(struct scan *s, char out[DNS_NAME_MAX])
{
    size_t end = slice_find(s->left, ']');

    if (end == s->left.n || !literal_ok(slice_make(s->left.p + 1, end - 1)))
        return false;
    bool fits = slice_copy(slice_head(s->left, end + 1), out, DNS_NAME_MAX);
    s->left = slice_skip(s->left, end + 1);
    return fits;
}

/* A-d-l = At-domain *("," At-domain); what it names is checked and then forgotten (§3.6.1, appendix
 * C): mail is routed by the mailbox alone. Under SMTPUTF8 a name left empty is none, as everywhere. */
static bool scan_source_route(struct scan *s)
{
    char unused[DNS_NAME_MAX];

    do {
        if (!skip_one(s, '@') || !scan_domain(s, unused) || (s->allow_utf8 && !unused[0]))
            return false;
    } while (skip_one(s, ','));
    return skip_one(s, ':');
}

static bool scan_mailbox(struct scan *s, struct address *out)
{
    const char *start = s->left.p;

    if (!(at(s, '"') ? scan_quoted_string(s) : scan_dot_string(s)))
        return false;
    out->local_len = (size_t)(s->left.p - start);
    if (out->local_len > LIMIT_LOCAL_PART || !skip_one(s, '@'))
        return false;
    out->kind = at(s, '[') ? ADDRESS_LITERAL : ADDRESS_DOMAIN;
    if (!(at(s, '[') ? scan_literal(s, out->domain) : scan_domain(s, out->domain)))
        return false;
    return slice_copy(slice_make(start, (size_t)(s->left.p - start)), out->text, sizeof(out->text));
}

/* <postmaster> without a domain is for recipients only, in any case (§4.1.1.3). */
static bool scan_postmaster(struct scan *s, struct address *out)
{
    struct slice word = slice_head(s->left, slice_find(s->left, '>'));

    if (!slice_caseeq(word, SLICE("postmaster")))
        return false;
    out->kind = ADDRESS_POSTMASTER;
    out->local_len = word.n;
    s->left = slice_skip(s->left, word.n);
    return slice_copy(word, out->text, sizeof(out->text));
}

static bool scan_inside(struct scan *s, enum address_use use, struct address *out)
{
    if (at(s, '>')) {
        out->kind = ADDRESS_NULL;
        return use == ADDRESS_SENDER;
    }
    if (use == ADDRESS_RECIPIENT && scan_postmaster(s, out))
        return true;
    if (at(s, '@') && !scan_source_route(s))
        return false;
    return scan_mailbox(s, out);
}

/* Valid UTF-8, and of the control characters of Unicode (C1) none either: a terminal obeys them. */
static bool is_text(struct slice s)
{
    uint32_t point;

    for (size_t n; s.n; s = slice_skip(s, n)) {
        n = utf8_decode(s, &point);
        if (n == 0 || (point >= 0x80 && !utf8_is_text(point)))
            return false;
    }
    return true;
}

enum cause address_parse_path(struct slice *in, enum address_use use, bool allow_utf8,
                              struct address *out)
{
    enum cause bad = use == ADDRESS_SENDER ? CAUSE_BAD_SENDER_ADDRESS : CAUSE_BAD_RECIPIENT_ADDRESS;
    struct scan s = {.left = *in, .allow_utf8 = allow_utf8};

    *out = (struct address){.kind = ADDRESS_NULL};
    if (!skip_one(&s, '<') || !scan_inside(&s, use, out) || !skip_one(&s, '>'))
        return bad;
    struct slice path = slice_head(*in, in->n - s.left.n);
    if (path.n > LIMIT_PATH || !is_text(path))
        return bad;
    if (s.utf8 && !allow_utf8)
        return CAUSE_NEEDS_SMTPUTF8;
    if (out->kind == ADDRESS_DOMAIN && out->domain[0] == '\0')
        return bad;
    out->utf8 = s.utf8;
    *in = s.left;
    return CAUSE_OK;
}

/* The name a client gives itself ends up in the trace and routes nothing, so one underscore, as
 * many old Windows hosts have it, is no reason to turn their mail away; the rest is §4.1.1.1. */
bool address_helo_ok(struct slice s)
{
    char name[HOSTNAME_MAX];

    if (s.n == 0 || s.n > LIMIT_DOMAIN)
        return false;
    if (s.p[0] == '[')
        return s.p[s.n - 1] == ']' && literal_ok(slice_make(s.p + 1, s.n - 2));
    return s.p[s.n - 1] != '.' && has_ldh_edges(s) && hostname_normalise(s, name);
}
