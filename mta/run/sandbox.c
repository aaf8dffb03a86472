#include "mta/run/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

void sandbox_enter(void)
{
    struct rlimit files;

    (void)umask(077);
    (void)prctl(PR_SET_NAME, "danelaw"); /* after exec of /proc/self/exe it would be "exe" */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static bool is_root(const char *user)
{
    return strcmp(user, "root") == 0;
}

bool sandbox_become(const char *user, struct buf *errors)
{
    if (geteuid() != 0 || is_root(user))
        return true;
    struct passwd *pw = getpwnam(user);
    if (!pw) {
        (void)!buf_printf(errors,
                          "danelaw: user \"%s\" does not exist: create it (useradd --system %s) or "
                          "set `user` in the configuration\n", user, user);
        return false;
    }
    if (initgroups(user, pw->pw_gid) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0 ||
        setuid(0) == 0) {
        (void)!buf_printf(errors, "danelaw: cannot become user \"%s\": %s\n", user,
                          strerror(errno));
        return false;
    }
    return true;
}

bool sandbox_directory(const char *path, const char *user, struct buf *errors)
{
    struct stat st;
    struct passwd *pw = geteuid() == 0 && !is_root(user) ? getpwnam(user) : NULL;

    if (mkdir(path, 0700) == 0) {
        if (!pw || chown(path, pw->pw_uid, pw->pw_gid) == 0)
            return true;
    } else if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        return true;
    }
    (void)!buf_printf(errors, "danelaw: cannot make the directory %s: %s\n", path,
                      strerror(errno == EEXIST ? ENOTDIR : errno));
    return false;
}
