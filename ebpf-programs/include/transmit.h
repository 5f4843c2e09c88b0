/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* How long packets took from one station on their way out to the next: what is kept of it, and what is told. */
#ifndef NETLENS_TRANSMIT_H
#define NETLENS_TRANSMIT_H

#include "event.h"
#include "flow.h"
#include "share.h"

/* Mirrored by TransmitStation in C#. */
enum station {
	STATION_SOCKET, /* from the socket to the device: what the IP layer does, and next hops that are not known yet */
	STATION_QUEUE, /* in the device's qdisc */
	STATION_DRIVER,
	STATIONS,
};

struct transmit_settings {
	__u64 slow[STATIONS]; /* ns above which there is an event */
	__u64 least; /* the smaller of slow[STATION_SOCKET] and LEGACY_SLOW */
	__u32 burst; /* events per second and key; 0: no events */
	__u32 sample; /* one packet of so many is measured */
};

/* By protocol; 0: what is counted of devices. */
struct transmit_socket {
	__u32 netns;
	__u32 netns_cookie;
	__u32 protocol;
	__u32 rootless;
};

/* Slow ones: all; of those of which not all are looked at, as many as were likely. */
struct transmit_socket_value {
	struct histogram histogram; /* of the measured ones */
	__u64 slow; /* from a socket to its device, over LEGACY_SLOW */
	__u64 slower; /* the same over LEGACY_SLOWER */
	__u64 queue_slower;
	__u64 driver_slower;
	struct limiter limiter;
};

/* By name: a device that is made anew goes on with the figures of the one before. */
struct transmit_device {
	__u64 name;
	__u64 name_rest;
	__u32 netns;
	__u32 netns_cookie;
	__u32 rootless;
	__u32 pad;
};

struct transmit_device_value {
	struct histogram queue;
	struct histogram driver;
	struct limiter limiter;
};

struct transmit_event {
	struct event_head head;
	struct flow flow;
	__u64 duration;
	struct transmit_device device;
	__u32 ifindex;
	__u32 station;
};

SETTINGS(struct transmit_settings)
EVENT(transmit_event)
MAP(sockets, BPF_MAP_TYPE_HASH, 4096, struct transmit_socket, struct transmit_socket_value); /* set by the loader */
MAP(devices, BPF_MAP_TYPE_HASH, 1024, struct transmit_device, struct transmit_device_value); /* a quarter of that */
/* Too large for the stack: what a new value begins as. */
ONE(fresh, BPF_MAP_TYPE_ARRAY, struct transmit_device_value, get_fresh)

static __always_inline void fill_device(struct transmit_device *device, const struct net_device *dev)
{
	struct netns ns = netns_of_dev(dev);

	device->netns = ns.inum;
	device->netns_cookie = ns.cookie;
	device->rootless = ns.rootless;
	/* Behind its end the kernel leaves what a longer name before it had. */
	device->name = device->name_rest = 0;
	BPF_CORE_READ_STR_INTO((char(*)[16]) & device->name, dev, name);
}

/* NULL: there is no room, which is counted. */
static __always_inline struct transmit_socket_value *value_of(const struct transmit_device *device, __u32 protocol)
{
	struct transmit_socket key = { .protocol = protocol };
	struct transmit_socket_value *value, none = {};

	key.netns = device->netns;
	key.netns_cookie = device->netns_cookie;
	key.rootless = device->rootless;
	value = key.netns ? lookup_or_share(&sockets, &key, &none, key.rootless, SHARE_COUNTERS) : NULL;
	if (!value)
		lost(LOSS_ENTRY);
	return value;
}

/* It is one of those events that may leave. */
static __always_inline bool is_event(struct limiter *limiter, const struct transmit_settings *config, __u32 station,
				     bool rootless, __u64 duration, __u64 now)
{
	if (station >= STATIONS || duration <= config->slow[station] || !config->burst)
		return false;
	if (!admit(limiter, now, config->burst))
		return false;
	return !rootless || admit_rootless(limiter, now, config->burst);
}

static __always_inline void report(void *ctx, __u32 station, const struct transmit_device *device, __u32 ifindex,
				   const struct flow *flow, __u64 duration, __u64 now)
{
	struct transmit_event *event = begin_event(now, device->netns, device->netns_cookie, false);

	if (!event)
		return;
	event->head.rootless = device->rootless;
	event->flow = *flow;
	event->duration = duration;
	event->device = *device;
	event->ifindex = ifindex;
	event->station = station;
	end_event(ctx, event, sizeof(*event));
}

#endif
