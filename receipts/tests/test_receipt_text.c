/* The text of a receipt: what is written is read back the same; what is not a receipt is refused with the place; damaged
 * receipts and refused memory or writes never crash, leak or leave half a file. */
#define _DEFAULT_SOURCE /* usleep */
#include "base/fault_point.h"
#include "base/philox.h"
#include "base/size.h"
#include "base/sys.h"
#include "format/json_strict.h"
#include "receipt_rig.h"
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static sterna_receipt recorded, again;
static sterna_receipt_defect defect;

static void written_and_read_back(sterna_test *t)
{
    char *first, *second;
    size_t bytes, more;
    CHECK(t, rig_record(t, RIG_MODEL, "cpu", 6, 0.8f, &recorded, NULL) == STERNA_OK);
    recorded.sampling.seed = UINT64_MAX;
    sterna_receipt_text(recorded.model.name, sizeof recorded.model.name, "a \"b\"\\\n\x01\xff \xe2\x82\xac");
    CHECK(t, sterna_receipt_write(&recorded, &first, &bytes, NULL) == STERNA_OK);
    CHECK(t, sterna_receipt_parse(first, bytes, &again, &defect, NULL) == STERNA_OK);
    CHECK(t, again.sampling.seed == UINT64_MAX && !strcmp(again.model.name, "a \"b\"\\\n\x01? \xe2\x82\xac"));
    CHECK(t, again.speed.tokens_per_second == recorded.speed.tokens_per_second);
    CHECK(t, again.n_kernels == recorded.n_kernels && again.n_tokens == 6 && again.generated);
    CHECK(t, sterna_receipt_write(&again, &second, &more, NULL) == STERNA_OK);
    CHECK(t, bytes == more && memcmp(first, second, bytes) == 0);
    sterna_free(second);
    sterna_receipt_free(&again);
    /* A field of text ends between code points. */
    char field[6];
    sterna_receipt_text(field, sizeof field, "abc\xe2\x82\xac");
    CHECK(t, !strcmp(field, "abc"));
    recorded.speed.bandwidth = 1.0 / 0.0;
    CHECK(t, sterna_receipt_write(&recorded, &second, &more, NULL) == STERNA_USAGE);
    recorded.speed.bandwidth = 1;
    recorded.model.layers = UINT64_C(1) << 53;
    CHECK(t, sterna_receipt_write(&recorded, &second, &more, NULL) == STERNA_USAGE);
    sterna_free(first);
    sterna_receipt_free(&recorded);
}

/* Replaces the first `from` by `to` and reads the result. */
static sterna_status edited(const char *text, const char *from, const char *to, sterna_fault *fault)
{
    const char *at = strstr(text, from);
    static char changed[1 << 16];
    if (!at) return STERNA_INTERNAL;
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    sterna_status status = sterna_receipt_parse(changed, strlen(changed), &again, &defect, fault);
    sterna_receipt_free(&again);
    return status;
}

