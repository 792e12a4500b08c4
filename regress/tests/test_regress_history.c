/* The page: hostile names stay text, every tag is closed, nothing comes from elsewhere; imports of bench and check. */
#include "base/mem.h"
#include "base/sys.h"
#include "cli/command.h"
#include "history/history.h"
#include "measure/measure.h"
#include "runner.h"
#include "store/store_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct text {
    char data[1 << 18];
    size_t used;
} text;
static text page;

static sterna_status collect(void *context, const void *data, size_t bytes, sterna_fault *fault)
{
    text *out = context;
    if (out->used + bytes >= sizeof out->data)
        return sterna_fail(fault, STERNA_FILE, "more output than expected");
    memcpy(out->data + out->used, data, bytes);
    out->used += bytes;
    out->data[out->used] = 0;
    return STERNA_OK;
}

static void escaping(sterna_test *t)
{
    static sterna_out out;
    page.used = 0;
    sterna_out_init(&out, collect, &page);
    sterna_out_html(&out, "a<b>&\"'\x01\x7f\xc3\xa9");
    CHECK(t, sterna_out_flush(&out, NULL) == STERNA_OK);
    CHECK_MSG(t, !strcmp(page.data, "a&lt;b&gt;&amp;&quot;&#39;\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9"), "%s",
              page.data);
}

static void values(sterna_test *t)
{
    static const struct {
        double value;
        bool rate;
        const char *text;
    } rows[] = {{1.5, false, "1.50 s"},    {0.0123, false, "12.3 ms"},    {4.56e-7, false, "456 ns"},
                {0, false, "0.00 ns"},     {-1, false, "-1000000000 ns"}, {3.14159, true, "3.14 t/s"},
                {12345, true, "12345 t/s"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char room[STERNA_HISTORY_VALUE];
        sterna_test_note(t, "%s", sterna_history_value(rows[i].value, rows[i].rate, room));
        EXPECT(t, !strcmp(room, rows[i].text));
    }
}

static sterna_status history(const char *line, sterna_fault *fault)
{
    static sterna_out stream;
    char copy[3000], *words[16];
    sterna_options options;
    snprintf(copy, sizeof copy, "%s", line);
    int n = sterna_test_words(copy, words, sizeof words / sizeof words[0]);
    *fault = (sterna_fault){0};
    page.used = 0;
    page.data[0] = 0;
    sterna_out_init(&stream, collect, &page);
    sterna_status status = sterna_options_parse(STERNA_CMD_history, n, words, &options, fault);
    if (status == STERNA_OK)
        status = sterna_cmd_history(&(sterna_cli){.options = &options, .out = &stream}, fault);
    sterna_options_free(&options);
    (void)sterna_out_flush(&stream, NULL);
    return status;
}

/* Tags open and close in order, as an XML reader would demand of what is between body and its end. */
static bool balanced(const char *at, uint32_t *tags)
{
    static const char *const alone[] = {"line", "path", "meta"};
    char stack[32][16];
    uint32_t depth = 0;
    for (at = strchr(at, '<'); at; at = strchr(at + 1, '<')) {
        char name[16] = "";
        bool closes = at[1] == '/';
        const char *end = strchr(at, '>');
        sscanf(at + 1 + closes, "%15[a-z0-9]", name);
        if (!end || !name[0]) return false;
        ++*tags;
        if (closes) {
            if (depth == 0 || strcmp(stack[--depth], name) != 0) return false;
            if (depth == 0) return true;
            continue;
        }
        bool single = end[-1] == '/';
        for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++)
            if (!strcmp(alone[i], name) && !single && strcmp(name, "meta") != 0) return false;
        if (single) continue;
        if (depth == 32) return false;
        memcpy(stack[depth++], name, sizeof name);
    }
    return false;
}

#define HOSTILE "</title><script>alert(1)</script>"

/* A store whose every text is an attack. */
static bool make_store(const char *path, uint32_t runs)
{
    sterna_store *store = NULL;
    sterna_store_sync = false;
    bool good = sterna_store_open(path, &store, NULL) == STERNA_OK;
    for (uint32_t i = 0; i < runs && good; i++) {
        sterna_results r = {.threads = 1};
        sterna_results_begin(&r, "bench");
        snprintf(r.began, sizeof r.began, "2026-01-%02uT00:00:00Z", i % 28 + 1);
        snprintf(r.device, sizeof r.device, HOSTILE);
        snprintf(r.profile, sizeof r.profile, "exact");
        snprintf(r.program.commit, sizeof r.program.commit, HOSTILE);
        snprintf(r.machine.processor, sizeof r.machine.processor, "AMD \"x\" & <y>");
        for (uint32_t b = 0; b < 2 && good; b++) {
            sterna_benchmark *item = sterna_results_add(&r, b ? HOSTILE "'\"&" : "tg1", NULL);
            good = item != NULL;
            if (!good) break;
            snprintf(item->model, sizeof item->model, HOSTILE ".gguf");
            snprintf(item->settings, sizeof item->settings, "a=<b>");
            snprintf(item->unit, sizeof item->unit, "%s", b ? "byte" : "token");
            item->work = 1;
            item->has_code = true;
            item->code[0] = (uint8_t)(i / 2);
            item->digest[0] = (uint8_t)(i / 3);
            for (uint32_t s = 0; s < 3 && good; s++)
                good = sterna_benchmark_sample(item, 1e-3 * (1 + s + i % 2), NULL) == STERNA_OK;
        }
        good = good && sterna_store_put(store, &r, NULL, NULL) == STERNA_OK;
        sterna_results_free(&r);
    }
    sterna_store_close(store);
    return good;
}

