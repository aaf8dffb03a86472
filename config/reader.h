/* One YAML file to a tree, by libyaml's events (YAML 1.1). What a configuration does not need and
 * what makes files hard to read or to bound is refused: anchors and aliases, tags, several
 * documents, keys that are no text. */
#ifndef DANELAW_CONFIG_READER_H
#define DANELAW_CONFIG_READER_H

#include "config/tree.h"

/* Parses text; places carry the name file, which must live as long as the tree. *nodes_left is
 * counted down. NULL if the text is no YAML: then e says where. An empty text is an empty mapping.
 */
struct node *reader_parse(struct arena *arena, const char *file, struct slice text,
                          size_t *nodes_left, struct errors *e);

#endif
