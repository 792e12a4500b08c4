/* What the option table says, for people and shells. Owns: help, the manual page, completions, docs/cli.md.
 * All of it is generated: to change a sentence, change options.def. */
#ifndef STERNA_PAGES_H
#define STERNA_PAGES_H

#include "cli/options.h"
#include "cli/out.h"

/* `sterna COMMAND --help`; of the program itself: `sterna --help`. */
void sterna_page_help(sterna_out *out, sterna_command_id command);
/* sterna(1), for man(7). */
void sterna_page_man(sterna_out *out);
/* docs/cli.md. */
void sterna_page_markdown(sterna_out *out);
void sterna_page_bash(sterna_out *out);
void sterna_page_zsh(sterna_out *out);
void sterna_page_fish(sterna_out *out);

/* For the pages: does the command have any option below this heading? */
bool sterna_page_section_used(sterna_command_id command, size_t layout_row);
/* "sterna run -m FILE [flags] ...": how the command is called, without required options left out. */
void sterna_page_usage(sterna_out *out, sterna_command_id command);
/* "-m, --model FILE"; the number of columns written. */
size_t sterna_page_spelling(sterna_out *out, const sterna_option_row *row);
/* "(default 5, 1 to 1000, variable STERNA_THREADS)" or nothing: facts behind the sentence. */
#define STERNA_PAGE_FACTS 160u
void sterna_page_facts(const sterna_option_row *row, char facts[STERNA_PAGE_FACTS]);

#endif
