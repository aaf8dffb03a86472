/* Option types: how a scalar of each becomes a value in the configuration. */
#ifndef DANELAW_CONFIG_TYPES_H
#define DANELAW_CONFIG_TYPES_H

#include "config/schema.h"
#include "config/suggest.h"

/* Of one load: the configuration so far, whose memory is in arena. */
struct builder {
    struct config *config;
    struct arena *arena;
    struct errors *errors;
};

/* One scalar on its way. */
struct scalar {
    const struct builder *builder;
    const struct option *option;
    struct slice text;         /* NUL-terminated */
    struct config_where where; /* line 0: a default */
    struct suggestion near;    /* set when a name was not found */
};

enum option_shape { SHAPE_SCALAR, SHAPE_LIST, SHAPE_SECTION, SHAPE_TABLE, SHAPE_NONE };

struct type {
    enum option_shape shape;
    size_t size; /* of the value, or of a list's element */
    /* NULL, and out is set; or what the scalar has to be. */
    const char *(*parse)(struct scalar *s, void *out);
};

const struct type *type_of(const struct option *o);

#endif
