/* A receipt from text: nothing missing, nothing unknown, nothing out of range. Owns: what the schema demands.
 * Leaves to others: well-formed JSON (json_strict.h), whether the claims hold (gates.h). */
#include "base/mem.h"
#include "format/json_strict.h"
#include "format/receipt.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct reader {
    sterna_status status; /* the first failure stays */
    sterna_receipt_defect *defect;
    sterna_fault *fault;
} reader;

static const char *const type_names[] = {"a string", "a whole number", "decimal digits in a string",
                                         "a number", "true or false",  "64 lower-case hex digits"};

/* What stands there, for the message: short, and without anything a terminal would obey. */
static void describe(const cJSON *item, char *text, size_t bytes)
{
    if (!item)
        snprintf(text, bytes, "nothing");
    else if (cJSON_IsString(item))
        snprintf(text, bytes, "\"%.80s\"", item->valuestring);
    else if (cJSON_IsNumber(item))
        snprintf(text, bytes, "%.17g", item->valuedouble);
    else
        snprintf(text, bytes, "%s",
                 cJSON_IsObject(item)  ? "an object"
                 : cJSON_IsArray(item) ? "a list"
                 : cJSON_IsNull(item)  ? "null"
                 : cJSON_IsTrue(item)  ? "true"
                                       : "false");
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
}

static void refuse(reader *r, const char *section, const char *name, const char *expected, const cJSON *found)
{
    if (r->status != STERNA_OK) return;
    sterna_receipt_defect *d = r->defect;
    snprintf(d->field, sizeof d->field, "%s%s%s", section, section[0] && name[0] ? "." : "", name);
    snprintf(d->expected, sizeof d->expected, "%s", expected);
    describe(found, d->found, sizeof d->found);
    r->status = sterna_fail(r->fault, STERNA_INVALID, "receipt: %s: expected %s, found %s", d->field,
                            d->expected, d->found);
}

static bool read_whole(const cJSON *item, uint64_t limit, uint64_t *value)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > (double)limit ||
        item->valuedouble != floor(item->valuedouble) || signbit(item->valuedouble))
        return false;
    *value = (uint64_t)item->valuedouble;
    return true;
}

static bool read_word(const cJSON *item, uint64_t *value)
{
    if (!cJSON_IsString(item)) return false;
    const char *text = item->valuestring;
    char again[24];
    *value = 0;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9' || c - text >= 20) return false;
        *value = *value * 10 + (uint64_t)(*c - '0');
    }
    /* One spelling per number; this also refuses what wrapped around. */
    snprintf(again, sizeof again, "%" PRIu64, *value);
    return strcmp(again, text) == 0;
}

static bool read_hash(const cJSON *item, uint8_t hash[STERNA_HASH_BYTES])
{
    if (!cJSON_IsString(item) || strlen(item->valuestring) != 2 * STERNA_HASH_BYTES) return false;
    for (uint32_t i = 0; i < 2 * STERNA_HASH_BYTES; i++) {
        char c = item->valuestring[i];
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint32_t)(c - 'a') + 10;
        else
            return false;
        hash[i / 2] = (uint8_t)(i % 2 ? hash[i / 2] | digit : digit << 4);
    }
    return true;
}

static bool read_value(const sterna_receipt_field *field, const cJSON *item, void *to)
{
    uint64_t word;
    switch (field->type) {
    case STERNA_RECEIPT_TEXT:
        if (!cJSON_IsString(item) || strlen(item->valuestring) >= field->size) return false;
        memcpy(to, item->valuestring, strlen(item->valuestring) + 1);
        return true;
    case STERNA_RECEIPT_COUNT:
        if (!read_whole(item, STERNA_RECEIPT_COUNT_MAX, &word)) return false;
        memcpy(to, &word, sizeof word);
        return true;
    case STERNA_RECEIPT_WORD:
        if (!read_word(item, &word)) return false;
        memcpy(to, &word, sizeof word);
        return true;
    case STERNA_RECEIPT_REAL:
        if (!cJSON_IsNumber(item)) return false;
        memcpy(to, &item->valuedouble, sizeof item->valuedouble);
        return true;
    case STERNA_RECEIPT_FLAG:
        if (!cJSON_IsBool(item)) return false;
        *(bool *)to = cJSON_IsTrue(item);
        return true;
    case STERNA_RECEIPT_HASH:
        return read_hash(item, to);
    }
    return false;
}

