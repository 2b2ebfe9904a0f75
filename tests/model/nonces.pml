/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No nonce twice: lanes that lease sequence numbers and seal, owners that claim slots, store keys, wipe them and give
 * slots back, each killed at any step and started again, the lanes with nothing but what is in the shared maps. The worker
 * as often as may be, the owners OWNER_KILLS times in all.
 *
 * Only who has claimed a slot stores, wipes and gives back: an owner and whoever writes keys for it (IKE and its key
 * holder) are one process here, and die together. A key holder that outlives the one that asked it is not in it.
 *
 * A step is one access to memory that others see, and has the name of the function that makes it: who changes one of
 * these changes the model. What is claimed is asserted in seal(): the key is whole, and the one of the generation that
 * was looked at, and nobody has sealed with that number and key before.
 *
 * A packet's tag may be of any generation: more than sad_out ever says. Memory is sequentially consistent. A key's name
 * is its slot and generation; its two halves stand for its bytes, which vault_store() writes one after the other.
 *
 * Each variant (-D, see tests/model/check) takes a safeguard out, and has to be found.
 */
#ifndef LANES
#define LANES 2
#endif
#ifndef OWNERS
#define OWNERS 2 /* the loader and IKE */
#endif
#ifndef SLOTS
#define SLOTS 1
#endif
#ifndef SAS
#define SAS 2 /* one after the other, in each slot */
#endif
#ifndef NUMBERS
#define NUMBERS 3 /* of each SA, in place of 2^32 - 1 or 2^64 - 1 */
#endif
#ifndef OWNER_KILLS
#define OWNER_KILLS 1
#endif
#define GENERATIONS (2 * SAS)

#define in_use(generation) ((generation) & 1)
#define key_of(slot, generation) ((slot) * SAS + (generation) / 2)

/* struct sa_state, by slot; the generation of sa_state.released apart from its number, written with it */
byte gen[SLOTS], seq[SLOTS], released_gen[SLOTS], released_number[SLOTS];
/* struct turns */
byte now;
byte at[LANES];
/* struct vault_entry, by slot */
byte vault_gen[SLOTS], vault_key[SLOTS], vault_rest[SLOTS];

/* Not memory of anybody's: whose slot it is, and what has been sealed. */
byte holder[SLOTS];
byte watched_key, watched_number;	/* any; what holds for each alone holds for all */
bool sealed;
bool worker_dies;
byte lanes_dead;
bool owner_dies[OWNERS];

/* ---- worker ---- */

/* esp_seal() by seal_one(), burst_seal(): what leaves, or may be seen to have left. Then the next of the lease. */
inline seal()
{
	assert(key == rest);
	assert(key == 1 + key_of(slot, tag));
	assert(!(sealed && key == watched_key && first == watched_number));
	sealed = sealed || (key == watched_key && first == watched_number);
	first++;
	n--
}

/* seq_take(): advance()'s compare-and-swap, before any packet is sealed */
inline seq_take()
{
	if
	:: NUMBERS - seq[slot] >= n -> first = seq[slot] + 1; seq[slot] = seq[slot] + n
	:: else -> n = 0
	fi
}

/* lease() and seal_one(), or burst_seal(): one number or two, and then packet by packet */
inline take_and_seal()
{
#ifdef LEASE_AFTER_SEALING
	atomic {
		n = 1;
		first = seq[slot] + 1;
		if
		:: first > NUMBERS -> goto none
		:: else
		fi
	};
	atomic { seal(); n = 1 };
	atomic { seq_take(); n = 0; first = 0 }
#else
	atomic {
		if
		:: n = 1
		:: n = 2
		fi;
		seq_take()
	};
	do
	:: atomic { n -> seal() }
	:: atomic { !n -> first = 0; break }
	od
#endif
}

/* sa_cache_get(): slot_generation(), and whether that SA is loaded. What sa_cache_follow() wipes would not be found
 * here: a cache that keeps it is worse. */
inline sa_cache_get()
{
	if
#ifdef GENERATION_NOT_CHECKED_AGAIN
	:: cached == tag -> goto found
	:: cached != tag && gen[slot] != tag -> goto none
	:: cached != tag && gen[slot] == tag -> cached = 0; key = 0; rest = 0
#else
	:: gen[slot] != tag -> goto none
	:: gen[slot] == tag && cached == tag -> goto found
	:: gen[slot] == tag && cached != tag -> cached = 0; key = 0; rest = 0	/* esp_sa_wipe() */
#endif
	fi
}

