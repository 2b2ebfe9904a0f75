/* SPDX-License-Identifier: BSD-2-Clause */
#include "steering_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/nic_driver.h"
#include "net/rx_rules.h"

/* Of IANA's range, no SA's (RFC 4303 section 2.1): a rule for it does nothing. */
#define TRIAL_SPI 1
/* Rules that are added in one call, and as many that are taken away: some drivers ask their firmware for each, which
 * takes a millisecond. */
#define ASKED_AT_ONCE 32

bool steering_rules_look(const char *name)
{
	struct rx_rules table;
	bool there = nic_driver_flag(name, ETH_FLAG_NTUPLE) && rx_rules_read(name, &table) == 0;

	if (there)
		rx_rules_free(&table);
	return there;
}

/* ---- what was left ---- */

/* Somebody may have put another rule in its place since. False: it is ours, and cannot be deleted. */
static bool remove_rule(const char *name, uint32_t spi, uint32_t location)
{
	uint32_t there;

	return !rx_rules_get(name, location, &there) || there != spi || rx_rules_delete(name, location) == 0;
}

static bool is_recorded(const struct steering_record *r, uint32_t spi)
{
	for (uint32_t i = 0; i < r->spi_count; i++)
		if (r->spis[i] == spi)
			return true;
	return false;
}

/* A rule is ours if it is for one of our SPIs, and says no more than ours do. What cannot be deleted stays recorded. */
static int remove_recorded(const char *name, struct steering_record *record)
{
	uint32_t left[STEERING_RULES_MAX], n = 0, spi;
	struct rx_rules table;
	const int err = record->spi_count ? rx_rules_read(name, &table) : -EOPNOTSUPP;

	/* Where there is no table, there are no rules in it. */
	if (err == -EOPNOTSUPP)
		record->spi_count = 0;
	if (err)
		return err == -EOPNOTSUPP ? 0 : err;
	for (uint32_t i = 0; i < table.count; i++)
		if (rx_rules_get(name, table.locations[i], &spi) && is_recorded(record, spi) &&
		    rx_rules_delete(name, table.locations[i]) && n < STEERING_RULES_MAX)
			left[n++] = spi;
	rx_rules_free(&table);
	memcpy(record->spis, left, n * sizeof(left[0]));
	record->spi_count = n;
	return n ? -EIO : 0;
}

int steering_rules_give_back(const char *name, struct steering_record *record)
{
	const int kept = remove_recorded(name, record);
	const int err = record->rules_were_off ? nic_driver_flag_set(name, ETH_FLAG_NTUPLE, false) : 0;

	if (!err)
		record->rules_were_off = false;
	return kept ? kept : err;
}

/* ---- beginning ---- */

static int turn_on(const struct steering_place *at, struct steering_record *record, struct fault *f)
{
	int err;

	record->rules_were_off = true;
	err = steering_record_write(at, record, f);
	if (!err)
		err = nic_driver_flag_set(at->name, ETH_FLAG_NTUPLE, true);
	return err ? fault(f, -err, "the feature ntuple cannot be turned on: %s", strerror(-err)) : 0;
}

static int add_and_delete(const char *name, struct rx_rules *table)
{
	uint32_t location;
	int err = rx_rules_add(name, table, TRIAL_SPI, 0, &location);

	return err ? err : rx_rules_delete(name, location);
}

static int try_in_table(const struct steering_place *at, struct rx_rules *table, struct steering_record *record,
			struct fault *f)
{
	int err;

	record->spis[0] = TRIAL_SPI;
	record->spi_count = 1;
	err = steering_record_write(at, record, f);
	if (err)
		return err;
	err = add_and_delete(at->name, table);
	if (err)
		return fault(f, -err, "its driver takes no rule for an SPI: %s", strerror(-err));
	record->spi_count = 0;
	return steering_record_write(at, record, f);
}

static int try_one(const struct steering_place *at, struct steering_record *record, struct fault *f)
{
	struct rx_rules table;
	int err = rx_rules_read(at->name, &table);

	if (err)
		return fault(f, -err, "its driver has no receive rules: %s", strerror(-err));
	err = try_in_table(at, &table, record, f);
	rx_rules_free(&table);
	return err;
}

int steering_rules_begin(const struct steering_place *at, struct steering_rules *rules, struct steering_record *record,
			 bool may_turn_on, struct fault *f)
{
	int err = remove_recorded(at->name, record);

	rules->full = rules->full_told = false;
	rules->count = 0;
	if (err)
		return fault(f, -err, "rules of an earlier run cannot be deleted: %s", strerror(-err));
	if (!nic_driver_flag(at->name, ETH_FLAG_NTUPLE))
		err = may_turn_on ? turn_on(at, record, f) : fault(f, EOPNOTSUPP, "its rules (ntuple) are turned off");
	if (!err)
		err = try_one(at, record, f);
	if (err) {
		steering_rules_give_back(at->name, record);
		steering_record_write(at, record, NULL);
	}
	return err;
}

