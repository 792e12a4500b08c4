/* main() of every test program: options, the loop over cases, the terminal, exit codes.
 * Owns: what a person sees. Leaves to others: the child process (child.c), the record (case.c), files
 * (report.c). */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "base/mem.h"
#include "base/sys.h"
#include "case.h"
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    EXIT_PASSED = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOTHING = 4,
    EXIT_SKIPPED = 77,
    DEFAULT_SECONDS = 20
};

/* A limit is there to end a hang: a machine busy with other work has six times as long, sanitizers slow a program down by
 * as much again; valgrind's users set STERNA_TIME_SCALE. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BUILD_TIME_SCALE 20.0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BUILD_TIME_SCALE 20.0
#endif
#endif
#ifndef BUILD_TIME_SCALE
#define BUILD_TIME_SCALE 6.0
#endif

static const char usage[] =
    "usage: %s [options] [case...]\n"
    "  --filter GLOB   run cases whose name matches (may be given several times; so may names)\n"
    "  --list          print the names of the cases and end\n"
    "  --repeat N      run each case N times\n"
    "  --no-fork       run in this process, without a time limit: for debuggers\n"
    "  --junit FILE    write a JUnit report; the folder is created\n"
    "  --results FILE  append one line per case (runner.h tells the format)\n"
    "  -v              print every case and its output\n"
    "exit codes: 0 passed, 1 failed, 2 usage, 4 no case ran, 77 all skipped\n";

typedef struct options {
    const char *program, *junit, *results, *folder;
    const char **filters;
    size_t n_filters;
    unsigned long repeat;
    bool list, in_process, verbose;
    double scale;
} options;

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool usage_error(const options *o, const char *what, const char *which)
{
    fprintf(stderr, "%s: %s%s\n", o->program, what, which ? which : "");
    fprintf(stderr, usage, o->program);
    return false;
}

static bool read_options(options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        bool wants_value = !strcmp(word, "--filter") || !strcmp(word, "--repeat") ||
                           !strcmp(word, "--junit") || !strcmp(word, "--results");
        if (wants_value && !value) return usage_error(o, "a value must follow ", word);
        i += wants_value;
        if (!strcmp(word, "--filter")) {
            o->filters[o->n_filters++] = value;
        } else if (!strcmp(word, "--repeat")) {
            char *end;
            o->repeat = strtoul(value, &end, 10);
            if (*end || value[0] == '-' || o->repeat == 0 || o->repeat > 1000000)
                return usage_error(o, "--repeat wants a number from 1 to 1000000, not ", value);
        } else if (!strcmp(word, "--junit")) {
            o->junit = value;
        } else if (!strcmp(word, "--results")) {
            o->results = value;
        } else if (!strcmp(word, "--list")) {
            o->list = true;
        } else if (!strcmp(word, "--no-fork")) {
            o->in_process = true;
        } else if (!strcmp(word, "-v") || !strcmp(word, "--verbose")) {
            o->verbose = true;
        } else if (word[0] == '-') {
            return usage_error(o, "unknown option ", word);
        } else {
            o->filters[o->n_filters++] = word;
        }
    }
    o->folder = sterna_sys_getenv("STERNA_RESULTS");
    o->scale = BUILD_TIME_SCALE;
    const char *scale = sterna_sys_getenv("STERNA_TIME_SCALE");
    if (scale && *scale) {
        char *end;
        o->scale = strtod(scale, &end);
        if (*end || !(o->scale > 0 && o->scale <= 1000))
            return usage_error(o, "STERNA_TIME_SCALE wants a number above 0 and at most 1000, not ", scale);
    }
    return true;
}

static bool selected(const options *o, const char *name)
{
    for (size_t i = 0; i < o->n_filters; i++)
        if (fnmatch(o->filters[i], name, 0) == 0) return true;
    return o->n_filters == 0;
}

/* One line of the results file: tabs separate, so none may stand inside a field. */
static void record(const options *o, const char *name, const char *verdict, double seconds,
                   const char *reason)
{
    char line[1024], path[CASE_PATH_BYTES];
    if (!o->results && !(o->folder && *o->folder)) return;
    int head = snprintf(line, sizeof line, "%s\t%s\t%s\t%.3f\t", o->program, name, verdict, seconds);
    if (head < 0 || head >= (int)sizeof line - 2) return;
    int tail = snprintf(line + head, sizeof line - (size_t)head - 1, "%s", reason);
    size_t end =
        (size_t)head +
        ((size_t)tail < sizeof line - (size_t)head - 2 ? (size_t)tail : sizeof line - (size_t)head - 2);
    for (size_t i = (size_t)head; i < end; i++)
        if (line[i] == '\t' || line[i] == '\n' || line[i] == '\r') line[i] = ' ';
    memcpy(line + end, "\n", 2);
    if (o->results) sterna_report_append(o->results, line);
    if (o->folder && *o->folder && sterna_report_folder(o->folder)) {
        snprintf(path, sizeof path, "%s/%s.tsv", o->folder, o->program);
        sterna_report_append(path, line);
    }
}

