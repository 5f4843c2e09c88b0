/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What waits in a TCP socket, since when, and for whom: one place per socket. */
#ifndef NETLENS_WAITING_H
#define NETLENS_WAITING_H

#include "flow.h"
#include "maps.h"

#define TCP_NAGLE_CORK 2 /* include/net/tcp.h */
#define TCP_CHRONO_RWND_LIMITED 2 /* include/linux/tcp.h */

enum direction {
	DIRECTION_READ, /* data ready -> read */
	DIRECTION_WRITE, /* written -> sent for the first time */
};

enum role {
	ROLE_CONNECTED, /* the socket has connected */
	ROLE_ACCEPTED, /* a listener's */
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int owned;
} socket_lock_t;

struct sock_common___waiting {
	unsigned int skc_hash;
};

struct sock___waiting {
	socket_lock_t sk_lock;
	__u16 sk_protocol;
	__u32 sk_max_ack_backlog;
};

struct tcp_sock {
	__u32 copied_seq;
	__u32 rcv_nxt;
	__u32 write_seq;
	__u32 snd_nxt;
	__u8 chrono_type : 2; /* 6.13: a byte */
	__u8 nonagle : 4;
};

struct msghdr {
	unsigned int msg_flags;
};

struct sk_buff___waiting {
	__u16 transport_header;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct task_struct___waiting {
	struct css_set *cgroups;
};

#pragma clang attribute pop

struct socketlatency_key {
	__u32 netns;
	__u32 netns_cookie;
	__u8 direction;
	__u8 role;
	__u8 rootless;
	__u8 pad;
};

struct waiting {
	__u64 ready; /* since when the oldest data wait to be read; 0: none are known to */
	__u64 written; /* since when the first unsent byte waits; 0: none is known to */
	__u64 writer; /* struct task_struct *, good as long as it still has the thread id of writer_id */
	__u64 writer_id;
	__u32 unread; /* sequence number of the first byte that nobody has read */
	__u32 unsent; /* of the first that was not sent */
	__u32 hash; /* of both ends: another one is another socket at the same address */
	__u8 read_on; /* those that wait to be read were left by a read */
	__u8 send_on; /* that byte was not the first of its write */
	__u8 pad[2];
	struct socketlatency_key key; /* all but the direction; netns 0: not known yet */
};

/*
 * With the socket itself, where programs may keep something there and the kernel knows its type: dies with it. Else by
 * its address; those of namespaces that any user can make push out each other only.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct waiting);
} kept SEC(".maps");
MAP(sockets, BPF_MAP_TYPE_LRU_HASH, 16384, __u64, struct waiting);
MAP(rootless_sockets, BPF_MAP_TYPE_LRU_HASH, 4096, __u64, struct waiting);

/* NULL: no TCP socket, or not a whole one. */
static __always_inline const struct tcp_sock *tcp_of(const struct sock *sk, bool typed)
{
	if (typed)
		return bpf_skc_to_tcp_sock((void *)sk);
	if (BPF_CORE_READ((const struct sock___waiting *)sk, sk_protocol) != IPPROTO_TCP || family_of_sock(sk) < 0)
		return NULL;
	return (const void *)sk;
}

static __always_inline __u8 state_of(const struct tcp_sock *tp, bool typed)
{
	const struct sock *sk = (const void *)tp;

	return GET(typed, sk, __sk_common.skc_state);
}

/* Somebody works on it, and that is the task that runs: a timer or packet that interrupted it would not hold it. */
static __always_inline bool is_held(const struct sock *sk)
{
	return BPF_CORE_READ((const struct sock___waiting *)sk, sk_lock.owned);
}

/* By the kernel's own account (tcp_chrono_start), which it closes after it has sent. */
static __always_inline bool is_held_by_window(const struct tcp_sock *tp)
{
	return BPF_CORE_READ_BITFIELD_PROBED(tp, chrono_type) == TCP_CHRONO_RWND_LIMITED;
}

static __always_inline bool is_corked(const struct tcp_sock *tp, bool typed)
{
	return (typed ? BPF_CORE_READ_BITFIELD(tp, nonagle) : BPF_CORE_READ_BITFIELD_PROBED(tp, nonagle)) &
	       TCP_NAGLE_CORK;
}

/* A listener gives its limit to each socket that it makes, and who connects has none. */
static __always_inline enum role role_of(const struct sock *sk)
{
	return BPF_CORE_READ((const struct sock___waiting *)sk, sk_max_ack_backlog) ? ROLE_ACCEPTED : ROLE_CONNECTED;
}

static __always_inline void name_namespace(struct socketlatency_key *key, const struct sock *sk)
{
	struct netns ns = netns_of_sock(sk);

	key->netns = ns.inum;
	key->netns_cookie = ns.cookie;
	key->rootless = ns.rootless;
}

/* Once per socket. False: of no namespace. */
static __always_inline bool begin_waiting(struct waiting *waiting, const struct sock *sk)
{
	name_namespace(&waiting->key, sk);
	waiting->key.role = role_of(sk);
	return waiting->key.netns != 0;
}

static __always_inline struct waiting *waiting_with(struct sock *sk, bool create)
{
	struct waiting *waiting = bpf_sk_storage_get(&kept, sk, NULL, create ? BPF_SK_STORAGE_GET_F_CREATE : 0);

	if (create && waiting && !waiting->key.netns && !begin_waiting(waiting, sk))
		return NULL;
	return waiting;
}

static __always_inline struct waiting *waiting_at(const struct sock *sk, bool create)
{
	__u32 hash = BPF_CORE_READ((const struct sock_common___waiting *)sk, skc_hash);
	struct waiting *waiting, fresh = { .hash = hash };
	__u64 key = (__u64)sk;

	waiting = bpf_map_lookup_elem(&sockets, &key) ?: bpf_map_lookup_elem(&rootless_sockets, &key);
	if (waiting && waiting->hash == hash)
		return waiting;
	if (waiting) {
		if (bpf_map_delete_elem(&sockets, &key))
			bpf_map_delete_elem(&rootless_sockets, &key);
	}
	if (!create)
		return NULL;
	if (!begin_waiting(&fresh, sk))
		return NULL;
	if (!fresh.key.rootless) {
		bpf_map_update_elem(&sockets, &key, &fresh, BPF_ANY);
		return bpf_map_lookup_elem(&sockets, &key);
	}
	bpf_map_update_elem(&rootless_sockets, &key, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&rootless_sockets, &key);
}

/* Its place; NULL where it has none, or there is no room. */
static __always_inline struct waiting *waiting_of(struct sock *sk, bool typed, bool create)
{
	return typed ? waiting_with(sk, create) : waiting_at(sk, create);
}

/* Root may have vouched for the namespace since. */
static __always_inline struct socketlatency_key key_of(const struct waiting *waiting, const struct sock *sk,
						       enum direction direction)
{
	struct socketlatency_key key = waiting->key;

