# SPDX-License-Identifier: BSD-2-Clause
# The end-to-end suite, of programs that are built with sanitizers, or E2E='FILE ...' of it. The Makefile includes it.

.PHONY: e2e-sanitized e2e-tsan instrumented e2e-instrumented

E2E_PROGRAMS := $(PROGRAMS) $(E2E_HELPERS) $(FLOOD) $(MISBEHAVING) $(RECORDER) $(IMPATIENT)
here = $(patsubst $(BUILD)/%,%,$(1))

# Of these one is in each program that is built so: report file, options, and what a sandbox has to leave to the runtime. The runtimes
# are linked in, where a program looks for no library and a root may have none.
INSTRUMENTS := $(call objects,$(wildcard tests/sanitized/*.c))
$(INSTRUMENTS): ALL_CFLAGS += -iquote tests -DREPORTS='"$(abspath $(BUILD))/reports"'

e2e-sanitized: WITH = INSTRUMENTED='$(call here,$(PROGRAMS) $(CABLE_WORKER) $(IMPATIENT))' \
	TESTED='$(or $(E2E),tests/e2e)' TESTED_WITH_LANES='$(if $(E2E),,$(WITH_LANES))' \
	LTO= LDFLAGS='-fsanitize=address,undefined -static-libasan -static-libubsan' \
	CFLAGS='-O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -U_FORTIFY_SOURCE'

# The worker, whose lanes share memory, and the daemon with its hands, in what packets go by and in what IKE does. Between processes
# ThreadSanitizer sees nothing. Its other options: see tsan.
e2e-tsan: WITH = INSTRUMENTED='$(call here,$(addprefix $(BUILD)/xdp-ipsec-,worker iked))' \
	TESTED_WITH_LANES='$(or $(E2E),$(patsubst %,tests/e2e/test_%.py,fragments ike inbound lanes outbound restart traffic upgrade))' \
	LTO= LDFLAGS='-fsanitize=thread -static-libtsan' \
	CFLAGS='-O1 -g1 -fno-omit-frame-pointer -fsanitize=thread -fno-builtin -Wno-tsan -Wno-maybe-uninitialized -U_FORTIFY_SOURCE'

e2e-sanitized e2e-tsan: all $(E2E_PROGRAMS)
	$(MAKE) -j$(JOBS) instrumented BUILD=$(BUILD)/$@ PLAIN=$(BUILD) $(WITH)
	$(MAKE) e2e-instrumented BUILD=$(BUILD)/$@ PLAIN=$(BUILD) $(WITH)

ifdef INSTRUMENTED
INSTRUMENTED_PROGRAMS := $(addprefix $(BUILD)/,$(INSTRUMENTED))
$(INSTRUMENTED_PROGRAMS): $(INSTRUMENTS)
$(INSTRUMENTED_PROGRAMS): ALL_LDFLAGS += $(call wrapped,seccomp_load service_user_find)
# A test that calls make has it from here with none of these variables.
PYTEST := MAKEFLAGS= $(PYTEST) -p sanitized.reports
endif

# The others are as they are elsewhere.
instrumented: $(INSTRUMENTED_PROGRAMS)
	@set -e; for f in $(call here,$(filter-out $(INSTRUMENTED_PROGRAMS),$(E2E_PROGRAMS))); do install -D $(PLAIN)/$$f $(BUILD)/$$f; done

# A report fails the test that it comes in, and the run, also if a second try had none, or no test was there to fail. What was not
# tested is told here, and at the end of check-long.
e2e-instrumented: instrumented
	@rm -rf $(BUILD)/reports $(NOT_TESTED) $(SECOND); mkdir -p $(BUILD)/reports
	status=0; \
	$(if $(TESTED),{ $(call beside,,$(SIDE_BY_SIDE),$(TESTED)); } || status=1;) \
	$(if $(TESTED_WITH_LANES),{ $(call beside,LANES=2,$(SIDE_BY_SIDE),$(TESTED_WITH_LANES)); } || status=1;) \
	/usr/bin/python3 tests/not_tested.py $(NOT_TESTED) $(SECOND); \
	for f in not-tested second-tries; do [ ! -e $(BUILD)/$$f ] || cat $(BUILD)/$$f >>$(PLAIN)/$$f; done; \
	PYTHONPATH=tests BUILD=$(BUILD) /usr/bin/python3 tests/sanitized/reports.py $(BUILD)/reports || status=1; exit $$status
