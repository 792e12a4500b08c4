/* The option table and its parser: what is legal, what is refused and how the refusal reads. */
#include "base/env.h"
#include "base/size.h"
#include "cli/options.h"
#include "cli/out.h"
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 24 };

/* Parses words separated by one space each. */
static sterna_status parse(sterna_command_id command, const char *line, sterna_options *options,
                           sterna_fault *fault)
{
    static char text[1024];
    char *words[WORDS_MAX];
    int n = 0;
    *fault = (sterna_fault){0};
    snprintf(text, sizeof text, "%s", line);
    for (char *at = text; *at && n < WORDS_MAX;) {
        words[n++] = at;
        at += strcspn(at, " ");
        if (*at) *at++ = 0;
    }
    return sterna_options_parse(command, n, words, options, fault);
}

static void forget_environment(void)
{
    for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++)
        if (sterna_option_rows[o].variable) unsetenv(sterna_option_rows[o].variable);
}

static void values(sterna_test *t)
{
    sterna_options o;
    sterna_fault fault;
    forget_environment();
    CHECK(t, parse(STERNA_CMD_run,
                   "-m a.gguf --temp=0.75 -n 12 -s 18446744073709551615 -ctk f32 --top-p 1e-1 --json -temp "
                   "0.5 --ignore-eos=off",
                   &o, &fault) == STERNA_OK);
    EXPECT(t, !strcmp(sterna_option_text(&o, STERNA_OPT_model), "a.gguf"));
    EXPECT(t, sterna_option_real(&o, STERNA_OPT_temperature) == 0.5); /* the last one counts */
    EXPECT(t, sterna_option_integer(&o, STERNA_OPT_n_predict) == 12);
    EXPECT(t, sterna_option_word(&o, STERNA_OPT_seed) == UINT64_MAX);
    EXPECT(t, sterna_option_integer(&o, STERNA_OPT_cache_type_k) == 1);
    EXPECT(t, !sterna_option_given(&o, STERNA_OPT_cache_type_v));
    EXPECT(t, sterna_option_text(&o, STERNA_OPT_cache_type_v) == NULL);
    EXPECT(t, sterna_option_real(&o, STERNA_OPT_top_p) == 0.1);
    EXPECT(t, sterna_option_flag(&o, STERNA_OPT_json));
    EXPECT(t, !sterna_option_flag(&o, STERNA_OPT_ignore_end));
    EXPECT(t, !strcmp(sterna_option_text(&o, STERNA_OPT_device), "auto")); /* a default */
    EXPECT(t, !sterna_option_given(&o, STERNA_OPT_device));
    sterna_options_free(&o);
}

static void lists_and_arguments(sterna_test *t)
{
    sterna_options o;
    sterna_fault fault;
    forget_environment();
    CHECK(t, parse(STERNA_CMD_bench, "-m x -p 1,22,333 -n 0", &o, &fault) == STERNA_OK);
    const sterna_option_value *list = &o.values[STERNA_OPT_bench_prompt];
    EXPECT(t, list->n_list == 3 && list->list[0] == 1 && list->list[1] == 22 && list->list[2] == 333);
    sterna_options_free(&o);
    CHECK(t, parse(STERNA_CMD_hash, "- a --json -t 2 -- --json", &o, &fault) == STERNA_OK);
    EXPECT(t, o.n_arguments == 3 && !strcmp(o.arguments[0], "-") && !strcmp(o.arguments[1], "a") &&
                  !strcmp(o.arguments[2], "--json"));
    sterna_options_free(&o);
}

static void variables(sterna_test *t)
{
    sterna_options o;
    sterna_fault fault;
    forget_environment();
    setenv("STERNA_MODEL", "from-variable", 1);
    setenv("STERNA_THREADS", "3", 1);
    CHECK(t, parse(STERNA_CMD_run, "-t 5", &o, &fault) == STERNA_OK);
    EXPECT(t, !strcmp(sterna_option_text(&o, STERNA_OPT_model), "from-variable"));
    EXPECT(t, sterna_option_integer(&o, STERNA_OPT_threads) == 5); /* the flag wins */
    sterna_options_free(&o);
    CHECK(t, parse(STERNA_CMD_run, "", &o, &fault) == STERNA_OK);
    EXPECT(t, sterna_option_integer(&o, STERNA_OPT_threads) == 3);
    sterna_options_free(&o);
    setenv("STERNA_THREADS", "many", 1);
    EXPECT(t, parse(STERNA_CMD_run, "", &o, &fault) == STERNA_USAGE);
    EXPECT(t, strstr(fault.text, "STERNA_THREADS many: must be a whole number from 0 to 1024") != NULL);
    sterna_options_free(&o);
    setenv("STERNA_THREADS", "", 1); /* empty counts as unset */
    EXPECT(t, parse(STERNA_CMD_run, "", &o, &fault) == STERNA_OK);
    sterna_options_free(&o);
}

