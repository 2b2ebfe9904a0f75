/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For clang-tidy and gcc's analyzer alone, which look at one source at a time: what the header of another one promises,
 * and who follows a path cannot see. Nothing that runs is compiled with it.
 */
#ifndef TESTS_CONTRACTS_H
#define TESTS_CONTRACTS_H

#include "lib/fault.h"
#if __has_include("instance/libbpf_fault.h")
#include "instance/libbpf_fault.h"
#endif

/* They return -err, and err is above 0. */
#define below_0(call) \
	({ \
		const int below_0_ = call; \
		if (below_0_ >= 0) \
			__builtin_unreachable(); \
		below_0_; \
	})
#define fault(...)	  below_0((fault)(__VA_ARGS__))
#define libbpf_fault(...) below_0((libbpf_fault)(__VA_ARGS__))

#endif
