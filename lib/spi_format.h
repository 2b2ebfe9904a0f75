/* SPDX-License-Identifier: BSD-2-Clause */
/* An SPI of ESP as people read it, everywhere: for printf, of 32 bits. */
#ifndef LIB_SPI_FORMAT_H
#define LIB_SPI_FORMAT_H

#define SPI_FORMAT "0x%08x"

#endif
