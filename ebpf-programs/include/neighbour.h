/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Entries of the kernel's tables of next hops (include/net/neighbour.h). */
#ifndef NETLENS_NEIGHBOUR_H
#define NETLENS_NEIGHBOUR_H

#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define NUD_INCOMPLETE 0x01
#define NUD_FAILED 0x20
#define NUD_UNASKED 0xc0 /* NUD_NOARP, NUD_PERMANENT */
#define NUD_VALID 0xde
#define MAX_ADDR_LEN 32

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct neigh_table {
	int family;
};

struct neighbour {
	struct neigh_table *tbl;
	__u8 nud_state;
	__u8 dead;
	unsigned char ha[MAX_ADDR_LEN];
	struct net_device *dev;
	__u8 primary_key[0];
};

#pragma clang attribute pop

/* Gives the family, 4 or 6. */
static __always_inline __u8 address_of_neighbour(__u8 *address, const struct neighbour *neighbour)
{
	if (BPF_CORE_READ(neighbour, tbl, family) == AF_INET) {
		bpf_probe_read_kernel(address, 4, &neighbour->primary_key);
		return 4;
	}
	bpf_probe_read_kernel(address, 16, &neighbour->primary_key);
	return 6;
}

#endif
