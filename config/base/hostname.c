#include "config/base/hostname.h"

#include "config/base/limits.h"

/* 255 octets on the wire, RFC 1035 §2.3.4, less the first length octet and the root label. */
enum { NAME_TEXT_MAX = 253 };

static bool is_label_octet(char c)
{
    return ascii_is_alnum(c) || c == '-' || c == '_';
}

static bool has_valid_labels(struct slice s)
{
    size_t label = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.' && label == 0)
            return false;
        if (s.p[i] != '.' && !is_label_octet(s.p[i]))
            return false;
        label = s.p[i] == '.' ? 0 : label + 1;
        if (label > LIMIT_LABEL)
            return false;
    }
    return label > 0;
}

bool hostname_normalise(struct slice s, char out[HOSTNAME_MAX])
{
    if (s.n && s.p[s.n - 1] == '.')
        s.n--;
    if (s.n == 0 || s.n > NAME_TEXT_MAX || !has_valid_labels(s))
        return false;
    for (size_t i = 0; i < s.n; i++)
        out[i] = ascii_lower(s.p[i]);
    out[s.n] = '\0';
    return true;
}