static char *copy(const char *text)
{
    return sterna_strndup(text, strlen(text));
}

static case_result run_case(const options *o, sterna_test *t, const sterna_test_case *entry)
{
    memset(t, 0, sizeof *t);
    t->program = o->program;
    t->name = entry->name;
    atomic_flag_clear(&t->busy);
    double limit = (entry->seconds ? entry->seconds : DEFAULT_SECONDS) * o->scale;
    double start = sterna_sys_now();
    char *output = NULL;
    if (o->in_process)
        sterna_case_run(t, entry->body);
    else
        output = sterna_child_run(t, entry, limit);
    double seconds = sterna_sys_now() - start;
    sterna_case_clean(t);
    return (case_result){.name = entry->name,
                         .state = (case_state)atomic_load(&t->state),
                         .seconds = seconds,
                         .reason = copy(t->reason),
                         .report = copy(t->report),
                         .output = output};
}

static void print_case(const options *o, const case_result *result)
{
    const char *text = result->reason ? result->reason : "";
    switch (result->state) {
    case CASE_FAILED:
        printf("FAIL %s: %s\n%s", result->name, text, result->report ? result->report : "");
        break;
    case CASE_SKIPPED:
        printf("skip %s: %s\n", result->name, text);
        break;
    default:
        if (o->verbose) printf("pass %s (%.3f s)\n", result->name, result->seconds);
    }
    if (result->output && *result->output && (o->verbose || result->state == CASE_FAILED))
        printf("--- output of %s\n%s%s--- end\n", result->name, result->output,
               result->output[strlen(result->output) - 1] == '\n' ? "" : "\n");
    fflush(stdout);
}

static int run_all(const options *o, sterna_test *t, size_t n_selected)
{
    static const char *const verdicts[] = {"fail", "pass", "fail", "skip"}; /* by case_state */
    size_t total = n_selected * o->repeat, done = 0, count[4] = {0};
    case_result *results = sterna_alloc(total, sizeof *results);
    if (!results) {
        fprintf(stderr, "%s: out of memory for %zu results\n", o->program, total);
        return EXIT_FAILED;
    }
    char plan[32];
    snprintf(plan, sizeof plan, "%zu", total);
    record(o, "*", "plan", 0, plan);
    for (const sterna_test_case *entry = sterna_test_cases; entry->name; entry++) {
        if (!selected(o, entry->name)) continue;
        for (unsigned long i = 0; i < o->repeat; i++) {
            case_result *result = &results[done++];
            *result = run_case(o, t, entry);
            count[result->state]++;
            print_case(o, result);
            record(o, result->name, verdicts[result->state], result->seconds,
                   result->reason ? result->reason : "");
        }
    }
    printf("%zu passed, %zu failed, %zu skipped\n", count[CASE_PASSED], count[CASE_FAILED],
           count[CASE_SKIPPED]);
    bool reported = !o->junit || sterna_report_junit(o->junit, o->program, results, done);
    for (size_t i = 0; i < done; i++) {
        sterna_free(results[i].reason);
        sterna_free(results[i].report);
        sterna_free(results[i].output);
    }
    sterna_free(results);
    if (count[CASE_FAILED] || !reported) return EXIT_FAILED;
    return count[CASE_PASSED] ? EXIT_PASSED : EXIT_SKIPPED;
}

int main(int argc, char **argv)
{
    options o = {.program = base_name(argc > 0 ? argv[0] : "test"), .repeat = 1};
    o.filters = sterna_alloc((size_t)argc + 1, sizeof *o.filters);
    sterna_test *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!o.filters || t == MAP_FAILED) {
        fprintf(stderr, "%s: out of memory\n", o.program);
        return EXIT_FAILED;
    }
    int code = EXIT_USAGE;
    if (read_options(&o, argc, argv)) {
        size_t n_selected = 0;
        for (const sterna_test_case *entry = sterna_test_cases; entry->name; entry++) {
            if (!selected(&o, entry->name)) continue;
            n_selected++;
            if (o.list) printf("%s\n", entry->name);
        }
        if (n_selected == 0) fprintf(stderr, "%s: no case matches; --list shows their names\n", o.program);
        code = n_selected == 0 ? EXIT_NOTHING : o.list ? EXIT_PASSED : run_all(&o, t, n_selected);
    }
    munmap(t, sizeof *t);
    sterna_free(o.filters);
    return code;
}
