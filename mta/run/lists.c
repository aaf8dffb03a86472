#include "mta/run/lists.h"

#include <stdlib.h>

#include "config/base/log.h"

enum { POLL_MS = 2000 }; /* twice that is the longest until a change is known: a stat per file */

struct lists {
    struct loop *main;
    struct timer poll;
    struct recipient_files *files; /* NULL: none yet */
    void (*hand_out)(void *arg, struct recipient_files *files);
    void *arg;
};

static void tell_errors(struct buf *errors)
{
    for (struct slice left = buf_slice(errors); left.n;) {
        size_t end = slice_find(left, '\n');
        LOG(DAEMON_RECIPIENTS_FAILED, NULL, F_SLICE("error", slice_head(left, end)));
        left = slice_skip(left, end + 1);
    }
}

static void read_again(struct lists *l)
{
    struct recipient_files *fresh;
    struct buf errors;

    buf_init(&errors, 64 * 1024);
    if (recipient_files_load(recipient_files_config(l->files), l->files, &errors, &fresh)) {
        lists_take(l, fresh);
        LOG(DAEMON_RECIPIENTS, NULL, F_INT("addresses", (int64_t)recipient_files_count(fresh)));
    } else {
        tell_errors(&errors);
    }
    buf_free(&errors);
}

static void on_poll(struct timer *t)
{
    struct lists *l = CONTAINER_OF(t, struct lists, poll);

    if (recipient_files_poll(l->files))
        read_again(l);
    loop_timer_set(l->main, &l->poll, POLL_MS, on_poll);
}

struct lists *lists_new(struct loop *main, void (*hand_out)(void *, struct recipient_files *),
                        void *arg)
{
    struct lists *l = base_alloc(sizeof(*l));

    l->main = main;
    l->hand_out = hand_out;
    l->arg = arg;
    return l;
}

void lists_free(struct lists **lp)
{
    struct lists *l = *lp;

    *lp = NULL;
    if (!l)
        return;
    loop_timer_clear(l->main, &l->poll);
    recipient_files_unref(&l->files);
    free(l);
}

bool lists_read(const struct lists *l, struct config *c, struct buf *errors,
                   struct recipient_files **out)
{
    return recipient_files_load(c, l->files, errors, out);
}

void lists_take(struct lists *l, struct recipient_files *files)
{
    recipient_files_unref(&l->files);
    l->files = files;
    l->hand_out(l->arg, files);
    if (!loop_timer_is_set(&l->poll))
        loop_timer_set(l->main, &l->poll, POLL_MS, on_poll);
}

bool lists_check(struct config *c, struct buf *errors)
{
    struct recipient_files *files;

    if (!recipient_files_load(c, NULL, errors, &files))
        return false;
    recipient_files_unref(&files);
    return true;
}
