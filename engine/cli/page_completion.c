/* Completions for bash, zsh and fish. Owns: their syntax. The words come from the table. */
#include "cli/pages.h"
#include <string.h>

/* All spellings of the options that `command` has, each followed by `behind`; `kinds` is a set of bits 1 <<
 * kind. */
static void put_flags(sterna_out *out, sterna_command_id command, uint32_t kinds, const char *behind)
{
    char name[STERNA_OPTION_NAME_MAX];
    for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++) {
        const sterna_option_row *row = &sterna_option_rows[o];
        if (!(row->commands >> command & 1u) || !(kinds >> row->kind & 1u)) continue;
        for (uint32_t i = 0; sterna_option_name(row, i, name); i++)
            sterna_out_print(out, "%s%s", name, behind);
    }
}

static void put_choices(sterna_out *out, const char *choices)
{
    for (; *choices; choices++) sterna_out_write(out, *choices == '|' ? " " : choices, 1);
}

static void put_commands(sterna_out *out)
{
    for (uint32_t c = 1; c < STERNA_CMD_COUNT; c++)
        sterna_out_print(out, "%s%s", c > 1 ? " " : "", sterna_command_rows[c].name);
}

/* Does the command take files as arguments or values that are not flags? */
static bool takes_files(sterna_command_id command)
{
    return sterna_command_rows[command].most > 0;
}

void sterna_page_bash(sterna_out *out)
{
    char name[STERNA_OPTION_NAME_MAX];
    sterna_out_text(out, "# bash completion for sterna; generated from engine/cli/options.def\n_sterna()\n{\n"
                         "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                         "    COMPREPLY=()\n    case ${COMP_WORDS[1]}:$before in\n");
    for (uint32_t c = 1; c < STERNA_CMD_COUNT; c++) {
        for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++) {
            const sterna_option_row *row = &sterna_option_rows[o];
            if (!(row->commands >> c & 1u) || row->kind == STERNA_OPTION_FLAG) continue;
            for (uint32_t i = 0; sterna_option_name(row, i, name); i++)
                sterna_out_print(out, "%s%s:%s", i ? "|" : "        ", sterna_command_rows[c].name, name);
            if (row->kind == STERNA_OPTION_CHOICE) {
                sterna_out_text(out, ") COMPREPLY=($(compgen -W '");
                put_choices(out, row->value);
                sterna_out_text(out, "' -- \"$word\")); return ;;\n");
            } else if (row->kind == STERNA_OPTION_PATH) {
                sterna_out_text(out, ") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n");
            } else {
                sterna_out_text(out, ") return ;;\n");
            }
        }
    }
    sterna_out_text(out,
                    "    esac\n    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W '");
    put_commands(out);
    sterna_out_text(out, " ");
    put_flags(out, STERNA_CMD_sterna, ~0u, " ");
    sterna_out_text(out, "' -- \"$word\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n");
    for (uint32_t c = 1; c < STERNA_CMD_COUNT; c++) {
        sterna_out_print(out, "        %s) COMPREPLY=($(compgen%s -W '", sterna_command_rows[c].name,
                         takes_files((sterna_command_id)c) ? " -f" : "");
        put_flags(out, (sterna_command_id)c, ~0u, " ");
        sterna_out_text(out, "' -- \"$word\")) ;;\n");
    }
    sterna_out_text(out, "    esac\n}\ncomplete -o filenames -F _sterna sterna\n");
}

/* Text inside single quotes of zsh or fish, where some characters mean something to the shell or to
 * _arguments. */
static void put_quoted(sterna_out *out, const char *text, const char *special, const char *quote)
{
    for (; *text; text++) {
        if (*text == '\'') {
            sterna_out_text(out, quote);
            continue;
        }
        if (strchr(special, *text)) sterna_out_write(out, "\\", 1);
        sterna_out_write(out, text, 1);
    }
}

