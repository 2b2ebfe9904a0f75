/* SPDX-License-Identifier: BSD-2-Clause */
#include "steering_hash.h"

#include <errno.h>
#include <string.h>

#include "net/nic_driver.h"
#include "net/rx_hash.h"

/* Drivers whose word on ESP is another than what they do, by their sources (Linux 6.x). */
static const struct {
	const char *driver;
	enum steering_hash hash;
} known[] = {
	/* These hash ESP by SPI from the start, have no word for that, and take none. */
	{"ice", STEERING_HASH_SPI},
	{"mlx5_core", STEERING_HASH_SPI},
	/* These take "four bytes" for eight, of which the last are the sequence number: each packet would go elsewhere.
	 */
	{"rvu-nicpf", STEERING_HASH_NEVER},
	{"rvu-nicvf", STEERING_HASH_NEVER},
};

static bool has(uint64_t fields, uint64_t wanted)
{
	return (fields & wanted) == wanted;
}

/* One without the addresses hashes nothing at all, or throws it away (RX_HASH_DISCARD). */
static bool is_hashed(uint64_t fields)
{
	return has(fields, RX_HASH_ADDRESSES) && !(fields & RX_HASH_DISCARD);
}

static enum steering_hash look_at_fields(const char *name)
{
	enum steering_hash found = STEERING_HASH_NEVER;

	for (const uint32_t *kind = rx_hash_esp; *kind; kind++) {
		uint64_t fields;

		if (rx_hash_get(name, *kind, &fields) || !is_hashed(fields))
			continue;
		if (has(fields, RX_HASH_SPI))
			return STEERING_HASH_SPI;
		found = STEERING_HASH_MAYBE;
	}
	return found;
}

enum steering_hash steering_hash_look(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (nic_driver_is(name, known[i].driver))
			return known[i].hash;
	return look_at_fields(name);
}

/* ---- setting ---- */

/* Of what else a driver with one switch for all would hash otherwise. */
static const uint32_t others[] = {TCP_V4_FLOW, IPV4_FLOW};
#define OTHERS (sizeof(others) / sizeof(others[0]))

static void look_at_others(const char *name, uint64_t fields[OTHERS])
{
	for (size_t i = 0; i < OTHERS; i++)
		rx_hash_get(name, others[i], &fields[i]);
}

static bool has_set(const char *name, const struct steering_record *r)
{
	uint64_t fields;

	return rx_hash_get(name, r->hash_kind, &fields) == 0 && fields == r->hash_ours;
}

/* What the driver has made of it is not what it was told. */
static int go_back(const struct steering_place *at, const struct steering_record *r)
{
	rx_hash_set(at->name, r->hash_kind, r->hash_before);
	return -EOPNOTSUPP;
}

/* Whether that, and nothing else, is as it is to be now; else it is as it was. */
static int set_and_check(const struct steering_place *at, const struct steering_record *r)
{
	uint64_t before[OTHERS], after[OTHERS];
	int err;

	look_at_others(at->name, before);
	err = rx_hash_set(at->name, r->hash_kind, r->hash_ours);
	if (err)
		return err;
	look_at_others(at->name, after);
	return has_set(at->name, r) && memcmp(before, after, sizeof(before)) == 0 ? 0 : go_back(at, r);
}

static int try_kind(const struct steering_place *at, uint32_t kind, struct steering_record *r, struct fault *f)
{
	uint64_t fields;
	int err = rx_hash_get(at->name, kind, &fields);

	if (err || !is_hashed(fields))
		return -EOPNOTSUPP;
	r->hash_kind = kind;
	r->hash_before = fields;
	r->hash_ours = fields | RX_HASH_SPI;
	err = steering_record_write(at, r, f);
	if (!err)
		err = set_and_check(at, r);
	return err;
}

int steering_hash_take(const struct steering_place *at, struct steering_record *record, struct fault *f)
{
	int err = -EOPNOTSUPP;

	/* Of an earlier run. */
	if (record->hash_kind && has_set(at->name, record))
		return 0;
	fault(f, EOPNOTSUPP, "its driver does not hash ESP by SPI");
	for (const uint32_t *kind = rx_hash_esp; *kind && err; kind++)
		err = try_kind(at, *kind, record, f);
	if (err && record->hash_kind) {
		record->hash_kind = 0;
		steering_record_write(at, record, NULL);
	}
	return err;
}

int steering_hash_give_back(const char *name, struct steering_record *record)
{
	int err = 0;

	if (record->hash_kind && has_set(name, record)) {
		err = rx_hash_set(name, record->hash_kind, record->hash_before);
		if (!err && has_set(name, record))
			err = -EIO;
	}
	if (!err)
		record->hash_kind = 0;
	return err;
}
