/* Every answer of a filter in its right form, and in all wrong ones. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "mta/milter/reply.h"

#define D(text) {text, sizeof(text) - 1}

/* Two texts joined with '|'; "-": refused. */
static const struct row {
    const char *name;
    char kind;
    struct slice data;
    const char *want;
} rows[] = {
    {"continue", 'c', D(""), "c"},
    {"accept", 'a', D(""), "a"},
    {"reject", 'r', D(""), "r"},
    {"tempfail", 't', D(""), "t"},
    {"discard", 'd', D(""), "d"},
    {"progress", 'p', D(""), "p"},
    {"skip", 's', D(""), "s"},
    {"shutdown", '4', D(""), "4"},
    {"connection failure", 'f', D(""), "f"},
    {"data where none belongs", 'c', D("x"), "-"},
    {"a NUL where nothing belongs", 'a', D("\0"), "-"},
    {"unknown", 'Z', D(""), "-"},
    {"unknown NUL", '\0', D(""), "-"},
    {"a command of ours", 'E', D(""), "-"},
    {"options at the wrong time", 'O', D("\0\0\0\6\0\0\0\0\0\0\0\0"), "-"},
    {"macro list at the wrong time", 'l', D("\0\0\0\0i\0"), "-"},

    {"add rcpt", '+', D("<a@b>\0"), "+ text=<a@b>"},
    {"add rcpt without its end", '+', D("<a@b>"), "-"},
    {"add rcpt and more", '+', D("<a@b>\0x\0"), "-"},
    {"add rcpt of nothing", '+', D(""), "-"},
    {"delete rcpt", '-', D("<a@b>\0"), "- text=<a@b>"},
    {"add rcpt with", '2', D("<a@b>\0NOTIFY=NEVER\0"), "2 text=<a@b> extra=NOTIFY=NEVER"},
    {"add rcpt with nothing", '2', D("<a@b>\0"), "2 text=<a@b>"},
    {"add rcpt with too much", '2', D("<a@b>\0x\0y\0"), "-"},
    {"add rcpt with an open end", '2', D("<a@b>\0x"), "-"},
    {"change sender", 'e', D("<>\0"), "e text=<>"},
    {"change sender with", 'e', D("<a@b>\0SIZE=1\0"), "e text=<a@b> extra=SIZE=1"},
    {"quarantine", 'q', D("spam\0"), "q text=spam"},
    {"replace body", 'b', D("a\r\n"), "b text=a\r\n"},
    {"replace body by nothing", 'b', D(""), "b"},

    {"add header", 'h', D("X-A\0v\0"), "h name=X-A text=v"},
    {"add header without value", 'h', D("X-A\0\0"), "h name=X-A"},
    {"add header without its second string", 'h', D("X-A\0"), "-"},
    {"add header with an open end", 'h', D("X-A\0v"), "-"},
    {"add header and more", 'h', D("X-A\0v\0w\0"), "-"},
    {"insert header", 'i', D("\0\0\0\1X\0v\0"), "i index=1 name=X text=v"},
    {"insert header, largest", 'i', D("\377\377\377\377X\0v\0"), "i index=4294967295 name=X text=v"},
    {"insert header without index", 'i', D("\0\0\0"), "-"},
    {"change header", 'm', D("\0\0\0\2X\0v\0"), "m index=2 name=X text=v"},
    {"delete header", 'm', D("\0\0\0\1X\0\0"), "m index=1 name=X"},

    {"reply", 'y', D("550 5.7.1 no\0"), "y 550 5.7.1 words=no"},
    {"reply without enhanced code", 'y', D("451 try later\0"), "y 451 0.0.0 words=try later"},
    {"enhanced code of another class", 'y', D("550 4.7.1 no\0"), "y 550 0.0.0 words=4.7.1 no"},
    {"no enhanced code", 'y', D("550 5.7 no\0"), "y 550 0.0.0 words=5.7 no"},
    {"code alone", 'y', D("550 \0"), "y 550 0.0.0"},
    {"enhanced code alone", 'y', D("550 5.7.1\0"), "y 550 5.7.1"},
    {"percent signs", 'y', D("550 100%% of %s %%%%\0"), "y 550 0.0.0 words=100% of %s %%"},
    {"two lines", 'y', D("550-5.7.1 no\r\n550 5.7.1 never\0"), "y 550 5.7.1 words=no never"},
    {"closing", 'y', D("421 4.7.0 go\0"), "y 421 4.7.0 words=go"},
    {"8 bits", 'y', D("550 n\303\266\0"), "y 550 0.0.0 words=n\303\266"},
    {"250", 'y', D("250 2.0.0 Ok\0"), "-"},
    {"354", 'y', D("354 go on\0"), "-"},
    {"599", 'y', D("599 x\0"), "-"},
    {"650", 'y', D("650 x\0"), "-"},
    {"four digits", 'y', D("5501 x\0"), "-"},
    {"no digits", 'y', D("no\0"), "-"},
    {"nothing", 'y', D("\0"), "-"},
    {"code without a blank", 'y', D("550\0"), "-"},
    {"code that never ends", 'y', D("550-x\0"), "-"},
    {"another reply behind it", 'y', D("550 no\r\n250 Ok\0"), "-"},
    {"another code in the second line", 'y', D("550-no\r\n250 Ok\0"), "-"},
    {"CRLF at the end", 'y', D("550 no\r\n\0"), "-"},
    {"bare CR", 'y', D("550 n\ro\0"), "-"},
    {"bare LF", 'y', D("550 no\n250 Ok\0"), "-"},
    {"escape sequence", 'y', D("550 \033[2J\0"), "-"},
    {"NUL inside", 'y', D("550 a\0b\0"), "-"},
    {"without its end", 'y', D("550 no"), "-"},
};

