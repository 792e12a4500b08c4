/* Repro files: writing, reading, running again. */
#include "harness/repro.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include "harness/process.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const act_names[] = {"f32", "token", "block32", "block256"};

static size_t to_bytes(const sterna_failure *failure, uint8_t *bytes, size_t capacity)
{
    static sterna_choices c;
    memcpy(c.value, failure->value, failure->count * sizeof *c.value);
    memcpy(c.max, failure->max, failure->count * sizeof *c.max);
    c.count = failure->count;
    return sterna_choice_bytes(&c, bytes, capacity);
}

static bool to_hex(const sterna_failure *failure, char *hex, size_t size)
{
    uint8_t bytes[STERNA_REPRO_LINE / 2];
    size_t n = to_bytes(failure, bytes, sizeof bytes);
    if (n > sizeof bytes || 2 * n + 1 > size) return false;
    for (size_t i = 0; i < n; i++) snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    hex[2 * n] = 0;
    return true;
}

void sterna_repro_line(const sterna_subject_spec *spec, const sterna_failure *failure,
                       char line[STERNA_REPRO_LINE])
{
    const sterna_job *job = &failure->job;
    int head =
        snprintf(line, STERNA_REPRO_LINE, "%s@%s/%s/%s/%s/", spec->name, sterna_op_get(job->op)->name,
                 sterna_format_find(job->format)->name, act_names[job->act], sterna_law_get(job->law)->name);
    if (head < 0 || head >= STERNA_REPRO_LINE ||
        !to_hex(failure, line + head, STERNA_REPRO_LINE - (size_t)head))
        line[0] = 0;
}

sterna_status sterna_repro_write(const char *folder, const sterna_subject_spec *spec,
                                 const sterna_failure *failure, char *path, size_t path_size,
                                 sterna_fault *fault)
{
    static char text[2 * STERNA_REPRO_LINE + STERNA_STORY_BYTES], hex[STERNA_REPRO_LINE];
    const sterna_job *job = &failure->job;
    const char *op = sterna_op_get(job->op)->name, *law = sterna_law_get(job->law)->name;
    const char *format = sterna_format_find(job->format)->name,
               *verdict = sterna_verdict_name(failure->verdict.code);
    sterna_writer *writer;
    sterna_status status = sterna_sys_make_folder(folder, fault);
    if (status != STERNA_OK) return status;
    int length = snprintf(path, path_size, "%s/%s-%s-%s-%s-%s.repro", folder, op, format, act_names[job->act],
                          law, verdict);
    if (length < 0 || (size_t)length >= path_size)
        return sterna_fail(fault, STERNA_FILE, "%s: the path is too long", folder);
    if (!to_hex(failure, hex, sizeof hex))
        return sterna_fail(fault, STERNA_FILE, "%s: the case has too many choices to write", path);
    length = snprintf(text, sizeof text,
                      "sterna-repro 1\ndevice %s\nprofile %s\nop %s\nformat %s\nact %s\nlaw %s\nverdict "
                      "%s\ntext %s\nchoices %s\ncase\n%s\n",
                      spec->name, spec->profile == STERNA_PROFILE_FAST ? "fast" : "exact", op, format,
                      act_names[job->act], law, verdict, failure->verdict.text, hex, failure->story);
    status = sterna_writer_open(path, &writer, fault);
    if (status != STERNA_OK) return status;
    status = sterna_writer_write(writer, text, (size_t)length, fault);
    if (status == STERNA_OK) return sterna_writer_commit(writer, fault);
    sterna_writer_abandon(writer);
    return status;
}

