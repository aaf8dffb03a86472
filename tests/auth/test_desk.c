/* The throttle's table of waiting times, and the desk: every request comes home once, whatever happens. */
#include <string.h>

#include "config/base/clock.h"
#include "leaks.h"
#include "mta/auth/desk.h"
#include "mta/auth/throttle.h"

static struct ip ip_of(const char *text)
{
    struct ip ip;
    cr_assert(ip_parse(slice_of(text), &ip));
    return ip;
}

Test(throttle, waits_grow_and_fade)
{
    static const int64_t spaces[] = {0, 0, 1000, 2000, 4000, 8000, 16000, 16000, 16000};
    struct throttle *t = throttle_new();
    struct ip a = ip_of("192.0.2.1"), b = ip_of("192.0.2.2");
    int64_t now = 5000;

    cr_assert_eq(throttle_wait(t, &a, now), 0);
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
        throttle_failed(t, &a, now);
        cr_assert_eq(throttle_wait(t, &a, now), spaces[i], "failure %zu", i + 1);
        now += spaces[i] * 2; /* its place and the one behind it are over */
        cr_assert_eq(throttle_wait(t, &b, now), 0);
    }
    now += 60000 * 30;
    cr_assert_eq(throttle_wait(t, &a, now), 0);
    cr_assert_eq(throttle_wait(t, &a, now), 0);
    throttle_free(&t);
    CHECK_LEAKS();
}

Test(throttle, attempts_at_once_stand_in_a_row)
{
    struct throttle *t = throttle_new();
    struct ip a = ip_of("2001:db8:1:2::1"), neighbour = ip_of("2001:db8:1:2:ffff::9"),
              other = ip_of("2001:db8:1:3::1");
    int64_t now = 1000;

    for (int i = 0; i < 5; i++)
        throttle_failed(t, &a, now);
    for (int64_t i = 1; i * 4000 <= LIMIT_AUTH_WAIT_MS; i++)
        cr_assert_eq(throttle_wait(t, &neighbour, now), i * 4000);
    cr_assert_eq(throttle_wait(t, &a, now), -1);
    cr_assert_eq(throttle_wait(t, &other, now), 0);
    throttle_free(&t);
    CHECK_LEAKS();
}

Test(throttle, its_memory_is_bounded)
{
    struct throttle *t = throttle_new();
    struct ip ip = ip_of("10.0.0.0"), first = ip;

    for (unsigned i = 0; i < LIMIT_AUTH_CLIENTS + 500; i++) {
        ip.a[1] = (uint8_t)(i >> 16);
        ip.a[2] = (uint8_t)(i >> 8);
        ip.a[3] = (uint8_t)i;
        for (int k = 0; k < 4; k++)
            throttle_failed(t, &ip, 1000);
    }
    cr_assert_eq(throttle_clients(t), LIMIT_AUTH_CLIENTS);
    cr_assert_eq(throttle_wait(t, &first, 1000), 0); /* the longest quiet is forgotten */
    cr_assert_gt(throttle_wait(t, &ip, 1000), 0);
    throttle_free(&t);
    CHECK_LEAKS();
}

/* ---- the desk ---- */

struct visit {
    struct auth_request request;
    struct auth_exchange *x;
    int home;
};

struct office {
    struct loop *loop, *worker;
    struct auth_desk *desk;
    struct users *users;
};

static void on_done(struct auth_request *r)
{
    CONTAINER_OF(r, struct visit, request)->home++;
}

static void open_office(struct office *o)
{
    struct buf errors;

    clock_fake_start(1000000);
    o->loop = loop_new("auth");
    o->worker = loop_new("worker");
    o->desk = auth_desk_new(o->loop);
    buf_init(&errors, 1000);
    /* "sesame" */
    cr_assert(users_parse(SLICE("anna SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$"
                                "hn4FUIkYt7Fy4b6A2QilBRpntUViQLMX9F3hmowbDlg=:"
                                "VN7TGXR2mKZKoVdTp1SdRWBKnlXaYulCWS/O1xCfZeI=\n"),
                          "users", &errors, &o->users), "%s", buf_cstr(&errors));
    buf_free(&errors);
}

