/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Whose a cgroup is: of which pod, as user space has told. */
#ifndef NETLENS_POD_H
#define NETLENS_POD_H

#include "maps.h"

#define ANCESTORS 5 /* from a cgroup up to its container or pod */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

#pragma clang attribute pop

/* The pod's cgroup, by that of each container and by its own. */
MAP(pods, BPF_MAP_TYPE_HASH, 8192, __u64, __u64);

/* Of a controller's part of a cgroup; 0: of no pod. */
static __always_inline __u64 pod_of_css(const struct cgroup_subsys_state *css)
{
#pragma unroll
	for (int i = 0; i < ANCESTORS; i++) {
		__u64 id = BPF_CORE_READ(css, cgroup, kn, id);
		__u64 *pod = bpf_map_lookup_elem(&pods, &id);

		if (pod)
			return *pod;
		css = BPF_CORE_READ(css, parent);
		if (!css)
			return 0;
	}
	return 0;
}

#endif
