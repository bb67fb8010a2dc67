// The benchmarks' loops as a C program: what the machine can do. Built and run by bench/jit.ts where clang is there.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct ctx {
  const uint8_t *data, *data_end;
};
typedef uint32_t (*program)(const struct ctx *ctx);

static uint32_t load32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return v;
}

static uint16_t load16(const uint8_t *p) {
  uint16_t v;
  memcpy(&v, p, 2);
  return v;
}

static uint32_t empty(const struct ctx *ctx) {
  (void)ctx;
  return 2;
}

static uint32_t parse(const struct ctx *ctx) {
  const uint8_t *p = ctx->data, *end = ctx->data_end;
  if (p + 14 > end || load16(p + 12) != 8 || p + 34 > end) return 1;
  uint32_t ihl = (p[14] & 15) << 2;
  if (ihl < 20 || p[23] != 17) return 1;
  const uint8_t *udp = p + 14 + ihl;
  if (udp + 8 > end) return 1;
  return __builtin_bswap16(load16(udp + 2));
}

static uint32_t checksum(const struct ctx *ctx) {
  uint64_t sum = 0;
  const uint8_t *p = ctx->data;
  for (int i = 0; i < 256 && p + 4 <= ctx->data_end; i++, p += 4) sum += load32(p);
  return (uint32_t)((uint32_t)sum + (sum >> 32));
}

static uint32_t rotl(uint32_t x, int n) { return x << n | x >> (32 - n); }

static uint32_t hash(const struct ctx *ctx) {
  const uint8_t *p = ctx->data;
  if (p + 64 > ctx->data_end) return 0;
  uint32_t a = 1, b = 2, c = 3;
  for (int i = 0; i < 32; i++) {
    a += load32(p), b += load32(p + 4), c += load32(p + 8);
    a -= c, a ^= rotl(c, 4), c += b;
    b -= a, b ^= rotl(a, 6), a += c;
    c -= b, c ^= rotl(b, 8), b += a;
    a -= c, a ^= rotl(c, 16), c += b;
    b -= a, b ^= rotl(a, 19), a += c;
    c -= b, c ^= rotl(b, 4), b += a;
  }
  return c;
}

static const struct {
  const char *name;
  program run;
} CASES[] = {{"empty", empty}, {"parse", parse}, {"checksum 1 KiB", checksum}, {"32 hash rounds", hash}};

int main(void) {
  uint8_t packet[1024];
  for (int i = 0; i < 1024; i++) packet[i] = (uint8_t)(i * 7);
  packet[12] = 8, packet[13] = 0, packet[14] = 0x45, packet[23] = 17;
  packet[26] = 1, packet[27] = 0, packet[28] = 0, packet[29] = 10;
  struct ctx ctx = {packet, packet + 1024};
  for (unsigned c = 0; c < sizeof CASES / sizeof *CASES; c++) {
    // Called through a pointer that the compiler cannot see through, as a kernel calls a program.
    program volatile run = CASES[c].run;
    double times[15];
    uint32_t result = 0;
    for (int round = 0; round < 15; round++) {
      struct timespec from, to;
      clock_gettime(CLOCK_MONOTONIC, &from);
      for (int i = 0; i < 200000; i++) result = run(&ctx);
      clock_gettime(CLOCK_MONOTONIC, &to);
      times[round] = ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / 200000;
    }
    printf("%s\t%u", CASES[c].name, result);
    for (int round = 0; round < 15; round++) printf("\t%f", times[round]);
    printf("\n");
  }
}
