/* A hash table of offsets into one pool of text. A key is "local@domain", "local@" for a local part in
 * every domain, "@domain" for a whole domain; all in lower case. 500,000 addresses take some 20 MB and
 * are read in a fraction of a second. */
#include "mta/in/recipients.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/hostname.h"
#include "config/base/map.h"

enum { KEY_MAX = LIMIT_LOCAL_PART + 1 + DNS_NAME_MAX };

struct recipients {
    _Atomic unsigned refs;
    struct buf pool;  /* keys, each with its NUL; octet 0 is unused, so that 0 is "no key" */
    uint32_t *slots;  /* offsets into the pool */
    size_t n_slots;   /* a power of two, more than twice n */
    size_t n;
};

/* ---- keys */

/* Without quotes and in lower case. False: too long. */
static bool canonical_local(struct slice local, char *out, size_t *out_n)
{
    bool quoted = local.n && local.p[0] == '"';
    size_t n = 0;

    for (size_t i = quoted; i + quoted < local.n; i++) {
        if (quoted && local.p[i] == '\\')
            i++;
        if (n == LIMIT_LOCAL_PART)
            return false;
        out[n++] = ascii_lower(local.p[i]);
    }
    *out_n = n;
    return true;
}

/* key has room for KEY_MAX + 1 octets. */
static bool make_key(struct slice local, const char *domain, char *key)
{
    size_t n;

    if (!canonical_local(local, key, &n) || (local.n && n == 0)) /* "" must not be a whole domain */
        return false;
    key[n++] = '@';
    return slice_copy(slice_of(domain), key + n, KEY_MAX + 1 - n);
}

static const char *key_at(const struct recipients *r, size_t slot)
{
    return r->pool.p + r->pool.head + r->slots[slot];
}

/* The slot that holds the key, or the empty one where it would be. */
static size_t find_slot(const struct recipients *r, const char *key)
{
    size_t at = (size_t)map_siphash(key, strlen(key)) & (r->n_slots - 1);

    while (r->slots[at] && strcmp(key_at(r, at), key) != 0)
        at = (at + 1) & (r->n_slots - 1);
    return at;
}

static bool has(const struct recipients *r, struct slice local, const char *domain)
{
    char key[KEY_MAX + 1];

    return make_key(local, domain, key) && r->slots[find_slot(r, key)] != 0;
}

/* ---- building */

static void rehash(struct recipients *r, size_t n_slots)
{
    struct recipients old = *r;

    r->slots = base_alloc_array(n_slots, sizeof(*r->slots));
    r->n_slots = n_slots;
    for (size_t i = 0; i < old.n_slots; i++)
        if (old.slots[i])
            r->slots[find_slot(r, key_at(&old, i))] = old.slots[i];
    free(old.slots);
}

/* False: the pool is full. */
static bool add(struct recipients *r, const char *key)
{
    if (2 * (r->n + 1) >= r->n_slots)
        rehash(r, 2 * r->n_slots);
    size_t slot = find_slot(r, key);
    size_t offset = r->pool.n;

    if (r->slots[slot])
        return true;
    if (!buf_append(&r->pool, slice_make(key, strlen(key) + 1)))
        return false;
    r->slots[slot] = (uint32_t)offset;
    r->n++;
    return true;
}

static struct recipients *recipients_new(size_t octets)
{
    struct recipients *r = base_alloc(sizeof(*r));

    r->refs = 1;
    /* A line's key is at most two octets longer than the line; a U-label grows by less than the bound. */
    buf_init(&r->pool, 4 * octets + KEY_MAX);
    REQUIRE(buf_append_byte(&r->pool, '\0'));
    rehash(r, 64);
    return r;
}

/* ---- parsing */

struct reading {
    struct recipients *r;
    const char *file;
    struct buf *errors;
    size_t line, n_errors;
};

static void complain(struct reading *rd, size_t column, const char *what, struct slice text)
{
    char shown[64];

    if (++rd->n_errors > LIMIT_CONFIG_ERRORS)
        return;
    (void)slice_copy(text, shown, sizeof(shown));
    for (char *c = shown; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    (void)!buf_printf(rd->errors, "%s:%zu:%zu: \"%s\" %s\n", rd->file, rd->line, column, shown, what);
}

/* Where the first blank or control character stands, or text.n. Blanks within quotes are part of it. */
static size_t find_break(struct slice text)
{
    bool quoted = false;

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\\' && quoted)
            i++;
        else if (text.p[i] == '"')
            quoted = !quoted;
        else if ((unsigned char)text.p[i] <= ' ' && !(quoted && text.p[i] == ' '))
            return i;
    }
    return text.n;
}

