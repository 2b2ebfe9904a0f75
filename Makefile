# SPDX-License-Identifier: BSD-2-Clause
#
#   make           the programs, in build/
#   make demo      two hosts in namespaces, real traffic, proof from the wire   (root)
#   make check     every test but those of check-long                           (root)
#   make check-long what takes longer: valgrind, all of end to end with two lanes, and with sanitizers, the model, kills, a soak, fuzzing (root)
#   make e2e-sanitized end to end, of programs with AddressSanitizer and UBSan; e2e-tsan: packets and IKE, with ThreadSanitizer (root)
#   make kills     KILLS=10000 processes killed at any instant, SEED= as in an earlier run (root)
#   make interop   against Linux XFRM, strongSwan, libreswan in User Mode Linux (root)
#   make libreswan Debian's libreswan for it, unpacked in the build directory   (root)
#   make promtool  the same of Debian's prometheus, of which the tests take the checker
#   make bench     the figures, BENCH_ARGS='PART ...'; bench-docs puts them into docs/ (root)
#   make bench-floods what is left of honest traffic in floods, FLOODS_ARGS='FLOOD ...' (root)
#   make fuzz      fuzzing of what parses, random life of IKE, BPF against a reference, FUZZ_SECONDS=30 for each (root)
#   make soak      two hosts that live at random, MINUTES=5 SEED= as in an earlier run, and what must hold all the while (root)
#   make coverage  how many lines of what parses the tests run
#   make unit      the unit tests alone; unit-sanitized, tsan, wiped, bpf-test, e2e, tests/layout: the other parts of check
#   make arm64     the programs for arm64, in build/arm64/; arm64-unit: the unit tests there, by qemu-user; arm64-sysroot: what they are linked with
#   make cppcheck  what cppcheck finds in the sources of the programs; tidy: clang-tidy; analyzer: gcc's -fanalyzer
#   make valgrind  the unit tests by valgrind; valgrind-but-ike: all but those of IKE
#   make deps      the Debian packages; check-deps, bench-deps: those that these alone need (root)
#   make install DESTDIR= PREFIX=; make deb: a package of Debian's, in the build directory; deb-tree tries it

# What runs beside each other is not told where it stands.
MAKEFLAGS += --no-print-directory

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
# Where the configuration is, and systemd looks for units.
CONFDIR ?= /etc/xdp-ipsec
UNITDIR ?= $(PREFIX)/lib/systemd/system
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
CLANG   ?= clang
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
# Where another architecture's headers and libraries are, and what runs its programs (tests/arm64.mk).
SYSROOT ?=
RUN     ?=
# What the compiler makes programs for, in the kernel's word.
ARCH    := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))

PKGS := libbpf libxdp libcrypto libmnl libevent_core inih libcjson libseccomp libcap-ng liburing
# Intel's multi-buffer library has no pkg-config file and exists for x86-64 only.
HAVE_IPSEC_MB := $(wildcard $(SYSROOT)/usr/include/intel-ipsec-mb.h)

TARGET := $(addprefix --sysroot=,$(SYSROOT))
WARN   := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
CFLAGS ?= -O2 -g
# The worker is optimised as one: a tenth fewer of its own instructions a packet, and no function has to stand in a
# header for it. Its objects are ordinary ones as well, which is how the tests take them. gcc's alone; LTO= for none.
LTO    ?= $(if $(findstring clang,$(CC)),,-flto=auto -ffat-lto-objects)
ALL_CFLAGS = $(TARGET) -std=gnu11 $(WARN) $(HARDEN) $(CFLAGS) -iquote . $(if $(HAVE_IPSEC_MB),-DHAVE_IPSEC_MB) \
	$(shell pkg-config --cflags $(PKGS))
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(LDFLAGS)
# Debian's shared liburing 2.3 forgot to export what restricts a ring.
WORKER_LIBS := -l:liburing.a -lxdp -lbpf -lcrypto -lseccomp -lcap-ng $(if $(HAVE_IPSEC_MB),-lIPSec_MB)
IKE_LIBS    := -lbpf -lcrypto -levent_core -lcjson -lseccomp -lcap-ng
LOADER_LIBS := $(shell pkg-config --libs ncursesw 2>/dev/null) -lbpf -lcrypto -lmnl -levent_core -linih -lcjson -lseccomp -lcap-ng -lm

