/* What a worker runs by: the configuration and all that was made from it (identities, TLS contexts,
 * our own addresses). Immutable and counted; reload makes another, sessions keep theirs. */
#ifndef DANELAW_MTA_SETTINGS_H
#define DANELAW_MTA_SETTINGS_H

#include <stdatomic.h>

#include "config/config.h"
#include "mta/auth/users.h"
#include "tls/door.h"

struct settings {
    _Atomic unsigned refs;
    struct config *config;
    struct tls_identity **identities; /* parallel to config->identities */
    struct tls_door *doors;           /* parallel to config->listeners */
    struct users **users;             /* likewise; NULL where nobody authenticates */
    struct tls_clients tls;
    char **passwords;          /* parallel to config->next_hops, NULL where there is no login; NULL: for
                                  commands that send no mail */
    struct ip *own_addresses;  /* of the listeners; all of the machine's if one binds the wildcard */
    size_t n_own_addresses;
};

/* The password of a configured next hop, NULL if it has none. Borrows. */
const char *settings_password(const struct settings *s, const struct next_hop_config *hop);
/* Takes the reference of config. False with lines in errors (an unreadable key, a key that does not fit
 * its certificate, a missing trust anchor): then config is unref'd. Warnings about certificates are logged. */
MUST_USE bool settings_new(struct config *config, struct buf *errors, struct settings **out_settings);
/* The same without identities, for commands that any user may run and that accept no mail. */
MUST_USE bool settings_new_outbound(struct config *config, struct buf *errors,
                                    struct settings **out_settings);
struct settings *settings_ref(struct settings *s);
void settings_unref(struct settings **s);

#endif