sterna_status sterna_repro_record(const char *path, const sterna_subject_spec *spec,
                                  const sterna_recorded *recorded, const sterna_verdict *verdict,
                                  const char *origin, sterna_fault *fault)
{
    static char text[STERNA_STORY_BYTES + 2048], story[STERNA_STORY_BYTES];
    const sterna_call *call = &recorded->call;
    sterna_writer *writer;
    sterna_call_print(call, 8, story, sizeof story);
    int length = snprintf(text, sizeof text,
                          "sterna-repro 1\ndevice %s\nprofile %s\nop %s\nformat %s\nact %s\nlaw reference\n"
                          "verdict %s\ntext %s\norigin %s\n",
                          spec->name, spec->profile == STERNA_PROFILE_FAST ? "fast" : "exact",
                          call->info->name, sterna_format_find(call->format)->name, act_names[call->act],
                          sterna_verdict_name(verdict->code), verdict->text, origin);
    if (length < 0 || (size_t)length >= sizeof text)
        return sterna_fail(fault, STERNA_INTERNAL, "%s: the head of a repro file is too long", path);
    sterna_status status = sterna_writer_open(path, &writer, fault);
    if (status != STERNA_OK) return status;
    status = sterna_writer_write(writer, text, (size_t)length, fault);
    if (status == STERNA_OK) status = sterna_recorded_write(recorded, writer, fault);
    length = snprintf(text, sizeof text, "case\n%s\n", story);
    if (status == STERNA_OK) status = sterna_writer_write(writer, text, (size_t)length, fault);
    if (status == STERNA_OK) return sterna_writer_commit(writer, fault);
    sterna_writer_abandon(writer);
    return status;
}

static bool read_hex(const char *hex, size_t length, sterna_repro *repro)
{
    if (length % 2 || length / 2 > sizeof repro->bytes) return false;
    for (size_t i = 0; i < length / 2; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], 0}, *end;
        repro->bytes[i] = (uint8_t)strtoul(digits, &end, 16);
        if (*end || digits[0] == '-' || digits[0] == '+' || digits[0] == ' ') return false;
    }
    repro->n_bytes = length / 2;
    return true;
}

static bool read_act(const char *name, sterna_act *act)
{
    for (uint32_t i = 0; i < STERNA_COUNT(act_names); i++)
        if (strcmp(name, act_names[i]) == 0) {
            *act = (sterna_act)i;
            return true;
        }
    return false;
}

/* Lines of a recorded call stand behind op, format and act. */
static bool take_recorded(sterna_repro *repro, const char *key, char *value)
{
    sterna_call *call = &repro->recorded.call;
    if (!call->info) {
        call->op = repro->job.op;
        call->format = repro->job.format;
        call->act = repro->job.act;
    }
    return sterna_op_takes(call->op, call->format, call->act) &&
           sterna_recorded_take(&repro->recorded, key, value);
}

/* One "key value" pair; unknown keys are for later versions. */
static bool take(sterna_repro *repro, const char *key, char *value)
{
    const sterna_format *format;
    if (!strcmp(key, "sterna-repro")) return !strcmp(value, "1");
    if (!strcmp(key, "profile")) {
        repro->profile = !strcmp(value, "fast") ? STERNA_PROFILE_FAST : STERNA_PROFILE_EXACT;
        return !strcmp(value, "fast") || !strcmp(value, "exact");
    }
    if (!strcmp(key, "device"))
        return (size_t)snprintf(repro->device, sizeof repro->device, "%s", value) < sizeof repro->device;
    if (!strcmp(key, "op")) return sterna_op_find(value, &repro->job.op);
    if (!strcmp(key, "law")) return sterna_law_find(value, &repro->job.law);
    if (!strcmp(key, "act")) return read_act(value, &repro->job.act);
    if (!strcmp(key, "choices")) return read_hex(value, strlen(value), repro);
    if (sterna_recorded_takes(key)) return take_recorded(repro, key, value);
    if (!strcmp(key, "verdict")) return (repro->verdict = sterna_verdict_find(value)) != STERNA_VERDICTS;
    if (!strcmp(key, "format")) {
        format = sterna_format_named(value);
        if (format) repro->job.format = format->id;
        return format != NULL;
    }
    return true;
}

static const char *const needed[] = {"sterna-repro", "device", "op", "format", "act", "law", "choices"};
enum { CHOICES = STERNA_COUNT(needed) - 1 };

static sterna_status check_whole(const sterna_repro *repro, unsigned seen, const char *name,
                                 sterna_fault *fault)
{
    const sterna_call *call = &repro->recorded.call;
    for (unsigned i = 0; i < STERNA_COUNT(needed); i++)
        if (!(seen >> i & 1) && !(i == CHOICES && call->info))
            return sterna_fail(fault, STERNA_FILE, "%s: not a repro file: no line '%s'", name, needed[i]);
    if (!sterna_law_applies(repro->job.law, repro->job.op) ||
        !sterna_op_takes(repro->job.op, repro->job.format, repro->job.act))
        return sterna_fail(fault, STERNA_FILE, "%s: this law, operation and format do not go together", name);
    if (!call->info) return STERNA_OK;
    bool same = call->op == repro->job.op && call->format == repro->job.format && call->act == repro->job.act;
    if (!same || repro->job.law != STERNA_LAW_reference || !sterna_recorded_whole(&repro->recorded))
        return sterna_fail(fault, STERNA_FILE, "%s: the recorded call is not complete", name);
    return STERNA_OK;
}

