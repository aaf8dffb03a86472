/* danelaw COMMAND [-c FILE] …: one table of commands, from which --help is made. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/base/limits.h"
#include "config/config.h"
#include "dns/process.h"
#include "mta/auth/users.h"
#include "mta/run/check/check.h"
#include "mta/run/control.h"
#include "mta/run/lists.h"
#include "mta/run/passwd_command.h"
#include "mta/run/policy_command.h"
#include "mta/run/queue_command.h"
#include "mta/run/roles.h"
#include "mta/run/sandbox.h"
#include "mta/run/spawn.h"
#include "tls/keys.h"

enum { EXIT_YES = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_UNKNOWN = 3, EXIT_UNREACHABLE = 4 };

#define DEFAULT_FILE "/etc/danelaw/danelaw.yaml"

struct arguments {
    const char *file;
    bool json;
    size_t n_fds;
    int argc; /* what is left after the options */
    char **argv;
};

struct command {
    const char *name, *synopsis, *help, *detail;
    int (*run)(const struct arguments *a);
    bool hidden, own_options; /* own_options: what follows the first word is the command's to parse */
};

static bool load(const char *file, struct config **out_config)
{
    struct buf errors;
    buf_init(&errors, 256 * 1024);
    bool ok = config_load(file, &errors, out_config);
    fputs(buf_cstr(&errors), stderr);
    buf_free(&errors);
    return ok;
}

static int run_serve(const struct arguments *a)
{
    struct config *c;

    if (!load(a->file, &c))
        return EXIT_USAGE;
    sandbox_enter();
    log_setup(c->log_format, c->log_level);
    int status = supervisor_run(c);
    config_unref(&c);
    return status;
}

static bool load_role(const struct arguments *a, struct config **out_config)
{
    sandbox_enter();
    if (!load(a->file, out_config))
        return false;
    log_setup((*out_config)->log_format, (*out_config)->log_level);
    return true;
}

static int run_mta(const struct arguments *a)
{
    struct config *c;
    return load_role(a, &c) ? mta_run(c, a->n_fds) : EXIT_USAGE;
}

static int run_dns(const struct arguments *a)
{
    struct config *c;

    if (!load_role(a, &c))
        return EXIT_USAGE;
    int status = dns_process_run(c, SPAWN_FIRST_FD);
    config_unref(&c);
    return status;
}

/* The dns process of `danelaw check`, whose findings are in the answer. */
static int run_check_dns(const struct arguments *a)
{
    struct config *c;

    if (!load_role(a, &c))
        return EXIT_USAGE;
    log_setup(c->log_format, LOG_CRITICAL);
    int status = dns_process_run(c, SPAWN_FIRST_FD);
    config_unref(&c);
    return status;
}

static int run_status_role(const struct arguments *a)
{
    struct config *c;

    if (!load_role(a, &c))
        return EXIT_USAGE;
    int status = status_run(a->n_fds);
    config_unref(&c);
    return status;
}

/* As any user: a key that only the daemon may read is named, not held against the configuration. */
static bool is_beyond_this_user(const struct identity_config *id)
{
    for (size_t i = 0; i < id->n_key_files && geteuid() != 0; i++) {
        const char *file = id->key_files[i].path;
        if (access(file, F_OK) != 0 || access(file, R_OK) == 0)
            continue;
        fprintf(stderr, "note: identity \"%s\": %s is not readable by this user, not checked\n",
                id->name, file);
        return true;
    }
    return false;
}

static bool check_identity(const struct identity_config *id, struct buf *errors)
{
    struct buf warnings;

    if (is_beyond_this_user(id))
        return true;
    buf_init(&warnings, 64 * 1024);
    struct tls_identity *identity = tls_identity_new(id, errors, &warnings);
    bool ok = identity != NULL;
    fputs(buf_cstr(&warnings), stderr);
    buf_free(&warnings);
    tls_identity_free(&identity);
    return ok;
}

/* As any user, like a key. */
static bool check_users(const struct listener_config *l, struct buf *errors)
{
    struct users *users = NULL;
    unsigned mode = 0;

    if (l->auth == LISTENER_AUTH_NONE)
        return true;
    if (access(l->users_file, F_OK) == 0 && access(l->users_file, R_OK) != 0) {
        fprintf(stderr, "note: listener \"%s\": %s is not readable by this user, not checked\n",
                l->name, l->users_file);
        return true;
    }
    bool ok = users_load(l->users_file, errors, &users, &mode);
    if (ok && (mode & 077))
        fprintf(stderr, "note: listener \"%s\": others than its owner may read %s: chmod 600\n",
                l->name, l->users_file);
    users_free(&users);
    return ok;
}

