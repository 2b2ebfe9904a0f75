/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No packet accepted twice: lanes that open packets of one SA, each packet on any lane, any number of times and in any
 * order, and a worker that is killed at any step, also while one of its lanes holds the SA's lock. The window is a ring of
 * words, a small one that is made as the large one is: three words of two, a window of two, so one word ahead of it, and
 * numbers for more than a round, from 6 on.
 *
 * A step is one access to memory that others see, and has the name of the function that makes it. What is claimed is
 * asserted in deliver(). That nobody waits for ever, by pan's look for ends that are none: a worker that was killed in
 * the lock leaves the next one free to go on, as the lock is in its own memory (worker/esp/sa_lock.h).
 *
 * Each variant (-D, see tests/model/check) takes a safeguard out, and has to be found.
 */
#define LANES 2
#ifndef KILLS
#define KILLS 1
#endif
#define WORD_BITS 2
#define WINDOW 2
#define WORDS 3
#define AHEAD_WORDS 1 /* WORDS less the two that such a window can touch */
#ifndef NUMBERS
#define NUMBERS 7
#endif

#define word_of(seq) (((seq) / WORD_BITS) % WORDS)
#define bit_of(seq) (1 << ((seq) % WORD_BITS))

/* sa_state.seq and replay_bitmap, which stay */
byte top;
byte words[WORDS];
/* The worker's: gone with it. */
bool lock;

byte watched;	/* any number; what holds for each alone holds for all */
bool delivered;
bool worker_dies;
byte lanes_dead;

/* replay_check(), the top first and then the word */
inline replay_check()
{
	atomic { seen = top; ok = (seq > seen) };
	atomic {
		if
		:: !ok && seen - seq < WINDOW -> ok = !(words[word_of(seq)] & bit_of(seq))
		:: else
		fi;
		seen = 0
	}
}

/* replay_mark(), a load and a store */
inline replay_mark()
{
	atomic { word = words[word_of(seq)] };
	atomic { words[word_of(seq)] = word | bit_of(seq); word = 0 }
}

/* replay_publish_top() */
inline replay_publish_top()
{
	top = seq
}

/* clear_words(), from the last word back */
inline clear_words()
{
	do
	:: atomic {
		cleared < step && cleared < WORDS ->
		words[(seq / WORD_BITS + WORDS - cleared) % WORDS] = 0;
		cleared++
	   }
	:: atomic { cleared == step || cleared == WORDS -> cleared = 0; break }
	od
}

/* replay_advance() */
inline replay_advance()
{
	atomic { step = seq / WORD_BITS - top / WORD_BITS };
#ifndef CLEARED_BEFORE_TOP
	if
	:: step > AHEAD_WORDS -> replay_publish_top()
	:: else
	fi;
#endif
	clear_words();
	replay_mark();
	atomic { replay_publish_top(); step = 0 }
}

/* pass_deliver(): what the host gets */
inline deliver()
{
	assert(!(delivered && seq == watched));
	delivered = delivered || seq == watched
}

/* replay_update(), by mark_run() in the SA's lock; ok is whether the packet is taken */
inline replay_update()
{
#ifndef NOT_CHECKED_IN_LOCK
	replay_check();
#endif
#ifdef DELIVERED_BEFORE_MARK
	atomic {
		if
		:: ok -> deliver()
		:: else
		fi
	};
#endif
	if
	:: !ok
	:: ok && seq > top && seq / WORD_BITS != top / WORD_BITS -> replay_advance()
	:: ok && !(seq > top && seq / WORD_BITS != top / WORD_BITS) ->
	   replay_mark();
	   if
	   :: seq > top -> replay_publish_top()
	   :: else
	   fi
	fi;
#ifdef DELIVERED_BEFORE_MARK
	ok = false
#endif
}

/* inbound_run(): look_up() by esp_precheck(), mark_run(), pass_deliver() */
proctype lane()
{
	byte seq, seen, word, step, cleared;
	bool ok;

start:
	{
end:
		do
		:: atomic {	/* a packet, which the wire may bring again; esp_precheck() may or may not have let it by */
			select(seq : 1 .. NUMBERS);
			ok = true
		   };
#ifdef NOT_CHECKED_IN_LOCK
		   replay_check();
#endif
#ifndef WITHOUT_LOCK
		   atomic { !lock -> lock = true };	/* sa_lock_take() */
#endif
		   replay_update();
#ifndef WITHOUT_LOCK
		   lock = false;	/* sa_lock_give() */
#endif
		   atomic {
			if
			:: ok -> deliver()
			:: else
			fi;
			seq = 0; ok = false
		   }
		od
	} unless { worker_dies };
	atomic {
		seq = 0; seen = 0; word = 0; step = 0; cleared = 0; ok = false;
		lanes_dead++
	};
	atomic { !worker_dies -> lanes_dead-- };
	goto start
}

/* The worker is killed, waited for, and started again: its locks are new ones (make_lanes()). */
proctype supervisor()
{
	byte kills;

	do
	:: kills < KILLS ->
	   worker_dies = true;
	   lanes_dead == LANES;
	   atomic {
#ifndef LOCK_OUTLIVES_WORKER
		lock = false;
#endif
		worker_dies = false;
		kills++
	   };
	   lanes_dead == 0	/* and the next one runs */
	:: break
	od
}

init
{
	byte i;

	atomic {
		select(watched : 1 .. NUMBERS);
		for (i : 1 .. LANES) { run lane() }
		run supervisor()
	}
}
