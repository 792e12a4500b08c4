/* Sections of an ELF file by name. Owns: the little of the format that is needed (64-bit, little-endian;
 * System V ABI, chapter 4, "Sections"). Leaves to others: what the sections hold. */
#ifndef STERNA_ELF_SECTIONS_H
#define STERNA_ELF_SECTIONS_H

#include "base/hash.h"
#include "base/sys.h"
#include <stdbool.h>

typedef bool sterna_elf_visit(void *context, const char *name, const uint8_t *data, uint64_t bytes);

/* Calls visit for every section with contents, until it returns false. False when the file is not such an ELF
 * file. */
bool sterna_elf_sections(const sterna_mapping *file, sterna_elf_visit *visit, void *context);
/* Has the file a section whose name begins with `prefix` and whose contents have this SHA-256? */
bool sterna_elf_has_section(const sterna_mapping *file, const char *prefix,
                            const uint8_t sha256[STERNA_HASH_BYTES]);
/* The linker's build id (".note.gnu.build-id") in hex; "" when there is none. */
void sterna_elf_build_id(const sterna_mapping *file, char *hex, size_t bytes);

#endif
