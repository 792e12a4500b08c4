/* Changed bytes: of the payload, of the whole file, of the model, of the program. Owns: the claim that no change of one
 * byte goes unnoticed. Prints how many were tried. */
#include "base/philox.h"
#include "base/size.h"
#include "base/sys.h"
#include "receipt_rig.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

static sterna_receipt recorded;
static sterna_verify_report report;

typedef struct sealed {
    sterna_public_key public_key;
    sterna_secret_key secret_key;
    char *payload, *text;
    size_t payload_bytes, text_bytes;
    sterna_envelope envelope;
} sealed;

static bool seal(sterna_test *t, sealed *s, uint32_t tokens)
{
    *s = (sealed){0};
    bool right =
        EXPECT(t, rig_record(t, RIG_MODEL, "cpu", tokens, 0.8f, &recorded, NULL) == STERNA_OK) &&
        EXPECT(t, sterna_key_make(&s->public_key, &s->secret_key, NULL) == STERNA_OK) &&
        EXPECT(t, sterna_receipt_write(&recorded, &s->payload, &s->payload_bytes, NULL) == STERNA_OK) &&
        EXPECT(t, sterna_envelope_write(s->payload, s->payload_bytes, &s->secret_key, &s->text,
                                        &s->text_bytes, NULL) == STERNA_OK) &&
        EXPECT(t, sterna_envelope_parse(s->text, s->text_bytes, &s->envelope, NULL) == STERNA_OK);
    sterna_receipt_free(&recorded);
    return right;
}

static void unseal(sealed *s)
{
    sterna_free(s->payload);
    sterna_free(s->text);
    sterna_envelope_free(&s->envelope);
}

/* Every byte of the payload with every single bit changed, and with values drawn at random. */
static void payload(sterna_test *t)
{
    sealed s;
    bool holds = false;
    uint64_t tried = 0;
    CHECK(t, seal(t, &s, 4));
    CHECK(t, sterna_envelope_verify(&s.envelope, &s.public_key, &holds, NULL) == STERNA_OK && holds);
    for (size_t i = 0; i < s.envelope.payload_bytes; i++)
        for (uint32_t k = 0; k < 10; k++) {
            uint8_t change =
                k < 8 ? (uint8_t)(1u << k)
                      : (uint8_t)(1 + sterna_philox4x32(11, k, (uint32_t)i, 0, 0, 0).word[0] % 255);
            s.envelope.payload[i] = (char)((uint8_t)s.envelope.payload[i] ^ change);
            CHECK(t, sterna_envelope_verify(&s.envelope, &s.public_key, &holds, NULL) == STERNA_OK);
            CHECK_MSG(t, !holds, "byte %zu changed by %02x", i, change);
            s.envelope.payload[i] = (char)((uint8_t)s.envelope.payload[i] ^ change);
            tried++;
        }
    /* Lengths, too. */
    s.envelope.payload_bytes--;
    CHECK(t, sterna_envelope_verify(&s.envelope, &s.public_key, &holds, NULL) == STERNA_OK && !holds);
    s.envelope.payload_bytes++;
    CHECK(t, sterna_envelope_verify(&s.envelope, &s.public_key, &holds, NULL) == STERNA_OK && holds);
    printf("payload: %llu changes of %zu bytes, none accepted\n", (unsigned long long)tried, s.payload_bytes);
    unseal(&s);
}

/* The same through the whole verifier, on the file: a change is refused, or it changed nothing that is said (blanks,
 * the other base64 alphabet, the unauthenticated keyid). */
