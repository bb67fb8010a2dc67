import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { accessIn, ctxRows, SOCK_ROWS } from "./ctx_access.ts";
import { PROG_TYPE } from "./prog_type.ts";
import { ATTACH_BY_KIND, typeOfKind } from "./testing/kinds.ts";

const FACTS = new URL("../../../shared/facts/ctx-access.tsv", import.meta.url);

/** The register a row gives, as the fact table words it. */
function gives(reg: string, btf: string): string {
  if (reg === "scalar") return "scalar";
  if (reg.startsWith("pkt") && reg !== "pkt_end") return `${reg}(r=0)`;
  if (reg === "trusted_ptr") return `trusted_ptr_${btf}()`;
  return reg.endsWith("_or_null") ? `${reg}(id=1)` : `${reg}()`;
}

describe("context access", () => {
  it.skipIf(!existsSync(FACTS))(
    "equals what the live kernel answered, both ways (skipped without ../shared)",
    () => {
      const facts = new Map<string, string>();
      const kinds = new Set<string>();
      for (const line of readFileSync(FACTS, "utf8").split("\n")) {
        if (line === "" || line.startsWith("#")) continue;
        const [kind = "", off, size, read, write] = line.split("\t");
        // Their contexts are the arguments of one traced function, known from the kernel's BTF.
        if (kind.startsWith("tracing/")) continue;
        kinds.add(kind);
        facts.set(`${kind} ${off} ${size}`, `${read} ${write}`);
      }
      expect(kinds.size).toBeGreaterThan(40);
      const wrong: string[] = [];
      for (const kind of kinds) {
        const rows = ctxRows(typeOfKind(kind), ATTACH_BY_KIND[kind] ?? 0) ?? [];
        for (let off = 0; off < 512; off++) {
          for (const size of [1, 2, 4, 8]) {
            if (off % size !== 0) continue;
            const read = accessIn(rows, off, size, false);
            const write = accessIn(rows, off, size, true);
            const ours = `${read === undefined ? "-" : gives(read.reg, read.btf)} ${write === undefined ? "-" : "yes"}`;
            const theirs = facts.get(`${kind} ${off} ${size}`) ?? "- -";
            if (ours !== theirs) wrong.push(`${kind} off=${off} size=${size}: ${ours}, kernel: ${theirs}`);
          }
        }
      }
      expect(wrong).toEqual([]);
    },
  );

  it("refuses unaligned accesses and ones across a field's end", () => {
    const xdp = ctxRows(PROG_TYPE.XDP, 0) ?? [];
    expect(accessIn(xdp, 0, 4, false)?.reg).toBe("pkt");
    expect(accessIn(xdp, 2, 4, false)).toBeUndefined();
    expect(accessIn(xdp, 0, 8, false)).toBeUndefined();
    expect(accessIn(xdp, 0, 4, true)).toBeUndefined();
  });

  it("knows no rows for contexts that the kernel's BTF describes", () => {
    expect(ctxRows(PROG_TYPE.LSM, 0)).toBeUndefined();
  });

  it("lets a sock_common show less than a sock", () => {
    expect(accessIn(SOCK_ROWS.sock, 16, 4, false)).toBeDefined();
    expect(accessIn(SOCK_ROWS.sock_common, 16, 4, false)).toBeUndefined();
    expect(accessIn(SOCK_ROWS.sock, 48, 2, false)).toBeDefined();
    expect(accessIn(SOCK_ROWS.sock, 50, 2, false)).toBeUndefined();
    expect(accessIn(SOCK_ROWS.tcp_sock, 80, 8, false)).toBeDefined();
    expect(accessIn(SOCK_ROWS.tcp_sock, 80, 4, false)).toBeUndefined();
  });
});
