/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands and words that ipsec(8), swanctl, wg, ip xfrm and systemctl have, and what to type here. */
#ifndef LOADER_COMMAND_FOREIGN_COMMANDS_H
#define LOADER_COMMAND_FOREIGN_COMMANDS_H

/* What to type in place of a command, by its first word; NULL: nobody has such a one. */
const char *foreign_command(const char *typed);

/* The same of a word behind the command of that name. */
const char *foreign_argument(const char *command, const char *typed);

#endif
