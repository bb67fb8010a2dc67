import type { Insn } from "../../isa/insn.ts";
import { PSEUDO } from "../../isa/opcode.ts";
import type { ExecMap, LinkedProgram, VerifiedProgram } from "./program.ts";

/**
 * Puts linear-memory addresses into a program's 64-bit loads: those of maps get the address of the map's
 * `struct bpf_map`, those of map values what `valueAddress` says; `src` becomes 0 for both. Loads of subprograms stay.
 *
 * @param maps the maps that the program's facts number
 * @param valueAddress the address in the one value of a map at an offset
 */
export function resolveAddresses(
  program: VerifiedProgram,
  maps: readonly ExecMap[],
  valueAddress: (mapIndex: number, offset: number) => number,
): LinkedProgram {
  const insns: Insn[] = [...program.insns];
  program.facts.forEach((fact, i) => {
    const insn = insns[i];
    if (fact?.map === undefined || insn === undefined || insn.src === PSEUDO.FUNC) return;
    const { index, valueOffset } = fact.map;
    const map = maps[index];
    if (map === undefined) throw new RangeError(`${program.name}: instruction ${i} has no map ${index}`);
    const address = valueOffset === undefined ? map.address : valueAddress(index, valueOffset);
    insns[i] = { ...insn, src: 0, imm: address | 0 };
    insns[i + 1] = { code: 0, dst: 0, src: 0, off: 0, imm: 0 };
  });
  return { ...program, insns, maps };
}
