/* docs/cli.md from the command line's own table. */
#include "cli/pages.h"
#include "gendocs.h"

static sterna_status to_file(void *context, const void *data, size_t bytes, sterna_fault *fault)
{
    if (fwrite(data, 1, bytes, context) == bytes) return STERNA_OK;
    return sterna_fail(fault, STERNA_FILE, "docs/cli.md: cannot be written");
}

void gendocs_cli(FILE *file)
{
    sterna_out out;
    sterna_out_init(&out, to_file, file);
    sterna_page_markdown(&out);
    (void)sterna_out_flush(&out, NULL); /* the file's own error flag says the same to who closes it */
}
