/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How far a CPU's copy of a per-CPU variable is from what the kernel has as its address: the same for all of them. The
 * marker is such a variable. Pointers become numbers by way of a map.
 */
#ifndef NETLENS_OFFSET_H
#define NETLENS_OFFSET_H

#include "maps.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_array {
	void *pptrs[0];
};

#pragma clang attribute pop

MAP(marker, BPF_MAP_TYPE_PERCPU_ARRAY, 1, __u32, __u64);
SHARED(offset, 1, __u64);

/* Of the CPU whose copy of the marker that is. 1: it cannot be read. */
static __always_inline int tell_offset(__u64 *copy)
{
	__u32 zero = 0;
	volatile __u64 *out = bpf_map_lookup_elem(&offset, &zero);
	__u64 map, variable = 0;

	if (!out || !copy)
		return 1;
	*out = (__u64)&marker;
	map = *out;
	*out = (__u64)copy;
	if (bpf_probe_read_kernel(&variable, sizeof(variable),
				  (void *)(map + bpf_core_field_offset(struct bpf_array, pptrs))))
		return 1;
	*out -= variable;
	return 0;
}

#endif
