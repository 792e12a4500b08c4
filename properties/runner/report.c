/* Machine-readable reports of a run: JUnit XML and the results lines.
 * Owns: escaping and files. Leaves to others: what happened (child.c, case.c) and the terminal (runner.c). */
#include "base/sys.h"
#include "case.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool sterna_report_folder(const char *path)
{
    return sterna_sys_make_folder(path, NULL) == STERNA_OK;
}

/* Length of the UTF-8 sequence at s, or 0 when it is none or a character XML 1.0 forbids. */
static size_t xml_sequence(const unsigned char *s)
{
    if (s[0] < 0x80) return s[0] >= 0x20 || s[0] == '\n' || s[0] == '\t';
    size_t length = s[0] >= 0xC2 && s[0] < 0xE0   ? 2
                    : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
                    : s[0] >= 0xF0 && s[0] < 0xF5 ? 4
                                                  : 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    bool surrogate = s[0] == 0xED && s[1] >= 0xA0,
         overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool noncharacter = s[0] == 0xEF && s[1] == 0xBF && length == 3 && s[2] >= 0xBE;
    return surrogate || overlong || noncharacter || (s[0] == 0xF4 && s[1] >= 0x90) ? 0 : length;
}

static void write_xml(FILE *file, const char *text)
{
    for (const unsigned char *s = (const unsigned char *)(text ? text : ""); *s;) {
        size_t length = xml_sequence(s);
        if (length == 0) {
            fprintf(file, "\\x%02X", *s++);
        } else if (length > 1) {
            fwrite(s, 1, length, file);
            s += length;
        } else {
            switch (*s) {
            case '<':
                fputs("&lt;", file);
                break;
            case '>':
                fputs("&gt;", file);
                break;
            case '&':
                fputs("&amp;", file);
                break;
            case '"':
                fputs("&quot;", file);
                break;
            case '\n':
                fputs("&#10;", file);
                break;
            default:
                fputc(*s, file);
            }
            s++;
        }
    }
}

static void write_case(FILE *file, const char *program, const case_result *result)
{
    fprintf(file, "    <testcase classname=\"");
    write_xml(file, program);
    fprintf(file, "\" name=\"");
    write_xml(file, result->name);
    fprintf(file, "\" time=\"%.6f\">", result->seconds);
    if (result->state != CASE_PASSED) {
        const char *tag = result->state == CASE_FAILED ? "failure" : "skipped";
        fprintf(file, "<%s message=\"", tag);
        write_xml(file, result->reason);
        fprintf(file, "\">");
        if (result->state == CASE_FAILED) write_xml(file, result->report);
        fprintf(file, "</%s>", tag);
    }
    if (result->state == CASE_FAILED && result->output) {
        fprintf(file, "<system-out>");
        write_xml(file, result->output);
        fprintf(file, "</system-out>");
    }
    fprintf(file, "</testcase>\n");
}

bool sterna_report_junit(const char *path, const char *program, const case_result *results, size_t count)
{
    char folder[CASE_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    if (slash && slash != path && (size_t)(slash - path) < sizeof folder) {
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash - path] = 0;
        sterna_report_folder(folder);
    }
    FILE *file = fopen(path, "w");
    if (!file) {
        fprintf(stderr, "%s: cannot create: %s\n", path, strerror(errno));
        return false;
    }
    size_t failed = 0, skipped = 0;
    double seconds = 0;
    for (size_t i = 0; i < count; i++) {
        failed += results[i].state == CASE_FAILED;
        skipped += results[i].state == CASE_SKIPPED;
        seconds += results[i].seconds;
    }
    fprintf(file, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    fprintf(file, "<testsuites tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\" time=\"%.6f\">\n", count,
            failed, skipped, seconds);
    fprintf(file, "  <testsuite name=\"");
    write_xml(file, program);
    fprintf(file, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.6f\">\n", count,
            failed, skipped, seconds);
    for (size_t i = 0; i < count; i++) write_case(file, program, &results[i]);
    fprintf(file, "  </testsuite>\n</testsuites>\n");
    bool written = !ferror(file);
    if (fclose(file) != 0) written = false;
    if (!written) fprintf(stderr, "%s: cannot write: %s\n", path, strerror(errno));
    return written;
}

bool sterna_report_append(const char *path, const char *text)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    bool written = descriptor >= 0 && sterna_sys_write(descriptor, text, strlen(text), NULL) == STERNA_OK;
    if (!written) fprintf(stderr, "%s: cannot append: %s\n", path, strerror(errno));
    if (descriptor >= 0) close(descriptor);
    return written;
}
