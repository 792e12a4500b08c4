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

/* What --device takes. Keys are those of the tables that the backends read. */
static void put_devices(sterna_out *out)
{
    static const struct {
        const char *backend, *name, *sentence;
    } keys[] = {
#define STREAM_KEY(name, low, high, preset, sentence) {"cuda, hip", #name, sentence},
#include "gpu/stream/keys.def"
        {"cuda, hip", "library", "the driver's library, a file"},
#define KEY(name, low, high, preset, sentence) {"vulkan", #name, sentence},
#include "vulkan/vulkan_keys.def"
        {"vulkan", "library", "the loader, a file"},
#define OPENCL_KEY(name, low, high, preset, sentence) {"opencl", #name, sentence},
#include "opencl/opencl_keys.def"
    };
    sterna_out_text(
        out,
        ".SH DEVICES\nA device is\n.BR auto ,\na backend's name\n.RB ( cpu \", \" cuda \", \" hip \", \" "
        "vulkan \", \" "
        "opencl \", \" mock ),\nthe name, a colon and one of its devices, by number or by a part of what\n.B "
        "sterna "
        "devices\nlists\n.RB ( cpu:avx2 \", \" cuda:0 \", \" vulkan:llvmpipe ),\nor the file of a "
        "plug\\-in\n.RB ( "
        "./x.so ).\nKeys stand behind the colon, with commas between them\n.RB ( vulkan:validate=1 \", \" "
        "opencl:pocl,watchdog=5000 ).\n");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (i == 0 || strcmp(keys[i].backend, keys[i - 1].backend) != 0)
            sterna_out_print(out, ".SS Keys: %s\n", keys[i].backend);
        sterna_out_print(out, ".TP\n.B %s\n", keys[i].name);
        put_roff(out, keys[i].sentence);
        sterna_out_text(out, "\n");
    }
}

/* Variables of the program and its backends; those of tests and scripts are in docs/environment.md. */
static void put_variables(sterna_out *out)
{
    static const struct {
        const char *name, *reader, *sentence;
    } rows[] = {
#define ENV(name, kind, reader, sentence) {"STERNA_" #name, reader, sentence},
#include "base/env.def"
        {"NO_COLOR", "sterna", "not empty: messages come without colour"}};
    sterna_out_text(out,
                    ".SH ENVIRONMENT\nA flag wins over its variable; an empty variable counts as unset.\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *reader = rows[i].reader;
        if (strchr(reader, '/') || !strncmp(reader, "tests", 5) || !strncmp(reader, "mock", 4)) continue;
        sterna_out_print(out, ".TP\n.B %s\n", rows[i].name);
        put_roff(out, rows[i].sentence);
        sterna_out_print(out, " (%s)\n", reader);
    }
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
    put_devices(out);
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
