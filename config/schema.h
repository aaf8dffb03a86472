/* The table of all options. A row drives typing, range, default, duplicate and unknown-key checks
 * and the help; to add an option is a field in config.h, a row in schema.c, a line in README. */
#ifndef DANELAW_CONFIG_SCHEMA_H
#define DANELAW_CONFIG_SCHEMA_H

#include "config/tree.h"

enum section_id {
    IN_TOP,
    IN_IDENTITY,
    IN_NEXT_HOP,
    IN_MILTER,
    IN_MILTER_TIMEOUTS,
    IN_LISTENER,
    IN_LISTENER_TIMEOUTS,
    IN_LISTENER_LIMITS,
    IN_LISTENER_CHECKS,
    IN_DOMAIN,
    IN_ROUTE,
    IN_POLICY,
    IN_DELIVERY,
    IN_DELIVERY_TIMEOUTS,
    IN_RESOLVER,
    IN_STUB,
    IN_SELF_TEST,
    IN_STATUS,
    IN_LOG,
    SECTION_COUNT
};

enum option_type {
    /* one scalar; the field's type */
    OPT_TEXT,     /* const char *, may be empty */
    OPT_WORD,     /* const char * */
    OPT_PATH,     /* const char * */
    OPT_HOSTNAME, /* const char *, normalised */
    OPT_ZONE,     /* const char *, a name, "." or "" */
    OPT_BOOL,     /* bool */
    OPT_SIZE,     /* uint64_t octets */
    OPT_DURATION, /* int64_t ms */
    OPT_INTEGER,  /* uint64_t */
    OPT_DATE,     /* int64_t ms */
    OPT_ENUM,     /* an enum, by choices */
    OPT_WORKERS,  /* unsigned */
    OPT_ROUTE_TO, /* const struct next_hop_config * */
    OPT_MILTER_SOCKET, /* struct milter_socket */
    /* lists: a pointer and a count */
    OPT_ENDPOINTS, /* struct ip_port */
    OPT_NETWORKS,  /* struct ip_net */
    OPT_SERVERS,   /* const char * */
    OPT_HOSTS,     /* struct hop_host */
    OPT_MILTERS,   /* const struct milter_config * */
    OPT_PATHS,     /* struct config_path */
    OPT_DIGESTS,   /* struct key_digest */
    OPT_IDENTITIES, /* const struct identity_config * */
    OPT_DNSBL,     /* struct dnsbl_config */
    /* mappings */
    OPT_SECTION, /* with options of its own, in a part of the record */
    OPT_TABLE,   /* names people give, each with a record; a pointer and a count */
    OPT_INCLUDE, /* taken by the reader, never seen here */
};

/* Offsets are into the section's record; 0 where a row has none (no field in question is first). */
struct option {
    enum section_id section;
    const char *name; /* "": the section is no mapping, its value is this option's */
    enum option_type type;
    size_t at;
    size_t count_at;            /* lists and tables: size_t */
    size_t written_at;          /* bool: it was written */
    size_t where_at;            /* struct config_where of the value */
    const char *least, *most;   /* in the option's own notation */
    const char *fallback;       /* the default, likewise; lists: separated by spaces */
    const char *const *choices; /* enums, by value, NULL at the end */
    enum section_id inside;     /* sections and tables */
    bool required;
    const char *help;
};

enum key_kind { KEY_NONE, KEY_LABEL, KEY_DOMAIN, KEY_PATTERN, KEY_ZONE };

/* What a table's entries are. The record begins with its name or pattern. */
struct section {
    const char *label; /* "listener", for messages */
    enum key_kind key;
    size_t size;
    size_t where_at;
};

/* The rows of one section are neighbours; the order is that of building: what others refer to
 * comes first. */
const struct option *schema_options(size_t *out_n);
const struct section *schema_section(enum section_id id);

#endif
