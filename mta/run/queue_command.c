/* `danelaw queue …`: arguments to a control request, rows to text. One table row per sub-command
 * and one per option. Text that came from outside is made harmless before it reaches a terminal. */
#include "mta/run/queue_command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "config/base/buf.h"
#include "config/base/clock.h"
#include "mta/run/control.h"
#include "mta/run/queue_text.h"

enum { USAGE = 2, TEXT_MAX_OCTETS = 256 * 1024 };

const char queue_command_help[] =
    "usage: danelaw queue COMMAND [ID] [filters] [--json]\n"
    "\n"
    "  list      one line per message: id, age, size, queue, sender, recipients, first reason\n"
    "  show      everything about the messages that match\n"
    "  hold      keep messages from being tried\n"
    "  release   end a hold\n"
    "  retry     try again now\n"
    "  delete    remove without a word to the sender (asks for a filter)\n"
    "  bounce    return to the sender (asks for a filter)\n"
    "\n"
    "  --id ID              one message; ID alone means the same\n"
    "  --to ADDRESS         a recipient\n"
    "  --to-domain DOMAIN   a recipient's domain\n"
    "  --from ADDRESS       the sender; \"\" is the null sender\n"
    "  --older TIME         at least this old: 90s, 30m, 2h, 3d, 1w\n"
    "  --all                every message\n"
    "  --json               JSON Lines, members as `postqueue -j`\n"
    "\n"
    "Filters given together must all match.\n"
    "exit status: 0 done, 1 nothing matched, 2 usage, 3 the queue failed, 4 no daemon\n";

static const struct sub_command {
    const char *name, *request;
    void (*print)(const json_t *row);
} sub_commands[] = {
    {"list",    "queue-list",    queue_text_line},
    {"show",    "queue-show",    queue_text_full},
    {"hold",    "queue-hold",    NULL           },
    {"release", "queue-release", NULL           },
    {"retry",   "queue-retry",   NULL           },
    {"delete",  "queue-delete",  NULL           },
    {"bounce",  "queue-bounce",  NULL           },
};

static const struct sub_command *find_sub_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(sub_commands); i++)
        if (strcmp(name, sub_commands[i].name) == 0)
            return &sub_commands[i];
    return NULL;
}

/* Options */

static bool set_text(json_t *request, const char *member, const char *value)
{
    json_t *text = json_string(value);
    return text && json_object_set_new(request, member, text) == 0;
}

/* "2h": a number and a unit. */
static bool parse_age(const char *text, int64_t *out_ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {
        {'s', 1000     },
        {'m', 60000    },
        {'h', 3600000  },
        {'d', 86400000 },
        {'w', 604800000}
    };
    struct slice s = slice_of(text);
    uint64_t n;

    if (s.n < 2 || !slice_to_u64(slice_head(s, s.n - 1), 1000000, &n) || n == 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (units[i].unit != s.p[s.n - 1])
            continue;
        *out_ms = (int64_t)n * units[i].ms;
        return true;
    }
    return false;
}

static bool set_age(json_t *request, const char *member, const char *value)
{
    int64_t ms;
    return parse_age(value, &ms) && json_object_set_new(request, member, json_integer(ms)) == 0;
}

static bool set_true(json_t *request, const char *member, const char *value)
{
    return json_object_set_new(request, member, json_true()) == 0;
}

enum { OPT_FIRST_FILTER = 0, OPT_FILTERS = 6, OPT_JSON = OPT_FILTERS, OPT_HELP };

static const struct {
    const char *member;
    bool (*set)(json_t *request, const char *member, const char *value);
} filters[OPT_FILTERS] = {
    {"id",        set_text},
    {"to",        set_text},
    {"to_domain", set_text},
    {"from",      set_text},
    {"older_ms",  set_age },
    {"all",       set_true},
};

/* In the order of the table above. */
static const struct option long_options[] = {
    {"id",        required_argument, NULL, 0},
    {"to",        required_argument, NULL, 0},
    {"to-domain", required_argument, NULL, 0},
    {"from",      required_argument, NULL, 0},
    {"older",     required_argument, NULL, 0},
    {"all",       no_argument,       NULL, 0},
    {"json",      no_argument,       NULL, 0},
    {"help",      no_argument,       NULL, 0},
    {NULL,        0,                 NULL, 0},
};

struct arguments {
    const struct sub_command *sub;
    json_t *request;
    bool json, help;
};

static bool take_option(struct arguments *a, int index)
{
    if (index == OPT_JSON) {
        a->json = true;
        return true;
    }
    if (index == OPT_HELP) {
        a->help = true;
        return true;
    }
    if (filters[index].set(a->request, filters[index].member, optarg))
        return true;
    fprintf(stderr, "danelaw queue: --%s: bad value \"%s\"\n", long_options[index].name, optarg);
    return false;
}

/* An argument without an option is an id. */
static bool take_operands(struct arguments *a, int argc, char **argv)
{
    if (optind == argc)
        return true;
    if (optind + 1 == argc && !json_object_get(a->request, "id") &&
        set_text(a->request, "id", argv[optind]))
        return true;
    fprintf(stderr, "danelaw queue: one ID at most\n");
    return false;
}

static bool parse_arguments(struct arguments *a, int argc, char **argv)
{
    int index = 0, c;

    optind = 0; /* glibc: from the beginning, the caller has used getopt already */
    while ((c = getopt_long(argc, argv, "h", long_options, &index)) != -1) {
        if (c == '?' || (c == 0 && !take_option(a, index)))
            return false;
        a->help |= c == 'h';
    }
    return take_operands(a, argc, argv);
}

/* The call */

static void on_row(json_t *row, void *arg)
{
    const struct arguments *a = arg;

    if (!a->json && a->sub->print) {
        a->sub->print(row);
        return;
    }
    json_dumpf(row, stdout, JSON_COMPACT);
    putchar('\n');
}

/* What was done goes to stdout, everything else is talk. */
static void print_end(const struct arguments *a, int exit_status, struct buf *text)
{
    FILE *out = exit_status == 0 && !a->sub->print ? stdout : stderr;

    if (text->n == 0 || (a->json && a->sub->print && exit_status == 0))
        return;
    if (a->json && out == stdout) {
        json_t *result = json_pack("{s:s}", "result", buf_cstr(text));
        (void)json_dumpf(result, out, JSON_COMPACT);
        json_decref(result);
    } else {
        queue_text_safe(out, buf_cstr(text));
    }
    fputc('\n', out);
}

static int call(const char *runtime_directory, struct arguments *a)
{
    struct buf text;
    int exit_status;

    if (!set_text(a->request, "command", a->sub->request))
        return USAGE;
    buf_init(&text, TEXT_MAX_OCTETS);
    exit_status = control_call(runtime_directory, a->request, on_row, a, &text);
    print_end(a, exit_status, &text);
    buf_free(&text);
    return exit_status;
}

int queue_command(const char *runtime_directory, int argc, char **argv, bool json)
{
    struct arguments a = {.sub = argc > 0 ? find_sub_command(argv[0]) : NULL, .json = json};
    int exit_status = USAGE;

    if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        fputs(queue_command_help, stdout);
        return 0;
    }
    if (!a.sub) {
        fputs(queue_command_help, stderr);
        return USAGE;
    }
    a.request = json_object();
    if (parse_arguments(&a, argc, argv) && !a.help)
        exit_status = call(runtime_directory, &a);
    else if (a.help)
        exit_status = fputs(queue_command_help, stdout) < 0;
    json_decref(a.request);
    return exit_status;
}
