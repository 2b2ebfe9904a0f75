# SPDX-License-Identifier: BSD-2-Clause
#
#   make           the programs, in build/
#   make demo      two hosts in namespaces, real traffic, proof from the wire   (root)
#   make check     every test                                                   (root)
#   make interop   against Linux XFRM in User Mode Linux                        (root)
#   make bench     the figures                                                  (root)
#   make deps      the Debian packages                                          (root)
#   make install DESTDIR= PREFIX=

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CLANG   ?= clang
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
ARCH    := $(shell uname -m)

PKGS := libbpf libxdp libcrypto libmnl libevent_core inih libcjson libseccomp libcap-ng
# Intel's multi-buffer library has no pkg-config file and exists for x86-64 only.
HAVE_IPSEC_MB := $(wildcard /usr/include/intel-ipsec-mb.h)

WARN   := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(WARN) $(HARDEN) $(CFLAGS) -Imaps $(if $(HAVE_IPSEC_MB),-DHAVE_IPSEC_MB) \
	$(shell pkg-config --cflags $(PKGS))
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(LDFLAGS)
MB_LIBS := $(if $(HAVE_IPSEC_MB),-lIPSec_MB)

BPF_CFLAGS := -std=gnu11 -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror -Wno-address-of-packed-member -Imaps \
	-I/usr/include/$(ARCH)-linux-gnu -D__TARGET_ARCH_$(if $(filter aarch64,$(ARCH)),arm64,x86)

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
MAPS_OBJ   := $(call objects,$(wildcard maps/*.c))
WORKER_OBJ := $(call objects,$(wildcard worker/*.c))
LOADER_OBJ := $(call objects,$(wildcard loader/*.c))
BPF_OBJ    := $(patsubst %.bpf.c,$(BUILD)/%.bpf.o,$(wildcard bpf/*.bpf.c))
SKELETONS  := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.skel.h,$(wildcard bpf/*.bpf.c))
PROGRAMS   := $(BUILD)/xdp-ipsec $(BUILD)/xdp-ipsec-worker

.PHONY: all deps need-deps clean demo check unit bpf-test e2e interop bench install format
all: $(PROGRAMS)

$(BUILD)/xdp-ipsec: $(LOADER_OBJ) $(MAPS_OBJ)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lbpf -lcrypto -lmnl -levent_core -linih -lcjson -lcap-ng

$(BUILD)/xdp-ipsec-worker: $(WORKER_OBJ) $(MAPS_OBJ)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lxdp -lbpf -lcrypto -lseccomp -lcap-ng $(MB_LIBS)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -I$(BUILD)/bpf -MMD -MP -c -o $@ $<

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $<
	llvm-strip -g $@ 2>/dev/null || $(notdir $(CLANG:clang%=llvm-strip%)) -g $@

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $(subst -,_,$*) >$@.tmp && mv $@.tmp $@

$(LOADER_OBJ): $(SKELETONS)

# ---- tests ----

# A test of FILE.c is tests/unit/test_FILE.c; it links everything of its side but the program's main.
UNIT_SRC   := $(wildcard tests/unit/test_*.c)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT_SRC))
TESTED_OBJ := $(filter-out %/main.o,$(WORKER_OBJ))

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(TESTED_OBJ) $(MAPS_OBJ)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcmocka -lxdp -lbpf -lcrypto -lseccomp -lcap-ng $(MB_LIBS)

$(BUILD)/tests/unit/%.o $(BUILD)/tests/bpf/%.o $(BUILD)/tests/bench/%.o: ALL_CFLAGS += -Iworker

unit: $(UNIT_TESTS)
	@set -e; for t in $^; do echo "== $$t"; $$t; done

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
