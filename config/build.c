#include "config/build.h"

#include <stdlib.h>
#include <string.h>

#include "config/base/limits.h"
#include "config/check.h"
#include "config/value.h"

static void build_section(struct builder *b, enum section_id id, const struct node *map,
                          const struct target *t);

/* '"tls" in listener "lan"' */
static const char *option_label(struct builder *b, const struct option *o, const struct target *t)
{
    if (!*o->name)
        return t->place;
    if (!*t->place)
        return arena_printf(b->arena, "\"%s\"", o->name);
    return arena_printf(b->arena, "\"%s\" in %s", o->name, t->place);
}

static void report_wrong(struct builder *b, const struct option *o, const struct target *t,
                         const struct node *n, const char *wanted)
{
    if (n->kind != NODE_BAD)
        errors_add(b->errors, n->where, "%s must be %s, not %s", option_label(b, o, t), wanted,
                   node_describe(n, b->arena));
}

static void parse_scalar(struct builder *b, const struct option *o, const struct target *t,
                         const struct node *n, void *out)
{
    struct scalar s = {b, o, n->text, n->where, suggest_for(n->text)};
    const char *wanted = type_of(o)->parse(&s, out);

    if (wanted)
        errors_add(b->errors, n->where, "%s must be %s, not \"%.100s\"%s", option_label(b, o, t),
                   wanted, n->text.p, suggest_text(&s.near, b->arena));
}

static const char *wanted_scalar(const struct option *o)
{
    return o->type == OPT_ENUM ? "one word" : "a single value";
}

static void set_scalar(struct builder *b, const struct option *o, const struct target *t,
                       const struct node *n)
{
    if (n->kind != NODE_SCALAR || node_is_null(n))
        report_wrong(b, o, t, n, wanted_scalar(o));
    else
        parse_scalar(b, o, t, n, t->record + o->at);
}

static void set_array(const struct option *o, char *record, void *v, size_t n)
{
    memcpy(record + o->at, &v, sizeof(v));
    memcpy(record + o->count_at, &n, sizeof(n));
}

/* Elements that are wrong are reported and stay zero; nothing uses them. */
static void set_elements(struct builder *b, const struct option *o, const struct target *t,
                         const struct node *const *nodes, size_t n)
{
    size_t size = type_of(o)->size;
    char *v = arena_alloc(b->arena, n * size);

    for (size_t i = 0; i < n; i++) {
        if (nodes[i]->kind == NODE_SCALAR)
            parse_scalar(b, o, t, nodes[i], v + i * size);
        else
            report_wrong(b, o, t, nodes[i], "a list of single values");
    }
    set_array(o, t->record, v, n);
}

/* One scalar is a list of one; nothing is an empty list. */
static void set_list(struct builder *b, const struct option *o, const struct target *t,
                     const struct node *n)
{
    if (n->kind == NODE_MAP || n->kind == NODE_BAD) {
        report_wrong(b, o, t, n, "a list");
        return;
    }
    bool single = n->kind == NODE_SCALAR && !node_is_null(n);
    size_t count = single ? 1 : n->n;
    const struct node **nodes = base_alloc_array(count, sizeof(*nodes));

    nodes[0] = single ? n : NULL;
    for (size_t i = 0; !single && i < count; i++)
        nodes[i] = n->entries[i].value;
    set_elements(b, o, t, nodes, count);
    free(nodes);
    if (o->required && count == 0)
        errors_add(b->errors, n->where, "%s must not be empty", option_label(b, o, t));
}

/* The key as the record keeps it. Returns what it has to be, or NULL. */
static const char *parse_key(struct builder *b, enum key_kind kind, struct slice key,
                             const char **out_name)
{
    char name[HOSTNAME_MAX + 1] = ".";
    const char *wanted = NULL;

    if (kind == KEY_LABEL) {
        wanted = value_label(key);
        *out_name = arena_strdup(b->arena, key);
    } else if (kind == KEY_ZONE) {
        if (!slice_eq(key, SLICE(".")))
            wanted = value_host(key, name);
        *out_name = arena_printf(b->arena, strcmp(name, ".") == 0 ? "%s" : "%s.", name);
    } else {
        wanted = value_pattern(key, kind == KEY_PATTERN, name);
        *out_name = arena_strdup(b->arena, slice_of(name));
    }
    return wanted;
}

static void build_record(struct builder *b, const struct option *o, const struct entry *e,
                         char *record)
{
    const struct section *section = schema_section(o->inside);
    struct target t = {.record = record, .where = e->where};
    const char *name;

    const char *wanted = parse_key(b, section->key, e->key, &name);
    if (wanted && section->key == KEY_DOMAIN && slice_eq(e->key, SLICE("*")))
        errors_add(b->errors, e->where,
                   "\"*\" in domains would take mail for every domain and make an open relay");
    else if (wanted)
        errors_add(b->errors, e->where, "\"%.100s\" in %s must be %s", e->key.p, o->name, wanted);
    memcpy(record, &name, sizeof(name));
    if (section->where_at)
        memcpy(record + section->where_at, &e->where, sizeof(e->where));
    t.place = arena_printf(b->arena, "%s \"%.100s\"", section->label, e->key.p);
    build_section(b, o->inside, e->value, &t);
}

/* Names that differ as text and are the same domain; equal texts are known to the reader. */
static void check_keys(struct builder *b, const struct node *n, const char *records, size_t size)
{
    struct named *names = base_alloc_array(n->n, sizeof(*names));

    for (size_t i = 0; i < n->n; i++) {
        const char *name;
        memcpy(&name, records + i * size, sizeof(name));
        names[i] = (struct named){
            .key = slice_of(name), .shown = n->entries[i].key, .where = n->entries[i].where};
    }
    errors_add_duplicates(b->errors, names, n->n);
    free(names);
}

