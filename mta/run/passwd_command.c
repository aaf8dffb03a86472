#include "mta/run/passwd_command.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "mta/run/passwd_file.h"

enum { EXIT_YES = 0, EXIT_NO = 1, EXIT_USAGE = 2 };

const char passwd_command_help[] =
    "  danelaw passwd [-c FILE] USER            set the password, from the terminal or one line of\n"
    "                                           standard input; never from the command line\n"
    "  danelaw passwd [-c FILE] --delete USER   USER can no longer authenticate\n"
    "  danelaw passwd [-c FILE] --list          the users, with --json one document a line\n\n"
    "  --file PATH   the users file; else it is the users_file of the configuration's listeners\n"
    "  --from LIST   addresses the user may give in MAIL FROM, and @DOMAINs of which any, separated by\n"
    "                commas; \"\" lifts the restriction. Unsaid: it stays as it was\n\n"
    "The line holds a yescrypt hash for PLAIN and LOGIN and a verifier for SCRAM-SHA-256. The\n"
    "file is replaced as a whole, with mode 0600. The relay reads it when it starts and at `danelaw reload`.\n";

struct words {
    const char *file, *user, *from;
    bool delete, list, wrong;
};

static bool take_value(const char *option, int argc, char **argv, int *i, const char **out)
{
    size_t n = strlen(option);

    if (strncmp(argv[*i], option, n) != 0 || (argv[*i][n] != '=' && argv[*i][n] != '\0'))
        return false;
    if (argv[*i][n] == '=')
        *out = argv[*i] + n + 1;
    else if (*i + 1 < argc)
        *out = argv[++*i];
    return *out != NULL;
}

static struct words read_words(int argc, char **argv)
{
    struct words w = {0};

    for (int i = 0; i < argc; i++) {
        if (take_value("--file", argc, argv, &i, &w.file) ||
            take_value("--from", argc, argv, &i, &w.from))
            continue;
        if (strcmp(argv[i], "--delete") == 0)
            w.delete = true;
        else if (strcmp(argv[i], "--list") == 0)
            w.list = true;
        else if (argv[i][0] == '-' || w.user)
            w.wrong = true;
        else
            w.user = argv[i];
    }
    w.wrong |= w.list ? w.user || w.delete || w.from : !w.user || (w.delete && w.from);
    return w;
}

bool passwd_names_file(int argc, char **argv)
{
    return read_words(argc, argv).file != NULL;
}

/* The one users_file of the listeners. */
static const char *file_of(const struct config *c)
{
    const char *file = NULL;

    for (size_t i = 0; i < c->n_listeners; i++) {
        const char *this = c->listeners[i].users_file;
        if (this && file && strcmp(this, file) != 0) {
            fprintf(stderr, "danelaw passwd: the listeners have several users files, name one by "
                            "--file\n");
            return NULL;
        }
        file = this ? this : file;
    }
    if (!file)
        fprintf(stderr, "danelaw passwd: no listener has a users_file, name one by --file\n");
    return file;
}

/* ---- the password ---- */

/* One line without its end; longer ones fail as they are, octets of them are not dropped. */
static bool read_line(char *line, size_t size)
{
    size_t n = 0;
    char c = 0;
    ssize_t got;

    while ((got = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n' && n < size - 1)
        line[n++] = c;
    line[n] = '\0';
    return got >= 0 && (got == 0 || c == '\n') && n > 0 && strlen(line) == n;
}

static bool ask(const char *question, char *line, size_t size)
{
    struct termios before, quiet;

    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    /* In this order: what is typed after the question is not thrown away. */
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) != 0)
        return false;
    fprintf(stderr, "%s", question);
    bool ok = read_line(line, size);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    fputc('\n', stderr);
    return ok;
}

static bool read_password(char *line, size_t size)
{
    char again[LIMIT_AUTH_PASSWORD + 2];

    if (!isatty(STDIN_FILENO))
        return read_line(line, size);
    bool ok = ask("Password: ", line, size) && ask("Once more: ", again, sizeof(again));
    if (ok && strcmp(line, again) != 0) {
        fprintf(stderr, "danelaw passwd: these two differ\n");
        ok = false;
    }
    explicit_bzero(again, sizeof(again));
    return ok;
}

