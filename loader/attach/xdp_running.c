/* SPDX-License-Identifier: BSD-2-Clause */
#include "xdp_running.h"

#include <bpf/libbpf.h>

int xdp_running(int ifindex, struct xdp_running *out)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	const int err = bpf_xdp_query(ifindex, 0, &query);

	*out = (struct xdp_running){
		.program = query.drv_prog_id   ? query.drv_prog_id
			   : query.skb_prog_id ? query.skb_prog_id
					       : query.hw_prog_id,
		.mode = query.drv_prog_id   ? PORT_NATIVE
			: query.skb_prog_id ? PORT_GENERIC
					    : 0,
	};
	return err < 0 ? err : 0;
}