	if (key.rootless)
		name_namespace(&key, sk);
	key.direction = direction;
	return key;
}

static __always_inline void fill_writer(struct event_head *head, const struct waiting *waiting)
{
	const struct task_struct *task = (const void *)waiting->writer;

	head->pid = waiting->writer_id >> 32;
	head->tid = (__u32)waiting->writer_id;
	/* Its memory may be another thread's by now. */
	if ((__u32)BPF_CORE_READ(task, pid) != head->tid)
		return;
	BPF_CORE_READ_INTO(&head->comm, task, comm);
	head->cgroup = BPF_CORE_READ((const struct task_struct___waiting *)task, cgroups, dfl_cgrp, kn, id);
}

/* Sequence numbers of a TCP segment's data as its header has them; false: it has none. */
static __always_inline bool data_of(const struct sk_buff *skb, __u32 *begin, __u32 *end, bool typed)
{
	const struct sk_buff___waiting *more = (const void *)skb;
	unsigned char *header = GET(typed, skb, head) + GET(typed, more, transport_header);
	unsigned char *tail = GET(typed, skb, data) + GET(typed, skb, len);
	__u32 words[4] = {};
	long length;

	if (bpf_probe_read_kernel(words, sizeof(words), header))
		return false;
	/* The length of the header is in the first four bits of the fourth word. */
	length = tail - header - (bpf_ntohl(words[3]) >> 28) * 4;
	if (length <= 0)
		return false;
	*begin = bpf_ntohl(words[1]);
	*end = *begin + (__u32)length;
	return true;
}

#endif