static void file(sterna_test *t)
{
    sealed s;
    uint64_t tried = 0, same = 0;
    CHECK(t, seal(t, &s, 2));
    sterna_verify_params params = {.key = &s.public_key};
    for (size_t i = 0; i < s.text_bytes; i++)
        for (uint32_t k = 0; k < 4; k++) {
            char kept = s.text[i];
            uint32_t drawn = sterna_philox4x32(12, k, (uint32_t)i, 0, 0, 0).word[0];
            s.text[i] = (char)((uint8_t)kept ^ (k < 2 ? 1u << drawn % 8 : 1 + drawn % 255));
            sterna_status status = sterna_verify_text(s.text, s.text_bytes, &params, &report);
            sterna_verify_free(&report);
            tried++;
            if (status == STERNA_OK) {
                sterna_envelope changed;
                CHECK(t, sterna_envelope_parse(s.text, s.text_bytes, &changed, NULL) == STERNA_OK);
                CHECK_MSG(t,
                          changed.payload_bytes == s.payload_bytes &&
                              memcmp(changed.payload, s.payload, s.payload_bytes) == 0,
                          "byte %zu changed from %02x to %02x", i, (uint8_t)kept, (uint8_t)s.text[i]);
                sterna_envelope_free(&changed);
                same++;
            } else {
                CHECK_MSG(t, status == STERNA_INVALID || status == STERNA_FILE, "byte %zu: %s", i,
                          sterna_status_name(status));
            }
            s.text[i] = kept;
        }
    printf("file: %llu changes of %zu bytes, %llu without meaning, the others refused\n",
           (unsigned long long)tried, s.text_bytes, (unsigned long long)same);
    CHECK(t, same < tried / 50);
    unseal(&s);
}

static bool write_bytes(const char *path, const uint8_t *data, size_t bytes)
{
    FILE *out = fopen(path, "wb");
    bool right = out && fwrite(data, 1, bytes, out) == bytes;
    return (out && fclose(out) == 0) && right;
}

/* Every leaf of the model's tree, its first and last byte, and bytes drawn at random, each with another change. */
static void model(sterna_test *t)
{
    sterna_mapping original = {0};
    char path[1200];
    sealed s;
    CHECK(t, seal(t, &s, 2));
    snprintf(path, sizeof path, "%s/model.gguf", sterna_test_folder(t));
    CHECK(t, sterna_sys_read(sterna_test_repo(t, RIG_MODEL), 1 << 30, &original, NULL) == STERNA_OK);
    uint8_t *data = (uint8_t *)(uintptr_t)original.data;
    sterna_verify_params params = {.key = &s.public_key, .model = path};
    CHECK(t, write_bytes(path, data, (size_t)original.size));
    CHECK(t, sterna_verify_text(s.text, s.text_bytes, &params, &report) == STERNA_OK && report.model_holds);
    sterna_verify_free(&report);
    uint32_t tried = 200;
    for (uint32_t i = 0; i < tried; i++) {
        uint32_t drawn = sterna_philox4x32(13, i, 0, 0, 0, 0).word[0];
        size_t at = i == 0 ? 0 : i == 1 ? (size_t)original.size - 1 : drawn % (size_t)original.size;
        uint8_t change = (uint8_t)(1u << i % 8);
        data[at] ^= change;
        CHECK(t, write_bytes(path, data, (size_t)original.size));
        CHECK(t, sterna_verify_text(s.text, s.text_bytes, &params, &report) == STERNA_INVALID);
        CHECK(t, strcmp(report.finding.defect.field, "model.merkle") == 0);
        sterna_verify_free(&report);
        data[at] ^= change;
    }
    CHECK(t, write_bytes(path, data, (size_t)original.size - 1)); /* cut by a byte */
    CHECK(t, sterna_verify_text(s.text, s.text_bytes, &params, &report) == STERNA_INVALID);
    sterna_verify_free(&report);
    printf("model: %u changes of %llu bytes, none accepted\n", tried, (unsigned long long)original.size);
    sterna_sys_unmap(&original);
    unseal(&s);
}

