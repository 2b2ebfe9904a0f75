/* SPDX-License-Identifier: BSD-2-Clause */
#include "seq.h"

/* Adds to a counter unless that passes the limit (0: none). Never lets it pass, whoever adds at the same time. */
static bool spend(__u64 *counter, uint64_t amount, uint64_t limit)
{
	if (__atomic_add_fetch(counter, amount, __ATOMIC_RELAXED) <= limit || limit == 0)
		return true;
	__atomic_sub_fetch(counter, amount, __ATOMIC_RELAXED);
	return false;
}

static void unspend(__u64 *counter, uint64_t amount)
{
	__atomic_sub_fetch(counter, amount, __ATOMIC_RELAXED);
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

bool seq_take(struct sa_state *sa, uint32_t n, uint64_t bytes, uint64_t *first, enum reason *why)
{
	const uint64_t max = sa->flags & SA_ESN ? UINT64_MAX : UINT32_MAX;

	*why = REASON_LIFETIME_EXPIRED;
	if (!spend(&sa->packets, n, sa->hard_packets))
		return false;
	if (!spend(&sa->bytes, bytes, sa->hard_bytes)) {
		unspend(&sa->packets, n);
		return false;
	}
	if (advance(&sa->seq, n, max, first))
		return true;
	*why = REASON_SEQ_OVERFLOW;
	unspend(&sa->packets, n);
	unspend(&sa->bytes, bytes);
	return false;
}
