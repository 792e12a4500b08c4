/* receipts/schema/receipt-1.0.0.json (JSON Schema, draft 2020-12) from receipts/format/receipt.def, for readers that are
 * not ours. Owns: the schema's form. */
#include "format/receipt.h"
#include "gendocs.h"
#include <string.h>

/* One row of the table, with what only a document needs. */
typedef struct row {
    const char *section, *name, *sentence;
    sterna_receipt_type type;
    uint32_t bytes;
} row;

static const row rows[] = {
#define SECTION(id, sentence)
#define END(id)
#define TEXT(section, name, bytes, sentence) {#section, #name, sentence, STERNA_RECEIPT_TEXT, bytes},
#define COUNT(section, name, sentence)       {#section, #name, sentence, STERNA_RECEIPT_COUNT, 0},
#define WORD(section, name, sentence)        {#section, #name, sentence, STERNA_RECEIPT_WORD, 0},
#define REAL(section, name, sentence)        {#section, #name, sentence, STERNA_RECEIPT_REAL, 0},
#define FLAG(section, name, sentence)        {#section, #name, sentence, STERNA_RECEIPT_FLAG, 0},
#define HASH(section, name, sentence)        {#section, #name, sentence, STERNA_RECEIPT_HASH, 0},
#include "format/receipt.def"
};

static const struct {
    const char *id, *sentence;
} sections[] = {
#define SECTION(id, sentence) {#id, sentence},
#define END(id)
#define TEXT(...)
#define COUNT(...)
#define WORD(...)
#define REAL(...)
#define FLAG(...)
#define HASH(...)
#include "format/receipt.def"
};

static void write_type(FILE *out, const row *r)
{
    switch (r->type) {
    case STERNA_RECEIPT_TEXT:
        if (strcmp(r->name, "schema") == 0)
            fprintf(out, "\"const\": \"%s\"", STERNA_RECEIPT_SCHEMA);
        else
            fprintf(out, "\"type\": \"string\", \"maxLength\": %u", r->bytes - 1);
        break;
    case STERNA_RECEIPT_COUNT:
        fprintf(out, "\"$ref\": \"#/$defs/count\"");
        break;
    case STERNA_RECEIPT_WORD:
        fprintf(out, "\"type\": \"string\", \"pattern\": \"^(0|[1-9][0-9]{0,19})$\"");
        break;
    case STERNA_RECEIPT_REAL:
        fprintf(out, "\"type\": \"number\"");
        break;
    case STERNA_RECEIPT_FLAG:
        fprintf(out, "\"type\": \"boolean\"");
        break;
    case STERNA_RECEIPT_HASH:
        fprintf(out, "\"$ref\": \"#/$defs/hash\"");
        break;
    }
}

/* "name": {...}, one per line; `names` only: the list for "required". */
static void write_fields(FILE *out, const char *section, const char *indent, bool names)
{
    bool first = true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const row *r = &rows[i];
        if (strcmp(r->section, section) != 0) continue;
        if (names) {
            fprintf(out, "%s\"%s\"", first ? "" : ", ", r->name);
        } else {
            fprintf(out, "%s\n%s\"%s\": {", first ? "" : ",", indent, r->name);
            write_type(out, r);
            if (r->sentence[0]) fprintf(out, ", \"description\": \"%s\"", r->sentence);
            fputs("}", out);
        }
        first = false;
    }
}

static void write_definition(FILE *out, const char *section, const char *sentence)
{
    fprintf(out, ",\n    \"%s\": {\n      \"description\": \"%s\",\n      \"type\": \"object\",\n", section,
            sentence);
    fprintf(out, "      \"additionalProperties\": false,\n      \"required\": [");
    write_fields(out, section, "", true);
    fprintf(out, "],\n      \"properties\": {");
    write_fields(out, section, "        ", false);
    fprintf(out, "\n      }\n    }");
}

void gendocs_receipt(FILE *out)
{
    fprintf(out,
            "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"%s\",\n"
            "  \"description\": \"The payload of a receipt; written from receipts/format/receipt.def by make "
            "docs\",\n"
            "  \"type\": \"object\",\n  \"additionalProperties\": false,\n  \"required\": [",
            STERNA_RECEIPT_SCHEMA);
    write_fields(out, "head", "", true);
#define X(id, generation) fprintf(out, ", \"%s\"", #id);
    STERNA_RECEIPT_OBJECTS(X)
#undef X
    fprintf(out, ", \"prompt\", \"tokens\", \"steps\"");
#define X(list, section, limit) fprintf(out, ", \"%s\"", #list);
    STERNA_RECEIPT_LISTS(X)
#undef X
    fprintf(out, "],\n  \"properties\": {");
    write_fields(out, "head", "    ", false);
#define X(id, generation)                                                                                    \
    fprintf(out,                                                                                             \
            (generation) ? ",\n    \"%s\": {\"anyOf\": [{\"$ref\": \"#/$defs/%s\"}, {\"type\": \"null\"}]}"  \
                         : ",\n    \"%s\": {\"$ref\": \"#/$defs/%s\"}",                                      \
            #id, #id);
    STERNA_RECEIPT_OBJECTS(X)
#undef X
    for (int i = 0; i < 2; i++)
        fprintf(out,
                ",\n    \"%s\": {\"type\": \"array\", \"maxItems\": %d, \"items\": {\"type\": \"integer\", "
                "\"minimum\": 0, \"maximum\": 16777215}}",
                i ? "tokens" : "prompt", STERNA_RECEIPT_TOKENS_MAX);
    fprintf(
        out,
        ",\n    \"steps\": {\"type\": \"array\", \"maxItems\": %d, \"items\": {\"$ref\": \"#/$defs/hash\"}}",
        STERNA_RECEIPT_TOKENS_MAX);
#define X(list, section, limit)                                                                              \
    fprintf(out,                                                                                             \
            ",\n    \"%s\": {\"type\": \"array\", \"maxItems\": %d, \"items\": {\"$ref\": \"#/$defs/%s\"}}", \
            #list, limit, #section);
    STERNA_RECEIPT_LISTS(X)
#undef X
    fprintf(out,
            "\n  },\n  \"$defs\": {\n    \"count\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": "
            "9007199254740991},\n    \"hash\": {\"type\": \"string\", \"pattern\": \"^[0-9a-f]{64}$\"}");
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        if (strcmp(sections[i].id, "head") != 0) write_definition(out, sections[i].id, sections[i].sentence);
    fprintf(out, "\n  }\n}\n");
}
