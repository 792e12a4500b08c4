/* `sterna history`: what the store holds, as a table and as a page. */
#include "base/sys.h"
#include "cli/command.h"
#include "cli/say.h"
#include "history/history.h"
#include "measure/measure.h"
#include <stdio.h>
#include <string.h>

enum { IMPORT_MAX = 256 << 20 };

/* A file of `bench --json` or `check --json` becomes a run. */
static sterna_status import(sterna_store *store, const char *path, sterna_fault *fault)
{
    sterna_mapping file = {0};
    sterna_results results = {0};
    sterna_status status = sterna_sys_read(path, IMPORT_MAX, &file, fault);
    if (status != STERNA_OK) return status;
    const char *text = (const char *)file.data;
    sterna_fault first = {0};
    status = sterna_results_from_check(text, (size_t)file.size, path, &results, &first);
    if (status == STERNA_FILE) {
        status = sterna_results_parse(text, (size_t)file.size, path, &results, fault);
    } else if (status != STERNA_OK && fault) {
        *fault = first;
    }
    sterna_sys_unmap(&file);
    if (status == STERNA_OK) status = sterna_store_put(store, &results, NULL, fault);
    sterna_results_free(&results);
    return status;
}

static sterna_status to_writer(void *context, const void *data, size_t bytes, sterna_fault *fault)
{
    return sterna_writer_write(context, data, bytes, fault);
}

static sterna_status write_page(const sterna_history *history, const char *db, const char *path,
                                sterna_fault *fault)
{
    static sterna_out out;
    char title[300];
    sterna_writer *writer = NULL;
    const char *slash = strrchr(db, '/');
    snprintf(title, sizeof title, "Speed over time: %.250s", slash ? slash + 1 : db);
    sterna_status status = sterna_writer_open(path, &writer, fault);
    if (status != STERNA_OK) return status;
    sterna_out_init(&out, to_writer, writer);
    sterna_history_html(history, title, &out);
    status = sterna_out_flush(&out, fault);
    if (status == STERNA_OK) return sterna_writer_commit(writer, fault);
    sterna_writer_abandon(writer);
    return status;
}

static void print_table(const sterna_history *history, sterna_out *out)
{
    sterna_out_text(out, "| benchmark | model | device | runs | latest | change |\n"
                         "| --------- | ----- | ------ | ---: | -----: | -----: |\n");
    for (uint32_t i = 0; i < history->n; i++) {
        const sterna_history_series *s = &history->series[i];
        char value[STERNA_HISTORY_VALUE], change[32] = "";
        if (s->n == 0) continue;
        if (s->n > 1)
            snprintf(change, sizeof change, "%+.1f %%",
                     100 * (s->points[s->n - 1].median / s->points[s->n - 2].median - 1));
        sterna_out_print(out, "| %s | %s | %s | %u | %s | %s |\n", s->name, s->model, s->device, s->n,
                         sterna_history_value(s->points[s->n - 1].median, s->rate, value), change);
    }
    for (uint32_t i = 0; i < history->n_checks; i++) {
        const sterna_store_check *c = &history->checks[i];
        sterna_out_print(out, "check %s on %s: %llu properties, %llu cases passed, %llu failed\n", c->began,
                         c->device, (unsigned long long)c->properties, (unsigned long long)c->passed,
                         (unsigned long long)c->failed);
    }
}

sterna_status sterna_cmd_history(const sterna_cli *cli, sterna_fault *fault)
{
    const char *db = sterna_option_text(cli->options, STERNA_OPT_history_db),
               *html = sterna_option_text(cli->options, STERNA_OPT_html),
               *imported = sterna_option_text(cli->options, STERNA_OPT_import);
    sterna_store *store = NULL;
    sterna_history history = {0};
    if (!imported && !sterna_sys_exists(db))
        return sterna_fail(fault, STERNA_FILE, "%s: there is no such store; sterna bench --db makes one", db);
    sterna_status status = sterna_store_open(db, &store, fault);
    if (status == STERNA_OK && imported) status = import(store, imported, fault);
    if (status == STERNA_OK) status = sterna_history_read(store, &history, fault);
    if (status == STERNA_OK && history.n == 0 && history.n_checks == 0)
        status = sterna_fail(fault, STERNA_NOTHING, "%s: no results yet", db);
    if (status == STERNA_OK && html) status = write_page(&history, db, html, fault);
    if (status == STERNA_OK) print_table(&history, cli->out);
    sterna_history_free(&history);
    sterna_store_close(store);
    return status;
}
