/* Parameters of MAIL and RCPT, row by row: what was taken, as text, or how it was refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "mta/smtp/params.h"
#include "config/base/dsn.h"

#define X10  "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10

enum { TEXT = 1024 };

static const char *mail_text(const struct mail_params *p, char text[TEXT])
{
    static const char *const rets[] = {"", " FULL", " HDRS"};
    char size[32] = "";

    if (p->has_size)
        snprintf(size, sizeof(size), " %llu", (unsigned long long)p->size);
    snprintf(text, TEXT, "%s%s%s%s%s%s%s%s", size, p->eight_bit ? " 8BIT" : "",
             p->smtputf8 ? " UTF8" : "", p->requiretls ? " TLS" : "", p->auth ? " AUTH" : "",
             rets[p->ret], p->envid[0] ? " " : "", p->envid);
    return text;
}

// clang-format off
static const struct {
    const char *rest;
    enum cause cause;
    const char *want;
} mail_rows[] = {
    {"", CAUSE_OK, ""},
    {" SIZE=10", CAUSE_OK, " 10"},
    {" size=0", CAUSE_OK, " 0"},
    {" SIZE=00000000000000000010", CAUSE_OK, " 10"},
    {" SIZE=18446744073709551615", CAUSE_OK, " 18446744073709551615"},
    {" BODY=7BIT", CAUSE_OK, ""},
    {" BODY=8bitmime SIZE=3", CAUSE_OK, " 3 8BIT"},
    {" SMTPUTF8", CAUSE_OK, " UTF8"},
    {" smtputf8 BODY=8BITMIME", CAUSE_OK, " 8BIT UTF8"},
    {" REQUIRETLS", CAUSE_OK, " TLS"},
    {" RET=FULL", CAUSE_OK, " FULL"},
    {" ret=hdrs ENVID=QQ314159", CAUSE_OK, " HDRS QQ314159"},
    {" ENVID=a+2Bb+3Dc+20d", CAUSE_OK, " a+b=c d"},
    {" ENVID=" X100, CAUSE_OK, " " X100},
    {" AUTH=<>", CAUSE_OK, " AUTH"},
    {" AUTH=e+3Dmc2@example.com", CAUSE_OK, " AUTH"},
    {" SIZE=1 BODY=7BIT SMTPUTF8 RET=FULL ENVID=x AUTH=<> REQUIRETLS", CAUSE_OK, " 1 UTF8 TLS AUTH FULL x"},

    {" SIZE=18446744073709551616", CAUSE_PARAMETER_VALUE, ""},
    {" SIZE=999999999999999999999", CAUSE_PARAMETER_VALUE, ""},
    {" SIZE=000000000000000000001", CAUSE_PARAMETER_VALUE, ""},
    {" SIZE=-1", CAUSE_PARAMETER_VALUE, ""},
    {" SIZE=+1", CAUSE_PARAMETER_VALUE, ""},
    {" SIZE=1x", CAUSE_PARAMETER_VALUE, ""},
    {" SIZE=", CAUSE_PARAMETER_VALUE, ""},
    {" SIZE", CAUSE_PARAMETER_VALUE, ""},
    {" SIZE=1 SIZE=1", CAUSE_PARAMETER_VALUE, ""},
    {" BODY=BINARYMIME", CAUSE_PARAMETER_VALUE, ""},
    {" BODY=", CAUSE_PARAMETER_VALUE, ""},
    {" BODY", CAUSE_PARAMETER_VALUE, ""},
    {" BODY=7BIT BODY=7BIT", CAUSE_PARAMETER_VALUE, ""},
    {" SMTPUTF8=", CAUSE_PARAMETER_VALUE, ""},
    {" SMTPUTF8=1", CAUSE_PARAMETER_VALUE, ""},
    {" SMTPUTF8 SMTPUTF8", CAUSE_PARAMETER_VALUE, ""},
    {" REQUIRETLS=", CAUSE_PARAMETER_VALUE, ""},
    {" REQUIRETLS=YES", CAUSE_PARAMETER_VALUE, ""},
    {" RET", CAUSE_PARAMETER_VALUE, ""},
    {" RET=", CAUSE_PARAMETER_VALUE, ""},
    {" RET=ALL", CAUSE_PARAMETER_VALUE, ""},
    {" RET=FULL RET=FULL", CAUSE_PARAMETER_VALUE, ""},
    {" ENVID", CAUSE_PARAMETER_VALUE, ""},
    {" ENVID=", CAUSE_PARAMETER_VALUE, ""},
    {" ENVID=" X100 "x", CAUSE_PARAMETER_VALUE, ""},
    {" ENVID=+0D+0AMAIL", CAUSE_PARAMETER_VALUE, ""},
    {" ENVID=+00", CAUSE_PARAMETER_VALUE, ""},
    {" ENVID=+7F", CAUSE_PARAMETER_VALUE, ""},
    {" ENVID=+C3+BC", CAUSE_PARAMETER_VALUE, ""},
    {" ENVID=+2b", CAUSE_PARAMETER_VALUE, ""},
    {" ENVID=+2", CAUSE_PARAMETER_VALUE, ""},
    {" ENVID=+", CAUSE_PARAMETER_VALUE, ""},
    {" ENVID=+ZZ", CAUSE_PARAMETER_VALUE, ""},
    {" ENVID=a ENVID=a", CAUSE_PARAMETER_VALUE, ""},
    {" AUTH=", CAUSE_PARAMETER_VALUE, ""},
    {" AUTH", CAUSE_PARAMETER_VALUE, ""},
    {" AUTH=a+0Ab", CAUSE_PARAMETER_VALUE, ""},
    {" FOO=bar", CAUSE_BAD_PARAMETER, ""},
    {" SIZE=1 FOO", CAUSE_BAD_PARAMETER, ""},
    {" NOTIFY=NEVER", CAUSE_BAD_PARAMETER, ""},
    {" ORCPT=rfc822;x", CAUSE_BAD_PARAMETER, ""},
    {" SIZEX=1", CAUSE_BAD_PARAMETER, ""},
    {" ", CAUSE_BAD_ARGUMENT, ""},
    {"SIZE=1", CAUSE_BAD_ARGUMENT, ""},
    {"  SIZE=1", CAUSE_BAD_ARGUMENT, ""},
    {" SIZE=1 ", CAUSE_BAD_ARGUMENT, ""},
    {" SIZE=1  BODY=7BIT", CAUSE_BAD_ARGUMENT, ""},
    {" =1", CAUSE_BAD_ARGUMENT, ""},
    {" -A=1", CAUSE_BAD_ARGUMENT, ""},
    {" SIZE=1=2", CAUSE_BAD_ARGUMENT, ""},
    {" ENVID=a=b", CAUSE_BAD_ARGUMENT, ""},
    {" SI_ZE=1", CAUSE_BAD_ARGUMENT, ""},
    {" FOO=\xc3\xbc", CAUSE_BAD_ARGUMENT, ""},
    {" ENVID=\xc3\xbc SMTPUTF8", CAUSE_BAD_ARGUMENT, ""},
};
// clang-format on

Test(params, of_mail)
{
    for (size_t i = 0; i < ARRAY_LEN(mail_rows); i++) {
        struct mail_params got;
        char text[TEXT];
        struct status st = params_parse_mail(slice_of(mail_rows[i].rest), &got);
        cr_expect_eq(st.cause, mail_rows[i].cause, "\"%s\": %s", mail_rows[i].rest, st.text);
        if (mail_rows[i].cause == CAUSE_OK && st.cause == CAUSE_OK)
            cr_expect_str_eq(mail_text(&got, text), mail_rows[i].want, "\"%s\": %s", mail_rows[i].rest, text);
    }
}

enum { N = NOTIFY_NEVER, S = NOTIFY_SUCCESS, F = NOTIFY_FAILURE, D = NOTIFY_DELAY };

// clang-format off
static const struct {
    const char *rest;
    bool smtputf8;
    enum cause cause;
    unsigned notify;
    const char *orcpt;
} rcpt_rows[] = {
    {"", false, CAUSE_OK, 0, ""},
    {" NOTIFY=NEVER", false, CAUSE_OK, N, ""},
    {" notify=success", false, CAUSE_OK, S, ""},
    {" NOTIFY=SUCCESS,FAILURE,DELAY", false, CAUSE_OK, S | F | D, ""},
    {" NOTIFY=Delay,Failure", false, CAUSE_OK, F | D, ""},
    {" ORCPT=rfc822;c@d.example", false, CAUSE_OK, 0, "rfc822;c@d.example"},
    {" ORCPT=Unknown;a+2Bb+3Dc+20d@e", false, CAUSE_OK, 0, "Unknown;a+b=c d@e"},
    {" ORCPT=x400;/C=x", false, CAUSE_BAD_ARGUMENT, 0, ""},
    {" ORCPT=x400;/C+3Dx;y", false, CAUSE_OK, 0, "x400;/C=x;y"},
    {" ORCPT=unknown-type;x NOTIFY=DELAY", false, CAUSE_OK, D, "unknown-type;x"},
    {" ORCPT=rfc822;" X100 X100 X100 X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 "xxx", false, CAUSE_OK, 0,
     "rfc822;" X100 X100 X100 X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 "xxx"},
    {" ORCPT=utf-8;\\x{FC}@d", false, CAUSE_OK, 0, "utf-8;\xc3\xbc@d"},
    {" ORCPT=UTF-8;\xc3\xbc@d", true, CAUSE_OK, 0, "UTF-8;\xc3\xbc@d"},
    {" ORCPT=utf-8;\xc3\xbc@d", false, CAUSE_BAD_ARGUMENT, 0, ""},
    {" ORCPT=utf-8;\xc3\x28@d", true, CAUSE_BAD_ARGUMENT, 0, ""},
    {" ORCPT=rfc822;\xc3\xbc@d", true, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=utf-8;\\x{0A}Bcc:x", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=utf-8;\\x{D800}", true, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=utf-8;\xc2\x85", true, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc822;" X100 X100 X100 X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 "xxxx", false,
     CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc822;+C3+BC+2B@d", false, CAUSE_OK, 0, "utf-8;\xc3\xbc+@d"},
    {" ORCPT=rfc822;+E6+97+A5@d", true, CAUSE_OK, 0, "utf-8;\xe6\x97\xa5@d"},
    {" ORCPT=rfc822;+FC@d", true, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc822;+C3@d", true, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc822;+C2+85@d", true, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc822;+C3+BC+0A@d", true, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc822;+C3+BC+7F@d", true, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=x-y;+C3+BC@d", true, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc822;+0D+0ABcc:x", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc822;a+00b", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc822;a+2", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc822;a+2b", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc822", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc822;", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=;c@d", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc+38;c@d", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" ORCPT=rfc822;x ORCPT=rfc822;x", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" NOTIFY=NEVER,SUCCESS", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" NOTIFY=SUCCESS,NEVER", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" NOTIFY=SUCCESS,SUCCESS", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" NOTIFY=SUCCESS,", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" NOTIFY=,SUCCESS", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" NOTIFY=FOO", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" NOTIFY=", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" NOTIFY", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" NOTIFY=NEVER NOTIFY=NEVER", false, CAUSE_PARAMETER_VALUE, 0, ""},
    {" SIZE=1", false, CAUSE_BAD_PARAMETER, 0, ""},
    {" SMTPUTF8", true, CAUSE_BAD_PARAMETER, 0, ""},
    {" NOTIFY=a=b", false, CAUSE_BAD_ARGUMENT, 0, ""},
    {"x", false, CAUSE_BAD_ARGUMENT, 0, ""},
    {" ", false, CAUSE_BAD_ARGUMENT, 0, ""},
};
// clang-format on

Test(params, of_rcpt)
{
    for (size_t i = 0; i < ARRAY_LEN(rcpt_rows); i++) {
        struct rcpt_params got;
        struct status st = params_parse_rcpt(slice_of(rcpt_rows[i].rest), rcpt_rows[i].smtputf8, &got);
        cr_expect_eq(st.cause, rcpt_rows[i].cause, "\"%s\": %s", rcpt_rows[i].rest, st.text);
        if (rcpt_rows[i].cause == CAUSE_OK && st.cause == CAUSE_OK)
            cr_expect(got.notify == rcpt_rows[i].notify && strcmp(got.orcpt, rcpt_rows[i].orcpt) == 0,
                      "\"%s\": %u %s", rcpt_rows[i].rest, got.notify, got.orcpt);
    }
}
