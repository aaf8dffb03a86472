#include "config/types.h"

#include <string.h>
#include <unistd.h>

#include "config/value.h"

enum { TEXT_MAX = 500, PATH_MAX_OCTETS = 4000 };

static const char *keep(struct scalar *s, struct slice text, void *out)
{
    *(const char **)out = arena_strdup(s->builder->arena, text);
    return NULL;
}

static const char *parse_text(struct scalar *s, void *out)
{
    return s->text.n <= TEXT_MAX ? keep(s, s->text, out) : "a text of at most 500 octets";
}

static const char *parse_word(struct scalar *s, void *out)
{
    return value_label(s->text) ? "a name" : keep(s, s->text, out);
}

static const char *parse_path(struct scalar *s, void *out)
{
    if (s->text.n == 0 || s->text.n > PATH_MAX_OCTETS)
        return "a path";
    return keep(s, s->text, out);
}

static const char *parse_config_path(struct scalar *s, void *out)
{
    struct config_path *path = out;
    const char *wanted = parse_path(s, &path->path);

    if (!wanted)
        path->where = s->where;
    return wanted;
}

static const char *parse_hostname(struct scalar *s, void *out)
{
    char name[HOSTNAME_MAX];
    const char *wanted = value_host(s->text, name);
    return wanted ? wanted : keep(s, slice_of(name), out);
}

static const char *parse_zone(struct scalar *s, void *out)
{
    if (s->text.n == 0 || slice_eq(s->text, SLICE(".")))
        return keep(s, s->text, out);
    return parse_hostname(s, out) ? "a domain name, \".\" or \"\"" : NULL;
}

static const char *parse_bool(struct scalar *s, void *out)
{
    return value_bool(s->text, out);
}

/* All ranged types are 64 bits wide and not negative. */
typedef const char *(*number_parser)(struct slice, void *);

static const char *parse_ranged(struct scalar *s, number_parser parse, void *out)
{
    const struct option *o = s->option;
    uint64_t value, least, most;

    const char *wanted = parse(s->text, &value);
    if (wanted)
        return wanted;
    REQUIRE(!parse(slice_of(o->least), &least) && !parse(slice_of(o->most), &most));
    if (value < least || value > most)
        return arena_printf(s->builder->arena, "from %s to %s", o->least, o->most);
    memcpy(out, &value, sizeof(value));
    return NULL;
}

static const char *size_number(struct slice s, void *out)
{
    return value_size(s, out);
}

static const char *duration_number(struct slice s, void *out)
{
    return value_duration(s, out);
}

static const char *integer_number(struct slice s, void *out)
{
    return value_integer(s, out);
}

static const char *parse_size(struct scalar *s, void *out)
{
    return parse_ranged(s, size_number, out);
}

static const char *parse_duration(struct scalar *s, void *out)
{
    return parse_ranged(s, duration_number, out);
}

static const char *parse_integer(struct scalar *s, void *out)
{
    return parse_ranged(s, integer_number, out);
}

static const char *parse_date(struct scalar *s, void *out)
{
    return value_date(s->text, out);
}

/* "none, may or require" */
static const char *choices_text(struct arena *arena, const char *const *choices)
{
    const char *text = choices[0];
    for (size_t i = 1; choices[i]; i++)
        text = arena_printf(arena, "%s%s%s", text, choices[i + 1] ? ", " : " or ", choices[i]);
    return text;
}

static const char *parse_enum(struct scalar *s, void *out)
{
    const char *const *choices = s->option->choices;

    for (unsigned i = 0; choices[i]; i++) {
        if (slice_eq(s->text, slice_of(choices[i]))) {
            memcpy(out, &i, sizeof(i));
            return NULL;
        }
        suggest_consider(&s->near, choices[i]);
    }
    return choices_text(s->builder->arena, choices);
}
_Static_assert(sizeof(enum tls_level) == sizeof(unsigned), "enums are stored as unsigned");

static const char *parse_workers(struct scalar *s, void *out)
{
    uint64_t number = 0;

    if (slice_eq(s->text, SLICE("auto"))) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        *(unsigned *)out = cores < 1 ? 1 : cores > 256 ? 256 : (unsigned)cores;
        return NULL;
    }
    if (parse_integer(s, &number))
        return arena_printf(s->builder->arena, "auto or a number from %s to %s", s->option->least,
                            s->option->most);
    *(unsigned *)out = (unsigned)number;
    return NULL;
}

static const char *parse_identity(struct scalar *s, void *out)
{
    const struct config *c = s->builder->config;

    for (size_t i = 0; i < c->n_identities; i++) {
        if (slice_eq(s->text, slice_of(c->identities[i].name))) {
            *(const struct identity_config **)out = &c->identities[i];
            return NULL;
        }
        suggest_consider(&s->near, c->identities[i].name);
    }
    return s->builder->errors->incomplete ? NULL : "the name of an identity";
}

/* Left alone where the name may stand in a file that could not be read. */
static const char *parse_milter(struct scalar *s, void *out)
{
    const struct config *c = s->builder->config;

    for (size_t i = 0; i < c->n_milters; i++) {
        if (slice_eq(s->text, slice_of(c->milters[i].name))) {
            *(const struct milter_config **)out = &c->milters[i];
            return NULL;
        }
        suggest_consider(&s->near, c->milters[i].name);
    }
    return s->builder->errors->incomplete ? NULL : "the name of a milter";
}