static void html(sterna_test *t)
{
    static const char *const banned[] = {
        "<script", "http:", "https:", "src=", "href=", "url(", "@import", "nan", "inf "};
    for (uint32_t runs = 1; runs <= 5; runs += 2) {
        char line[2600], db[1100], file[1100];
        sterna_fault fault;
        sterna_mapping map = {0};
        uint32_t tags = 0, circles = 0;
        snprintf(db, sizeof db, "%s/%u.db", sterna_test_folder(t), runs);
        snprintf(file, sizeof file, "%s/%u.html", sterna_test_folder(t), runs);
        snprintf(line, sizeof line, "--db '%s' --html '%s'", db, file);
        CHECK(t, make_store(db, runs));
        CHECK_MSG(t, history(line, &fault) == STERNA_OK, "%s", fault.text);
        CHECK(t, sterna_sys_read(file, 1 << 20, &map, NULL) == STERNA_OK);
        char *data = malloc(map.size + 1);
        CHECK(t, data != NULL);
        memcpy(data, map.data, map.size);
        data[map.size] = 0;
        sterna_sys_unmap(&map);
        for (size_t i = 0; i < sizeof banned / sizeof banned[0]; i++) {
            sterna_test_note(t, "%s", banned[i]);
            EXPECT(t, strstr(data, banned[i]) == NULL);
        }
        const char *body = strstr(data, "<body>");
        CHECK(t, body && balanced(body, &tags) && tags > 20);
        for (const char *at = data; (at = strstr(at, "<circle")); at++) circles++;
        EXPECT(t, circles == 2 * runs);
        EXPECT(t, strstr(data, "&lt;script&gt;") && strstr(data, "a=&lt;b&gt;"));
        EXPECT(t, (strstr(data, "class=\"code\"") != NULL) == (runs >= 3));
        EXPECT(t, (strstr(data, "OTHER BITS") != NULL) == (runs >= 4));
        free(data);
    }
}

static void imports(sterna_test *t)
{
    char line[2600], file[1100];
    const char *folder = sterna_test_folder(t);
    sterna_fault fault;
    sterna_store_sync = false;
    static const struct {
        const char *text, *says;
        sterna_status status;
    } rows[] = {
        {"{\"schema\":\"sterna-check/1\",\"device\":\"cpu:scalar\",\"profile\":\"exact\",\"jobs\":["
         "{\"operation\":\"add\",\"format\":\"F32\",\"law\":\"oracle\",\"passed\":7,\"failed\":1,"
         "\"unsupported\":0},"
         "{\"operation\":\"add\",\"format\":\"F32\",\"law\":\"oracle\",\"passed\":5,\"failed\":0,"
         "\"unsupported\":0},"
         "{\"operation\":\"glu\",\"format\":\"F32\",\"law\":\"rows\",\"passed\":2,\"failed\":0,"
         "\"unsupported\":0}]}",
         "2 properties, 14 cases passed, 1 failed", STERNA_OK},
        {"{\"schema\":\"sterna-check/1\",\"device\":\"cpu\",\"profile\":\"exact\",\"jobs\":[]}", "",
         STERNA_NOTHING},
        {"{\"schema\":\"sterna-check/"
         "1\",\"device\":\"cpu\",\"profile\":\"exact\",\"jobs\":[{\"operation\":\"add\"}]}",
         "", STERNA_FILE},
        {"{\"schema\":\"sterna-check/1\"}", "", STERNA_FILE},
        {"{}", "", STERNA_FILE},
        {"", "", STERNA_FILE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(file, sizeof file, "%s/%zu.json", folder, i);
        snprintf(line, sizeof line, "--db '%s/x.db' --import '%s'", folder, file);
        FILE *out = fopen(file, "w");
        CHECK(t, out && fputs(rows[i].text, out) >= 0 && fclose(out) == 0);
        int64_t live = sterna_mem_live();
        sterna_status status = history(line, &fault);
        sterna_test_note(t, "row %zu: %s %s %s", i, sterna_status_name(status), fault.text, page.data);
        EXPECT(t, status == rows[i].status && strstr(page.data, rows[i].says) && sterna_mem_live() == live);
    }
    snprintf(line, sizeof line, "--db '%s/absent.db'", folder);
    EXPECT(t, history(line, &fault) == STERNA_FILE);
}

const sterna_test_case sterna_test_cases[] = {
    {"escaping", escaping, 0}, {"values", values, 0}, {"html", html, 0}, {"imports", imports, 0}, {0},
};