static void leave_office(struct office *o)
{
    auth_desk_close(o->desk);
    while (loop_pump(o->worker))
        ;
}

static void close_office(struct office *o)
{
    auth_desk_free(&o->desk);
    loop_free(&o->loop);
    loop_free(&o->worker);
    users_free(&o->users);
    clock_fake_stop();
}

static void enter(struct office *o, struct visit *v, const char *password, const char *client)
{
    char message[64] = "\0anna";
    size_t n = 6 + strlen(password);

    (void)slice_copy(slice_of(password), message + 6, sizeof(message) - 6);
    struct slice first = slice_make(message, n);
    v->x = auth_exchange_new(auth_desk_engine(o->desk), o->users, SLICE("PLAIN"), NULL);
    cr_assert_eq(auth_begin(v->x, &first), AUTH_JUDGE);
    v->request = (struct auth_request){.home = o->worker, .done = on_done, .exchange = v->x,
                                       .client = ip_of(client)};
    auth_desk_submit(o->desk, &v->request);
}

static void pump(struct office *o)
{
    bool moved = true;
    while (moved) {
        moved = loop_pump(o->loop);
        moved |= loop_pump(o->worker);
    }
}

static void check_home(struct visit *v, enum auth_outcome want)
{
    cr_assert_eq(v->home, 1);
    cr_assert_eq(v->request.outcome, want);
    auth_exchange_free(&v->x);
    v->home = 0;
}

Test(desk, right_and_wrong_and_then_slowly)
{
    struct office o;
    struct visit v = {0};

    open_office(&o);
    for (int i = 0; i < 3; i++) {
        enter(&o, &v, "open", "192.0.2.1");
        pump(&o);
        check_home(&v, AUTH_WRONG);
    }
    enter(&o, &v, "sesame", "192.0.2.1");
    pump(&o);
    cr_assert_eq(v.home, 0); /* right, and waits all the same */
    clock_fake_advance(999);
    pump(&o);
    cr_assert_eq(v.home, 0);
    clock_fake_advance(1);
    pump(&o);
    check_home(&v, AUTH_MATCHED);
    enter(&o, &v, "sesame", "192.0.2.2");
    pump(&o);
    check_home(&v, AUTH_MATCHED);
    close_office(&o);
    CHECK_LEAKS();
}

Test(desk, only_so_many_wait)
{
    struct office o;
    struct visit *v = base_alloc_array(LIMIT_AUTH_IN_FLIGHT + 3, sizeof(*v));
    size_t busy = 0;

    open_office(&o);
    for (size_t i = 0; i < LIMIT_AUTH_IN_FLIGHT + 3; i++)
        enter(&o, &v[i], "sesame", "192.0.2.1");
    pump(&o);
    for (size_t i = 0; i < LIMIT_AUTH_IN_FLIGHT + 3; i++) {
        busy += v[i].request.outcome == AUTH_BUSY;
        check_home(&v[i], i < LIMIT_AUTH_IN_FLIGHT ? AUTH_MATCHED : AUTH_BUSY);
    }
    cr_assert_eq(busy, 3);
    close_office(&o);
    free(v);
    CHECK_LEAKS();
}

Test(desk, who_waits_when_it_closes_comes_home)
{
    struct office o;
    struct visit v = {0}, late = {0};

    open_office(&o);
    for (int i = 0; i < 3; i++) {
        enter(&o, &v, "open", "192.0.2.1");
        pump(&o);
        check_home(&v, AUTH_WRONG);
    }
    enter(&o, &late, "sesame", "192.0.2.1");
    pump(&o);
    cr_assert_eq(late.home, 0);
    leave_office(&o);
    check_home(&late, AUTH_BUSY);
    close_office(&o);
    CHECK_LEAKS();
}