/* "HASH VERIFIER" of what is typed. */
static bool make_credentials(struct buf *out)
{
    char line[LIMIT_AUTH_PASSWORD + 2], prepared[LIMIT_AUTH_PASSWORD + 1];
    bool ok = read_password(line, sizeof(line));

    if (!ok)
        fprintf(stderr, "danelaw passwd: no password was read (one line of at most %d octets)\n",
                LIMIT_AUTH_PASSWORD);
    else if (!(ok = password_prepare(slice_of(line), true, prepared, sizeof(prepared))))
        fprintf(stderr, "danelaw passwd: a password must be UTF-8 that SASLprep (RFC 4013) allows, "
                        "without control characters\n");
    else if (!(ok = password_hash(prepared, out) && buf_append_byte(out, ' ') &&
                    password_verifier(prepared, out)))
        fprintf(stderr, "danelaw passwd: the password cannot be hashed here\n");
    explicit_bzero(line, sizeof(line));
    explicit_bzero(prepared, sizeof(prepared));
    return ok;
}

/* ---- what is asked for ---- */

static void print_user(const struct user *u, bool json)
{
    if (json) {
        json_t *row = json_pack("{s:s, s:b, s:b, s:b}", "user", u->name, "hash", u->hash != NULL,
                                "scram", u->verifier != NULL, "restricted", u->restricted);
        (void)json_dumpf(row, stdout, JSON_COMPACT);
        (void)putchar('\n');
        json_decref(row);
        return;
    }
    printf("%-30s %s%s%s\n", u->name, u->hash ? "password" : "", u->verifier ? " scram" : "",
           u->restricted ? " from" : "");
}

static int list(const char *path, bool json)
{
    struct users *u;
    struct buf errors;
    unsigned mode;

    buf_init(&errors, 64 * 1024);
    bool ok = users_load(path, &errors, &u, &mode);
    fputs(buf_cstr(&errors), stderr);
    buf_free(&errors);
    if (!ok)
        return EXIT_USAGE;
    for (size_t i = 0; i < u->n; i++)
        print_user(&u->v[i], json);
    users_free(&u);
    return EXIT_YES;
}

static int change(const struct config *c, const char *path, const struct words *w)
{
    struct buf credentials, errors;
    int status = EXIT_USAGE;

    buf_init(&credentials, 1024);
    buf_init(&errors, 64 * 1024);
    if (w->delete || make_credentials(&credentials)) {
        enum passwd_result result =
            passwd_write(path, slice_of(w->user), w->delete ? NULL : buf_cstr(&credentials), w->from,
                         c ? c->user : NULL, &errors);
        fputs(buf_cstr(&errors), stderr);
        if (result == PASSWD_NO_SUCH_USER)
            fprintf(stderr, "danelaw passwd: %s: no user \"%s\"\n", path, w->user);
        status = result == PASSWD_DONE ? EXIT_YES : result == PASSWD_NO_SUCH_USER ? EXIT_NO
                                                                                  : EXIT_USAGE;
    }
    buf_free(&credentials);
    buf_free(&errors);
    return status;
}

int passwd_command(const struct config *c, int argc, char **argv, bool json)
{
    struct words w = read_words(argc, argv);
    const char *wanted = w.user ? users_name_problem(slice_of(w.user)) : NULL;
    const char *path = w.file ? w.file : c && !w.wrong ? file_of(c) : NULL;

    if (w.wrong)
        fprintf(stderr, "usage: danelaw passwd [-c FILE | --file PATH] USER | --delete USER | "
                        "--list\n");
    else if (wanted)
        fprintf(stderr, "danelaw passwd: a user's name must be %s\n", wanted);
    if (w.wrong || wanted || !path)
        return EXIT_USAGE;
    return w.list ? list(path, json) : change(c, path, &w);
}