static void set_table(struct builder *b, const struct option *o, const struct target *t,
                      const struct node *n)
{
    const struct section *section = schema_section(o->inside);

    if (node_is_null(n))
        return;
    if (n->kind != NODE_MAP) {
        report_wrong(b, o, t, n, "a mapping of names");
        return;
    }
    char *records = arena_alloc(b->arena, n->n * section->size);
    for (size_t i = 0; i < n->n; i++)
        build_record(b, o, &n->entries[i], records + i * section->size);
    set_array(o, t->record, records, n->n);
    if (section->key != KEY_LABEL)
        check_keys(b, n, records, section->size);
}

static void set_section(struct builder *b, const struct option *o, const struct target *t,
                        const struct node *n)
{
    struct target inner = {.record = t->record + o->at, .where = n ? n->where : t->where};

    inner.place = *t->place ? arena_printf(b->arena, "%s of %s", o->name, t->place) : o->name;
    build_section(b, o->inside, n, &inner);
}

/* Through the same parsers as what is written. */
static void set_default(struct builder *b, const struct option *o, char *record)
{
    const struct type *type = type_of(o);
    struct scalar s = {.builder = b, .option = o};
    char *v = NULL;
    size_t n = 0;

    if (!o->fallback)
        return;
    s.text = slice_of(o->fallback);
    if (type->shape == SHAPE_SCALAR) {
        REQUIRE(!type->parse(&s, record + o->at));
        return;
    }
    for (struct slice left = s.text; left.n; n++) {
        size_t end = slice_find(left, ' ');
        s.text = slice_head(left, end);
        v = arena_grow(b->arena, v, n, type->size);
        REQUIRE(!type->parse(&s, v + n * type->size));
        left = slice_skip(left, end + 1);
    }
    set_array(o, record, v, n);
}

static void note_written(const struct option *o, char *record, const struct node *n)
{
    if (o->written_at)
        *(bool *)(record + o->written_at) = true;
    if (o->where_at)
        memcpy(record + o->where_at, &n->where, sizeof(n->where));
}

static void set_option(struct builder *b, const struct option *o, const struct target *t,
                       const struct node *n)
{
    static void (*const setters[])(struct builder *, const struct option *, const struct target *,
                                   const struct node *) = {
        [SHAPE_SCALAR] = set_scalar,
        [SHAPE_LIST] = set_list,
        [SHAPE_TABLE] = set_table,
    };

    setters[type_of(o)->shape](b, o, t, n);
    note_written(o, t->record, n);
}

static void build_option(struct builder *b, const struct option *o, const struct node *map,
                         const struct target *t)
{
    const struct entry *e = *o->name ? node_find(map, o->name) : NULL;
    const struct node *n = e ? e->value : *o->name ? NULL : map;
    enum option_shape shape = type_of(o)->shape;

    if (shape == SHAPE_NONE)
        return;
    if (shape == SHAPE_SECTION) {
        set_section(b, o, t, n);
        return;
    }
    set_default(b, o, t->record);
    if (n)
        set_option(b, o, t, n);
    else if (o->required && !(b->errors->incomplete && !*t->place))
        errors_add(b->errors, t->where, "%s is required", option_label(b, o, t));
}

static bool is_known(enum section_id id, struct slice key, struct suggestion *out_near)
{
    size_t n;
    const struct option *options = schema_options(&n);

    for (size_t i = 0; i < n; i++) {
        if (options[i].section != id)
            continue;
        if (slice_eq(key, slice_of(options[i].name)))
            return true;
        suggest_consider(out_near, options[i].name);
    }
    return false;
}

static void report_unknown(struct builder *b, enum section_id id, const struct node *map,
                           const struct target *t)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct entry *e = &map->entries[i];
        struct suggestion near = suggest_for(e->key);
        if (!is_known(id, e->key, &near))
            errors_add(b->errors, e->where, "unknown option \"%.100s\"%s%s%s", e->key.p,
                       *t->place ? " in " : "", t->place, suggest_text(&near, b->arena));
    }
}

static const struct option *first_option(enum section_id id, const struct option **out_end)
{
    size_t n;
    const struct option *o = schema_options(&n), *end = o + n;

    while (o < end && o->section != id)
        o++;
    *out_end = end;
    return o;
}

static void report_no_mapping(struct builder *b, const struct target *t, const struct node *n)
{
    if (n->kind != NODE_BAD)
        errors_add(b->errors, n->where, "%s must be a mapping (name: value), not %s", t->place,
                   node_describe(n, b->arena));
}

static void build_section(struct builder *b, enum section_id id, const struct node *map,
                          const struct target *t)
{
    struct errors unheard = {.arena = b->arena};
    struct builder quiet = {b->config, b->arena, &unheard};
    const struct option *end, *first = first_option(id, &end);
    bool bare = !*first->name;

    if (!bare && map && map->kind != NODE_MAP) {
        if (!node_is_null(map)) {
            report_no_mapping(b, t, map);
            b = &quiet; /* what is required is not missing, it could not be read */
        }
        map = NULL;
    }
    for (const struct option *o = first; o < end && o->section == id; o++)
        build_option(b, o, map, t);
    if (!bare && map)
        report_unknown(b, id, map, t);
    check_section(b, id, t, map);
}

void build_config(struct config *c, const struct node *root, struct errors *e)
{
    struct builder b = {c, c->arena, e};
    struct target top = {
        (char *)c, "", {c->file, 1, 1}
    };

    build_section(&b, IN_TOP, root, &top);
}
