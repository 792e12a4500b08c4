/* The command line's options: the table of options.def as data, and its parser.
 * Owns: spelling, ranges, defaults, environment variables. Leaves to others: what the values mean. */
#ifndef STERNA_OPTIONS_H
#define STERNA_OPTIONS_H

#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sterna_command_id {
#define COMMAND(id, build, arguments, fewest, most, sentence) STERNA_CMD_##id,
#include "cli/options.def"
    STERNA_CMD_COUNT
} sterna_command_id;

typedef enum sterna_option_id {
#define OPTION(id, commands, names, kind, value, fallback, low, high, variable, sentence) STERNA_OPT_##id,
#include "cli/options.def"
    STERNA_OPT_COUNT
} sterna_option_id;

typedef enum sterna_option_kind {
    STERNA_OPTION_FLAG,
    STERNA_OPTION_INTEGER,
    STERNA_OPTION_WORD64,
    STERNA_OPTION_REAL,
    STERNA_OPTION_TEXT,
    STERNA_OPTION_PATH,
    STERNA_OPTION_CHOICE,
    STERNA_OPTION_INTEGERS,
    STERNA_OPTION_TEXTS
} sterna_option_kind;

#define STERNA_OPTION_LIST_MAX 16u  /* elements of an INTEGERS value, repetitions of a TEXTS one */
#define STERNA_OPTION_NAME_MAX 32u  /* bytes of one spelling, with its NUL */
#define STERNA_OPTION_REQUIRED "\1" /* as fallback: the option must be given */

typedef struct sterna_command_row {
    const char *name, *build, *arguments;
    uint32_t fewest, most;
    const char *sentence;
} sterna_command_row;

typedef struct sterna_option_row {
    uint32_t commands; /* bit c: command c has it */
    const char *names, *value;
    sterna_option_kind kind;
    const char *fallback; /* NULL: none */
    int64_t low, high;
    const char *variable; /* NULL: none */
    const char *sentence;
} sterna_option_row;

typedef struct sterna_example_row {
    sterna_command_id command;
    uint32_t runs; /* 1: a test executes the line */
    const char *line, *sentence;
} sterna_example_row;

/* The order of help and documents: a heading (title not NULL), or an option. */
typedef struct sterna_layout_row {
    const char *title;
    sterna_option_id option;
} sterna_layout_row;

extern const sterna_layout_row sterna_layout_rows[];
extern const size_t sterna_layout_count;
extern const sterna_command_row sterna_command_rows[STERNA_CMD_COUNT];
extern const sterna_option_row sterna_option_rows[STERNA_OPT_COUNT];
extern const sterna_example_row sterna_example_rows[];
extern const size_t sterna_example_count;

/* Writes the i-th spelling of an option to name; false when there are fewer. */
bool sterna_option_name(const sterna_option_row *row, uint32_t i, char name[STERNA_OPTION_NAME_MAX]);
/* The spelling used in messages and documents: the first one with two dashes. */
void sterna_option_long_name(const sterna_option_row *row, char name[STERNA_OPTION_NAME_MAX]);
static inline bool sterna_option_required(const sterna_option_row *row)
{
    return row->fallback && row->fallback[0] == STERNA_OPTION_REQUIRED[0];
}

typedef struct sterna_option_value {
    bool set;         /* by flag, variable or default */
    bool given;       /* by flag or variable */
    const char *text; /* as typed */
    int64_t integer;  /* INTEGER; FLAG: 0 or 1; CHOICE: place in the list */
    uint64_t word;    /* WORD64 */
    double real;      /* REAL */
    uint32_t list[STERNA_OPTION_LIST_MAX], n_list;
    const char *texts[STERNA_OPTION_LIST_MAX]; /* TEXTS: each as typed */
    uint32_t n_texts;
} sterna_option_value;

/* What one command line says. Texts are the caller's argv and the environment: they outlive this. */
typedef struct sterna_options {
    sterna_command_id command;
    sterna_option_value values[STERNA_OPT_COUNT];
    const char **arguments; /* [n_arguments] */
    uint32_t n_arguments;
} sterna_options;

/* Parses what follows the command's name. USAGE names flag and value and says what is legal; an unknown flag
 * comes with the nearest known one. Flags may stand between arguments; `--` ends them; the last of several
 * counts, of TEXTS all do. With --help nothing else is demanded. Call sterna_options_free() in any case. */
sterna_status sterna_options_parse(sterna_command_id command, int n, char *const *words,
                                   sterna_options *options, sterna_fault *fault);
void sterna_options_free(sterna_options *options);

/* Parses one value as the row demands. `said` is how the user wrote the flag ("--temp", "STERNA_THREADS"). */
sterna_status sterna_option_parse(const sterna_option_row *row, const char *said, const char *text,
                                  sterna_option_value *value, sterna_fault *fault);

static inline bool sterna_option_given(const sterna_options *options, sterna_option_id id)
{
    return options->values[id].given;
}
static inline bool sterna_option_flag(const sterna_options *options, sterna_option_id id)
{
    return options->values[id].integer != 0;
}
static inline int64_t sterna_option_integer(const sterna_options *options, sterna_option_id id)
{
    return options->values[id].integer;
}
static inline uint64_t sterna_option_word(const sterna_options *options, sterna_option_id id)
{
    return options->values[id].word;
}
static inline double sterna_option_real(const sterna_options *options, sterna_option_id id)
{
    return options->values[id].real;
}
/* NULL when neither given nor defaulted. */
static inline const char *sterna_option_text(const sterna_options *options, sterna_option_id id)
{
    return options->values[id].set ? options->values[id].text : NULL;
}

/* The command of that name, or STERNA_CMD_COUNT. */
sterna_command_id sterna_command_find(const char *name);
/* Which candidate is nearest to `word`, when near enough to be meant; else UINT32_MAX. `next` gives the i-th
 * candidate, NULL behind the last; its text need live until the next call only. */
uint32_t sterna_nearest(const char *word, const char *(*next)(const void *context, uint32_t i),
                        const void *context);

#endif
