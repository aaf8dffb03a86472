/* `danelaw queue …` against a live control socket: exit statuses and what is printed. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"
#include "mta/run/queue_command.h"

static int run(struct desk *d, bool json, int argc, char **argv)
{
    pthread_t t = desk_pump_start(d);
    int exit_status = queue_command(d->r->dir, argc, argv, json);
    fflush(stdout);
    desk_pump_stop(t);
    return exit_status;
}

#define RUN(d, json, ...)                                                                          \
    run((d), (json), (int)ARRAY_LEN(((char *[]){__VA_ARGS__, NULL})) - 1,                          \
        (char *[]){__VA_ARGS__, NULL})

Test(queue_command, exit_statuses)
{
    struct desk *d = desk_new();

    desk_put_messages(d, 3);
    cr_redirect_stderr();
    cr_redirect_stdout();
    cr_expect_eq(RUN(d, false, "list"), 0);
    cr_expect_eq(RUN(d, false, "list", "--json"), 0);
    cr_expect_eq(RUN(d, false, "delete"), 2);
    cr_expect_eq(RUN(d, false, "delete", "--all", "--from", "s9@a.example"), 1);
    cr_expect_eq(RUN(d, false, "delete", "--from", "S1@a.example"), 0);
    cr_expect_eq(rig_messages(d->r, NULL, 0), 2);
    cr_expect_eq(RUN(d, false, "hold", "--older", "1h"), 1);
    cr_expect_eq(RUN(d, false, "hold", "--older", "1 fortnight"), 2);
    cr_expect_eq(RUN(d, false, "hold", "--to-domain", "c.example"), 0);
    cr_expect_eq(RUN(d, false, "show", "AAAAAAAAAAAA"), 1);
    cr_expect_eq(RUN(d, false, "show", "AAAAAAAAAAAA", "BBBBBBBBBBBB"), 2);
    cr_expect_eq(RUN(d, false, "frobnicate"), 2);
    cr_expect_eq(RUN(d, false, "list", "--frobnicate"), 2);
    cr_expect_eq(RUN(d, false, "list", "--help"), 0);
    cr_expect_eq(queue_command("/nonexistent", 1, (char *[]){"list", NULL}, false), 4);
    desk_free(d);
}

Test(queue_command, list_as_text)
{
    struct desk *d = desk_new();
    char p[4000] = "";

    desk_put_messages(d, 1);
    cr_redirect_stderr();
    cr_redirect_stdout();
    cr_expect_eq(RUN(d, false, "list"), 0);
    cr_assert(fgets(p, sizeof(p), cr_get_redirected_stdout()));
    cr_expect(strstr(p, "  <s0@a.example>  2: r@b.example\n"), "%s", p);
    desk_free(d);
}
