/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the walks over the kernel's tables of sockets share: its types, the walk, and what is told of one socket. */
#ifndef NETLENS_SOCKETS_H
#define NETLENS_SOCKETS_H

#include "walk.h"

#define MOST_RECORDS 2048 /* for user space to take between two runs */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	atomic_t refs;
} refcount_t;

struct socket {
	short type;
};

struct inode {
	unsigned long i_ino;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

/* 6.18: of UDP sockets, which leave sk_drops alone then. */
struct numa_drop_counters {
	atomic_t drops0;
	atomic_t drops1;
};

struct sock___walk {
	struct socket *sk_socket;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	int sk_rcvbuf;
	atomic_t sk_drops;
	struct numa_drop_counters *sk_drop_counters;
	refcount_t sk_wmem_alloc;
	struct {
		atomic_t rmem_alloc;
	} sk_backlog;
};

#pragma clang attribute pop

/* Mirrored by SocketRecord in C#. Address and port as the kernel has them: in network order, and not. */
struct socket_record {
	__u8 address[16];
	__u32 slot;
	__u32 inode;
	__u32 queue; /* of a listener: connections */
	__u32 limit;
	__u32 drops;
	__u32 device;
	__u16 port;
	__u16 family;
	__u32 half_open;
};

MAP(slots, BPF_MAP_TYPE_HASH, 256, __u64, __u32); /* by address of struct net; entries: set by the loader */
SHARED(records, MOST_RECORDS, struct socket_record);
/* Of a namespace without one: a number that is no index. */
static __always_inline __u32 slot_of(__u64 net)
{
	__u32 *slot = bpf_map_lookup_elem(&slots, &net);

	return slot ? *slot : ~0U;
}

static __always_inline __u32 inode_of(const struct sock___walk *sk)
{
	const struct socket *socket = BPF_CORE_READ(sk, sk_socket);
	const struct socket_alloc *both = (void *)((__u64)socket - bpf_core_field_offset(struct socket_alloc, socket));

	return socket ? BPF_CORE_READ(both, vfs_inode.i_ino) : 0;
}

/* As sk_drops_read has them (include/net/sock.h). */
static __always_inline __u32 drops_of(const struct sock___walk *sk)
{
	__u32 drops = BPF_CORE_READ(sk, sk_drops.counter);
	const struct numa_drop_counters *more;

	if (!bpf_core_field_exists(sk->sk_drop_counters))
		return drops;
	more = BPF_CORE_READ(sk, sk_drop_counters);
	return more ? drops + BPF_CORE_READ(more, drops0.counter) + BPF_CORE_READ(more, drops1.counter) : drops;
}

/* Whose it is and where it is bound. */
static __always_inline void fill_address(struct socket_record *record, const struct sock_common *sk)
{
	const struct sock_common___walk *more = (const void *)sk;

	record->family = BPF_CORE_READ(sk, skc_family);
	record->port = BPF_CORE_READ(sk, skc_num);
	record->device = BPF_CORE_READ(more, skc_bound_dev_if);
	if (record->family == AF_INET6)
		bpf_probe_read_kernel(record->address, sizeof(record->address), &sk->skc_v6_rcv_saddr);
	else
		bpf_probe_read_kernel(record->address, sizeof(__be32), &sk->skc_rcv_saddr);
	record->inode = inode_of((const void *)sk);
}

/* NULL, and said so: no room. It is taken by counting it. */
static __always_inline struct socket_record *next_record(struct socket_walk *walk)
{
	__u32 at = walk->records;
	struct socket_record *record = bpf_map_lookup_elem(&records, &at);

	if (!record)
		walk->full = true;
	return record;
}

#endif
