import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { HELPERS } from "./helper_id.ts";
import { anyHelperProto, helperProto } from "./helper_proto.ts";
import { PROG_TYPE } from "./prog_type.ts";
import { ATTACH_BY_KIND, typeOfKind } from "./testing/kinds.ts";

const FACTS = new URL("../../../shared/facts/helpers-allowed.tsv", import.meta.url);

describe("helper prototypes", () => {
  it.skipIf(!existsSync(FACTS))(
    "allow what the live kernel allows, both ways (skipped without ../shared)",
    () => {
      const facts = new Map<string, string>();
      const kinds = new Set<string>();
      const names = new Map<number, string>();
      for (const line of readFileSync(FACTS, "utf8").split("\n")) {
        if (line === "" || line.startsWith("#")) continue;
        const [kind = "", id = "", name = "", allowed = ""] = line.split("\t");
        kinds.add(kind);
        names.set(Number(id), name);
        facts.set(`${kind} ${id}`, allowed);
      }
      expect(kinds.size).toBeGreaterThan(40);
      const wrong: string[] = [];
      for (const kind of kinds) {
        for (const { value: id } of Object.values(HELPERS)) {
          const proto = helperProto(id, typeOfKind(kind), ATTACH_BY_KIND[kind] ?? 0);
          const ours = proto === undefined ? "no" : proto.gplOnly ? "gpl" : "yes";
          const theirs = facts.get(`${kind} ${id}`) ?? "no";
          if (ours !== theirs) wrong.push(`${kind} ${names.get(id) ?? id}: ${ours}, kernel: ${theirs}`);
          if (proto !== undefined && proto.name !== names.get(id)) wrong.push(`${id} is ${names.get(id)}`);
        }
      }
      expect(wrong).toEqual([]);
    },
  );

  it("gives arguments in the kernel's words", () => {
    const lookup = helperProto(1, PROG_TYPE.XDP, 0);
    expect(lookup?.args.map((a) => a.kind)).toEqual(["CONST_MAP_PTR", "PTR_TO_MAP_KEY"]);
    expect(lookup?.ret).toBe("PTR_TO_MAP_VALUE_OR_NULL");
    expect(helperProto(26, PROG_TYPE.XDP, 0)).toBeUndefined();
    expect(helperProto(26, PROG_TYPE.SCHED_CLS, 0)?.args[2]).toMatchObject({
      kind: "PTR_TO_MEM",
      uninit: true,
    });
    expect(anyHelperProto(9999)).toBeUndefined();
  });
});