# They know nothing of the architecture: its headers are there for what they include.
BPF_CFLAGS := $(TARGET) -std=gnu11 -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror -Wno-address-of-packed-member -iquote . \
	-I$(SYSROOT)/usr/include/$(ARCH)-linux-gnu

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
# What programs share, as libraries, so that each links only what it uses of them.
SHARED     := $(BUILD)/maps.a $(BUILD)/lib.a
WORKER_OBJ := $(call objects,$(wildcard worker/*.c worker/*/*.c))
IKE_OBJ    := $(call objects,$(wildcard ike/*.c ike/*/*.c))
LOADER_OBJ := $(call objects,$(wildcard loader/*.c loader/*/*.c))
BPF_OBJ    := $(patsubst %.bpf.c,$(BUILD)/%.bpf.o,$(wildcard bpf/*.bpf.c))
SKELETONS  := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.skel.h,$(wildcard bpf/*.bpf.c))
PROGRAMS   := $(BUILD)/xdp-ipsec $(BUILD)/xdp-ipsec-worker $(if $(wildcard ike/main.c),$(BUILD)/xdp-ipsec-iked)

# Of what check and demo build; tests run one after the other, but for IKE's and those of the BPF programs.
JOBS := $(or $(shell nproc 2>/dev/null),1)
# So many end-to-end tests run beside each other: more than there are CPUs, since half of what a test takes it waits.
BESIDE ?= 4

# Quiet unless V=1.
say = @$(if $(V),,printf '  %-8s %s\n' $(1) '$(2)';)

.PHONY: all deps need-deps check-deps bench-deps clean demo check check-long unit unit-sanitized tsan threaded wiped bpf-test model kills e2e interop libreswan promtool coverage replay reference soak fuzz fuzzers fuzz-corpora corpora life bench bench-floods bench-docs install deb deb-tree
all: $(PROGRAMS)

$(BUILD)/xdp-ipsec: $(LOADER_OBJ) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LOADER_LIBS)

$(WORKER_OBJ): ALL_CFLAGS += $(LTO)
$(BUILD)/xdp-ipsec-worker: ALL_LDFLAGS += $(LTO)
$(BUILD)/xdp-ipsec-worker: $(WORKER_OBJ) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(WORKER_LIBS)

$(BUILD)/xdp-ipsec-iked: $(IKE_OBJ) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(IKE_LIBS)

$(BUILD)/maps.a: $(call objects,$(wildcard maps/*.c))
$(BUILD)/lib.a: $(call objects,$(wildcard lib/*.c))
$(SHARED):
	$(call say,AR,$@) rm -f $@ && $(AR) rcs $@ $^

# What is not there is told by its name, with what brings it, before a compiler tells it in its own way.
TOOLS := $(BUILD)/tools-are-there
NEEDED := $(CLANG) llvm-strip $(BPFTOOL) pkg-config
$(TOOLS):
	@missing=; for tool in $(NEEDED); do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	for lib in $(PKGS) ncursesw; do pkg-config --exists $$lib 2>/dev/null || missing="$$missing $$lib"; done; \
	[ -z "$$missing" ] || { printf "make: not here:%s: 'sudo make deps' installs Debian's packages, which debian-packages lists\n" \
		"$$missing" >&2; exit 1; }
	@mkdir -p $(@D) && touch $@

$(BUILD)/%.o: %.c Makefile | $(TOOLS)
	@mkdir -p $(@D)
	$(call say,CC,$<) $(CC) $(ALL_CFLAGS) -I$(BUILD)/bpf -MMD -MP -c -o $@ $<

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c Makefile | $(TOOLS)
	@mkdir -p $(@D)
	$(call say,BPF,$<) $(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $< && llvm-strip -g $@

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL,$@) $(BPFTOOL) gen skeleton $< name $(subst -,_,$*) >$@.tmp && mv $@.tmp $@

# Tests load it, too.
.SECONDARY: $(BPF_OBJ)

$(LOADER_OBJ): $(SKELETONS)
$(LOADER_OBJ): ALL_CFLAGS += -iquote loader
$(WORKER_OBJ): ALL_CFLAGS += -iquote worker
$(IKE_OBJ): ALL_CFLAGS += -iquote ike

# ---- packages ----

# One name a line, and after it the architecture that alone has it. $(call packages_in,FILE[,ARCH]): this host's, or another's.
packages_in = $(shell awk -v arch="$(or $(2),$$(dpkg --print-architecture 2>/dev/null))" \
	'!/^\#/ && NF && (NF == 1 || $$2 == arch) { print $$1 }' $(1))
PACKAGES = $(call packages_in,debian-packages)

deps:
	@[ "$$(id -u)" = 0 ] || { echo "make: packages are missing, and root alone installs them: 'sudo make deps'" >&2; exit 1; }
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(PACKAGES)

# What is missing is installed; what is there costs a tenth of a second. Where there is no dpkg, it is up to you.
need-deps:
	@! command -v dpkg-query >/dev/null || \
		dpkg-query -W -f='$${Status}\n' $(PACKAGES) 2>/dev/null | awk '/ok installed/ { n++ } END { exit n != $(words $(PACKAGES)) }' || \
		$(MAKE) deps

# What the tests run ours against: where it cannot be had they are skipped.
check-deps:
	@tests/check-deps '$(MAKE) BUILD=$(BUILD)' $(call packages_in,debian-packages-check)

# What the figures are told beside: what cannot be had is told, too.
bench-deps:
	@tests/check-deps true $(call packages_in,debian-packages-bench)

# ---- tests ----

# A test of FILE.c is tests/unit/PROGRAM/test_FILE.c; it links everything of its program but main.
tests_in = $(patsubst %.c,$(BUILD)/%,$(wildcard $(1)))
LOADER_TESTS := $(call tests_in,tests/unit/loader/test_*.c)
WORKER_TESTS := $(call tests_in,tests/unit/worker/test_*.c)
SHARED_TESTS := $(call tests_in,tests/unit/lib/test_*.c tests/unit/maps/test_*.c)
IKE_TESTS    := $(call tests_in,tests/unit/ike/test_*.c)
IKE_TEST_OBJ := $(call objects,$(wildcard tests/ike/*.c))
IKE_LIFE     := $(BUILD)/tests/unit/ike/test_life
IKE_LIFE_OBJ := $(call objects,$(wildcard tests/ike/life/*.c))
BPF_TESTS    := $(call tests_in,tests/bpf/test_*.c)
IKE_BENCH    := $(addprefix $(BUILD)/tests/bench/,ike_bench ike_cores)
# The worker, on a cable of memory in place of AF_XDP.
CABLE_WORKER := $(BUILD)/tests/bench/cable_worker
FLOOD        := $(BUILD)/tests/bench/flood
CABLE_OBJ    := $(call objects,$(wildcard tests/bench/cable/*.c))
# Both without a cipher, for what is left then.
BARE_WORKERS := $(addprefix $(BUILD)/tests/bench/,bare_worker bare_cable_worker)
BARE_OBJ     := $(call objects,$(wildcard tests/bench/bare/*.c))
SAS_BENCH    := $(BUILD)/tests/bench/sas_bench
BENCHES      := $(filter-out $(IKE_BENCH) $(SAS_BENCH),$(call tests_in,tests/bench/*.c))
# What is on the wire while processes are killed, and a supervisor that has no patience with what dies often.
RECORDER     := $(BUILD)/tests/kills/recorder
IMPATIENT    := $(BUILD)/tests/kills/xdp-ipsec
comma := ,
but_main = $(filter-out %/main.o,$(1))
NOT_TESTED := $(BUILD)/not-tested
PYTEST := PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests NOT_TESTED=$(NOT_TESTED) /usr/bin/python3 -m pytest \
	--rootdir . -p no:cacheprovider -p not_tested
SIDE_BY_SIDE = $(if $(filter-out 1,$(BESIDE)),-n $(BESIDE))
# Beside each other, and what failed there once more by itself: with these variables, so and so many, these tests.
AGAIN  := $(BUILD)/once-more
SECOND := $(BUILD)/second-tries
beside = rm -f $(AGAIN); $(1) BUILD=$(BUILD) ONCE_MORE=$(AGAIN) $(PYTEST) -p once_more -rs $(2) $(3) && \
	{ [ ! -e $(AGAIN) ] || { xargs -d '\n' -a $(AGAIN) env $(1) BUILD=$(BUILD) $(PYTEST) -rs && cat $(AGAIN) >>$(SECOND); }; }

$(WORKER_TESTS): %: %.o $(call but_main,$(WORKER_OBJ)) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(WORKER_LIBS)

$(LOADER_TESTS): %: %.o $(call but_main,$(LOADER_OBJ)) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(LOADER_LIBS)

$(SHARED_TESTS): %: %.o $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcmocka -lbpf -levent_core -lcjson -lcap-ng

wrapped = $(foreach f,$(1),-Wl$(comma)--wrap=$(f))

# Whose kernel and driver are played.
$(BUILD)/tests/unit/worker/test_xdp_queue: ALL_LDFLAGS += $(call wrapped,$(addprefix xsk_,register make_rings map_rings \
	unmap_rings bind is_zero_copy wake_to_send wake_to_receive))

# Whose sleep is played, and what its kernel lost, and whose calls are counted.
$(BUILD)/tests/unit/worker/test_loop: ALL_LDFLAGS += $(call wrapped,ppoll __ppoll_chk xsk_wake_to_receive xsk_lost)

# The worker and IKE, of which each process tries what it must not be able to (misbehave.h).
MISBEHAVING := $(addprefix $(BUILD)/tests/misbehave/,xdp-ipsec-worker xdp-ipsec-iked)
MISBEHAVE_OBJ := $(addprefix $(BUILD)/tests/misbehave/,orders.o attempts.o walls.o)
$(MISBEHAVING): ALL_LDFLAGS += -fno-lto $(call wrapped,seccomp_init seccomp_attr_set seccomp_load landlock_leave_others \
	landlock_leave_files privileges_drop chroot)
$(BUILD)/tests/misbehave/xdp-ipsec-worker: ALL_LDFLAGS += $(call wrapped,maps_only_read vault_map \
	io_uring_register_restrictions worker_order_receive inbound_run)
$(BUILD)/tests/misbehave/xdp-ipsec-worker: $(BUILD)/tests/misbehave/worker.o $(MISBEHAVE_OBJ) $(WORKER_OBJ) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(WORKER_LIBS)

$(BUILD)/tests/misbehave/xdp-ipsec-iked: ALL_LDFLAGS += $(call wrapped,sandbox_enter channel_receive keyring_private hand_do)
$(BUILD)/tests/misbehave/xdp-ipsec-iked: $(BUILD)/tests/misbehave/iked.o $(MISBEHAVE_OBJ) $(IKE_OBJ) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(IKE_LIBS)

# A NIC whose driver is played (steered_nic.h).
$(filter %/test_steering %/test_steering_hash %/test_steering_rules %/test_rx_rules,$(LOADER_TESTS)): ALL_LDFLAGS += -Wl,--wrap=ethtool_ask

# Who sees each write of the SPD.
$(BUILD)/tests/unit/loader/test_spd_empty: ALL_LDFLAGS += $(foreach f,update delete,-Wl$(comma)--wrap=bpf_map_$(f)_elem)

# Whose maps are played.
$(BUILD)/tests/unit/loader/test_closing: ALL_LDFLAGS += $(call wrapped,maps_open pinned_maps_make_beside spd_write nics_init \
	connection_policies_check)

# The tests of IKE share tests/ike/: two engines in one process, on a clock and a network of their own.
$(IKE_TESTS): %: %.o $(IKE_TEST_OBJ) $(call but_main,$(IKE_OBJ)) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(IKE_LIBS)

# Who finds no memory for a task.
$(BUILD)/tests/unit/ike/test_delete: ALL_LDFLAGS += -Wl,--wrap=calloc

# Who finds no memory for a look at what a peer has proven itself with.
$(BUILD)/tests/unit/ike/test_reauth: ALL_LDFLAGS += -Wl,--wrap=peer_certs_verify

# Who counts the chains that OpenSSL has looked at.
$(BUILD)/tests/unit/ike/test_certs: ALL_LDFLAGS += -Wl,--wrap=X509_verify_cert

# Who counts the names that OpenSSL has taken apart.
$(BUILD)/tests/unit/ike/test_hostile: ALL_LDFLAGS += -Wl,--wrap=d2i_X509_NAME

# Three engines that live at random; what they allocate may fail.
$(IKE_LIFE): $(IKE_LIFE_OBJ)
$(IKE_LIFE): ALL_LDFLAGS += $(foreach f,malloc calloc realloc,-Wl$(comma)--wrap=$(f))

# Of many lives, whose key exchange is a cheap one (cheap_dh.c).
$(IKE_LIFE) $(addprefix $(BUILD)/tests/unit/ike/test_,lossy_hour malformed many network): ALL_LDFLAGS += \
	$(foreach f,generate derive,-Wl$(comma)--wrap=dh_$(f))

$(BUILD)/tests/unit/ike/test_no_memory: ALL_LDFLAGS += -Wl,--wrap=calloc,--wrap=strdup

# Whose allocations fail, one after the other (failing_memory.h).
$(filter %/test_each_allocation,$(IKE_TESTS) $(LOADER_TESTS) $(WORKER_TESTS)): ALL_LDFLAGS += \
	$(call wrapped,malloc calloc realloc reallocarray strdup strndup)

BPF_TEST_OBJ := $(call objects,$(filter-out $(wildcard tests/bpf/test_*.c),$(wildcard tests/bpf/*.c)))
$(BPF_TESTS): %: %.o $(BPF_TEST_OBJ) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcmocka -lxdp -lbpf

$(WORKER_TESTS): ALL_LDFLAGS += -fno-lto
$(BENCHES) $(CABLE_WORKER) $(BARE_WORKERS): ALL_LDFLAGS += $(LTO)

# The same programs, compiled for this host (loader/explain/).
$(BUILD)/tests/bpf/test_explain: $(call objects,$(wildcard loader/explain/*.c))

$(BENCHES): %: %.o $(call but_main,$(WORKER_OBJ)) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(WORKER_LIBS)

no_cipher = $(filter-out $(BUILD)/worker/esp/aead%.o,$(1)) $(BARE_OBJ)
$(CABLE_WORKER): $(filter-out %/xsk.o,$(WORKER_OBJ)) $(CABLE_OBJ) $(SHARED)
$(BUILD)/tests/bench/bare_cable_worker: $(call no_cipher,$(filter-out %/xsk.o,$(WORKER_OBJ))) $(CABLE_OBJ) $(SHARED)
$(BUILD)/tests/bench/bare_worker: $(call no_cipher,$(WORKER_OBJ)) $(SHARED)
$(CABLE_WORKER) $(BARE_WORKERS):
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(WORKER_LIBS)

$(filter %cable_worker,$(CABLE_WORKER) $(BARE_WORKERS)): ALL_LDFLAGS += $(foreach f,ppoll __ppoll_chk maps_open,-Wl$(comma)--wrap=$(f))

# Which callgrind does not know.
$(BUILD)/tests/bench/lane_bench: ALL_LDFLAGS += -Wl,--wrap=mlock2

$(IKE_BENCH): %: %.o $(IKE_TEST_OBJ) $(call but_main,$(IKE_OBJ)) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(IKE_LIBS)

RECORDER_OBJ := $(call objects,$(filter-out tests/kills/impatient.c,$(wildcard tests/kills/*.c)))
$(RECORDER): $(RECORDER_OBJ)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcrypto

$(IMPATIENT): $(BUILD)/tests/kills/impatient.o $(LOADER_OBJ) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -Wl,--wrap=child_start_later -o $@ $^ $(LOADER_LIBS)

# IKE's hand in the maps and the loader's, and the programs over them.
SAS_BENCH_OBJ = $(BUILD)/ike/daemon/sad.o $(addprefix $(BUILD)/loader/policy/,parse.o spd.o spd_store.o spd_empty.o spd_counters.o)
$(SAS_BENCH): %: %.o $(BPF_TEST_OBJ) $(SAS_BENCH_OBJ) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcmocka -lxdp -lbpf -levent_core -lcjson -lcap-ng

$(BPF_TESTS:=.o) $(BPF_TEST_OBJ) $(SAS_BENCH).o: $(SKELETONS)
$(BPF_TESTS:=.o) $(BPF_TEST_OBJ): ALL_CFLAGS += -iquote tests
$(SAS_BENCH).o: ALL_CFLAGS += -iquote tests -iquote ike -iquote loader
$(SHARED_TESTS:=.o): ALL_CFLAGS += -iquote tests
$(MISBEHAVE_OBJ) $(BUILD)/tests/misbehave/iked.o: ALL_CFLAGS += -iquote tests -iquote ike
$(BUILD)/tests/misbehave/worker.o: ALL_CFLAGS += -iquote tests -iquote worker
$(LOADER_TESTS:=.o): ALL_CFLAGS += -iquote tests -iquote loader
$(WORKER_TESTS:=.o) $(BENCHES:=.o) $(CABLE_OBJ) $(BARE_OBJ): ALL_CFLAGS += -iquote tests -iquote worker
$(IKE_TESTS:=.o) $(IKE_BENCH:=.o) $(IKE_TEST_OBJ) $(IKE_LIFE_OBJ): ALL_CFLAGS += -iquote tests -iquote ike -iquote tests/ike

run_each = @set -e; for t in $(1); do printf '== %s\n' "$$t"; $(RUN) "$$t"; done

.PHONY: $(IKE_TESTS:=.run) $(BPF_TESTS:=.run)
# Those of IKE live by a clock of their own and have no threads, those of the BPF programs wait for nobody: they run beside each
# other, and no other beside them.
$(IKE_TESTS:=.run) $(BPF_TESTS:=.run): %.run: %
	@printf '== %s\n' $<; $(RUN) $<

unit: $(SHARED_TESTS) $(WORKER_TESTS) $(IKE_TESTS:=.run) $(LOADER_TESTS)
	$(call run_each,$(filter-out %.run,$^))

# The same, with the memory and undefined-behaviour sanitizers, and what fuzzing has found worth keeping;
# -g1 has the lines that they tell of.
unit-sanitized:
	@find $(BUILD)/sanitized -name '*.gcda' -delete 2>/dev/null || true
	$(MAKE) unit replay BUILD=$(BUILD)/sanitized LTO= COUNTED=1 LDFLAGS='-fsanitize=address,undefined' \
		CFLAGS='-O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -U_FORTIFY_SOURCE'

# How many lines of what parses these have run; fails below 90 %.
coverage: unit-sanitized
	tests/coverage $(BUILD)/sanitized

# Those with threads in them, under ThreadSanitizer. It does not know fences, and the compiler says so of the one that
# turn_begin() has: what is on either side of that is atomic by itself, so nothing is reported for it. It sees what
# memcpy() does where that is called, not where the compiler writes it out.
THREADED := $(addprefix worker/test_,handoff inbound ip_id lane ports sa_lock seq) maps/test_slots
tsan:
	$(MAKE) threaded BUILD=$(BUILD)/tsan LTO= LDFLAGS='-fsanitize=thread' \
		CFLAGS='-O1 -g1 -fsanitize=thread -fno-builtin -Wno-tsan -Wno-maybe-uninitialized -U_FORTIFY_SOURCE'

# That keys are wiped where they end: by the sources, by the programs, and by what clang makes of the same sources.
WIPED := $(addprefix $(BUILD)/wiped/,$(addsuffix .o,$(basename $(shell awk '!/^\#/ && $$3 > 0 { print $$1 }' tests/wipes | sort -u))))
wiped: all $(WIPED)
	tests/wiped $(BUILD) $(WIPED)

$(BUILD)/wiped/%.o: %.c Makefile | $(SKELETONS)
	@mkdir -p $(@D)
	$(call say,CC,$<) $(CLANG) $(ALL_CFLAGS) -iquote $(firstword $(subst /, ,$<)) -I$(BUILD)/bpf -MMD -MP -c -o $@ $<

threaded: $(addprefix $(BUILD)/tests/unit/,$(THREADED))
	$(call run_each,$^)

bpf-test: $(BPF_TESTS:=.run)

# Leases, slots and the replay window, in every order of steps (spin).
model:
	NOT_TESTED=$(NOT_TESTED) tests/model/check $(BUILD) all

# Processes killed at any instant under traffic, and each packet on the wire looked at: no nonce twice, none taken twice, none in
# clear. From 4,000 kills on it is an error, too, if numbers have not gone past 2^32 and to the last one, no slot was used again, or a
# lane had nothing to do. SEED= for the kills of an earlier run, which has printed it; in the same order, not at the same instants.
KILLS ?= 10000
kills: need-deps
	$(MAKE) -j$(JOBS) all $(RECORDER) $(IMPATIENT)
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests BUILD=$(BUILD) /usr/bin/python3 tests/kills/kills $(KILLS) $(SEED)

# What lanes share, or hand each other, is in these: they run once more with two, and NICs of two queues.
WITH_LANES := $(addprefix tests/e2e/test_,fragments.py inbound.py)
# The cable of some of these: it loses, doubles and delays (lib/beds/middle.py).
MIDDLE := $(BUILD)/tests/lib/middle
$(MIDDLE): $(MIDDLE).o
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $<

# A clock that some of them set.
WRONG_CLOCK := $(BUILD)/tests/lib/wrong_clock.so
$(WRONG_CLOCK:.so=.o): ALL_CFLAGS += -fPIC -fno-lto
$(WRONG_CLOCK): $(WRONG_CLOCK:.so=.o)
	$(call say,LINK,$@) $(CC) -shared -Wl,-z,relro,-z,now -o $@ $<

E2E_HELPERS := $(CABLE_WORKER) $(MIDDLE) $(WRONG_CLOCK)
# Those of how fast something is, at the end and alone.
e2e: all $(E2E_HELPERS) $(FLOOD) $(MISBEHAVING) $(RECORDER) $(IMPATIENT)
	$(call beside,LANES=1,$(SIDE_BY_SIDE),-m 'not alone' tests/e2e)
	$(call beside,LANES=2,$(SIDE_BY_SIDE),-m 'not alone' $(WITH_LANES))
	BUILD=$(BUILD) $(PYTEST) -rs -m alone tests/e2e

# Faults at random, rekeys every few seconds, and what must hold all the while. Its seed is of chance, and printed.
MINUTES ?= 5
soak: all $(MIDDLE)
	BUILD=$(BUILD) PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests /usr/bin/python3 -m soak --minutes $(MINUTES) $(addprefix --seed ,$(SEED))

# It conflicts with strongSwan's packages and is not installed: what apt would install for it is fetched and unpacked.
LIBRESWAN := $(BUILD)/libreswan
libreswan: $(LIBRESWAN)
$(LIBRESWAN):
	rm -rf $@.part && mkdir -p $@.part/debs/partial
	apt-get install -y --download-only --no-install-recommends -o Dir::Cache::archives=$(abspath $@.part)/debs libreswan
	set -e; for deb in $@.part/debs/*.deb; do dpkg-deb -x $$deb $@.part; done
	rm -r $@.part/debs && mv $@.part $@

# Of Debian's prometheus this one program is wanted, and not the service that the package starts.
PROMTOOL := $(BUILD)/prometheus
promtool: $(PROMTOOL)
$(PROMTOOL):
	rm -rf $@.part && mkdir -p $@.part
	cd $@.part && apt-get download prometheus && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb usr/bin/prometheus
	mv $@.part $@

# Two files of them: a guest is busy with being one.
interop: all
	$(call beside,,$(if $(SIDE_BY_SIDE),-n 2 --dist loadfile),tests/interop)

# $(call where_had,PROGRAM...,TARGET): what cannot be had is told in the end, and nothing fails.
where_had = @lacking=; for p in $(1); do command -v $$p >/dev/null || lacking="$$lacking $$p"; done; \
	if [ -z "$$lacking" ]; then $(MAKE) $(2); else printf '1\t%s\n' "not installed:$$lacking" >>$(NOT_TESTED); fi

check: need-deps
	tests/layout
	$(MAKE) check-deps
	@rm -f $(NOT_TESTED) $(SECOND)
	$(MAKE) -j$(JOBS) all
	$(call where_had,cppcheck,cppcheck)
	$(call where_had,clang-tidy,-j$(JOBS) -O tidy)
	$(MAKE) -j$(JOBS) -O analyzer
	$(MAKE) -j$(JOBS) -O unit
	$(MAKE) -j$(JOBS) wiped
	$(MAKE) -j$(JOBS) -O coverage
	$(MAKE) -j$(JOBS) tsan
	$(if $(filter aarch64,$(ARCH)),,$(call where_had,$(ARM64_NEEDS),-j$(JOBS) -O arm64-check))
	$(MAKE) -j$(JOBS) -O bpf-test
	NOT_TESTED=$(NOT_TESTED) tests/model/check $(BUILD)
	$(MAKE) e2e
	$(MAKE) interop
	@/usr/bin/python3 tests/not_tested.py $(NOT_TESTED) $(SECOND)

# What takes longer than one waits for before a change goes in: longer paths of the sources, the unit tests by valgrind, the
# end-to-end suite with two lanes, and with sanitizers, all of the model, ten thousand kills, a soak, a while of fuzzing, and arm64.
# Each goes on behind one that fails, which is told at the end.
FAILED := $(BUILD)/failed
stage = @{ $(subst @,,$(1)); } || echo '$(2)' >>$(FAILED)
check-long: need-deps
	$(MAKE) check-deps
	@rm -f $(NOT_TESTED) $(SECOND) $(FAILED)
	$(MAKE) -j$(JOBS) all $(E2E_HELPERS) $(FLOOD) $(MISBEHAVING) $(RECORDER) $(IMPATIENT)
	$(call stage,$(call where_had,clang-tidy,-j$(JOBS) -O tidy TIDY_STEPS=$(TIDY_STEPS_LONG)),clang-tidy)
	$(call stage,$(call where_had,valgrind,-j$(JOBS) -O valgrind),valgrind)
	$(call stage,$(call beside,LANES=2,$(SIDE_BY_SIDE),-m 'not alone' tests/e2e),e2e with two lanes)
	$(call stage,$(MAKE) e2e-sanitized,e2e-sanitized)
	$(call stage,$(MAKE) e2e-tsan,e2e-tsan)
	$(call stage,$(MAKE) model,model)
	$(call stage,$(MAKE) kills,kills)
	$(call stage,$(MAKE) soak,soak)
	$(call stage,$(MAKE) fuzz,fuzz)
	$(call stage,$(call where_had,$(ARM64_NEEDS),-j$(JOBS) -O arm64-unit),arm64-unit)
	@/usr/bin/python3 tests/not_tested.py $(NOT_TESTED) $(SECOND)
	@! sed 's/^/FAILED: /' $(FAILED) 2>/dev/null | grep .

include tests/analysis.mk tests/arm64.mk tests/sanitized.mk

demo: need-deps
	$(MAKE) -j$(JOBS) all
	BUILD=$(BUILD) tests/demo

# Each fuzz_NAME.c of tests/fuzz/PROGRAM/ is a target of libFuzzer, beginning with what is kept of it in tests/fuzz/corpus/. What
# it finds stays in $(BUILD)/fuzz/corpus/ for the next time.
FUZZ_SECONDS ?= 30
FUZZERS := $(call tests_in,tests/fuzz/*/fuzz_*.c)
REPLAYS := $(patsubst %,$(BUILD)/tests/fuzz/%/replay,worker ike loader)
FUZZ    := $(BUILD)/tests/fuzz/fuzz.o
CORPUS  := tests/fuzz/corpus
in_folder = $(filter $(BUILD)/tests/fuzz/$(1)/%,$(FUZZERS))
in_order  = $(filter %.o,$(1)) $(filter %.a,$(1))
# What the fuzzers of a program share.
FUZZ_IKE_OWN := $(addprefix $(BUILD)/tests/fuzz/ike/,scene.o no_sandbox.o)
FUZZ_IKE_OBJ := $(FUZZ_IKE_OWN) $(IKE_TEST_OBJ)

$(call in_folder,worker) $(BUILD)/tests/fuzz/worker/replay: $(call but_main,$(WORKER_OBJ))
$(call in_folder,ike) $(BUILD)/tests/fuzz/ike/replay: $(FUZZ_IKE_OBJ) $(call but_main,$(IKE_OBJ))
$(call in_folder,loader) $(BUILD)/tests/fuzz/loader/replay: $(call but_main,$(LOADER_OBJ))

$(FUZZERS): %: %.o $(FUZZ) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $(call in_order,$^) $(FUZZ_LIBS)

$(foreach p,worker ike loader,$(eval $(BUILD)/tests/fuzz/$(p)/replay: $(addsuffix .o,$(call in_folder,$(p)))))
$(REPLAYS): $(BUILD)/tests/fuzz/replay.o $(FUZZ) $(SHARED)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(call in_order,$^) $(FUZZ_LIBS)

$(call in_folder,worker) $(BUILD)/tests/fuzz/worker/replay: FUZZ_LIBS = -lcmocka $(WORKER_LIBS)
$(call in_folder,ike) $(BUILD)/tests/fuzz/ike/replay: FUZZ_LIBS = $(IKE_LIBS)
$(call in_folder,loader) $(BUILD)/tests/fuzz/loader/replay: FUZZ_LIBS = $(LOADER_LIBS)

$(call in_folder,ike) $(BUILD)/tests/fuzz/ike/replay: ALL_LDFLAGS += \
	$(foreach f,dh_generate dh_derive dh_free sandbox_enter,-Wl$(comma)--wrap=$(f))

$(FUZZERS:=.o) $(FUZZ) $(FUZZ_IKE_OWN) $(BUILD)/tests/fuzz/replay.o: ALL_CFLAGS += -iquote tests -iquote tests/fuzz
$(addsuffix .o,$(call in_folder,worker)): ALL_CFLAGS += -iquote worker -iquote tests/unit/worker
$(addsuffix .o,$(call in_folder,ike)) $(FUZZ_IKE_OWN): ALL_CFLAGS += -iquote ike -iquote tests/ike
$(addsuffix .o,$(call in_folder,loader)): ALL_CFLAGS += -iquote loader

# Lines are counted in what parses (tests/parsers), and in fuzzers for the headers among it.
ifdef COUNTED
PARSERS := $(shell sed '/^\#/d; /\.c$$/!d' tests/parsers)
$(call objects,$(PARSERS)) $(addsuffix .o,$(call in_folder,worker)) $(BUILD)/tests/unit/lib/test_json.o: ALL_CFLAGS += --coverage
ALL_LDFLAGS += --coverage
# Not beside tests of what takes how long.
replay: | unit
endif

# What is kept of them, once more.
replay: $(REPLAYS)
	@set -e; for r in $^; do printf '== %s\n' "$$r"; $$r $(CORPUS); done

fuzzers: $(FUZZERS) $(REPLAYS)
	tests/fuzz/fuzz $(BUILD) $(FUZZ_SECONDS) $(notdir $(FUZZERS))

# The corpora anew: of all that they and earlier runs have found, the least that reaches as much.
corpora: $(FUZZERS) $(REPLAYS)
	tests/fuzz/merge $(BUILD) $(CORPUS) $(FUZZERS)

# Its seeds are of chance, and printed.
life: $(IKE_LIFE)
	$< --seconds $(FUZZ_SECONDS)

FUZZED = BUILD=$(BUILD)/fuzz CC=$(CLANG) LDFLAGS='-fsanitize=address,undefined' \
	CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -U_FORTIFY_SOURCE'

fuzz: need-deps
	$(MAKE) fuzzers life $(FUZZED)
	$(MAKE) reference

# The BPF programs against a plain reading of what they should decide: seeds of chance, which are printed (root).
reference: $(BUILD)/tests/bpf/test_reference
	$< --seconds $(FUZZ_SECONDS)

fuzz-corpora: need-deps
	$(MAKE) corpora $(FUZZED)

bench: need-deps bench-deps
	$(MAKE) all $(BENCHES) $(IKE_BENCH) $(SAS_BENCH) $(CABLE_WORKER) $(BARE_WORKERS)
	BUILD=$(BUILD) tests/bench/bench $(BENCH_ARGS)

bench-floods: need-deps
	$(MAKE) all $(FLOOD) $(addprefix $(BUILD)/tests/bench/udp_,send recv)
	BUILD=$(BUILD) tests/bench/floods.py $(FLOODS_ARGS)

# Tables and charts of docs/performance.md, from what 'make bench' has left, and that of docs/security.md, from 'make bench-floods'.
BENCH_JSON ?= $(BUILD)/bench.json
FLOODS_JSON ?= $(BUILD)/floods.json
bench-docs:
	tests/bench/document $(wildcard $(BENCH_JSON) $(FLOODS_JSON))

# ---- installing ----

install: all
	install -D -m755 $(BUILD)/xdp-ipsec $(DESTDIR)$(PREFIX)/sbin/xdp-ipsec
	install -D -m755 $(BUILD)/xdp-ipsec-worker $(DESTDIR)$(PREFIX)/libexec/xdp-ipsec/xdp-ipsec-worker
	install -D -m755 $(BUILD)/xdp-ipsec-iked $(DESTDIR)$(PREFIX)/libexec/xdp-ipsec/xdp-ipsec-iked
	install -D -m755 packaging/end-daemons $(DESTDIR)$(PREFIX)/libexec/xdp-ipsec/end-daemons
	install -D -m644 docs/prometheus/xdp-ipsec.rules.yml $(DESTDIR)$(PREFIX)/share/xdp-ipsec/prometheus/xdp-ipsec.rules.yml
	install -D -m644 docs/grafana/xdp-ipsec.json $(DESTDIR)$(PREFIX)/share/xdp-ipsec/grafana/xdp-ipsec.json
	install -D -m644 docs/status.schema.json $(DESTDIR)$(PREFIX)/share/xdp-ipsec/status.schema.json
	install -d -m700 $(DESTDIR)$(CONFDIR)
	set -e; for page in docs/*.[1-9]; do install -D -m644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page#docs/}; done
	packaging/systemd/make-units $(DESTDIR)$(UNITDIR) $(PREFIX)/sbin $(CONFDIR)
	install -D -m644 packaging/sysusers.d/xdp-ipsec.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/xdp-ipsec.conf
	install -D -m644 packaging/tmpfiles.d/xdp-ipsec.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/xdp-ipsec.conf
	install -D -m644 packaging/completion/xdp-ipsec.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/xdp-ipsec
	install -D -m644 packaging/completion/_xdp-ipsec $(DESTDIR)$(ZSHDIR)/_xdp-ipsec
	install -d $(DESTDIR)$(PREFIX)/share/doc/xdp-ipsec/examples
	install -m644 packaging/examples/*.conf $(DESTDIR)$(PREFIX)/share/doc/xdp-ipsec/examples

# A package of Debian's, $(BUILD)/xdp-ipsec_VERSION_ARCH.deb; VERSION= for another than that of packaging/deb/changelog.
deb: all
	rm -rf $(BUILD)/deb
	$(MAKE) install DESTDIR=$(BUILD)/deb PREFIX=/usr UNITDIR=/lib/systemd/system ZSHDIR=/usr/share/zsh/vendor-completions
	packaging/deb/make-deb $(BUILD)/deb $(BUILD) $(VERSION)

# The package in bare Debian trees, with systemd and without: installed, upgraded, removed, purged. Debian's archive is needed,
# debootstrap, and root; the tree stays in TREE for the next time.
TREE = $(BUILD)/tree
deb-tree:
	$(MAKE) deb VERSION=0.0.1
	$(MAKE) deb VERSION=0.0.2
	set -e; for with in "systemd bash-completion" ""; do \
		WITH="$$with" tests/packaging/deb-tree $(TREE) $(BUILD)/xdp-ipsec_0.0.1_*.deb $(BUILD)/xdp-ipsec_0.0.2_*.deb; \
	done

clean:
	rm -rf $(BUILD)

# Not of the trees that others' packages are unpacked in: there such a name is a program's, or anything's.
-include $(shell find $(BUILD) \( -path $(TREE) -o -path $(LIBRESWAN) -o -path $(PROMTOOL) -o -path $(BUILD)/deb -o -name sysroot \) -prune -o \
	-name '*.d' -type f -print 2>/dev/null)