static void refuses_what_is_no_receipt(sterna_test *t)
{
    static const struct {
        const char *from, *to, *field;
        sterna_status status;
    } edits[] = {
        {"sterna-receipt/1.0.0", "sterna-receipt/1.0.1", "schema", STERNA_INVALID},
        {"sterna-receipt/1.0.0", "1.0.0", "schema", STERNA_INVALID},
        {"\"schema\":\"sterna-receipt/1.0.0\",", "", "schema", STERNA_INVALID},
        {"\"kind\":\"run\"", "\"kind\":\"ran\"", "kind", STERNA_INVALID},
        {"\"kind\":\"run\"", "\"kind\":\"check\"", "model", STERNA_INVALID},
        {"{\"schema\"", "{\"schema\":1,\"schema\"", "", STERNA_FILE},
        {"\"kind\":\"run\"", "\"kind\":\"run\",\"kind\":\"run\"", "", STERNA_FILE},
        {"\"kind\":\"run\"", "\"kind\":\"run\",\"note\":\"x\"", "note", STERNA_INVALID},
        {"\"is_mock\":false", "\"is_mock\":0", "device.is_mock", STERNA_INVALID},
        {"\"is_mock\":false", "\"is_mock\":false,\"x\":1", "device.x", STERNA_INVALID},
        {"\"threads\":1", "\"threads\":1.5", "device.threads", STERNA_INVALID},
        {"\"threads\":1", "\"threads\":-1", "device.threads", STERNA_INVALID},
        {"\"threads\":1", "\"threads\":-0", "device.threads", STERNA_INVALID},
        {"\"threads\":1", "\"threads\":\"1\"", "device.threads", STERNA_INVALID},
        {"\"threads\":1", "\"threads\":9007199254740992", "", STERNA_FILE},
        {"\"threads\":1", "\"threads\":1e999", "", STERNA_FILE},
        {"\"threads\":1", "\"threads\":NaN", "", STERNA_FILE},
        {"\"threads\":1", "\"threads\":01", "", STERNA_FILE},
        {"\"threads\":1", "\"threads\":[[[[1]]]]", "", STERNA_FILE},
        {"\"threads\":1", "\"threads\":null", "device.threads", STERNA_INVALID},
        {"\"seed\":\"18364758544493064720\"", "\"seed\":\"18446744073709551616\"", "sampling.seed",
         STERNA_INVALID},
        {"\"seed\":\"18364758544493064720\"", "\"seed\":\"01\"", "sampling.seed", STERNA_INVALID},
        {"\"seed\":\"18364758544493064720\"", "\"seed\":1", "sampling.seed", STERNA_INVALID},
        {"\"merkle\":\"", "\"merkle\":\"0", "model.merkle", STERNA_INVALID},
        {"\"algorithm\":\"sha256\"", "\"algorithm\":\"sha256-of-everything\"", "chain.algorithm",
         STERNA_INVALID},
        {"\"algorithm\":\"sha256\"", "\"algorithm\":\"\\ud800\"", "", STERNA_FILE},
        {"\"algorithm\":\"sha256\"", "\"algorithm\":\"\\u0000\"", "", STERNA_FILE},
        {"\"algorithm\":\"sha256\"", "\"algorithm\":\"\xff\"", "", STERNA_FILE},
        {"\"speed\":{", "\"speed\":[", "", STERNA_FILE},
        {"\"tokens\":[", "\"tokens\":[16777216,", "tokens", STERNA_INVALID},
        {"\"tokens\":[", "\"tokens\":[0.5,", "tokens", STERNA_INVALID},
        {"\"steps\":[", "\"steps\":[\"00\",", "steps", STERNA_INVALID},
        {"\"kernels\":[", "\"kernels\":[7,", "kernels[0]", STERNA_INVALID},
        {"\"corrections\":[]", "\"corrections\":{}", "corrections", STERNA_INVALID},
        {"\"corrections\":[]", "\"corrections\":[{}]", "corrections[0].tensor", STERNA_INVALID},
        {"\"corrections\":[]", "\"corrections\":[],\"corrections\":[]", "", STERNA_FILE},
        {"]}\n", "]}\n{}", "", STERNA_FILE},
        {"]}\n", "]", "", STERNA_FILE},
        {"{\"schema\"", "[{\"schema\"", "", STERNA_FILE},
    };
    char *text;
    size_t bytes;
    CHECK(t, rig_record(t, RIG_MODEL, "cpu", 3, 0.8f, &recorded, NULL) == STERNA_OK);
    CHECK(t, sterna_receipt_write(&recorded, &text, &bytes, NULL) == STERNA_OK);
    for (size_t i = 0; i < STERNA_COUNT(edits); i++) {
        sterna_fault fault = {0};
        sterna_status status = edited(text, edits[i].from, edits[i].to, &fault);
        bool right = EXPECT(t, status == edits[i].status) &&
                     EXPECT(t, strcmp(defect.field, edits[i].field) == 0) && EXPECT(t, fault.text[0]);
        if (!right)
            sterna_test_note(t, "%s -> %s: %s, '%s': %s", edits[i].from, edits[i].to,
                             sterna_status_name(status), defect.field, fault.text);
    }
    CHECK(t, sterna_receipt_parse("7", 1, &again, &defect, NULL) == STERNA_INVALID);
    CHECK(t, sterna_receipt_parse("", 0, &again, &defect, NULL) == STERNA_FILE);
    sterna_free(text);
    sterna_receipt_free(&recorded);
}

