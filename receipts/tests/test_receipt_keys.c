/* Key files: ours are minisign's, theirs are read, damaged ones are refused. */
#include "base/sys.h"
#include "format/keys.h"
#include "runner.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char path[1200];

static const char *written(sterna_test *t, const char *text)
{
    snprintf(path, sizeof path, "%s/key", sterna_test_folder(t));
    FILE *out = fopen(path, "w");
    EXPECT(t, out && fputs(text, out) >= 0 && fclose(out) == 0);
    return path;
}

/* The public key of minisign's own documentation. */
static void reads_minisign(sterna_test *t)
{
    sterna_public_key key;
    char id[17];
    CHECK(t, sterna_public_key_read(written(t, "untrusted comment: minisign public key E7620F1842B4E81F\n"
                                               "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n"),
                                    &key, NULL) == STERNA_OK);
    sterna_key_id_text(key.id, id);
    CHECK_MSG(t, strcmp(id, "E7620F1842B4E81F") == 0, "%s", id);
}

/* A pair made by minisign 0.11 with -G -W, which leaves the checksum zero; and the same with one letter changed. */
static void reads_minisign_secret(sterna_test *t)
{
    static char text[] = "untrusted comment: minisign encrypted secret key\n"
                         "RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                         "AAAAAAAAAAAATF6fEROBvtDN6aas0J/EpcL2Aaq9B+nqIBSOfeR7gE7+RS6N"
                         "GUESrwrz4CH1KXy8+g3/BDAqBTxHGP3G00NBdgZug/gPGFjlAAAAAAAAAAAA"
                         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    sterna_public_key public_key;
    sterna_secret_key secret_key;
    CHECK(t, sterna_public_key_read(written(t, "untrusted comment: minisign public key D0BE8113119F5E4C\n"
                                               "RWRMXp8RE4G+0Arz4CH1KXy8+g3/BDAqBTxHGP3G00NBdgZug/gPGFjl\n"),
                                    &public_key, NULL) == STERNA_OK);
    CHECK(t, sterna_secret_key_read(written(t, text), &secret_key, NULL) == STERNA_OK);
    CHECK(t, memcmp(public_key.id, secret_key.id, sizeof public_key.id) == 0);
    CHECK(t, memcmp(public_key.key, secret_key.key + 32, sizeof public_key.key) == 0);
    char *letter = strchr(text, '\n') + 100;
    *letter = *letter == 'Q' ? 'g' : 'Q';
    CHECK(t, sterna_secret_key_read(written(t, text), &secret_key, NULL) == STERNA_FILE);
}

static void writes_and_reads(sterna_test *t)
{
    sterna_public_key public_key, public_again;
    sterna_secret_key secret_key, secret_again;
    struct stat info;
    uint8_t signature[STERNA_SIGNATURE_BYTES];
    snprintf(path, sizeof path, "%s/pair", sterna_test_folder(t));
    CHECK(t, sterna_key_make(&public_key, &secret_key, NULL) == STERNA_OK);
    CHECK(t, sterna_public_key_write(path, &public_key, NULL) == STERNA_OK);
    CHECK(t, sterna_public_key_read(path, &public_again, NULL) == STERNA_OK);
    CHECK(t, memcmp(&public_key, &public_again, sizeof public_key) == 0);
    CHECK(t, sterna_secret_key_read(path, &secret_again, NULL) == STERNA_FILE); /* a public key is none */
    CHECK(t, sterna_secret_key_write(path, &secret_key, NULL) == STERNA_OK);
    CHECK(t, stat(path, &info) == 0 && (info.st_mode & 0777) == 0600);
    CHECK(t, sterna_secret_key_read(path, &secret_again, NULL) == STERNA_OK);
    CHECK(t, memcmp(&secret_key, &secret_again, sizeof secret_key) == 0);
    CHECK(t, sterna_public_key_read(path, &public_again, NULL) == STERNA_FILE);
    crypto_sign_detached(signature, NULL, (const uint8_t *)"x", 1, secret_again.key);
    CHECK(t, crypto_sign_verify_detached(signature, (const uint8_t *)"x", 1, public_key.key) == 0);
    sterna_secret_key_wipe(&secret_again);
    CHECK(t, sodium_is_zero((const uint8_t *)&secret_again, sizeof secret_again));
}

/* Any letter of the secret key's line: the checksum or the form notices. */
static void refuses_damage(sterna_test *t)
{
    sterna_public_key public_key;
    sterna_secret_key secret_key, again;
    sterna_mapping file = {0};
    char text[512];
    uint32_t refused = 0, tried = 0;
    snprintf(path, sizeof path, "%s/pair", sterna_test_folder(t));
    CHECK(t, sterna_key_make(&public_key, &secret_key, NULL) == STERNA_OK);
    CHECK(t, sterna_secret_key_write(path, &secret_key, NULL) == STERNA_OK);
    CHECK(t, sterna_sys_read(path, sizeof text - 1, &file, NULL) == STERNA_OK);
    memcpy(text, file.data, file.size);
    text[file.size] = '\0';
    size_t first = (size_t)(strchr(text, '\n') - text) + 1;
    for (size_t i = first; i + 1 < file.size; i++) {
        char kept = text[i];
        text[i] = kept == 'Q' ? 'g' : 'Q';
        sterna_status status = sterna_secret_key_read(written(t, text), &again, NULL);
        tried++;
        refused += status == STERNA_FILE;
        /* What may change is what nothing reads: salt and limits of a password that there is none of. */
        if (status == STERNA_OK) CHECK(t, i - first >= 8 && i - first < 74);
        text[i] = kept;
    }
    CHECK_MSG(t, refused >= tried - 66 && refused > 130, "%u of %u", refused, tried);
    CHECK(t, sterna_secret_key_read(written(t, text), &again, NULL) == STERNA_OK);
    sterna_sys_unmap(&file);
}

static void refuses_what_is_no_key(sterna_test *t)
{
    static const char *const texts[] = {
        "",
        "\n",
        "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n",
        "untrusted comment: x\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO\n",
        "untrusted comment: x\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3 more\n",
        "untrusted comment: x\nRUQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n" /* "ED": prehashed is no key */};
    sterna_public_key key;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        sterna_fault fault = {0};
        CHECK_MSG(t, sterna_public_key_read(written(t, texts[i]), &key, &fault) == STERNA_FILE, "%s",
                  texts[i]);
        CHECK(t, strstr(fault.text, path));
    }
    /* A key under a password, as minisign makes it without -W: "Ed" "Sc" "B2" and what follows. */
    uint8_t blob[158] = {'E', 'd', 'S', 'c', 'B', '2'};
    char base64[300], text[400];
    sterna_secret_key secret;
    sterna_fault fault = {0};
    sodium_bin2base64(base64, sizeof base64, blob, sizeof blob, sodium_base64_VARIANT_ORIGINAL);
    snprintf(text, sizeof text, "untrusted comment: minisign encrypted secret key\n%s\n", base64);
    CHECK(t, sterna_secret_key_read(written(t, text), &secret, &fault) == STERNA_FILE);
    CHECK(t, strstr(fault.text, "minisign -G -W"));
    CHECK(t, sterna_public_key_read("/nowhere", &key, NULL) == STERNA_FILE);
}

const sterna_test_case sterna_test_cases[] = {
    {"reads_minisign", reads_minisign, 0},
    {"reads_minisign_secret", reads_minisign_secret, 0},
    {"writes_and_reads", writes_and_reads, 0},
    {"refuses_damage", refuses_damage, 0},
    {"refuses_what_is_no_key", refuses_what_is_no_key, 0},
    {0},
};
