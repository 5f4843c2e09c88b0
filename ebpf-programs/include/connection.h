/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is noted of one TCP connection: its state and queues, who began it, and how it fares. */
#ifndef NETLENS_CONNECTION_H
#define NETLENS_CONNECTION_H

#include "sockets.h"

#define RTT_FIRST 4 /* the first slot counts up to 2^4 us */
#define RTT_SLOTS 18 /* the last all above 2^20 us */
#define AGES 4 /* 1 s, 10 s, 1 min, 10 min and more */
#define PORTS 16384
#define PORT_TRIES 8
#define KNOWN_BITS 11
#define LARGEST_SOCK_COMMON 256
#define LARGEST_SPAN 768

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inet_timewait_sock {
	unsigned char tw_substate;
};

struct tcp_sock {
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 write_seq;
	__u32 snd_una;
	__u32 srtt_us; /* eight times as much */
	__u32 packets_out;
	__u32 lost_out;
	__u32 total_retrans;
	__u32 rcv_tstamp; /* jiffies at the last acknowledgement of the peer, be it in a FIN */
	__u64 delivered_mstamp; /* microseconds: the last delivery, or when what is on the way began to be */
};

#pragma clang attribute pop

/* Mirrored by SocketRole in C#. */
enum role {
	CLIENT,
	SERVER,
	ROLES,
};

struct noted {
	__u32 slot;
	__u32 state;
	__u32 receive;
	__u32 send;
	__u32 rtt; /* microseconds; 0: none measured yet, or no connection */
	__u32 retransmitted;
	__u32 lost;
	__u8 is_open;
	__u8 role;
	__u8 closing; /* in CLOSE_WAIT for so long: class of age, 0 for none */
	__u8 waiting; /* the same of what is not acknowledged */
};

/* A port that somebody listens at; entries of an earlier pass are void. */
struct listening_port {
	__u32 pass;
	__u32 slot;
	__u32 port;
	__u32 pad;
};

/* The slot of a namespace that this pass has met; entries of an earlier one are void. */
struct known_net {
	__u64 net;
	__u32 slot;
	__u32 pass;
};

MAP(ports, BPF_MAP_TYPE_ARRAY, PORTS, __u32, struct listening_port);
MAP(known, BPF_MAP_TYPE_ARRAY, 1 << KNOWN_BITS, __u32, struct known_net);

#define OFFSET(type, field) bpf_core_field_offset(type, field)

/* COMMON, NET_OF, NEXT_OF and TCP_FIELD are of a piece, what is read of a socket at once; FIELD reads the socket. */
#ifdef DIRECT
/* Nothing is: it is the socket. */
struct piece;

#define COMMON(piece, type, field) (VIEW(type, piece)->field)
#define NET_OF(piece) word_at((__u64)(piece) + OFFSET(struct sock_common, skc_net.net))
#define NEXT_OF(piece) word_at((__u64)(piece) + OFFSET(struct sock_common___walk, skc_nulls_node.next))
#define WALKED(sk) VIEW(struct sock_common___walk, sk)
#define TCP(sk) VIEW(struct tcp_sock, sk)
#define FIELD(of, field) ((of)->field)
#define TCP_FIELD(piece, tp, field) FIELD(tp, field)

static __always_inline struct piece *read_common(const struct sock_common *sk)
{
	return (struct piece *)sk;
}

static __always_inline bool read_tcp(struct piece *piece, const struct tcp_sock *tp)
{
	return true;
}
#else
/* A call costs more than the bytes between two fields. */
struct piece {
	__u8 common[LARGEST_SOCK_COMMON];
	__u8 tcp[LARGEST_SPAN];
};

ONE(pieces, BPF_MAP_TYPE_ARRAY, struct piece, get_piece)

#define SMALLER(a, b) ((a) < (b) ? (a) : (b))
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#define TCP_OFFSET(field) OFFSET(struct tcp_sock, field)
#define OF_TCP(choose)                                                     \
	choose(choose(choose(TCP_OFFSET(rcv_nxt), TCP_OFFSET(copied_seq)), \
		      choose(TCP_OFFSET(write_seq), TCP_OFFSET(snd_una))), \
	       choose(choose(TCP_OFFSET(srtt_us), TCP_OFFSET(packets_out)), TCP_OFFSET(lost_out)))
#define COMMON(piece, type, field) (*(typeof(((type *)0)->field) *)((piece)->common + OFFSET(type, field)))
#define NET_OF(piece) ((__u64)COMMON(piece, struct sock_common, skc_net.net))
#define NEXT_OF(piece) ((__u64)COMMON(piece, struct sock_common___walk, skc_nulls_node.next))
#define WALKED(sk) ((const struct sock_common___walk *)(sk))
#define TCP(sk) ((const struct tcp_sock *)(sk))
#define FIELD(of, field) BPF_CORE_READ(of, field)
#define TCP_FIELD(piece, tp, field) (*(__u32 *)((piece)->tcp + (TCP_OFFSET(field) - OF_TCP(SMALLER))))

static __always_inline struct piece *read_common(const struct sock_common *sk)
{
	const __u32 size = OFFSET(struct sock_common___walk, skc_nulls_node) + sizeof(__u64);
	struct piece *piece = get_piece();

	if (!piece || size > LARGEST_SOCK_COMMON || bpf_probe_read_kernel(piece->common, size, sk))
		return NULL;
	return piece;
}

static __always_inline bool read_tcp(struct piece *piece, const struct tcp_sock *tp)
{
	const __u32 from = OF_TCP(SMALLER), size = OF_TCP(LARGER) + sizeof(__u32) - OF_TCP(SMALLER);

	return size <= LARGEST_SPAN && !bpf_probe_read_kernel(piece->tcp, size, (const void *)tp + from);
}
#endif

