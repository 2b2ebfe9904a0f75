/* SPDX-License-Identifier: BSD-2-Clause */
#include "turns.h"

bool turns_are_past(const struct turns *turns, uint64_t number)
{
	/* What the caller has seen in the slot is seen by every lane that is not seen at work below. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint32_t lane = 0; lane < LANES_MAX; lane++) {
		const uint64_t at = __atomic_load_n(&turns->lanes[lane].at, __ATOMIC_ACQUIRE);

		if (at && at >> 1 < number)
			return false;
	}
	return true;
}

void turns_abandon(struct turns *turns)
{
	for (uint32_t lane = 0; lane < LANES_MAX; lane++)
		turn_end(turns, lane);
}
