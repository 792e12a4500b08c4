/* receipt.def as data, and a receipt's memory. Owns: the table of fields. Leaves to others: reading and
 * writing. */
#include "base/mem.h"
#include "base/size.h"
#include "format/receipt.h"
#include "token/utf8.h"
#include <string.h>

#define FIELD(section, name, type)                                                                           \
    {#name, STERNA_RECEIPT_##type, (uint32_t)offsetof(sterna_receipt_##section, name),                       \
     (uint32_t)sizeof(((sterna_receipt_##section *)0)->name)},
#define SECTION(id, sentence)                static const sterna_receipt_field fields_##id[] = {
#define TEXT(section, name, bytes, sentence) FIELD(section, name, TEXT)
#define COUNT(section, name, sentence)       FIELD(section, name, COUNT)
#define WORD(section, name, sentence)        FIELD(section, name, WORD)
#define REAL(section, name, sentence)        FIELD(section, name, REAL)
#define FLAG(section, name, sentence)        FIELD(section, name, FLAG)
#define HASH(section, name, sentence)        FIELD(section, name, HASH)
#define END(id)                                                                                              \
    }                                                                                                        \
    ;
#include "format/receipt.def"

const sterna_receipt_section sterna_receipt_sections[STERNA_RECEIPT_SECTIONS] = {
#define SECTION(id, sentence)                                                                                \
    {#id, fields_##id, (uint32_t)STERNA_COUNT(fields_##id), (uint32_t)sizeof(sterna_receipt_##id)},
#define TEXT(...)
#define COUNT(...)
#define WORD(...)
#define REAL(...)
#define FLAG(...)
#define HASH(...)
#define END(id)
#include "format/receipt.def"
};

void sterna_receipt_free(sterna_receipt *receipt)
{
    sterna_free(receipt->prompt);
    sterna_free(receipt->tokens);
    sterna_free(receipt->steps);
#define X(list, section, limit) sterna_free(receipt->list);
    STERNA_RECEIPT_LISTS(X)
#undef X
    memset(receipt, 0, sizeof *receipt);
}

void sterna_receipt_text(char *field, size_t bytes, const char *text)
{
    size_t used = 0, left = strlen(text);
    while (left > 0) {
        sterna_utf8_step step = sterna_utf8_next((const uint8_t *)text, left);
        bool valid = step.verdict == STERNA_UTF8_VALID;
        size_t n = step.verdict == STERNA_UTF8_INCOMPLETE ? left : step.bytes;
        if (used + (valid ? n : 1) >= bytes) break;
        if (valid)
            memcpy(field + used, text, n);
        else
            field[used] = '?';
        used += valid ? n : 1;
        text += n;
        left -= n;
    }
    field[used] = '\0';
}
