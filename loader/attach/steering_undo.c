/* SPDX-License-Identifier: BSD-2-Clause */
#include "steering_undo.h"

#include <net/if.h>
#include <string.h>

#include "lib/log.h"
#include "steering_hash.h"
#include "steering_rules.h"

/* A NIC that is gone has taken its settings along. */
static int put_back(const char *name, struct steering_record *record)
{
	const int hash = steering_hash_give_back(name, record), rules = steering_rules_give_back(name, record);

	return hash ? hash : rules;
}

void steering_undo(const char *run_dir, const char *dev)
{
	struct steering_place at = {.run_dir = run_dir, .dev = dev};
	struct steering_record record;
	char name[IF_NAMESIZE];
	struct fault f;
	int err = 0;

	if (!steering_record_read(&at, &record))
		return;
	if (if_indextoname((unsigned)record.ifindex, name))
		err = put_back(name, &record);
	else
		record = (struct steering_record){0};
	if (err)
		log_warning("%s: steering: not all is as it was before: %s", dev, strerror(-err));
	if (steering_record_write(&at, &record, &f))
		log_warning("%s", f.text);
}