static void read_fields(reader *r, const sterna_receipt_section *section, const char *where,
                        const cJSON *object, void *to)
{
    for (uint32_t i = 0; i < section->n_fields && r->status == STERNA_OK; i++) {
        const sterna_receipt_field *field = &section->fields[i];
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, field->name);
        if (read_value(field, item, (char *)to + field->offset)) continue;
        char expected[64];
        if (field->type == STERNA_RECEIPT_TEXT)
            snprintf(expected, sizeof expected, "a string shorter than %u bytes", field->size);
        else
            snprintf(expected, sizeof expected, "%s", type_names[field->type]);
        refuse(r, where, field->name, expected, item);
    }
}

static bool is_field(const sterna_receipt_section *section, const char *key)
{
    for (uint32_t i = 0; i < section->n_fields; i++)
        if (strcmp(section->fields[i].name, key) == 0) return true;
    return false;
}

/* Keys are unique and all fields were found: more keys than fields means an unknown one. */
static void no_others(reader *r, const sterna_receipt_section *section, const char *where,
                      const cJSON *object)
{
    for (const cJSON *item = object->child; item && r->status == STERNA_OK; item = item->next)
        if (!is_field(section, item->string)) refuse(r, where, item->string, "no field of this name", item);
}

static void read_object(reader *r, const cJSON *root, sterna_receipt_section_id id, const char *name,
                        bool wanted, void *to)
{
    const sterna_receipt_section *section = &sterna_receipt_sections[id];
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(root, name);
    if (!wanted && !cJSON_IsNull(object)) {
        refuse(r, name, "", "null in a receipt of kind check", object);
    } else if (wanted && !cJSON_IsObject(object)) {
        refuse(r, name, "", "an object", object);
    } else if (wanted) {
        read_fields(r, section, name, object, to);
        no_others(r, section, name, object);
    }
}

/* Finds a list and makes room for its items; NULL when it is empty or something is wrong. */
static void *begin_list(reader *r, const cJSON *root, const char *name, uint32_t limit, size_t size,
                        const cJSON **list, uint32_t *n)
{
    char expected[64];
    if (r->status != STERNA_OK) return NULL;
    *list = cJSON_GetObjectItemCaseSensitive(root, name);
    uint64_t length = 0;
    for (const cJSON *item = cJSON_IsArray(*list) ? (*list)->child : NULL; item; item = item->next) length++;
    if (!cJSON_IsArray(*list) || length > limit) {
        snprintf(expected, sizeof expected, "a list of at most %u", limit);
        refuse(r, name, "", expected, *list);
        return NULL;
    }
    if (length == 0) return NULL;
    void *items = sterna_alloc((size_t)length, size);
    if (!items) {
        r->status = sterna_fail(r->fault, STERNA_MEMORY, "receipt: out of memory for %s", name);
        return NULL;
    }
    *n = (uint32_t)length;
    return items;
}

static void read_ids(reader *r, const cJSON *root, const char *name, uint32_t **ids, uint32_t *n)
{
    const cJSON *list;
    *ids = begin_list(r, root, name, STERNA_RECEIPT_TOKENS_MAX, sizeof **ids, &list, n);
    if (!*ids) return;
    uint32_t i = 0;
    for (const cJSON *item = list->child; item; item = item->next, i++) {
        uint64_t id;
        if (!read_whole(item, (1u << 24) - 1, &id)) {
            refuse(r, name, "", "token ids below 2^24", item);
            return;
        }
        (*ids)[i] = (uint32_t)id;
    }
}

static void read_steps(reader *r, const cJSON *root, sterna_receipt *receipt)
{
    const cJSON *list;
    receipt->steps = begin_list(r, root, "steps", STERNA_RECEIPT_TOKENS_MAX, sizeof *receipt->steps, &list,
                                &receipt->n_steps);
    if (!receipt->steps) return;
    uint32_t i = 0;
    for (const cJSON *item = list->child; item; item = item->next, i++)
        if (!read_hash(item, receipt->steps[i])) {
            refuse(r, "steps", "", type_names[STERNA_RECEIPT_HASH], item);
            return;
        }
}

