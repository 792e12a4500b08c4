/* Reading ELF section headers; every offset is checked, as the file may be anything. */
#include "judge/elf_sections.h"
#include <elf.h>
#include <stdio.h>
#include <string.h>

static bool within(const sterna_mapping *file, uint64_t offset, uint64_t bytes)
{
    return offset <= file->size && bytes <= file->size - offset;
}

static bool read_header(const sterna_mapping *file, uint32_t index, const Elf64_Ehdr *elf, Elf64_Shdr *header)
{
    uint64_t offset = (uint64_t)index * sizeof *header;
    if (!within(file, elf->e_shoff, offset + sizeof *header)) return false;
    memcpy(header, file->data + elf->e_shoff + offset, sizeof *header);
    return header->sh_type == SHT_NOBITS || within(file, header->sh_offset, header->sh_size);
}

bool sterna_elf_sections(const sterna_mapping *file, sterna_elf_visit *visit, void *context)
{
    Elf64_Ehdr elf;
    Elf64_Shdr names, header;
    if (!within(file, 0, sizeof elf)) return false;
    memcpy(&elf, file->data, sizeof elf);
    if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
        elf.e_ident[EI_DATA] != ELFDATA2LSB || elf.e_shentsize != sizeof header)
        return false;
    if (!read_header(file, elf.e_shstrndx, &elf, &names) || names.sh_type != SHT_STRTAB ||
        names.sh_size == 0 || file->data[names.sh_offset + names.sh_size - 1] != 0)
        return false;
    for (uint32_t i = 1; i < elf.e_shnum; i++) {
        if (!read_header(file, i, &elf, &header) || header.sh_name >= names.sh_size) return false;
        if (header.sh_type == SHT_NOBITS) continue;
        const char *name = (const char *)file->data + names.sh_offset + header.sh_name;
        if (!visit(context, name, file->data + header.sh_offset, header.sh_size)) break;
    }
    return true;
}

typedef struct search {
    const char *prefix;
    const uint8_t *sha256;
    bool found;
} search;

static bool compare(void *context, const char *name, const uint8_t *data, uint64_t bytes)
{
    search *s = context;
    uint8_t sum[STERNA_HASH_BYTES];
    if (strncmp(name, s->prefix, strlen(s->prefix)) != 0) return true;
    sterna_sha256_once(data, (size_t)bytes, sum);
    s->found = memcmp(sum, s->sha256, sizeof sum) == 0;
    return !s->found;
}

bool sterna_elf_has_section(const sterna_mapping *file, const char *prefix,
                            const uint8_t sha256[STERNA_HASH_BYTES])
{
    search s = {prefix, sha256, false};
    return sterna_elf_sections(file, compare, &s) && s.found;
}

typedef struct build_id {
    char *hex;
    size_t bytes;
} build_id;

/* A note: three words (bytes of name, bytes of contents, type), the name "GNU", the contents. */
static bool take_build_id(void *context, const char *name, const uint8_t *data, uint64_t bytes)
{
    build_id *id = context;
    Elf64_Nhdr note;
    if (strcmp(name, ".note.gnu.build-id") != 0) return true;
    if (bytes < sizeof note + 4) return false;
    memcpy(&note, data, sizeof note);
    if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 || note.n_descsz > bytes - sizeof note - 4)
        return false;
    for (uint32_t i = 0; i < note.n_descsz && 2 * (size_t)i + 3 <= id->bytes; i++)
        snprintf(id->hex + 2 * (size_t)i, 3, "%02x", data[sizeof note + 4 + i]);
    return false;
}

void sterna_elf_build_id(const sterna_mapping *file, char *hex, size_t bytes)
{
    build_id id = {hex, bytes};
    hex[0] = '\0';
    sterna_elf_sections(file, take_build_id, &id);
}
