/* The SafeTensors reader: headers that break a rule, and any byte of a good file changed.
 * Owns: the list of rules as examples. */
#include "base/philox.h"
#include "base/size.h"
#include "convert/safetensors.h"
#include "hf_fixture.h"
#include "runner.h"

/* Writes a file with this header and `data` bytes behind it, `length` in front (-1: the header's own). */
static const char *write_file(sterna_test *t, const char *header, int64_t length, size_t data)
{
    static char path[600];
    static uint8_t head[4096], zeros[4096];
    const char *folder = sterna_test_folder(t);
    uint64_t bytes = strlen(header), claimed = length < 0 ? bytes : (uint64_t)length;
    memcpy(head, &claimed, 8);
    memcpy(head + 8, header, bytes);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    return tiny_write(folder, "model.safetensors", head, 8 + bytes, zeros, data) ? path : NULL;
}

#define A(offsets) "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":" offsets "}"
#define B(offsets) "\"b\":{\"dtype\":\"U8\",\"shape\":[3,1],\"data_offsets\":" offsets "}"

static void rules_hold(sterna_test *t)
{
    static const struct {
        const char *header;
        int64_t length;
        uint32_t data;
        sterna_status status;
        const char *names;
    } rows[] = {
        {"{" A("[0,8]") "," B("[8,11]") "}", -1, 11, STERNA_OK, ""},
        {"{" B("[8,11]") "," A("[0,8]") "}  ", -1, 11, STERNA_OK, ""},
        {"{\"__metadata__\":{\"x\":\"y\"}}", -1, 0, STERNA_OK, ""},
        {"{}", -1, 0, STERNA_OK, ""},
        {"{\"s\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]}}", -1, 8, STERNA_OK, ""},
        {"{\"z\":{\"dtype\":\"F64\",\"shape\":[0,7],\"data_offsets\":[0,0]}," A("[0,8]") "}", -1, 8,
         STERNA_OK, ""},
        {"{" A("[0,8]") "," B("[8,11]") "}", -1, 12, STERNA_FILE, "behind the last"},
        {"{" A("[0,8]") "," B("[8,11]") "}", -1, 10, STERNA_FILE, "\"b\""},
        {"{" A("[0,8]") "," B("[7,10]") "}", -1, 10, STERNA_FILE, "overlaps"},
        {"{" A("[0,8]") "," B("[9,12]") "}", -1, 12, STERNA_FILE, "gap"},
        {"{" A("[8,0]") "}", -1, 8, STERNA_FILE, "\"a\""},
        {"{" A("[0,4]") "}", -1, 4, STERNA_FILE, "shape needs 8"},
        {"{" A("[0]") "}", -1, 8, STERNA_FILE, "data_offsets"},
        {"{" A("[-8,0]") "}", -1, 8, STERNA_FILE, "data_offsets"},
        {"{" A("[0,1e300]") "}", -1, 8, STERNA_FILE, "data_offsets"},
        {"{" A("[0.5,8.5]") "}", -1, 9, STERNA_FILE, "data_offsets"},
        {"{" A("[0,8]") "," A("[8,16]") "}", -1, 16, STERNA_FILE, "twice"},
        {"{\"a\":7}", -1, 0, STERNA_FILE, "\"a\""},
        {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}", -1, 1, STERNA_UNSUPPORTED,
         "F8_E4M3"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", -1, 1, STERNA_FILE, "dtype"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", -1, 1, STERNA_FILE,
         "dimension 0"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", -1, 0,
         STERNA_FILE, "dimension"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", -1, 1,
         STERNA_FILE, "shape"},
        {"[]", -1, 0, STERNA_FILE, "byte 8"},
        {"", -1, 0, STERNA_FILE, "byte 8"},
        {"{" A("[0,8]") "} x", -1, 8, STERNA_FILE, "JSON"},
        {"{" A("[0,8]") "}", 100000001, 8, STERNA_FILE, "byte 0"},
        {"{" A("[0,8]") "}", INT64_MAX, 8, STERNA_FILE, "byte 0"},
        {"{" A("[0,8]") "}", 1000, 8, STERNA_FILE, "byte 0"},
        {"{}", 3, 0, STERNA_FILE, "byte 0:"},
        {"{}", 10, 0, STERNA_FILE, "byte 0:"},
    };
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        const char *path = write_file(t, rows[i].header, rows[i].length, rows[i].data);
        CHECK(t, path != NULL);
        int64_t live = sterna_mem_live();
        sterna_safetensors *file = NULL;
        sterna_fault fault = {0};
        sterna_status status = sterna_safetensors_open(path, &file, &fault);
        if (!EXPECT(t, status == rows[i].status && (file != NULL) == (status == STERNA_OK) &&
                           strstr(fault.text, rows[i].names)))
            sterna_test_note(t, "row %zu: status %d, \"%s\"", i, (int)status, fault.text);
        sterna_safetensors_close(file);
        EXPECT(t, sterna_mem_live() == live);
    }
}