static void describe(const struct milter_reply *r, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "%c", r->kind);

    if (r->code)
        n += (size_t)snprintf(out + n, size - n, " %u %u.%u.%u", r->code, r->esc.cls,
                              r->esc.subject, r->esc.detail);
    if (r->index)
        n += (size_t)snprintf(out + n, size - n, " index=%u", r->index);
    if (r->name.n)
        n += (size_t)snprintf(out + n, size - n, " name=%.*s", (int)r->name.n, r->name.p);
    if (r->text.n)
        n += (size_t)snprintf(out + n, size - n, " text=%.*s", (int)r->text.n, r->text.p);
    if (r->extra.n)
        n += (size_t)snprintf(out + n, size - n, " extra=%.*s", (int)r->extra.n, r->extra.p);
    if (r->words[0])
        (void)snprintf(out + n, size - n, " words=%s", r->words);
}

Test(reply, table)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        /* A copy of its own length, so that reading past it is seen. */
        char *copy = slice_dup(rows[i].data), got[600] = "-";
        struct milter_packet p = {rows[i].kind, {copy, rows[i].data.n}, 0};
        struct milter_reply r;
        if (milter_reply_parse(&p, &r))
            describe(&r, got, sizeof(got));
        cr_expect_str_eq(got, rows[i].want, "%s: %s", rows[i].name, got);
        free(copy);
    }
}

Test(reply, long_words_are_cut)
{
    char text[3000];
    struct milter_packet p = {'y', {text, sizeof(text)}, 0};
    struct milter_reply r;

    memset(text, 'x', sizeof(text));
    memcpy(text, "550 ", 4);
    text[sizeof(text) - 1] = '\0';
    cr_assert(milter_reply_parse(&p, &r));
    cr_expect_eq(strlen(r.words), STATUS_TEXT_MAX - 1);
}

