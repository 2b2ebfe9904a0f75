/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key log, for who looks at traffic with Wireshark: the lines that keys of ESP take in its table `esp_sa`. There is
 * one only where the configuration file says keylog = yes.
 */
#ifndef MAPS_KEYLOG_H
#define MAPS_KEYLOG_H

#include <stdint.h>

#include "vault.h"

/*
 * Of each line, its end included: blanks fill it. A disk is full at the end of a page or a block, which is a multiple
 * of this; so what there is no room for is a whole line, and those behind it can be read.
 */
#define KEYLOG_LINE 256

/* Appends the text, which is no longer than that, as a line with one write, and wipes it. 0 or -errno. */
int keylog_put(int fd, char line[KEYLOG_LINE]);

/*
 * Appends the line of an SA with one write, and wipes what it was made in. fd: -1 where no keys are logged, and then
 * nothing happens. 0 or -errno.
 */
int keylog_esp(int fd, uint32_t spi, const uint8_t src[4], const uint8_t dst[4], const uint8_t keymat[ESP_KEYMAT_SIZE]);

#endif
