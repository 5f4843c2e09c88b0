// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// The offset of a CPU that is not in use now, and may have counted before: no program can be run there. It needs
// bpf_map_lookup_percpu_elem (5.18), so that it is an object of its own.
#include "maps.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_array {
	void *pptrs[0];
};

#pragma clang attribute pop

MAP(marker, BPF_MAP_TYPE_PERCPU_ARRAY, 1, __u32, __u64);
SHARED(offset, 1, __u64);

/* As find_offset of namespaces.bpf.c does on the CPU itself. ctx[0]: which one. */
SEC("raw_tp")
int find_offset_of(__u64 *ctx)
{
	__u32 zero = 0;
	volatile __u64 *out = bpf_map_lookup_elem(&offset, &zero);
	__u64 *its = bpf_map_lookup_percpu_elem(&marker, &zero, ctx[0]);
	__u64 map, variable = 0;

	if (!out || !its)
		return 1;
	*out = (__u64)&marker;
	map = *out;
	*out = (__u64)its;
	if (bpf_probe_read_kernel(&variable, sizeof(variable),
				  (void *)(map + bpf_core_field_offset(struct bpf_array, pptrs))))
		return 1;
	*out -= variable;
	return 0;
}
