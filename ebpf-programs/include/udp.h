/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The walk of a table of UDP sockets, by local port: sockets, queues and drops of each namespace, and a record of each
 * socket that has a queue or dropped something. Chains are plain lists; that one was whole, the kernel's count of it
 * tells.
 */
#ifndef NETLENS_UDP_H
#define NETLENS_UDP_H

#include "sockets.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct udp_hslot {
	struct hlist_nulls_head head; /* a plain list's */
	int count;
};

struct udp_table {
	struct udp_hslot *hash;
	unsigned int mask;
};

struct udp_sock {
	int forward_deficit;
};

#pragma clang attribute pop

/* Mirrored by UdpTotals in C#. */
struct udp_totals {
	__u64 receive;
	__u64 send;
	__u64 drops;
	__u32 sockets;
	__u32 pass;
};

struct noted_udp {
	__u64 socket;
	__u32 slot;
	__u32 receive;
	__u32 send;
	__u32 drops;
};

SHARED(udp, 256, struct udp_totals); /* by slot */
MAP(udp_chain, BPF_MAP_TYPE_ARRAY, PART *PARTS, __u32, struct noted_udp);

/* As sock_diag tells them (udp_rqueue_get, sk_wmem_alloc_get). */
static __always_inline void note_datagrams(struct noted_udp *noted, const struct sock_common *sk)
{
	const struct udp_sock *up = (const void *)sk;
	const struct sock___walk *queue = (const void *)sk;
	__s32 receive = BPF_CORE_READ(queue, sk_backlog.rmem_alloc.counter) - BPF_CORE_READ(up, forward_deficit);

	noted->socket = (__u64)sk;
	noted->slot = slot_of((__u64)BPF_CORE_READ(sk, skc_net.net));
	noted->receive = receive > 0 ? receive : 0;
	noted->send = BPF_CORE_READ(queue, sk_wmem_alloc.refs.counter) - 1;
	noted->drops = drops_of(queue);
}

__noinline __u64 note_udp_part(__u64 node, __u32 from)
{
	struct socket_walk *walk = get_walk();

	if (!walk)
		return 0;
	for (__u32 i = 0; i < PART; i++) {
		__u32 at = from + i;
		struct noted_udp *noted = bpf_map_lookup_elem(&udp_chain, &at);

		if (!noted || !is_node(node))
			break;
		note_datagrams(noted, socket_of(node));
		walk->noted++;
		node = word_at(node);
	}
	return node;
}

/* One without a queue that never dropped anything has no record. */
static __always_inline bool record_udp(struct socket_walk *walk, const struct noted_udp *noted)
{
	const struct sock_common *sk = (const void *)noted->socket;
	struct socket_record *record;

	if (!noted->receive && !noted->drops)
		return true;
	record = next_record(walk);
	if (!record)
		return false;
	fill_address(record, sk);
	record->slot = noted->slot;
	record->queue = noted->receive;
	record->limit = BPF_CORE_READ((const struct sock___walk *)sk, sk_rcvbuf);
	record->drops = noted->drops;
	walk->records++;
	return true;
}

static __always_inline void count_udp(struct udp_totals *of, const struct noted_udp *noted, __u32 pass)
{
	if (of->pass != pass) {
		__builtin_memset(of, 0, sizeof(*of));
		of->pass = pass;
	}
	of->sockets++;
	of->receive += noted->receive;
	of->send += noted->send;
	of->drops += noted->drops;
}

/* With or without counting: what is not recorded whole is walked again by the next run, and must not count twice. */
__noinline int take_udp_part(__u32 from, int counts)
{
	struct socket_walk *walk = get_walk();

	if (!walk)
		return false;
	for (__u32 i = 0; i < PART; i++) {
		__u32 at = from + i;
		struct noted_udp *noted = bpf_map_lookup_elem(&udp_chain, &at);
		struct udp_totals *of;

		if (!noted || at >= walk->noted)
			break;
		of = bpf_map_lookup_elem(&udp, &noted->slot);
		if (of && counts)
			count_udp(of, noted, walk->pass);
		else if (of && !record_udp(walk, noted))
			return false;
		else if (!of && counts)
			walk->strangers++;
	}
	return true;
}

__noinline int take_udp(int counts)
{
	struct socket_walk *walk = get_walk();

	if (!walk)
		return false;
	for (__u32 part = 0; part < PARTS; part++) {
		if (part * PART >= walk->noted)
			break;
		if (!take_udp_part(part * PART, counts))
			return false;
	}
	return true;
}

/* True: as many as the kernel says, before and after. Sockets stay what they are until a run is over. */
__noinline int note_udp_chain(__u64 slot)
{
	const struct udp_hslot *head = (const void *)slot;
	struct socket_walk *walk = get_walk();
	__u64 first = word_at((__u64)&head->head.first), node = first;
	__u32 count = (__u32)BPF_CORE_READ(head, count);

	if (!walk)
		return false;
	walk->noted = 0;
	for (__u32 i = 0; i < PARTS; i++) {
		if (!is_node(node))
			break;
		node = note_udp_part(node, i * PART);
	}
	return !node && walk->noted == count && (__u32)BPF_CORE_READ(head, count) == count &&
	       word_at((__u64)&head->head.first) == first;
}

/* False: no room for the records of all, to be gone on with by another run. */
__noinline int walk_udp_chain(__u64 slot)
{
	struct socket_walk *walk = get_walk();
	__u32 records;

	if (!walk)
		return false;
	records = walk->records;
	for (int i = 0; i < ATTEMPTS; i++) {
		if (note_udp_chain(slot)) {
			if (!take_udp(false)) {
				walk->records = records;
				return false;
			}
			take_udp(true);
			walk->sockets += walk->noted;
			return true;
		}
		walk->repeated++;
	}
	walk->torn++;
	return true;
}

#endif
