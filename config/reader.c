#include "config/reader.h"

#include <string.h>
#include <yaml.h>

#include "config/base/limits.h"

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; owned, replaced by next_event */
    struct arena *arena;
    struct errors *errors;
    const char *file;
    struct slice text;
    size_t *nodes_left;
    int depth;
    bool failed; /* reported; the rest of the file is not read */
};

static struct config_where where_of(const struct reader *r, yaml_mark_t mark)
{
    return (struct config_where){r->file, (int)mark.line + 1, (int)mark.column + 1};
}

/* For octets that are no text libyaml knows only the offset. */
static struct config_where where_of_offset(const struct reader *r, size_t offset)
{
    struct config_where where = {r->file, 1, 1};

    for (size_t i = 0; i < offset && i < r->text.n; i++) {
        where.column++;
        if (r->text.p[i] == '\n') {
            where.line++;
            where.column = 1;
        }
    }
    return where;
}

/* What in a configuration of this kind most likely led there. */
static const char *syntax_hint(const char *context)
{
    static const char *const hints[][2] = {
        {"alias",     " (a pattern needs quotes: \"*\")"                      },
        {"flow node", " (an IPv6 address needs quotes: \"[::]:25\", \"::/0\")"},
    };

    for (size_t i = 0; i < ARRAY_LEN(hints); i++)
        if (strstr(context, hints[i][0]))
            return hints[i][1];
    return "";
}

static void report_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "cannot be parsed";

    if (p->error == YAML_READER_ERROR)
        errors_add(r->errors, where_of_offset(r, p->problem_offset), "not UTF-8 text: %s", problem);
    else if (p->context)
        errors_add(r->errors, where_of(r, p->problem_mark), "YAML: %s, %s%s", p->context, problem,
                   syntax_hint(p->context));
    else
        errors_add(r->errors, where_of(r, p->problem_mark), "YAML: %s", problem);
}

static bool next_event(struct reader *r)
{
    yaml_event_delete(&r->event);
    if (r->failed)
        return false;
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        report_syntax(r);
        r->failed = true;
    }
    return !r->failed;
}

static void fail(struct reader *r, const char *why)
{
    errors_add(r->errors, where_of(r, r->event.start_mark), "%s", why);
    r->failed = true;
}

static void refuse_decoration(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct config_where where = where_of(r, r->event.start_mark);

    if (anchor)
        errors_add(r->errors, where, "anchor \"&%.100s\": anchors and aliases are not supported",
                   (const char *)anchor);
    if (tag)
        errors_add(r->errors, where, "tag \"%.100s\": tags are not supported, options have types",
                   (const char *)tag);
}

static struct node *node_new(struct reader *r, enum node_kind kind)
{
    struct node *n = arena_alloc(r->arena, sizeof(*n));

    n->kind = kind;
    n->where = where_of(r, r->event.start_mark);
    if (*r->nodes_left == 0)
        fail(r, "the configuration has too many values");
    else
        --*r->nodes_left;
    return n;
}

static struct node *read_node(struct reader *r);

static struct node *read_scalar(struct reader *r)
{
    struct node *n = node_new(r, NODE_SCALAR);
    const char *value = (const char *)r->event.data.scalar.value;
    size_t length = r->event.data.scalar.length;

    refuse_decoration(r, r->event.data.scalar.anchor, r->event.data.scalar.tag);
    n->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    n->text = slice_make(arena_strdup(r->arena, slice_make(value, length)), length);
    if (length && memchr(value, '\0', length)) {
        errors_add(r->errors, n->where, "a text with a NUL octet in it");
        n->kind = NODE_BAD;
    }
    return n;
}

static void add_entry(struct reader *r, struct node *n, struct entry e)
{
    n->entries = arena_grow(r->arena, n->entries, n->n, sizeof(*n->entries));
    n->entries[n->n++] = e;
}

static struct node *read_list(struct reader *r)
{
    struct node *n = node_new(r, NODE_LIST);

    refuse_decoration(r, r->event.data.sequence_start.anchor, r->event.data.sequence_start.tag);
    while (next_event(r) && r->event.type != YAML_SEQUENCE_END_EVENT) {
        struct node *value = read_node(r);
        add_entry(r, n, (struct entry){SLICE(""), value->where, value});
    }
    return n;
}

static struct node *read_map(struct reader *r)
{
    struct node *n = node_new(r, NODE_MAP);

    refuse_decoration(r, r->event.data.mapping_start.anchor, r->event.data.mapping_start.tag);
    while (next_event(r) && r->event.type != YAML_MAPPING_END_EVENT) {
        struct node *key = read_node(r);
        if (!next_event(r))
            break;
        struct node *value = read_node(r);
        if (key->kind == NODE_SCALAR)
            add_entry(r, n, (struct entry){key->text, key->where, value});
        else if (key->kind != NODE_BAD)
            errors_add(r->errors, key->where, "a key must be a name, not a list or a mapping");
    }
    return n;
}

static struct node *read_alias(struct reader *r)
{
    errors_add(r->errors, where_of(r, r->event.start_mark),
               "alias \"*%.100s\": anchors and aliases are not supported (a pattern needs quotes: "
               "\"*\")",
               (const char *)r->event.data.alias.anchor);
    return node_new(r, NODE_BAD);
}

/* Of the current event. Never NULL; if it failed the caller's loop ends. */
static struct node *read_node(struct reader *r)
{
    struct node *n;

    if (r->event.type == YAML_SCALAR_EVENT)
        return read_scalar(r);
    if (r->event.type == YAML_ALIAS_EVENT)
        return read_alias(r);
    if (r->depth == LIMIT_CONFIG_NESTING) {
        fail(r, "lists and mappings are nested too deep");
        return node_new(r, NODE_BAD);
    }
    r->depth++;
    n = r->event.type == YAML_SEQUENCE_START_EVENT ? read_list(r) : read_map(r);
    r->depth--;
    return n;
}

static struct node *empty_map(struct reader *r)
{
    struct node *n = arena_alloc(r->arena, sizeof(*n));
    n->kind = NODE_MAP;
    n->where = (struct config_where){r->file, 1, 1};
    return n;
}

/* stream-start [document-start node document-end] stream-end */
static struct node *read_document(struct reader *r)
{
    if (!next_event(r) || !next_event(r))
        return NULL;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return empty_map(r);
    if (!next_event(r))
        return NULL;
    struct node *root = read_node(r);
    if (!next_event(r) || !next_event(r))
        return NULL;
    if (r->event.type != YAML_STREAM_END_EVENT)
        fail(r, "a second document: a configuration file holds one");
    return root;
}

struct node *reader_parse(struct arena *arena, const char *file, struct slice text,
                          size_t *nodes_left, struct errors *e)
{
    struct reader r = {
        .arena = arena, .errors = e, .file = file, .text = text, .nodes_left = nodes_left};

    REQUIRE(yaml_parser_initialize(&r.parser));
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
    struct node *root = read_document(&r);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    if (r.failed || !root)
        return NULL;
    if (node_is_null(root))
        return empty_map(&r);
    if (root->kind == NODE_MAP)
        return root;
    errors_add(e, root->where, "a configuration is a mapping (name: value), not %s",
               node_describe(root, arena));
    return NULL;
}