static void tensors_are_found(sterna_test *t)
{
    sterna_safetensors *file = NULL;
    CHECK(t, sterna_safetensors_open(write_file(t, "{" B("[8,11]") "," A("[0,8]") "}", -1, 11), &file,
                                     NULL) == STERNA_OK);
    uint32_t count;
    const sterna_st_tensor *all = sterna_safetensors_all(file, &count),
                           *b = sterna_safetensors_find(file, "b");
    CHECK(t, count == 2 && b == &all[1] && sterna_safetensors_find(file, "c") == NULL);
    CHECK(t,
          b->type == STERNA_ST_U8 && b->n_dims == 2 && b->shape[0] == 3 && b->shape[1] == 1 && b->bytes == 3);
    CHECK(t, b->data == all[0].data + 8);
    sterna_safetensors_close(file);
}

/* A NUL byte would end the name early, and two names would be one. */
static void nul_bytes_are_refused(sterna_test *t)
{
    static const char good[] =
        "\x29\0\0\0\0\0\0\0{\"axb\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}";
    uint8_t bytes[sizeof good - 1];
    memcpy(bytes, good, sizeof bytes);
    bytes[0] = sizeof bytes - 8;
    sterna_safetensors *file = NULL;
    CHECK(t, sterna_safetensors_open_memory(bytes, sizeof bytes, "memory", &file, NULL) == STERNA_OK);
    CHECK(t, sterna_safetensors_find(file, "axb") != NULL);
    sterna_safetensors_close(file);
    bytes[11] = 0;
    sterna_fault fault = {0};
    CHECK(t, sterna_safetensors_open_memory(bytes, sizeof bytes, "memory", &file, &fault) == STERNA_FILE);
    CHECK_MSG(t, strstr(fault.text, "memory: byte 3"), "%s", fault.text);
}

/* What opens lies within the file, whatever byte of it was changed. */
static void changed_bytes_do_no_harm(sterna_test *t)
{
    static const char header[] = "{\"__metadata__\":{\"k\":\"v\"}," A("[0,8]") "," B("[8,11]") "}";
    static const char letters[] = "0123456789{}[]\":,.-eEabF\\u \x80\xFF";
    static uint8_t bytes[8 + sizeof header - 1 + 11];
    uint32_t opened = 0;
    for (uint32_t i = 0; i < 60000; i++) {
        uint64_t length = sizeof header - 1;
        memcpy(bytes, &length, 8);
        memcpy(bytes + 8, header, length);
        sterna_philox r = sterna_philox4x32(11, 12, i, 0, 0, 0);
        for (uint32_t k = 0; k <= r.word[3] % 3; k++)
            bytes[r.word[k] % sizeof bytes] = (uint8_t)letters[(r.word[k] >> 16) % (sizeof letters - 1)];
        sterna_safetensors *file = NULL;
        if (sterna_safetensors_open_memory(bytes, sizeof bytes, "memory", &file, NULL) != STERNA_OK) continue;
        opened++;
        uint32_t count;
        uint64_t sum = 0;
        const sterna_st_tensor *all = sterna_safetensors_all(file, &count);
        for (uint32_t k = 0; k < count; k++)
            for (uint64_t at = 0; at < all[k].bytes; at++, sum++) CHECK(t, all[k].data[at] != 1);
        CHECK(t, sum <= sizeof bytes);
        sterna_safetensors_close(file);
    }
    CHECK_MSG(t, opened > 1000, "only %u of the changed files open", opened);
}

const sterna_test_case sterna_test_cases[] = {
    {"rules_hold", rules_hold, 0},
    {"tensors_are_found", tensors_are_found, 0},
    {"nul_bytes_are_refused", nul_bytes_are_refused, 0},
    {"changed_bytes_do_no_harm", changed_bytes_do_no_harm, 0},
    {0},
};
