/* Reading images. Only as far as is needed to say that a kernel of that name stands in code that this device could run;
 * offsets are checked against the image's own size. */
#include "vendor_image.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CAPABILITY = 90 }; /* of the mock CUDA device: 9.0 */

static uint64_t get(const uint8_t *at, uint32_t bytes)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* Are there `bytes` bytes at `offset` of an image of `size`? */
static bool inside(uint64_t offset, uint64_t bytes, uint64_t size)
{
    return offset <= size && bytes <= size - offset;
}

/* ELF, 64 bits, little-endian. Offsets of the fields as in the gABI's tables. */

enum {
    ELF_HEADER = 64,
    ELF_SECTION = 64, /* bytes of a section's header */
    ELF_SYMBOL = 24,
    ELF_SYMTAB = 2,
    ELF_DYNSYM = 11,
    ELF_NOBITS = 8,
    MACHINE_CUDA = 190,
    MACHINE_AMDGPU = 224,
    OSABI_AMDGPU_HSA = 64,
};

static bool is_elf(const uint8_t *image)
{
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    return memcmp(image, magic, sizeof magic) == 0;
}

static uint32_t elf_machine(const uint8_t *image)
{
    return (uint32_t)get(image + 18, 2);
}

static const uint8_t *elf_section(const uint8_t *image, uint32_t index)
{
    return image + get(image + 40, 8) + (uint64_t)index * ELF_SECTION;
}

/* Where the last of its parts ends. 0: it has no sections. */
static uint64_t elf_bytes(const uint8_t *image)
{
    uint32_t count = (uint32_t)get(image + 60, 2);
    uint64_t table = get(image + 40, 8), end = table + (uint64_t)count * ELF_SECTION;
    if (table == 0 || count == 0 || get(image + 58, 2) != ELF_SECTION) return 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *section = elf_section(image, i);
        uint64_t offset = get(section + 24, 8), bytes = get(section + 32, 8);
        if (get(section + 4, 4) != ELF_NOBITS && offset + bytes > end) end = offset + bytes;
    }
    return end;
}

/* Is a symbol of that name defined? */
static bool elf_has(const uint8_t *image, uint64_t size, const char *name)
{
    uint32_t count = (uint32_t)get(image + 60, 2);
    size_t length = strlen(name) + 1;
    if (!inside(get(image + 40, 8), (uint64_t)count * ELF_SECTION, size)) return false;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *section = elf_section(image, i);
        uint64_t type = get(section + 4, 4), offset = get(section + 24, 8), bytes = get(section + 32, 8);
        uint64_t link = get(section + 40, 4);
        if ((type != ELF_SYMTAB && type != ELF_DYNSYM) || link >= count || !inside(offset, bytes, size))
            continue;
        const uint8_t *strings = elf_section(image, (uint32_t)link);
        uint64_t first = get(strings + 24, 8), n = get(strings + 32, 8);
        if (!inside(first, n, size)) continue;
        for (uint64_t at = 0; at + ELF_SYMBOL <= bytes; at += ELF_SYMBOL) {
            const uint8_t *symbol = image + offset + at;
            uint64_t text = get(symbol, 4);
            bool defined = get(symbol + 6, 2) != 0;
            if (defined && inside(text, length, n) && memcmp(image + first + text, name, length) == 0)
                return true;
        }
    }
    return false;
}

/* PTX: text that ends with a NUL, or with the entry of a fatbin it is in. */

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_ptx(const uint8_t *text, uint64_t bytes)
{
    static const char directive[] = ".version";
    uint64_t at = 0;
    while (at < bytes && (is_space(text[at]) || text[at] == '/')) {
        if (text[at] == '/') /* a comment */
            while (at < bytes && text[at] != '\n') at++;
        else
            at++;
    }
    return inside(at, sizeof directive - 1, bytes) && memcmp(text + at, directive, sizeof directive - 1) == 0;
}

/* "entry", then the name as a whole word. */
static bool ptx_has(const uint8_t *text, uint64_t bytes, const char *name)
{
    static const char entry[] = ".entry";
    uint64_t length = strlen(name);
    for (uint64_t at = 0; inside(at, sizeof entry - 1, bytes); at++) {
        if (memcmp(text + at, entry, sizeof entry - 1) != 0) continue;
        uint64_t word = at + sizeof entry - 1;
        while (word < bytes && is_space(text[word])) word++;
        if (!inside(word, length + 1, bytes) || memcmp(text + word, name, (size_t)length) != 0) continue;
        if (text[word + length] == '(' || is_space(text[word + length])) return true;
    }
    return false;
}

/* The architecture behind ".target sm_"; 0 when there is none. */
static uint32_t ptx_target(const uint8_t *text, uint64_t bytes)
{
    static const char target[] = ".target sm_";
    uint32_t value = 0;
    for (uint64_t at = 0; inside(at, sizeof target - 1, bytes); at++) {
        if (memcmp(text + at, target, sizeof target - 1) != 0) continue;
        for (at += sizeof target - 1; at < bytes && text[at] >= '0' && text[at] <= '9' && value < 10000; at++)
            value = value * 10 + (uint32_t)(text[at] - '0');
        return value;
    }
    return 0;
}

/* Fatbin: entries with a header each: kind (2 bytes), version (2), header size (4), size (8), ..., architecture at 28,
 * flags at 40. */

enum {
    FATBIN_PTX = 1,
    FATBIN_ELF = 2,
    FATBIN_COMPRESSED = 0x2000 | 0x8000, /* LZ4, Zstandard */
};
static const uint32_t FATBIN_MAGIC = 0xba55ed50u;

typedef struct fatbin_entry {
    uint32_t kind, arch;
    bool compressed;
    const uint8_t *data;
    uint64_t bytes;
} fatbin_entry;

