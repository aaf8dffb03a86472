#include "mta/milter/reply.h"

#include <string.h>

/* How the data of an answer is made. */
enum shape {
    SHAPE_UNKNOWN,
    SHAPE_NOTHING,
    SHAPE_TEXT,      /* one string */
    SHAPE_TEXTS,     /* one string, and a second that may be missing */
    SHAPE_FIELD,     /* name, value */
    SHAPE_AT_FIELD,  /* index, name, value */
    SHAPE_OCTETS,    /* anything */
    SHAPE_CODE,      /* a reply of SMTP */
};

static const struct answer {
    char kind;
    enum shape shape;
    uint32_t action; /* 0: no change */
} answers[] = {
    {MILTER_ADD_RCPT,      SHAPE_TEXT,     MILTER_MAY_ADD_RCPT      },
    {MILTER_DELETE_RCPT,   SHAPE_TEXT,     MILTER_MAY_DELETE_RCPT   },
    {MILTER_ADD_RCPT_WITH, SHAPE_TEXTS,    MILTER_MAY_ADD_RCPT_WITH },
    {MILTER_CHANGE_SENDER, SHAPE_TEXTS,    MILTER_MAY_CHANGE_SENDER },
    {MILTER_REPLACE_BODY,  SHAPE_OCTETS,   MILTER_MAY_CHANGE_BODY   },
    {MILTER_ADD_HEADER,    SHAPE_FIELD,    MILTER_MAY_ADD_HEADERS   },
    {MILTER_INSERT_HEADER, SHAPE_AT_FIELD, MILTER_MAY_ADD_HEADERS   },
    {MILTER_CHANGE_HEADER, SHAPE_AT_FIELD, MILTER_MAY_CHANGE_HEADERS},
    {MILTER_QUARANTINE,    SHAPE_TEXT,     MILTER_MAY_QUARANTINE    },
    {MILTER_SHUTDOWN,      SHAPE_NOTHING,  0                        },
    {MILTER_ACCEPT,        SHAPE_NOTHING,  0                        },
    {MILTER_CONTINUE,      SHAPE_NOTHING,  0                        },
    {MILTER_DISCARD,       SHAPE_NOTHING,  0                        },
    {MILTER_CONNECT_FAIL,  SHAPE_NOTHING,  0                        },
    {MILTER_PROGRESS,      SHAPE_NOTHING,  0                        },
    {MILTER_REJECT,        SHAPE_NOTHING,  0                        },
    {MILTER_SKIP,          SHAPE_NOTHING,  0                        },
    {MILTER_TEMPFAIL,      SHAPE_NOTHING,  0                        },
    {MILTER_REPLY,         SHAPE_CODE,     0                        },
};

static const struct answer *answer_of(char kind)
{
    static const struct answer unknown = {0, SHAPE_UNKNOWN, 0};

    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        if (answers[i].kind == kind)
            return &answers[i];
    return &unknown;
}

/* A string up to its NUL, which must be there. */
static bool take_string(struct slice *data, struct slice *out)
{
    size_t end = slice_find(*data, '\0');

    if (end == data->n)
        return false;
    *out = slice_head(*data, end);
    *data = slice_skip(*data, end + 1);
    return true;
}

static bool take_u32(struct slice *data, uint32_t *out)
{
    if (data->n < 4)
        return false;
    *out = 0;
    for (int i = 0; i < 4; i++)
        *out = *out << 8 | (uint8_t)data->p[i];
    *data = slice_skip(*data, 4);
    return true;
}

/* ---- replies of SMTP */

