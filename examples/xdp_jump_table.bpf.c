/* SPDX-License-Identifier: MIT */
/* One parser for each protocol, reached by tail calls through a program array that is filled when the object loads. */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include "bpf.h"

/* <linux/icmp.h> needs the C library's headers. */
#define ICMP_ECHO 8
struct icmphdr {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 rest;
};

int parse_icmp(struct xdp_md *ctx);
int parse_tcp(struct xdp_md *ctx);
int parse_udp(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 256);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} parsers SEC(".maps") = {
	.values = {
		[IPPROTO_ICMP] = (void *)&parse_icmp,
		[IPPROTO_TCP] = (void *)&parse_tcp,
		[IPPROTO_UDP] = (void *)&parse_udp,
	},
};

struct {
	__u32 pings;
	__u32 syns;
	__u32 datagrams;
	__u32 others;
} totals;

/* The start of the layer 4 header if `size` bytes of it are there. */
static __always_inline void *transport(struct xdp_md *ctx, __u32 size)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	void *header;

	if ((void *)(ip + 1) > end || ip->ihl != 5)
		return 0;
	header = ip + 1;
	return header + size > end ? 0 : header;
}

SEC("xdp")
int parse(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end || eth->h_proto != htons(ETH_P_IP))
		return XDP_PASS;
	bpf_tail_call(ctx, &parsers, ip->protocol);
	/* Only reached if the slot is empty. */
	__sync_fetch_and_add(&totals.others, 1);
	return XDP_PASS;
}

SEC("xdp")
int parse_icmp(struct xdp_md *ctx)
{
	struct icmphdr *icmp = transport(ctx, sizeof(*icmp));

	if (!icmp)
		return XDP_DROP;
	if (icmp->type == ICMP_ECHO)
		__sync_fetch_and_add(&totals.pings, 1);
	return XDP_PASS;
}

SEC("xdp")
int parse_tcp(struct xdp_md *ctx)
{
	struct tcphdr *tcp = transport(ctx, sizeof(*tcp));

	if (!tcp)
		return XDP_DROP;
	if (tcp->syn && !tcp->ack)
		__sync_fetch_and_add(&totals.syns, 1);
	return XDP_PASS;
}

SEC("xdp")
int parse_udp(struct xdp_md *ctx)
{
	struct udphdr *udp = transport(ctx, sizeof(*udp));

	if (!udp)
		return XDP_DROP;
	__sync_fetch_and_add(&totals.datagrams, 1);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
