#include "mta/run/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPAWN_FDS_MAX = 256, SPAWN_HIGH_FD = 1000 };

/* First out of the way, then to where the role expects them, so that no dup2 hits one still needed. */
static bool place_fds(const int *fds, size_t n)
{
    int high[SPAWN_FDS_MAX];

    for (size_t i = 0; i < n; i++)
        if ((high[i] = fcntl(fds[i], F_DUPFD, SPAWN_HIGH_FD)) < 0)
            return false;
    for (size_t i = 0; i < n; i++)
        if (dup2(high[i], SPAWN_FIRST_FD + (int)i) < 0)
            return false;
    return close_range((unsigned)(SPAWN_FIRST_FD + (int)n), ~0u, 0) == 0;
}

static _Noreturn void become_role(const char *role, const char *config_file, const int *fds,
                                  size_t n, pid_t parent)
{
    char count[32];
    sigset_t none;

    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent || !place_fds(fds, n))
        _exit(70);
    (void)snprintf(count, sizeof(count), "--fds=%zu", n);
    char *const argv[] = {(char[]){"danelaw"}, strdup(role), (char[]){"-c"}, strdup(config_file),
                          count, NULL};
    (void)unsetenv("NOTIFY_SOCKET");
    (void)execv("/proc/self/exe", argv);
    _exit(70);
}

pid_t spawn_role(const char *role, const char *config_file, const int *fds, size_t n_fds)
{
    REQUIRE(n_fds <= SPAWN_FDS_MAX);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become_role(role, config_file, fds, n_fds, parent);
    return pid;
}

bool spawn_pair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0;
}

union fd_control {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

bool spawn_send(int channel, enum channel_kind kind, int fd)
{
    char octet = (char)kind;
    struct iovec io = {&octet, 1};
    union fd_control control = {0};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};

    if (fd >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof(control.space);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
    }
    return sendmsg(channel, &m, MSG_NOSIGNAL) == 1;
}

int spawn_receive(int channel, char *out_kind, int *out_fd)
{
    struct iovec io = {out_kind, 1};
    union fd_control control = {0};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = &control,
                       .msg_controllen = sizeof(control.space)};
    ssize_t n = recvmsg(channel, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? -1 : 0;
    if (n == 0)
        return 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *out_fd = -1;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(out_fd, CMSG_DATA(c), sizeof(int));
    return 1;
}
