/* `--help`, and the pieces of text that all pages share. */
#include "base/size.h"
#include "cli/pages.h"
#include <stdio.h>
#include <string.h>

enum { WIDTH = 100, TEXT_COLUMN = 34 };

static bool has(sterna_command_id command, sterna_option_id option)
{
    return sterna_option_rows[option].commands >> command & 1u;
}

bool sterna_page_section_used(sterna_command_id command, size_t layout_row)
{
    for (size_t i = layout_row + 1; i < sterna_layout_count && !sterna_layout_rows[i].title; i++)
        if (has(command, sterna_layout_rows[i].option)) return true;
    return false;
}

void sterna_page_usage(sterna_out *out, sterna_command_id command)
{
    const sterna_command_row *row = &sterna_command_rows[command];
    char name[STERNA_OPTION_NAME_MAX];
    sterna_out_print(out, "sterna%s%s", command ? " " : "", command ? row->name : "");
    for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++) {
        const sterna_option_row *option = &sterna_option_rows[o];
        if (!has(command, (sterna_option_id)o) || !sterna_option_required(option)) continue;
        sterna_option_name(option, 0, name);
        sterna_out_print(out, " %s %s", name, option->value);
    }
    sterna_out_print(out, "%s%s", row->arguments[0] ? " " : "", row->arguments);
    sterna_out_text(out, " [flags]");
}

size_t sterna_page_spelling(sterna_out *out, const sterna_option_row *row)
{
    sterna_out_text(out, row->names);
    if (!row->value[0]) return strlen(row->names);
    sterna_out_print(out, " %s", row->value);
    return strlen(row->names) + 1 + strlen(row->value);
}

/* Appends "name value" to a list with commas. */
static void fact(char facts[STERNA_PAGE_FACTS], const char *name, const char *value)
{
    size_t used = strlen(facts);
    snprintf(facts + used, STERNA_PAGE_FACTS - used, "%s%s%s", used ? ", " : "", name, value);
}

void sterna_page_facts(const sterna_option_row *row, char facts[STERNA_PAGE_FACTS])
{
    char range[64];
    facts[0] = 0;
    if (sterna_option_required(row)) fact(facts, "required", "");
    if (row->kind != STERNA_OPTION_FLAG && row->fallback && !sterna_option_required(row))
        fact(facts, "default ", row->fallback);
    if (row->kind == STERNA_OPTION_INTEGER || row->kind == STERNA_OPTION_REAL ||
        row->kind == STERNA_OPTION_INTEGERS) {
        snprintf(range, sizeof range, "%lld to %lld", (long long)row->low, (long long)row->high);
        fact(facts, range, "");
    }
    if (row->variable) fact(facts, "variable ", row->variable);
}

static void print_option(sterna_out *out, const sterna_option_row *row)
{
    char facts[STERNA_PAGE_FACTS], text[700];
    sterna_out_text(out, "  ");
    size_t column = 2 + sterna_page_spelling(out, row);
    if (column + 2 > TEXT_COLUMN) {
        sterna_out_text(out, "\n");
        column = 0;
    }
    sterna_out_print(out, "%*s", (int)(TEXT_COLUMN - column), "");
    sterna_page_facts(row, facts);
    snprintf(text, sizeof text, facts[0] ? "%s (%s)" : "%s%s", row->sentence, facts);
    sterna_out_wrap(out, text, TEXT_COLUMN, TEXT_COLUMN, WIDTH);
}

static void print_commands(sterna_out *out)
{
    sterna_out_text(out, "\nCommands (sterna COMMAND --help explains one):\n");
    for (uint32_t c = 1; c < STERNA_CMD_COUNT; c++) {
        sterna_out_print(out, "  %-10s", sterna_command_rows[c].name);
        sterna_out_wrap(out, sterna_command_rows[c].sentence, 12, 12, WIDTH);
    }
}

static void print_exit_codes(sterna_out *out)
{
    sterna_out_text(out, "\nExit codes:\n");
#define X(name, number, exit_code, text) sterna_out_print(out, "  %2d  %s\n", exit_code, text);
    STERNA_STATUS_LIST(X)
#undef X
}

void sterna_page_help(sterna_out *out, sterna_command_id command)
{
    const sterna_command_row *row = &sterna_command_rows[command];
    sterna_out_print(out, "sterna%s%s: %s\n\nUsage: ", command ? " " : "", command ? row->name : "",
                     row->sentence);
    sterna_page_usage(out, command);
    sterna_out_text(out, "\n");
    if (command == STERNA_CMD_sterna) print_commands(out);
    for (size_t i = 0; i < sterna_layout_count; i++) {
        const sterna_layout_row *layout = &sterna_layout_rows[i];
        if (layout->title && sterna_page_section_used(command, i))
            sterna_out_print(out, "\n%s:\n", layout->title);
        if (!layout->title && has(command, layout->option))
            print_option(out, &sterna_option_rows[layout->option]);
    }
    sterna_out_text(out, "\nExamples:\n");
    for (size_t i = 0; i < sterna_example_count; i++)
        if (sterna_example_rows[i].command == command)
            sterna_out_print(out, "  %s\n      %s\n", sterna_example_rows[i].line,
                             sterna_example_rows[i].sentence);
    if (command == STERNA_CMD_sterna) print_exit_codes(out);
}
