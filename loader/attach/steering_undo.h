/* SPDX-License-Identifier: BSD-2-Clause */
/* Putting a NIC's receive side back as it was before steering.h changed it, whoever has changed it and is dead. */
#ifndef LOADER_ATTACH_STEERING_UNDO_H
#define LOADER_ATTACH_STEERING_UNDO_H

/* Puts back what the record in run_dir says of the NIC that is attached as dev, whatever it is called now. What
 * somebody has changed since stays as it is; what the driver refuses is logged, and tried again the next time. */
void steering_undo(const char *run_dir, const char *dev);

#endif
