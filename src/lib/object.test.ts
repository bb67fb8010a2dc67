import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Btf } from "../btf/btf.ts";
import { createKernel } from "../transport/in_process.ts";
import { Elf } from "./elf.ts";
import { BpfObject, type LoadOptions } from "./object.ts";
import { LINUX_6_18 } from "./resolve.ts";

const file = (path: string): Uint8Array =>
  readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)));

async function withObject(
  path: string,
  options: LoadOptions,
  body: (object: BpfObject) => void,
): Promise<void> {
  const kernel = await createKernel({ cpus: 2 });
  const task = kernel.task();
  const object = BpfObject.load(task, file(path), { file: path, ...options });
  try {
    body(object);
  } finally {
    object.close();
  }
  expect(task.openFds).toBe(0);
  expect(kernel.usage()).toEqual({ maps: 0, progs: 0, btfs: 0, bytes: expect.any(Number) });
}

for (const name of ["socket_dns", "tc_count", "tc_nat", "xdp_firewall", "xdp_jump_table"]) {
  test(`${name} loads and leaves nothing behind`, async () => {
    await withObject(`examples/${name}.bpf.o`, {}, (object) => {
      expect(object.warnings).toEqual([]);
      expect(object.programs.length).toBeGreaterThan(0);
    });
  });
}

test("CO-RE relocations give the target's places", async () => {
  const section = Elf.parse(file("test/fixtures/core_target.bpf.o"), "t").section(".BTF");
  const btf = Btf.parse(section?.data ?? new Uint8Array(), { name: "target" });
  const target = { ...LINUX_6_18, btf };
  await withObject("test/fixtures/core.bpf.o", { target }, (object) => {
    object.program("relocate").run(new Uint8Array(64));
    expect(object.variable("out")).toEqual([]);
  });
});
