/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A walk over the table of connections. Who includes this has defined note_socket, which notes one in the array chain
 * and gives the next node, and count_part, which counts PART of what was noted; CHAIN_PARTS is how many parts it has;
 * and take_single, which does all of it where it finds a chain of one socket, as most are, and says whether it did.
 */
#ifndef NETLENS_ESTABLISHED_H
#define NETLENS_ESTABLISHED_H

#include "walk.h"

__noinline __u64 note_part(__u64 node, __u32 at)
{
	struct socket_walk *walk = get_walk();

	if (!walk)
		return 0;
	for (__u32 i = 0; i < PART; i++) {
		if (!is_node(node))
			break;
		node = note_socket(node, at + i);
		walk->noted++;
	}
	return node;
}

/* False: torn, or longer than there is room. */
__noinline int note_chain(__u64 node, __u32 bucket)
{
	struct socket_walk *walk = get_walk();

	if (!walk)
		return false;
	walk->noted = 0;
	for (__u32 i = 0; i < CHAIN_PARTS; i++) {
		if (!is_node(node))
			break;
		node = note_part(node, i * PART);
	}
	return (node & 1) && node >> 1 == bucket;
}

__noinline int walk_chain(__u64 address, __u32 bucket)
{
	struct socket_walk *walk = get_walk();

	if (!walk || take_single(walk, address, bucket))
		return 0;
	for (int i = 0; i < ATTEMPTS; i++) {
		__u64 first = word_at(address);

		if (note_chain(first, bucket) && word_at(address) == first) {
			walk->sockets += walk->noted;
			for (__u32 part = 0; part < CHAIN_PARTS; part++) {
				if (part * PART >= walk->noted)
					break;
				count_part(part * PART);
			}
			return 0;
		}
		walk->repeated++;
	}
	walk->torn++;
	return 0;
}

/* Eight buckets, most of them empty most of the time. */
static __always_inline bool are_empty(const __u64 *first)
{
	return first[0] & first[1] & first[2] & first[3] & first[4] & first[5] & first[6] & first[7] & 1;
}

__noinline int walk_chunk(void)
{
	struct socket_walk *walk = get_walk();
	struct heads *heads = get_heads();
	__u64 address;

	if (!walk || !heads)
		return false;
	address = walk->table + (__u64)walk->next * sizeof(__u64);
	if (bpf_probe_read_kernel(heads, CHUNK * sizeof(__u64), (const void *)address))
		walk->torn++;
	for (__u32 i = 0; i < CHUNK; i++) {
		if (!(i % 8) && are_empty(&heads->first[i])) {
			i += 7;
			continue;
		}
		if (!is_node(heads->first[i]) || walk->next + i >= walk->buckets)
			continue;
		walk_chain(address + i * sizeof(__u64), walk->next + i);
		if (walk->sockets >= walk->until) {
			walk->next += i + 1;
			return false;
		}
	}
	walk->next += CHUNK;
	return true;
}

static __always_inline int walk_connections(void)
{
	struct socket_walk *walk = get_walk();

	if (!walk || bpf_core_type_size(struct inet_ehash_bucket) != sizeof(__u64))
		return 1;
	begin_run(walk);
	for (int i = 0; i < CHUNKS; i++) {
		if (walk->next >= walk->buckets || !walk_chunk())
			break;
	}
	return 0;
}

#endif