static __always_inline __u32 port_hash(__u32 slot, __u32 port)
{
	return (slot * 0x9E3779B1U + port * 0x85EBCA77U) >> 16;
}

static __always_inline struct listening_port *port_at(__u32 hash, __u32 try)
{
	__u32 at = (hash + try) % PORTS;

	return bpf_map_lookup_elem(&ports, &at);
}

static __always_inline void note_port(struct socket_walk *walk, __u32 slot, __u32 port)
{
	__u32 hash = port_hash(slot, port);

	for (int i = 0; i < PORT_TRIES; i++) {
		struct listening_port *entry = port_at(hash, i);

		if (!entry)
			return;
		if (entry->pass == walk->pass && (entry->slot != slot || entry->port != port))
			continue;
		*entry = (struct listening_port){ .pass = walk->pass, .slot = slot, .port = port };
		return;
	}
	walk->crowded++;
}

/*
 * A connection whose port somebody listens at in the same namespace came from outside: connect() takes no port that
 * is bound. Unless the listener is gone; or the application had bound the port itself, to share it.
 */
static __always_inline __u8 role_of(const struct socket_walk *walk, __u32 slot, __u32 port)
{
	__u32 hash = port_hash(slot, port);

	for (int i = 0; i < PORT_TRIES; i++) {
		const struct listening_port *entry = port_at(hash, i);

		if (!entry || entry->pass != walk->pass)
			break;
		if (entry->slot == slot && entry->port == port)
			return SERVER;
	}
	return CLIENT;
}

/* Without asking the map of slots once more for every socket. */
static __always_inline __u32 known_slot_of(const struct socket_walk *walk, __u64 net)
{
	__u32 at = net * 0x9E3779B97F4A7C15ULL >> (64 - KNOWN_BITS);
	struct known_net *entry = bpf_map_lookup_elem(&known, &at);

	if (!entry)
		return slot_of(net);
	if (entry->net != net || entry->pass != walk->pass)
		*entry = (struct known_net){ .net = net, .slot = slot_of(net), .pass = walk->pass };
	return entry->slot;
}

static __always_inline __u8 age_class(__u64 seconds)
{
	if (seconds >= 600)
		return 4;
	if (seconds >= 60)
		return 3;
	return seconds >= 10 ? 2 : seconds >= 1;
}

/* What came after now was read is no age of 49 days. */
static __always_inline __u8 age_of_jiffies(const struct socket_walk *walk, __u32 stamp)
{
	__u32 age = walk->jiffies - stamp;

	return walk->second && age < 0xF0000000U ? age_class(age / walk->second) : 0;
}

static __always_inline __u8 age_of_microseconds(const struct socket_walk *walk, __u64 stamp)
{
	__s64 age = walk->now - stamp;

	return stamp && age > 0 ? age_class((__u64)age / 1000000) : 0;
}

/* Queues as sock_diag tells them (tcp_diag_get_info, net/ipv4/tcp_diag.c). */
static __always_inline void note_connection(const struct socket_walk *walk, struct noted *noted, struct piece *piece,
					    const struct tcp_sock *tp)
{
	__s32 receive;

	if (!read_tcp(piece, tp))
		return;
	receive = TCP_FIELD(piece, tp, rcv_nxt) - TCP_FIELD(piece, tp, copied_seq);
	noted->receive = receive > 0 ? receive : 0;
	noted->send = TCP_FIELD(piece, tp, write_seq) - TCP_FIELD(piece, tp, snd_una);
	noted->rtt = TCP_FIELD(piece, tp, srtt_us) >> 3;
	noted->lost = TCP_FIELD(piece, tp, lost_out);
	noted->retransmitted = FIELD(tp, total_retrans);
	noted->is_open = noted->state != TCP_SYN_SENT;
	if (noted->state == TCP_CLOSE_WAIT)
		noted->closing = age_of_jiffies(walk, FIELD(tp, rcv_tstamp));
	if (TCP_FIELD(piece, tp, packets_out) && noted->is_open)
		noted->waiting = age_of_microseconds(walk, FIELD(tp, delivered_mstamp));
}

/*
 * Two states have only the beginning of a socket, and no queues. A connection that ended may wait for its peer's end
 * as one of these, too; one half open has a name of its own inside the kernel.
 */
static __always_inline void note(const struct socket_walk *walk, struct noted *noted, struct piece *piece,
				 const struct sock_common *sk)
{
	__builtin_memset(noted, 0, sizeof(*noted));
	noted->slot = known_slot_of(walk, NET_OF(piece));
	noted->state = COMMON(piece, struct sock_common, skc_state) & 15;
	if (noted->state == TCP_TIME_WAIT) {
		noted->state = BPF_CORE_READ((const struct inet_timewait_sock *)sk, tw_substate) & 15;
	} else if (noted->state == TCP_NEW_SYN_RECV) {
		noted->state = TCP_SYN_RECV;
	} else if (noted->slot != ~0U) {
		noted->role = role_of(walk, noted->slot, COMMON(piece, struct sock_common, skc_num));
		note_connection(walk, noted, piece, TCP(sk));
	}
}

/* Slot of a round-trip time: bits of (us - 1) / 2^4. */
static __always_inline __u32 rtt_slot(__u32 us)
{
	__u32 above = (us - 1) >> RTT_FIRST;

	if (!above)
		return 0;
	return above >> (RTT_SLOTS - 2) ? RTT_SLOTS - 1 : log2_u32(above) + 1;
}

#endif