/* ---- following ---- */

static int compare(const void *a, const void *b)
{
	const uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return one < other ? -1 : one > other;
}

static bool is_among(uint32_t spi, const uint32_t *spis, uint32_t count)
{
	return count && bsearch(&spi, spis, count, sizeof(spi), compare);
}

static bool has_rule(const struct steering_rules *rules, uint32_t spi)
{
	for (uint32_t i = 0; i < rules->count; i++)
		if (rules->rule[i].spi == spi)
			return true;
	return false;
}

/* Of SAs that are gone, some. */
static bool drop_others(const char *name, struct steering_rules *rules, const uint32_t *spis, uint32_t count)
{
	uint32_t asked = 0;
	bool any = false;

	for (uint32_t i = 0; i < rules->count && asked < ASKED_AT_ONCE;) {
		const struct steering_rule *rule = &rules->rule[i];

		if (is_among(rule->spi, spis, count)) {
			i++;
			continue;
		}
		asked++;
		if (!remove_rule(name, rule->spi, rule->location)) {
			i++;
			continue;
		}
		rules->rule[i] = rules->rule[--rules->count];
		any = true;
	}
	return any;
}

static uint32_t least_used(const struct steering_rules *rules, uint32_t queues)
{
	uint32_t used[QUEUES_MAX] = {0}, least = 0;

	for (uint32_t i = 0; i < rules->count; i++)
		if (rules->rule[i].queue < QUEUES_MAX)
			used[rules->rule[i].queue]++;
	for (uint32_t q = 1; q < queues && q < QUEUES_MAX; q++)
		if (used[q] < used[least])
			least = q;
	return least;
}

/* The SPIs that are to get rules in this call. */
static uint32_t choose_new(const struct steering_rules *rules, const uint32_t *spis, uint32_t count,
			   uint32_t chosen[ASKED_AT_ONCE])
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < count && n < ASKED_AT_ONCE && rules->count + n < STEERING_RULES_MAX; i++)
		if (!has_rule(rules, spis[i]))
			chosen[n++] = spis[i];
	return n;
}

static int write_record(const struct steering_place *at, const struct steering_rules *rules, const uint32_t *more,
			uint32_t count, struct steering_record *record, struct fault *f)
{
	record->spi_count = 0;
	for (uint32_t i = 0; i < rules->count; i++)
		record->spis[record->spi_count++] = rules->rule[i].spi;
	for (uint32_t i = 0; i < count; i++)
		record->spis[record->spi_count++] = more[i];
	return steering_record_write(at, record, f);
}

static int add(const char *name, struct steering_rules *rules, const uint32_t *spis, uint32_t count, uint32_t queues,
	       struct fault *f)
{
	struct rx_rules table;
	int err = rx_rules_read(name, &table);

	for (uint32_t i = 0; i < count && !err; i++) {
		struct steering_rule *rule = &rules->rule[rules->count];

		*rule = (struct steering_rule){.spi = spis[i], .queue = least_used(rules, queues)};
		err = rx_rules_add(name, &table, rule->spi, rule->queue, &rule->location);
		if (!err)
			rules->count++;
	}
	rx_rules_free(&table);
	return err ? fault(f, ENOSPC, "its driver takes no more than %u rules: %s", rules->count, strerror(-err)) : 0;
}

/* Who comes and goes while the table is full says so once. */
static int tell_once(struct steering_rules *rules, int err)
{
	const bool told = rules->full_told;

	rules->full = rules->full_told = true;
	return told ? 0 : err;
}

int steering_rules_follow(const struct steering_place *at, struct steering_rules *rules, struct steering_record *record,
			  const uint32_t *spis, uint32_t count, uint32_t queues, struct fault *f)
{
	uint32_t chosen[ASKED_AT_ONCE], n;
	const bool dropped = drop_others(at->name, rules, spis, count);
	int err = 0;

	if (dropped)
		rules->full = false;
	if (rules->full)
		return 0;
	n = choose_new(rules, spis, count, chosen);
	if (n || dropped)
		err = write_record(at, rules, chosen, n, record, f);
	if (!err && n)
		err = add(at->name, rules, chosen, n, queues, f);
	if (err)
		return tell_once(rules, err);
	if (!n)
		rules->full_told = false;
	return 0;
}
