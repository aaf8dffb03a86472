/* What a YAML file says, before it is typed: scalars, lists and mappings, each with its place.
 * Everything lives in one arena, for as long as the load. */
#ifndef DANELAW_CONFIG_TREE_H
#define DANELAW_CONFIG_TREE_H

#include "config/errors.h"

enum node_kind {
    NODE_BAD, /* was refused and reported; whoever meets it stays silent */
    NODE_SCALAR,
    NODE_LIST,
    NODE_MAP,
};

struct node {
    enum node_kind kind;
    bool quoted; /* scalar: "…", '…' or a block, so that "" is a text and not nothing */
    struct config_where where;
    struct slice text;     /* scalar; a NUL follows it and none is inside */
    struct entry *entries; /* list: keys are empty; map: in order of the text */
    size_t n;
};

struct entry {
    struct slice key; /* a NUL follows it */
    struct config_where where;
    struct node *value;
};

/* YAML's null: nothing, ~ or null, unquoted. */
bool node_is_null(const struct node *n);
/* The first entry with that key, or NULL; also if n is no mapping. */
const struct entry *node_find(const struct node *n, const char *key);
/* For messages: "nothing", "a list", "a mapping" or the quoted scalar, cut. */
const char *node_describe(const struct node *n, struct arena *arena);

/* Reads FILE and what it includes into one mapping, with all mistakes of form in e. NULL: there is
 * nothing to go on with. */
struct node *tree_load(struct arena *arena, const char *file, struct errors *e);

#endif
