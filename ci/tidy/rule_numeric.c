/* Rules that guard the promise of equal bits: no tuned tolerances, and no device access that the mock cannot
 * see. */
#include "tidy.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* How tolerances look: a small constant, or one just below 1, that something is compared with or that is
 * named so. Powers of two are exact scales. */
static const double SMALL = 0.01, NEARLY_ONE = 0.99;

static bool is_power_of_two(double value)
{
    while (value < 1.0) value *= 2.0;
    return value == 1.0;
}

/* The decimal literal at `at`: its length and value; 0 when it is no floating literal. */
static size_t float_literal(const char *at, double *value)
{
    size_t n = 0;
    bool floating = false;
    *value = 0.0;
    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) return 0;
    while (isdigit((unsigned char)at[n]) || at[n] == '.') floating |= at[n++] == '.';
    if ((at[n] == 'e' || at[n] == 'E') && (isdigit((unsigned char)at[n + 1]) || strchr("+-", at[n + 1]))) {
        floating = true;
        n += 2;
        while (isdigit((unsigned char)at[n])) n++;
    }
    *value = strtod(at, NULL);
    return floating ? n : 0;
}

/* Does the literal stand behind a comparison, or in a statement that speaks of tolerance? */
static bool judges(const char *code, const char *at)
{
    const char *before = at;
    while (before > code && (isspace((unsigned char)before[-1]) || strchr("(-=", before[-1]))) before--;
    if (before > code && (before[-1] == '<' || (before[-1] == '>' && before - 1 > code && before[-2] != '-')))
        return true;
    static const char *const names[] = {"tolerance", "TOLERANCE", "_tol",   "tol_",
                                        "TOL",       "close_to",  "is_near"};
    while (before > code && !strchr(";{}", before[-1])) before--;
    for (; before < at; before++)
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (tidy_begins(before, names[i])) return true;
    return false;
}

static void check_literals(tidy_report *report, const tidy_file *file)
{
    const char *code = file->code;
    for (const char *at = code; *at;) {
        if (isalpha((unsigned char)*at) || *at == '_') {
            while (isalnum((unsigned char)*at) || *at == '_') at++;
        } else if (isdigit((unsigned char)*at) || (*at == '.' && isdigit((unsigned char)at[1]))) {
            double value;
            size_t n = float_literal(at, &value);
            bool suspect = (value > 0.0 && value < SMALL) || (value > NEARLY_ONE && value < 1.0);
            if (n && suspect && !is_power_of_two(value) && judges(code, at)) {
                char literal[32];
                size_t kept = n < sizeof literal - 1 ? n : sizeof literal - 1;
                memcpy(literal, at, kept);
                literal[kept] = '\0';
                tidy_finding(report, file, (size_t)(at - code), literal,
                             "%s looks like a tolerance: derive it in properties/judge/", literal);
            }
            while (isalnum((unsigned char)*at) || *at == '.' ||
                   ((*at == '+' || *at == '-') && (at[-1] == 'e' || at[-1] == 'E')))
                at++;
        } else {
            at++;
        }
    }
}

void tidy_rule_tolerance(tidy_report *report)
{
    for (size_t i = 0; i < report->tree->n; i++) {
        const tidy_file *file = &report->tree->files[i];
        bool judging = tidy_begins(file->path, "properties/") || tidy_begins(file->path, "golden/") ||
                       tidy_is_test(file->path);
        if (file->code && judging && !tidy_begins(file->path, "properties/judge/"))
            check_literals(report, file);
    }
}

/* Is `name` declared here as a work item's own array: a type, then the name, then its length? */
static bool is_private_array(const char *code, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = code; (at = strstr(at, name)); at += n) {
        const char *before = at, *after = at + n + strspn(at + n, " \t");
        if (*after != '[' || (at > code && (isalnum((unsigned char)at[-1]) || at[-1] == '_'))) continue;
        while (before > code && (before[-1] == ' ' || before[-1] == '\t')) before--;
        if (before == at || before == code || !(isalnum((unsigned char)before[-1]) || before[-1] == '_'))
            continue;
        const char *type = before;
        char word[32];
        while (type > code && (isalnum((unsigned char)type[-1]) || type[-1] == '_')) type--;
        if (tidy_identifier(type, word, sizeof word) && strcmp(word, "return") && strcmp(word, "else"))
            return true;
    }
    return false;
}

/* Buffers and shared memory are reached through LD and ST macros alone: a subscript is legal on private
 * arrays only. Pointers do not exist in the dialect, so that `->` and unary `*` do not compile for Vulkan. */
void tidy_rule_kernel(tidy_report *report)
{
    for (size_t i = 0; i < report->tree->n; i++) {
        const tidy_file *file = &report->tree->files[i];
        if (!tidy_ends(file->path, ".kc")) continue;
        for (const char *at = file->code; (at = strchr(at, '[')); at++) {
            const char *end = at, *name;
            char word[64];
            while (end > file->code && (end[-1] == ' ' || end[-1] == '\t')) end--;
            for (name = end; name > file->code && (isalnum((unsigned char)name[-1]) || name[-1] == '_');)
                name--;
            size_t n = tidy_identifier(name, word, sizeof word);
            if (n == 0 || !is_private_array(file->code, word))
                tidy_finding(report, file, (size_t)(at - file->code), n ? word : "[",
                             "%s[...]: the mock cannot see this access; use the LD and ST macros",
                             n ? word : "?");
        }
    }
}
