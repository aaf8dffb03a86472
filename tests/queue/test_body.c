#include "queue/body.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config/base/limits.h"
#include "queue/body_private.h"
#include "tests/queue/rig.h"

static char *pattern(size_t n)
{
    char *p = base_alloc(n + 1);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(i * 7 + i / 251);
    return p;
}

/* Writes n octets in pieces and reads them back in others. */
static void round_trip(const char *spool, size_t n, size_t piece, const char *name)
{
    struct body_writer *w = body_writer_new(spool, "body000000", n);
    char *content = pattern(n), *back = base_alloc(n + 1);

    for (size_t at = 0; at < n; at += piece)
        body_writer_append(w, slice_head(slice_make(content + at, n - at), piece));
    cr_assert_eq(body_writer_cause(w), CAUSE_OK, "%s", name);
    struct body *b = body_writer_finish(&w);
    cr_assert(b, "%s", name);
    cr_assert_null(w);
    cr_assert_eq(body_size(b), n, "%s", name);
    cr_assert_eq(body_is_file(b), n > LIMIT_BODY_IN_ROW, "%s", name);
    cr_assert_eq(rig_exists(spool, "body000000"), n > LIMIT_BODY_IN_ROW, "%s", name);
    cr_assert_eq(body_sync_file(b), BODY_SYNCED);
    for (size_t at = 0; at < n;) {
        long got = body_read(b, at, back + at, 1000);
        cr_assert_gt(got, 0, "%s", name);
        at += (size_t)got;
    }
    cr_assert_eq(memcmp(back, content, n), 0, "%s", name);
    cr_assert_eq(body_read(b, n, back, 1), 0, "%s: the end", name);
    body_unref(&b);
    cr_assert_not(rig_exists(spool, "body000000"), "%s: nobody owned it", name);
    free(content);
    free(back);
}

Test(body, sizes_and_pieces)
{
    static const struct {
        const char *name;
        size_t n, piece;
    } rows[] = {
        {"nothing", 0, 1},
        {"one octet", 1, 1},
        {"the last in the row", LIMIT_BODY_IN_ROW, 1000},
        {"the first in a file", LIMIT_BODY_IN_ROW + 1, 1000},
        {"one chunk", LIMIT_BODY_CHUNK, 7777},
        {"a chunk and one", LIMIT_BODY_CHUNK + 1, LIMIT_BODY_CHUNK + 1},
        {"many chunks at once", LIMIT_BODY_CHUNK * 5 + 3, LIMIT_BODY_CHUNK * 6},
        {"many chunks in lines", LIMIT_BODY_CHUNK * 3, 78},
    };
    char *spool = rig_directory();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        round_trip(spool, rows[i].n, rows[i].piece, rows[i].name);
    rig_remove(&spool);
    NO_LEAKS();
}

Test(body, too_big_is_swallowed)
{
    char *spool = rig_directory(), *content = pattern(200000);
    struct body_writer *w = body_writer_new(spool, "body000000", 150000);

    body_writer_append(w, slice_make(content, 140000));
    cr_assert(rig_exists(spool, "body000000"));
    body_writer_append(w, slice_make(content, 10001));
    cr_assert_eq(body_writer_cause(w), CAUSE_MESSAGE_TOO_BIG);
    cr_assert_not(rig_exists(spool, "body000000"), "its space is given back at once");
    body_writer_append(w, slice_make(content, 200000));
    cr_assert_eq(body_writer_cause(w), CAUSE_MESSAGE_TOO_BIG);
    cr_assert_null(body_writer_finish(&w));
    cr_assert_null(w);
    free(content);
    rig_remove(&spool);
    NO_LEAKS();
}

/* A file size limit stands for the full disk. */
Test(body, no_space)
{
    char *spool = rig_directory(), *content = pattern(300000);
    struct rlimit limit = {100000, 100000};
    struct body_writer *w = body_writer_new(spool, "body000000", 1000000);

    (void)signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    body_writer_append(w, slice_make(content, 300000));
    cr_assert_eq(body_writer_cause(w), CAUSE_QUEUE_FULL);
    cr_assert_not(rig_exists(spool, "body000000"));
    cr_assert_null(body_writer_finish(&w));
    /* The last piece may be the one that does not fit. */
    w = body_writer_new(spool, "body000001", 1000000);
    body_writer_append(w, slice_make(content, 120000));
    cr_assert_eq(body_writer_cause(w), CAUSE_OK);
    cr_assert_null(body_writer_finish(&w));
    cr_assert_not(rig_exists(spool, "body000001"));
    free(content);
    rig_remove(&spool);
    NO_LEAKS();
}

