/* The table as data, and the walk over a command line. Owns: which word is a flag, a value or an argument.
 * Leaves to others: reading one value (option_value.c), explaining (help.c). */
#include "cli/options.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include <string.h>

const sterna_command_row sterna_command_rows[STERNA_CMD_COUNT] = {
#define COMMAND(id, build, arguments, fewest, most, sentence) {#id, build, arguments, fewest, most, sentence},
#include "cli/options.def"
};

#define IN(command) (1u << STERNA_CMD_##command)
#define REQUIRED    STERNA_OPTION_REQUIRED
const sterna_option_row sterna_option_rows[STERNA_OPT_COUNT] = {
#define OPTION(id, commands, names, kind, value, fallback, low, high, variable, sentence)                    \
    {commands, names, value, STERNA_OPTION_##kind, fallback, low, high, variable, sentence},
#include "cli/options.def"
};

const sterna_layout_row sterna_layout_rows[] = {
#define SECTION(heading) {heading, STERNA_OPT_COUNT},
#define OPTION(id, commands, names, kind, value, fallback, low, high, variable, sentence)                    \
    {NULL, STERNA_OPT_##id},
#include "cli/options.def"
};
const size_t sterna_layout_count = STERNA_COUNT(sterna_layout_rows);

const sterna_example_row sterna_example_rows[] = {
#define EXAMPLE(command, runs, line, sentence) {STERNA_CMD_##command, runs, line, sentence},
#include "cli/options.def"
};
const size_t sterna_example_count = STERNA_COUNT(sterna_example_rows);

_Static_assert(STERNA_CMD_COUNT <= 32, "sterna_option_row.commands has 32 bits");

bool sterna_option_name(const sterna_option_row *row, uint32_t i, char name[STERNA_OPTION_NAME_MAX])
{
    const char *at = row->names;
    for (; i > 0; i--) {
        at = strchr(at, ',');
        if (!at) return false;
        at += strspn(at, ", ");
    }
    size_t n = strcspn(at, ",");
    if (n == 0 || n >= STERNA_OPTION_NAME_MAX) return false;
    memcpy(name, at, n);
    name[n] = 0;
    return true;
}

void sterna_option_long_name(const sterna_option_row *row, char name[STERNA_OPTION_NAME_MAX])
{
    uint32_t i = 0;
    while (sterna_option_name(row, i, name) && strncmp(name, "--", 2) != 0) i++;
}

sterna_command_id sterna_command_find(const char *name)
{
    uint32_t c = 1; /* 0 is the program itself */
    while (c < STERNA_CMD_COUNT && strcmp(sterna_command_rows[c].name, name) != 0) c++;
    return (sterna_command_id)c;
}

/* The option of `command` spelled name[0, n), or STERNA_OPT_COUNT. */
static sterna_option_id find_option(sterna_command_id command, const char *name, size_t n)
{
    char known[STERNA_OPTION_NAME_MAX];
    for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++) {
        if (!(sterna_option_rows[o].commands >> command & 1u)) continue;
        for (uint32_t i = 0; sterna_option_name(&sterna_option_rows[o], i, known); i++)
            if (strlen(known) == n && !memcmp(known, name, n)) return (sterna_option_id)o;
    }
    return STERNA_OPT_COUNT;
}

typedef struct flag_walk {
    sterna_command_id command;
    char name[STERNA_OPTION_NAME_MAX];
} flag_walk;

/* The i-th spelling of all options of a command, for sterna_nearest(). */
static const char *next_flag(const void *context, uint32_t i)
{
    flag_walk *walk = (flag_walk *)(uintptr_t)context;
    for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++) {
        if (!(sterna_option_rows[o].commands >> walk->command & 1u)) continue;
        for (uint32_t k = 0; sterna_option_name(&sterna_option_rows[o], k, walk->name); k++)
            if (i-- == 0) return walk->name;
    }
    return NULL;
}

static sterna_status unknown_flag(sterna_command_id command, const char *word, sterna_fault *fault)
{
    char flag[64];
    size_t n = strcspn(word, "=");
    if (n >= sizeof flag) n = sizeof flag - 1;
    memcpy(flag, word, n);
    flag[n] = 0;
    flag_walk walk = {command, ""};
    /* Somebody at home in llama.cpp leaves the command out. */
    if (command == STERNA_CMD_sterna && find_option(STERNA_CMD_run, flag, n) != STERNA_OPT_COUNT)
        return sterna_fail(fault, STERNA_USAGE, "%s: a command comes first; did you mean `sterna run %s`?",
                           flag, flag);
    uint32_t nearest = sterna_nearest(flag, next_flag, &walk);
    if (nearest == UINT32_MAX) return sterna_fail(fault, STERNA_USAGE, "%s: unknown flag", flag);
    return sterna_fail(fault, STERNA_USAGE, "%s: unknown flag; did you mean %s?", flag,
                       next_flag(&walk, nearest));
}

