/* The passwords of next hops. Made on the thread that loads, then only read. */
#include "mta/settings_passwords.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/limits.h"

/* The first line of the file; NULL with a line in errors if there is none. */
static char *read_password(const struct next_hop_config *hop, struct buf *errors)
{
    char line[LIMIT_PASSWORD + 2], where[300];
    FILE *file = fopen(hop->password_file, "re");
    const char *why = file ? NULL : strerrordesc_np(errno);
    char *password = NULL;

    if (file) {
        size_t n = fread(line, 1, sizeof(line), file);
        struct slice s = slice_make(line, n);
        s = slice_head(s, slice_find(s, '\n'));
        if (s.n && s.p[s.n - 1] == '\r')
            s.n--;
        if (s.n && s.n <= LIMIT_PASSWORD && slice_find(s, '\0') == s.n)
            password = slice_dup(s);
        why = ferror(file) ? "it cannot be read" : "its first line is no password";
        (void)fclose(file);
    }
    explicit_bzero(line, sizeof(line));
    if (!password)
        (void)!buf_printf(errors, "%s: the password_file %s of next hop \"%s\": %s\n",
                          config_where_text(&hop->where, where), hop->password_file, hop->name,
                          why);
    return password;
}

bool settings_read_passwords(struct settings *s, struct buf *errors)
{
    const struct config *c = s->config;
    bool ok = true;

    s->passwords = base_alloc_array(c->n_next_hops + 1, sizeof(char *));
    for (size_t i = 0; i < c->n_next_hops; i++) {
        if (!c->next_hops[i].username)
            continue;
        s->passwords[i] = read_password(&c->next_hops[i], errors);
        ok &= s->passwords[i] != NULL;
    }
    return ok;
}

void settings_forget_passwords(struct settings *s)
{
    for (size_t i = 0; s->passwords && i < s->config->n_next_hops; i++) {
        if (s->passwords[i])
            explicit_bzero(s->passwords[i], strlen(s->passwords[i]));
        free(s->passwords[i]);
    }
    free(s->passwords);
}

const char *settings_password(const struct settings *s, const struct next_hop_config *hop)
{
    return s->passwords ? s->passwords[hop - s->config->next_hops] : NULL;
}
