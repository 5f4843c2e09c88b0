/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A walk over one of the kernel's tables of sockets: how far it is, and how chains are followed. */
#ifndef NETLENS_WALK_H
#define NETLENS_WALK_H

#include "maps.h"

#define PART 64 /* sockets that one function goes over */
#define PARTS 64
#define ATTEMPTS 8
#define CHUNK 256 /* buckets that are read at once */
#define CHUNKS 256 /* of these one run goes over at most */
#define RUN 1024 /* sockets, after which a run ends: half a millisecond */
#define LARGEST_BUCKET 64

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct hlist_nulls_node {
	struct hlist_nulls_node *next;
};

struct hlist_nulls_head {
	struct hlist_nulls_node *first;
};

/* More of struct sock_common than other programs need: libbpf ignores three underscores and what follows. */
struct sock_common___walk {
	unsigned int skc_hash;
	int skc_bound_dev_if;
	struct hlist_nulls_node skc_nulls_node;
};

struct inet_ehash_bucket {
	struct hlist_nulls_head chain;
};

struct inet_listen_hashbucket {
	struct hlist_nulls_head nulls_head; /* before 5.19 a plain list's, which ends in NULL */
};

struct inet_hashinfo {
	struct inet_ehash_bucket *ehash;
	unsigned int ehash_mask;
	unsigned int lhash2_mask;
	struct inet_listen_hashbucket *lhash2;
};

struct inet_timewait_death_row {
	struct inet_hashinfo *hashinfo;
};

struct netns_ipv4 {
	struct inet_timewait_death_row tcp_death_row;
	struct udp_table *udp_table; /* 6.2 */
};

struct net___tcp {
	struct netns_ipv4 ipv4;
};

/* 5.17 to 6.0 */
struct netns_ipv4___apart {
	struct inet_timewait_death_row *tcp_death_row;
};

struct net___apart {
	struct netns_ipv4___apart ipv4;
};

/* Anything that begins with a number of eight bytes: what a pointer is read as, for it to be one. */
struct timespec64 {
	__s64 tv_sec;
};

#pragma clang attribute pop

#ifdef DIRECT
/* 6.2. Of what it gives a field is read by an instruction instead of a call; where nothing is, as 0. */
extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym;

#define VIEW(type, at) ((const type *)bpf_rdonly_cast((const void *)(at), bpf_core_type_id_kernel(type)))
#endif

/* A walk of one table: begun by user space, taken on by each run. Mirrored by SocketWalk in C#. */
struct socket_walk {
	__u64 table;
	__u64 now; /* microseconds, by bpf_ktime_get_ns */
	__u32 buckets;
	__u32 next; /* bucket */
	__u32 pass; /* counts of an earlier one are void */
	__u32 sockets;
	__u32 strangers; /* of them: in namespaces that have no slot */
	__u32 repeated; /* chains that were walked again */
	__u32 torn; /* chains that were not to be had whole */
	__u32 records; /* that the last run made */
	__u32 noted; /* sockets of the chain at hand */
	__u32 full; /* no room for another record */
	__u32 until; /* so many sockets the run at hand goes on */
	__u32 crowded; /* listening ports that there was no room for */
	__u32 jiffies; /* now */
	__u32 second; /* in jiffies */
	__u32 ahead; /* seconds that the two clocks are set forward: for tests of long ages */
	__u32 pad;
};

struct heads {
	__u64 first[CHUNK * LARGEST_BUCKET / sizeof(__u64)];
};

SHARED(walks, 1, struct socket_walk);
ONE(buckets, BPF_MAP_TYPE_ARRAY, struct heads, get_heads)

static __always_inline struct socket_walk *get_walk(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&walks, &zero);
}

static __always_inline void begin_run(struct socket_walk *walk)
{
	walk->records = 0;
	walk->full = false;
	walk->until = walk->sockets + RUN;
	walk->now = bpf_ktime_get_ns() / 1000 + (__u64)walk->ahead * 1000000;
	walk->jiffies = bpf_jiffies64() + walk->ahead * walk->second;
}

static __always_inline __u64 word_at(__u64 address)
{
#ifdef DIRECT
	return VIEW(struct timespec64, address)->tv_sec;
#else
	__u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), (const void *)address);
	return word;
#endif
}

/* Not one of a chain's ends, which are odd, or NULL in a plain list. */
static __always_inline bool is_node(__u64 node)
{
	return node && !(node & 1);
}

/* What links a socket is in one place whichever kind of list it is in: skc_node. */
static __always_inline const struct sock_common *socket_of(__u64 node)
{
	return (void *)(node - bpf_core_field_offset(struct sock_common___walk, skc_nulls_node));
}

static __always_inline const struct inet_hashinfo *tables_of(__u64 address)
{
	const struct net___apart *apart = (const void *)address;
	const struct net___tcp *net = (const void *)address;

	if (bpf_core_field_exists(apart->ipv4.tcp_death_row))
		return BPF_CORE_READ(apart, ipv4.tcp_death_row, hashinfo);
	return BPF_CORE_READ(net, ipv4.tcp_death_row.hashinfo);
}

#endif