/* Files of recipients that only the daemon may read. */
static bool are_lists_readable(const struct config *c)
{
    for (size_t i = 0; i < c->n_domains; i++) {
        const char *file = c->domains[i].recipients_file;
        if (!file || access(file, F_OK) != 0 || access(file, R_OK) == 0)
            continue;
        fprintf(stderr, "note: domain \"%s\": %s is not readable by this user, recipients are not checked\n",
                c->domains[i].pattern, file);
        return false;
    }
    return true;
}

static int run_check_config(const struct arguments *a)
{
    struct config *c;
    struct buf errors;

    if (!load(a->file, &c))
        return EXIT_USAGE;
    buf_init(&errors, 64 * 1024);
    bool ok = dns_trust_anchor_check(c, &errors);
    for (size_t i = 0; i < c->n_identities; i++)
        ok &= check_identity(&c->identities[i], &errors);
    for (size_t i = 0; i < c->n_listeners; i++)
        ok &= check_users(&c->listeners[i], &errors);
    if (are_lists_readable(c))
        ok &= lists_check(c, &errors);
    fputs(buf_cstr(&errors), stderr);
    if (ok)
        printf("%s: configuration is sound: %zu listeners, %zu domains, %zu routes, %zu policies\n",
               c->file, c->n_listeners, c->n_domains, c->n_routes, c->n_policies);
    buf_free(&errors);
    config_unref(&c);
    return ok ? EXIT_YES : EXIT_USAGE;
}

static int run_check(const struct arguments *a)
{
    struct config *c;

    if (!load(a->file, &c))
        return EXIT_USAGE;
    sandbox_enter();
    log_setup(c->log_format, LOG_CRITICAL); /* the answer is on standard output */
    return check_command(c, a->argc, a->argv, a->json);
}

static int run_queue(const struct arguments *a)
{
    struct config *c;

    if (!load(a->file, &c))
        return EXIT_USAGE;
    int status = queue_command(c->runtime_directory, a->argc, a->argv, a->json);
    config_unref(&c);
    return status;
}

static int run_policy(const struct arguments *a)
{
    struct config *c;

    if (!load(a->file, &c))
        return EXIT_USAGE;
    int status = policy_command(c, a->argc, a->argv, a->json);
    config_unref(&c);
    return status;
}

static int run_passwd(const struct arguments *a)
{
    struct config *c = NULL;

    if (!passwd_names_file(a->argc, a->argv) && !load(a->file, &c))
        return EXIT_USAGE;
    int status = passwd_command(c, a->argc, a->argv, a->json);
    config_unref(&c);
    return status;
}

static void print_status(json_t *row, void *arg)
{
    const bool *as_json = arg;
    const char *key;
    json_t *value;

    if (*as_json) {
        (void)json_dumpf(row, stdout, JSON_COMPACT);
        (void)putchar('\n');
        return;
    }
    json_object_foreach(row, key, value) {
        if (json_is_object(value))
            print_status(value, arg);
        else if (json_is_string(value))
            printf("%-28s %s\n", key, json_string_value(value));
        else
            printf("%-28s %lld\n", key, (long long)json_integer_value(value));
    }
}

static int simple_call(const struct arguments *a, const char *command)
{
    struct config *c;
    struct buf text;
    bool json = a->json;

    if (a->argc != 0) {
        fprintf(stderr, "danelaw %s: takes no argument \"%s\"\n", command, a->argv[0]);
        return EXIT_USAGE;
    }
    if (!load(a->file, &c))
        return EXIT_USAGE;
    buf_init(&text, LIMIT_CONTROL_FRAME);
    json_t *request = json_pack("{s:s}", "command", command);
    int status = control_call(c->runtime_directory, request, print_status, &json, &text);
    json_decref(request);
    if (text.n)
        fprintf(stderr, "%s\n", buf_cstr(&text));
    buf_free(&text);
    config_unref(&c);
    return status;
}

static int run_reload(const struct arguments *a)
{
    return simple_call(a, "reload");
}

static int run_stop(const struct arguments *a)
{
    return simple_call(a, "stop");
}

static int run_status(const struct arguments *a)
{
    return simple_call(a, "status");
}

