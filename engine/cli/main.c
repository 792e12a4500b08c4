/* The program `sterna`: the composition root, which alone sees every room. Owns: the list of commands,
 * dispatch, exit codes. Leaves to others: what a command does (cmd_*.c here and in upper rooms). */
#include "cli/main.h"
#include "base/env.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/pages.h"
#include "cli/say.h"
#include "probe_child.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* CMake says for each command whether this build has it: STERNA_HAVE_<command> is 0 or 1. */
#define WHEN_0(function) NULL
#define WHEN_1(function) function
#define WHEN_(have)      WHEN_##have
#define WHEN(have)       WHEN_(have)

/* The room that signs is the room that records. */
#define RECORDER WHEN(STERNA_HAVE_keygen)(&sterna_receipt_recorder)

static const sterna_command commands[STERNA_CMD_COUNT] = {
#define COMMAND(id, build, arguments, fewest, most, sentence) WHEN(STERNA_HAVE_##id)(sterna_cmd_##id),
#include "cli/options.def"
};

/* `sterna` without a command: flags that say what this program is. */
sterna_status sterna_cmd_sterna(const sterna_cli *cli, sterna_fault *fault)
{
    static const struct {
        sterna_option_id flag;
        void (*page)(sterna_out *out);
    } pages[] = {{STERNA_OPT_man, sterna_page_man},
                 {STERNA_OPT_markdown, sterna_page_markdown},
                 {STERNA_OPT_completion_bash, sterna_page_bash},
                 {STERNA_OPT_completion_zsh, sterna_page_zsh},
                 {STERNA_OPT_completion_fish, sterna_page_fish}};
    if (sterna_option_flag(cli->options, STERNA_OPT_version))
        return sterna_print_version(cli->out, sterna_option_flag(cli->options, STERNA_OPT_json), fault);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (sterna_option_flag(cli->options, pages[i].flag)) {
            pages[i].page(cli->out);
            return STERNA_OK;
        }
    return sterna_fail(fault, STERNA_USAGE, "a command is missing");
}

static const char *next_command(const void *context, uint32_t i)
{
    (void)context;
    return i + 1 < STERNA_CMD_COUNT ? sterna_command_rows[i + 1].name : NULL;
}

static sterna_status unknown_command(const char *word, sterna_fault *fault)
{
    uint32_t nearest = sterna_nearest(word, next_command, NULL);
    if (nearest == UINT32_MAX) return sterna_fail(fault, STERNA_USAGE, "%s: unknown command", word);
    return sterna_fail(fault, STERNA_USAGE, "%s: unknown command; did you mean %s?", word,
                       next_command(NULL, nearest));
}

/* With --json a failure is an object, too. */
static void print_json_failure(sterna_out *out, sterna_command_id id, sterna_status status,
                               const sterna_fault *fault)
{
    sterna_json json;
    sterna_json_begin(&json, "error");
    sterna_json_string(&json, json.root, "command", sterna_command_rows[id].name);
    sterna_json_string(&json, json.root, "status", sterna_status_name(status));
    sterna_json_u64(&json, json.root, "exit_code", (uint64_t)sterna_status_exit_code(status));
    sterna_json_string(&json, json.root, "message", fault->text);
    (void)sterna_json_print(&json, out, NULL);
}

static sterna_status run_command(sterna_command_id id, int n, char *const *words, sterna_out *out,
                                 sterna_fault *fault)
{
    sterna_options options;
    sterna_status status = sterna_options_parse(id, n, words, &options, fault);
    if (status != STERNA_OK) {
        sterna_options_free(&options);
        return status;
    }
    const bool help = sterna_option_flag(&options, STERNA_OPT_help);
    if (!help) status = sterna_env_check(fault);
    if (help)
        sterna_page_help(out, id);
    else if (status == STERNA_OK && commands[id])
        status = commands[id](&(sterna_cli){&options, out, RECORDER}, fault);
    else if (status == STERNA_OK)
        status = sterna_fail(fault, STERNA_UNSUPPORTED, "not part of this build; configure with -D%s=ON",
                             sterna_command_rows[id].build);
    if (fault->text[0] && sterna_option_flag(&options, STERNA_OPT_json))
        print_json_failure(out, id, status, fault);
    sterna_options_free(&options);
    return status;
}

/* Which command the words name, and how many words that took. "help X" is "X --help". */
static sterna_status choose(int argc, char **argv, sterna_command_id *id, int *taken, bool *help,
                            sterna_fault *fault)
{
    *id = STERNA_CMD_sterna;
    *taken = 1;
    *help = argc > 1 && !strcmp(argv[1], "help");
    int at = *help ? 2 : 1;
    if (argc <= at || (argv[at][0] == '-' && !*help)) return STERNA_OK;
    *id = sterna_command_find(argv[at]);
    *taken = at + 1;
    if (*id == STERNA_CMD_COUNT) {
        *id = STERNA_CMD_sterna;
        return unknown_command(argv[at], fault);
    }
    return STERNA_OK;
}

int main(int argc, char **argv)
{
    static sterna_out out;
    sterna_fault fault = {0};
    sterna_command_id id;
    int taken;
    bool help;
    int code;
    if (sterna_probe_serve(argc, argv, &code)) return code;
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is a failed write, which every writer checks */
    sterna_out_init(&out, NULL, NULL);
    sterna_env_warn_unknown(sterna_say_unknown_variable);
    sterna_status status = choose(argc, argv, &id, &taken, &help, &fault);
    if (status == STERNA_OK && help)
        sterna_page_help(&out, id);
    else if (status == STERNA_OK)
        status = run_command(id, argc - taken, argv + taken, &out, &fault);
    /* What was produced before a failure is still worth having; the first failure decides. */
    sterna_fault flushed = {0};
    sterna_status end = sterna_out_flush(&out, &flushed);
    if (status == STERNA_OK) {
        status = end;
        fault = flushed;
    }
    if (end == STERNA_INTERRUPTED)
        return sterna_status_exit_code(status); /* nobody reads any more: no complaint */
    /* These three may come without a sentence: the output, or the user, has said it. */
    bool told = status == STERNA_FAILED || status == STERNA_NOTHING || status == STERNA_INTERRUPTED;
    if (fault.text[0] || (status != STERNA_OK && !told)) {
        char name[32];
        snprintf(name, sizeof name, "sterna%s%s", id ? " " : "", id ? sterna_command_rows[id].name : "");
        sterna_say_failure(name, &fault, status);
        if (status == STERNA_USAGE) sterna_say("`%s --help` explains.", name);
    }
    return sterna_status_exit_code(status);
}