static const char *parse_milter_socket(struct scalar *s, void *out)
{
    char path[VALUE_SOCKET_MAX];
    struct milter_socket socket;

    const char *wanted = value_milter_socket(s->text, &socket, path);
    if (wanted)
        return wanted;
    socket.path = *path ? arena_strdup(s->builder->arena, slice_of(path)) : NULL;
    *(struct milter_socket *)out = socket;
    return NULL;
}

static const char *parse_route_to(struct scalar *s, void *out)
{
    const struct config *c = s->builder->config;

    if (slice_eq(s->text, SLICE("mx"))) {
        *(const struct next_hop_config **)out = NULL;
        return NULL;
    }
    for (size_t i = 0; i < c->n_next_hops; i++) {
        if (slice_eq(s->text, slice_of(c->next_hops[i].name))) {
            *(const struct next_hop_config **)out = &c->next_hops[i];
            return NULL;
        }
        suggest_consider(&s->near, c->next_hops[i].name);
    }
    return s->builder->errors->incomplete ? NULL : "mx or the name of a next hop";
}

static const char *parse_endpoint(struct scalar *s, void *out)
{
    return value_endpoint(s->text, out);
}

static const char *parse_network(struct scalar *s, void *out)
{
    return value_network(s->text, out);
}

static const char *parse_digest(struct scalar *s, void *out)
{
    return value_digest(s->text, ((struct key_digest *)out)->sha256);
}

static const char *parse_server(struct scalar *s, void *out)
{
    char text[IP_TEXT_MAX + 8];
    const char *wanted = value_server(s->text, text);
    return wanted ? wanted : keep(s, slice_of(text), out);
}

static const char *parse_hop_host(struct scalar *s, void *out)
{
    char name[HOSTNAME_MAX];
    struct hop_host host;

    const char *wanted = value_hop_host(s->text, &host, name);
    if (wanted)
        return wanted;
    host.name = arena_strdup(s->builder->arena, slice_of(name));
    host.where = s->where;
    *(struct hop_host *)out = host;
    return NULL;
}

static const char *parse_dnsbl(struct scalar *s, void *out)
{
    char zone[HOSTNAME_MAX];
    struct dnsbl_config list;

    const char *wanted = value_dnsbl(s->text, &list, zone);
    if (wanted)
        return wanted;
    list.zone = arena_strdup(s->builder->arena, slice_of(zone));
    *(struct dnsbl_config *)out = list;
    return NULL;
}

const struct type *type_of(const struct option *o)
{
    static const struct type types[] = {
        [OPT_TEXT] = {SHAPE_SCALAR,  sizeof(char *),          parse_text    },
        [OPT_WORD] = {SHAPE_SCALAR,  sizeof(char *),          parse_word    },
        [OPT_PATH] = {SHAPE_SCALAR,  sizeof(char *),          parse_path    },
        [OPT_HOSTNAME] = {SHAPE_SCALAR,  sizeof(char *),          parse_hostname},
        [OPT_ZONE] = {SHAPE_SCALAR,  sizeof(char *),          parse_zone    },
        [OPT_BOOL] = {SHAPE_SCALAR,  sizeof(bool),            parse_bool    },
        [OPT_SIZE] = {SHAPE_SCALAR,  sizeof(uint64_t),        parse_size    },
        [OPT_DURATION] = {SHAPE_SCALAR,  sizeof(int64_t),         parse_duration},
        [OPT_INTEGER] = {SHAPE_SCALAR,  sizeof(uint64_t),        parse_integer },
        [OPT_DATE] = {SHAPE_SCALAR,  sizeof(int64_t),         parse_date    },
        [OPT_ENUM] = {SHAPE_SCALAR,  sizeof(unsigned),        parse_enum    },
        [OPT_WORKERS] = {SHAPE_SCALAR,  sizeof(unsigned),        parse_workers },
        [OPT_ROUTE_TO] = {SHAPE_SCALAR,  sizeof(void *),          parse_route_to},
        [OPT_MILTER_SOCKET] = {SHAPE_SCALAR,  sizeof(struct milter_socket), parse_milter_socket},
        [OPT_ENDPOINTS] = {SHAPE_LIST,    sizeof(struct ip_port),  parse_endpoint},
        [OPT_NETWORKS] = {SHAPE_LIST,    sizeof(struct ip_net),   parse_network },
        [OPT_SERVERS] = {SHAPE_LIST,    sizeof(char *),          parse_server  },
        [OPT_HOSTS] = {SHAPE_LIST,    sizeof(struct hop_host), parse_hop_host},
        [OPT_MILTERS] = {SHAPE_LIST,    sizeof(void *),          parse_milter  },
        [OPT_PATHS] = {SHAPE_LIST,    sizeof(struct config_path), parse_config_path},
        [OPT_DIGESTS] = {SHAPE_LIST,    sizeof(struct key_digest), parse_digest},
        [OPT_IDENTITIES] = {SHAPE_LIST,    sizeof(void *), parse_identity},
        [OPT_DNSBL] = {SHAPE_LIST,    sizeof(struct dnsbl_config), parse_dnsbl},
        [OPT_SECTION] = {SHAPE_SECTION, 0,                       NULL          },
        [OPT_TABLE] = {SHAPE_TABLE,   0,                       NULL          },
        [OPT_INCLUDE] = {SHAPE_NONE,    0,                       NULL          },
    };
    return &types[o->type];
}
