// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Every TCP socket of the node from one walk of the kernel's two hash tables: run on demand, attached to nothing.
//
// A run goes over some buckets and ends early where it has met many sockets; user space runs it until the table is
// over. Nothing is locked, so a chain counts only once its end was the right one and nothing had been put in front
// meanwhile; else it is walked again. Functions that are not static are verified once, however often they are called:
// that is how loops nest on kernels without bpf_loop.
#include "maps.h"

#define PART 64 /* sockets that one function goes over */
#define PARTS 64
#define ATTEMPTS 8
#define CHUNK 256 /* buckets that are read at once */
#define CHUNKS 256 /* of these one run goes over at most */
#define RUN 1024 /* sockets, after which a run ends: half a millisecond */
#define LARGEST_BUCKET 64
#define MOST_LISTENERS 2048 /* records for user space to take between two runs */
#define LISTENING_NULLS_BASE (1U << 29) /* include/net/inet_hashtables.h */
#define LISTEN 10

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct hlist_nulls_head {
	struct hlist_nulls_node *first;
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

struct hlist_nulls_node {
	struct hlist_nulls_node *next;
};

struct hlist_node {
	struct hlist_node *next;
};

/* More of struct sock_common than other programs need: libbpf ignores three underscores and what follows. */
struct sock_common___walk {
	unsigned int skc_hash;
	int skc_bound_dev_if;
	struct hlist_nulls_node skc_nulls_node;
};

typedef struct {
	int counter;
} atomic_t;

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

struct sock___listener {
	struct socket *sk_socket;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	atomic_t sk_drops;
};

struct request_sock_queue {
	atomic_t qlen;
};

struct inet_connection_sock {
	struct request_sock_queue icsk_accept_queue;
	struct hlist_node icsk_listen_portaddr_node; /* before 5.19 what links listeners */
};

struct inet_timewait_sock {
	unsigned char tw_substate;
};

struct tcp_sock {
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 write_seq;
	__u32 snd_una;
};

#pragma clang attribute pop

/* A walk of one table: begun by user space, taken on by each run. Mirrored by SocketWalk in C#. */
struct socket_walk {
	__u64 table;
	__u32 buckets;
	__u32 next; /* bucket */
	__u32 pass; /* counts of an earlier one are void */
	__u32 sockets;
	__u32 strangers; /* of them: in namespaces that have no slot */
	__u32 repeated; /* chains that were walked again */
	__u32 torn; /* chains that were not to be had whole */
	__u32 listeners; /* records that the last run made */
	__u32 noted; /* sockets of the chain at hand */
	__u32 full; /* no room for another record */
	__u32 until; /* so many sockets the run at hand goes on */
	__u32 pad;
};

/* Where the tables of a namespace are. Mirrored by SocketTables in C#. */
struct socket_tables {
	__u64 net;
	__u64 established;
	__u64 listening;
	__u32 established_buckets;
	__u32 listening_buckets;
};

/* Mirrored by SocketTotals in C#. */
struct socket_totals {
	__u32 states[16]; /* enum tcp_state, net/tcp_states.h */
	__u64 receive;
	__u64 send;
	__u32 pass;
	__u32 pad;
};

/* Mirrored by ListenerRecord in C#. Address and port as the kernel has them: in network order, and not. */
struct listener_record {
	__u8 address[16];
	__u32 slot;
	__u32 inode;
	__u32 backlog;
	__u32 limit;
	__u32 drops;
	__u32 device;
	__u16 port;
	__u16 family;
	__u32 half_open;
};

struct noted {
	__u32 slot;
	__u32 state;
	__u32 receive;
	__u32 send;
};

struct heads {
	__u64 first[CHUNK * LARGEST_BUCKET / sizeof(__u64)];
};

MAP(slots, BPF_MAP_TYPE_HASH, 256, __u64, __u32); /* by address of struct net; entries: set by the loader */
SHARED(totals, 256, struct socket_totals); /* by slot */
SHARED(listeners, MOST_LISTENERS, struct listener_record);
SHARED(walks, 1, struct socket_walk);
SHARED(tables, 1, struct socket_tables);
MAP(chain, BPF_MAP_TYPE_ARRAY, PART *PARTS, __u32, struct noted);
ONE(buckets, BPF_MAP_TYPE_ARRAY, struct heads, get_heads)

static __always_inline struct socket_walk *get_walk(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&walks, &zero);
}

