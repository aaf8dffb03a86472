#include "mta/milter/lines.h"

/* What an octet becomes, after what came before; NULL: it is refused. */
static const char *line_octet(struct milter_lines *l, char c)
{
    bool after_cr = l->cr;

    l->cr = false;
    if (c == '\n')
        return "\r\n";
    if (after_cr || c == '\0')
        return NULL;
    l->cr = c == '\r';
    return "";
}

size_t milter_lines_feed(struct milter_lines *l, struct slice s, struct buf *out)
{
    size_t i = 0;

    while (i < s.n && !l->bad && buf_room(out) >= 2) {
        char c = s.p[i];
        const char *end = line_octet(l, c);
        l->bad = !end;
        if (l->bad)
            break;
        l->open = c != '\n';
        l->eight_bit |= (c & 0x80) != 0;
        bool plain = c != '\n' && c != '\r';
        REQUIRE(plain ? buf_append_byte(out, c) : buf_append(out, slice_of(end)));
        i++;
    }
    return i;
}

struct slice milter_lines_end(struct milter_lines *l)
{
    l->bad |= l->cr;
    return l->open && !l->bad ? SLICE("\r\n") : SLICE("");
}