/* Every byte of a small tree of three leaves: the root moves for each. */
static void every_byte_of_a_tree(sterna_test *t)
{
    size_t bytes = 2 * (size_t)STERNA_LEAF_BYTES + 7;
    uint8_t root[STERNA_HASH_BYTES], other[STERNA_HASH_BYTES];
    uint8_t *data = sterna_alloc(bytes, 1);
    CHECK(t, data && sterna_merkle_root(data, bytes, 1, root) == 0);
    static const size_t places[] = {0,
                                    1,
                                    STERNA_LEAF_BYTES - 1,
                                    STERNA_LEAF_BYTES,
                                    2 * STERNA_LEAF_BYTES - 1,
                                    2 * STERNA_LEAF_BYTES,
                                    2 * STERNA_LEAF_BYTES + 6};
    for (size_t i = 0; i < STERNA_COUNT(places); i++)
        for (uint32_t bit = 0; bit < 8; bit++) {
            data[places[i]] ^= (uint8_t)(1u << bit);
            CHECK(t, sterna_merkle_root(data, bytes, 2, other) == 0 && memcmp(root, other, sizeof root) != 0);
            data[places[i]] ^= (uint8_t)(1u << bit);
        }
    sterna_free(data);
}

/* A change anywhere in the program that wrote the receipt. */
static void program(sterna_test *t)
{
    sterna_mapping original = {0};
    char path[1200];
    sealed s;
    CHECK(t, seal(t, &s, 2));
    snprintf(path, sizeof path, "%s/program", sterna_test_folder(t));
    CHECK(t, sterna_sys_read("/proc/self/exe", 1 << 30, &original, NULL) == STERNA_OK);
    uint8_t *data = (uint8_t *)(uintptr_t)original.data;
    sterna_verify_params params = {.key = &s.public_key, .program = path};
    CHECK(t, write_bytes(path, data, (size_t)original.size));
    CHECK(t, sterna_verify_text(s.text, s.text_bytes, &params, &report) == STERNA_OK && report.program_holds);
    sterna_verify_free(&report);
    uint32_t tried = 60;
    for (uint32_t i = 0; i < tried; i++) {
        size_t at = sterna_philox4x32(14, i, 0, 0, 0, 0).word[0] % (size_t)original.size;
        data[at] ^= (uint8_t)(1u << i % 8);
        CHECK(t, write_bytes(path, data, (size_t)original.size));
        CHECK(t, sterna_verify_text(s.text, s.text_bytes, &params, &report) == STERNA_INVALID);
        sterna_verify_free(&report);
        data[at] ^= (uint8_t)(1u << i % 8);
    }
    printf("program: %u changes of %llu bytes, none accepted\n", tried, (unsigned long long)original.size);
    sterna_sys_unmap(&original);
    unseal(&s);
}

/* What is signed is DSSE's encoding, made here by hand, and not the bare payload. */
static void signs_what_dsse_says(sterna_test *t)
{
    static const char encoded[] = "DSSEv1 35 application/vnd.sterna.receipt+json 11 hello world";
    sterna_public_key key;
    sterna_secret_key secret;
    sterna_envelope e;
    char *text;
    size_t bytes;
    CHECK(t, sterna_key_make(&key, &secret, NULL) == STERNA_OK);
    CHECK(t, sterna_envelope_write("hello world", 11, &secret, &text, &bytes, NULL) == STERNA_OK);
    CHECK(t, sterna_envelope_parse(text, bytes, &e, NULL) == STERNA_OK && e.n_signatures == 1);
    CHECK(t, e.payload_bytes == 11 && memcmp(e.payload, "hello world", 11) == 0);
    CHECK(t, crypto_sign_verify_detached(e.signatures[0], (const uint8_t *)encoded, sizeof encoded - 1,
                                         key.key) == 0);
    CHECK(t, crypto_sign_verify_detached(e.signatures[0], (const uint8_t *)"hello world", 11, key.key) != 0);
    sterna_envelope_free(&e);
    sterna_free(text);
}

const sterna_test_case sterna_test_cases[] = {
    {"payload", payload, 120},
    {"file", file, 120},
    {"model", model, 60},
    {"every_byte_of_a_tree", every_byte_of_a_tree, 60},
    {"program", program, 60},
    {"signs_what_dsse_says", signs_what_dsse_says, 0},
    {0},
};
