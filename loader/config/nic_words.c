/* SPDX-License-Identifier: BSD-2-Clause */
#include "nic_words.h"

#include <errno.h>
#include <string.h>

int nic_words_parse(const cJSON *words, struct interface_config *out, struct fault *f)
{
	const char *dev = json_text(words, "dev"), *mode = json_text(words, "mode");
	const char *queues = json_text(words, "queues");

	if (!dev || !*dev || strlen(dev) >= IF_NAMESIZE)
		return fault(f, EINVAL, "'%.60s': give an interface's name", dev ? dev : "");
	interface_config_init(out, dev);
	if (mode && !parse_mode(mode, &out->mode))
		return fault(f, EINVAL, "mode '%.60s': give auto, native or generic", mode);
	if (queues && !parse_queues(queues, &out->queues))
		return fault(f, EINVAL, "queues '%.60s': give all, or 1 to %d", queues, QUEUES_MAX);
	return 0;
}
