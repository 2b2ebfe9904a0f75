# SPDX-License-Identifier: BSD-2-Clause
# Another architecture: the programs for arm64, by Debian's cross compiler, and their unit tests by qemu-user. The Makefile includes it.

.PHONY: arm64 arm64-unit arm64-check arm64-sysroot unit-but-ike

ARM64         := $(BUILD)/arm64
ARM64_SYSROOT := $(ARM64)/sysroot
# What a program is linked with there, of the packages that this host builds with.
ARM64_PACKAGES = $(filter-out libclang%,$(filter lib%-dev,$(call packages_in,debian-packages,arm64)))
ARM64_PC      := $(abspath $(ARM64_SYSROOT))/usr/lib/aarch64-linux-gnu/pkgconfig
# Loaded into a test that is run; with what it calls, which not every one is linked with.
PLAYED        := $(BUILD)/tests/emulated/played.so
# Where these are, what follows can be.
ARM64_NEEDS   := aarch64-linux-gnu-gcc qemu-aarch64 $(ARM64_SYSROOT)/lib/ld-linux-aarch64.so.1
# This Makefile, with all that it makes for arm64 in a directory of its own.
FOR_ARM64 = PKG_CONFIG_PATH= PKG_CONFIG_LIBDIR=$(ARM64_PC) PKG_CONFIG_SYSROOT_DIR=$(abspath $(ARM64_SYSROOT)) $(MAKE) BUILD=$(ARM64) \
	SYSROOT=$(ARM64_SYSROOT) CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar

arm64-sysroot: $(ARM64_SYSROOT)
# Headers and libraries alone: what is there is found before the host's own by what qemu-user runs.
$(ARM64_SYSROOT): debian-packages tests/arm64/unpack
	tests/arm64/unpack $@ arm64 'lib usr/include usr/lib' $(ARM64_PACKAGES)

# The BPF programs are the same bytes, so that what the kernel's verifier and all tests say of them here is said of them there, too.
arm64: $(BPF_OBJ) | $(ARM64_SYSROOT)
	+$(FOR_ARM64) all
	@set -e; for o in $(BPF_OBJ); do cmp $$o $(ARM64)/$${o#$(BUILD)/}; done

PLAYED_THERE = $(PLAYED:$(BUILD)/%=$(ARM64)/%)
ON_ARM64 = $(FOR_ARM64) RUN='env NOT_TESTED=$(NOT_TESTED) tests/emulated/run "arm64, by qemu-user" tests/arm64/not-in-qemu-user \
	qemu-aarch64 -L $(ARM64_SYSROOT) -E LD_PRELOAD=$(PLAYED_THERE)'

arm64-unit: arm64
	+$(FOR_ARM64) $(PLAYED_THERE)
	+$(ON_ARM64) unit

# What is quickly done, for check: those of IKE take most of the time, and less of the architecture.
arm64-check: arm64
	+$(FOR_ARM64) $(PLAYED_THERE)
	+$(ON_ARM64) unit-but-ike

unit-but-ike: $(SHARED_TESTS) $(WORKER_TESTS) $(LOADER_TESTS)
	$(call run_each,$^)

$(PLAYED:.so=.o): ALL_CFLAGS += -fPIC
$(PLAYED): $(PLAYED:.so=.o)
	$(call say,LINK,$@) $(CC) $(TARGET) -shared -Wl,-z,relro,-z,now -o $@ $< -lcmocka