/* RFC 5321 §4.2: Reply-code; only those that refuse. */
static bool take_code(struct slice *line, uint16_t *out)
{
    const char *p = line->p;

    if (line->n < 4 || (p[0] != '4' && p[0] != '5') || p[1] < '0' || p[1] > '5' ||
        !ascii_is_digit(p[2]))
        return false;
    *out = (uint16_t)((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
    *line = slice_skip(*line, 3);
    return true;
}

/* "5.7.1 " in front of the words (RFC 3463 §2): class of the code, or it is no such code. */
static struct esc take_esc(struct slice *words, uint16_t code)
{
    size_t end = slice_find(*words, ' ');
    struct slice text = slice_head(*words, end);
    size_t dot = text.n > 2 ? slice_find(slice_skip(text, 2), '.') : 0;
    uint64_t subject, detail;

    if (text.n < 5 || text.p[0] != '0' + code / 100 || text.p[1] != '.' ||
        !slice_to_u64(slice_head(slice_skip(text, 2), dot), 999, &subject) ||
        !slice_to_u64(slice_skip(text, 3 + dot), 999, &detail))
        return (struct esc){0};
    *words = slice_trim(slice_skip(*words, end));
    return (struct esc){(uint8_t)(code / 100), (uint16_t)subject, (uint16_t)detail};
}

/* libmilter doubles a '%', because it was once a format. False at a control character. */
static bool add_words(struct slice words, struct milter_reply *out, size_t *at)
{
    for (size_t i = 0; i < words.n; i++) {
        char c = words.p[i];
        if ((uint8_t)c < ' ' || c == 0x7f)
            return false;
        if (c == '%' && i + 1 < words.n && words.p[i + 1] == '%')
            i++;
        if (*at < sizeof(out->words) - 1)
            out->words[(*at)++] = c;
    }
    out->words[*at] = '\0';
    return true;
}

/* One line; `more`: it says that another follows (RFC 5321 §4.2.1). The first one's codes count. */
static bool take_line(struct slice line, bool more, size_t *at, struct milter_reply *out)
{
    uint16_t code;

    if (!take_code(&line, &code) || line.p[0] != (more ? '-' : ' ') || (*at && code != out->code))
        return false;
    line = slice_skip(line, 1);
    struct esc esc = take_esc(&line, code);
    if (*at == 0) {
        out->code = code;
        out->esc = esc;
    } else {
        (void)add_words(SLICE(" "), out, at);
    }
    return add_words(line, out, at);
}

/* Lines that are well formed become one; anything else with a line end in it could be read as a
 * reply of its own. */
static bool parse_code(struct slice data, struct milter_reply *out)
{
    struct slice text;
    size_t at = 0;

    if (!take_string(&data, &text) || data.n)
        return false;
    for (;;) {
        size_t cr = slice_find(text, '\r');
        bool more = cr < text.n;
        if (more && (cr + 1 == text.n || text.p[cr + 1] != '\n'))
            return false;
        if (!take_line(slice_head(text, cr), more, &at, out))
            return false;
        if (!more)
            return true;
        text = slice_skip(text, cr + 2);
    }
}

/* ---- answers */

static bool parse_texts(struct slice data, struct milter_reply *out)
{
    return take_string(&data, &out->text) && (!data.n || take_string(&data, &out->extra)) &&
           !data.n;
}

static bool parse_shape(enum shape shape, struct slice data, struct milter_reply *out)
{
    switch (shape) {
    case SHAPE_UNKNOWN:
        return false;
    case SHAPE_NOTHING:
        return data.n == 0;
    case SHAPE_OCTETS:
        out->text = data;
        return true;
    case SHAPE_CODE:
        return parse_code(data, out);
    case SHAPE_TEXT:
        return take_string(&data, &out->text) && !data.n;
    case SHAPE_TEXTS:
        return parse_texts(data, out);
    case SHAPE_AT_FIELD:
        if (!take_u32(&data, &out->index))
            return false;
        break;
    case SHAPE_FIELD:
        break;
    }
    return take_string(&data, &out->name) && take_string(&data, &out->text) && !data.n;
}

bool milter_reply_parse(const struct milter_packet *p, struct milter_reply *out)
{
    *out = (struct milter_reply){.kind = (enum milter_answer)(unsigned char)p->kind};
    out->name = out->text = out->extra = slice_make("", 0);
    return parse_shape(answer_of(p->kind)->shape, p->data, out);
}

/* What a filter was not offered it cannot have: it would wait for something that we do not do. Behind
 * the three words may stand which macros it wants; they are not offered either. */
const char *milter_options_parse(const struct milter_packet *p, struct milter_options *out)
{
    struct slice data = p->data;

    if (p->kind != MILTER_OPTIONS || !take_u32(&data, &out->version) ||
        !take_u32(&data, &out->actions) || !take_u32(&data, &out->steps) || data.n)
        return "its answer to our options is malformed";
    if (out->version < MILTER_VERSION_LEAST || out->version > MILTER_VERSION)
        return "it speaks another version of the protocol";
    if (out->actions & ~(uint32_t)MILTER_ACTIONS)
        return "it wants to do what was not offered";
    if (out->steps & ~(uint32_t)MILTER_STEPS)
        return "it wants protocol steps that were not offered";
    return NULL;
}

/* ---- what fits */

bool milter_is_change(enum milter_answer answer)
{
    return answer_of((char)answer)->action != 0;
}

bool milter_may_change(enum milter_answer answer, uint32_t actions)
{
    uint32_t action = answer_of((char)answer)->action;

    /* Who may add recipients with parameters may add them without. */
    if (answer == MILTER_ADD_RCPT)
        action |= MILTER_MAY_ADD_RCPT_WITH;
    return (action & actions) != 0;
}

bool milter_answer_fits(enum milter_command to, enum milter_answer answer, uint32_t steps)
{
    bool in_message = to == MILTER_BODY || to == MILTER_HEADER || to == MILTER_EOH ||
                      to == MILTER_END;

    switch (answer) {
    case MILTER_CONTINUE:
    case MILTER_ACCEPT:
    case MILTER_REJECT:
    case MILTER_TEMPFAIL:
    case MILTER_REPLY:
    case MILTER_SHUTDOWN:
    case MILTER_PROGRESS:
        return true;
    case MILTER_CONNECT_FAIL:
        return to == MILTER_CONNECT;
    case MILTER_DISCARD:
        return in_message || to == MILTER_MAIL || to == MILTER_RCPT || to == MILTER_DATA;
    case MILTER_SKIP:
        return (to == MILTER_BODY || to == MILTER_HEADER) && (steps & MILTER_CAN_SKIP);
    case MILTER_ADD_RCPT:
    case MILTER_DELETE_RCPT:
    case MILTER_ADD_RCPT_WITH:
    case MILTER_REPLACE_BODY:
    case MILTER_CHANGE_SENDER:
    case MILTER_ADD_HEADER:
    case MILTER_INSERT_HEADER:
    case MILTER_CHANGE_HEADER:
    case MILTER_QUARANTINE:
        return to == MILTER_END;
    }
    return false;
}
