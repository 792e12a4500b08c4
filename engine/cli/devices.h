/* How devices and backends look in JSON, for the commands that list them. */
#ifndef STERNA_CLI_DEVICES_H
#define STERNA_CLI_DEVICES_H

#include "cli/json.h"
#include "registry.h"
#include <string.h>

/* "discrete", "emulated" */
const char *sterna_device_kind_name(uint32_t kind);
/* How many of a backend's devices are on this machine, usable or not. What only stands for their absence (a driver that cannot
 * be loaded, a level that the processor lacks) is none. */
uint32_t sterna_devices_detected(const sterna_backend_state *backend);
void sterna_json_device(sterna_json *json, cJSON *into, const char *backend, const sterna_device_info *info);
void sterna_json_backend(sterna_json *json, cJSON *into, const sterna_backend_state *backend);

#endif
