/* docs/cli.md: the table as a document. */
#include "cli/pages.h"
#include <string.h>

/* Text of a table cell: bars escaped. */
static void put_cell(sterna_out *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') sterna_out_write(out, "\\", 1);
        sterna_out_write(out, text, 1);
    }
}

static void put_options(sterna_out *out, sterna_command_id command)
{
    char name[STERNA_OPTION_NAME_MAX], facts[STERNA_PAGE_FACTS];
    sterna_out_text(out, "\n| flag | meaning | |\n|---|---|---|\n");
    for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++) {
        const sterna_option_row *row = &sterna_option_rows[o];
        if (!(row->commands >> command & 1u)) continue;
        for (uint32_t i = 0; sterna_option_name(row, i, name); i++) {
            sterna_out_text(out, i ? ", `" : "| `");
            sterna_out_text(out, name);
            sterna_out_text(out, "`");
        }
        if (row->value[0]) {
            sterna_out_text(out, " *");
            put_cell(out, row->value);
            sterna_out_text(out, "*");
        }
        sterna_out_text(out, " | ");
        put_cell(out, row->sentence);
        sterna_page_facts(row, facts);
        sterna_out_print(out, " | %s |\n", facts);
    }
}

static void put_examples(sterna_out *out, sterna_command_id command)
{
    for (size_t i = 0; i < sterna_example_count; i++) {
        const sterna_example_row *row = &sterna_example_rows[i];
        if (row->command != command) continue;
        const char *stop = row->sentence[strlen(row->sentence) - 1] == '?' ? "" : ".";
        sterna_out_print(out, "\nExample: %s%s\n\n```sh%s\n", row->sentence, stop,
                         row->runs ? "" : " no-run");
        sterna_out_text(out, row->line);
        sterna_out_text(out, "\n```\n");
    }
}

static const char opening[] =
    "# The `sterna` command\n\n"
    "Generated from `engine/cli/options.def` by `make docs`, as are `--help`, the manual page and the "
    "completions.\n\n"
    "- Results stand alone on standard output; figures, progress and complaints go to standard error. "
    "Progress and\n"
    "  colour appear on a terminal only; `NO_COLOR` switches colour off.\n"
    "- `--flag value` and `--flag=value` mean the same; `--` ends the flags; a file named `-` is standard "
    "input. Of a\n"
    "  flag given twice the last one counts. Values are read strictly: what is not entirely legal is "
    "refused.\n"
    "- A flag wins over its environment variable, a variable over the default. An empty variable counts as "
    "unset.\n"
    "- `--json` prints one object. `schema` names its form; a form gains keys, and changes none. A failure "
    "is an object,\n"
    "  too (`sterna-error/1`), unless the command line itself is wrong.\n"
    "- Ctrl-C ends a run between two submissions; what has been written stays, and the exit code is that of\n"
    "  `INTERRUPTED`. A second Ctrl-C kills. The same code is given, without a word, when the reader of "
    "standard output\n"
    "  goes away (`sterna ... | head`): the result is not whole.\n"
    "- Exit codes stand in [errors.md](errors.md).\n";

void sterna_page_markdown(sterna_out *out)
{
    sterna_out_text(out, opening);
    for (uint32_t c = 1; c < STERNA_CMD_COUNT; c++) {
        const sterna_command_row *row = &sterna_command_rows[c];
        sterna_out_print(out, "\n## sterna %s\n\n", row->name);
        sterna_out_print(out, "`");
        sterna_page_usage(out, (sterna_command_id)c);
        sterna_out_print(out, "`: %s.\n", row->sentence);
        if (row->build[0]) sterna_out_print(out, "Part of builds with `-D%s=ON`.\n", row->build);
        put_options(out, (sterna_command_id)c);
        put_examples(out, (sterna_command_id)c);
    }
    sterna_out_text(out, "\n## Flags without a command\n");
    put_options(out, STERNA_CMD_sterna);
    put_examples(out, STERNA_CMD_sterna);
}
