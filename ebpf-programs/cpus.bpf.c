// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// The offset of a CPU that is not in use now, and may have counted before: no program can be run there. It needs
// bpf_map_lookup_percpu_elem (5.18), so that it is an object of its own.
#include "offset.h"

/* ctx[0]: which one. */
SEC("raw_tp")
int find_offset_of(__u64 *ctx)
{
	__u32 zero = 0;

	return tell_offset(bpf_map_lookup_percpu_elem(&marker, &zero, ctx[0]));
}
