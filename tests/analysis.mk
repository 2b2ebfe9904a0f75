# SPDX-License-Identifier: BSD-2-Clause
# What reads the programs' sources beside the compilers. The Makefile includes it.

.PHONY: cppcheck tidy analyzer valgrind valgrind-but-ike

HOUSES := lib maps worker ike loader
# It reads no headers of the system, but has to know those whose macros are statements.
MACROS   := $(addprefix --include=/usr/include/,$(ARCH)-linux-gnu/sys/queue.h cjson/cJSON.h bpf/libbpf.h libmnl/libmnl.h) -D'SEC(name)='
CPPCHECK  = cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -j$(JOBS) \
	--suppressions-list=tests/cppcheck-suppressions -I. $(MACROS) $(if $(HAVE_IPSEC_MB),-DHAVE_IPSEC_MB)

# By house, since one header's name may be another's in another house. What has not changed is not read again. The BPF programs
# are read as far as loader/explain/ compiles them; the verifier is the one that looks at them.
cppcheck: $(SKELETONS)
	@status=0; for house in $(HOUSES); do \
		mkdir -p $(BUILD)/cppcheck/$$house; printf '  %-8s %s\n' CPPCHECK $$house; \
		$(CPPCHECK) --cppcheck-build-dir=$(BUILD)/cppcheck/$$house -I$$house $$house || status=1; done; exit $$status

# Each source of these, as $(BUILD)/WHAT/house/file.ok. It is read again when its object is newer, which is when anything that it
# includes has changed.
SOURCES := $(wildcard $(foreach h,$(HOUSES),$h/*.c $h/*/*.c))
read_as = $(patsubst %.c,$(BUILD)/$(1)/%.ok,$(SOURCES))
house_of = -iquote $(firstword $(subst /, ,$(1))) -I$(BUILD)/bpf $(if $(filter %fault.c,$(1)),,-include tests/contracts.h)

# What .clang-tidy asks for. What follows paths takes most of the time: so many steps in a function, for 'make check', and as many as
# clang goes by itself, for 'make check-long'. Each has its own record of what was read.
TIDY ?= clang-tidy
TIDY_STEPS ?= 10000
TIDY_STEPS_LONG := 225000
TIDY_PATHS = -Xclang -analyzer-config -Xclang max-nodes=$(TIDY_STEPS)
# What bpftool has written keeps its memory in a structure of libbpf's.
TIDY_programs.c := --checks=-clang-analyzer-unix.Malloc
TIDY_pinned_maps.c := $(TIDY_programs.c)
TIDIED := $(call read_as,tidy/$(TIDY_STEPS))
tidy: $(TIDIED)

$(TIDIED): $(BUILD)/tidy/$(TIDY_STEPS)/%.ok: %.c .clang-tidy tests/contracts.h $(BUILD)/%.o
	@mkdir -p $(@D)
	$(call say,TIDY,$<) $(TIDY) --quiet $(TIDY_$(<F)) $< -- $(ALL_CFLAGS) $(call house_of,$<) $(TIDY_PATHS) \
		>$@.said 2>&1 || { cat $@.said; exit 1; }
	@mv $@.said $@

# The BPF programs, as they are compiled.
TIDIED_BPF := $(patsubst %.c,$(BUILD)/tidy/$(TIDY_STEPS)/%.ok,$(wildcard bpf/*.bpf.c))
tidy: $(TIDIED_BPF)
$(TIDIED_BPF): $(BUILD)/tidy/$(TIDY_STEPS)/%.ok: %.c .clang-tidy $(BUILD)/%.o
	@mkdir -p $(@D)
	$(call say,TIDY,$<) $(TIDY) --quiet $< -- $(BPF_CFLAGS) $(TIDY_PATHS) >$@.said 2>&1 || { cat $@.said; exit 1; }
	@mv $@.said $@

# Another engine that follows paths, gcc's: without LTO, which would put it off, and with memcpy() and its like by their own names.
# It finds a leak wherever memory is told by what somebody else points to, as in 'at->next = malloc(...)': gcc 12 forgets such a place.
# valgrind and the sanitizers look for leaks, and so does clang-tidy. A file about which it is wrong has the reason here.
ANALYZER ?= gcc
# A lane of a vector is 64 bits wide, of which it knows nothing.
WRONG_checksum.c := -Wno-analyzer-shift-count-overflow
ANALYZED := $(call read_as,analyzer)
analyzer: $(ANALYZED)

$(ANALYZED): $(BUILD)/analyzer/%.ok: %.c tests/contracts.h $(BUILD)/%.o
	@mkdir -p $(@D)
	$(call say,ANALYZER,$<) $(ANALYZER) $(ALL_CFLAGS) $(call house_of,$<) -U_FORTIFY_SOURCE -g0 -fanalyzer \
		-Wno-analyzer-malloc-leak $(WRONG_$(<F)) -S -o $@ $<

# The unit tests once more, by memcheck, which knows of each bit whether anybody has written it. With plain instructions: valgrind 3.19
# has AVX2 and says so to who asks, and no AVX-512. Without _FORTIFY_SOURCE, whose functions it does not put its own in place of. Threads
# run by turns, so that one that waits for another does not keep it from running. What it cannot run, tests/valgrind/not-in-valgrind says.
VALGRIND ?= valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
	--num-callers=20 --fair-sched=yes --suppressions=tests/valgrind/suppressions
BY_VALGRIND = BUILD=$(BUILD)/valgrind WITH_PLAYED=1 LTO= CFLAGS='-O1 -g -Wno-maybe-uninitialized -U_FORTIFY_SOURCE' \
	RUN='env NOT_TESTED=$(NOT_TESTED) tests/emulated/run "by valgrind" tests/valgrind/not-in-valgrind $(VALGRIND)'
valgrind:
	$(MAKE) unit $(BY_VALGRIND)

# Those of IKE take half a minute each and more, of a CPU.
valgrind-but-ike:
	$(MAKE) unit-but-ike $(BY_VALGRIND)

# It is linked with them: what is loaded by LD_PRELOAD valgrind's own programs would have, too.
ifdef WITH_PLAYED
$(SHARED_TESTS) $(WORKER_TESTS) $(IKE_TESTS) $(LOADER_TESTS): $(BUILD)/tests/emulated/played.o
endif