static __always_inline __u64 word_at(__u64 address)
{
	__u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), (const void *)address);
	return word;
}

/* Not one of a chain's ends, which are odd, or NULL in a plain list. */
static __always_inline bool is_node(__u64 node)
{
	return node && !(node & 1);
}

/* Of a namespace without one: a number that is no index. */
static __always_inline __u32 slot_of(const struct sock_common *sk)
{
	__u64 net = (__u64)BPF_CORE_READ(sk, skc_net.net);
	__u32 *slot = bpf_map_lookup_elem(&slots, &net);

	return slot ? *slot : ~0U;
}

/* As sock_diag tells them (tcp_diag_get_info, net/ipv4/tcp_diag.c). */
static __always_inline void note_queues(struct noted *noted, const struct tcp_sock *tp)
{
	__s32 receive = BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq);

	noted->receive = receive > 0 ? receive : 0;
	noted->send = BPF_CORE_READ(tp, write_seq) - BPF_CORE_READ(tp, snd_una);
}

/*
 * Two states have only the beginning of a socket, and no queues. A connection that ended may wait for its peer's end
 * as one of these, too; one half open has a name of its own inside the kernel.
 */
static __always_inline void note_state(struct noted *noted, const struct sock_common *sk)
{
	noted->state = BPF_CORE_READ(sk, skc_state) & 15;
	noted->receive = noted->send = 0;
	if (noted->state == TCP_TIME_WAIT)
		noted->state = BPF_CORE_READ((const struct inet_timewait_sock *)sk, tw_substate) & 15;
	else if (noted->state == TCP_NEW_SYN_RECV)
		noted->state = TCP_SYN_RECV;
	else
		note_queues(noted, (const struct tcp_sock *)sk);
}

/*
 * Gives the next node; 0 where memory of a closed socket became another's meanwhile, which changes the hash: that of
 * both ends and the namespace.
 */
__noinline __u64 note_socket(__u64 node, __u32 at)
{
	const struct sock_common *sk =
		(void *)(node - bpf_core_field_offset(struct sock_common___walk, skc_nulls_node));
	const struct sock_common___walk *link = (const void *)sk;
	struct noted *noted = bpf_map_lookup_elem(&chain, &at);
	__u32 hash = BPF_CORE_READ(link, skc_hash);
	__u64 next;

	if (!noted)
		return 0;
	noted->slot = slot_of(sk);
	note_state(noted, sk);
	next = (__u64)BPF_CORE_READ(link, skc_nulls_node.next);
	return BPF_CORE_READ(link, skc_hash) == hash ? next : 0;
}

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
	for (__u32 i = 0; i < PARTS; i++) {
		if (!is_node(node))
			break;
		node = note_part(node, i * PART);
	}
	return (node & 1) && node >> 1 == bucket;
}

__noinline int count_part(__u32 from)
{
	struct socket_walk *walk = get_walk();

	if (!walk)
		return 0;
	for (__u32 i = 0; i < PART; i++) {
		__u32 at = from + i;
		struct noted *noted = bpf_map_lookup_elem(&chain, &at);
		struct socket_totals *of;

		if (!noted || at >= walk->noted)
			break;
		of = bpf_map_lookup_elem(&totals, &noted->slot);
		if (!of) {
			walk->strangers++;
			continue;
		}
		if (of->pass != walk->pass) {
			__builtin_memset(of, 0, sizeof(*of));
			of->pass = walk->pass;
		}
		of->states[noted->state & 15]++;
		of->receive += noted->receive;
		of->send += noted->send;
	}
	return 0;
}

