/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands, each by the file that has it. They return the exit status. */
#ifndef LOADER_COMMAND_COMMANDS_H
#define LOADER_COMMAND_COMMANDS_H

#include "cli.h"
#include "lib/fault.h"

/* run_command.c */
int run_command(const struct invocation *inv);

/* gate_command.c */
int gate_command(const struct invocation *inv);

/* check_command.c */
int check_command(const struct invocation *inv);

/* events_command.c */
int events_command(const struct invocation *inv);

/* log_level_command.c */
int log_level_command(const struct invocation *inv);

/* reload_command.c */
int reload_command(const struct invocation *inv);

/* upgrade_command.c */
int upgrade_command(const struct invocation *inv);

/* nic_commands.c */
int attach_command(const struct invocation *inv);
int detach_command(const struct invocation *inv);

/* sa_commands.c */
int sa_add_command(const struct invocation *inv);
int sa_del_command(const struct invocation *inv);
int sa_flush_command(const struct invocation *inv);
int sa_list_command(const struct invocation *inv);
int sa_show_command(const struct invocation *inv);

/* policy_commands.c */
int policy_add_command(const struct invocation *inv);
int policy_del_command(const struct invocation *inv);
int policy_flush_command(const struct invocation *inv);
int policy_list_command(const struct invocation *inv);

/* connection_commands.c */
int connection_list_command(const struct invocation *inv);
int connection_order_command(const struct invocation *inv);
int connection_rekey_command(const struct invocation *inv);

/* capture_command.c */
int capture_command(const struct invocation *inv);

/* keylog_command.c */
int keylog_command(const struct invocation *inv);

/* genkey_command.c */
int genkey_command(const struct invocation *inv);

/* pki_commands.c */
int pki_ca_command(const struct invocation *inv);
int pki_host_command(const struct invocation *inv);
int pki_revoke_command(const struct invocation *inv);
int pki_crl_command(const struct invocation *inv);
int pki_show_command(const struct invocation *inv);

/* explain_command.c */
int explain_command(const struct invocation *inv);

/* status_command.c */
int status_command(const struct invocation *inv);
/* What 'status quick' tells, by docs/status.schema.json: the caller's to delete. 0, or -errno: -ENOENT if this instance
 * has no maps here. */
int status_document(const struct invocation *inv, cJSON **document, struct fault *f);

/* metrics_command.c */
int metrics_command(const struct invocation *inv);

#endif
