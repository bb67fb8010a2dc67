import { describe, expect, it } from "vitest";
import { assemble } from "../../src/isa/asm.ts";
import { encodeInsns } from "../../src/isa/insn.ts";
import { checkOne } from "../../src/tools/check/check.ts";
import type { TestJson } from "../../src/tools/check/test_format.ts";
import { createKernel } from "../../src/transport/in_process.ts";
import { askLiveKernel, liveKernelAnswers } from "../support/live_kernel.ts";

// The deepest stack that tail calls can make: each of 33 leaves the 240 bytes of a main program above the next one,
// and the last has a subprogram of 272 bytes below. Every program looks after its callee whether its frame is whole.
const TEXT = `
  r6 = r1
  *(u64 *)(r10 -8) = 7
  *(u64 *)(r10 -240) = 9
  call sub
  r1 = *(u64 *)(r10 -8)
  r2 = *(u64 *)(r10 -240)
  if r1 != 7 goto bad
  if r2 != 9 goto bad
  r0 += 1
  exit
  bad:
  r0 = 1000
  exit
  sub:
  *(u64 *)(r10 -8) = 1
  *(u64 *)(r10 -272) = 1
  r2 = map[fd:0]
  r3 = 0
  call bpf_tail_call
  r0 = 0
  exit`;

/** `int main(void)` and `static int sub(void)`: Linux wants the prototypes of subprograms with tail calls. */
const BTF = {
  types: hex32(
    ...[1, 0x01000000, 4, 0x01000020],
    ...[0, 0x0d000000, 1],
    ...[5, 0x0c000000, 2],
    ...[10, 0x0c000000, 2],
  ),
  strings: Buffer.from("\0int\0main\0sub\0").toString("hex"),
};

function hex32(...words: number[]): string {
  return Buffer.from(Uint32Array.from(words).buffer).toString("hex");
}

function deepest(): TestJson {
  const insns = assemble(TEXT);
  const sub = insns.findIndex((insn) => insn.off === -272) - 1;
  const load = insns.findIndex((insn) => insn.code === 0x18);
  const program = {
    insns: Buffer.from(encodeInsns(insns)).toString("hex"),
    license: "GPL",
    btf: BTF,
    func_info: hex32(0, 3, sub, 4),
  };
  const maps = [
    {
      type: "prog_array",
      key_size: 4,
      value_size: 4,
      max_entries: 1,
      entries: [{ key: "00000000", prog: { ...program, map_refs: [{ insn: load, map: "self" }] } }],
    },
  ];
  const runs = [{ data_in: "00".repeat(64) }];
  return {
    name: "deepest tail calls",
    prog_type: "sched_cls",
    ...program,
    maps,
    map_refs: [{ insn: load, map: 0 }],
    runs,
  };
}

const OPTIONS = { logLevel: 1, logSize: 1 << 16, run: true, xlated: false, unpriv: false, baseDir: "." };

describe("33 tail calls from subprograms", () => {
  it.each(["interp", "jit"] as const)("fit the stack: %s", async (engine) => {
    const result = checkOne(await createKernel({ engine }), deepest(), OPTIONS);
    expect(result.verdict, result.setup_error ?? result.log).toBe("accept");
    expect(result.runs?.[0]).toMatchObject({ errno: 0, retval: 34, data_out: "00".repeat(64) });
  });

  it.skipIf(!liveKernelAnswers())("give the same in Linux", () => {
    expect(askLiveKernel([deepest()])[0]?.runs?.[0]).toMatchObject({ errno: 0, retval: 34 });
  });
});
