#include "mta/milter/packet.h"

#include <string.h>

#include "config/base/limits.h"

static void put_u32(uint32_t v, char out[4])
{
    for (int i = 0; i < 4; i++)
        out[i] = (char)(v >> (24 - 8 * i));
}

static uint32_t get_u32(const char *p)
{
    uint32_t v = 0;

    for (int i = 0; i < 4; i++)
        v = v << 8 | (uint8_t)p[i];
    return v;
}

/* A packet of parts, at once: nothing is left behind of one that does not fit. */
static bool put(struct buf *out, enum milter_command command, const struct slice *parts, size_t n)
{
    size_t length = 1;
    char head[5];

    for (size_t i = 0; i < n; i++)
        length += parts[i].n;
    if (buf_room(out) < length + 4)
        return false;
    put_u32((uint32_t)length, head);
    head[4] = (char)command;
    bool ok = buf_append(out, slice_make(head, sizeof(head)));
    for (size_t i = 0; i < n; i++)
        ok = ok && buf_append(out, parts[i]);
    return ok;
}

/* With its NUL. */
static struct slice string(const char *s)
{
    return slice_make(s, strlen(s) + 1);
}

bool milter_put_options(struct buf *out, uint32_t actions, uint32_t steps)
{
    char words[12];

    put_u32(MILTER_VERSION, words);
    put_u32(actions, words + 4);
    put_u32(steps, words + 8);
    struct slice data = {words, sizeof(words)};
    return put(out, MILTER_OPTIONS, &data, 1);
}

enum { MACROS_MAX = 32 };

bool milter_put_macros(struct buf *out, enum milter_command of, const struct milter_macro *macros,
                       size_t n)
{
    struct slice parts[1 + 2 * MACROS_MAX];
    char stage = (char)of;

    REQUIRE(n <= MACROS_MAX);
    parts[0] = slice_make(&stage, 1);
    for (size_t i = 0; i < n; i++) {
        parts[1 + 2 * i] = string(macros[i].name);
        parts[2 + 2 * i] = string(macros[i].value);
    }
    return put(out, MILTER_MACROS, parts, 1 + 2 * n);
}

bool milter_put_connect(struct buf *out, const char *name, const struct ip_port *client)
{
    char address[IP_TEXT_MAX];
    char family[3] = {client->ip.v6 ? '6' : '4', (char)(client->port >> 8), (char)client->port};
    struct slice parts[] = {string(name), {family, sizeof(family)},
                            string(ip_text(&client->ip, address))};

    return put(out, MILTER_CONNECT, parts, ARRAY_LEN(parts));
}

bool milter_put_text(struct buf *out, enum milter_command command, struct slice text)
{
    struct slice parts[] = {text, SLICE("\0")};
    return put(out, command, parts, ARRAY_LEN(parts));
}

enum { PARAMS_MAX = 24 }; /* more than RFCs define; the rest is not told */

/* "SIZE=10 BODY=8BITMIME" to strings of their own. */
static size_t add_params(struct slice *parts, struct slice params)
{
    size_t n = 0;

    for (size_t i = 0; i < PARAMS_MAX && params.n; i++) {
        size_t end = slice_find(params, ' ');
        if (end) {
            parts[n++] = slice_head(params, end);
            parts[n++] = SLICE("\0");
        }
        params = slice_skip(params, end + 1);
    }
    return n;
}

bool milter_put_path(struct buf *out, enum milter_command command, const char *path,
                     struct slice params)
{
    struct slice parts[3 + 2 * PARAMS_MAX] = {SLICE("<"), slice_of(path), SLICE(">\0")};

    return put(out, command, parts, 3 + add_params(parts + 3, params));
}

bool milter_put_header(struct buf *out, struct slice name, struct slice value)
{
    struct slice parts[] = {name, SLICE("\0"), value, SLICE("\0")};
    return put(out, MILTER_HEADER, parts, ARRAY_LEN(parts));
}

bool milter_put_data(struct buf *out, enum milter_command command, struct slice data)
{
    REQUIRE(data.n <= LIMIT_MILTER_CHUNK);
    return put(out, command, &data, 1);
}

enum milter_found milter_packet_next(struct slice in, struct milter_packet *out)
{
    if (in.n < 4)
        return MILTER_MORE;
    uint32_t length = get_u32(in.p);
    if (length == 0 || length > LIMIT_MILTER_PACKET)
        return MILTER_MALFORMED;
    if (in.n - 4 < length)
        return MILTER_MORE;
    out->kind = in.p[4];
    out->data = slice_make(in.p + 5, length - 1);
    out->octets = length + 4;
    return MILTER_PACKET;
}
