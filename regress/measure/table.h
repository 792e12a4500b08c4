/* Results as a table for people and spreadsheets. */
#ifndef STERNA_TABLE_H
#define STERNA_TABLE_H

#include "cli/out.h"
#include "measure/result.h"

/* Everything but end-to-end tests, which have their own table (cli/speed.h). */
sterna_status sterna_table_print(const sterna_results *results, bool csv, sterna_out *out,
                                 sterna_fault *fault);
/* "1.23 ms", with three digits. */
enum { STERNA_TABLE_TIME = 24 };
const char *sterna_table_time(double seconds, char text[STERNA_TABLE_TIME]);

#endif
