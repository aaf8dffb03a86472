/* From the tree to the typed configuration, by the rows of the schema. */
#ifndef DANELAW_CONFIG_BUILD_H
#define DANELAW_CONFIG_BUILD_H

#include "config/tree.h"

/* Fills c, whose file and arena are set; mistakes go to e. */
void build_config(struct config *c, const struct node *root, struct errors *e);

#endif
