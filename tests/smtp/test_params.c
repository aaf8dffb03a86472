#include <criterion/criterion.h>

#include "mta/smtp/params.h"

Test(params, of_mail)
{
    // clang-format off
    static const struct {
        const char *rest;
        enum cause cause;
        struct mail_params want;
    } rows[] = {
        {"", CAUSE_OK, {0}},
        {" SIZE=10", CAUSE_OK, {true, false, 10}},
        {" size=0", CAUSE_OK, {true, false, 0}},
        {" SIZE=00000000000000000010", CAUSE_OK, {true, false, 10}},
        {" SIZE=18446744073709551615", CAUSE_OK, {true, false, UINT64_MAX}},
        {" BODY=7BIT", CAUSE_OK, {0}},
        {" BODY=8bitmime SIZE=3", CAUSE_OK, {true, true, 3}},
        {" SIZE=18446744073709551616", CAUSE_PARAMETER_VALUE, {0}},
        {" SIZE=999999999999999999999", CAUSE_PARAMETER_VALUE, {0}},
        {" SIZE=000000000000000000001", CAUSE_PARAMETER_VALUE, {0}},
        {" SIZE=-1", CAUSE_PARAMETER_VALUE, {0}},
        {" SIZE=+1", CAUSE_PARAMETER_VALUE, {0}},
        {" SIZE=1x", CAUSE_PARAMETER_VALUE, {0}},
        {" SIZE=", CAUSE_PARAMETER_VALUE, {0}},
        {" SIZE", CAUSE_PARAMETER_VALUE, {0}},
        {" SIZE=1 SIZE=1", CAUSE_PARAMETER_VALUE, {0}},
        {" BODY=BINARYMIME", CAUSE_PARAMETER_VALUE, {0}},
        {" BODY=", CAUSE_PARAMETER_VALUE, {0}},
        {" BODY", CAUSE_PARAMETER_VALUE, {0}},
        {" BODY=7BIT BODY=7BIT", CAUSE_PARAMETER_VALUE, {0}},
        {" FOO=bar", CAUSE_BAD_PARAMETER, {0}},
        {" SIZE=1 FOO", CAUSE_BAD_PARAMETER, {0}},
        {" SMTPUTF8", CAUSE_BAD_PARAMETER, {0}},
        {" RET=FULL", CAUSE_BAD_PARAMETER, {0}},
        {" SIZEX=1", CAUSE_BAD_PARAMETER, {0}},
        {" ", CAUSE_BAD_ARGUMENT, {0}},
        {"SIZE=1", CAUSE_BAD_ARGUMENT, {0}},
        {"  SIZE=1", CAUSE_BAD_ARGUMENT, {0}},
        {" SIZE=1 ", CAUSE_BAD_ARGUMENT, {0}},
        {" SIZE=1  BODY=7BIT", CAUSE_BAD_ARGUMENT, {0}},
        {" =1", CAUSE_BAD_ARGUMENT, {0}},
        {" -A=1", CAUSE_BAD_ARGUMENT, {0}},
        {" SIZE=1=2", CAUSE_BAD_ARGUMENT, {0}},
        {" SI_ZE=1", CAUSE_BAD_ARGUMENT, {0}},
        {" FOO=\xc3\xbc", CAUSE_BAD_ARGUMENT, {0}},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mail_params got;
        struct status st = params_parse_mail(slice_of(rows[i].rest), &got);
        cr_expect_eq(st.cause, rows[i].cause, "\"%s\": %s", rows[i].rest, st.text);
        if (rows[i].cause == CAUSE_OK)
            cr_expect(got.has_size == rows[i].want.has_size && got.size == rows[i].want.size &&
                          got.eight_bit == rows[i].want.eight_bit,
                      "\"%s\"", rows[i].rest);
    }
}

Test(params, of_rcpt)
{
    // clang-format off
    static const struct {
        const char *rest;
        enum cause cause;
    } rows[] = {
        {"", CAUSE_OK},
        {" NOTIFY=NEVER", CAUSE_BAD_PARAMETER},
        {" SIZE=1", CAUSE_BAD_PARAMETER},
        {" ORCPT=rfc822;+0D+0ABcc:x", CAUSE_BAD_PARAMETER},
        {" NOTIFY=a=b", CAUSE_BAD_ARGUMENT},
        {"x", CAUSE_BAD_ARGUMENT},
        {" ", CAUSE_BAD_ARGUMENT},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(params_parse_rcpt(slice_of(rows[i].rest)).cause, rows[i].cause, "\"%s\"",
                     rows[i].rest);
}
