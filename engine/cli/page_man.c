/* sterna(1) in man(7) macros: one page for all commands. */
#include "cli/pages.h"
#include <stdio.h>
#include <string.h>

/* Text for roff: backslashes and hyphens escaped, a leading dot or quote protected. */
static void put_roff(sterna_out *out, const char *text)
{
    if (*text == '.' || *text == '\'') sterna_out_text(out, "\\&");
    for (; *text; text++) {
        if (*text == '\\')
            sterna_out_text(out, "\\e");
        else if (*text == '-')
            sterna_out_text(out, "\\-");
        else
            sterna_out_write(out, text, 1);
    }
}

static void put_option(sterna_out *out, const sterna_option_row *row)
{
    char facts[STERNA_PAGE_FACTS], name[STERNA_OPTION_NAME_MAX];
    sterna_out_text(out, ".TP\n");
    for (uint32_t i = 0; sterna_option_name(row, i, name); i++) {
        sterna_out_text(out, i ? ", \\fB" : "\\fB");
        put_roff(out, name);
        sterna_out_text(out, "\\fR");
    }
    if (row->value[0]) {
        sterna_out_text(out, " \\fI");
        put_roff(out, row->value);
        sterna_out_text(out, "\\fR");
    }
    sterna_out_text(out, "\n");
    put_roff(out, row->sentence);
    sterna_page_facts(row, facts);
    if (facts[0]) {
        sterna_out_text(out, " (");
        put_roff(out, facts);
        sterna_out_text(out, ")");
    }
    sterna_out_text(out, "\n");
}

static void put_command(sterna_out *out, sterna_command_id command)
{
    sterna_out_text(out, ".SS ");
    sterna_page_usage(out, command);
    sterna_out_text(out, "\n");
    put_roff(out, sterna_command_rows[command].sentence);
    sterna_out_text(out, ".\n");
    for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++)
        if (o != STERNA_OPT_help && sterna_option_rows[o].commands >> command & 1u)
            put_option(out, &sterna_option_rows[o]);
}

static void put_variables(sterna_out *out)
{
    sterna_out_text(out, ".SH ENVIRONMENT\nA flag wins over its variable.\n");
    for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++) {
        const sterna_option_row *row = &sterna_option_rows[o];
        bool seen = !row->variable;
        for (uint32_t k = 0; k < o && !seen; k++)
            seen = sterna_option_rows[k].variable && !strcmp(sterna_option_rows[k].variable, row->variable);
        if (seen) continue;
        char name[STERNA_OPTION_NAME_MAX];
        sterna_option_long_name(row, name);
        sterna_out_print(out, ".TP\n.B %s\nThe value of\n.B ", row->variable);
        put_roff(out, name);
        sterna_out_text(out, "\nwhen the flag is absent.\n");
    }
    sterna_out_text(out, ".TP\n.B NO_COLOR\nNot empty: messages come without colour.\n");
}

void sterna_page_man(sterna_out *out)
{
    const sterna_command_row *program = &sterna_command_rows[STERNA_CMD_sterna];
    sterna_out_print(out, ".TH STERNA 1 \"\" \"sterna %s\" \"User Commands\"\n.SH NAME\nsterna \\- ",
                     STERNA_VERSION);
    put_roff(out, program->sentence);
    sterna_out_text(out,
                    "\n.SH SYNOPSIS\n.B sterna\n.I command\n.RI [ flags ]\n.SH DESCRIPTION\n"
                    "Results stand alone on standard output; figures, progress and complaints go to standard "
                    "error. A value follows its flag, or stands behind an equals sign.\n"
                    ".B \\-\\-\nends the flags. A file named\n.B \\-\nis standard input.\n.SH COMMANDS\n");
    for (uint32_t c = 1; c < STERNA_CMD_COUNT; c++) put_command(out, (sterna_command_id)c);
    sterna_out_text(out, ".SH FLAGS WITHOUT A COMMAND\n");
    for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++)
        if (sterna_option_rows[o].commands >> STERNA_CMD_sterna & 1u) put_option(out, &sterna_option_rows[o]);
    put_variables(out);
    sterna_out_text(out, ".SH EXIT STATUS\n");
#define X(name, number, exit_code, text) sterna_out_print(out, ".TP\n%d\n%s\n", exit_code, text);
    STERNA_STATUS_LIST(X)
#undef X
    sterna_out_text(out, ".SH EXAMPLES\n");
    for (size_t i = 0; i < sterna_example_count; i++) {
        put_roff(out, sterna_example_rows[i].sentence);
        sterna_out_text(out, ":\n.PP\n.RS 4\n.nf\n");
        put_roff(out, sterna_example_rows[i].line);
        sterna_out_text(out, "\n.fi\n.RE\n.PP\n");
    }
}