static bool is_mailbox(struct slice local, const char *domain)
{
    char path[1 + 4 * LIMIT_LOCAL_PART + 1 + DNS_NAME_MAX + 2];
    struct address parsed;
    struct buf b;

    buf_init(&b, sizeof(path) - 1);
    bool ok = buf_append_byte(&b, '<') && buf_append(&b, local) && buf_append_byte(&b, '@') &&
              buf_append(&b, slice_of(domain)) && buf_append_byte(&b, '>');
    struct slice in = buf_slice(&b);
    ok = ok && address_parse_path(&in, ADDRESS_RECIPIENT, true, &parsed) == CAUSE_OK && in.n == 0 &&
         parsed.kind == ADDRESS_DOMAIN && parsed.local_len == local.n;
    buf_free(&b);
    return ok;
}

static size_t last_at(struct slice text)
{
    size_t at = text.n;

    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '@')
            at = i;
    return at;
}

/* text: without blanks around it. */
static void take_address(struct reading *rd, struct slice text, size_t column)
{
    size_t at = text.p[text.n - 1] == '"' ? text.n : last_at(text);
    struct slice local = slice_head(text, at), domain = slice_skip(text, at + 1);
    char name[HOSTNAME_MAX] = "", key[KEY_MAX + 1];

    if (at < text.n && !hostname_from_person(domain, name))
        complain(rd, column + at + 1, "is not a domain", domain);
    else if (local.n && !is_mailbox(local, name[0] ? name : "d.example"))
        complain(rd, column, "is not an address, a local part or @domain", text);
    else if (!make_key(local, name, key) || !add(rd->r, key))
        complain(rd, column, "is no local part that could be looked up", text);
}

static void take_line(struct reading *rd, struct slice line)
{
    struct slice text = line;

    if (text.n && text.p[text.n - 1] == '\r')
        text.n--;
    text = slice_trim(text);
    size_t column = (size_t)(text.p - line.p) + 1, end = find_break(text);
    struct slice rest = slice_trim(slice_skip(text, end));

    if (text.n == 0 || text.p[0] == '#')
        return;
    if (end == 0 || (rest.n && rest.p[0] != '#'))
        complain(rd, column + end + (size_t)(rest.p - (text.p + end)), "is one thing too many: one address a line",
                 rest);
    else
        take_address(rd, slice_head(text, end), column);
}

bool recipients_parse(struct slice text, const char *file, struct buf *errors,
                      struct recipients **out)
{
    struct reading rd = {.r = recipients_new(text.n), .file = file, .errors = errors};

    if (slice_starts(text, SLICE("\xef\xbb\xbf")))
        text = slice_skip(text, 3);
    while (text.n) {
        size_t end = slice_find(text, '\n');
        rd.line++;
        take_line(&rd, slice_head(text, end));
        text = slice_skip(text, end + 1);
    }
    if (rd.n_errors > LIMIT_CONFIG_ERRORS)
        (void)!buf_printf(errors, "%s: %zu more mistakes\n", file, rd.n_errors - LIMIT_CONFIG_ERRORS);
    if (rd.n_errors) {
        recipients_unref(&rd.r);
        return false;
    }
    *out = rd.r;
    return true;
}

/* ---- asking */

/* The local part up to its extension; whole if it has none. */
static struct slice without_extension(struct slice local, const char *delimiters)
{
    struct slice head = slice_head(local, 1); /* a delimiter in front is no delimiter */

    while (head.n < local.n && !strchr(delimiters, local.p[head.n]))
        head.n++;
    return head;
}

bool recipients_have(const struct recipients *r, const struct address *rcpt, const char *delimiters)
{
    struct slice local = slice_make(rcpt->text, rcpt->local_len), base = local;

    if (has(r, local, rcpt->domain) || has(r, local, "") || has(r, SLICE(""), rcpt->domain))
        return true;
    if (delimiters && *delimiters && local.p[0] != '"')
        base = without_extension(local, delimiters);
    return base.n < local.n && (has(r, base, rcpt->domain) || has(r, base, ""));
}

size_t recipients_count(const struct recipients *r)
{
    return r->n;
}

struct recipients *recipients_ref(struct recipients *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void recipients_unref(struct recipients **rp)
{
    struct recipients *r = *rp;

    *rp = NULL;
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    buf_free(&r->pool);
    free(r->slots);
    free(r);
}
