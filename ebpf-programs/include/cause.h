/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Why a TCP connect failed, by what it left in its socket. */
#ifndef NETLENS_CAUSE_H
#define NETLENS_CAUSE_H

#include "icmp.h"

enum cause {
	ESTABLISHED,
	REFUSED, /* the peer answered with a reset: nobody listens, or a rule sends resets */
	TIMED_OUT,
	NO_ROUTE,
	HOST_UNREACHABLE,
	NO_FREE_PORT, /* all local ports to this peer are taken */
	PORT_IN_USE, /* the local port that the caller had chosen is */
	REJECTED, /* a rule said no: here, or by an ICMP error that says so */
	RESET, /* in a simultaneous open, once both SYNs had met */
	ABORTED, /* closed by the caller, or by an administrator (ss -K) */
	OTHER,
};

/* include/uapi/asm-generic/errno.h and errno-base.h: the same on all our machines */
#define EPERM 1
#define EACCES 13
#define ENONET 64
#define ENOPROTOOPT 92
#define ENETUNREACH 101
#define ECONNABORTED 103
#define ECONNRESET 104
#define ETIMEDOUT 110
#define ECONNREFUSED 111
#define EHOSTDOWN 112
#define EHOSTUNREACH 113

/* include/uapi/linux/net.h */
typedef enum {
	SS_CONNECTING = 2,
} socket_state;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct socket {
	socket_state state;
};

struct sock___connect {
	struct dst_entry *sk_dst_cache;
	struct socket *sk_socket;
	__u32 sk_txhash;
	int sk_err;
	__u16 sk_protocol;
};

struct inet_sock {
	__be16 inet_sport;
};

struct inet_connection_sock {
	__u8 icsk_retransmits;
};

struct tcp_sock {
	__u32 retrans_out;
	__u32 total_retrans;
	__u32 segs_out;
	__u8 syn_fastopen : 1;
};

#pragma clang attribute pop

/* A connect under way, by its socket. */
struct connect_start {
	__u64 time;
	__u64 cgroup;
	__u32 pid;
	__u32 tid;
	char comm[16];
	__u32 peer; /* with that of its end: memory of a socket whose end was missed may be another's by now */
	__u32 txhash; /* becomes another one once the socket has a port */
	__u16 port; /* that the caller had chosen; 0: none */
	__u8 reset; /* was received */
	__u8 half_open; /* the peer connects to us, too */
	__u32 pad;
};

/*
 * The last SYN that was sent again did not get out, and not because the one before it is still here, as it is while the
 * next hop's address is not known: a rule refused it (netfilter, tc).
 */
static __always_inline bool was_kept_in(const struct sock *sk)
{
	const struct tcp_sock *tp = (const void *)sk;

	return BPF_CORE_READ((const struct inet_connection_sock *)sk, icsk_retransmits) &&
	       BPF_CORE_READ(tp, total_retrans) && !BPF_CORE_READ(tp, retrans_out);
}

/* Where connect() itself failed, the socket was never said to be connecting. */
static __always_inline __u8 cause_without_error(const struct sock *sk, const struct connect_start *start)
{
	const struct sock___connect *more = (const void *)sk;
	struct socket *socket = BPF_CORE_READ(more, sk_socket);

	if (start->time && BPF_CORE_READ(more, sk_txhash) == start->txhash)
		return start->port ? PORT_IN_USE : NO_FREE_PORT;
	return !socket || BPF_CORE_READ(socket, state) == SS_CONNECTING ? ABORTED : OTHER;
}

/* What errors of the network become in a socket: icmp_err_convert (net/ipv4/icmp.c), icmpv6_err_convert. */
static __always_inline __u8 cause_of(const struct sock *sk, const struct connect_start *start, __u32 error,
				     const struct icmp_note *note)
{
	switch (error) {
	case 0:
		return cause_without_error(sk, start);
	case ETIMEDOUT:
		return was_kept_in(sk) ? REJECTED : TIMED_OUT;
	case ECONNREFUSED:
		/* A port is said to be unreachable by rules more than by hosts, whose TCP sends resets. */
		return start->time && !start->reset ? REJECTED : REFUSED;
	case ECONNRESET:
		return RESET;
	case ECONNABORTED:
		return ABORTED;
	case ENETUNREACH:
		return is_prohibition(note) ? REJECTED : NO_ROUTE;
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENONET:
		return is_prohibition(note) ? REJECTED : HOST_UNREACHABLE;
	case EACCES:
	case EPERM:
	case ENOPROTOOPT:
		return REJECTED;
	}
	return OTHER;
}

#endif