__noinline int walk_chain(__u64 address, __u32 bucket)
{
	struct socket_walk *walk = get_walk();

	if (!walk)
		return 0;
	for (int i = 0; i < ATTEMPTS; i++) {
		__u64 first = word_at(address);

		if (note_chain(first, bucket) && word_at(address) == first) {
			walk->sockets += walk->noted;
			for (__u32 part = 0; part < PARTS; part++) {
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

SEC("raw_tp/sys_enter")
int walk_established(void *ctx)
{
	struct socket_walk *walk = get_walk();

	if (!walk || bpf_core_type_size(struct inet_ehash_bucket) != sizeof(__u64))
		return 1;
	walk->until = walk->sockets + RUN;
	for (int i = 0; i < CHUNKS; i++) {
		if (walk->next >= walk->buckets || !walk_chunk())
			break;
	}
	return 0;
}

#define IS_PLAIN_LIST bpf_core_field_exists(struct inet_connection_sock, icsk_listen_portaddr_node)

static __always_inline const struct sock_common *listener_of(__u64 node)
{
	if (IS_PLAIN_LIST)
		return (void *)(node - bpf_core_field_offset(struct inet_connection_sock, icsk_listen_portaddr_node));
	return (void *)(node - bpf_core_field_offset(struct sock_common___walk, skc_nulls_node));
}

static __always_inline __u32 inode_of(const struct sock___listener *sk)
{
	const struct socket *socket = BPF_CORE_READ(sk, sk_socket);
	const struct socket_alloc *both = (void *)((__u64)socket - bpf_core_field_offset(struct socket_alloc, socket));

	return socket ? BPF_CORE_READ(both, vfs_inode.i_ino) : 0;
}

static __always_inline void fill_listener(struct listener_record *record, const struct sock_common *sk)
{
	const struct sock___listener *queue = (const void *)sk;
	const struct sock_common___walk *more = (const void *)sk;
	const struct inet_connection_sock *icsk = (const void *)sk;

	record->family = BPF_CORE_READ(sk, skc_family);
	record->port = BPF_CORE_READ(sk, skc_num);
	record->device = BPF_CORE_READ(more, skc_bound_dev_if);
	if (record->family == AF_INET6)
		bpf_probe_read_kernel(record->address, sizeof(record->address), &sk->skc_v6_rcv_saddr);
	else
		bpf_probe_read_kernel(record->address, sizeof(__be32), &sk->skc_rcv_saddr);
	record->backlog = BPF_CORE_READ(queue, sk_ack_backlog);
	record->limit = BPF_CORE_READ(queue, sk_max_ack_backlog);
	record->drops = BPF_CORE_READ(queue, sk_drops.counter);
	record->half_open = BPF_CORE_READ(icsk, icsk_accept_queue.qlen.counter);
	record->inode = inode_of(queue);
}

/* Gives the next node, 1 at the end of a plain list; 0 where there is no room for the record. */
__noinline __u64 note_listener(__u64 node)
{
	const struct sock_common *sk = listener_of(node);
	struct socket_walk *walk = get_walk();
	struct listener_record *record;
	__u32 at;

	if (!walk)
		return 0;
	at = walk->listeners;
	record = bpf_map_lookup_elem(&listeners, &at);
	if (!record) {
		walk->full = true;
		return 0;
	}
	record->slot = slot_of(sk);
	if (record->slot == ~0U) {
		walk->strangers++;
	} else if (BPF_CORE_READ(sk, skc_state) == LISTEN) {
		fill_listener(record, sk);
		walk->listeners++;
	}
	walk->sockets++;
	node = word_at(node);
	return IS_PLAIN_LIST && !node ? 1 : node;
}

__noinline __u64 note_listeners(__u64 node)
{
	for (int i = 0; i < PART; i++) {
		if (!is_node(node))
			break;
		node = note_listener(node);
	}
	return node;
}

/* Listeners stay what they are until a run is over (SOCK_RCU_FREE). False: torn, or no room. */
__noinline int walk_listeners(__u64 node, __u32 bucket)
{
	for (int i = 0; i < PARTS; i++) {
		if (!is_node(node))
			break;
		node = note_listeners(node);
	}
	return IS_PLAIN_LIST ? node == 1 : node >> 1 == bucket + LISTENING_NULLS_BASE;
}

/* False: no room for all of them, to be gone on with by another run. */
__noinline int walk_bucket(__u64 address, __u32 bucket)
{
	struct socket_walk *walk = get_walk();
	__u32 listeners, sockets, strangers;

	if (!walk)
		return false;
	listeners = walk->listeners;
	sockets = walk->sockets;
	strangers = walk->strangers;
	for (int i = 0; i < ATTEMPTS; i++) {
		__u64 first = word_at(address);

		if (!is_node(first) || (walk_listeners(first, bucket) && word_at(address) == first))
			return true;
		walk->listeners = listeners;
		walk->sockets = sockets;
		walk->strangers = strangers;
		if (walk->full)
			return false;
		walk->repeated++;
	}
	walk->torn++;
	return true;
}

__noinline int walk_listening_chunk(void)
{
	const __u32 size = bpf_core_type_size(struct inet_listen_hashbucket);
	const __u32 head = bpf_core_field_offset(struct inet_listen_hashbucket, nulls_head);
	struct socket_walk *walk = get_walk();
	struct heads *heads = get_heads();
	__u64 address;

	if (!walk || !heads || size > LARGEST_BUCKET || head > size - sizeof(__u64))
		return false;
	address = walk->table + (__u64)walk->next * size;
	if (bpf_probe_read_kernel(heads, CHUNK * size, (const void *)address))
		walk->torn++;
	for (__u32 i = 0; i < CHUNK; i++) {
		__u64 first = *(__u64 *)((void *)heads + i * size + head);

		if (!is_node(first) || walk->next + i >= walk->buckets)
			continue;
		if (!walk_bucket(address + i * size + head, walk->next + i)) {
			walk->next += i;
			return false;
		}
		if (walk->sockets >= walk->until) {
			walk->next += i + 1;
			return false;
		}
	}
	walk->next += CHUNK;
	return true;
}

SEC("raw_tp/sys_enter")
int walk_listening(void *ctx)
{
	struct socket_walk *walk = get_walk();

	if (!walk)
		return 1;
	walk->listeners = 0;
	walk->full = false;
	walk->until = walk->sockets + RUN;
	for (int i = 0; i < CHUNKS; i++) {
		if (walk->next >= walk->buckets || !walk_listening_chunk())
			break;
	}
	return 0;
}

static __always_inline const struct inet_hashinfo *tables_of(__u64 address)
{
	const struct net___apart *apart = (const void *)address;
	const struct net___tcp *net = (const void *)address;

	if (bpf_core_field_exists(apart->ipv4.tcp_death_row))
		return BPF_CORE_READ(apart, ipv4.tcp_death_row, hashinfo);
	return BPF_CORE_READ(net, ipv4.tcp_death_row.hashinfo);
}

/* One for all namespaces, but that one can have connections in a table of its own (tcp_child_ehash_entries, 6.1). */
SEC("raw_tp/sys_enter")
int find_tables(void *ctx)
{
	const struct inet_hashinfo *info;
	struct socket_tables *found;
	__u32 zero = 0;

	found = bpf_map_lookup_elem(&tables, &zero);
	if (!found)
		return 1;
	info = tables_of(found->net);
	found->established = (__u64)BPF_CORE_READ(info, ehash);
	found->established_buckets = BPF_CORE_READ(info, ehash_mask) + 1;
	found->listening = (__u64)BPF_CORE_READ(info, lhash2);
	found->listening_buckets = BPF_CORE_READ(info, lhash2_mask) + 1;
	return 0;
}
