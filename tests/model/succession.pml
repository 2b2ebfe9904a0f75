/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One worker at a time: supervisors, each killed at any step and followed by the next one, workers that go on without
 * them, and a service manager that keeps the orders to one of them. Two that serve NICs at once would have windows without
 * a common lock (window.pml), and who takes all lanes for being at rest while one is in a turn takes nonces.pml's ground.
 *
 * A step is one message, one signal or one look at who is there, and has the name of the function that makes it. What is
 * claimed is asserted in alone(): whoever begins to serve, and whoever says that all lanes are at rest, finds no other worker
 * that serves. A worker takes the orders that were sent, and then the end of them, whenever it likes: also when the
 * supervisor that sent them is long gone. So is killed any time what was to be killed.
 *
 * The variant (-D, see tests/model/check) takes the safeguard out, and has to be found.
 */
#ifndef WORKERS
#define WORKERS 4	/* at once; a number is used again when its worker has ended, and nobody speaks of it */
#endif
#ifndef SUPERVISORS
#define SUPERVISORS 4	/* one after the other */
#endif
#define NONE 0

/* A worker, by number from 1 on */
bool alive[WORKERS + 1];	/* it has its lock of the place as long */
bool serves[WORKERS + 1];	/* it has NICs */
bool attach[WORKERS + 1], leave[WORKERS + 1];	/* orders on their way */
bool attached[WORKERS + 1], left[WORKERS + 1];	/* answers */
bool signalled[WORKERS + 1];	/* SIGKILL is on its way */

byte kept;	/* by the manager: whose orders; its other end is open as long */
byte held;	/* by the supervisor: whose orders, of its own child */
byte before;	/* struct worker_before: whose orders are held, too */
byte child;
bool hard;	/* before has ended without letting go */
byte place;	/* who was written down last, by worker_place_give() */
bool supervisor_dies;

/* ports_obey() and turns_abandon(): what is to be so when somebody begins to serve, or says that all lanes are at rest */
inline alone(who)
{
	for (i : 1 .. WORKERS) {
		assert(i == who || !(alive[i] && serves[i]))
	}
	i = 0
}

/* ---- workers ---- */

/* listen_to(): take_order() by order, ports_obey(); at their end end_lanes(), as no manager's worker goes on alone */
proctype worker(byte me)
{
	byte i;

end:
	do
	:: atomic { alive[me] && signalled[me] -> alive[me] = false; serves[me] = false }
	:: atomic { alive[me] && attach[me] -> attach[me] = false; alone(me); serves[me] = true; attached[me] = true }
	:: atomic { alive[me] && leave[me] && !attach[me] -> leave[me] = false; serves[me] = false; left[me] = true }
	:: atomic { alive[me] && left[me] -> alive[me] = false }	/* later: end_lanes(), and what the kernel takes apart */
	:: atomic {
		alive[me] && !attach[me] && !leave[me] && kept != me && held != me && before != me ->
		serves[me] = false; alive[me] = false
	   }
	od
}

/* ---- supervisors ---- */

/* is_held() */
inline wait_for_all()
{
	for (i : 1 .. WORKERS) {
		!alive[i]
	}
	i = 0
}

/* inherit_datapath(): left_take_orders(); where worker_place_has_other(), end_before(); worker_place_clear() */
inline inherit_datapath()
{
	atomic {
		if
		:: kept != NONE && alive[kept] -> before = kept
		:: else
		fi
	};
#ifndef OTHER_LEFT_ALONE
	atomic {
		if
		:: before != NONE && place != before && alive[place] -> signalled[before] = true; before = NONE
		:: else
		fi
	};
#endif
	if
	:: before == NONE ->
	   if
	   :: place != NONE -> signalled[place] = true
	   :: else
	   fi;
	   wait_for_all()
	:: else
	fi
}

/* start(): start_in_place(). One that is started beside none says that lanes are at rest, by open_maps(). */
inline start_in_place()
{
	atomic {
		i = 1;
		do
		:: i <= WORKERS && (alive[i] || i == kept || i == before) -> i++
		:: else -> break
		od;
		assert(i <= WORKERS);
		child = i;
		attach[i] = false; leave[i] = false; attached[i] = false; left[i] = false; signalled[i] = false; serves[i] = false;
		alive[i] = true;
		held = i; place = i;
		i = 0
	};
	if
	:: before == NONE -> atomic { alone(child) }
	:: else
	fi
}

/* worker_before_end(), until it has answered (on_answer()) or has ended (on_end()), by itself or since patience was lost */
inline worker_before_end()
{
	leave[before] = true;
	if
	:: left[before] -> before = NONE
	:: !alive[before] -> hard = true
	:: signalled[before] = true; !alive[before]; hard = true
	fi;
	if	/* on_before_gone() */
	:: hard -> before = NONE; atomic { alone(NONE) }; hard = false
	:: else
	fi
}

/* ask(), worker_nics_attached(), keep() */
inline ask()
{
	attach[child] = true;
	attached[child];
	kept = child	/* left_drop_orders(), left_orders() */
}

active proctype supervisor()
{
	byte i, count;

start:
	{
		inherit_datapath();
		start_in_place();
		if
		:: before != NONE -> worker_before_end()
		:: else
		fi;
		ask();
end:
		supervisor_dies
	} unless { supervisor_dies };
	atomic {
		supervisor_dies = false; before = NONE; child = NONE; held = NONE; hard = false; i = 0;
		count++
	};
	goto start
}

active proctype killer()
{
	byte i;

	atomic {
		for (i : 1 .. WORKERS) { run worker(i) };
		i = 1
	};
	do
	:: i < SUPERVISORS -> atomic { supervisor_dies = true; i++ }; !supervisor_dies
	:: i == SUPERVISORS -> break
	od
}