static void put_zsh_option(sterna_out *out, const sterna_option_row *row)
{
    char name[STERNA_OPTION_NAME_MAX];
    for (uint32_t i = 0; sterna_option_name(row, i, name); i++) {
        sterna_out_print(out, "            '%s[", name);
        put_quoted(out, row->sentence, "[]:\\", "'\\''");
        sterna_out_text(out, "]");
        if (row->kind != STERNA_OPTION_FLAG) {
            sterna_out_text(out, ":");
            put_quoted(out, row->value, ":\\", "'\\''");
            sterna_out_text(out, ":");
        }
        if (row->kind == STERNA_OPTION_CHOICE) {
            sterna_out_text(out, "(");
            put_choices(out, row->value);
            sterna_out_text(out, ")");
        } else if (row->kind == STERNA_OPTION_PATH) {
            sterna_out_text(out, "_files");
        }
        sterna_out_text(out, "' \\\n");
    }
}

void sterna_page_zsh(sterna_out *out)
{
    sterna_out_text(
        out, "#compdef sterna\n# zsh completion for sterna; generated from engine/cli/options.def\n"
             "_sterna() {\n    if (( CURRENT == 2 )); then\n        local -a commands\n        commands=(\n");
    for (uint32_t c = 1; c < STERNA_CMD_COUNT; c++) {
        sterna_out_print(out, "            '%s:", sterna_command_rows[c].name);
        put_quoted(out, sterna_command_rows[c].sentence, ":\\", "'\\''");
        sterna_out_text(out, "'\n");
    }
    sterna_out_text(out, "        )\n        _describe command commands\n        compadd -- ");
    put_flags(out, STERNA_CMD_sterna, ~0u, " ");
    sterna_out_text(out, "\n        return\n    fi\n    case $words[2] in\n");
    for (uint32_t c = 1; c < STERNA_CMD_COUNT; c++) {
        sterna_out_print(out, "        %s) shift words; (( CURRENT-- )); _arguments \\\n",
                         sterna_command_rows[c].name);
        for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++)
            if (sterna_option_rows[o].commands >> c & 1u) put_zsh_option(out, &sterna_option_rows[o]);
        sterna_out_text(out, takes_files((sterna_command_id)c) ? "            '*:file:_files' ;;\n"
                                                               : "            && return ;;\n");
    }
    sterna_out_text(out, "    esac\n}\n_sterna \"$@\"\n");
}

static void put_fish_option(sterna_out *out, sterna_command_id command, const sterna_option_row *row)
{
    char name[STERNA_OPTION_NAME_MAX];
    if (command == STERNA_CMD_sterna)
        sterna_out_text(out, "complete -c sterna -n __fish_use_subcommand");
    else
        sterna_out_print(out, "complete -c sterna -n '__fish_seen_subcommand_from %s'",
                         sterna_command_rows[command].name);
    for (uint32_t i = 0; sterna_option_name(row, i, name); i++) {
        if (!strncmp(name, "--", 2))
            sterna_out_print(out, " -l %s", name + 2);
        else
            sterna_out_print(out, " %s %s", name[2] ? "-o" : "-s", name + 1);
    }
    if (row->kind == STERNA_OPTION_CHOICE) {
        sterna_out_text(out, " -x -a '");
        put_choices(out, row->value);
        sterna_out_text(out, "'");
    } else if (row->kind != STERNA_OPTION_FLAG) {
        sterna_out_text(out, row->kind == STERNA_OPTION_PATH ? " -r -F" : " -x");
    }
    sterna_out_text(out, " -d '");
    put_quoted(out, row->sentence, "\\", "\\'");
    sterna_out_text(out, "'\n");
}

void sterna_page_fish(sterna_out *out)
{
    sterna_out_text(
        out, "# fish completion for sterna; generated from engine/cli/options.def\ncomplete -c sterna -f\n");
    for (uint32_t c = 1; c < STERNA_CMD_COUNT; c++) {
        sterna_out_print(out, "complete -c sterna -n __fish_use_subcommand -a %s -d '",
                         sterna_command_rows[c].name);
        put_quoted(out, sterna_command_rows[c].sentence, "\\", "\\'");
        sterna_out_text(out, "'\n");
        if (takes_files((sterna_command_id)c))
            sterna_out_print(out, "complete -c sterna -n '__fish_seen_subcommand_from %s' -F\n",
                             sterna_command_rows[c].name);
    }
    for (uint32_t c = 0; c < STERNA_CMD_COUNT; c++)
        for (uint32_t o = 0; o < STERNA_OPT_COUNT; o++)
            if (sterna_option_rows[o].commands >> c & 1u)
                put_fish_option(out, (sterna_command_id)c, &sterna_option_rows[o]);
}
