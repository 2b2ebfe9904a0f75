/* SPDX-License-Identifier: BSD-2-Clause */
#include "seq.h"

#include "maps/worn.h"

struct limits {
	uint64_t soft, hard; /* 0: none */
};

/* Adds to a counter unless that passes the hard limit. Never lets it pass, whoever adds at the same time. *worn is set
 * where one of the two is reached. */
static inline bool spend(__u64 *counter, uint64_t amount, struct limits limits, bool *worn)
{
	const uint64_t now = __atomic_add_fetch(counter, amount, __ATOMIC_RELAXED);

	if (__builtin_expect(!worn_is_at(now, limits.soft) && !worn_is_at(now, limits.hard), 1))
		return true;
	*worn = true;
	if (now <= limits.hard || limits.hard == 0)
		return true;
	__atomic_sub_fetch(counter, amount, __ATOMIC_RELAXED);
	return false;
}

/* A plain fetch-and-add would wrap before it could refuse, and give the first nonces out again. */
static bool advance(__u64 *seq, uint32_t n, uint64_t max, uint64_t *first)
{
	__u64 last = __atomic_load_n(seq, __ATOMIC_RELAXED);

	do {
		if (last > max || max - last < n)
			return false;
	} while (!__atomic_compare_exchange_n(seq, &last, last + n, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	*first = last + 1;
	return true;
}

/* BPF is told, also where a worker was killed before it could. */
static __attribute__((cold, noinline)) void tell_worn(struct sa_state *sa)
{
	worn_tell_limits(sa, __atomic_load_n(&sa->packets, __ATOMIC_RELAXED),
			 __atomic_load_n(&sa->bytes, __ATOMIC_RELAXED));
	if (__atomic_load_n(&sa->seq, __ATOMIC_RELAXED) >= worn_last_number(sa))
		worn_tell(sa, SA_WORN_SEQUENCE);
}

/* Gives back what was spent. */
static __attribute__((cold, noinline)) bool refuse(struct sa_state *sa, uint32_t packets, uint64_t bytes)
{
	__atomic_sub_fetch(&sa->packets, packets, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&sa->bytes, bytes, __ATOMIC_RELAXED);
	tell_worn(sa);
	return false;
}

bool seq_take(struct sa_state *sa, uint32_t n, uint64_t bytes, uint64_t *first, enum reason *why)
{
	const uint64_t max = worn_last_number(sa);
	bool worn = false;

	*why = REASON_LIFETIME_EXPIRED;
	if (!spend(&sa->packets, n, (struct limits){sa->soft_packets, sa->hard_packets}, &worn))
		return refuse(sa, 0, 0);
	if (!spend(&sa->bytes, bytes, (struct limits){sa->soft_bytes, sa->hard_bytes}, &worn))
		return refuse(sa, n, 0);
	if (!advance(&sa->seq, n, max, first)) {
		*why = REASON_SEQ_OVERFLOW;
		return refuse(sa, n, bytes);
	}
	if (__builtin_expect(worn || max - *first < n, 0))
		tell_worn(sa);
	return true;
}