Test(body, spool_cannot_be_written)
{
    struct body_writer *w = body_writer_new("/nonexistent/spool", "body000000", 1000000);
    char *content = pattern(100000);

    body_writer_append(w, slice_make(content, 100000));
    cr_assert_eq(body_writer_cause(w), CAUSE_QUEUE_ERROR);
    body_writer_abort(&w);
    cr_assert_null(w);
    body_writer_abort(&w);
    free(content);
}

/* Another message's file is never touched, not even when the writer gives up. */
Test(body, existing_file_is_not_overwritten)
{
    char *spool = rig_directory(), *content = pattern(100000);
    struct body_writer *first = body_writer_new(spool, "body000000", 1000000), *second;

    body_writer_append(first, slice_make(content, 100000));
    second = body_writer_new(spool, "body000000", 1000000);
    body_writer_append(second, slice_make(content, 100000));
    cr_assert_eq(body_writer_cause(second), CAUSE_QUEUE_ERROR);
    body_writer_abort(&second);
    cr_assert(rig_exists(spool, "body000000"));
    body_writer_abort(&first);
    cr_assert_not(rig_exists(spool, "body000000"));
    free(content);
    rig_remove(&spool);
}

Test(body, shorter_or_missing_file)
{
    char *spool = rig_directory(), *content = pattern(50000), dst[10];
    struct body_writer *w = body_writer_new(spool, "body000000", 1000000);
    char *path = rig_join(spool, "body000000");

    body_writer_append(w, slice_make(content, 50000));
    struct body *b = body_writer_finish(&w);
    body_keep_file(b);
    cr_assert_eq(body_sync_file(b), BODY_SYNCED);
    body_unref(&b);
    cr_assert(rig_exists(spool, "body000000"), "a file with a row stays");
    cr_assert_eq(truncate(path, 49995), 0);
    b = body_of_file(path, 50000);
    cr_assert_eq(body_read(b, 0, dst, 10), 10);
    cr_assert_eq(body_read(b, 49990, dst, 10), -1);
    body_unref(&b);
    cr_assert_eq(unlink(path), 0);
    b = body_of_file(path, 50000);
    cr_assert_eq(body_read(b, 0, dst, 10), -1);
    body_unref(&b);
    free(path);
    free(content);
    rig_remove(&spool);
    NO_LEAKS();
}

static struct body *written(const char *spool, const char *id, size_t n)
{
    struct body_writer *w = body_writer_new(spool, id, n);
    char *content = pattern(n);

    body_writer_append(w, slice_make(content, n));
    free(content);
    return body_writer_finish(&w);
}

/* A message that was changed on its way in: another file, under the message's name. */
Test(body, renamed)
{
    char *spool = rig_directory(), octet;
    struct body *old = written(spool, "body000000", LIMIT_BODY_IN_ROW + 1);
    struct body *new = written(spool, "other00000", LIMIT_BODY_IN_ROW + 2);
    struct body *small = written(spool, "small00000", 10);

    cr_expect_not(body_rename(new, spool, "body000000"), "the name is another's");
    cr_expect(rig_exists(spool, "other00000"));
    body_unref(&old);
    cr_expect(body_rename(new, spool, "body000000"));
    cr_expect_not(rig_exists(spool, "other00000"));
    cr_expect(rig_exists(spool, "body000000"));
    cr_expect_eq(body_sync_file(new), BODY_SYNCED);
    cr_expect_eq(body_read(new, LIMIT_BODY_IN_ROW + 1, &octet, 1), 1, "opened by its new name");
    body_unref(&new);
    cr_expect_not(rig_exists(spool, "body000000"));
    cr_expect(body_rename(small, spool, "body000000"), "nothing to do");
    body_unref(&small);
    rig_remove(&spool);
}
