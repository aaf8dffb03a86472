/* What no single option can know: checks across the options of a record and across records. */
#ifndef DANELAW_CONFIG_CHECK_H
#define DANELAW_CONFIG_CHECK_H

#include "config/types.h"

/* A section being built: its record, how messages call it, where it stands. */
struct target {
    char *record;
    const char *place; /* 'listener "lan"'; "" at the top */
    struct config_where where;
};

/* map: what was written, or NULL. */
void check_section(struct builder *b, enum section_id id, const struct target *t,
                   const struct node *map);

#endif
