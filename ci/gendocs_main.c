/* The program behind `make docs`: writes every generated document below a root.
 * Owns: the command line. Leaves to others: what stands in the documents (gendocs/). Exit: 0, 2 usage, 6 not
 * written. */
#include "base/status.h"
#include "gendocs.h"

static const struct {
    const char *path;
    void (*write)(FILE *out);
} documents[] = {
#define DOC(path, function) {path, function},
    GENDOCS(DOC)
#undef DOC
};

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: gendocs ROOT\n", stderr);
        return sterna_status_exit_code(STERNA_USAGE);
    }
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", argv[1], documents[i].path);
        FILE *out = fopen(path, "w");
        if (out) documents[i].write(out);
        if (!out || fclose(out) != 0) {
            fprintf(stderr, "gendocs: %s: cannot be written\n", path);
            return sterna_status_exit_code(STERNA_FILE);
        }
    }
    return 0;
}
