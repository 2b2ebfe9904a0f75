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

	rules->full = rules->full_told = rules->refused_told = false;
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

int steering_spi_compare(const void *a, const void *b)
{
	const uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return one < other ? -1 : one > other;
}

static bool is_among(uint32_t spi, const uint32_t *spis, uint32_t count)
{
	return count && bsearch(&spi, spis, count, sizeof(spi), steering_spi_compare);
}

static void take_out(struct steering_rules *rules, uint32_t i)
{
	rules->rule[i] = rules->rule[--rules->count];
}

/* Of SAs that are gone, some. True: there is room in the NIC that there was not. */
static bool drop_others(const char *name, struct steering_rules *rules, const uint32_t *spis, uint32_t count)
{
	uint32_t asked = 0;
	bool any = false;

	for (uint32_t i = 0; i < rules->count && asked < ASKED_AT_ONCE;) {
		const struct steering_rule rule = rules->rule[i];

		if (is_among(rule.spi, spis, count)) {
			i++;
			continue;
		}
		asked += !rule.refused;
		if (!rule.refused && !remove_rule(name, rule.spi, rule.location)) {
			i++;
			continue;
		}
		take_out(rules, i);
		any |= !rule.refused;
	}
	return any;
}

/* So they are asked for again: some drivers do not say that it was for want of room. */
static void forget_refused(struct steering_rules *rules)
{
	for (uint32_t i = 0; i < rules->count;)
		if (rules->rule[i].refused)
			take_out(rules, i);
		else
			i++;
}

static uint32_t count_refused(const struct steering_rules *rules)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < rules->count; i++)
		n += rules->rule[i].refused;
	return n;
}

static uint32_t least_used(const struct steering_rules *rules, uint32_t queues)
{
	uint32_t used[QUEUES_MAX] = {0}, least = 0;

	for (uint32_t i = 0; i < rules->count; i++)
		if (!rules->rule[i].refused && rules->rule[i].queue < QUEUES_MAX)
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
	uint32_t known[STEERING_RULES_MAX], n = 0;

	for (uint32_t i = 0; i < rules->count; i++)
		known[i] = rules->rule[i].spi;
	qsort(known, rules->count, sizeof(known[0]), steering_spi_compare);
	for (uint32_t i = 0; i < count && n < ASKED_AT_ONCE && rules->count + n < STEERING_RULES_MAX; i++)
		if (!is_among(spis[i], known, rules->count))
			chosen[n++] = spis[i];
	return n;
}

/* Without those that are refused: a rule for such an SPI may be there, and is another's. */
static int write_record(const struct steering_place *at, const struct steering_rules *rules, const uint32_t *more,
			uint32_t count, struct steering_record *record, struct fault *f)
{
	record->spi_count = 0;
	for (uint32_t i = 0; i < rules->count; i++)
		if (!rules->rule[i].refused)
			record->spis[record->spi_count++] = rules->rule[i].spi;
	for (uint32_t i = 0; i < count; i++)
		record->spis[record->spi_count++] = more[i];
	return steering_record_write(at, record, f);
}

/* What a driver says of its table, or of itself, and not of the rule that it was given. */
static bool is_full(int err)
{
	return err == -ENOSPC || err == -EBUSY || err == -ENOMEM;
}

/* 0, or what a full table says. *f gets it, or of which rule something else was said. */
static int add_each(const char *name, struct steering_rules *rules, struct rx_rules *table, const uint32_t *spis,
		    uint32_t count, uint32_t queues, struct fault *f)
{
	for (uint32_t i = 0; i < count; i++) {
		struct steering_rule *rule = &rules->rule[rules->count];
		int err;

		*rule = (struct steering_rule){.spi = spis[i], .queue = least_used(rules, queues)};
		err = rx_rules_add(name, table, rule->spi, rule->queue, &rule->location);
		if (is_full(err))
			return fault(f, ENOSPC,
				     "its driver takes no more than %u rules: %s; other SAs go by their addresses",
				     rules->count - count_refused(rules), strerror(-err));
		rule->refused = err;
		if (err)
			fault(f, EINVAL, "its driver refuses the rule for SPI %#x: %s; that SA goes by its addresses",
			      rule->spi, strerror(-err));
		rules->count++;
	}
	return 0;
}

static int add(const char *name, struct steering_rules *rules, const uint32_t *spis, uint32_t count, uint32_t queues,
	       struct fault *f)
{
	struct rx_rules table;
	int err = rx_rules_read(name, &table);

	if (err)
		return fault(f, EIO, "its rules cannot be read: %s; SAs without one go by their addresses",
			     strerror(-err));
	err = add_each(name, rules, &table, spis, count, queues, f);
	rx_rules_free(&table);
	return err;
}

/* Who comes and goes meanwhile says so once. */
static int tell_once(bool *told, int err)
{
	const bool before = *told;

	*told = true;
	return before ? 0 : err;
}

/* 0, -EINVAL: of some the rule was refused; or another -errno: no more are asked for. */
static int add_new(const struct steering_place *at, struct steering_rules *rules, struct steering_record *record,
		   const uint32_t *chosen, uint32_t n, uint32_t queues, struct fault *f)
{
	const uint32_t before = count_refused(rules);
	int err = write_record(at, rules, chosen, n, record, f);

	if (!err && n)
		err = add(at->name, rules, chosen, n, queues, f);
	if (count_refused(rules) == before)
		return err;
	write_record(at, rules, NULL, 0, record, NULL);
	return err ? err : -EINVAL;
}

int steering_rules_follow(const struct steering_place *at, struct steering_rules *rules, struct steering_record *record,
			  const uint32_t *spis, uint32_t count, uint32_t queues, struct fault *f)
{
	uint32_t chosen[ASKED_AT_ONCE], n;
	const bool dropped = drop_others(at->name, rules, spis, count);
	int err = 0;

	if (dropped) {
		rules->full = false;
		forget_refused(rules);
	}
	if (rules->full)
		return 0;
	n = choose_new(rules, spis, count, chosen);
	if (n || dropped)
		err = add_new(at, rules, record, chosen, n, queues, f);
	if (err == -EINVAL)
		return tell_once(&rules->refused_told, err);
	rules->full = err;
	if (err)
		return tell_once(&rules->full_told, err);
	rules->full_told &= n > 0;
	rules->refused_told &= n > 0 || count_refused(rules);
	return 0;
}