/* What is done to one row at every length never reads beyond it. */
Test(reply, every_row_cut_anywhere)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t n = 0; n < rows[i].data.n; n++) {
            char *copy = slice_dup(slice_head(rows[i].data, n));
            struct milter_packet p = {rows[i].kind, {copy, n}, 0};
            struct milter_reply r;
            (void)!milter_reply_parse(&p, &r);
            free(copy);
        }
    }
}

Test(reply, options)
{
    static const struct {
        struct slice data;
        char kind;
        bool ok;
    } options[] = {
        {D("\0\0\0\6\0\0\0\1\0\0\0\177"), 'O', true},
        {D("\0\0\0\2\0\0\0\0\0\0\0\0"), 'O', true},
        {D("\0\0\0\6\0\0\0\377\0\037\367\377"), 'O', true},
        {D("\0\0\0\7\0\0\0\0\0\0\0\0"), 'O', false},
        {D("\0\0\0\1\0\0\0\0\0\0\0\0"), 'O', false},
        {D("\0\0\0\6\0\0\1\0\0\0\0\0"), 'O', false},
        {D("\0\0\0\6\0\0\0\0\0\0\10\0"), 'O', false},
        {D("\0\0\0\6\0\0\0\0\020\0\0\0"), 'O', false},
        {D("\0\0\0\6\0\0\0\0\0\0\0"), 'O', false},
        {D("\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0\1i\0"), 'O', false},
        {D(""), 'O', false},
        {D(""), 'c', false},
    };

    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        struct milter_packet p = {options[i].kind, options[i].data, 0};
        struct milter_options o;
        cr_expect_eq(milter_options_parse(&p, &o) == NULL, options[i].ok, "row %zu", i);
    }
}

/* Which answers fit which command. Columns: CONNECT HELO MAIL RCPT DATA HEADER EOH BODY END */
Test(reply, fits)
{
    static const char commands[] = "CHMRTLNBE";
    static const struct {
        char answer;
        const char *fits;
    } table[] = {
        {'c', "yyyyyyyyy"}, {'a', "yyyyyyyyy"}, {'r', "yyyyyyyyy"}, {'t', "yyyyyyyyy"},
        {'y', "yyyyyyyyy"}, {'4', "yyyyyyyyy"}, {'p', "yyyyyyyyy"}, {'f', "y--------"},
        {'d', "--yyyyyyy"}, {'s', "-----y-y-"}, {'+', "--------y"}, {'-', "--------y"},
        {'2', "--------y"}, {'b', "--------y"}, {'e', "--------y"}, {'h', "--------y"},
        {'i', "--------y"}, {'m', "--------y"}, {'q', "--------y"},
    };

    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        for (size_t c = 0; commands[c]; c++)
            cr_expect_eq(milter_answer_fits((unsigned char)commands[c],
                                            (unsigned char)table[i].answer, MILTER_CAN_SKIP),
                         table[i].fits[c] == 'y', "%c to %c", table[i].answer, commands[c]);
    cr_expect_not(milter_answer_fits(MILTER_BODY, MILTER_SKIP, 0), "not agreed on");
}

Test(reply, changes_need_what_was_agreed)
{
    static const struct {
        char answer;
        uint32_t action;
    } table[] = {{'h', 0x1}, {'i', 0x1},  {'b', 0x2},  {'+', 0x4},  {'-', 0x8},
                 {'m', 0x10}, {'q', 0x20}, {'e', 0x40}, {'2', 0x80}};

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        enum milter_answer a = (unsigned char)table[i].answer;
        cr_expect(milter_is_change(a));
        cr_expect(milter_may_change(a, table[i].action), "%c", table[i].answer);
        uint32_t others = MILTER_ACTIONS & ~table[i].action;
        cr_expect_eq(milter_may_change(a, others), a == MILTER_ADD_RCPT, "%c", table[i].answer);
    }
    cr_expect_not(milter_is_change(MILTER_CONTINUE));
    cr_expect_not(milter_is_change(MILTER_SKIP));
}