/* The text, which is cut into pieces. */
static sterna_status read_text(char *text, size_t size, const char *name, sterna_repro *repro,
                               sterna_fault *fault)
{
    unsigned seen = 0;
    repro->recorded.room = size;
    for (char *line = text; line && *line;) {
        char *end = strchr(line, '\n'), *space;
        if (end) *end = 0;
        if (!strcmp(line, "case")) break;
        space = strchr(line, ' ');
        char *value = space ? space + 1 : line + strlen(line);
        if (space) *space = 0;
        for (unsigned i = 0; i < STERNA_COUNT(needed); i++)
            if (!strcmp(line, needed[i])) seen |= 1u << i;
        if (!take(repro, line, value))
            return sterna_fail(fault, STERNA_FILE, "%s: '%.40s' has a value this build does not know: %.60s",
                               name, line, value);
        line = end ? end + 1 : NULL;
    }
    return check_whole(repro, seen, name, fault);
}

/* DEVICE@OP/FORMAT/ACT/LAW/HEX as the lines of a file. */
static bool unfold(const char *line, char *text, size_t size)
{
    char op[64], format[64], act[64], law[64];
    static char hex[STERNA_REPRO_LINE];
    const char *at = strrchr(line, '@');
    hex[0] = 0;
    if (!at || sscanf(at + 1, "%63[^/]/%63[^/]/%63[^/]/%63[^/]/%9999[0-9a-f]", op, format, act, law, hex) < 4)
        return false;
    int n =
        snprintf(text, size, "sterna-repro 1\ndevice %.*s\nop %s\nformat %s\nact %s\nlaw %s\nchoices %s\n",
                 (int)(at - line), line, op, format, act, law, hex);
    return n > 0 && (size_t)n < size;
}

static sterna_status read_file(const char *path, sterna_repro *repro, sterna_fault *fault)
{
    sterna_mapping file = {0};
    sterna_status status = sterna_sys_read(path, STERNA_REPRO_FILE, &file, fault);
    if (status != STERNA_OK) return status;
    char *text = sterna_strndup((const char *)file.data, (size_t)file.size);
    size_t size = (size_t)file.size;
    sterna_sys_unmap(&file);
    if (!text) return sterna_fail(fault, STERNA_MEMORY, "%s: no memory to read it", path);
    status = read_text(text, size, path, repro, fault);
    sterna_free(text);
    return status;
}

sterna_status sterna_repro_read(const char *path_or_line, sterna_repro *repro, sterna_fault *fault)
{
    static char text[4 * STERNA_REPRO_LINE];
    struct stat info;
    sterna_status status;
    memset(repro, 0, sizeof *repro);
    if (stat(path_or_line, &info) == 0 || !strchr(path_or_line, '@'))
        status = read_file(path_or_line, repro, fault);
    else if (unfold(path_or_line, text, sizeof text))
        status = read_text(text, strlen(text), "the case", repro, fault);
    else
        status = sterna_fail(fault, STERNA_FILE,
                             "%.80s: neither a file nor a case (DEVICE@OP/FORMAT/ACT/LAW/HEX)", path_or_line);
    if (status != STERNA_OK) sterna_repro_free(repro);
    return status;
}

void sterna_repro_free(sterna_repro *repro)
{
    sterna_recorded_free(&repro->recorded);
}

sterna_verdict sterna_repro_run(const sterna_repro *repro, const char *device, double seconds, char *story,
                                size_t story_size)
{
    sterna_subject_spec spec = {device ? device : repro->device, repro->profile, 0};
    if (seconds <= 0) seconds = sterna_process_patience();
    if (repro->recorded.call.info)
        return sterna_bench_isolated_call(&spec, &repro->recorded, seconds, story, story_size);
    return sterna_bench_isolated_bytes(&spec, &repro->job, repro->bytes, repro->n_bytes, seconds, story,
                                       story_size);
}