/* sa_cache_load(): vault_load(), which looks at the entry's generation before and after it, and esp_sa_load() */
inline sa_cache_load()
{
	atomic {
		if
		:: vault_gen[slot] != tag -> goto none
		:: else
		fi
	};
	key = vault_key[slot];
	rest = vault_rest[slot];
#ifndef KEY_NOT_CHECKED_AGAIN
	atomic {
		if
		:: vault_gen[slot] != tag -> key = 0; rest = 0; goto none
		:: else
		fi
	};
#endif
	atomic {	/* esp_sa_load(): the slot's generation after the copy */
		if
		:: gen[slot] != tag -> key = 0; rest = 0; goto none
		:: else -> cached = tag
		fi
	}
}

/* find_sa(): the tag of a packet, whatever it says. The cache has one SA: of another slot it has none. */
inline find_sa()
{
	if
	:: slot = 0
#if SLOTS > 1
	:: slot = 1
#endif
	fi;
	if
	:: tag = 1
#if SAS > 1
	:: tag = 3
#endif
#if SAS > 2
	:: tag = 5
#endif
	fi;
	if
	:: cached_slot != slot -> cached = 0; cached_slot = slot
	:: else
	fi;
	sa_cache_get()
}

/* loop_run() */
proctype lane(byte l)
{
	byte slot, tag, cached, cached_slot, key, rest, n, first;

start:
	{
		do
		:: first = now;	/* turn_begin() */
		   atomic { at[l] = first << 1 | 1; first = 0 };	/* turn_begin(), and its fence */
		   do
		   :: atomic { find_sa() };
		      sa_cache_load();
found:
		      do	/* send_segments(), burst_add(): what was found is good until the turn ends */
		      :: take_and_seal()
		      :: break
		      od;
none:
		      atomic { slot = 0; tag = 0; n = 0; first = 0 }
		   :: at[l] = 0; break	/* turn_end(), by rest() or as the next turn begins */
		   od
		od
	} unless { worker_dies };
	/* Killed. What is in its own memory is gone, and its at[] stays. */
	atomic {
		slot = 0; tag = 0; cached = 0; cached_slot = 0; key = 0; rest = 0; n = 0; first = 0;
		lanes_dead++
	};
	atomic { !worker_dies -> lanes_dead-- };
	goto start
}

/* turns_abandon(), by forget() of the supervisor and by open_maps() of the next worker */
inline turns_abandon()
{
	l = 0;
	do
	:: atomic { l < LANES -> at[l] = 0; l++ }
	:: l == LANES -> break
	od
}

/*
 * The worker is killed, waited for, and started again. All lanes at once: one that is gone before another is one that
 * has no more steps.
 */
proctype supervisor()
{
	byte l;

	do
	:: true ->
#ifdef WORKER_NOT_WAITED_FOR
	   turns_abandon();
#endif
	   worker_dies = true;
	   lanes_dead == LANES;	/* the supervisor has waited for it */
#ifndef WORKER_NOT_WAITED_FOR
	   turns_abandon();
#endif
	   atomic { l = 0; worker_dies = false };
	   lanes_dead == 0	/* and the next one runs */
	od
}

/* ---- slots and vault ---- */

/* number(): turns_next(), and then a compare-and-swap of sa_state.released. turns_retire() has the lanes wipe a key, and
 * free_slots_give() shows where a slot is free: no nonce hangs on either. */
inline number(slot, generation)
{
	atomic { old_gen = released_gen[slot]; old_number = released_number[slot] };
	atomic { now++; next = now };
	atomic {
		if
		:: old_gen != generation && released_gen[slot] == old_gen && released_number[slot] == old_number ->
		   released_gen[slot] = generation; released_number[slot] = next
		:: else
		fi;
		old_gen = 0; old_number = 0; next = 0
	}
}

