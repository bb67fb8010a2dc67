/* SPDX-License-Identifier: MIT */
/* Rewrites destination address and port of packets to a virtual service, and mends the checksums. */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include "bpf.h"

/* All in network byte order. */
struct endpoint {
	__be32 address;
	__be16 port;
	__u8 protocol;
	__u8 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct endpoint);
	__type(value, struct endpoint);
} services SEC(".maps");

__u64 rewritten;
__u64 passed;

#define IP_OFF ETH_HLEN
#define L4_OFF (IP_OFF + (int)sizeof(struct iphdr))

SEC("tc")
int tc_nat(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + IP_OFF;
	struct endpoint from = {};
	struct endpoint *to;
	__be32 address;
	__be16 port;
	__u32 check;
	__u64 flags = BPF_F_PSEUDO_HDR;

	/* Ports are at the same place in TCP and UDP. */
	if (data + L4_OFF + 8 > end || skb->protocol != htons(ETH_P_IP) || ip->ihl != 5)
		goto pass;
	from.address = ip->daddr;
	from.protocol = ip->protocol;
	from.port = ((struct udphdr *)(data + L4_OFF))->dest;
	if (from.protocol == IPPROTO_TCP) {
		check = L4_OFF + __builtin_offsetof(struct tcphdr, check);
	} else if (from.protocol == IPPROTO_UDP) {
		check = L4_OFF + __builtin_offsetof(struct udphdr, check);
		/* A UDP checksum of zero means none, and must stay so. */
		flags |= BPF_F_MARK_MANGLED_0;
	} else {
		goto pass;
	}
	to = bpf_map_lookup_elem(&services, &from);
	if (!to)
		goto pass;
	address = to->address;
	port = to->port;

	if (bpf_l4_csum_replace(skb, check, from.address, address, flags | sizeof(address)) ||
	    bpf_l4_csum_replace(skb, check, from.port, port, (flags & ~BPF_F_PSEUDO_HDR) | sizeof(port)) ||
	    bpf_l3_csum_replace(skb, IP_OFF + __builtin_offsetof(struct iphdr, check), from.address, address,
				sizeof(address)) ||
	    bpf_skb_store_bytes(skb, IP_OFF + __builtin_offsetof(struct iphdr, daddr), &address, sizeof(address), 0) ||
	    bpf_skb_store_bytes(skb, L4_OFF + __builtin_offsetof(struct udphdr, dest), &port, sizeof(port), 0))
		return TC_ACT_SHOT;
	__sync_fetch_and_add(&rewritten, 1);
	return TC_ACT_OK;
pass:
	__sync_fetch_and_add(&passed, 1);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