/* One flag at words[*i]; moves *i over its value. */
static sterna_status take_flag(sterna_options *options, int n, char *const *words, int *i,
                               sterna_fault *fault)
{
    const char *word = words[*i];
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    sterna_option_id id = find_option(options->command, word, length);
    if (id == STERNA_OPT_COUNT) return unknown_flag(options->command, word, fault);
    const sterna_option_row *row = &sterna_option_rows[id];
    char said[STERNA_OPTION_NAME_MAX];
    memcpy(said, word, length);
    said[length] = 0;
    const char *text;
    if (equals) {
        text = equals + 1;
    } else if (row->kind == STERNA_OPTION_FLAG) {
        text = "on";
    } else if (*i + 1 >= n) {
        return sterna_fail(fault, STERNA_USAGE, "%s: needs a value: %s %s", said, said, row->value);
    } else {
        text = words[++*i];
        if (find_option(options->command, text, strlen(text)) != STERNA_OPT_COUNT)
            return sterna_fail(
                fault, STERNA_USAGE,
                "%s: needs a value, and %s is a flag; if it is meant as the value, write %s=%s", said, text,
                said, text);
    }
    /* A variable of a script that is not set is no wish for what is usual. */
    if (row->kind == STERNA_OPTION_TEXT && row->variable && !text[0])
        return sterna_fail(fault, STERNA_USAGE, "%s: the value is empty; want %s %s", said, said, row->value);
    sterna_status status = sterna_option_parse(row, said, text, &options->values[id], fault);
    options->values[id].given = status == STERNA_OK;
    return status;
}

/* Variables and defaults for what no flag has set. */
static sterna_status fill_in(sterna_options *options, sterna_fault *fault)
{
    for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++) {
        const sterna_option_row *row = &sterna_option_rows[o];
        sterna_option_value *value = &options->values[o];
        if (!(row->commands >> options->command & 1u) || value->given) continue;
        const char *text = row->variable ? sterna_sys_getenv(row->variable) : NULL;
        if (text && text[0]) {
            sterna_status status = sterna_option_parse(row, row->variable, text, value, fault);
            if (status != STERNA_OK) return status;
            value->given = true;
        } else if (sterna_option_required(row)) {
            char name[STERNA_OPTION_NAME_MAX];
            sterna_option_long_name(row, name);
            return sterna_fail(fault, STERNA_USAGE, "%s %s is missing: %s", name, row->value, row->sentence);
        } else if (row->fallback) {
            sterna_status status = sterna_option_parse(row, row->names, row->fallback, value, fault);
            if (status != STERNA_OK)
                return sterna_fail(fault, STERNA_INTERNAL, "%s: its default", row->names);
        }
    }
    return STERNA_OK;
}

static sterna_status count_arguments(const sterna_options *options, sterna_fault *fault)
{
    const sterna_command_row *row = &sterna_command_rows[options->command];
    if (options->n_arguments < row->fewest)
        return sterna_fail(fault, STERNA_USAGE, "%s is missing",
                           options->n_arguments ? "an argument" : row->arguments);
    if (options->n_arguments > row->most)
        return sterna_fail(fault, STERNA_USAGE, "%s: one argument too many%s", options->arguments[row->most],
                           row->most ? "" : "; this command takes flags only");
    return STERNA_OK;
}

sterna_status sterna_options_parse(sterna_command_id command, int n, char *const *words,
                                   sterna_options *options, sterna_fault *fault)
{
    *options = (sterna_options){.command = command};
    options->arguments = sterna_alloc((size_t)n + 1, sizeof *options->arguments);
    if (!options->arguments) return sterna_fail(fault, STERNA_MEMORY, "out of memory for %d arguments", n);
    bool flags = true;
    for (int i = 0; i < n; i++) {
        const char *word = words[i];
        if (flags && !strcmp(word, "--")) {
            flags = false;
        } else if (flags && word[0] == '-' && word[1]) { /* a lone - is standard input */
            sterna_status status = take_flag(options, n, words, &i, fault);
            if (status != STERNA_OK) return status;
        } else {
            options->arguments[options->n_arguments++] = word;
        }
    }
    if (sterna_option_flag(options, STERNA_OPT_help)) return STERNA_OK;
    sterna_status status = fill_in(options, fault);
    return status == STERNA_OK ? count_arguments(options, fault) : status;
}

void sterna_options_free(sterna_options *options)
{
    sterna_free(options->arguments);
    options->arguments = NULL;
}
