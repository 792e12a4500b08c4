/* What parent and child of a probe say to each other. Owns: the records and the command line. Both ends are of one build
 * (the version says so), so records are the structs as they lie in memory. */
#ifndef STERNA_PROBE_WIRE_H
#define STERNA_PROBE_WIRE_H

#include "probe_child.h"

/* argv[1] of a child; then the version, the seconds, the task's name, and what it is about. */
#define STERNA_PROBE_WORD "--sterna-probe"
enum { STERNA_PROBE_ARGUMENTS = 6, STERNA_PROBE_MAGIC = 0x42505453 };

typedef enum sterna_record_kind {
    STERNA_RECORD_STAGE,  /* text: what it is about to do, in the past: "listed its devices" */
    STERNA_RECORD_DEVICE, /* sterna_device_info */
    STERNA_RECORD_PROBE,  /* sterna_probe */
    STERNA_RECORD_ROW,    /* sterna_self_row */
    STERNA_RECORD_FAULT,  /* sterna_fault: the task failed in an orderly way */
    STERNA_RECORD_END,    /* nothing: all is said */
} sterna_record_kind;

typedef struct sterna_record_head {
    uint32_t magic, kind, bytes; /* of what follows */
} sterna_record_head;

typedef struct sterna_stage {
    char text[100];
} sterna_stage;

/* Says which records this build writes: two builds that differ do not understand each other. */
void sterna_probe_version(char text[64]);
const char *sterna_probe_task_name(sterna_probe_task task);
double sterna_probe_limit(sterna_probe_task task);
/* From now on this program is its own child (probe_child.c). */
void sterna_probe_can_serve(void);

#endif