/* Each line with a part of the sentence it must get. */
static void refusals(sterna_test *t)
{
    static const struct {
        sterna_command_id command;
        const char *line, *part;
    } rows[] = {
        {STERNA_CMD_run, "", "--model FILE is missing"},
        {STERNA_CMD_run, "-m", "-m: needs a value: -m FILE"},
        {STERNA_CMD_run, "-m --json", "-m=--json"},
        {STERNA_CMD_run, "-m=", "-m: the name of a file cannot be empty"},
        {STERNA_CMD_run, "-m x stray", "stray: one argument too many"},
        {STERNA_CMD_run, "-m x --tempp 1", "--tempp: unknown flag; did you mean --temp?"},
        {STERNA_CMD_run, "-m x --thraeds=4", "--thraeds: unknown flag; did you mean --threads?"},
        {STERNA_CMD_run, "-m x --zzzzzzzzz", "--zzzzzzzzz: unknown flag"},
        {STERNA_CMD_run, "-m x -t 1.5", "-t 1.5: must be a whole number from 0 to 1024"},
        {STERNA_CMD_run, "-m x -t 1025", "from 0 to 1024"},
        {STERNA_CMD_run, "-m x -t -1", "from 0 to 1024"},
        {STERNA_CMD_run, "-m x -t +1", "from 0 to 1024"},
        {STERNA_CMD_run, "-m x -t 0x10", "from 0 to 1024"},
        {STERNA_CMD_run, "-m x -t=", "from 0 to 1024"},
        {STERNA_CMD_run, "-m x -t 99999999999999999999999999", "from 0 to 1024"},
        {STERNA_CMD_run, "-m x -n -2", "from -1 to"},
        {STERNA_CMD_run, "-m x -n -", "from -1 to"},
        {STERNA_CMD_run, "-m x -s -1", "-s -1: must be a whole number from 0 to 18446744073709551615"},
        {STERNA_CMD_run, "-m x -s 18446744073709551616", "from 0 to 18446744073709551615"},
        {STERNA_CMD_run, "-m x --temp nan", "--temp nan: must be a number from 0 to 100"},
        {STERNA_CMD_run, "-m x --temp inf", "from 0 to 100"},
        {STERNA_CMD_run, "-m x --temp 1e999", "from 0 to 100"},
        {STERNA_CMD_run, "-m x --temp 0x1p2", "from 0 to 100"},
        {STERNA_CMD_run, "-m x --temp 1.0.0", "from 0 to 100"},
        {STERNA_CMD_run, "-m x --temp=", "from 0 to 100"},
        {STERNA_CMD_run, "-m x --top-p 1.01", "from 0 to 1"},
        {STERNA_CMD_run, "-m x --device=", "--device: the value is empty"},
        {STERNA_CMD_run, "-m x --json=maybe", "--json maybe: must be on or off"},
        {STERNA_CMD_run, "-m x -ctk q8_0", "-ctk q8_0: must be one of f16|f32"},
        {STERNA_CMD_run, "-m x -ctk f", "must be one of"},
        {STERNA_CMD_bench, "-m x -p 1,,2", "whole numbers with commas between them"},
        {STERNA_CMD_bench, "-m x -p 1,", "whole numbers with commas between them"},
        {STERNA_CMD_bench, "-m x -p 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "more than 16 numbers"},
        {STERNA_CMD_inspect, "", "FILE is missing"},
        {STERNA_CMD_inspect, "a b", "b: one argument too many"},
        {STERNA_CMD_convert, "a", "an argument is missing"},
        {STERNA_CMD_sterna, "-p x", "did you mean `sterna run -p`?"},
    };
    forget_environment();
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        sterna_options o;
        sterna_fault fault;
        const char *part = rows[i].part;
        sterna_test_note(t, "%s", rows[i].line);
        EXPECT(t, parse(rows[i].command, rows[i].line, &o, &fault) == STERNA_USAGE);
        if (!EXPECT(t, strstr(fault.text, part) != NULL)) sterna_test_note(t, "it says: %s", fault.text);
        sterna_options_free(&o);
    }
}

