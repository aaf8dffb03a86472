/* One line of the users file: its fields, names and sender lists. Pure. */
#include <string.h>

#include "mta/auth/users.h"

bool users_next_line(struct slice *text, struct slice *out_line)
{
    if (text->n == 0)
        return false;
    *out_line = slice_head(*text, slice_find(*text, '\n'));
    *text = slice_skip(*text, out_line->n + 1);
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool users_next_field(struct slice *line, struct slice *out_field)
{
    size_t n = 0;

    *line = slice_trim(*line);
    if (line->n == 0 || line->p[0] == '#')
        return false;
    while (n < line->n && !is_blank(line->p[n]))
        n++;
    *out_field = slice_head(*line, n);
    *line = slice_skip(*line, n);
    return true;
}

const char *users_name_problem(struct slice name)
{
    char prepared[LIMIT_LOGIN + 1];
    struct slice left = name, field;

    if (name.n > LIMIT_LOGIN)
        return "at most 255 octets long";
    if (!users_next_field(&left, &field) || !slice_eq(field, name))
        return "without blanks, and may not begin with \"#\"";
    if (!password_prepare(name, true, prepared, sizeof(prepared)))
        return "UTF-8 that SASLprep (RFC 4013) allows";
    if (!slice_eq(slice_of(prepared), name))
        return "in the form that SASLprep (RFC 4013) gives it";
    return NULL;
}

bool users_is_from(struct slice field, struct slice *out_list)
{
    if (!slice_starts(field, SLICE("from=")))
        return false;
    *out_list = slice_skip(field, 5);
    return true;
}

/* Through the parser that reads MAIL, so that both sides of the comparison are made alike. "@domain"
 * is read as an address with a local part of our own. */
static bool parse_sender(struct slice entry, struct address *out)
{
    char path[LIMIT_PATH + 1];
    struct buf b;

    buf_init(&b, sizeof(path) - 1);
    bool ok = buf_append_byte(&b, '<') &&
              (entry.p[0] != '@' || buf_append_byte(&b, 'x')) && buf_append(&b, entry) &&
              buf_append_byte(&b, '>') && slice_copy(buf_slice(&b), path, sizeof(path));
    buf_free(&b);
    struct slice in = slice_of(path);
    return ok && address_parse_path(&in, ADDRESS_SENDER, true, out) == CAUSE_OK && in.n == 0 &&
           (out->kind == ADDRESS_DOMAIN || out->kind == ADDRESS_LITERAL);
}

const char *users_parse_senders(struct slice list, struct arena *arena, struct user *out,
                                struct slice *out_wrong)
{
    struct user_sender *v = NULL;
    struct address a;

    out->restricted = true;
    for (size_t n = 0;; n++) {
        size_t end = slice_find(list, ',');
        struct slice entry = slice_head(list, end);
        *out_wrong = entry;
        if (entry.n == 0 || slice_find(entry, '"') != entry.n || !parse_sender(entry, &a))
            return "an address without quotes or @DOMAIN";
        v = arena_grow(arena, v, n, sizeof(*v));
        bool any = entry.p[0] == '@';
        v[n].local = any ? NULL : arena_strdup(arena, slice_make(a.text, a.local_len));
        v[n].domain = arena_strdup(arena, slice_of(a.domain));
        out->senders = v;
        out->n_senders = n + 1;
        if (end == list.n)
            return NULL;
        list = slice_skip(list, end + 1);
    }
}

bool user_may_send(const struct user *u, const struct address *sender)
{
    struct slice local = slice_make(sender->text, sender->local_len);

    if (!u->restricted || sender->kind == ADDRESS_NULL)
        return true;
    for (size_t i = 0; i < u->n_senders; i++)
        if (strcmp(u->senders[i].domain, sender->domain) == 0 &&
            (!u->senders[i].local || slice_eq(slice_of(u->senders[i].local), local)))
            return true;
    return false;
}
