/* The commands of the manual work as written. Owns: which documents are executed, and planted pages that
 * prove the judge (rundocs/). */
#include "base/sys.h"
#include "rundocs.h"
#include "runner.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static rundocs_result result;

static void expect(sterna_test *t, const char *page, int ran, int failed)
{
    rundocs_page(page, sterna_test_folder(t), "", &result);
    sterna_test_note(t, "%s\n%s", page, result.text);
    EXPECT(t, result.ran == ran);
    EXPECT(t, result.failed == failed);
}

static void blocks(sterna_test *t)
{
    expect(t, "text\n\n```sh\necho a >f\n```\n\nmore\n\n```sh\ngrep -q a f\n```\n", 2, 0);
    expect(t, "```sh\nfalse\n```\n", 1, 1);
    expect(t, "```sh\nfalse\ntrue\n```\n", 1, 1);
    expect(t, "```sh\necho $nothing_of_this_name\n```\n", 1, 1);
    expect(t, "```sh no-run\nfalse\n```\n```c\nint x;\n```\n```\nfalse\n```\n", 0, 0);
    expect(t, "```sh\n(exit 3)   # exit 3\ntrue\n```\n", 1, 0);
    expect(t, "```sh\n(exit 2)   # exit 3\n```\n", 1, 1);
    expect(t, "```sh\ntrue   # exit 3\n```\n", 1, 1);
}

static void outputs(sterna_test *t)
{
    expect(t, "```sh\necho one; echo two\n```\n\n```text output\none\ntwo\n```\n", 1, 0);
    expect(t, "```sh\necho one; echo two\n```\n```text output\none\n```\n", 1, 1);
    expect(t, "```sh\necho one\n```\n```text output\none\ntwo\n```\n", 1, 1);
    expect(t, "```sh\necho 12.5 tokens/s\n```\n```text output\n… tokens/s\n```\n", 1, 0);
    expect(t, "```sh\necho 12.5 tokens/s\n```\n```text output\n… tokens/h\n```\n", 1, 1);
    expect(t, "```sh\nseq 1 9\n```\n```text output\n1\n…\n9\n```\n", 1, 0);
    expect(t, "```sh\nseq 1 9\n```\n```text output\n1\n…\n8\n```\n", 1, 1);
    expect(t, "```sh\necho x >&2\n```\n```text output\n```\n", 1, 0);
}

/* Runs one page of the repository in a folder that looks like a built checkout. */
static void page(sterna_test *t, const char *path, int *ran)
{
    char prelude[600], link_path[1200], target[1200];
    sterna_mapping file = {0};
    const char *folder = sterna_test_folder(t);
    static const char *const shown[] = {"golden", "docs", "backends"};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        snprintf(link_path, sizeof link_path, "%s/%s", folder, shown[i]);
        snprintf(target, sizeof target, STERNA_SOURCE_DIR "/%s", shown[i]);
        if (symlink(target, link_path) != 0 && access(link_path, F_OK) != 0)
            EXPECT(t, access(link_path, F_OK) == 0);
    }
    snprintf(link_path, sizeof link_path, "%s/build", folder);
    if (symlink(STERNA_BINARY_DIR, link_path) != 0 && access(link_path, F_OK) != 0)
        EXPECT(t, access(link_path, F_OK) == 0);
    snprintf(prelude, sizeof prelude, "PATH='%s/bin':$PATH", STERNA_BINARY_DIR);
    snprintf(target, sizeof target, STERNA_SOURCE_DIR "/%s", path);
    CHECK(t, sterna_sys_read(target, 1 << 24, &file, NULL) == STERNA_OK);
    rundocs_page((const char *)file.data, folder, prelude, &result);
    sterna_sys_unmap(&file);
    *ran += result.ran;
    CHECK_MSG(t, result.failed == 0, "%s: %d of %d blocks fail\n%s", path, result.failed, result.ran,
              result.text);
}

/* The README, CONTRIBUTING and every page of docs/. */
static void manual(sterna_test *t)
{
    int ran = 0, pages = 0;
    page(t, "README.md", &ran);
    page(t, "CONTRIBUTING.md", &ran);
    DIR *folder = opendir(STERNA_SOURCE_DIR "/docs");
    CHECK(t, folder != NULL);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[400];
        size_t n = strlen(entry->d_name);
        if (n < 3 || strcmp(entry->d_name + n - 3, ".md") != 0) continue;
        snprintf(path, sizeof path, "docs/%s", entry->d_name);
        page(t, path, &ran);
        pages++;
    }
    closedir(folder);
    CHECK_MSG(t, pages >= 4 && ran >= 1, "%d pages, %d blocks", pages, ran);
}

/* Keys behind a device's name have a row each, "| `name` | default | ...", in the page of their backend. (The pages of OpenCL
 * and the mock are held to more by tests of theirs.) */
static void keys_are_documented(sterna_test *t)
{
    static const struct {
        const char *page, *name, *preset;
    } keys[] = {
#define KEY(name, low, high, preset, sentence) {"docs/vulkan.md", #name, #preset},
#include "vulkan/vulkan_keys.def"
#define STREAM_KEY(name, low, high, preset, sentence) {"docs/cuda.md", #name, #preset},
#include "gpu/stream/keys.def"
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char want[100];
        sterna_mapping file = {0};
        bool plain = strspn(keys[i].preset, "0123456789") == strlen(keys[i].preset);
        snprintf(want, sizeof want, plain ? "\n| `%s` | %s | " : "\n| `%s` | ", keys[i].name, keys[i].preset);
        CHECK(t, sterna_sys_read(sterna_test_repo(t, keys[i].page), 1 << 20, &file, NULL) == STERNA_OK);
        bool found = strstr((const char *)file.data, want) != NULL;
        sterna_sys_unmap(&file);
        if (!EXPECT(t, found)) sterna_test_note(t, "%s has no row%s", keys[i].page, want);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"blocks", blocks, 0},
    {"outputs", outputs, 0},
    {"manual", manual, 60},
    {"keys_are_documented", keys_are_documented, 0},
    {0},
};