/* A receipt of a check has no model, and says null. */
static void checks_have_no_model(sterna_test *t)
{
    sterna_device_info info = {.size = sizeof info, .description = "x"};
    sterna_kernel_use use = {
        .size = sizeof use, .name = "rmsnorm/scalar", .launches = 3, .has_hash = 1, .code_hash = {1}};
    char *text;
    size_t bytes;
    recorded = (sterna_receipt){0};
    CHECK(t,
          sterna_record_facts("requested=cpu detected=[cpu:scalar] selected=cpu:scalar", &info,
                              STERNA_PROFILE_EXACT, &use, 1, &rig_build, true, &recorded, NULL) == STERNA_OK);
    snprintf(recorded.head.kind, sizeof recorded.head.kind, "check");
    recorded.tests = (sterna_receipt_tests){.total = 5, .passed = 5};
    CHECK(t, sterna_receipt_write(&recorded, &text, &bytes, NULL) == STERNA_OK);
    CHECK(t, strstr(text, "\"model\":null") && strstr(text, "\"speed\":null"));
    CHECK(t, sterna_receipt_parse(text, bytes, &again, &defect, NULL) == STERNA_OK && !again.generated);
    sterna_verify_report report;
    CHECK(t, rig_verify(&again, &(sterna_verify_params){0}, &report) == STERNA_OK);
    sterna_verify_free(&report);
    again.tests.passed = again.tests.total = 0;
    CHECK(t, rig_verify(&again, &(sterna_verify_params){0}, &report) == STERNA_INVALID &&
                 report.finding.gate == 7);
    sterna_verify_free(&report);
    sterna_free(text);
    sterna_receipt_free(&again);
    sterna_receipt_free(&recorded);
}

/* The last of more devices than a machine has is among those detected, when it is read back, too. */
static void all_devices_stand_in_it(sterna_test *t)
{
    sterna_device_info info = {.size = sizeof info, .description = "x"};
    sterna_kernel_use use = {
        .size = sizeof use, .name = "vulkan:rmsnorm", .launches = 3, .has_hash = 1, .code_hash = {1}};
    static char snapshot[5000];
    size_t used = (size_t)snprintf(snapshot, sizeof snapshot, "requested=auto detected=[cpu:scalar");
    for (uint32_t i = 0; i < 96; i++)
        used += (size_t)snprintf(snapshot + used, sizeof snapshot - used,
                                 ",vulkan:a-device-with-a-long-name-%02u", i);
    snprintf(snapshot + used, sizeof snapshot - used, "] selected=vulkan:a-device-with-a-long-name-95");
    char *text;
    size_t bytes;
    sterna_fault fault = {0};
    recorded = (sterna_receipt){0};
    CHECK(t, sterna_record_facts(snapshot, &info, STERNA_PROFILE_EXACT, &use, 1, &rig_build, true, &recorded,
                                 NULL) == STERNA_OK);
    snprintf(recorded.head.kind, sizeof recorded.head.kind, "check");
    recorded.tests = (sterna_receipt_tests){.total = 5, .passed = 5};
    CHECK(t, sterna_receipt_write(&recorded, &text, &bytes, NULL) == STERNA_OK);
    CHECK_MSG(t, sterna_receipt_parse(text, bytes, &again, &defect, &fault) == STERNA_OK, "%s", fault.text);
    CHECK_MSG(t, strlen(again.device.detected) > 3400 && strstr(again.device.detected, "-name-95"), "%s",
              again.device.detected);
    sterna_verify_report report;
    CHECK_MSG(t, rig_verify(&again, &(sterna_verify_params){0}, &report) == STERNA_OK, "gate %u: %s",
              report.finding.gate, report.finding.defect.field);
    sterna_verify_free(&report);
    sterna_free(text);
    sterna_receipt_free(&again);
    sterna_receipt_free(&recorded);
}

