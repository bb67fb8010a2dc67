import { expect, it } from "vitest";
import { decodeInsns } from "./insn.ts";
import { progTag } from "./tag.ts";

const tag = (hex: string) =>
  Buffer.from(progTag(decodeInsns(Uint8Array.from(Buffer.from(hex, "hex"))))).toString("hex");

// Recorded from BPF_OBJ_GET_INFO_BY_FD on Linux 6.18.
it("is the kernel's tag", () => {
  expect(tag("b7000000000000009500000000000000")).toBe("59f4a931744dcdc6");
});

it.each(["03000000", "07000000"])("does not depend on map descriptor %s or the value's offset", (fd) => {
  const rest = "b7000000000000009500000000000000";
  expect(tag(`18110000${fd}0000000000000000${rest}`)).toBe("0bd0168676c7c779");
  expect(tag(`18210000${fd}0000000008000000${rest}`)).toBe("28813e616f1f93d1");
});