static void *read_list(reader *r, const cJSON *root, const char *name, sterna_receipt_section_id id,
                       uint32_t limit, uint32_t *n)
{
    const sterna_receipt_section *section = &sterna_receipt_sections[id];
    const cJSON *list;
    char *items = begin_list(r, root, name, limit, section->size, &list, n);
    if (!items) return NULL;
    size_t at = 0;
    for (const cJSON *item = list->child; item && r->status == STERNA_OK;
         item = item->next, at += section->size) {
        char where[64];
        snprintf(where, sizeof where, "%s[%zu]", name, at / section->size);
        if (!cJSON_IsObject(item)) {
            refuse(r, where, "", "an object", item);
            break;
        }
        read_fields(r, section, where, item, items + at);
        no_others(r, section, where, item);
    }
    return items;
}

/* The top level holds the fields of `head`, the objects and the lists, and nothing else. */
static void no_others_on_top(reader *r, const cJSON *root)
{
    static const char *const names[] = {"prompt", "tokens", "steps",
#define X(id, generation) #id,
                                        STERNA_RECEIPT_OBJECTS(X)
#undef X
#define X(list, section, limit) #list,
                                            STERNA_RECEIPT_LISTS(X)
#undef X
    };
    for (const cJSON *item = root->child; item; item = item->next) {
        bool known = is_field(&sterna_receipt_sections[STERNA_RECEIPT_SECTION_head], item->string);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            known = known || strcmp(names[i], item->string) == 0;
        if (!known) refuse(r, "", item->string, "no field of this name", item);
    }
}

/* The version decides how the rest is read, so it is judged first. */
static void read_head(reader *r, const cJSON *root, sterna_receipt *receipt)
{
    const cJSON *schema = cJSON_GetObjectItemCaseSensitive(root, "schema");
    if (!cJSON_IsString(schema) || strcmp(schema->valuestring, STERNA_RECEIPT_SCHEMA) != 0)
        refuse(r, "schema", "", STERNA_RECEIPT_SCHEMA, schema);
    read_fields(r, &sterna_receipt_sections[STERNA_RECEIPT_SECTION_head], "", root, &receipt->head);
    const char *kind = receipt->head.kind;
    receipt->generated = strcmp(kind, "check") != 0;
    if (receipt->generated && strcmp(kind, "run") != 0 && strcmp(kind, "bench") != 0)
        refuse(r, "kind", "", "run, bench or check", cJSON_GetObjectItemCaseSensitive(root, "kind"));
}

sterna_status sterna_receipt_parse(const char *text, size_t bytes, sterna_receipt *receipt,
                                   sterna_receipt_defect *defect, sterna_fault *fault)
{
    sterna_receipt_defect unused;
    reader r = {.defect = defect ? defect : &unused, .fault = fault};
    cJSON *root;
    *receipt = (sterna_receipt){0};
    *r.defect = (sterna_receipt_defect){0};
    if (bytes > STERNA_RECEIPT_BYTES_MAX)
        return sterna_fail(fault, STERNA_FILE, "receipt: %zu bytes, at most %d are read", bytes,
                           STERNA_RECEIPT_BYTES_MAX);
    r.status = sterna_json_strict("receipt", text, bytes, STERNA_RECEIPT_DEPTH_MAX,
                                  4 * (uint64_t)STERNA_RECEIPT_TOKENS_MAX, &root, fault);
    if (r.status != STERNA_OK) return r.status;
    if (cJSON_IsObject(root)) {
        read_head(&r, root, receipt);
#define X(id, generation)                                                                                    \
    if (r.status == STERNA_OK)                                                                               \
        read_object(&r, root, STERNA_RECEIPT_SECTION_##id, #id, !(generation) || receipt->generated,         \
                    &receipt->id);
        STERNA_RECEIPT_OBJECTS(X)
#undef X
        read_ids(&r, root, "prompt", &receipt->prompt, &receipt->n_prompt);
        read_ids(&r, root, "tokens", &receipt->tokens, &receipt->n_tokens);
        read_steps(&r, root, receipt);
#define X(list, section, limit)                                                                              \
    receipt->list = read_list(&r, root, #list, STERNA_RECEIPT_SECTION_##section, limit, &receipt->n_##list);
        STERNA_RECEIPT_LISTS(X)
#undef X
        if (r.status == STERNA_OK) no_others_on_top(&r, root);
    } else {
        refuse(&r, "", "payload", "an object", root);
    }
    cJSON_Delete(root);
    return r.status;
}
