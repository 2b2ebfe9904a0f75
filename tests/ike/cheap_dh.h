/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_IKE_CHEAP_DH_H
#define TESTS_IKE_CHEAP_DH_H

/* The same private values once more, from the first. */
void cheap_dh_again(void);

#endif
