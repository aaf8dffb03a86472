/* The table of findings and lists of them; what the rows of all subjects are held against. */
#include <string.h>

#include "tests/tls/leaks.h"
#include "tests/tls/test_diagnose.h"

void expect_findings(const char *row, const struct finding *found, size_t n, const char *expected,
                     bool seen[FINDING_COUNT])
{
    char names[600] = "";

    for (size_t i = 0; i < n; i++) {
        const struct finding_info *info = finding_info(found[i].id);
        size_t at = strlen(names);
        (void)snprintf(names + at, sizeof(names) - at, "%s%s", i ? " " : "", info->name);
        cr_expect_eq(strncmp(found[i].text, info->words, strlen(info->words)), 0, "%s: %s", row,
                     found[i].text);
        cr_expect_null(strchr(found[i].text, '\n'), "%s", row);
        seen[found[i].id] = true;
    }
    cr_expect_str_eq(names, expected, "%s: found \"%s\", expected \"%s\"", row, names, expected);
}

Test(diagnose_table, table_is_sound)
{
    for (size_t i = 0; i < FINDING_COUNT; i++) {
        const struct finding_info *info = finding_info((enum finding_id)i);
        cr_expect_leq(strlen(info->words), 280, "%s: %zu", info->name, strlen(info->words));
        cr_expect(info->clause[0] == '\0' || strncmp(info->clause, "RFC ", 4) == 0, "%s",
                  info->name);
        cr_expect_eq(strspn(info->name, "abcdefghijklmnopqrstuvwxyz-"), strlen(info->name), "%s",
                     info->name);
        for (size_t k = 0; k < i; k++)
            cr_expect_str_neq(info->name, finding_info((enum finding_id)k)->name);
    }
    NO_LEAKS();
}