/* The table itself: defaults are legal, spellings are unique per command, every option has a long name and a
 * sentence, and nothing is too long for its buffers. */
static void table(sterna_test *t)
{
    char a[STERNA_OPTION_NAME_MAX], b[STERNA_OPTION_NAME_MAX];
    for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++) {
        const sterna_option_row *row = &sterna_option_rows[o];
        sterna_option_value value = {0};
        sterna_fault fault = {0};
        sterna_option_long_name(row, a);
        sterna_test_note(t, "%s", row->names);
        EXPECT(t, !strncmp(a, "--", 2));
        EXPECT(t, row->commands != 0 && row->commands < 1u << STERNA_CMD_COUNT);
        EXPECT(t, row->sentence[0] && row->sentence[strlen(row->sentence) - 1] != '.');
        EXPECT(t, (row->kind == STERNA_OPTION_FLAG) == (row->value[0] == 0));
        if (row->fallback && !sterna_option_required(row))
            EXPECT(t, sterna_option_parse(row, a, row->fallback, &value, &fault) == STERNA_OK);
        bool known = !row->variable; /* else the program would call its own variable a mistake */
        for (uint32_t v = 0; v < STERNA_ENV_COUNT; v++)
            known |= row->variable && !strcmp(row->variable, sterna_env_name((sterna_env)v));
        EXPECT(t, known);
        for (uint32_t i = 0; sterna_option_name(row, i, a); i++) {
            EXPECT(t, a[0] == '-' && a[1] && !strchr(a, ' '));
            for (uint32_t p = 0; p < o; p++)
                for (uint32_t k = 0; sterna_option_name(&sterna_option_rows[p], k, b); k++)
                    EXPECT(t, strcmp(a, b) != 0 || !(row->commands & sterna_option_rows[p].commands));
        }
    }
    for (size_t i = 0; i < sterna_example_count; i++)
        EXPECT(t, strstr(sterna_example_rows[i].line, "sterna ") != NULL);
}

static const char *next_word(const void *context, uint32_t i)
{
    return ((const char *const *)context)[i];
}

static void nearest(sterna_test *t)
{
    static const char *const words[] = {"--temp", "--threads", "--top-k", NULL};
    EXPECT(t, sterna_nearest("--temp", next_word, words) == 0);
    EXPECT(t, sterna_nearest("--thread", next_word, words) == 1);
    EXPECT(t, sterna_nearest("--tpo-k", next_word, words) == 2); /* two letters swapped are one edit */
    EXPECT(t, sterna_nearest("--color", next_word, words) == UINT32_MAX);
    EXPECT(t, sterna_nearest("", next_word, words) == UINT32_MAX);
    EXPECT(t,
           sterna_nearest("a-word-that-is-longer-than-any-flag-may-ever-be", next_word, words) == UINT32_MAX);
}

/* One word for a shell, and never more than the room. */
static void shell_words(sterna_test *t)
{
    static const struct {
        const char *text, *word;
    } rows[] = {{"out/a-b_c.repro", "out/a-b_c.repro"},
                {"a folder/x", "'a folder/x'"},
                {"", "''"},
                {"it's", "'it'\\''s'"},
                {"$(x)`y`\"\\", "'$(x)`y`\"\\'"}};
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        char room[64];
        const size_t needs = strlen(rows[i].word) + 1;
        const char *word = sterna_out_word(rows[i].text, room, sizeof room);
        if (!EXPECT(t, !strcmp(word, rows[i].word))) sterna_test_note(t, "%s: %s", rows[i].text, word);
        for (size_t bytes = 0; bytes <= needs; bytes++) {
            memset(room, '#', sizeof room);
            word = sterna_out_word(rows[i].text, room, bytes);
            EXPECT(t, !strcmp(word, bytes < needs ? rows[i].text : rows[i].word));
            EXPECT(t, room[bytes] == '#');
        }
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"values", values, 0},
    {"lists_and_arguments", lists_and_arguments, 0},
    {"variables", variables, 0},
    {"refusals", refusals, 0},
    {"table", table, 0},
    {"nearest", nearest, 0},
    {"shell_words", shell_words, 0},
    {0},
};