/* Thousands of receipts with bytes changed, moved, cut or repeated: refused or read, nothing else. */
static void survives_damage(sterna_test *t)
{
    char *text, *damaged;
    size_t bytes;
    uint32_t read = 0, refused = 0;
    CHECK(t, rig_record(t, RIG_MODEL, "cpu", 3, 0.8f, &recorded, NULL) == STERNA_OK);
    CHECK(t, sterna_receipt_write(&recorded, &text, &bytes, NULL) == STERNA_OK);
    damaged = sterna_alloc(2 * bytes, 1);
    CHECK(t, damaged);
    for (uint32_t i = 0; i < 10000; i++) {
        sterna_philox r = sterna_philox4x32(21, i, 0, 0, 0, 0);
        size_t n = bytes, at = r.word[1] % bytes, length = r.word[2] % 40, to = r.word[3] % bytes;
        memcpy(damaged, text, bytes);
        if (length > bytes - at) length = bytes - at;
        if (r.word[0] % 4 == 0) damaged[at] = (char)r.word[2];
        if (r.word[0] % 4 == 1) n = at;
        if (r.word[0] % 4 == 2) memmove(damaged + at, damaged + at + length, (n -= length) - at);
        if (r.word[0] % 4 == 3 && to + length <= bytes) memcpy(damaged + to, text + at, length);
        sterna_status status = sterna_receipt_parse(damaged, n, &again, &defect, NULL);
        CHECK_MSG(t, status == STERNA_OK || status == STERNA_INVALID || status == STERNA_FILE, "%u: %s", i,
                  sterna_status_name(status));
        sterna_receipt_free(&again);
        status == STERNA_OK ? read++ : refused++;
        /* The envelope's parser meets the same damage. */
        sterna_envelope envelope;
        status = sterna_envelope_parse(damaged, n, &envelope, NULL);
        CHECK(t, status == STERNA_FILE);
        sterna_envelope_free(&envelope);
    }
    printf("%u damaged receipts: %u refused, %u read (a digit changed, a letter in a text)\n", read + refused,
           refused, read);
    CHECK(t, refused > 5000);
    sterna_free(damaged);
    sterna_free(text);
    sterna_receipt_free(&recorded);
}

/* How many entries the folder of this case has. */
static int entries(const char *folder)
{
    int n = 0;
    DIR *open = opendir(folder);
    for (struct dirent *e; open && (e = readdir(open));) n += e->d_name[0] != '.';
    if (open) closedir(open);
    return n;
}

/* The n-th allocation or system call fails, for every n: an error, no leak, and a whole old file or none. */
static void saving_survives_every_failure(sterna_test *t)
{
    static const sterna_fault_kind kinds[] = {STERNA_FAULT_ALLOC, STERNA_FAULT_SYS};
    char path[1200];
    sterna_public_key key;
    sterna_secret_key secret;
    sterna_mapping before = {0}, after = {0};
    uint64_t tried = 0;
    CHECK(t, rig_record(t, RIG_MODEL, "cpu", 3, 0.8f, &recorded, NULL) == STERNA_OK);
    CHECK(t, sterna_key_make(&key, &secret, NULL) == STERNA_OK);
    snprintf(path, sizeof path, "%s/receipt.json", sterna_test_folder(t));
    CHECK(t, sterna_receipt_save(&recorded, &secret, path, NULL) == STERNA_OK);
    CHECK(t, sterna_sys_read(path, 1 << 20, &before, NULL) == STERNA_OK);
    recorded.head.created[0] = '3'; /* another receipt */
    int64_t live = sterna_mem_live();
    for (size_t k = 0; k < STERNA_COUNT(kinds); k++)
        for (uint64_t n = 1;; n++) {
            sterna_fault_arm(kinds[k], n, n % 2 == 0);
            sterna_status status = sterna_receipt_save(&recorded, &secret, path, NULL);
            bool reached = sterna_fault_count(kinds[k]) >= n;
            sterna_fault_arm(kinds[k], 0, false);
            CHECK(t, sterna_mem_live() == live && entries(sterna_test_folder(t)) == 1);
            if (!reached) {
                CHECK(t, status == STERNA_OK);
                CHECK(t, sterna_receipt_save(&recorded, &secret, path, NULL) == STERNA_OK);
                recorded.head.created[0] ^= 1;
                sterna_sys_unmap(&before);
                CHECK(t, sterna_sys_read(path, 1 << 20, &before, NULL) == STERNA_OK);
                live = sterna_mem_live();
                break;
            }
            tried++;
            CHECK_MSG(t, status == STERNA_MEMORY || status == STERNA_FILE, "n %llu: %s",
                      (unsigned long long)n, sterna_status_name(status));
            CHECK(t, sterna_sys_read(path, 1 << 20, &after, NULL) == STERNA_OK);
            CHECK(t, after.size == before.size && memcmp(after.data, before.data, (size_t)before.size) == 0);
            sterna_sys_unmap(&after);
        }
    printf("%llu failures injected\n", (unsigned long long)tried);
    CHECK(t, tried > 8);
    sterna_sys_unmap(&before);
    sterna_receipt_free(&recorded);
}

