#include "config/base/hostname.h"

#include <idn2.h>
#include <string.h>

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

static bool is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* "faß.example" stays itself instead of becoming "fass.example": that is the name its owner registered. */
enum { IDNA_FLAGS = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL };

bool hostname_from_person(struct slice s, char out[HOSTNAME_MAX])
{
    char text[4 * HOSTNAME_MAX], *ascii = NULL;
    bool good;

    if (is_ascii(s))
        return hostname_normalise(s, out);
    if (s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    good = idn2_to_ascii_8z(text, &ascii, IDNA_FLAGS) == IDN2_OK &&
           hostname_normalise(slice_of(ascii), out);
    idn2_free(ascii);
    return good;
}
