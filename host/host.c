/* SPDX-License-Identifier: MIT */
/* host/host.c - what parts of the host find in it. */
#include <string.h>

#include "host/host.h"
#include "host/plugin/adapter.h"

const struct adapter *
host_adapter(const struct host *host, const char *name)
{
    size_t i;

    for (i = 0; name && i < host->adapter_count; i++)
        if (strcmp(host->adapters[i].name, name) == 0)
            return &host->adapters[i];
    return NULL;
}
