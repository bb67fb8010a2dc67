import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { rolldown } from "rolldown";
import { expect, test } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

test("the library bundles for a browser without Node's modules, and runs with what a browser has", async () => {
  const bundle = await rolldown({
    input: join(root, "src/index.ts"),
    platform: "browser",
    logLevel: "silent",
  });
  const { output } = await bundle.generate({ format: "iife", name: "anybpf" });
  const [chunk] = output;
  expect(chunk.imports).toEqual([]);
  expect(chunk.code).not.toMatch(/\brequire\(|["']node:/);
  // No process, no Buffer, no require: only what pages have too.
  const page = {
    WebAssembly,
    TextEncoder,
    TextDecoder,
    performance,
    crypto,
    atob,
    console,
    Uint8Array,
    DataView,
  };
  const retval = await runInNewContext(
    `${chunk.code};
    (async () => {
      const kernel = await anybpf.Kernel.create();
      const task = kernel.task();
      const insns = anybpf.encodeInsns(anybpf.assemble("r0 = 2\\nexit"));
      const { ret } = anybpf.call(task, "PROG_LOAD", {
        prog_type: anybpf.PROG_TYPE.XDP, insn_cnt: 2, insns: task.memory.from(insns).address,
        license: task.memory.from(new TextEncoder().encode("GPL\\0")).address,
      });
      const data = task.memory.alloc(64);
      return anybpf.call(task, "PROG_TEST_RUN", { prog_fd: ret, data_in: data.address, data_size_in: 64 }).attr.retval;
    })()`,
    page,
  );
  expect(retval).toBe(2);
});