static const struct command commands[] = {
    {"serve", "", "run the relay in the foreground",
     "Binds the listeners, becomes `user`, and runs until SIGTERM, SIGINT or `danelaw stop`.\n"
     "Ready when the event daemon.ready is logged and, under a service manager, by sd_notify.\n"
     "SIGHUP reads the configuration again.\n", run_serve, false, false},
    {"check-config", "", "parse and cross-check the configuration",
     "As any user, without sockets. Every mistake is reported with file, line and column.\n",
     run_check_config, false, false},
    {"check", "DOMAIN…|-", "say why a destination gets its mail, or does not", check_command_help,
     run_check, false, true},
    {"policy", "explain ADDRESS", "say which rule, route and level apply to an address",
     policy_command_help, run_policy, false, false},
    {"queue", "list|show|hold|release|retry|delete|bounce …", "look at the queue and act on it",
     queue_command_help, run_queue, false, true},
    {"passwd", "USER | --delete USER | --list", "set a user's password",
     passwd_command_help, run_passwd, false, true},
    {"status", "", "what the running relay says of itself", "Counters, resolver, queue.\n",
     run_status, false, false},
    {"reload", "", "read the configuration again",
     "If it is wrong the old one stays in force, and the mistakes are printed.\n", run_reload, false,
     false},
    {"stop", "", "stop the running relay", "Sessions finish or get 421; the queue is kept.\n",
     run_stop, false, false},
    {"run-mta", "", "", "", run_mta, true, false},
    {"run-dns", "", "", "", run_dns, true, false},
    {"check-dns", "", "", "", run_check_dns, true, false},
    {"run-status", "", "", "", run_status_role, true, false},
};

static void usage(FILE *out)
{
    fputs("Danelaw, an SMTP relay in which DANE is the law.\n\n"
          "usage: danelaw COMMAND [-c FILE] [--json] …\n\n", out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (!commands[i].hidden)
            fprintf(out, "  %-14s %s\n", commands[i].name, commands[i].help);
    fputs("\n  -c, --config FILE   the configuration; default " DEFAULT_FILE "\n"
          "  --json              results for machines, one JSON document a line\n"
          "  --help              after a command: more about it\n"
          "  --version\n\n"
          "Exit status: 0 yes or done, 1 the answer is no, 2 usage or configuration,\n"
          "3 undetermined (DNS or network), 4 the daemon cannot be reached.\n", out);
}

static void help_for(const struct command *c)
{
    printf("usage: danelaw %s %s%s[-c FILE] [--json]\n\n%s: %s.\n\n%s", c->name, c->synopsis,
           *c->synopsis ? " " : "", c->name, c->help, c->detail);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* -c and --json may stand anywhere; a command with options of its own gets the others untouched. */
static bool take_common(struct arguments *a, int argc, char **argv, bool *out_help, bool own)
{
    a->argv = base_alloc_array((size_t)argc + 1, sizeof(*a->argv));
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--json") == 0) {
            a->json = true;
        } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            *out_help = true;
        } else if (strcmp(arg, "-c") == 0 || strcmp(arg, "--config") == 0) {
            if (++i == argc) {
                fprintf(stderr, "danelaw: %s needs a file\n", arg);
                return false;
            }
            a->file = argv[i];
        } else if (strncmp(arg, "--fds=", 6) == 0) {
            uint64_t n;
            if (!slice_to_u64(slice_of(arg + 6), 256, &n))
                return false;
            a->n_fds = n;
        } else if (arg[0] == '-' && !own) {
            fprintf(stderr, "danelaw: unknown option \"%s\"\n", arg);
            return false;
        } else {
            a->argv[a->argc++] = argv[i];
        }
    }
    return true;
}

/* A descriptor below 3 that the caller closed would be given to the next socket or database, and what
 * is printed or logged would go there. In its place stands one that fails. */
static void fill_standard_descriptors(void)
{
    static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};

    for (int fd = 0; fd < (int)ARRAY_LEN(modes); fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", modes[fd]);
}

/* An answer that nobody could read is none. */
static int status_when_printed(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (errno != EPIPE)
        fprintf(stderr, "danelaw: standard output cannot be written%s%s\n", errno ? ": " : "",
                errno ? strerror(errno) : "");
    return status == EXIT_YES ? EXIT_UNKNOWN : status;
}

int main(int argc, char **argv)
{
    struct arguments a = {.file = DEFAULT_FILE};
    bool help = false;

    fill_standard_descriptors();
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("danelaw " DANELAW_VERSION);
        return EXIT_YES;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return EXIT_YES;
    }
    const struct command *c = find_command(argv[1]);
    if (!c) {
        fprintf(stderr, "danelaw: unknown command \"%s\"\n\n", argv[1]);
        usage(stderr);
        return EXIT_USAGE;
    }
    if (!take_common(&a, argc - 2, argv + 2, &help, c->own_options))
        return EXIT_USAGE;
    if (help) {
        help_for(c);
        free(a.argv);
        return EXIT_YES;
    }
    int status = status_when_printed(c->run(&a));
    free(a.argv);
    return status;
}
