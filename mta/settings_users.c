#include "mta/settings_users.h"

#include <stdlib.h>
#include <string.h>

#include "config/base/log.h"

/* The first listener with the same file as listener i, which may be i itself. */
static size_t first_with_file(const struct config *c, size_t i)
{
    size_t first = 0;

    while (c->listeners[first].auth == LISTENER_AUTH_NONE ||
           strcmp(c->listeners[first].users_file, c->listeners[i].users_file) != 0)
        first++;
    return first;
}

static void warn(const struct users *u, unsigned mode)
{
    if (mode & 077)
        LOG(DAEMON_WARNING, NULL, F_STR("file", u->file),
            F_STR("reason", "others than its owner may read the users file: chmod 600"));
    if (u->without_verifier)
        LOG(DAEMON_WARNING, NULL, F_STR("file", u->file),
            F_STR("reason", "SCRAM is not offered: this user has no verifier"),
            F_STR("user", u->without_verifier->name));
}

struct users **settings_users_new(const struct config *c, struct buf *errors, bool *ok)
{
    struct users **v = base_alloc_array(c->n_listeners + 1, sizeof(struct users *));

    for (size_t i = 0; i < c->n_listeners; i++) {
        unsigned mode;
        if (c->listeners[i].auth == LISTENER_AUTH_NONE)
            continue;
        size_t first = first_with_file(c, i);
        if (first < i)
            v[i] = v[first];
        else if (users_load(c->listeners[i].users_file, errors, &v[i], &mode))
            warn(v[i], mode);
        else
            *ok = false;
    }
    return v;
}

void settings_users_free(const struct config *c, struct users ***vp)
{
    struct users **v = *vp;

    *vp = NULL;
    for (size_t i = 0; v && i < c->n_listeners; i++)
        if (v[i] && first_with_file(c, i) == i)
            users_free(&v[i]);
    free(v);
}