/* The entry at *at, which moves behind it. False at the end, and for an entry that is none. */
static bool fatbin_next(const uint8_t *image, uint64_t size, uint64_t *at, fatbin_entry *entry)
{
    if (!inside(*at, 48, size)) return false;
    const uint8_t *header = image + *at;
    uint64_t header_bytes = get(header + 4, 4), bytes = get(header + 8, 8);
    if (header_bytes < 48 || !inside(*at, header_bytes, size) || !inside(*at + header_bytes, bytes, size))
        return false;
    *entry = (fatbin_entry){.kind = (uint32_t)get(header, 2),
                            .arch = (uint32_t)get(header + 28, 4),
                            .compressed = (get(header + 40, 8) & FATBIN_COMPRESSED) != 0,
                            .data = header + header_bytes,
                            .bytes = bytes};
    *at += header_bytes + bytes;
    return true;
}

/* Code for this very architecture, or PTX for it or an earlier one. */
static bool fatbin_runs(const fatbin_entry *entry)
{
    return (entry->kind == FATBIN_ELF && entry->arch == CAPABILITY) ||
           (entry->kind == FATBIN_PTX && entry->arch <= CAPABILITY);
}

static vendor_code fatbin_check(const uint8_t *image, uint64_t *bytes, char *why, size_t size)
{
    uint64_t header = get(image + 6, 2), total = header + get(image + 8, 8), at = header;
    uint32_t entries = 0, running = 0;
    fatbin_entry entry;
    while (fatbin_next(image, total, &at, &entry)) {
        entries++;
        running += fatbin_runs(&entry);
        if (entry.kind == FATBIN_ELF && !entry.compressed &&
            (entry.bytes < ELF_HEADER || !is_elf(entry.data) || elf_machine(entry.data) != MACHINE_CUDA)) {
            snprintf(why, size, "entry %u of the fatbin is no ELF file for CUDA", entries);
            return VENDOR_INVALID_IMAGE;
        }
    }
    if (entries == 0 || at != total) {
        snprintf(why, size, "a fatbin of %" PRIu64 " bytes: entry %u is damaged", total, entries + 1);
        return VENDOR_INVALID_IMAGE;
    }
    *bytes = total;
    if (running) return VENDOR_SUCCESS;
    snprintf(why, size, "%u entries in the fatbin, none for compute capability %d.%d", entries,
             CAPABILITY / 10, CAPABILITY % 10);
    return VENDOR_NO_BINARY_FOR_GPU;
}

vendor_code sterna_vendor_cuda_check(const uint8_t *image, uint32_t warp, uint64_t *bytes, char *why,
                                     size_t size)
{
    (void)warp;
    if (get(image, 4) == FATBIN_MAGIC) return fatbin_check(image, bytes, why, size);
    uint64_t length = strlen((const char *)image);
    if (!is_ptx(image, length)) {
        snprintf(why, size, "begins with %08" PRIx64 ", which is neither a fatbin nor PTX", get(image, 4));
        return VENDOR_INVALID_IMAGE;
    }
    *bytes = length;
    uint32_t target = ptx_target(image, length);
    if (target && target <= CAPABILITY) return VENDOR_SUCCESS;
    snprintf(why, size, "PTX for sm_%u; the device is sm_%d", target, CAPABILITY);
    return VENDOR_NO_BINARY_FOR_GPU;
}

bool sterna_vendor_cuda_has(const uint8_t *image, uint64_t bytes, const char *kernel)
{
    fatbin_entry entry;
    if (get(image, 4) != FATBIN_MAGIC) return ptx_has(image, bytes, kernel);
    for (uint64_t at = get(image + 6, 2); fatbin_next(image, bytes, &at, &entry);) {
        if (!fatbin_runs(&entry) || entry.compressed) continue;
        if (entry.kind == FATBIN_ELF ? elf_has(entry.data, entry.bytes, kernel)
                                     : ptx_has(entry.data, entry.bytes, kernel))
            return true;
    }
    return false;
}

/* AMD: the machine's number stands in the lowest byte of the ELF header's flags. */

static const struct {
    const char *name;
    uint32_t warp, number;
} architectures[] = {{"gfx90a", 64, 0x3f}, {"gfx1030", 32, 0x36}};

static uint32_t architecture(uint32_t warp)
{
    return warp == architectures[0].warp ? 0 : 1;
}

const char *sterna_vendor_gfx(uint32_t warp)
{
    return architectures[architecture(warp)].name;
}

vendor_code sterna_vendor_hip_check(const uint8_t *image, uint32_t warp, uint64_t *bytes, char *why,
                                    size_t size)
{
    uint32_t wanted = architecture(warp);
    if (!is_elf(image) || elf_machine(image) != MACHINE_AMDGPU || image[7] != OSABI_AMDGPU_HSA ||
        elf_bytes(image) == 0) {
        snprintf(why, size, "begins with %08" PRIx64 ", which is no ELF file for AMD GPUs", get(image, 4));
        return VENDOR_INVALID_IMAGE;
    }
    *bytes = elf_bytes(image);
    uint32_t number = (uint32_t)get(image + 48, 1);
    if (number == architectures[wanted].number) return VENDOR_SUCCESS;
    snprintf(why, size, "code for machine %#x; the device is %s, machine %#x", number,
             architectures[wanted].name, architectures[wanted].number);
    return VENDOR_NO_BINARY_FOR_GPU;
}

/* A kernel is what has a descriptor. */
bool sterna_vendor_hip_has(const uint8_t *image, uint64_t bytes, const char *kernel)
{
    char descriptor[160];
    int n = snprintf(descriptor, sizeof descriptor, "%s.kd", kernel);
    return n > 0 && (size_t)n < sizeof descriptor && elf_has(image, bytes, descriptor);
}
