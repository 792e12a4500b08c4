/* Findings, exceptions, and the loop over the rules. */
#include "base/mem.h"
#include "base/size.h"
#include "tidy.h"
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    void (*run)(tidy_report *report);
} rules[] = {
#define RULE(name, function, catches) {name, function},
    TIDY_RULES(RULE)
#undef RULE
};

static int line_of(const char *text, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < offset && text[i]; i++) line += text[i] == '\n';
    return line;
}

/* Does a line of ci/tidy.allow excuse this? A path ending in '/' stands for the folder, a word '*' for every
 * word. */
static bool excused(tidy_report *report, const char *path, const char *word)
{
    bool found = false;
    if (!report->allow) return false;
    size_t line = 0;
    for (const char *at = report->allow->text; *at; line++) {
        char rule[32], where[256], what[128];
        if (*at != '#' && sscanf(at, "%31s %255s %127s", rule, where, what) == 3 &&
            !strcmp(rule, report->rule) &&
            (!strcmp(where, path) || (tidy_ends(where, "/") && tidy_begins(path, where))) &&
            (!strcmp(what, "*") || !strcmp(what, word))) {
            report->used[line] = true;
            found = true;
        }
        at += strcspn(at, "\n");
        if (*at) at++;
    }
    return found;
}

void tidy_finding(tidy_report *report, const tidy_file *file, size_t offset, const char *word,
                  const char *format, ...)
{
    char text[400];
    va_list arguments;
    if (excused(report, file->path, word)) return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    report->findings++;
    report->listener(report->context, 1, report->rule, file->path, line_of(file->text, offset), text);
}

/* Files that grow: worth a look, never a failure (see CONTRIBUTING.md). */
static void report_sizes(tidy_report *report)
{
    for (size_t i = 0; i < report->tree->n; i++) {
        const tidy_file *file = &report->tree->files[i];
        char text[100];
        int lines = line_of(file->text, file->bytes) - 1;
        if (!file->code || lines <= 800) continue;
        snprintf(text, sizeof text, "%d lines; is there a second owner in it?", lines);
        report->listener(report->context, 0, "size", file->path, lines, text);
    }
}

static void check_exceptions(tidy_report *report)
{
    const tidy_file *allow = report->allow;
    size_t line = 0;
    report->rule = "allow";
    for (const char *at = allow->text; *at; line++) {
        char rule[32], where[256], what[128], reason[8];
        size_t offset = (size_t)(at - allow->text);
        int fields = sscanf(at, "%31s %255s %127s %7s", rule, where, what, reason);
        if (*at != '#' && *at != '\n' && fields > 0) {
            if (fields < 4)
                tidy_finding(report, allow, offset, "", "RULE PATH WORD REASON: the reason is missing");
            else if (!report->used[line])
                tidy_finding(report, allow, offset, "",
                             "no finding needs this exception (%s in %s): remove it", what, where);
        }
        at += strcspn(at, "\n");
        if (*at) at++;
    }
}

sterna_status tidy_run(const tidy_tree *tree, tidy_listener listener, void *context, int *findings)
{
    tidy_report report = {.tree = tree, .listener = listener, .context = context};
    report.allow = tidy_find(tree, "ci/tidy.allow");
    if (report.allow) {
        report.used =
            sterna_alloc((size_t)line_of(report.allow->text, report.allow->bytes) + 1, sizeof *report.used);
        if (!report.used) return STERNA_MEMORY;
    }
    for (size_t i = 0; i < STERNA_COUNT(rules); i++) {
        report.rule = rules[i].name;
        rules[i].run(&report);
    }
    report_sizes(&report);
    if (report.allow) check_exceptions(&report);
    sterna_free(report.used);
    *findings = report.findings;
    return STERNA_OK;
}
