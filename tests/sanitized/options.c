/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the sanitizers' runtimes are told, compiled in, so that it is so in each process, whatever its environment is.
 *
 * CAUGHT: programs set each signal back to its default in what they fork, and the runtimes do not let them (2).
 * LEAN: an alternate stack would be a mapping more for each thread. Whether a file is a terminal is not asked behind
 * seccomp.
 */
#define CAUGHT "handle_segv=2:handle_sigbus=2:handle_sigfpe=2:handle_sigill=2:"
#define LEAN   "use_sigaltstack=0:color=never:print_legend=0:allow_addr2line=0:"

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__tsan_default_options(void);
const char *__tsan_default_suppressions(void);

/*
 * Leaks are not looked for: that takes a process which can be traced. The quarantine, in which what was freed waits, is
 * of 32 MB in place of 256: there are dozens of these processes.
 */
const char *__asan_default_options(void)
{
	return CAUGHT LEAN "detect_leaks=0:quarantine_size_mb=32:exitcode=99";
}

const char *__ubsan_default_options(void)
{
	return CAUGHT LEAN "print_stacktrace=1:exitcode=99";
}

/* It goes on after a report, for the next one. What is forked by a program with threads, or with the runtime's, is not
 * ended. */
const char *__tsan_default_options(void)
{
	return LEAN "halt_on_error=0:die_after_fork=0:exitcode=99";
}

/*
 * By which threads share a key, OpenSSL counts in a way that only code which is built for it can show: of what it frees
 * then, it would be said that another thread had it. What it does with memory of the programs' own is not seen either.
 *
 * The state of an SA was another one's before, which a lane may have sent by. That each lane has passed a turn since is
 * waited for by another process, of which the runtime knows nothing. What lanes that send by one SA do to each other is
 * looked for by 'make tsan' (test_seq).
 */
const char *__tsan_default_suppressions(void)
{
	return "called_from_lib:libcrypto.so\n"
	       "race:seq_take\n";
}