/* is_out_of_use(): passed is whether every lane has passed a turn, by turns_are_past() */
inline is_out_of_use(slot, generation, passed)
{
#ifdef NUMBER_OF_EARLIER_GENERATION
	atomic { passed = true; next = released_number[slot] };
#else
	if
	:: released_gen[slot] != generation -> number(slot, generation)
	:: released_gen[slot] == generation
	fi;
	atomic { passed = (released_gen[slot] == generation); next = released_number[slot] };
#endif
#ifndef REUSE_WITHOUT_EPOCH
	do
	:: atomic { passed && l < LANES -> passed = !(at[l] && at[l] >> 1 < next); l++ }
	:: atomic { !passed || l == LANES -> break }
	od;
#endif
	atomic { l = 0; next = 0 }
}

/* slot_claim(): try_claim(), and clear_slot(). Which slots are looked at free_slots says, and may say wrong: here any. */
inline slot_claim(slot, mine)
{
	atomic {
		generation = gen[slot];
		if
		:: in_use(generation) || generation == GENERATIONS -> goto next_one
		:: else
		fi
	};
	is_out_of_use(slot, generation, mine);
	atomic {	/* compare-and-swap */
		if
		:: mine && gen[slot] == generation -> generation++; gen[slot] = generation; holder[slot] = 1 + o
		:: else -> goto next_one
		fi
	};
	seq[slot] = 0;	/* clear_slot(): memset */
	atomic { released_gen[slot] = generation; released_number[slot] = 0 }
}

/* vault_store(), by install() of the loader and the key holder's store */
inline vault_store(slot, generation)
{
	vault_gen[slot] = 0;
#ifdef GENERATION_BEFORE_KEY
	vault_gen[slot] = generation;
#endif
	vault_key[slot] = 1 + key_of(slot, generation);
	vault_rest[slot] = 1 + key_of(slot, generation);
	vault_gen[slot] = generation
}

inline vault_wipe(slot)
{
	vault_gen[slot] = 0;
	vault_key[slot] = 0;
	vault_rest[slot] = 0
}

/* slot_release(): compare-and-swap of the generation, and number() when everybody can see that */
inline slot_release(slot)
{
	atomic { generation = gen[slot] };
#ifdef NUMBER_BEFORE_GENERATION
	number(slot, generation + 1);
#endif
	atomic {
		if
		:: in_use(generation) && gen[slot] == generation -> gen[slot] = generation + 1; holder[slot] = 0
		:: else -> goto next_one
		fi
	};
#ifndef NUMBER_BEFORE_GENERATION
	number(slot, generation + 1)
#endif
}

/* give_back() of loader/policy/sa.c and of ike/daemon/sad.c */
inline give_back(slot)
{
	vault_wipe(slot);
	slot_release(slot)
}

/* sa_add() and sa_delete(), or sad_add() and sad_remove(). One that starts again finds what it has left (sa_forget_all(),
 * find_orphans()) and gives it back; so does the loader for an IKE that has ended (sa_drop_unfinished()), by the same
 * steps. */
proctype owner(byte o)
{
	byte slot, generation, mine, l, next, old_gen, old_number;

start:
	{
end:
		do
		:: atomic {
#if SLOTS > 1
			if
			:: slot = 0
			:: slot = 1
			fi
#endif
			(holder[slot] == 1 + o || !holder[slot]) && gen[slot] != GENERATIONS
		   };
		   if
		   :: holder[slot] == 1 + o -> give_back(slot)
		   :: else -> slot_claim(slot, mine); vault_store(slot, generation)
		   fi;
next_one:
		   atomic { slot = 0; generation = 0; mine = 0; l = 0; next = 0 }
		od
	} unless { owner_dies[o] };
	atomic {
		slot = 0; generation = 0; mine = 0; l = 0; next = 0; old_gen = 0; old_number = 0;
		owner_dies[o] = false
	};
	goto start
}

/* Each kill may leave a number of turns_next() behind that nobody waits for: so there are some, and not any number. */
proctype owners_end()
{
	byte kills;

	do
	:: kills < OWNER_KILLS -> atomic { owner_dies[0] = true; kills++ }
#if OWNERS > 1
	:: kills < OWNER_KILLS -> atomic { owner_dies[1] = true; kills++ }
#endif
	:: kills == OWNER_KILLS -> break
	od
}

init
{
	byte i;

	atomic {
		select(watched_key : 1 .. SLOTS * SAS);
		select(watched_number : 1 .. NUMBERS);
		for (i : 0 .. LANES - 1) { run lane(i) }
		for (i : 0 .. OWNERS - 1) { run owner(i) }
		run supervisor();
		run owners_end()
	}
}
