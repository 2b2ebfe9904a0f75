# SPDX-License-Identifier: BSD-2-Clause
# What reads the programs' sources beside the compilers. The Makefile includes it.

.PHONY: cppcheck tidy

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

# What .clang-tidy asks for, of these houses; a source is read again when its object is newer, which is when anything that it
# includes has changed.
TIDY ?= clang-tidy
TIDY_HOUSES := lib maps worker
TIDIED := $(patsubst %.c,$(BUILD)/tidy/%.ok,$(wildcard $(foreach h,$(TIDY_HOUSES),$h/*.c $h/*/*.c)))
tidy: $(TIDIED)

$(TIDIED): $(BUILD)/tidy/%.ok: %.c .clang-tidy $(BUILD)/%.o
	@mkdir -p $(@D)
	$(call say,TIDY,$<) $(TIDY) --quiet $< -- $(ALL_CFLAGS) -iquote $(firstword $(subst /, ,$<)) >$@.said 2>&1 || { cat $@.said; exit 1; }
	@mv $@.said $@