/* Recording: begin, generate, end, each n-th failure. */
static void recording_survives_every_failure(sterna_test *t)
{
    static const sterna_fault_kind kinds[] = {STERNA_FAULT_ALLOC, STERNA_FAULT_SYS};
    uint64_t tried = 0;
    int64_t live = sterna_mem_live();
    for (size_t k = 0; k < STERNA_COUNT(kinds); k++)
        for (uint64_t n = 1; n < 2000; n++) {
            sterna_fault_arm(kinds[k], n, false);
            sterna_status status = rig_record(t, RIG_MODEL, "cpu:scalar", 2, 0, &recorded, NULL);
            bool reached = sterna_fault_count(kinds[k]) >= n;
            sterna_fault_arm(kinds[k], 0, false);
            if (status == STERNA_OK) {
                CHECK(t, recorded.n_tokens == 2 && recorded.n_kernels > 5);
                sterna_receipt_free(&recorded);
            }
            CHECK_MSG(t, sterna_mem_live() == live, "kind %zu, n %llu", k, (unsigned long long)n);
            if (!reached) break;
            tried++;
        }
    printf("%llu failures injected\n", (unsigned long long)tried);
    CHECK(t, tried > 100);
}

/* A writer killed at any moment: the file of that name is whole, the old one or the new one. */
static void a_killed_writer_leaves_a_whole_file(sterna_test *t)
{
    char path[1200];
    sterna_verify_report report;
    CHECK(t, rig_record(t, RIG_MODEL, "cpu", 3, 0.8f, &recorded, NULL) == STERNA_OK);
    snprintf(path, sizeof path, "%s/receipt.json", sterna_test_folder(t));
    CHECK(t, sterna_receipt_save(&recorded, NULL, path, NULL) == STERNA_OK);
    for (uint32_t i = 0; i < 40; i++) {
        pid_t child = fork();
        CHECK(t, child >= 0);
        if (child == 0)
            for (;;) {
                recorded.head.created[0] ^= 1;
                (void)sterna_receipt_save(&recorded, NULL, path, NULL);
            }
        usleep(200 + sterna_philox4x32(31, i, 0, 0, 0, 0).word[0] % 4000);
        CHECK(t, kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
        sterna_status status = sterna_verify_file(path, &(sterna_verify_params){0}, &report);
        CHECK_MSG(t, status == STERNA_NOTHING, "%u: %s", i, report.fault.text); /* whole, and unsigned */
        sterna_verify_free(&report);
    }
    sterna_receipt_free(&recorded);
}

/* A full disk: the limit on file sizes stands for ENOSPC, /dev/full is one. */
static void a_full_disk_is_told(sterna_test *t)
{
    char path[1200];
    sterna_fault fault = {0};
    struct rlimit limit = {1000, RLIM_INFINITY};
    CHECK(t, rig_record(t, RIG_MODEL, "cpu", 3, 0.8f, &recorded, NULL) == STERNA_OK);
    snprintf(path, sizeof path, "%s/receipt.json", sterna_test_folder(t));
    signal(SIGXFSZ, SIG_IGN);
    CHECK(t, setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(t, sterna_receipt_save(&recorded, NULL, path, &fault) == STERNA_FILE);
    CHECK(t, entries(sterna_test_folder(t)) == 0 && strstr(fault.text, "receipt.json"));
    fault = (sterna_fault){0};
    CHECK(t, sterna_receipt_save(&recorded, NULL, "/nowhere/at/all.json", &fault) == STERNA_FILE);
    CHECK(t, strstr(fault.text, "/nowhere/at/all.json"));
    sterna_receipt_free(&recorded);
}

const sterna_test_case sterna_test_cases[] = {
    {"written_and_read_back", written_and_read_back, 0},
    {"refuses_what_is_no_receipt", refuses_what_is_no_receipt, 0},
    {"all_devices_stand_in_it", all_devices_stand_in_it, 0},
    {"checks_have_no_model", checks_have_no_model, 0},
    {"survives_damage", survives_damage, 60},
    {"saving_survives_every_failure", saving_survives_every_failure, 60},
    {"recording_survives_every_failure", recording_survives_every_failure, 60},
    {"a_killed_writer_leaves_a_whole_file", a_killed_writer_leaves_a_whole_file, 0},
    {"a_full_disk_is_told", a_full_disk_is_told, 0},
    {0},
};
